//! Signature verification on threads of its own.
//!
//! Async tasks hand in transactions and wait without occupying a runtime thread. Work is cut into chunks so that one large
//! batch uses every thread, and proposals go before admissions: a block must not wait behind what clients send.

use crate::telemetry::metric;
use hnchain_crypto::{PublicKey, Signature, VerifyingKey};
use hnchain_types::TxId;
use hnchain_types::transaction::Transaction;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Most transactions of one chunk: about five milliseconds of work, so urgent chunks never wait long.
const CHUNK: usize = 32;
/// Most admissions that wait or run: about two seconds of work of one thread. Proposals are bounded by the block size.
const QUEUE: usize = 8_192;
/// Decoded keys that are remembered, twice this at most. One takes about half a kilobyte.
const KEYS: usize = 4_096;
/// Verified signatures that are remembered, twice this at most, at about 150 bytes each. A transaction is met again in
/// a peer's frame, in a proposal, and in the next proposal where a view failed; an overloaded node must not verify it
/// each time. Some ten blocks.
const VERIFIED: usize = 32_768;

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Consensus: goes first.
    Proposal,
    /// Clients and peers.
    Admission,
}

/// The pool; see the module's page. Dropping it ends its threads; who still waits gets no answer.
#[derive(Debug)]
pub struct Verifier {
    pool: Arc<Pool>,
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Pool {
    jobs: Mutex<Jobs>,
    ready: Condvar,
    keys: Cache<PublicKey, Arc<VerifyingKey>, KEYS>,
    verified: Cache<TxId, Signature, VERIFIED>,
}

#[derive(Debug, Default)]
struct Jobs {
    urgent: VecDeque<Job>,
    normal: VecDeque<Job>,
    stopped: bool,
}

#[derive(Debug)]
struct Job {
    transactions: Vec<Arc<Transaction>>,
    answer: oneshot::Sender<Vec<bool>>,
    room: Option<OwnedSemaphorePermit>,
}

impl Verifier {
    /// Starts the threads.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn start(threads: NonZeroUsize) -> std::io::Result<Self> {
        let pool = Arc::new(Pool::default());
        let threads = (0..threads.get())
            .map(|n| {
                let pool = Arc::clone(&pool);
                std::thread::Builder::new().name(format!("verify-{n}")).spawn(move || pool.work())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { pool, room: Arc::new(Semaphore::new(QUEUE)), threads })
    }

    /// Verifies the signatures of a proposal's transactions; one answer for each, in order.
    pub async fn verify_all(&self, transactions: Vec<Arc<Transaction>>) -> Vec<bool> {
        self.verify(transactions, Priority::Proposal).await
    }

    /// [`Verifier::verify_all`] for a thread that may block. Not for async tasks.
    #[must_use]
    pub fn verify_all_blocking(&self, transactions: Vec<Arc<Transaction>>) -> Vec<bool> {
        futures::executor::block_on(self.verify_all(transactions))
    }

    /// Verifies signatures; one answer for each, in order. Admissions wait while too many are queued.
    pub async fn verify(&self, transactions: Vec<Arc<Transaction>>, priority: Priority) -> Vec<bool> {
        let total = transactions.len();
        let chunk = total.div_ceil(self.threads.len()).clamp(1, CHUNK);
        let mut answers = Vec::with_capacity(total.div_ceil(chunk));
        let mut rest = transactions.into_iter();
        loop {
            let part: Vec<_> = rest.by_ref().take(chunk).collect();
            if part.is_empty() {
                break;
            }
            let room = match priority {
                Priority::Proposal => None,
                Priority::Admission => {
                    let permits = u32::try_from(part.len()).expect("a chunk is small");
                    Some(Arc::clone(&self.room).acquire_many_owned(permits).await.expect("never closed"))
                }
            };
            let (answer, receiver) = oneshot::channel();
            self.pool.push(Job { transactions: part, answer, room }, priority);
            answers.push(receiver);
        }
        let mut results = Vec::with_capacity(total);
        for answer in answers {
            match answer.await {
                Ok(verdicts) => results.extend(verdicts),
                // The pool was stopped: the process is ending, and no verdict is better than a wrong one.
                Err(_) => std::future::pending().await,
            }
        }
        results
    }

    /// Transactions of admissions that wait or run.
    #[must_use]
    pub fn queued(&self) -> usize {
        QUEUE - self.room.available_permits()
    }

    /// Threads of the pool.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.len()
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.pool.lock().stopped = true;
        self.pool.ready.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a verification thread panicked");
            }
        }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job, priority: Priority) {
        let mut jobs = self.lock();
        match priority {
            Priority::Proposal => jobs.urgent.push_back(job),
            Priority::Admission => jobs.normal.push_back(job),
        }
        drop(jobs);
        self.ready.notify_one();
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        loop {
            if jobs.stopped {
                jobs.urgent.clear();
                jobs.normal.clear();
                return None;
            }
            if let Some(job) = jobs.urgent.pop_front() {
                return Some(job);
            }
            if let Some(job) = jobs.normal.pop_front() {
                return Some(job);
            }
            jobs = self.ready.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        give_way();
        while let Some(Job { transactions, answer, room }) = self.next() {
            // Nobody waits any more: the client went away.
            if answer.is_closed() {
                continue;
            }
            let start = Instant::now();
            let results: Vec<bool> = transactions.iter().map(|tx| self.one(tx)).collect();
            metric::verified(&results, start.elapsed());
            drop(room);
            // An error means that the asker stopped waiting meanwhile.
            drop(answer.send(results));
        }
    }

    fn one(&self, tx: &Transaction) -> bool {
        if self.verified.get(&tx.id()) == Some(tx.signature()) {
            return true;
        }
        let good = self.key(&tx.public_key()).is_some_and(|key| tx.verify(&key).is_ok());
        if good {
            self.verified.insert(tx.id(), tx.signature());
        }
        good
    }

    fn key(&self, public_key: &PublicKey) -> Option<Arc<VerifyingKey>> {
        if let Some(key) = self.keys.get(public_key) {
            return Some(key);
        }
        let key = Arc::new(public_key.to_verifying_key().ok()?);
        self.keys.insert(*public_key, Arc::clone(&key));
        Some(key)
    }
}

/// Values in two generations: when the young one is full it becomes the old one and the old one is forgotten. What is in
/// use is always carried over, so this bounds memory like a least-recently-used list at the price of a hash lookup.
#[derive(Debug)]
struct Cache<K, V, const SIZE: usize>(RwLock<Generations<K, V>>);

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V, const SIZE: usize> Default for Cache<K, V, SIZE> {
    fn default() -> Self {
        Self(RwLock::new(Generations { young: HashMap::new(), old: HashMap::new() }))
    }
}

impl<K: Copy + Eq + Hash, V: Clone, const SIZE: usize> Cache<K, V, SIZE> {
    fn get(&self, key: &K) -> Option<V> {
        let old = {
            let generations = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = generations.young.get(key) {
                return Some(value.clone());
            }
            generations.old.get(key).cloned()
        }?;
        self.insert(*key, old.clone());
        Some(old)
    }

    fn insert(&self, key: K, value: V) {
        let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= SIZE {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }
}

/// How far verification gives way to the node's other threads: votes and blocks are worth more than new transactions
/// where there are too few processors for both.
const NICENESS: i32 = 5;

/// On Linux a thread has a priority of its own. Elsewhere, or where the system refuses, nothing is lost but latency.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "verification threads keep their priority");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_crypto::{SecretKey, sm3};
    use hnchain_types::{proto, transaction::BodyBuilder};
    use prost::Message;

    fn verifier(threads: usize) -> Verifier {
        Verifier::start(NonZeroUsize::new(threads).unwrap()).unwrap()
    }

    fn signed(key: &SecretKey, n: u8) -> Arc<Transaction> {
        let body = BodyBuilder::new("henan-test", 10, 10_000, [n; 16]).anchor("trace", "B1", 1, sm3(&[n])).encode();
        Arc::new(Transaction::sign(body, key).unwrap())
    }

    fn forged(tx: &Transaction) -> Arc<Transaction> {
        let mut envelope = proto::Transaction::decode(tx.raw()).unwrap();
        envelope.signature[40] ^= 1;
        Arc::new(Transaction::decode(&envelope.encode_to_vec()).unwrap())
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_questions() {
        let (verifier, key) = (verifier(2), SecretKey::generate().unwrap());
        let good: Vec<_> = (0..100).map(|n| signed(&key, n)).collect();
        let mixed: Vec<_> =
            good.iter().enumerate().map(|(i, t)| if i % 7 == 0 { forged(t) } else { Arc::clone(t) }).collect();
        let want: Vec<bool> = (0..100).map(|i| i % 7 != 0).collect();
        assert_eq!(verifier.verify_all(mixed.clone()).await, want);
        assert_eq!(verifier.verify(mixed, Priority::Admission).await, want);
        assert!(verifier.verify_all(Vec::new()).await.is_empty());
        assert_eq!(verifier.queued(), 0);
    }

    #[test]
    fn a_plain_thread_can_wait_too() {
        let key = SecretKey::generate().unwrap();
        assert_eq!(verifier(1).verify_all_blocking(vec![signed(&key, 1)]), [true]);
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_queue_passes() {
        let (verifier, key) = (verifier(2), SecretKey::generate().unwrap());
        let many = vec![forged(&signed(&key, 1)); 300];
        verifier.room.forget_permits(QUEUE - 64);
        assert_eq!(verifier.verify(many, Priority::Admission).await, [false; 300]);
    }

    #[test]
    fn a_cache_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::<u32, u32, 4>::default();
        cache.insert(0, 7);
        for key in 1..100 {
            cache.insert(key, key);
            assert_eq!(cache.get(&0), Some(7), "in use");
        }
        let generations = cache.0.read().unwrap();
        assert!(generations.young.len() <= 4 && generations.old.len() <= 4);
        assert!(!generations.young.contains_key(&1) && !generations.old.contains_key(&1));
    }

    #[test]
    fn another_signature_under_a_verified_id_is_verified() {
        let (pool, key) = (Pool::default(), SecretKey::generate().unwrap());
        let good = signed(&key, 1);
        assert!(pool.one(&good) && pool.one(&good));
        let forged = forged(&good);
        assert_eq!(forged.id(), good.id());
        assert!(!pool.one(&forged) && pool.one(&good));
    }

    #[test]
    fn a_key_off_the_curve_verifies_nothing_and_is_not_kept() {
        let pool = Pool::default();
        let off = (0u8..=255)
            .filter_map(|x| {
                let mut bytes = [x; 33];
                bytes[0] = 2;
                PublicKey::from_bytes(&bytes).ok()
            })
            .find(|k| k.to_verifying_key().is_err())
            .unwrap();
        assert!(pool.key(&off).is_none());
        assert!(pool.keys.0.read().unwrap().young.is_empty());
    }
}
