//! R1 to R12, R14 and I11: what one machine does, seen from outside, step by step.

use super::{Checks, Label};
use hnchain_consensus::{Effect, Input, Leader, Machine, Message, NullifyReason, Proposal, Record, Report, Timer, To};
use hnchain_consensus::{Root, Vote};
use hnchain_types::block::{Block, Header};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, ResultHash, ValidatorIndex, View};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Views ahead whose votes the engine keeps.
const LOOKAHEAD: usize = 16;
/// Bodies to one peer within Δ/2: three in each of two windows that touch.
const BODIES: usize = 6;

/// Executed blocks that the store has not taken over yet.
const EXECUTED: usize = 64;
/// Payloads that are remembered behind the store's tip.
const KNOWN: usize = 128;

/// Where a machine stood before a step, and what it was given.
#[derive(Debug)]
pub(crate) struct Before {
    epoch: Epoch,
    view: View,
    root: Root,
    start: bool,
    certificate: Option<Certificate>,
    judged: Option<(BlockHash, bool)>,
    executed: Option<(BlockHash, ResultHash)>,
    /// An epoch's last block was executed.
    last: bool,
}

/// What is remembered of a process. A restart forgets it.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// When the current view was entered, microseconds.
    entered_at: u64,
    judged: BTreeMap<BlockHash, bool>,
    executing: BTreeMap<BlockHash, Option<ResultHash>>,
    /// Blocks whose execution this machine has asked for.
    asked: BTreeSet<BlockHash>,
    blocks: BTreeMap<BlockHash, (BlockHash, Epoch)>,
    bodies: BTreeMap<ValidatorIndex, VecDeque<u64>>,
    /// Views that this process has proposed in for the first time.
    proposed: BTreeSet<(Epoch, View)>,
    /// Views left by nullification since the root moved: the back-off that is due.
    failures: u32,
    /// It waits for finalized blocks, or for the finality of its epoch's last block.
    waits: bool,
}

impl Checks {
    pub(crate) fn before(&self, machine: &Machine, input: &Input) -> Before {
        Before {
            epoch: machine.epoch(),
            view: machine.view(),
            root: *machine.root(),
            start: matches!(input, Input::Start),
            certificate: match input {
                Input::Message { message: Message::Certificate(c), .. } if self.knows_certificate(c) => Some(c.clone()),
                _ => None,
            },
            judged: match input {
                Input::Validated { block, valid } => Some((*block, *valid)),
                _ => None,
            },
            executed: match input {
                Input::Executed { block, result, .. } => Some((*block, *result)),
                _ => None,
            },
            last: matches!(input, Input::Executed { next: Some(_), .. }),
        }
    }

    /// A machine has made a step.
    pub(crate) fn step(
        &mut self,
        node: usize,
        honest: bool,
        now: u64,
        before: &Before,
        machine: &Machine,
        effects: &[Effect],
    ) {
        if let Some((block, valid)) = before.judged {
            self.rules[node].judged.insert(block, valid);
        }
        if let Some((block, result)) = before.executed {
            self.rules[node].executing.insert(block, Some(result));
        }
        if machine.root().height > before.root.height {
            self.rules[node].waits = false;
            self.rules[node].failures = 0;
        }
        let waits = effects.iter().any(|e| matches!(e, Effect::Behind { .. })) || before.last;
        self.rules[node].waits |= waits;
        if !honest {
            return;
        }
        let mut entry = None;
        for effect in effects {
            match effect {
                Effect::Persist(Record::Entered(c)) => {
                    entry = Some((c.epoch, c.view.next()));
                    if c.statement == Statement::Nullify && machine.root().height == before.root.height {
                        self.rules[node].failures += 1;
                    }
                }
                Effect::Persist(Record::Block(block)) => self.note_block(node, block),
                Effect::Persist(Record::Vote(vote)) => self.voted(node, vote, machine),
                Effect::Report(Report::Entered(view)) => self.entered(node, now, *view, entry, before, machine),
                Effect::Report(Report::Nullified { view, reason, .. }) => self.gave_up(node, now, *view, *reason),
                Effect::Arm { timer: Timer::View(_), after_ms } => self.armed(node, *after_ms),
                Effect::Execute(block) => self.executes(node, block, before, machine),
                Effect::Finalized { block, height, certificate, closing } => {
                    self.check(Label::R7, *height > before.root.height, || {
                        format!("node {node} finalizes height {height} on {}", before.root.height)
                    });
                    let certified = closing.last().map_or(*block, Header::hash);
                    let possible = self.can_be_finalized(&certified, certificate.epoch);
                    self.check(Label::R7, possible && certificate.statement.block() == Some(certified), || {
                        format!("node {node} finalizes block {block} without a quorum")
                    });
                }
                Effect::Epoch { epoch, validators } => {
                    self.check(Label::R14, *epoch > before.epoch, || format!("node {node} begins epoch {epoch} again"));
                    let known = self.set(*epoch).is_none_or(|set| set == validators);
                    self.check(Label::R14, known, || format!("node {node}: epoch {epoch} has other validators"));
                    self.sets.entry(*epoch).or_insert_with(|| validators.clone());
                    self.rules[node].executing.clear();
                    self.rules[node].asked.clear();
                }
                _ => {}
            }
        }
        self.ended(node, before, machine);
        self.bounded(node, machine);
    }

    fn note_block(&mut self, node: usize, block: &Block) {
        let header = &block.header;
        self.rules[node].blocks.insert(header.hash(), (header.parent, header.epoch));
    }

    /// R1.
    fn entered(
        &mut self,
        node: usize,
        now: u64,
        view: View,
        entry: Option<(Epoch, View)>,
        before: &Before,
        machine: &Machine,
    ) {
        self.rules[node].entered_at = now;
        let moved = machine.root().height != before.root.height;
        let observer = machine.me().is_none();
        let by_certificate = entry == Some((machine.epoch(), view)) || entry == Some((before.epoch, view));
        let rises = view > before.view || moved || before.start;
        self.check(Label::R1, rises && (by_certificate || moved || before.start || observer), || {
            format!("node {node} enters {view} from {} without a journaled certificate", before.view)
        });
    }

    /// R8.
    fn gave_up(&mut self, node: usize, now: u64, view: View, reason: NullifyReason) {
        let waited = now.saturating_sub(self.rules[node].entered_at) + 1_000;
        let least = match reason {
            NullifyReason::LeaderLate => 2 * self.delta_us,
            NullifyReason::ViewLate => 3 * self.delta_us,
            NullifyReason::Invalid | NullifyReason::LeaderGaveUp | NullifyReason::LeaderSilent => 0,
        };
        self.check(Label::R8, waited >= least, || format!("node {node} gives up {view} after {waited} µs: {reason:?}"));
    }

    /// R9: 3Δ (or 5Δ with patience) grown by half for each failed view, at most six times.
    fn armed(&mut self, node: usize, after_ms: u64) {
        let delta = self.delta_us / 1_000;
        let least = self.rules[node].failures.min(6);
        let grown = (least..=6u32).map(|k| delta * 3u64.pow(k) / 2u64.pow(k));
        let allowed = grown.into_iter().any(|d| after_ms == 3 * d || after_ms == 5 * d);
        self.check(Label::R9, allowed, || format!("node {node} waits {after_ms} ms for a view"));
    }

    /// R5.
    fn executes(&mut self, node: usize, block: &Block, before: &Before, machine: &Machine) {
        self.note_block(node, block);
        let (hash, parent) = (block.header.hash(), block.header.parent);
        let watched = &mut self.rules[node];
        let after_parent = parent == before.root.block
            || parent == machine.root().block
            || matches!(watched.executing.get(&parent), Some(Some(_)));
        watched.executing.entry(hash).or_insert(None);
        // What a machine without a key had asked for is not counted: the one with it asks anew.
        let again = !watched.asked.insert(hash);
        self.check(Label::R5, after_parent, || format!("node {node} executes {hash} before its parent"));
        self.check(Label::R5, !again, || format!("node {node} executes {hash} twice"));
    }

    /// R3, R6: a vote is journaled.
    fn voted(&mut self, node: usize, vote: &Vote, machine: &Machine) {
        let index = self.set(vote.epoch).and_then(|set| set.index_of(&self.keys[node]));
        self.check(Label::R14, index == Some(vote.signer), || {
            format!("node {node} votes in epoch {} as {} and is {index:?}", vote.epoch, vote.signer)
        });
        self.signed(node, vote);
        match vote.statement {
            Statement::Notarize { block } => {
                let own = self.set(vote.epoch).is_some_and(|s| Leader::of(vote.view, s) == vote.signer);
                if own {
                    self.rules[node].proposed.insert((vote.epoch, vote.view));
                }
                let judged = self.rules[node].judged.get(&block) == Some(&true);
                self.check(Label::R3, own || judged, || {
                    format!("node {node} notarizes {block}, which it did not judge")
                });
                if let Some((parent, epoch)) = self.rules[node].blocks.get(&block).copied() {
                    let good = self.can_be_notarized(&parent, epoch) || self.is_final(&parent);
                    self.check(Label::R3, good || parent == machine.root().block, || {
                        format!("node {node} notarizes {block}, whose parent is neither notarized nor final")
                    });
                }
            }
            Statement::Finalize { block, result } => {
                let own = self.rules[node].executing.get(&block).copied().flatten();
                self.check(Label::R6, own.is_none_or(|r| r == result), || {
                    format!("node {node} finalizes {block} with a result that is not its own")
                });
                let possible = self.can_be_notarized(&block, vote.epoch);
                self.check(Label::R6, possible, || format!("node {node} finalizes {block}, which is not notarized"));
            }
            Statement::Nullify => {}
        }
    }

    /// R4: a sound certificate ends its view.
    fn ended(&mut self, node: usize, before: &Before, machine: &Machine) {
        let Some(c) = &before.certificate else { return };
        if c.epoch == before.epoch && !machine.halted() {
            // Its bytes may have been damaged on the way.
            let sound = |set: &Arc<ValidatorSet>| self.verifies(c, set);
            let ended = machine.view() > c.view || machine.epoch() > c.epoch || !self.set(c.epoch).is_some_and(sound);
            self.check(Label::R4, ended, || {
                format!("node {node} got a certificate of {} and stays in {}", c.view, machine.view())
            });
        }
    }

    /// I11.
    fn bounded(&mut self, node: usize, machine: &Machine) {
        let (views, blocks) = machine.load();
        let span = usize::try_from(machine.view().0.saturating_sub(machine.root().view.0)).unwrap_or(usize::MAX);
        self.check(Label::I11, views <= span + LOOKAHEAD + 1 && blocks <= 2 * views + 2, || {
            format!("node {node} holds {views} views and {blocks} blocks, {span} views above its root")
        });
    }

    /// I11: what the driver holds beside the machine: executed blocks, known payloads, waiting transactions.
    pub(crate) fn holds(&mut self, node: usize, held: [usize; 3], machine: usize) {
        let [overlays, known, waiting] = held;
        let within = overlays <= machine + EXECUTED && known <= 2 * machine + KNOWN;
        self.check(Label::I11, within && waiting <= crate::node::mempool::ROOM, || {
            format!("node {node} holds {overlays} executed blocks, {known} payloads, {waiting} transactions")
        });
    }

    /// R10: at rest, with transactions that wait.
    pub(crate) fn rests(&mut self, node: usize, work: bool, resends: bool) {
        if work && !self.rules[node].waits {
            self.check(Label::R10, resends, || format!("node {node} has work and no resend timer"));
        }
    }

    /// A message leaves an honest node.
    pub(crate) fn sends(&mut self, node: usize, now: u64, message: &Message, machine: &Machine, to: To) {
        match message {
            Message::Vote(vote) => self.vote_sent(node, vote),
            Message::Proposal(proposal) => {
                self.vote_sent(node, &proposal.vote);
                self.proposes(node, proposal, machine);
            }
            Message::Body(_) => self.sends_body(node, now, to),
            Message::Certificate(_) | Message::Want(_) => {}
        }
    }

    /// R2.
    fn proposes(&mut self, node: usize, proposal: &Proposal, machine: &Machine) {
        let header = &proposal.block.header;
        let Some(set) = self.set(header.epoch).cloned() else { return };
        self.check(Label::R2, proposal.coherent(&set), || format!("node {node} proposes incoherently: {header:?}"));
        // The root may have moved on between the proposal and its sending, into another epoch, too.
        let root = machine.root().block == header.parent || self.is_final(&header.parent);
        let on_root = header.parent_view == View(0) || root;
        // After a restart it may say a proposal again whose parent's certificate it never journaled.
        let again = !self.rules[node].proposed.contains(&(header.epoch, header.view));
        self.check(Label::R2, on_root || again || proposal.parent.is_some(), || {
            format!("node {node} proposes in {} without its parent's certificate", header.view)
        });
        let newest = proposal.block.skips.last();
        let sound = newest.is_none_or(|s| self.knows_certificate(s) || self.verifies(s, &set));
        self.check(Label::R2, sound, || format!("node {node} proposes in {} with false skips", header.view));
    }

    /// R12.
    fn sends_body(&mut self, node: usize, now: u64, to: To) {
        let To::One(peer) = to else {
            return self.fail(Label::R12, format!("node {node} sends a body to everyone"));
        };
        let window = self.delta_us / 2;
        let sent = self.rules[node].bodies.entry(peer).or_default();
        sent.push_back(now);
        while sent.front().is_some_and(|at| *at + window <= now) {
            sent.pop_front();
        }
        let count = sent.len();
        self.check(Label::R12, count <= BODIES, || format!("node {node} sends {count} bodies to {peer} within Δ/2"));
    }
}
