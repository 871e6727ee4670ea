//! Frames on a stream: a big-endian u32 length, then that many bytes.

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::io;

/// Memory that a length alone can claim; more is taken only as bytes arrive.
const FIRST_ALLOCATION: usize = 64 * 1024;

/// Why no frame was read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The length is above the limit.
    #[error("a frame of {0} bytes is above the limit")]
    TooLarge(usize),
    /// The stream ended before the frame or within it, or failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads one frame of at most `limit` bytes.
pub(crate) async fn read<R: AsyncRead + Unpin>(stream: &mut R, limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut length = [0u8; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > limit {
        return Err(FrameError::TooLarge(length));
    }
    let mut bytes = Vec::with_capacity(length.min(FIRST_ALLOCATION));
    stream.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(bytes)
}

/// Writes one frame without flushing it.
pub(crate) async fn write<W: AsyncWrite + Unpin>(stream: &mut W, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(bytes).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;

    async fn read_all(bytes: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
        read(&mut Cursor::new(bytes), limit).await
    }

    #[tokio::test]
    async fn a_frame_is_its_length_and_its_bytes() {
        let mut out = Cursor::new(Vec::new());
        write(&mut out, b"vote").await.expect("memory");
        assert_eq!(out.get_ref(), b"\0\0\0\x04vote");
        assert_eq!(read_all(out.get_ref(), 4).await.expect("whole"), b"vote");
        assert_eq!(read_all(&[0; 4], 0).await.expect("empty"), b"");
    }

    #[tokio::test]
    async fn too_long_and_torn_frames_are_refused() {
        assert!(matches!(read_all(b"\0\0\0\x05votes", 4).await, Err(FrameError::TooLarge(5))));
        assert!(matches!(read_all(b"\0\0\0\x05vote", 5).await, Err(FrameError::Io(_))));
        assert!(matches!(read_all(b"\0\0\0", 5).await, Err(FrameError::Io(_))));
        assert!(matches!(read_all(&[0xff; 8], usize::MAX).await, Err(FrameError::Io(_))));
    }
}
