//! Catching up, as `node/src/driver/sync.rs`: statuses of peers, and finalized blocks that were missed.

use super::{Happened, Own, Packet, Process, executor::Command};
use crate::env::Env;
use crate::trace::note;
use hnchain_consensus::Position;
use hnchain_types::block::FinalizedBlock;
use hnchain_types::certificate::Certificate;
use hnchain_types::{Height, View};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// How often peers are asked where they are, microseconds.
pub(crate) const STATUS_EVERY: u64 = 1_000_000;
/// … and how soon again while this node needs to know: a final block is missing that nobody had a moment ago, or the
/// journal is new. Microseconds.
const ASK_AGAIN: u64 = 100_000;
/// How long a peer may take to say where it is, microseconds.
const STATUS_WAIT: u64 = 2_000_000;
/// How long a peer may take for blocks, microseconds.
const BLOCKS_WAIT: u64 = 5_000_000;
/// Blocks in one answer.
const ANSWER_BLOCKS: usize = 512;
/// Blocks without a certificate that are held.
const HELD: usize = 4_096;
/// How long one peer is followed before the next one has its turn, microseconds.
const TURN: u64 = 8_000_000;
/// A peer that is this far ahead is followed at once.
const AHEAD: u64 = 16;

/// A question to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Where are you?
    Status,
    /// Finalized blocks from this height on.
    Blocks(Height),
}

/// Where a peer says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PeerStatus {
    pub(crate) height: Height,
    pub(crate) position: Position,
    pub(crate) entry: Option<Certificate>,
    /// It asks its peers itself.
    pub(crate) waking: bool,
    /// Its journal is ahead of its store: the position says too little and counts for nothing.
    pub(crate) reticent: bool,
}

/// A peer's answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Status(PeerStatus),
    /// Encoded finalized blocks, oldest first.
    Blocks(Vec<Vec<u8>>),
}

/// What the follower is doing.
#[derive(Debug, Default)]
enum Doing {
    #[default]
    Nothing,
    Asking {
        id: u64,
        asked: usize,
        statuses: BTreeMap<usize, PeerStatus>,
    },
    Fetching {
        id: u64,
        peer: usize,
        upto: Height,
        begin: u64,
        held: Vec<FinalizedBlock>,
        /// Height when the blocks were handed to the executor.
        handed: Option<Height>,
    },
}

/// The follower.
#[derive(Debug, Default)]
pub(super) struct Follower {
    doing: Doing,
    /// A finalization was heard of whose block is not here.
    behind: View,
    urgent: bool,
    last: Height,
    next_id: u64,
    candidates: VecDeque<(usize, Height)>,
    /// Where the machine is, and the certificate that brought it there, for peers that ask.
    pub(super) standing: (Position, Option<Certificate>),
    /// The journal is ahead of the store.
    pub(super) reticent: bool,
}

impl Follower {
    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

impl Process {
    /// The machine needs finalized blocks.
    pub(super) fn behind(&mut self, view: View, env: &mut Env) {
        self.follower.behind = self.follower.behind.max(view);
        self.follower.urgent = true;
        if matches!(self.follower.doing, Doing::Nothing) {
            self.ask_statuses(env);
        }
    }

    pub(super) fn tick(&mut self, env: &mut Env) {
        self.later(env.now + STATUS_EVERY, Own::Tick, env);
        self.disseminate_again(env);
        self.ask_if_idle(env);
    }

    pub(super) fn ask_if_idle(&mut self, env: &mut Env) {
        if matches!(self.follower.doing, Doing::Nothing) && !self.halted {
            self.ask_statuses(env);
        }
    }

    fn ask_statuses(&mut self, env: &mut Env) {
        let peers = self.others(env);
        if peers.is_empty() {
            return;
        }
        let id = self.follower.fresh();
        self.follower.doing = Doing::Asking { id, asked: peers.len(), statuses: BTreeMap::new() };
        for peer in peers {
            env.send_packet(self.id, peer, &Packet::Question(id, Question::Status));
        }
        let wait = if self.waking.is_some() { ASK_AGAIN } else { STATUS_WAIT };
        self.later(env.now + wait, Own::Late(id), env);
    }

    /// Answers a peer. An adversary may lie.
    pub(super) fn serve(&mut self, from: usize, id: u64, question: Question, env: &mut Env) {
        if self.halted {
            return;
        }
        let store = &self.disk.store;
        let mut answer = match question {
            Question::Status => {
                let (position, entry) = self.follower.standing.clone();
                let (waking, reticent) = (self.waking.is_some(), self.follower.reticent);
                Answer::Status(PeerStatus { height: store.height(), position, entry, waking, reticent })
            }
            Question::Blocks(first) => {
                let heights = first.0.max(1)..=store.height().0;
                let blocks = heights.take(ANSWER_BLOCKS).filter_map(|h| store.block(Height(h)));
                Answer::Blocks(blocks.map(|b| b.finalized().encode()).collect())
            }
        };
        if let Some(adversary) = self.adversary.as_mut() {
            adversary.answers(&mut env.random, &mut answer);
        }
        env.send_packet(self.id, from, &Packet::Answer(id, Rc::new(answer)));
    }

    pub(super) fn answered(&mut self, from: usize, id: u64, answer: &Answer, env: &mut Env) {
        match (&mut self.follower.doing, answer) {
            (Doing::Asking { id: asked_id, asked, statuses }, Answer::Status(status)) if *asked_id == id => {
                statuses.insert(from, status.clone());
                let tip = self.disk.store.tip();
                let useful = tip.view < self.follower.behind && tip.height < status.height;
                let all = statuses.len() == *asked || useful;
                self.happened(Happened::Status(from, status.clone()), env);
                if all {
                    self.choose(env);
                }
            }
            (Doing::Fetching { id: asked_id, peer, .. }, Answer::Blocks(raw)) if *asked_id == id && *peer == from => {
                self.fetched(raw, env);
            }
            _ => {}
        }
    }

    /// A question was not answered in time.
    pub(super) fn late(&mut self, id: u64, env: &mut Env) {
        match &self.follower.doing {
            Doing::Asking { id: asked, .. } if *asked == id => self.choose(env),
            Doing::Fetching { id: asked, handed: None, .. } if *asked == id => self.next_peer(env),
            _ => {}
        }
    }

    fn choose(&mut self, env: &mut Env) {
        let Doing::Asking { statuses, .. } = std::mem::take(&mut self.follower.doing) else { return };
        let urgent = std::mem::take(&mut self.follower.urgent);
        let best = statuses.values().map(|s| s.height).max().unwrap_or_default();
        let tip = self.disk.store.tip();
        let lost = urgent || tip.view < self.follower.behind;
        let stands = tip.height == self.follower.last;
        self.follower.last = tip.height;
        if self.waking.is_some() || lost && best <= tip.height {
            self.later(env.now + ASK_AGAIN, Own::AskAgain, env);
        }
        if best <= tip.height || !(lost || stands || best.0 > tip.height.0 + AHEAD) {
            return;
        }
        let mut candidates: Vec<_> =
            statuses.into_iter().filter(|(_, s)| s.height > tip.height).map(|(p, s)| (p, s.height)).collect();
        candidates.sort_by_key(|(_, height)| std::cmp::Reverse(*height));
        self.follower.candidates = candidates.into();
        self.next_peer(env);
    }

    fn next_peer(&mut self, env: &mut Env) {
        self.follower.doing = Doing::Nothing;
        let Some((peer, upto)) = self.follower.candidates.pop_front() else {
            self.follower.last = self.disk.store.height();
            return;
        };
        self.follower.doing = Doing::Fetching { id: 0, peer, upto, begin: env.now, held: Vec::new(), handed: None };
        self.ask_blocks(env);
    }

    fn ask_blocks(&mut self, env: &mut Env) {
        let fresh = self.follower.fresh();
        let tip = self.disk.store.height();
        let Doing::Fetching { id, peer, upto, begin, held, handed } = &mut self.follower.doing else { return };
        if tip >= *upto || env.now >= *begin + TURN {
            return self.next_peer(env);
        }
        let next = held.last().map_or(tip, |b| b.block.header.height).next();
        *handed = None;
        *id = fresh;
        env.send_packet(self.id, *peer, &Packet::Question(fresh, Question::Blocks(next)));
        self.later(env.now + BLOCKS_WAIT, Own::Late(fresh), env);
    }

    fn fetched(&mut self, raw: &[Vec<u8>], env: &mut Env) {
        let tip = self.disk.store.height();
        let Doing::Fetching { id, held, handed, .. } = &mut self.follower.doing else { return };
        if handed.is_some() {
            return;
        }
        let blocks: Result<Vec<_>, _> = raw.iter().map(|b| FinalizedBlock::decode(b)).collect();
        let Ok(blocks) = blocks.map_err(|error| note!(env, "node {}: blocks refused: {error}", self.id)) else {
            return self.next_peer(env);
        };
        if blocks.is_empty() || held.len() + blocks.len() > HELD {
            return self.next_peer(env);
        }
        held.extend(blocks);
        let certified = held.iter().rposition(|b| b.certificate.is_some()).map_or(0, |last| last + 1);
        if certified == 0 {
            return self.ask_blocks(env);
        }
        let rest = held.split_off(certified);
        let blocks = std::mem::replace(held, rest);
        *handed = Some(tip);
        let id = *id;
        self.command(Command::Sync { id, blocks }, env);
    }

    /// The executor has taken the blocks in, or not.
    pub(super) fn handed_over(&mut self, id: u64, outcome: Result<(), &'static str>, env: &mut Env) {
        let height = self.disk.store.height();
        let Doing::Fetching { id: asked, handed: Some(before), .. } = &self.follower.doing else { return };
        if *asked != id {
            return;
        }
        let stands = height == *before;
        match outcome {
            Ok(()) if !stands => self.ask_blocks(env),
            Ok(()) => self.next_peer(env),
            Err(why) => {
                note!(env, "node {}: sync failed: {why}", self.id);
                self.next_peer(env);
            }
        }
    }
}
