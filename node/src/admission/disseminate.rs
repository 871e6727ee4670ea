//! Sends what clients handed in to the peers, in frames of many transactions.

use super::FORWARD_QUEUE;
use crate::mempool::Mempool;
use crate::telemetry::metric;
use hnchain_network::{Channel, Network};
use hnchain_types::transaction::Transaction;
use hnchain_types::{TxId, limits, wire};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Most transactions of a frame.
pub const FRAME_TRANSACTIONS: usize = 1_024;
/// Bytes after which a frame is sent: several fit into a peer's queue, and one transaction more fits into the largest frame.
const FRAME_BYTES: usize = 256 * 1024;
/// Longest time that a transaction waits for company.
const FLUSH: Duration = Duration::from_millis(3);
/// A transaction that is not final after this long is sent again: its frame may have been lost with a link.
const RESEND: Duration = Duration::from_secs(5);
/// Most transactions sent again at once.
const RESEND_MOST: usize = FRAME_TRANSACTIONS;

/// Where frames go.
pub trait Outlet: Send + 'static {
    /// Sends to every linked peer; a peer whose queue is full misses it.
    fn broadcast(&self, frame: Arc<[u8]>);
}

impl Outlet for Network {
    fn broadcast(&self, frame: Arc<[u8]>) {
        Self::broadcast(self, Channel::Transactions, frame);
    }
}

/// Encodes a frame of encoded transactions.
///
/// # Errors
/// More than the codec allows, which the bounds of [`disseminate`] exclude.
pub fn encode_frame(transactions: &[Arc<Transaction>]) -> Result<Vec<u8>, wire::WireError> {
    let raw: Vec<&[u8]> = transactions.iter().map(|t| t.raw()).collect();
    wire::encode("transactions", &raw)
}

/// Reads a frame: at most [`FRAME_TRANSACTIONS`], none larger than any chain allows.
///
/// # Errors
/// Anything else.
pub fn decode_frame(bytes: &[u8]) -> Result<Vec<Vec<u8>>, wire::WireError> {
    wire::decode::<Frame>("transactions", bytes).map(|f| f.0)
}

/// Counts while it reads: four megabytes of empty entries would otherwise become a hundred of memory.
struct Frame(Vec<Vec<u8>>);

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Frame;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "at most {FRAME_TRANSACTIONS} transactions")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Frame, A::Error> {
                let mut list = Vec::new();
                while let Some(raw) = seq.next_element::<Vec<u8>>()? {
                    if list.len() >= FRAME_TRANSACTIONS || raw.len() > limits::TRANSACTION_BYTES {
                        return Err(A::Error::custom("too many or too large transactions"));
                    }
                    list.push(raw);
                }
                Ok(Frame(list))
            }
        }
        deserializer.deserialize_seq(Bounded)
    }
}

/// Runs until `stop`, or until the border is gone: collects for a few milliseconds, sends, and sends again what stays
/// pending for long.
pub async fn disseminate(
    mut queue: mpsc::Receiver<Arc<Transaction>>,
    outlet: impl Outlet,
    mempool: Arc<Mempool>,
    stop: CancellationToken,
) {
    let mut sender = Sender { outlet, mempool, sent: VecDeque::new() };
    let mut batch = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            first = queue.recv() => match first {
                Some(tx) => {
                    batch.push(tx);
                    collect(&mut queue, &mut batch).await;
                    sender.send(&mut batch);
                }
                None => return,
            },
            _ = tick.tick() => sender.send_again(),
        }
    }
}

async fn collect(queue: &mut mpsc::Receiver<Arc<Transaction>>, batch: &mut Vec<Arc<Transaction>>) {
    let deadline = sleep_until(Instant::now() + FLUSH);
    tokio::pin!(deadline);
    let mut bytes: usize = batch.iter().map(|t| t.raw().len()).sum();
    while batch.len() < FRAME_TRANSACTIONS && bytes < FRAME_BYTES {
        tokio::select! {
            biased;
            next = queue.recv() => match next {
                Some(tx) => {
                    bytes += tx.raw().len();
                    batch.push(tx);
                }
                None => return,
            },
            () = &mut deadline => return,
        }
    }
}

struct Sender<O> {
    outlet: O,
    mempool: Arc<Mempool>,
    /// Oldest first. Bounded by the rate of admission times [`RESEND`]; entries that became final leave then.
    sent: VecDeque<(Instant, TxId)>,
}

impl<O: Outlet> Sender<O> {
    fn send(&mut self, batch: &mut Vec<Arc<Transaction>>) {
        metrics::counter!(metric::DISSEMINATED, "kind" => "first").increment(batch.len() as u64);
        let now = Instant::now();
        self.sent.extend(batch.iter().map(|t| (now, t.id())));
        self.broadcast(batch);
        batch.clear();
    }

    fn send_again(&mut self) {
        let now = Instant::now();
        let mut again: Vec<Arc<Transaction>> = Vec::new();
        let mut bytes = 0;
        while again.len() < RESEND_MOST && bytes < FRAME_BYTES {
            match self.sent.front() {
                Some((at, _)) if *at + RESEND <= now => {}
                _ => break,
            }
            let Some((_, id)) = self.sent.pop_front() else { break };
            if let Some(tx) = self.mempool.get(&id) {
                bytes += tx.raw().len();
                again.push(tx);
            }
        }
        if again.is_empty() {
            return;
        }
        tracing::debug!(transactions = again.len(), "sending pending transactions again");
        metrics::counter!(metric::DISSEMINATED, "kind" => "again").increment(again.len() as u64);
        self.sent.extend(again.iter().map(|t| (now, t.id())));
        self.broadcast(&again);
    }

    fn broadcast(&self, batch: &[Arc<Transaction>]) {
        match encode_frame(batch) {
            Ok(frame) => self.outlet.broadcast(frame.into()),
            Err(error) => tracing::error!(%error, "a frame of transactions cannot be encoded"),
        }
    }
}

const _: () = assert!(FORWARD_QUEUE >= FRAME_TRANSACTIONS, "a full frame can be collected");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mempool::Limits;
    use hnchain_crypto::{SecretKey, sm3};
    use hnchain_types::transaction::BodyBuilder;

    fn tx(n: u16) -> Arc<Transaction> {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        let mut salt = [0; 16];
        salt[..2].copy_from_slice(&n.to_be_bytes());
        let body = BodyBuilder::new("henan-test", 10, 10_000, salt).anchor("trace", "B1", 1, sm3(b"x")).encode();
        Arc::new(Transaction::sign(body, &key).unwrap())
    }

    struct Collector(mpsc::UnboundedSender<Arc<[u8]>>);

    impl Outlet for Collector {
        fn broadcast(&self, frame: Arc<[u8]>) {
            self.0.send(frame).unwrap();
        }
    }

    fn pool() -> Arc<Mempool> {
        Arc::new(Mempool::new(Limits { transactions: 10_000, bytes: 64 << 20, signer_percent: 100 }))
    }

    #[test]
    fn a_frame_reads_back() {
        let list = [tx(1), tx(2)];
        let raw: Vec<Vec<u8>> = list.iter().map(|t| t.raw().to_vec()).collect();
        let frame = encode_frame(&list).unwrap();
        assert_eq!(decode_frame(&frame).unwrap(), raw);
        assert_eq!(frame, wire::encode("transactions", &raw).unwrap(), "the page's form: Vec<Vec<u8>>");
        assert!(decode_frame(&frame[..frame.len() - 1]).is_err());
    }

    #[test]
    fn a_frame_with_too_many_entries_is_refused_without_reading_them_all() {
        let many = wire::encode("transactions", &vec![Vec::<u8>::new(); 1_000_000]).unwrap();
        assert!(decode_frame(&many).is_err());
        let large = wire::encode("transactions", &vec![vec![0u8; limits::TRANSACTION_BYTES + 1]]).unwrap();
        assert!(decode_frame(&large).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn many_transactions_share_a_frame_and_a_single_one_waits_only_milliseconds() {
        let (sender, queue) = mpsc::channel(FORWARD_QUEUE);
        let (frames, mut out) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let task = tokio::spawn(disseminate(queue, Collector(frames), pool(), stop.clone()));
        for n in 0..2_000 {
            sender.send(tx(n)).await.unwrap();
        }
        let mut got = Vec::new();
        while got.len() < 2_000 {
            let frame = decode_frame(&out.recv().await.unwrap()).unwrap();
            assert!(frame.len() <= FRAME_TRANSACTIONS);
            got.extend(frame);
        }
        let want: Vec<_> = (0..2_000).map(|n| tx(n).raw().to_vec()).collect();
        assert_eq!(got, want, "in order, each once");
        let start = Instant::now();
        sender.send(tx(2_000)).await.unwrap();
        assert_eq!(decode_frame(&out.recv().await.unwrap()).unwrap().len(), 1);
        assert!(start.elapsed() < Duration::from_millis(20));
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_pending_is_sent_again_and_what_became_final_is_not() {
        let (sender, queue) = mpsc::channel(FORWARD_QUEUE);
        let (frames, mut out) = mpsc::unbounded_channel();
        let (pool, stop) = (pool(), CancellationToken::new());
        tokio::spawn(disseminate(queue, Collector(frames), Arc::clone(&pool), stop.clone()));
        let (stuck, done) = (tx(1), tx(2));
        for t in [&stuck, &done] {
            pool.insert(Arc::clone(t)).unwrap();
            sender.send(Arc::clone(t)).await.unwrap();
        }
        assert_eq!(decode_frame(&out.recv().await.unwrap()).unwrap().len(), 2);
        pool.remove([&done.id()]);
        let again = decode_frame(&out.recv().await.unwrap()).unwrap();
        assert_eq!(again, [stuck.raw().to_vec()]);
        stop.cancel();
    }
}
