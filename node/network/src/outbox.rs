//! The bounded queue of outgoing messages of one peer and channel.

use crate::QueueLimit;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Many producers, one consumer. Full means that the newest message is refused: what waits is older and, for consensus,
/// what the peer needs first.
#[derive(Debug)]
pub(crate) struct Outbox {
    limit: QueueLimit,
    frame_bytes: usize,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

impl Outbox {
    pub(crate) fn new(limit: QueueLimit, frame_bytes: usize) -> Self {
        Self { limit, frame_bytes, waiting: Mutex::default(), filled: Notify::new() }
    }

    /// Adds a message unless it is too large or the queue is full.
    pub(crate) fn push(&self, frame: Arc<[u8]>) -> bool {
        if frame.len() > self.frame_bytes {
            return false;
        }
        let mut waiting = self.lock();
        let full = waiting.frames.len() >= self.limit.messages || waiting.bytes + frame.len() > self.limit.bytes;
        // An empty queue takes any legal message, so that a small byte limit cannot silence a channel.
        if full && !waiting.frames.is_empty() {
            return false;
        }
        waiting.bytes += frame.len();
        waiting.frames.push_back(frame);
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// The oldest message, if any.
    pub(crate) fn try_pop(&self) -> Option<Arc<[u8]>> {
        let mut waiting = self.lock();
        let frame = waiting.frames.pop_front()?;
        waiting.bytes -= frame.len();
        Some(frame)
    }

    /// Waits for the oldest message.
    pub(crate) async fn pop(&self) -> Arc<[u8]> {
        loop {
            if let Some(frame) = self.try_pop() {
                return frame;
            }
            self.filled.notified().await;
        }
    }

    /// Messages and bytes that wait.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.frames.len(), waiting.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: usize) -> Arc<[u8]> {
        vec![0; n].into()
    }

    #[test]
    fn the_newest_is_refused_at_either_bound() {
        let queue = Outbox::new(QueueLimit { messages: 2, bytes: 10 }, 100);
        assert!(queue.push(frame(1)) && queue.push(frame(2)) && !queue.push(frame(1)));
        assert_eq!(queue.depth(), (2, 3));
        assert_eq!(queue.try_pop().map(|f| f.len()), Some(1));
        assert!(!queue.push(frame(9)) && queue.push(frame(8)));
        assert_eq!(queue.depth(), (2, 10));
    }

    #[test]
    fn a_message_above_the_frame_limit_is_never_queued() {
        let queue = Outbox::new(QueueLimit { messages: 2, bytes: 10 }, 20);
        assert!(!queue.push(frame(21)));
        assert!(queue.push(frame(20)), "an empty queue takes any legal message");
    }

    #[tokio::test]
    async fn a_waiting_consumer_is_woken() {
        let queue = Arc::new(Outbox::new(QueueLimit { messages: 2, bytes: 10 }, 10));
        let consumer = tokio::spawn({
            let queue = queue.clone();
            async move { queue.pop().await.len() }
        });
        tokio::task::yield_now().await;
        assert!(queue.push(frame(3)));
        assert_eq!(consumer.await.expect("no panic"), 3);
    }
}
