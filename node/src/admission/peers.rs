//! Transactions that peers send: a lane for each peer, so that nobody's backlog is another's.

use super::{Admission, Admitted, Examined, Origin, decode_frame, refused};
use crate::refusal::Refusal;
use crate::telemetry::metric;
use crate::verify::Priority;
use hnchain_crypto::PublicKey;
use hnchain_types::transaction::Transaction;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Most bytes of one peer that wait for admission: some twenty thousand anchors. More are dropped unread; the peer that
/// took them from its client proposes them itself.
const PEER_BYTES: usize = 8 << 20;
/// Most frames of one peer that wait. A lightly loaded peer sends a frame for every few transactions.
const PEER_FRAMES: usize = 8_192;
/// This many transactions that no honest node forwards, and the peer is not listened to for [`MUTE`]. More than one,
/// because a peer may run a release that is a little older.
const FAULTS: u32 = 16;
/// How long.
const MUTE: Duration = Duration::from_secs(60);

/// The lanes.
#[derive(Debug)]
pub struct Peers {
    admission: Arc<Admission>,
    lanes: HashMap<PublicKey, Lane>,
    backlog: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Lane {
    frames: mpsc::Sender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

impl Peers {
    /// No lanes yet; they open with a peer's first frame. Peers are members of the chain, so their number is bounded.
    #[must_use]
    pub fn new(admission: Arc<Admission>) -> Self {
        Self { admission, lanes: HashMap::new(), backlog: Arc::default() }
    }

    /// Bytes that wait in all lanes.
    #[must_use]
    pub fn backlog(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.backlog)
    }

    /// Reads frames until `stop` or the network's end.
    pub async fn run(mut self, mut frames: mpsc::Receiver<(PublicKey, Vec<u8>)>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                frame = frames.recv() => match frame {
                    Some((from, bytes)) => self.receive(from, bytes),
                    None => return,
                },
            }
        }
    }

    fn receive(&mut self, from: PublicKey, frame: Vec<u8>) {
        let lane = self
            .lanes
            .entry(from)
            .or_insert_with(|| Lane::open(from, Arc::clone(&self.admission), Arc::clone(&self.backlog)));
        let size = frame.len();
        if lane.bytes.load(Ordering::Relaxed) + size > PEER_BYTES {
            dropped("backlog", size);
            return;
        }
        lane.bytes.fetch_add(size, Ordering::Relaxed);
        self.backlog.fetch_add(size, Ordering::Relaxed);
        if lane.frames.try_send(frame).is_err() {
            lane.bytes.fetch_sub(size, Ordering::Relaxed);
            self.backlog.fetch_sub(size, Ordering::Relaxed);
            dropped("backlog", size);
        }
    }
}

impl Lane {
    fn open(from: PublicKey, admission: Arc<Admission>, backlog: Arc<AtomicUsize>) -> Self {
        let (frames, mut queue) = mpsc::channel::<Vec<u8>>(PEER_FRAMES);
        let bytes = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&bytes);
        tokio::spawn(async move {
            let mut conduct = Conduct::default();
            while let Some(frame) = queue.recv().await {
                let size = frame.len();
                if conduct.muted() {
                    dropped("muted", size);
                } else {
                    let faults = admission.admit_frame(frame).await;
                    conduct.note(&from, faults);
                }
                waiting.fetch_sub(size, Ordering::Relaxed);
                backlog.fetch_sub(size, Ordering::Relaxed);
            }
        });
        Self { frames, bytes }
    }
}

/// What a peer did wrong, and whether it is listened to.
#[derive(Debug, Default)]
struct Conduct {
    faults: u32,
    muted_until: Option<Instant>,
}

impl Conduct {
    fn muted(&mut self) -> bool {
        match self.muted_until {
            Some(until) if Instant::now() < until => true,
            Some(_) => {
                *self = Self::default();
                false
            }
            None => false,
        }
    }

    fn note(&mut self, from: &PublicKey, faults: u32) {
        if faults == 0 {
            return;
        }
        metrics::counter!(metric::PEER_FAULTS, "peer" => from.to_string()).increment(u64::from(faults));
        self.faults = self.faults.saturating_add(faults);
        if self.faults >= FAULTS {
            tracing::warn!(peer = %from, faults = self.faults, seconds = MUTE.as_secs(),
                "peer sends invalid transactions; ignoring its transactions for a while");
            self.muted_until = Some(Instant::now() + MUTE);
        }
    }
}

impl Admission {
    /// Admits what a peer sent; returns how many of them no honest node forwards.
    async fn admit_frame(self: &Arc<Self>, frame: Vec<u8>) -> u32 {
        let size = frame.len();
        let this = Arc::clone(self);
        // Thousands of decodings and reads of the state: too long for a runtime thread.
        let examined = tokio::task::spawn_blocking(move || this.examine_frame(&frame)).await;
        let Some(Examination { new, mut faults }) = examined.expect("examination does not panic") else {
            dropped("malformed", size);
            return FAULTS;
        };
        if new.is_empty() {
            return faults;
        }
        let good = self.shared.verifier.verify(new.clone(), Priority::Admission).await;
        let mut admitted = 0;
        for (tx, good) in new.iter().zip(good) {
            if !good {
                faults = faults.saturating_add(1);
                refused(Origin::Peer, &Refusal::signature());
                continue;
            }
            match self.insert(tx) {
                Ok(Admitted::New(_)) => admitted += 1,
                Ok(_) => {}
                Err(refusal) => refused(Origin::Peer, &refusal),
            }
        }
        metrics::counter!(metric::ADMITTED, "origin" => "peer").increment(admitted);
        faults
    }

    fn examine_frame(&self, frame: &[u8]) -> Option<Examination> {
        let list = match decode_frame(frame) {
            Ok(list) => list,
            Err(error) => {
                tracing::debug!(%error, "malformed frame of transactions");
                return None;
            }
        };
        let mut examination = Examination { new: Vec::with_capacity(list.len()), faults: 0 };
        for raw in list {
            match self.examine(&raw) {
                Ok(Examined::New(tx)) => examination.new.push(tx),
                Ok(Examined::Known(_)) => {}
                Err(refusal) => {
                    examination.faults += u32::from(is_fault(&refusal));
                    refused(Origin::Peer, &refusal);
                }
            }
        }
        Some(examination)
    }
}

struct Examination {
    new: Vec<Arc<Transaction>>,
    faults: u32,
}

/// Refusals that depend on nothing but the bytes. Others may differ between honest nodes: one is a block ahead, one's
/// mempool is full.
fn is_fault(refusal: &Refusal) -> bool {
    refusal.code.starts_with("DECODE_") || matches!(refusal.code, "TX_CHAIN" | "TX_TOO_LARGE" | "SIGNATURE_INVALID")
}

fn dropped(reason: &'static str, bytes: usize) {
    metrics::counter!(metric::PEER_DROPPED, "reason" => reason).increment(bytes as u64);
}
