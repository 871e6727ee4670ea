//! The frames of a snapshot file.

use hnchain_crypto::{Digest, sm3, sm3_parts};
use hnchain_types::block::FINALIZED_BYTES;
use std::io::{self, Read, Write};

/// How a snapshot of this format begins.
pub(crate) const MAGIC: &[u8; 8] = b"hnsnap\0\x01";
/// Largest body: a block.
const BODY_BYTES: usize = FINALIZED_BYTES;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Manifest = 1,
    Step = 2,
    Block = 3,
    Lasting = 4,
    Rows = 5,
    End = 6,
}

fn check(before: &Digest, kind: u8, length: [u8; 4], body: &[u8]) -> Digest {
    sm3_parts(&[before.as_ref(), &[kind], &length, body])
}

/// Writes frames.
pub(crate) struct Frames<W> {
    out: W,
    check: Digest,
}

impl<W: Write> Frames<W> {
    pub(crate) fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, check: sm3(MAGIC) })
    }

    pub(crate) fn put(&mut self, kind: Kind, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= BODY_BYTES);
        let length = length.ok_or_else(|| io::Error::other(format!("a frame of {} bytes", body.len())))?.to_be_bytes();
        self.check = check(&self.check, kind as u8, length, body);
        self.out.write_all(&[kind as u8])?;
        self.out.write_all(&length)?;
        self.out.write_all(body)?;
        self.out.write_all(self.check.as_ref())
    }

    /// Ends the file; gives its digest.
    pub(crate) fn end(mut self) -> io::Result<(W, Digest)> {
        self.put(Kind::End, &[])?;
        self.out.flush()?;
        Ok((self.out, self.check))
    }
}

/// Why a file could not be read on.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Io(io::Error),
    Format,
    Damaged(String),
}

/// Reads frames.
pub(crate) struct Reader<R> {
    input: R,
    at: u64,
    check: Digest,
}

impl<R: Read> Reader<R> {
    pub(crate) fn begin(input: R) -> Result<Self, Unreadable> {
        let mut reader = Self { input, at: 0, check: sm3(MAGIC) };
        match reader.exactly::<8>() {
            Ok(magic) if magic == *MAGIC => Ok(reader),
            Ok(_) | Err(Unreadable::Damaged(_)) => Err(Unreadable::Format),
            Err(e) => Err(e),
        }
    }

    /// The body of the next frame, which must be of this kind.
    pub(crate) fn expect(&mut self, kind: Kind) -> Result<Vec<u8>, Unreadable> {
        Ok(self.next(&[kind])?.1)
    }

    /// The next frame, which must be of one of these kinds.
    pub(crate) fn next(&mut self, kinds: &[Kind]) -> Result<(Kind, Vec<u8>), Unreadable> {
        let at = self.at;
        let damaged = |why: &str| Unreadable::Damaged(format!("{why} at byte {at}"));
        let [found, length @ ..] = self.exactly::<5>()?;
        let bytes = u64::from(u32::from_be_bytes(length));
        let kind = kinds.iter().copied().find(|kind| *kind as u8 == found && bytes <= BODY_BYTES as u64);
        let kind = kind.ok_or_else(|| damaged("not what belongs"))?;
        let body = self.body(bytes)?;
        let expected = check(&self.check, found, length, &body);
        if Digest(self.exactly()?) != expected {
            return Err(damaged("a changed part"));
        }
        self.check = expected;
        Ok((kind, body))
    }

    /// Reads the last frame, behind which nothing may be; gives the digest of the file.
    pub(crate) fn end(mut self) -> Result<Digest, Unreadable> {
        let body = self.expect(Kind::End)?;
        self.ended(&body)
    }

    /// After the last frame, of this body: behind it nothing may be; gives the digest of the file.
    pub(crate) fn ended(mut self, body: &[u8]) -> Result<Digest, Unreadable> {
        let more = self.input.read(&mut [0]).map_err(Unreadable::Io)?;
        if body.is_empty() && more == 0 {
            Ok(self.check)
        } else {
            Err(Unreadable::Damaged(format!("more than a snapshot at byte {}", self.at)))
        }
    }

    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let bytes = self.body(N as u64)?;
        Ok(std::array::from_fn(|i| bytes[i]))
    }

    /// Memory grows with what is really there, not with what a length claims.
    fn body(&mut self, length: u64) -> Result<Vec<u8>, Unreadable> {
        let mut body = Vec::new();
        let got = self.input.by_ref().take(length).read_to_end(&mut body).map_err(Unreadable::Io)?;
        self.at += got as u64;
        if got as u64 == length { Ok(body) } else { Err(Unreadable::Damaged(format!("it ends at byte {}", self.at))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_a_file() {
        let mut frames = Frames::begin(Vec::new()).expect("memory");
        frames.put(Kind::Rows, b"row").expect("memory");
        let (bytes, digest) = frames.end().expect("memory");
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let expected = concat!(
            "686e736e61700001",
            "0500000003726f77",
            "ada54d5e343f53d2ae7cdd4e87832be48aebef272ac564dbdc4583bf8a32cf8e",
            "0600000000",
            "ffb0c480d181702f771e6c78c8efa8e40f202537db19c5dec045d0c032449f72",
        );
        assert_eq!(hex, expected);
        assert!(expected.ends_with(&digest.to_string()));
    }

    #[test]
    fn what_was_put_is_read() {
        let mut frames = Frames::begin(Vec::new()).expect("memory");
        frames.put(Kind::Manifest, b"").expect("memory");
        frames.put(Kind::Block, &[7; 70_000]).expect("memory");
        let (bytes, digest) = frames.end().expect("memory");
        let mut reader = Reader::begin(bytes.as_slice()).expect("a snapshot");
        assert_eq!(reader.expect(Kind::Manifest).expect("whole"), b"");
        assert_eq!(reader.expect(Kind::Block).expect("whole"), [7; 70_000]);
        assert_eq!(reader.end().expect("whole"), digest);
    }
}
