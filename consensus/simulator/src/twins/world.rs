//! Machines of one cluster with everything around them but the network: journals, execution, payloads, finalized chains.
//!
//! The surroundings answer at once. What a machine sends lands in [`World::take_sent`]; who hears it, and when, is the
//! business of the mode that plays the scenario. A validator may have several [`Instance`]s: twins.

use super::cast::{Cast, result_of, wrong_result_of};
use super::truth::{Truth, Violation, broken};
use hnchain_consensus::{
    Effect, Evidence, Input, Machine, Message, Record, Recovered, Report, Root, Timer, To, Verifier, Want,
};
use hnchain_types::block::Block;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Height, ValidatorIndex, View};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Transactions that begin like this are refused by every validator.
pub const BAD: &[u8] = b"bad";
/// Views and blocks that a machine may hold beyond those between its root and its view (I11).
const SPARE: u64 = 24;

/// A timer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// When it runs out.
    pub at: u64,
    /// How long it was set for.
    pub after: u64,
    /// Which.
    pub timer: Timer,
}

/// One machine with what is its own.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Whose key it holds.
    pub who: ValidatorIndex,
    /// The engine.
    pub machine: Machine,
    /// What is durable.
    pub journal: Vec<Record>,
    /// Newest final block.
    pub tip: Root,
    /// Its certificate.
    pub finalization: Option<Certificate>,
    /// All certificates by which it finalized something.
    pub finalizations: Vec<Certificate>,
    /// Timers by slot.
    pub alarms: [Option<Alarm>; Timer::SLOTS],
    /// It asked for finalized blocks.
    pub behind: bool,
    /// It computes wrong results.
    pub miscomputes: bool,
    /// It stopped on a divergence.
    pub halted: bool,
    /// How often it was started.
    pub starts: u8,
    /// Tells its payloads from those of all others.
    pub label: u8,
    /// Hash of everything that it was told, in order: two instances of one key with the same history are in the same state.
    pub history: u64,
}

/// Something that a machine said.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The instance.
    pub from: usize,
    /// To whom.
    pub to: To,
    /// What.
    pub message: Arc<Message>,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct World {
    /// The keys.
    pub cast: Arc<Cast>,
    /// The machines.
    pub instances: Vec<Instance>,
    /// What was really signed.
    pub truth: Truth,
    /// Virtual time.
    pub now: u64,
    /// Equivocations that honest machines reported.
    pub evidence: Vec<Evidence>,
    /// What happens, in words, where somebody wants to read it.
    pub transcript: Option<Vec<String>>,
    sent: Vec<Sent>,
}

impl World {
    /// Starts one machine for each entry of `who`. Validators in `liars` need not keep to the rules.
    ///
    /// # Errors
    /// An invariant that the first step breaks.
    pub fn start(
        cast: &Arc<Cast>,
        who: &[ValidatorIndex],
        liars: &[ValidatorIndex],
        now: u64,
    ) -> Result<Self, Violation> {
        let all = (0..cast.n()).map(super::cast::validator);
        let honest: Vec<_> = all.filter(|v| !liars.contains(v)).collect();
        let agreement = liars.len() <= cast.validators().faults();
        let truth = Truth::new(cast.root().block, cast.validators().quorum(), &honest, agreement);
        let mut world = Self {
            cast: cast.clone(),
            instances: Vec::new(),
            truth,
            now,
            evidence: Vec::new(),
            transcript: None,
            sent: Vec::new(),
        };
        for who in who {
            let recovered = Recovered { root: cast.root(), finalization: None, records: Vec::new() };
            let machine = cast.machine(*who, recovered).or_else(|e| broken("I5", e))?;
            world.instances.push(Instance {
                who: *who,
                machine,
                journal: Vec::new(),
                tip: cast.root(),
                finalization: None,
                finalizations: Vec::new(),
                alarms: [None; Timer::SLOTS],
                behind: false,
                miscomputes: false,
                halted: false,
                starts: 1,
                label: u8::try_from(world.instances.len()).unwrap_or(u8::MAX),
                history: 0,
            });
        }
        for i in 0..world.instances.len() {
            world.begin(i)?;
        }
        Ok(world)
    }

    /// A world in which only one instance can be touched.
    #[must_use]
    pub fn of_one(cast: &Arc<Cast>, instance: Instance, truth: Truth, now: u64) -> Self {
        let (cast, instances) = (cast.clone(), vec![instance]);
        Self { cast, instances, truth, now, evidence: Vec::new(), transcript: None, sent: Vec::new() }
    }

    /// Transactions never run out, so every leader wants a block.
    fn begin(&mut self, i: usize) -> Result<(), Violation> {
        self.step(i, Input::Start)?;
        self.step(i, Input::Work(true))
    }

    /// Power is lost and comes back: memory goes, journal and finalized chain stay.
    ///
    /// # Errors
    /// An invariant that this breaks.
    pub fn restart(&mut self, i: usize) -> Result<(), Violation> {
        let one = &mut self.instances[i];
        let recovered =
            Recovered { root: one.tip, finalization: one.finalization.clone(), records: one.journal.clone() };
        one.machine = self.cast.machine(one.who, recovered).or_else(|e| broken("I5", e))?;
        one.alarms = [None; Timer::SLOTS];
        one.behind = false;
        one.starts = one.starts.saturating_add(1);
        self.begin(i)
    }

    /// Whether an instance is one of a validator that keeps to the rules.
    #[must_use]
    pub fn is_honest(&self, i: usize) -> bool {
        self.truth.is_honest(self.instances[i].who)
    }

    /// Instances of validators that keep to the rules.
    pub fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.instances.len()).filter(|i| self.is_honest(*i))
    }

    /// What was said since the last call.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Adds a line to the transcript.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(format!("{:>6} {}", self.now, line()));
        }
    }

    /// One input and everything that follows from it without the network.
    ///
    /// # Errors
    /// An invariant that this breaks.
    pub fn step(&mut self, i: usize, input: Input) -> Result<(), Violation> {
        self.note(|| match &input {
            Input::Message { from, message } => {
                format!("{i} hears from {}: {}", from.map_or_else(String::new, |f| f.to_string()), said(message))
            }
            Input::Timer(timer) => format!("{i} timer {timer:?}"),
            Input::Synced { root, .. } => format!("{i} synced to height {} view {}", root.height, root.view),
            other => format!("{i} {other:?}"),
        });
        let one = &mut self.instances[i];
        one.history = mixed(one.history, self.now, &input);
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let effects = self.instances[i].machine.step(self.now, input);
            for effect in effects {
                self.effect(i, effect, &mut inputs)?;
            }
        }
        if self.is_honest(i) { self.check_load(i) } else { Ok(()) }
    }

    fn effect(&mut self, i: usize, effect: Effect, inputs: &mut VecDeque<Input>) -> Result<(), Violation> {
        match effect {
            Effect::Persist(record) => return self.persisted(i, record),
            Effect::Send { to, message } => return self.said(i, to, message),
            Effect::Arm { timer, after_ms } => {
                let alarm = Alarm { at: self.now + after_ms, after: after_ms, timer };
                self.instances[i].alarms[timer.slot()] = Some(alarm);
            }
            Effect::Propose { view, parent_time_ms, empty, .. } => {
                let transactions = if empty { Vec::new() } else { vec![self.payload(i, view)] };
                inputs.push_back(Input::Proposed { view, time_ms: self.now.max(parent_time_ms), transactions });
            }
            Effect::Validate(block) => {
                let valid = block.transactions.iter().all(|t| !t.starts_with(BAD));
                inputs.push_back(Input::Validated { block: block.header.hash(), valid });
            }
            Effect::Execute(block) => {
                let hash = block.header.hash();
                let wrong = self.instances[i].miscomputes;
                let result = if wrong { wrong_result_of(&hash) } else { result_of(&hash) };
                inputs.push_back(Input::Executed { block: hash, result, next: None });
            }
            Effect::Finalized { block, height, certificate, .. } => {
                return self.finalized(i, height, block, certificate);
            }
            Effect::Behind { .. } => self.instances[i].behind = true,
            Effect::Report(report) => return self.reported(i, report),
            Effect::Halt(divergence) => {
                self.instances[i].halted = true;
                if self.is_honest(i) && self.truth.agreement() {
                    return broken("I2", format!("instance {i} halted: {divergence}"));
                }
            }
            Effect::Epoch { .. } => {}
        }
        Ok(())
    }

    /// A payload that no other instance, view or life of this instance gives.
    fn payload(&self, i: usize, view: View) -> Vec<u8> {
        let one = &self.instances[i];
        [&[one.label, one.starts][..], &view.0.to_be_bytes()].concat()
    }

    fn persisted(&mut self, i: usize, record: Record) -> Result<(), Violation> {
        match &record {
            Record::Vote(vote) => self.truth.sign(vote)?,
            Record::Block(block) => self.truth.saw(block),
            Record::Entered(certificate) if self.is_honest(i) => self.truth.check_certificate(certificate)?,
            Record::Entered(_) | Record::Cut(_) | Record::Owner { .. } => {}
        }
        self.instances[i].journal.push(record);
        Ok(())
    }

    fn said(&mut self, from: usize, to: To, message: Message) -> Result<(), Violation> {
        let vote = match &message {
            Message::Vote(vote) => Some(vote),
            Message::Proposal(proposal) => Some(&proposal.vote),
            _ => None,
        };
        if vote.is_some_and(|v| !self.truth.signed(v)) {
            return broken("I5", format!("instance {from} sent a vote that it had not made durable"));
        }
        self.note(|| format!("    {from} says to {to:?}: {}", said(&message)));
        self.sent.push(Sent { from, to, message: Arc::new(message) });
        Ok(())
    }

    fn finalized(&mut self, i: usize, height: Height, block: BlockHash, by: Certificate) -> Result<(), Violation> {
        let honest = self.is_honest(i);
        if honest {
            self.truth.check_certificate(&by)?;
        }
        let tip = self.instances[i].tip;
        if height <= tip.height {
            return broken("I6", format!("instance {i} went back from height {} to {height}", tip.height));
        }
        self.note(|| format!("    {i} finalizes height {height} of view {}", by.view));
        let (mut at, mut root) = (block, None);
        while at != tip.block {
            let Some(b) = self.truth.block(&at).cloned() else {
                return broken("I1", format!("instance {i} finalized {block}, which is not on its tip {}", tip.block));
            };
            if honest {
                self.truth.finalized(b.header.height, at)?;
            }
            root.get_or_insert_with(|| root_of(&b));
            at = b.header.parent;
        }
        let one = &mut self.instances[i];
        one.finalizations.push(by.clone());
        (one.tip, one.finalization) = (root.unwrap_or(tip), Some(by));
        Ok(())
    }

    fn reported(&mut self, i: usize, report: Report) -> Result<(), Violation> {
        if !self.is_honest(i) {
            return Ok(());
        }
        self.note(|| format!("    {i} reports {}", short(&report)));
        match report {
            Report::Equivocation(evidence) => {
                let (first, second) = evidence.votes();
                let verifies = [first, second].into_iter().all(|vote| {
                    let digest = vote.statement.digest(self.cast.genesis(), vote.epoch, vote.view);
                    let key = self.cast.validators().key(vote.signer);
                    key.is_some_and(|key| self.cast.verifier().verify(key, &digest, &vote.signature))
                });
                if !verifies || Evidence::new(*first, *second).is_none() || self.truth.is_honest(first.signer) {
                    return broken("I9", format!("evidence that does not convict a liar: {evidence:?}"));
                }
                self.evidence.push(*evidence);
            }
            Report::Fork(pair) if self.truth.agreement() => {
                return broken("I1", format!("instance {i} saw a fork: {pair:?}"));
            }
            Report::Misbehaviour { from: Some(from), what } if self.truth.is_honest(from) => {
                return broken("I9", format!("instance {i} accuses the honest validator {from}: {what}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// I11.
    fn check_load(&self, i: usize) -> Result<(), Violation> {
        let machine = &self.instances[i].machine;
        let (views, blocks) = machine.load();
        let span = machine.view().0.saturating_sub(machine.root().view.0) + SPARE;
        if views as u64 > span || blocks as u64 > 2 * span {
            return broken("I11", format!("instance {i} holds {views} views and {blocks} blocks for {span} views"));
        }
        Ok(())
    }

    /// Gives an instance the finalized chain of another, as block sync does.
    ///
    /// # Errors
    /// An invariant that this breaks.
    pub fn sync(&mut self, i: usize, from: usize) -> Result<(), Violation> {
        let (root, finalization) = (self.instances[from].tip, self.instances[from].finalization.clone());
        let own = self.instances[i].tip;
        // Blocks that do not go on from the own chain are refused by whoever syncs.
        let goes_on = root.height > own.height && self.truth.descends(root.block, own.block, own.view);
        let Some(finalization) = finalization.filter(|_| goes_on) else { return Ok(()) };
        let one = &mut self.instances[i];
        (one.tip, one.finalization, one.behind) = (root, Some(finalization.clone()), false);
        let validators = self.cast.validators().clone();
        self.step(i, Input::Synced { root, finalization, epoch: root.epoch, validators })
    }

    /// The timer that runs out first: when, whose, which slot.
    #[must_use]
    pub fn next_alarm(&self, counts: impl Fn(usize, &Alarm) -> bool) -> Option<(u64, usize, usize)> {
        let all = self.instances.iter().enumerate().flat_map(|(i, one)| {
            one.alarms.iter().enumerate().filter_map(move |(slot, alarm)| alarm.map(|alarm| (i, slot, alarm)))
        });
        all.filter(|(i, _, alarm)| counts(*i, alarm)).map(|(i, slot, alarm)| (alarm.at, i, slot)).min()
    }

    /// Lets a timer run out.
    ///
    /// # Errors
    /// An invariant that this breaks.
    pub fn ring(&mut self, i: usize, slot: usize) -> Result<(), Violation> {
        match self.instances[i].alarms[slot].take() {
            Some(alarm) => self.step(i, Input::Timer(alarm.timer)),
            None => Ok(()),
        }
    }

    /// Height of the honest instance that has finalized most, or least.
    #[must_use]
    pub fn heights(&self) -> (Height, Height) {
        let heights: Vec<Height> = self.honest().map(|i| self.instances[i].tip.height).collect();
        (heights.iter().min().copied().unwrap_or_default(), heights.iter().max().copied().unwrap_or_default())
    }
}

fn root_of(block: &Arc<Block>) -> Root {
    let h = &block.header;
    Root { epoch: h.epoch, height: h.height, view: h.view, block: h.hash(), time_ms: h.time_ms }
}

/// A history with one more input. Answers of the surroundings follow from what was asked and add nothing.
fn mixed(history: u64, now: u64, input: &Input) -> u64 {
    let mut hasher = DefaultHasher::new();
    (history, now, std::mem::discriminant(input)).hash(&mut hasher);
    match input {
        Input::Message { from, message } => (from, digest_of(message)).hash(&mut hasher),
        Input::Timer(timer) => (timer.slot(), view_of_timer(*timer)).hash(&mut hasher),
        Input::Synced { root, .. } => root.block.hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}

const fn view_of_timer(timer: Timer) -> View {
    match timer {
        Timer::Leader(at) | Timer::View(at) | Timer::Idle(at) => at.view,
        Timer::Resend | Timer::Heartbeat => View(0),
    }
}

/// Names a message: equal for equal messages.
#[must_use]
pub fn digest_of(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(message).hash(&mut hasher);
    match message {
        Message::Proposal(p) => {
            p.vote.signature.hash(&mut hasher);
            p.parent.as_ref().map(|c| (c.statement, &c.votes)).hash(&mut hasher);
        }
        Message::Vote(vote) => (vote.view, vote.statement, vote.signer, vote.signature).hash(&mut hasher),
        Message::Certificate(c) => (c.view, c.statement, &c.votes).hash(&mut hasher),
        Message::Want(Want::Body(block)) => block.hash(&mut hasher),
        Message::Want(Want::Certificates { from, before }) => (from, before).hash(&mut hasher),
        Message::Body(block) => block.header.hash().hash(&mut hasher),
    }
    hasher.finish()
}

/// A message in a few words.
fn said(message: &Message) -> String {
    let certificate = |c: &Certificate| format!("{} by {}", statement(c.view, &c.statement), c.votes.len());
    match message {
        Message::Proposal(p) => {
            let parent = p.parent.as_ref().map_or_else(|| "none".to_owned(), certificate);
            let header = &p.block.header;
            let (skips, on) = (p.block.skips.len(), header.parent_view);
            format!("proposal {} on view {on}, {skips} skips, with {parent}", statement(header.view, &p.vote.statement))
        }
        Message::Vote(vote) => format!("{} by validator {}", statement(vote.view, &vote.statement), vote.signer),
        Message::Certificate(c) => format!("certificate {}", certificate(c)),
        Message::Want(want) => format!("{want:?}"),
        Message::Body(block) => format!("body of view {}", block.header.view),
    }
}

fn statement(view: View, of: &Statement) -> String {
    let name = |block: &BlockHash| block.to_string().chars().take(6).collect::<String>();
    match of {
        Statement::Notarize { block } => format!("notarize {view} {}", name(block)),
        Statement::Nullify => format!("nullify {view}"),
        Statement::Finalize { block, .. } => format!("finalize {view} {}", name(block)),
    }
}

fn short(report: &Report) -> String {
    match report {
        Report::Equivocation(evidence) => {
            let (a, b) = evidence.votes();
            let (first, second) = (statement(a.view, &a.statement), statement(b.view, &b.statement));
            format!("validator {}: {first} and {second}", a.signer)
        }
        Report::Fork(pair) => format!("fork in view {}", pair.0.view),
        other => format!("{other:?}"),
    }
}
