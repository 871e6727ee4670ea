//! Finalized blocks from a height on.
//!
//! A subscription is a height. Its task reads one block at a time from the store and hands it over when the client takes it;
//! a client that does not read is told from which height to resume, and loses nothing.

use super::Context;
use super::service::no_block;
use crate::refusal::{Kind, Refusal};
use crate::telemetry::metric;
use futures::{Stream, StreamExt, stream};
use hnchain_types::{Height, proto};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Blocks, and at the end why it ended.
pub(crate) type Blocks = Pin<Box<dyn Stream<Item = Result<proto::BlockResponse, Status>> + Send>>;

/// Opens a subscription.
pub(crate) fn open(context: &Arc<Context>, request: proto::SubscribeRequest) -> Result<Blocks, Refusal> {
    let place = Arc::clone(&context.subscribers).try_acquire_owned().map_err(|_| {
        Refusal::new(
            "RPC_SUBSCRIBERS",
            Kind::Busy,
            "too many subscriptions are open here; use another node",
            "本节点的订阅数已达上限，请改用其他节点",
        )
    })?;
    let next = match request.from_height {
        0 => context.shared.store.tip().height.next(),
        from => Height(from),
    };
    let store = &context.shared.store;
    if next < store.first_height() {
        return Err(no_block(next, store.first_height(), store.tip().height));
    }
    let (blocks, receiver) = mpsc::channel(1);
    let (ended, end) = oneshot::channel();
    let context = Arc::clone(context);
    tokio::spawn(async move {
        let place = Place::new(place);
        if let Some(refusal) = feed(&context, next, &blocks).await {
            // An error means that the client is gone.
            drop(ended.send(refusal));
        }
        drop(place);
    });
    let end = stream::once(end).filter_map(|end| async move { end.ok().map(|refusal| Err(Status::from(refusal))) });
    Ok(Box::pin(ReceiverStream::new(receiver).map(Ok).chain(end)))
}

/// Sends blocks until the client is gone (`None`) or the subscription has to end.
async fn feed(context: &Context, mut next: Height, blocks: &mpsc::Sender<proto::BlockResponse>) -> Option<Refusal> {
    let mut heights = context.shared.finality.heights();
    loop {
        let newest = *heights.borrow_and_update();
        while next <= newest {
            let block = match context.read(move |shared, _| Ok(shared.store.block(next)?)).await {
                Ok(Some(block)) => block,
                Ok(None) => return Some(Refusal::storage(&format!("block {next} is missing"))),
                Err(refusal) => return Some(refusal),
            };
            tokio::select! {
                sent = blocks.send(proto::BlockResponse { block }) => match sent {
                    Ok(()) => next = next.next(),
                    Err(_) => return None,
                },
                () = tokio::time::sleep(context.stall) => {
                    metrics::counter!(metric::RPC_SLOW_SUBSCRIBERS).increment(1);
                    return Some(too_slow(next));
                }
                () = context.stop.cancelled() => return Some(Refusal::stopping()),
            }
        }
        tokio::select! {
            changed = heights.changed() => if changed.is_err() { return Some(Refusal::stopping()) },
            () = blocks.closed() => return None,
            () = context.stop.cancelled() => return Some(Refusal::stopping()),
        }
    }
}

fn too_slow(next: Height) -> Refusal {
    Refusal::new(
        "SUBSCRIBER_TOO_SLOW",
        Kind::Busy,
        format!("blocks were not read in time; subscribe again from height {next}"),
        format!("未及时读取区块，请从高度 {next} 起重新订阅"),
    )
}

/// A counted subscription.
struct Place(#[allow(dead_code)] OwnedSemaphorePermit);

impl Place {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!(metric::RPC_SUBSCRIBERS).increment(1.0);
        Self(permit)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!(metric::RPC_SUBSCRIBERS).decrement(1.0);
    }
}
