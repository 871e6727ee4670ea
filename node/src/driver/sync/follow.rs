//! The follower: asks peers where they are, and carries out the plan where blocks are missing.

use super::check::{self, Block};
use super::peers::{Claim, Fault};
use super::plan::{Ask, Limits, Plan, Run, Stretch};
use super::progress::Progress;
use super::wire::{ANSWER_BLOCKS, ANSWER_BYTES, Answer, PeerStatus, Question};
use crate::driver::Happened;
use crate::driver::executor::{Command, Executor, Synced};
use crate::shared::Shared;
use crate::status::Peer;
use crate::telemetry::metric;
use hnchain_crypto::PublicKey;
use hnchain_network::{Network, NetworkError, PeerInfo};
use hnchain_storage::Tip;
use hnchain_types::{Height, View, wire};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// How often peers are asked where they are, and late answers looked at.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// … and how soon again while this node needs to know: a final block is missing that nobody had a moment ago, or the journal
/// is new.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// How long such a block is urgent.
const URGENT: Duration = Duration::from_secs(2);
/// How long a peer may take to say where it is.
const STATUS_WAIT: Duration = Duration::from_secs(2);
/// A peer that is this far ahead is followed at once; one that is less far ahead only when this node stands still.
const AHEAD: u64 = 16;
/// Runs given to the executor: one that it works on, one that waits, so that it never does.
const RUNS_AT_ONCE: usize = 2;

/// Bounds of a node.
pub(super) const LIMITS: Limits = Limits {
    questions: 16,
    per_peer: 4,
    range_blocks: ANSWER_BLOCKS,
    range_bytes: 1024 * 1024,
    answer_bytes: ANSWER_BYTES,
    window_bytes: 96 * 1024 * 1024,
    held_bytes: 384 * 1024 * 1024,
    run_bytes: 2 * 1024 * 1024,
    // Consensus and shutdown wait behind a run.
    run_blocks: 64,
    second_ms: 2_000,
};

/// Where answers come from: the network, or what a test puts in its place.
pub(in crate::driver) trait Source: Clone + Send + Sync + 'static {
    /// The peers and whether they are linked.
    fn peers(&self) -> Vec<PeerInfo>;
    /// Puts a question and waits for the answer.
    fn ask(&self, to: PublicKey, question: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, NetworkError>> + Send;
}

impl Source for Network {
    fn peers(&self) -> Vec<PeerInfo> {
        Self::peers(self)
    }

    async fn ask(&self, to: PublicKey, question: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
        self.request(&to, question).await
    }
}

/// The parts of the follower.
pub(in crate::driver) struct Follower<S> {
    pub(in crate::driver) shared: Arc<Shared>,
    pub(in crate::driver) source: S,
    pub(in crate::driver) executor: Executor,
    pub(in crate::driver) happened: mpsc::UnboundedSender<Happened>,
    /// View of a finalization whose block is not here.
    pub(in crate::driver) behind: watch::Receiver<View>,
    pub(in crate::driver) shutdown: CancellationToken,
}

/// What tasks bring back.
enum Event {
    Status(PublicKey, Option<PeerStatus>),
    Answered(u64, Result<Stretch<Block>, Option<Fault>>),
    Executed { generation: u64, run: Run<PublicKey, ()>, outcome: Option<Synced> },
}

struct Follow<S> {
    parts: Follower<S>,
    plan: Plan<PublicKey, Block>,
    begun: Instant,
    tasks: JoinSet<Event>,
    /// Answers that are decoded and verified at the same time.
    processors: Arc<Semaphore>,
    /// Peers that were asked where they are and have not answered.
    asked: BTreeSet<PublicKey>,
    /// Runs that the executor has. A run that fails makes those after it worthless: they are of an older generation.
    runs: usize,
    generation: u64,
    /// Where this node was at the last tick.
    last: Height,
    /// Whether it was there at the tick before already.
    stands: bool,
    progress: Option<Progress>,
    /// When a final block was last known to be missing.
    behind_at: Option<Instant>,
}

/// Asks peers where they are and fetches what is missing, until shutdown.
pub(in crate::driver) async fn follow<S: Source>(follower: Follower<S>) {
    follow_within(follower, LIMITS).await;
}

pub(super) async fn follow_within<S: Source>(follower: Follower<S>, limits: Limits) {
    let (mut ticks, mut soon) = (interval(STATUS_EVERY), interval(ASK_AGAIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    soon.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut follow = Follow::new(follower, limits);
    let shutdown = follow.parts.shutdown.clone();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = follow.parts.behind.changed() => {
                if changed.is_err() { return }
                follow.behind_at = Some(Instant::now());
                follow.ask_statuses();
            }
            _ = ticks.tick() => follow.tick(),
            _ = soon.tick() => if follow.is_urgent() { follow.ask_statuses() },
            Some(event) = follow.tasks.join_next() => match event {
                Ok(event) => follow.take(event),
                Err(error) => tracing::error!(%error, "a task of sync ended without an answer"),
            },
        }
        follow.go_on();
    }
}

impl<S: Source> Follow<S> {
    fn new(parts: Follower<S>, limits: Limits) -> Self {
        let tip = parts.shared.store.tip();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            plan: Plan::new(limits, tip.height, tip.block),
            begun: Instant::now(),
            tasks: JoinSet::new(),
            processors: Arc::new(Semaphore::new(processors)),
            asked: BTreeSet::new(),
            runs: 0,
            generation: 0,
            last: Height(0),
            stands: false,
            progress: None,
            behind_at: None,
            parts,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn tick(&mut self) {
        let height = self.parts.shared.store.tip().height;
        self.stands = height == self.last;
        self.last = height;
        self.ask_statuses();
        self.show();
    }

    fn ask_statuses(&mut self) {
        let infos = self.parts.source.peers();
        let linked: BTreeSet<PublicKey> = infos.iter().filter(|p| p.connected).map(|p| p.public_key).collect();
        self.plan.link(&linked, self.now());
        let peer = |p: PeerInfo| Peer { public_key: p.public_key, address: p.address, connected: p.connected };
        self.parts.shared.status.set_peers(infos.into_iter().map(peer).collect());
        for key in linked {
            if !self.asked.insert(key) {
                continue; // it has not answered the last time yet
            }
            let source = self.parts.source.clone();
            self.tasks.spawn(async move {
                let answer = timeout(STATUS_WAIT, ask(&source, key, Question::Status)).await;
                let status = answer.ok().and_then(Result::ok).and_then(|b| match wire::decode("sync answer", &b) {
                    Ok(Answer::Status(status)) => Some(status),
                    _ => None,
                });
                Event::Status(key, status)
            });
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Status(peer, status) => {
                self.asked.remove(&peer);
                let Some(status) = status else { return };
                let claim = Claim { first: status.first, last: status.height };
                self.plan.claim(peer, claim, self.now());
                if let Some(standing) = status.standing {
                    // A closed inbox means that the consensus thread has ended; this task ends with it.
                    drop(self.parts.happened.send(Happened::PeerStatus(peer, standing)));
                }
            }
            Event::Answered(ticket, answer) => self.plan.answered(ticket, answer, self.now()),
            Event::Executed { generation, run, outcome } => self.executed(generation, &run, outcome),
        }
    }

    // ---- whether to catch up ----

    /// Carries on with whatever is possible now.
    fn go_on(&mut self) {
        let tip = self.parts.shared.store.tip();
        self.plan.advance(tip.height, tip.block);
        self.parts.shared.status.set_network_height(self.vouched().max(tip.height));
        let best = self.plan.peers.best(tip.height.next(), self.now());
        if self.progress.is_none() && self.is_needed(&tip, best) {
            tracing::info!(height = %tip.height, target = %self.target(best), "catching up");
            self.progress = Some(Progress::new(Instant::now(), tip.height));
            self.parts.shared.status.set_syncing(true);
        }
        if let Some(progress) = &mut self.progress {
            progress.reached(Instant::now(), tip.height);
            self.fetch_and_execute();
            if best <= tip.height && self.runs == 0 {
                self.end();
            }
        }
        self.note_faults();
    }

    /// Whether peers should be asked sooner than usual: for a moment only, since anybody can claim that there is more.
    fn is_urgent(&self) -> bool {
        let told = self.behind_at.is_some_and(|at| at.elapsed() < URGENT);
        self.parts.shared.status.waking() || told && self.progress.is_none() && self.is_lost()
    }

    /// Whether a block is known to be final that is not here.
    fn is_lost(&self) -> bool {
        self.parts.shared.store.tip().view < *self.parts.behind.borrow()
    }

    fn is_needed(&self, tip: &Tip, best: Height) -> bool {
        let lost = self.is_lost();
        let stands = self.stands && tip.height == self.last;
        best > tip.height && (lost || stands || best.0 > tip.height.0 + AHEAD)
    }

    fn end(&mut self) {
        self.plan.rest();
        self.show();
        if let Some(progress) = self.progress.take() {
            let (blocks, took, rate) = progress.whole(Instant::now());
            let height = self.parts.shared.store.tip().height;
            tracing::info!(%height, blocks, seconds = took.as_secs_f64(), blocks_per_second = rate, "caught up");
        }
        self.parts.shared.status.set_syncing(false);
        self.show();
    }

    /// The height that at least one honest validator claims: all but the f largest claims could be true.
    fn vouched(&self) -> Height {
        let committee = self.parts.shared.committee();
        let validators = &committee.validators;
        let claims = self.plan.peers.heights(self.now()).filter(|(p, _)| validators.index_of(p).is_some());
        let mut claims: Vec<Height> = claims.map(|(_, height)| height).collect();
        claims.sort_unstable_by(|a, b| b.cmp(a));
        claims.get(validators.faults()).copied().unwrap_or_default()
    }

    /// What people are told: what validators vouch for, where they are linked.
    fn target(&self, best: Height) -> Height {
        let vouched = self.vouched();
        if vouched > Height(0) { vouched } else { best }
    }

    // ---- the plan ----

    fn fetch_and_execute(&mut self) {
        let now = self.now();
        let committee = self.parts.shared.committee();
        for (ticket, stretch) in self.plan.take_unjudged(committee.epoch, now) {
            self.judge(ticket, stretch);
        }
        while self.runs < RUNS_AT_ONCE
            && let Some(run) = self.plan.next_run(now)
        {
            self.execute(run);
        }
        while let Some(ask) = self.plan.next_ask(now) {
            self.ask(ask);
        }
    }

    fn ask(&mut self, ask_: Ask<PublicKey>) {
        let (source, shared) = (self.parts.source.clone(), self.parts.shared.clone());
        let processors = self.processors.clone();
        let Ask { ticket, peer, first, count } = ask_;
        self.tasks.spawn(async move {
            let answer = match ask(&source, peer, Question::Blocks { from: first, count }).await {
                Err(NetworkError::RequestTimeout(_)) => Err(Some(Fault::Late)),
                Err(NetworkError::RequestRefused(_)) => Err(Some(Fault::Busy)),
                Err(NetworkError::ReplyTooLarge(_)) => Err(Some(Fault::Oversized)),
                Err(_) => Err(None),
                Ok(bytes) => {
                    let work = move || {
                        let genesis = shared.genesis.digest();
                        let stretch = check::read(&bytes, genesis, first, count)?;
                        check::judge(stretch, genesis, &shared.committee())
                    };
                    compute(&processors, work).await
                }
            };
            Event::Answered(ticket, answer)
        });
    }

    fn judge(&mut self, ticket: u64, stretch: Stretch<Block>) {
        let (shared, processors) = (self.parts.shared.clone(), self.processors.clone());
        self.tasks.spawn(async move {
            let work = move || check::judge(stretch, shared.genesis.digest(), &shared.committee());
            Event::Answered(ticket, compute(&processors, work).await)
        });
    }

    fn execute(&mut self, run: Run<PublicKey, Block>) {
        let Run { blocks, origins } = run;
        let (reply, outcome) = oneshot::channel();
        let blocks = blocks.into_iter().map(|b| b.finalized).collect();
        // Without an executor the node is ending, and so is this task.
        drop(self.parts.executor.send(Command::Sync(blocks, reply)));
        self.runs += 1;
        let (generation, run) = (self.generation, Run { blocks: Vec::new(), origins });
        self.tasks.spawn(async move { Event::Executed { generation, run, outcome: outcome.await.ok() } });
    }

    fn executed(&mut self, generation: u64, run: &Run<PublicKey, ()>, outcome: Option<Synced>) {
        self.runs -= 1;
        match outcome {
            Some(Ok(blocks)) => metrics::counter!(metric::SYNC_BLOCKS).increment(blocks),
            Some(Err(bad)) if generation == self.generation => {
                let origin = run.origin(bad.height);
                tracing::warn!(height = %bad.height, why = bad.why, peer = origin.map(tracing::field::display), "blocks from a peer cannot be executed");
                let tip = self.parts.shared.store.tip();
                self.plan.retreat(tip.height, tip.block, origin, self.now());
                self.generation += 1;
            }
            Some(Err(_)) | None => {}
        }
    }

    // ---- telling ----

    fn note_faults(&mut self) {
        for (peer, fault) in self.plan.take_faults() {
            metrics::counter!(metric::SYNC_FAULTS, "fault" => fault.name()).increment(1);
            if fault.is_lie() {
                tracing::warn!(%peer, fault = fault.name(), "this peer's blocks are not used for a time");
            } else {
                tracing::debug!(%peer, fault = fault.name(), "sync from this peer is slow");
            }
        }
    }

    fn show(&mut self) {
        let (now, height) = (Instant::now(), self.parts.shared.store.tip().height);
        let target = self.target(self.plan.peers.best(height.next(), self.now()));
        metric::set(metric::SYNC_WINDOW, self.plan.window_bytes() as u64);
        metric::set(metric::SYNC_QUESTIONS, self.plan.under_way() as u64);
        metric::set(metric::SYNC_RESTING, self.plan.peers.resting(self.now()) as u64);
        let (rate, remaining) = match &self.progress {
            Some(progress) => (progress.rate(now), progress.remaining(now, target)),
            None => (0.0, None),
        };
        metrics::gauge!(metric::SYNC_RATE).set(rate);
        metrics::gauge!(metric::SYNC_REMAINING).set(remaining.unwrap_or_default().as_secs_f64());
        if self.progress.as_mut().is_some_and(|p| p.is_due(now)) {
            let remaining = remaining.map(|r| tracing::field::display(format!("{} s", r.as_secs())));
            tracing::info!(%height, %target, blocks_per_second = rate, remaining, "catching up");
        }
    }
}

async fn ask<S: Source>(source: &S, peer: PublicKey, question: Question) -> Result<Vec<u8>, NetworkError> {
    match wire::encode("sync request", &question) {
        Ok(bytes) => source.ask(peer, bytes).await,
        Err(error) => {
            tracing::error!(%error, "a question cannot be encoded");
            Err(NetworkError::RequestTooLarge(0))
        }
    }
}

/// Runs work on a thread for blocking work, as many at once as there are processors.
async fn compute<T: Send + 'static>(
    processors: &Semaphore,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Option<Fault>> {
    let Ok(_permit) = processors.acquire().await else { return Err(None) };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Some),
        Err(_) => Err(None), // a panic has already ended the process
    }
}
