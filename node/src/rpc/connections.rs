//! Accepts client connections, a bounded number at a time.

use crate::telemetry::metric;
use futures::Stream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Pause after the system refused a connection, for example for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection that counts.
pub(crate) struct Connection {
    io: TcpStream,
    _place: Place,
}

struct Place(#[allow(dead_code)] OwnedSemaphorePermit);

impl Place {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!(metric::RPC_CONNECTIONS).increment(1.0);
        Self(permit)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!(metric::RPC_CONNECTIONS).decrement(1.0);
    }
}

/// Connections as they come. Beyond the limit a new one is closed at once, so that its client tries another node.
pub(crate) fn accept(listener: TcpListener, limit: usize) -> impl Stream<Item = Result<Connection, io::Error>> {
    let places = Arc::new(Semaphore::new(limit));
    futures::stream::unfold((listener, places), |(listener, places)| async move {
        loop {
            let io = match listener.accept().await {
                Ok((io, _)) => io,
                Err(error) => {
                    tracing::warn!(%error, "a client connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&places).try_acquire_owned() else {
                tracing::debug!("too many client connections; closing a new one");
                continue;
            };
            // Small messages leave at once; a connection where this fails is broken and ends by itself.
            if let Err(error) = io.set_nodelay(true) {
                tracing::debug!(%error, "set_nodelay");
            }
            return Some((Ok(Connection { io, _place: Place::new(permit) }), (listener, places)));
        }
    })
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.io.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
