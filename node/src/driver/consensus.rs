//! The consensus thread: turns events into steps of the machine and performs their effects.

use super::executor::{Command, Executor};
use super::journal::Records;
use super::known::KnownBlocks;
use super::proposal::{Decoded, judge};
use super::waking::{Awake, Waking};
use super::{DriverError, Happened};
use crate::shared::{Committee, Shared};
use crate::status::Standing;
use crate::telemetry::metric;
use hnchain_consensus::{
    Effect, Evidence, Input, Machine, Message, Parameters, Position, Record, Recovered, Report, Root, Signer, Sm2,
    Timer, To,
};
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_network::{Channel, Control, Network};
use hnchain_storage::{Journal, Tip};
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::transaction::Transaction;
use hnchain_types::{BlockHash, Epoch, View};
use std::collections::BTreeMap;
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
    pub(super) messages: mpsc::Receiver<(PublicKey, Message)>,
    /// Tells the follower the view of a finalization whose block is not here.
    pub(super) behind: watch::Sender<View>,
    /// Where proofs of contradictory votes go.
    pub(super) accusations: mpsc::Sender<Evidence>,
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
    messages: mpsc::Receiver<(PublicKey, Message)>,
    behind: watch::Sender<View>,
    accusations: mpsc::Sender<Evidence>,
    shutdown: CancellationToken,
    runtime: Handle,
    machine: Machine,
    /// While it is not known which votes may have been forgotten, the machine has no key.
    waking: Option<Waking>,
    /// The last view of such votes, whichever epoch it is of.
    silent_until: Option<View>,
    key: Arc<dyn Signer>,
    start: Instant,
    timers: [Option<(Instant, Timer)>; Timer::SLOTS],
    known: KnownBlocks,
    /// Own blocks that are not final yet, and when they were proposed.
    proposals: BTreeMap<Position, (BlockHash, Instant)>,
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
        let Parts { shared, .. } = parts;
        let (journal, records) = Records::new(parts.journal, journal, shared.genesis.digest(), shared.key)?;
        let key: Arc<dyn Signer> = Arc::new(key);
        let alone = Waking::is_alone(&shared.key, &shared.committee().validators);
        let records = if parts.trust_new_journal { without_marks(records) } else { records };
        let new_journal = records.is_empty();
        let waking = new_journal && !parts.trust_new_journal && !alone;
        let silent_until = records.iter().filter(|r| matches!(r, Record::Cut(_))).map(|r| r.position().view).max();
        let machine = machine(&shared, (!waking).then(|| key.clone()), records)?;
        let mut consensus = Self {
            waking: waking.then(|| Waking::new(shared.genesis.digest())),
            silent_until,
            key,
            records: journal,
            network: parts.network,
            executor: parts.executor,
            happened: parts.happened,
            inbox: parts.inbox,
            control: parts.control,
            messages: parts.messages,
            behind: parts.behind,
            accusations: parts.accusations,
            shutdown: parts.shutdown,
            runtime: parts.runtime,
            machine,
            start: Instant::now(),
            timers: [None; Timer::SLOTS],
            known: KnownBlocks::default(),
            proposals: BTreeMap::new(),
            wanted: None,
            proposed_at: None,
            repeated_at: None,
            misbehaviour: 0,
            given_up: 0,
            dirty: true,
            work: false,
            effects: Vec::new(),
            shared,
        };
        consensus.shared.status.set_waking(waking);
        consensus.show_standing();
        if new_journal && !waking {
            consensus.mark(Position::default());
        }
        Ok(consensus)
    }

    /// No vote up to here. The mark is durable before the first vote, so that a journal in use is never taken for new.
    fn mark(&mut self, until: Position) {
        self.feed(Input::Forgotten { until });
    }

    async fn run(&mut self) -> Result<(), DriverError> {
        let shutdown = self.shutdown.clone();
        let mempool = self.shared.mempool.clone();
        if self.waking.is_some() {
            tracing::info!("the vote journal is new: asking validators how far the chain is before voting");
        }
        self.feed(Input::Start);
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
            Happened::Validated(block, position, decoded) => {
                let valid = decoded.is_some();
                if let Some(decoded) = decoded {
                    self.know(block, position, decoded);
                }
                self.feed(Input::Validated { block, valid });
            }
            Happened::Durable(position) => {
                self.records.durable(position)?;
                self.given_up = 0;
                self.known.stored(position, &self.shared.store)?;
                self.dirty = true;
                self.follow_store()?;
            }
            Happened::PeerStatus(peer, standing) => {
                let here = self.position();
                if let Some(waking) = &mut self.waking {
                    waking.hear(peer, &standing, here, self.machine.validators());
                    self.wake()?;
                }
            }
            Happened::Fatal(error) => return Err(error),
        }
        Ok(())
    }

    /// The store is never behind the machine for long, and never ahead of it: what sync stored is its root, too.
    fn follow_store(&mut self) -> Result<(), DriverError> {
        let (tip, Committee { epoch, validators }) = after_tip(&self.shared)?;
        if let Some(finalization) = tip.certificate.clone()
            && tip.height > self.machine.root().height
        {
            self.feed(Input::Synced { root: root(&tip), finalization, epoch, validators });
        }
        Ok(())
    }

    /// Takes up the key once it is known which votes may have been forgotten.
    fn wake(&mut self) -> Result<(), DriverError> {
        let validators = self.machine.validators();
        let awake = self.waking.as_ref().and_then(|w| w.decide(&self.shared.key, self.position(), validators));
        let Some(awake) = awake else { return Ok(()) };
        self.waking = None;
        self.shared.status.set_waking(false);
        self.machine = machine(&self.shared, Some(self.key.clone()), Vec::new())?;
        (self.timers, self.wanted) = ([None; Timer::SLOTS], None);
        (self.work, self.dirty) = (false, true);
        match awake {
            Awake::AtOnce => self.mark(Position::default()),
            Awake::After(until) => {
                tracing::warn!(%until, "the chain is older than this journal: no vote in views that it may have voted in");
                self.silent_until = Some(until);
                self.mark(Position { view: until, ..self.position() });
            }
        }
        self.feed(Input::Start);
        Ok(())
    }

    fn message(&mut self, from: PublicKey, message: Message) {
        // Validators of another epoch than the machine's are heard once it is there.
        if let Some(from) = self.machine.validators().index_of(&from) {
            self.feed(Input::Message { from: Some(from), message });
        }
    }

    fn position(&self) -> Position {
        Position { epoch: self.machine.epoch(), view: self.machine.view() }
    }

    /// A peer that is back may have missed our last words.
    fn peer(&mut self, control: Control) {
        match control {
            Control::Connected(peer) => {
                tracing::info!(%peer, "peer linked");
                let validator = self.machine.validators().index_of(&peer).is_some();
                let rested = self.repeated_at.is_none_or(|at| at.elapsed() >= REPEAT);
                if validator && rested {
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

    fn know(&mut self, block: BlockHash, position: Position, decoded: Arc<Decoded>) {
        self.known.insert(block, position, decoded);
        self.dirty = true;
    }

    /// Decodes a block that a quorum vouches for, where it was not judged here yet.
    fn know_block(&mut self, block: &Block) {
        let hash = block.header.hash();
        if self.known.get(&hash).is_none()
            && let Some(decoded) = Decoded::of(block)
        {
            self.know(hash, position_of(block), Arc::new(decoded));
        }
    }

    /// Whether transactions wait that no live block above the tip holds.
    fn update_work(&mut self) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        let mempool = &self.shared.mempool;
        let work = !mempool.is_empty() && mempool.has_fresh(&self.known.live());
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
            let position = Position { view: wanted.view, ..self.position() };
            self.know(hash, position, Arc::new(Decoded::new(transactions)));
            self.proposals.insert(position, (hash, Instant::now()));
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
        let root = self.machine.root();
        let taken = self.known.taken(ancestors, Position { epoch: root.epoch, view: root.view });
        // Where views fail, the last payload may have been more than the others can check in time.
        let most = (parameters.block_transactions >> self.given_up.min(SMALLER_BLOCKS)).max(1);
        self.shared.mempool.take(most as usize, parameters.block_bytes as usize, &taken)
    }

    // ---- effects ----

    /// D1: records first and durable, then everything else in order.
    fn perform(&mut self) -> Result<(), DriverError> {
        while !self.effects.is_empty() {
            self.perform_turn()?;
        }
        Ok(())
    }

    fn perform_turn(&mut self) -> Result<(), DriverError> {
        let effects = std::mem::take(&mut self.effects);
        for effect in &effects {
            if let Effect::Persist(record) = effect {
                // Without its key the node votes on nothing, and a journal that is new stays so.
                if self.waking.is_none() {
                    self.records.append(record)?;
                }
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
            self.known.skip(Position { epoch: certificate.epoch, view: certificate.view });
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
                let decoded = self.known.get(&block.header.hash()).cloned();
                self.command(Command::Execute(block, decoded))?;
            }
            Effect::Finalized { block, certificate, closing, .. } => {
                self.note_latency(&block, &certificate);
                self.command(Command::Finalize { block, certificate, closing })?;
            }
            Effect::Behind { view } => {
                self.behind.send_replace(view);
            }
            Effect::Epoch { epoch, validators } => self.begin(epoch, &validators),
            Effect::Report(report) => self.report(report),
            Effect::Halt(divergence) => return Err(DriverError::Divergence(divergence)),
        }
        Ok(())
    }

    /// How long a block of ours took to become final.
    fn note_latency(&mut self, block: &BlockHash, certificate: &Certificate) {
        let upto = Position { epoch: certificate.epoch, view: certificate.view };
        let later = self.proposals.split_off(&Position { view: upto.view.next(), ..upto });
        let settled = std::mem::replace(&mut self.proposals, later);
        if let Some((_, at)) = settled.values().find(|(hash, _)| hash == block) {
            metrics::histogram!(metric::BLOCK_FINALITY_SECONDS).record(at.elapsed().as_secs_f64());
        }
    }

    /// Views are numbered anew, and indices are of another set.
    fn begin(&mut self, epoch: Epoch, validators: &ValidatorSet) {
        let root = self.machine.root();
        self.known.begin(epoch, Position { epoch: root.epoch, view: root.view });
        self.dirty = true;
        self.wanted = None;
        tracing::info!(%epoch, validators = validators.len(), me = ?self.machine.me(), "an epoch begins");
        // Votes that may be forgotten reach at most to this view, even where they were the first ones of this epoch. Until
        // this effect is performed no block of it was judged or executed here, so nothing but nullify was signed.
        if let Some(until) = self.silent_until.filter(|until| self.machine.view() <= *until) {
            self.mark(Position { epoch, view: until });
        }
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
                let key = self.machine.validators().key(index).map(hnchain_crypto::VerifyingKey::public_key);
                let sent = key.is_some_and(|key| self.network.send(&key, Channel::Consensus, bytes));
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
                drop(happened.send(Happened::Validated(hash, position_of(&block), decoded)));
            });
            drop(judged.await); // a panic has already ended the process
        });
    }

    /// For peers and operators. A vote makes durable how its view was entered, so within an epoch nothing that was signed is
    /// beyond this.
    fn show_standing(&self) {
        let (position, entry) = (self.position(), self.machine.entry().cloned());
        self.shared.status.set_reticent(self.machine.awaits_epoch());
        let standing = Standing { position, entry, waking: self.waking.is_some() };
        self.shared.status.set_standing(standing);
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Entered(_) => self.show_standing(),
            Report::Nullified { view, leader, reason } => {
                self.given_up += 1;
                self.shared.status.add_nullified();
                tracing::info!(%view, %leader, ?reason, "view given up");
            }
            Report::Equivocation(evidence) => {
                let (first, second) = evidence.votes();
                tracing::error!(signer = %first.signer, epoch = %first.epoch, view = %first.view, ?first, ?second, "equivocation");
                metrics::counter!(metric::EQUIVOCATIONS).increment(1);
                if self.accusations.try_send(*evidence).is_err() {
                    tracing::warn!("too much evidence at once; this piece is not submitted by this node");
                }
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

/// Marks of votes that may be forgotten are put aside where an operator knows that none were; votes never are.
fn without_marks(records: Vec<Record>) -> Vec<Record> {
    let only_marks = records.iter().all(|r| matches!(r, Record::Cut(_)));
    if !only_marks {
        tracing::warn!("the vote journal holds votes: --trust-new-journal changes nothing");
        return records;
    }
    Vec::new()
}

/// A machine at the newest final block of the store.
fn machine(shared: &Shared, key: Option<Arc<dyn Signer>>, records: Vec<Record>) -> Result<Machine, DriverError> {
    let (tip, Committee { epoch, validators }) = after_tip(shared)?;
    let parameters = Parameters {
        genesis: shared.genesis.digest(),
        epoch,
        validators,
        verifier: Arc::new(Sm2),
        delta_ms: shared.chain.parameters.delta_ms,
        heartbeat_ms: shared.chain.parameters.heartbeat_ms,
    };
    let recovered = Recovered { root: root(&tip), finalization: tip.certificate, records };
    Ok(Machine::new(parameters, key, recovered)?)
}

fn after_tip(shared: &Shared) -> Result<(Tip, Committee), DriverError> {
    Committee::after_tip(&shared.store).map_err(|e| DriverError::Execution(e.to_string()))
}

fn root(tip: &Tip) -> Root {
    Root { epoch: tip.epoch, height: tip.height, view: tip.view, block: tip.block, time_ms: tip.time_ms }
}

fn position_of(block: &Block) -> Position {
    Position { epoch: block.header.epoch, view: block.header.view }
}

/// Milliseconds since the Unix epoch.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
