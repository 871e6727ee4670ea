//! What a validator in the wrong hands does. Each kind is a real node whose words, answers or payloads are tampered
//! with; it keeps its key and nothing else.

use crate::node::Answer;
use crate::options::Options;
use crate::random::Random;
use hnchain_consensus::{Machine, Message, Position, Proposal, Signer, To, Vote, Want};
use hnchain_crypto::sm3;
use hnchain_types::block::{Block, Header, HeaderFields, payload_root};
use hnchain_types::certificate::Statement;
use hnchain_types::transaction::Transaction;
use hnchain_types::{BlockHash, GenesisDigest, ResultHash, View};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

/// Views ahead of the current one that a flood covers.
const FLOOD: u64 = 20;
/// Messages that a replayer remembers.
const REMEMBERED: usize = 200;

/// What an adversary sees when it speaks.
pub(crate) struct Scene<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) signer: &'a dyn Signer,
    pub(crate) genesis: GenesisDigest,
    pub(crate) random: &'a mut Random,
    pub(crate) delta_us: u64,
}

/// Something that is said.
pub(crate) struct Said {
    pub(crate) to: To,
    pub(crate) message: Message,
    pub(crate) after_us: u64,
    /// Only to every second node, beginning with this one.
    pub(crate) half: Option<usize>,
}

impl Said {
    const fn plain(to: To, message: Message) -> Self {
        Self { to, message, after_us: 0, half: None }
    }
}

/// A validator in the wrong hands. By default it follows the protocol.
pub(crate) trait Adversary: Debug {
    /// What it sends in place of a message.
    fn says(&mut self, _: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        vec![Said::plain(to, message)]
    }

    /// It reads a message.
    fn hears(&mut self, _: &Rc<Message>) {}

    /// Whether it leaves a transaction out of its blocks.
    fn censors(&self, _: &Transaction) -> bool {
        false
    }

    /// It may change its answer to a peer that catches up.
    fn answers(&mut self, _: &mut Random, _: &mut Answer) {}
}

impl Scene<'_> {
    /// A vote that the safety rule need not permit.
    fn vote(&self, view: View, statement: Statement) -> Option<Vote> {
        let (epoch, signer) = (self.machine.epoch(), self.machine.me()?);
        let signature = self.signer.sign(&statement.digest(self.genesis, epoch, view));
        Some(Vote { epoch, view, statement, signer, signature })
    }
}

/// A validator that is run twice, each copy by the rules.
#[derive(Debug)]
pub(crate) struct Twin;
impl Adversary for Twin {}

/// Proposes nothing.
#[derive(Debug)]
pub(crate) struct Silent;
impl Adversary for Silent {
    fn says(&mut self, _: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        if matches!(message, Message::Proposal(_)) { Vec::new() } else { vec![Said::plain(to, message)] }
    }
}

/// Proposes so late that others may have given up.
#[derive(Debug)]
pub(crate) struct Late;
impl Adversary for Late {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        let mut said = Said::plain(to, message);
        if matches!(said.message, Message::Proposal(_)) {
            said.after_us = scene.delta_us + scene.random.below(3 * scene.delta_us);
        }
        vec![said]
    }
}

/// Leaves out every transaction whose id is even.
#[derive(Debug)]
pub(crate) struct Censor;
impl Adversary for Censor {
    fn censors(&self, tx: &Transaction) -> bool {
        tx.id().0.0[31].is_multiple_of(2)
    }
}

/// Tells only half of the others, and never gives a body.
#[derive(Debug)]
pub(crate) struct Withholder;
impl Adversary for Withholder {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        if matches!(message, Message::Body(_)) {
            return Vec::new();
        }
        let half = scene.random.chance(60).then(|| scene.random.index(2));
        vec![Said { half, ..Said::plain(to, message) }]
    }
}

/// Says one thing to one half and the contrary to the other.
#[derive(Debug)]
pub(crate) struct Equivocator;

impl Equivocator {
    /// The same place in the chain with another time and no transactions.
    fn other_block(block: &Block) -> Option<Arc<Block>> {
        let f: &HeaderFields = &block.header;
        let fields = HeaderFields { time_ms: f.time_ms + 1, payload_root: payload_root::<Vec<u8>>(&[]), ..f.clone() };
        Some(Arc::new(Block::new(Header::new(fields), Vec::new(), block.skips.clone()).ok()?))
    }

    fn contrary(scene: &mut Scene<'_>, message: &Message) -> Option<Message> {
        match message {
            Message::Proposal(p) => {
                let block = Self::other_block(&p.block)?;
                let vote = scene.vote(block.header.view, Statement::Notarize { block: block.header.hash() })?;
                Some(Message::Proposal(Box::new(Proposal { block, vote, parent: p.parent.clone() })))
            }
            Message::Vote(v) => {
                let other = BlockHash(sm3(v.view.0.to_be_bytes().as_slice()));
                let statement = match (v.statement, scene.random.below(3)) {
                    (Statement::Finalize { .. } | Statement::Notarize { .. }, 0) => Statement::Nullify,
                    (Statement::Finalize { block, .. }, 1) => {
                        Statement::Finalize { block, result: ResultHash(sm3(b"another")) }
                    }
                    (Statement::Nullify, _) => Statement::Notarize { block: other },
                    (_, _) => Statement::Notarize { block: other },
                };
                Some(Message::Vote(scene.vote(v.view, statement)?))
            }
            _ => None,
        }
    }
}

impl Adversary for Equivocator {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        let contrary = if scene.random.chance(70) { Self::contrary(scene, &message) } else { None };
        let Some(contrary) = contrary else { return vec![Said::plain(to, message)] };
        let half = scene.random.index(2);
        vec![
            Said { half: Some(half), ..Said::plain(to, message) },
            Said { half: Some(1 - half), ..Said::plain(to, contrary) },
        ]
    }
}

/// Says again what it or others said long ago.
#[derive(Debug, Default)]
pub(crate) struct Replayer {
    heard: VecDeque<Message>,
}
impl Adversary for Replayer {
    fn hears(&mut self, message: &Rc<Message>) {
        if self.heard.len() == REMEMBERED {
            self.heard.pop_front();
        }
        self.heard.push_back((**message).clone());
    }

    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        let mut said = vec![Said::plain(to, message.clone())];
        self.heard.push_back(message);
        for _ in 0..scene.random.below(4) {
            let old = self.heard.get(scene.random.index(self.heard.len())).cloned();
            said.extend(old.map(|old| Said::plain(To::All, old)));
        }
        said
    }
}

/// Votes in every view to come, and asks for everything.
#[derive(Debug)]
pub(crate) struct Flooder;
impl Adversary for Flooder {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        let mut said = vec![Said::plain(to, message)];
        if scene.random.chance(30) {
            let view = scene.machine.view();
            let kind = scene.random.below(2);
            for ahead in 1..=FLOOD {
                let at = View(view.0 + ahead);
                let block = BlockHash(sm3(&scene.random.next().to_be_bytes()));
                let statement = if kind == 0 { Statement::Nullify } else { Statement::Notarize { block } };
                said.extend(scene.vote(at, statement).map(|v| Said::plain(To::All, Message::Vote(v))));
            }
            let want = Want::Certificates { from: View(0), before: View(view.0 + FLOOD) };
            said.push(Said::plain(To::All, Message::Want(want)));
        }
        said
    }
}

/// Certifies false results and serves false blocks.
#[derive(Debug)]
pub(crate) struct Liar;
impl Adversary for Liar {
    fn says(&mut self, scene: &mut Scene<'_>, to: To, message: Message) -> Vec<Said> {
        if let Message::Vote(v) = &message
            && let Statement::Finalize { block, .. } = v.statement
            && scene.random.chance(50)
        {
            let false_result = Statement::Finalize { block, result: ResultHash(sm3(b"false")) };
            let vote = scene.vote(v.view, false_result);
            return vote.map(|v| Said::plain(to, Message::Vote(v))).into_iter().collect();
        }
        vec![Said::plain(to, message)]
    }

    fn answers(&mut self, random: &mut Random, answer: &mut Answer) {
        match answer {
            Answer::Status(status) => {
                status.height.0 += random.below(2_000);
                if random.chance(50) {
                    status.position.view.0 += random.below(2_000);
                } else {
                    (status.position, status.entry) = (Position::default(), None);
                }
            }
            Answer::Blocks(blocks) => match random.below(5) {
                0 => blocks.clear(),
                1 => blocks.reverse(),
                2 => blocks.truncate(1),
                _ => {
                    if let Some(block) = blocks.last_mut() {
                        let at = random.index(block.len());
                        if let Some(byte) = block.get_mut(at) {
                            *byte ^= 1;
                        }
                    }
                }
            },
        }
    }
}

/// The adversaries that the options ask for.
pub(crate) fn of(options: &Options) -> Vec<Box<dyn Adversary>> {
    type Make = fn() -> Box<dyn Adversary>;
    let kinds: [(u64, Make); 9] = [
        (options.twins, || Box::new(Twin)),
        (options.silent, || Box::new(Silent)),
        (options.late, || Box::new(Late)),
        (options.censors, || Box::new(Censor)),
        (options.withholders, || Box::new(Withholder)),
        (options.equivocators, || Box::new(Equivocator)),
        (options.replayers, || Box::new(Replayer::default())),
        (options.flooders, || Box::new(Flooder)),
        (options.liars, || Box::new(Liar)),
    ];
    kinds.into_iter().flat_map(|(count, make)| (0..count).map(move |_| make())).collect()
}
