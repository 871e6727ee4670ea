//! Requests and replies: one stream each, `frame(request)` one way, one byte and `frame(reply)` the other.

use crate::frame::{self, FrameError};
use crate::handle::Shared;
use crate::link::Purpose;
use crate::registry::Session;
use crate::session::Audible;
use crate::{NetworkError, REPLY_BYTES, REQUEST_BYTES, Request};
use futures::{AsyncReadExt, AsyncWriteExt};
use hnchain_crypto::PublicKey;
use libp2p::Stream;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

/// A reply follows.
const REPLY: u8 = 0;
/// None does.
const REFUSED: u8 = 1;
/// A refusal that cannot be written in this time is not worth more.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Asks a peer and waits for its reply, all within the request timeout.
pub(crate) async fn ask(shared: &Shared, session: &Arc<Session>, bytes: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
    if bytes.len() > REQUEST_BYTES {
        return Err(NetworkError::RequestTooLarge(bytes.len()));
    }
    let result = timeout(shared.limits.request_timeout, exchange(session, &bytes)).await;
    let result = result.unwrap_or(Err(NetworkError::RequestTimeout(session.key)));
    match &result {
        Ok(_) => shared.counts.answered.one(),
        Err(_) => shared.counts.failed.one(),
    }
    result
}

async fn exchange(session: &Arc<Session>, bytes: &[u8]) -> Result<Vec<u8>, NetworkError> {
    // A stream that breaks means that the link does.
    let lost = |_: io::Error| NetworkError::NotConnected(session.key);
    let _slot = session.requests.acquire().await.map_err(|_| NetworkError::NotConnected(session.key))?;
    let mut stream = session.opener.open(Purpose::Request).await.map_err(lost)?;
    frame::write(&mut stream, bytes).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut stream = Audible::new(stream, session.clone());
    let mut answer = [0u8; 1];
    stream.read_exact(&mut answer).await.map_err(lost)?;
    if answer != [REPLY] {
        return Err(NetworkError::RequestRefused(session.key));
    }
    match frame::read(&mut stream, REPLY_BYTES).await {
        Ok(reply) => Ok(reply),
        Err(FrameError::TooLarge(_)) => Err(NetworkError::ReplyTooLarge(session.key)),
        Err(FrameError::Io(error)) => Err(lost(error)),
    }
}

/// Answers one request of a peer.
pub(crate) async fn serve(shared: Arc<Shared>, from: PublicKey, mut stream: Stream, slot: OwnedSemaphorePermit) {
    let answered = timeout(shared.limits.request_timeout, answer(&shared, from, &mut stream)).await;
    match answered {
        Ok(Ok(true)) => shared.counts.served.one(),
        Ok(Ok(false)) => refuse(shared.clone(), stream).await,
        Ok(Err(error)) => tracing::debug!(peer = %from, %error, "request not served"),
        Err(_) => tracing::warn!(peer = %from, code = "NET_REQUEST_UNANSWERED", "request not answered in time"),
    }
    drop(slot);
}

/// Says that there will be no reply.
pub(crate) async fn refuse(shared: Arc<Shared>, mut stream: Stream) {
    shared.counts.refused.one();
    let say = async {
        stream.write_all(&[REFUSED]).await?;
        stream.close().await
    };
    if !matches!(timeout(REFUSAL_TIMEOUT, say).await, Ok(Ok(()))) {
        tracing::debug!("refusal not delivered");
    }
}

/// Whether the node answered.
async fn answer(shared: &Shared, from: PublicKey, stream: &mut Stream) -> Result<bool, FrameError> {
    let bytes = frame::read(stream, REQUEST_BYTES).await?;
    let (reply, answer) = oneshot::channel();
    if shared.requests.send(Request { from, bytes, reply }).await.is_err() {
        return Ok(false);
    }
    let Ok(bytes) = answer.await else {
        return Ok(false);
    };
    if bytes.len() > REPLY_BYTES {
        tracing::error!(peer = %from, code = "NET_REPLY_TOO_LARGE", bytes = bytes.len(), "own reply above the limit");
        return Ok(false);
    }
    stream.write_all(&[REPLY]).await?;
    frame::write(stream, &bytes).await?;
    stream.close().await?;
    Ok(true)
}
