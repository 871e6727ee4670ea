//! The consensus thread: turns events into steps of the machine and performs their effects.

use super::executor::{Command, Executor};
use super::journal::Records;
use super::proposal::{Decoded, judge};
use super::{DriverError, Happened};
use crate::shared::Shared;
use hnchain_consensus::{Effect, Input, Machine, Message, Parameters, Record, Recovered, Report, Root, Sm2, Timer, To};
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_network::{Channel, Control, Network};
use hnchain_storage::Journal;
use hnchain_types::block::Block;
use hnchain_types::certificate::Statement;
use hnchain_types::transaction::Transaction;
use hnchain_types::{BlockHash, TxId, ValidatorIndex, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Least time between two proposals while fewer transactions wait than fill a block. A block costs every node some
/// milliseconds however few transactions it holds; this keeps a lightly loaded chain from spending all on framing.
const BLOCK_INTERVAL: Duration = Duration::from_millis(20);
/// Least time between two repetitions of our last words for peers that are back.
const REPEAT: Duration = Duration::from_millis(100);
/// Events taken in one turn: enough to share one journal sync, few enough to send votes soon.
const TURN: usize = 128;
/// A proposal whose time is further ahead than this, beyond the allowed drift, is not waited for.
const FUTURE: Duration = Duration::from_secs(10);
/// How often a payload is halved, at most, while views fail.
const SMALLER_BLOCKS: u32 = 5;

/// What the thread needs from outside.
pub(super) struct Parts {
    pub(super) shared: Arc<Shared>,
    pub(super) network: Network,
    pub(super) journal: Journal,
    /// The operator knows that a new journal forgets no votes that count.
    pub(super) trust_new_journal: bool,
    pub(super) executor: Executor,
    pub(super) happened: mpsc::UnboundedSender<Happened>,
    pub(super) inbox: mpsc::UnboundedReceiver<Happened>,
    pub(super) control: mpsc::Receiver<Control>,
    pub(super) messages: mpsc::Receiver<(ValidatorIndex, Message)>,
    /// Tells the follower the view of a finalization whose block is not here.
    pub(super) behind: watch::Sender<View>,
    pub(super) shutdown: CancellationToken,
    /// For judging proposals beside this thread.
    pub(super) runtime: Handle,
}

/// A payload that is wanted.
struct Wanted {
    view: View,
    parent_time_ms: u64,
    ancestors: Vec<BlockHash>,
    empty: bool,
}

/// The thread's state.
pub(super) struct Consensus {
    shared: Arc<Shared>,
    network: Network,
    records: Records,
    executor: Executor,
    happened: mpsc::UnboundedSender<Happened>,
    inbox: mpsc::UnboundedReceiver<Happened>,
    control: mpsc::Receiver<Control>,
    messages: mpsc::Receiver<(ValidatorIndex, Message)>,
    behind: watch::Sender<View>,
    shutdown: CancellationToken,
    runtime: Handle,
    machine: Machine,
    waking: Option<Waking>,
    keys: Vec<PublicKey>,
    start: Instant,
    timers: [Option<(Instant, Timer)>; Timer::SLOTS],
    known: BTreeMap<BlockHash, Known>,
    wanted: Option<Wanted>,
    proposed_at: Option<Instant>,
    repeated_at: Option<Instant>,
    /// Misbehaviour of peers since the start, for thinning out the log.
    misbehaviour: u64,
    /// Views that this node gave up since a block became durable here.
    given_up: u32,
    /// Whether `work` has to be computed again.
    dirty: bool,
    work: bool,
    effects: Vec<Effect>,
}

/// Runs the thread. Its result arrives at the receiver.
pub(super) fn spawn(mut consensus: Consensus) -> Result<oneshot::Receiver<Result<(), DriverError>>, DriverError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|e| DriverError::Thread(format!("consensus runtime: {e}")))?;
    let (ended, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("consensus".into())
        .spawn(move || {
            let result = runtime.block_on(consensus.run());
            drop(consensus); // releases the journal before anyone hears of the end
            drop(ended.send(result));
        })
        .map_err(|e| DriverError::Thread(format!("consensus thread: {e}")))?;
    Ok(receiver)
}

impl Consensus {
    pub(super) fn new(parts: Parts, key: SecretKey, journal: Vec<Vec<u8>>) -> Result<Self, DriverError> {
        let shared = parts.shared;
        let genesis = &shared.genesis;
        let keys: Vec<PublicKey> = genesis.validators().public_keys().collect();
        let is_validator = genesis.validators().index_of(&key.public_key()).is_some();
        let tip = shared.store.tip();
        let (journal, records) = Records::new(parts.journal, journal, genesis.digest(), key.public_key())?;
        let new_journal = records.is_empty() && is_validator && !parts.trust_new_journal;
        let parameters = Parameters {
            genesis: genesis.digest(),
            epoch: genesis.epoch(),
            validators: Arc::new(genesis.validators().clone()),
            verifier: Arc::new(Sm2),
            delta_ms: shared.chain.parameters.delta_ms,
            heartbeat_ms: shared.chain.parameters.heartbeat_ms,
        };
        let root = Root {
            epoch: tip.epoch,
            height: tip.height,
            view: tip.view,
            block: tip.block,
            time_ms: tip.time_ms,
        };
        let recovered = Recovered { root, finalization: tip.certificate, records };
        let machine = Machine::new(parameters, Some(Arc::new(key)), recovered)?;
        let needed = genesis.validators().quorum() - 1;
        Ok(Self {
            waking: (new_journal && needed > 0).then(|| Waking { heard: BTreeMap::new(), needed }),
            records: journal,
            network: parts.network,
            executor: parts.executor,
            happened: parts.happened,
            inbox: parts.inbox,
            control: parts.control,
            messages: parts.messages,
            behind: parts.behind,
            shutdown: parts.shutdown,
            runtime: parts.runtime,
            machine,
            keys,
            start: Instant::now(),
            timers: [None; Timer::SLOTS],
            known: BTreeMap::new(),
            wanted: None,
            proposed_at: None,
            repeated_at: None,
            misbehaviour: 0,
            given_up: 0,
            dirty: true,
            work: false,
            effects: Vec::new(),
            shared,
        })
    }

    async fn run(&mut self) -> Result<(), DriverError> {
        let shutdown = self.shutdown.clone();
        let mempool = self.shared.mempool.clone();
        if self.waking.is_none() {
            self.feed(Input::Start);
        } else {
            tracing::info!("this validator's journal is new: asking peers how far the chain is before voting");
        }
        loop {
            self.perform()?;
            let deadline = self.deadline();
            if shutdown.is_cancelled() {
                return Ok(());
            }
            // Without an order: a flood of one kind must not keep the others out.
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Some(happened) = self.inbox.recv() => self.take(happened)?,
                Some((from, message)) = self.messages.recv() => self.message(from, message),
                Some(control) = self.control.recv() => self.peer(control),
                () = mempool.arrived() => self.dirty = true,
                () = tokio::time::sleep_until(deadline) => {}
            }
            self.drain()?;
            self.fire_timers();
            self.update_work();
            self.propose_if_due();
        }
    }

    /// Takes what has already come, so that one sync serves several votes.
    fn drain(&mut self) -> Result<(), DriverError> {
        for _ in 0..TURN {
            if let Ok(happened) = self.inbox.try_recv() {
                self.take(happened)?;
            } else if let Ok((from, message)) = self.messages.try_recv() {
                self.message(from, message);
            } else {
                break;
            }
        }
        Ok(())
    }

    fn feed(&mut self, input: Input) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let effects = self.machine.step(now, input);
        self.effects.extend(effects);
    }

    fn take(&mut self, happened: Happened) -> Result<(), DriverError> {
        match happened {
            Happened::Engine(input) => self.feed(input),
            Happened::Validated(block, view, decoded) => {
                let valid = decoded.is_some();
                if let Some(decoded) = decoded {
                    self.know(block, view, decoded);
                }
                self.feed(Input::Validated { block, valid });
            }
            Happened::Durable(position) => {
                self.records.durable(position)?;
                self.given_up = 0;
                self.forget(position.view)?;
                self.dirty = true;
            }
            Happened::PeerStatus(peer, status) => self.wake(peer, status.view),
            Happened::Fatal(error) => return Err(error),
        }
        Ok(())
    }

    /// Keeps what is above the store's tip, and for a while what has just become final. The transactions of blocks that
    /// were abandoned wait again.
    fn forget(&mut self, durable: View) -> Result<(), DriverError> {
        let mut abandoned = Vec::new();
        for (hash, known) in self.known.iter_mut().filter(|(_, k)| k.view <= durable && !k.stored) {
            known.stored = self.shared.store.height_of(hash)?.is_some();
            if !known.stored {
                abandoned.push(*hash);
            }
        }
        self.known.retain(|hash, k| k.view.0 + REMEMBERED_VIEWS > durable.0 && !abandoned.contains(hash));
        Ok(())
    }

    /// A validator whose journal is new starts once a quorum has told how far the chain is.
    fn wake(&mut self, peer: ValidatorIndex, view: View) {
        let Some(waking) = &mut self.waking else { return };
        waking.heard.insert(peer, view);
        if waking.heard.len() < waking.needed {
            return;
        }
        // The f largest may be lies.
        let mut views: Vec<View> = waking.heard.values().copied().collect();
        views.sort_unstable_by(|a, b| b.cmp(a));
        let newest = views.get(self.shared.genesis.validators().faults()).copied().unwrap_or_default();
        self.waking = None;
        self.dirty = true;
        if newest > View(1) {
            let until = View(newest.0.saturating_add(FORGOTTEN_MARGIN));
            tracing::warn!(%until, "the chain is older than this journal: no vote in views that it may have voted in");
            self.feed(Input::Forgotten { until });
        }
        self.feed(Input::Start);
    }

    fn message(&mut self, from: ValidatorIndex, message: Message) {
        if self.waking.is_none() {
            self.feed(Input::Message { from: Some(from), message });
        }
    }

    /// A peer that is back may have missed our last words.
    fn peer(&mut self, control: Control) {
        match control {
            Control::Connected(peer) => {
                tracing::info!(%peer, "peer linked");
                let validator = self.keys.contains(&peer);
                let rested = self.repeated_at.is_none_or(|at| at.elapsed() >= REPEAT);
                if validator && rested && self.waking.is_none() {
                    self.repeated_at = Some(Instant::now());
                    self.feed(Input::Timer(Timer::Resend));
                }
            }
            Control::Disconnected(peer) => tracing::info!(%peer, "peer lost"),
        }
    }

    fn deadline(&self) -> Instant {
        let timers = self.timers.iter().flatten().map(|(at, _)| *at);
        let proposal = self.wanted.as_ref().map(|_| self.proposal_due());
        let far = Instant::now() + Duration::from_secs(60);
        timers.chain(proposal).min().unwrap_or(far)
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        for slot in 0..Timer::SLOTS {
            if let Some((at, timer)) = self.timers[slot]
                && at <= now
            {
                self.timers[slot] = None;
                self.feed(Input::Timer(timer));
            }
        }
    }

    // ---- mempool ----

    fn know(&mut self, block: BlockHash, view: View, decoded: Arc<Decoded>) {
        self.known.entry(block).or_insert(Known { view, decoded, skipped: false, stored: false });
        self.dirty = true;
    }

    /// Decodes a block that a quorum vouches for, where it was not judged here yet.
    fn know_block(&mut self, block: &Block) {
        let hash = block.header.hash();
        if !self.known.contains_key(&hash)
            && let Some(decoded) = Decoded::of(block)
        {
            self.know(hash, block.header.view, Arc::new(decoded));
        }
    }

    /// Whether transactions wait that no live block above the tip holds.
    fn update_work(&mut self) {
        if self.waking.is_some() || !std::mem::take(&mut self.dirty) {
            return;
        }
        let mempool = &self.shared.mempool;
        let work = if mempool.is_empty() {
            false
        } else {
            let live = self.known.values().filter(|k| !k.skipped);
            let taken: BTreeSet<TxId> = live.flat_map(|k| k.decoded.ids.iter().copied()).collect();
            mempool.has_fresh(&taken)
        };
        if work != self.work {
            self.work = work;
            self.feed(Input::Work(work));
        }
    }

    fn proposal_due(&self) -> Instant {
        let full = self.shared.chain.parameters.block_transactions as usize;
        match self.proposed_at {
            Some(at) if self.shared.mempool.len() < full => at + BLOCK_INTERVAL,
            _ => Instant::now(),
        }
    }

    fn propose_if_due(&mut self) {
        if self.wanted.as_ref().is_none_or(|w| w.view != self.machine.view()) {
            self.wanted = None;
            return;
        }
        if self.proposal_due() > Instant::now() {
            return;
        }
        let Some(wanted) = self.wanted.take() else { return };
        self.proposed_at = Some(Instant::now());
        self.know_ancestors(&wanted.ancestors);
        let transactions = if wanted.empty { Vec::new() } else { self.payload(&wanted.ancestors) };
        let raw = transactions.iter().map(|t| t.raw().to_vec()).collect();
        let time_ms = wall_ms().max(wanted.parent_time_ms + 1);
        self.feed(Input::Proposed { view: wanted.view, time_ms, transactions: raw });
        if let Some(hash) = self.machine.proposal(wanted.view) {
            self.know(hash, wanted.view, Arc::new(Decoded::new(transactions)));
        }
    }

    /// A quorum may have notarized a block before this node has judged it: its transactions are taken all the same.
    fn know_ancestors(&mut self, ancestors: &[BlockHash]) {
        for hash in ancestors {
            if let Some(block) = self.machine.block(hash).cloned() {
                self.know_block(&block);
            }
        }
    }

    /// What waits and is neither in an ancestor nor in a block that may be final but is not stored yet.
    fn payload(&self, ancestors: &[BlockHash]) -> Vec<Arc<Transaction>> {
        let parameters = &self.shared.chain.parameters;
        let root = self.machine.root().view;
        let holding = self.known.iter().filter(|(h, k)| ancestors.contains(h) || k.view <= root);
        let taken: BTreeSet<TxId> = holding.flat_map(|(_, k)| k.decoded.ids.iter().copied()).collect();
        // Where views fail, the last payload may have been more than the others can check in time.
        let most = (parameters.block_transactions >> self.given_up.min(SMALLER_BLOCKS)).max(1);
        self.shared.mempool.take(most as usize, parameters.block_bytes as usize, &taken)
    }

    // ---- effects ----

    /// D1: records first and durable, then everything else in order.
    fn perform(&mut self) -> Result<(), DriverError> {
        let effects = std::mem::take(&mut self.effects);
        for effect in &effects {
            if let Effect::Persist(record) = effect {
                self.records.append(record)?;
                self.note_skip(record);
            }
        }
        self.records.sync()?;
        for effect in effects {
            self.effect(effect)?;
        }
        Ok(())
    }

    fn note_skip(&mut self, record: &Record) {
        if let Record::Entered(certificate) = record
            && certificate.statement == Statement::Nullify
        {
            self.known.values_mut().filter(|k| k.view == certificate.view).for_each(|k| k.skipped = true);
            self.dirty = true;
        }
    }

    fn effect(&mut self, effect: Effect) -> Result<(), DriverError> {
        match effect {
            Effect::Persist(_) => {}
            Effect::Send { to, message } => self.send(to, &message),
            Effect::Arm { timer, after_ms } => {
                self.timers[timer.slot()] = Some((Instant::now() + Duration::from_millis(after_ms), timer));
            }
            Effect::Propose { view, parent_time_ms, ancestors, empty } => {
                self.wanted = Some(Wanted { view, parent_time_ms, ancestors, empty });
            }
            Effect::Validate(block) => {
                self.proposed_at = Some(Instant::now());
                self.validate(block);
            }
            Effect::Execute(block) => {
                self.know_block(&block);
                let decoded = self.known.get(&block.header.hash()).map(|k| k.decoded.clone());
                self.command(Command::Execute(block, decoded))?;
            }
            Effect::Finalized { block, certificate, .. } => self.command(Command::Finalize(block, certificate))?,
            Effect::Behind { view } => {
                self.behind.send_replace(view);
            }
            Effect::Epoch { epoch, .. } => tracing::info!(%epoch, "epoch begins"),
            Effect::Report(report) => self.report(report),
            Effect::Halt(divergence) => return Err(DriverError::Divergence(divergence)),
        }
        Ok(())
    }

    fn command(&self, command: Command) -> Result<(), DriverError> {
        self.executor.send(command).map_err(|_| DriverError::Thread("the executor thread ended".into()))
    }

    fn send(&self, to: To, message: &Message) {
        let bytes: Arc<[u8]> = match message.encode() {
            Ok(bytes) => bytes.into(),
            Err(error) => return tracing::error!(%error, "a consensus message cannot be encoded"),
        };
        match to {
            To::All => self.network.broadcast(Channel::Consensus, bytes),
            To::One(index) => {
                // A full queue or a lost link: what matters is said again (R10).
                let sent =
                    self.keys.get(index.index()).is_some_and(|k| self.network.send(k, Channel::Consensus, bytes));
                if !sent {
                    tracing::debug!(to = %index, "consensus message not sent");
                }
            }
        }
    }

    /// Judges a block beside this thread. One whose time is ahead of this node's clock is judged when the clock gets
    /// there; whether that is too late is for the view's timer to say.
    fn validate(&self, block: Arc<Block>) {
        let (shared, happened) = (self.shared.clone(), self.happened.clone());
        let drift = shared.chain.parameters.time_drift_ms;
        let early = Duration::from_millis(block.header.time_ms.saturating_sub(wall_ms().saturating_add(drift)));
        self.runtime.spawn(async move {
            if early > FUTURE {
                return tracing::warn!(block = %block.header.hash(), ?early, "a proposal of a distant time; check the clocks");
            }
            tokio::time::sleep(early).await;
            let judged = tokio::task::spawn_blocking(move || {
                let hash = block.header.hash();
                let decoded = match judge(&shared, &block) {
                    Ok(decoded) => Some(Arc::new(decoded)),
                    Err(why) => {
                        tracing::warn!(block = %hash, view = %block.header.view, %why, "invalid proposal");
                        None
                    }
                };
                drop(happened.send(Happened::Validated(hash, block.header.view, decoded)));
            });
            drop(judged.await); // a panic has already ended the process
        });
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Entered(view) => self.shared.status.set_view(self.shared.genesis.epoch(), view),
            Report::Nullified { view, leader, reason } => {
                self.given_up += 1;
                self.shared.status.add_nullified();
                tracing::info!(%view, %leader, ?reason, "view given up");
            }
            Report::Equivocation(evidence) => {
                let (first, second) = evidence.votes();
                tracing::error!(signer = %first.signer, view = %first.view, ?first, ?second, "equivocation");
            }
            Report::Fork(pair) => tracing::error!(?pair, "contradictory certificates: more than f validators lie"),
            Report::Misbehaviour { from, what } => {
                self.misbehaviour += 1;
                // 1, 2, 4, 8 …: a liar must not fill the disk with our log.
                if self.misbehaviour.is_power_of_two() {
                    tracing::warn!(?from, what, count = self.misbehaviour, "peer misbehaves");
                }
            }
        }
    }
}

/// Milliseconds since the Unix epoch.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
