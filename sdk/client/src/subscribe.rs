//! Finalized blocks as a stream that outlives the node it comes from.

use crate::error::Error;
use crate::nodes::{Failure, Nodes, Peer};
use futures::stream::{BoxStream, Stream, StreamExt, unfold};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::{BlockHash, Height, proto};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::{Instant, sleep, timeout};
use tonic::Streaming;

const WHAT: &str = "subscribe";

/// Finalized blocks in order, each the child of the one before. Ends after its first error.
pub struct Blocks {
    inner: BoxStream<'static, Result<FinalizedBlock, Error>>,
}

impl Blocks {
    pub(crate) fn new(nodes: Arc<Nodes>, from: Height) -> Self {
        let follow = Follow { nodes, next: from, parent: None, open: None, strikes: 0 };
        let step = |state: Option<Follow>| async move {
            let mut follow = state?;
            match follow.block().await {
                Ok(block) => Some((Ok(block), Some(follow))),
                Err(e) => Some((Err(e), None)),
            }
        };
        Self { inner: unfold(Some(follow), step).boxed() }
    }

    /// The next block; waits for it.
    pub async fn next(&mut self) -> Option<Result<FinalizedBlock, Error>> {
        self.inner.next().await
    }
}

impl Stream for Blocks {
    type Item = Result<FinalizedBlock, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(cx)
    }
}

struct Follow {
    nodes: Arc<Nodes>,
    /// Height that must come next; 0 before the first block of "from the next one".
    next: Height,
    /// Hash of the last block.
    parent: Option<BlockHash>,
    open: Option<(Peer, Streaming<proto::BlockResponse>)>,
    /// Troubles since the last block.
    strikes: u32,
}

impl Follow {
    async fn block(&mut self) -> Result<FinalizedBlock, Error> {
        loop {
            let (peer, mut stream) = match self.open.take() {
                Some(open) => open,
                None => self.connect().await?,
            };
            let trouble = match timeout(self.nodes.options.idle, stream.message()).await {
                Ok(Ok(Some(answer))) => match self.accept(&peer, &answer.block) {
                    Ok(block) => {
                        self.open = Some((peer, stream));
                        return Ok(block);
                    }
                    Err(failure) => failure,
                },
                Ok(Ok(None)) => peer.failed(WHAT, &tonic::Status::unavailable("the node ended the stream")),
                Ok(Err(status)) => peer.failed(WHAT, &status),
                Err(_silence) => {
                    // Not an error: the chain may be idle. But this node may be cut off, so hear another one.
                    self.nodes.avoid(peer.index);
                    continue;
                }
            };
            self.nodes.avoid(peer.index);
            self.strike(trouble).await?;
        }
    }

    /// Gives up once every node had its chances.
    async fn strike(&mut self, trouble: Failure) -> Result<(), Error> {
        let error = match trouble {
            Failure::Final(e) => return Err(e),
            Failure::Transient(e) | Failure::Elsewhere(e) => e,
        };
        let nodes = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.strikes += 1;
        if self.strikes > nodes.saturating_mul(self.nodes.options.rounds) {
            return Err(error);
        }
        // The other nodes are tried at once; a pause comes after each round.
        if self.strikes.is_multiple_of(nodes) {
            sleep(self.nodes.options.pause(self.strikes / nodes - 1)).await;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<(Peer, Streaming<proto::BlockResponse>), Error> {
        let request = proto::SubscribeRequest { from_height: self.next.0 };
        let deadline = Instant::now() + self.nodes.options.deadline;
        self.nodes
            .call(WHAT, deadline, |mut peer| async move {
                let stream = peer.client.subscribe(request).await.map_err(|s| peer.failed(WHAT, &s))?.into_inner();
                Ok((peer, stream))
            })
            .await
    }

    fn accept(&mut self, peer: &Peer, raw: &[u8]) -> Result<FinalizedBlock, Failure> {
        let block = FinalizedBlock::decode(raw).map_err(|e| peer.bad(WHAT, &e))?;
        let header = &block.block.header;
        if self.next.0 != 0 && header.height != self.next {
            return Err(peer.bad(WHAT, &format!("block {} was sent where {} follows", header.height, self.next)));
        }
        if self.parent.is_some_and(|p| p != header.parent) {
            return Err(peer.bad(WHAT, &format!("block {} is not a child of the one before", header.height)));
        }
        self.next = header.height.next();
        self.parent = Some(header.hash());
        self.strikes = 0;
        Ok(block)
    }
}
