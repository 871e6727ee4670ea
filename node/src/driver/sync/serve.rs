//! Answering peers that are behind.

use super::wire::{ANSWER_BLOCKS, ANSWER_BYTES, Answer, PeerStatus, Question};
use crate::shared::Shared;
use hnchain_network::Request;
use hnchain_storage::StorageError;
use hnchain_types::{Height, wire};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// Requests that are answered at the same time; others are refused.
const SERVED_AT_ONCE: usize = 16;

/// Answers peers until the network ends.
pub(in crate::driver) async fn serve(shared: Arc<Shared>, mut requests: mpsc::Receiver<Request>) {
    let room = Arc::new(Semaphore::new(SERVED_AT_ONCE));
    while let Some(request) = requests.recv().await {
        let Ok(question) = wire::decode::<Question>("sync request", &request.bytes) else {
            tracing::debug!(from = %request.from, "malformed sync request");
            continue; // dropping the reply refuses the request
        };
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let shared = shared.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            match answer(&shared, question).map(|a| wire::encode("sync answer", &a)) {
                // The peer may have gone.
                Ok(Ok(bytes)) => drop(request.reply.send(bytes)),
                Ok(Err(error)) => tracing::error!(%error, "an answer cannot be encoded"),
                Err(error) => tracing::error!(%error, "blocks for a peer cannot be read"),
            }
        });
    }
}

pub(super) fn answer(shared: &Shared, question: Question) -> Result<Answer, StorageError> {
    match question {
        Question::Status => Ok(Answer::Status(PeerStatus {
            first: shared.store.first_height(),
            height: shared.store.tip().height,
            standing: shared.status.standing(),
        })),
        Question::Blocks { from, count } => blocks(shared, from, count).map(Answer::Blocks),
    }
}

/// Blocks from a height on. The last need not be certified: a run of blocks that only a later certificate covers may be
/// larger than an answer.
fn blocks(shared: &Shared, from: Height, count: u64) -> Result<Vec<Vec<u8>>, StorageError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    let from = from.0.max(1);
    let last = shared.store.tip().height.0.min(from.saturating_add(count.min(ANSWER_BLOCKS)).saturating_sub(1));
    for height in from..=last {
        let Some(raw) = shared.store.block(Height(height))? else { break };
        bytes += raw.len();
        if bytes > ANSWER_BYTES && !found.is_empty() {
            break;
        }
        found.push(raw);
    }
    Ok(found)
}
