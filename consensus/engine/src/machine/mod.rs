//! The state machine. One file per part of the protocol; the rules are stated on the crate's page.

mod catch_up;
mod epochs;
mod finality;
mod lead;
mod views;
mod votes;

use crate::bug::{Bug, planted};
use crate::safety::{JournalContradiction, Safety};
use crate::tally::{Certificates, Tally};
use crate::tree::Tree;
use crate::{Effect, Input, Leader, Message, Position, Record, Recovered, Report, Root, Signer, To, Verifier, Vote};
use hnchain_crypto::Digest;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, ValidatorIndex, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Views ahead of the current one whose votes and proposals are kept. A peer that is further ahead sends certificates.
pub(crate) const LOOKAHEAD: u64 = 16;
/// Blocks between the parent and the newest executed ancestor beyond which a leader proposes no payload.
const EXECUTION_BACKLOG: usize = 4;
/// … and beyond which it makes no block at all: empty ones, too, have to be executed and kept.
const EXECUTION_LIMIT: usize = 64;

/// What all validators of an epoch agree on.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Which chain.
    pub genesis: GenesisDigest,
    /// The epoch after the root. The machine goes on to later ones by itself.
    pub epoch: Epoch,
    /// Its validators.
    pub validators: Arc<ValidatorSet>,
    /// Checks signatures: [`crate::Sm2`].
    pub verifier: Arc<dyn Verifier>,
    /// Assumed bound of message delay, Δ, milliseconds.
    pub delta_ms: u64,
    /// An idle chain certifies its clock this often, milliseconds.
    pub heartbeat_ms: u64,
}

impl Parameters {
    fn verifies(&self, vote: &Vote) -> bool {
        vote.verify_by(self.genesis, &self.validators, |key, digest, signature| {
            self.verifier.verify(key, digest, signature)
        })
    }
}

/// One view's votes, certificates and proposal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    tally: Tally,
    certificates: Certificates,
    /// The first proposal of the leader.
    proposal: Option<BlockHash>,
    validating: bool,
    /// Digests of nullifications by other signers than ours that were verified: proposals carry them again and again.
    verified_skips: BTreeSet<Digest>,
    /// As leader: the driver was asked for a payload.
    asked: bool,
    /// As leader: peers were asked for certificates that were jumped over.
    searched: bool,
    /// The driver was told that this view's finalization is ahead of us.
    behind: bool,
}

/// What is remembered about a peer.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// Nothing was heard since it missed a view that it led.
    silent: bool,
    /// When it was last helped, on the caller's clock.
    helped_at: Option<u64>,
    /// Which final view it was last told of although it did not ask, and when.
    stuck: Option<(View, u64)>,
    /// When it was last sent a body, and how many since.
    bodies: (u64, u32),
}

/// How the timers of the current view run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Armed {
    #[default]
    No,
    /// Only votes of others give a reason: the leader first waits whether there is another.
    Patient,
    Yes,
}

/// What keeps the pace: back-off and the reasons to make a block.
#[derive(Clone, Debug, Default)]
struct Pace {
    /// Nullifications since the last finalization.
    failures: u32,
    /// Timers of the current view run.
    armed: Armed,
    /// Transactions wait.
    work: bool,
    heartbeat_due: bool,
    /// A notarized block has waited for its finalization in this view.
    idle_over: bool,
    idle_armed: bool,
    resend_armed: bool,
    /// When the tip was finalized, on the caller's clock.
    finalized_at: u64,
}

impl Pace {
    /// For a new epoch. Its timers are armed anew.
    fn begin(&mut self, now: u64) {
        *self = Self { work: self.work, resend_armed: self.resend_armed, finalized_at: now, ..Self::default() };
    }
}

/// What waits for a later epoch.
#[derive(Clone, Debug, Default)]
struct Later {
    /// Journal records: they were found when the store is older than the journal.
    records: Vec<Record>,
    /// Votes and proposals of peers that have finished the epoch a moment earlier.
    messages: Vec<(Option<ValidatorIndex>, Message)>,
    /// When the driver was last told that peers are in a later epoch.
    told_at: Option<u64>,
}

/// The engine of one validator (or, without a key, of an observer).
#[derive(Clone, Debug)]
pub struct Machine {
    parameters: Parameters,
    safety: Safety,
    root: Root,
    finalization: Option<Certificate>,
    view: View,
    entry: Option<Certificate>,
    rounds: BTreeMap<View, Round>,
    tree: Tree,
    /// Bodies asked for: view and number of requests.
    fetching: BTreeMap<BlockHash, (View, usize)>,
    peers: Vec<Peer>,
    pace: Pace,
    /// Of epochs that have not begun.
    later: Later,
    now: u64,
    effects: Vec<Effect>,
    halted: bool,
}

impl Machine {
    /// Takes up the work where the journal left it (R13).
    ///
    /// # Errors
    /// A journal whose votes contradict each other.
    pub fn new(
        parameters: Parameters,
        key: Option<Arc<dyn Signer>>,
        recovered: Recovered,
    ) -> Result<Self, JournalContradiction> {
        let root = recovered.root;
        let floor = Position { epoch: root.epoch, view: root.view };
        let mut safety = Safety::new(key, parameters.genesis, floor);
        safety.enter(parameters.epoch, &parameters.validators);
        let mut machine = Self {
            peers: vec![Peer::default(); parameters.validators.len()],
            safety,
            root,
            entry: recovered.finalization.clone(),
            finalization: recovered.finalization,
            view: root.view.next(),
            rounds: BTreeMap::new(),
            tree: Tree::default(),
            fetching: BTreeMap::new(),
            pace: Pace::default(),
            later: Later::default(),
            now: 0,
            effects: Vec::new(),
            halted: false,
            parameters,
        };
        for record in recovered.records {
            match &record {
                Record::Vote(vote) => machine.safety.restore(vote)?,
                Record::Cut(position) if !planted(Bug::CutForgotten) => machine.safety.raise_floor(*position),
                Record::Cut(_) | Record::Block(_) | Record::Entered(_) | Record::Owner { .. } => {}
            }
            machine.recall(record);
        }
        Ok(machine)
    }

    /// Takes up what a record says of the current epoch. Later epochs' records wait.
    fn recall(&mut self, record: Record) {
        let Position { epoch, view } = record.position();
        if epoch > self.parameters.epoch {
            return self.later.records.push(record);
        }
        if epoch < self.parameters.epoch || view <= self.root.view {
            return;
        }
        match record {
            Record::Vote(vote) => {
                self.view = self.view.max(vote.view);
                let round = self.rounds.entry(vote.view).or_default();
                if planted(Bug::OwnVotesNotOffered) {
                    return;
                }
                // Own votes are offered to the tally again; a certificate that they complete is formed at the start.
                round.tally.add(vote, &self.parameters.validators);
                if let Statement::Notarize { block } = vote.statement {
                    round.proposal = Some(block);
                }
            }
            Record::Block(block) => {
                let hash = block.header.hash();
                self.tree.insert(block);
                if let Some(entry) = self.tree.get_mut(&hash) {
                    entry.journaled = true;
                }
            }
            Record::Entered(_) if planted(Bug::EntryNotRestored) => {}
            Record::Entered(certificate) => {
                self.view = self.view.max(certificate.view.next());
                self.entry = Some(certificate.clone());
                // The first of each kind stays; the journal holds no two that contradict each other.
                let _ = self.rounds.entry(certificate.view).or_default().certificates.put(certificate);
            }
            // The flags are Safety's; whose journal it is, the driver has compared.
            Record::Cut(_) | Record::Owner { .. } => {}
        }
    }

    /// One step. `now_ms` is any clock that does not go back; only differences matter.
    pub fn step(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        self.now = self.now.max(now_ms);
        if !self.halted {
            self.handle(input);
            self.refresh();
        }
        std::mem::take(&mut self.effects)
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Start => self.on_start(),
            Input::Message { from, message } => self.on_message(from, message),
            Input::Timer(timer) => self.on_timer(timer),
            Input::Work(work) => self.pace.work = work,
            Input::Proposed { view, time_ms, transactions } => self.on_proposed(view, time_ms, transactions),
            Input::Validated { block, valid } => self.on_validated(block, valid),
            Input::Executed { block, result, next } => self.on_executed(block, result, next),
            Input::Synced { root, finalization, epoch, validators } => {
                self.on_synced(root, finalization, epoch, validators);
            }
            Input::Forgotten { until } => {
                self.safety.raise_floor(until);
                self.effects.push(Effect::Persist(Record::Cut(until)));
            }
        }
    }

    fn on_message(&mut self, from: Option<ValidatorIndex>, message: Message) {
        let Some(message) = self.of_this_epoch(from, message) else { return };
        match message {
            Message::Proposal(proposal) => self.on_proposal(from, *proposal),
            Message::Vote(vote) => self.on_vote(from, vote),
            Message::Certificate(certificate) => self.on_certificate(from, certificate),
            Message::Want(want) => self.on_want(from, want),
            Message::Body(block) => self.on_body(from, block),
        }
    }

    /// The view this machine is in.
    #[must_use]
    pub const fn view(&self) -> View {
        self.view
    }

    /// The certificate by which it came into its view: proof to others that the view was reached. `None` where the chain begins.
    #[must_use]
    pub const fn entry(&self) -> Option<&Certificate> {
        self.entry.as_ref()
    }

    /// Whether the journal holds records of an epoch that the store has not reached: what was signed is beyond this position.
    #[must_use]
    pub const fn awaits_epoch(&self) -> bool {
        !self.later.records.is_empty()
    }

    /// The epoch that it is in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.parameters.epoch
    }

    /// Validators of the epoch.
    #[must_use]
    pub const fn validators(&self) -> &Arc<ValidatorSet> {
        &self.parameters.validators
    }

    /// The newest finalized block that was executed here.
    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Index of this validator in the epoch's set; `None` for one that does not belong to it.
    #[must_use]
    pub const fn me(&self) -> Option<ValidatorIndex> {
        self.safety.me()
    }

    /// An un-finalized block that is at hand.
    #[must_use]
    pub fn block(&self, block: &BlockHash) -> Option<&Arc<hnchain_types::block::Block>> {
        self.tree.get(block).map(|e| &e.block)
    }

    /// The proposal of a view, where one was made or accepted.
    #[must_use]
    pub fn proposal(&self, view: View) -> Option<BlockHash> {
        self.rounds.get(&view)?.proposal
    }

    /// Whether this machine stopped on a divergence.
    #[must_use]
    pub const fn halted(&self) -> bool {
        self.halted
    }

    /// Views and blocks in memory, for metrics and the bound I11.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        (self.rounds.len(), self.tree.len())
    }

    fn leader(&self, view: View) -> ValidatorIndex {
        Leader::of(view, &self.parameters.validators)
    }

    const fn here(&self) -> Position {
        Position { epoch: self.parameters.epoch, view: self.view }
    }

    fn round(&mut self, view: View) -> &mut Round {
        self.rounds.entry(view).or_default()
    }

    fn notarized(&self, view: View) -> Option<BlockHash> {
        let certificates = &self.rounds.get(&view)?.certificates;
        certificates.finalization.as_ref().or(certificates.notarization.as_ref())?.statement.block()
    }

    fn send(&mut self, to: To, message: Message) {
        self.effects.push(Effect::Send { to, message });
    }

    fn report(&mut self, report: Report) {
        self.effects.push(Effect::Report(report));
    }

    fn misbehaviour(&mut self, from: Option<ValidatorIndex>, what: &'static str) {
        self.report(Report::Misbehaviour { from, what });
    }
}
