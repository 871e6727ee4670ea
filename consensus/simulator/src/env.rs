//! What surrounds the nodes: time, events, links, and the checkers that watch.

use crate::checks::{Checks, Label};
use crate::network::Network;
use crate::node::Packet;
use crate::node::store::Executed;
use crate::options::Options;
use crate::random::Random;
use crate::trace::{Trace, note};
use crate::world::{BEGIN_MS, World};
use hnchain_consensus::Message;
use hnchain_consensus::Verifier;
use hnchain_types::block::Block;
use hnchain_types::transaction::Transaction;
use hnchain_types::{BlockHash, TxId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;
use std::sync::Arc;

/// Something that will happen to a node.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message arrives.
    Packet { from: usize, to: usize, packet: Packet },
    /// Something that the process asked for; it means nothing to the next process.
    Own { node: usize, incarnation: u32, own: crate::node::Own },
    /// The node's process is started.
    Boot { node: usize },
    /// Power is lost.
    Crash { node: usize },
    /// A client looks after its transactions.
    Client { client: usize },
}

struct Scheduled {
    at: u64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// A block's transactions, decoded once.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) transactions: Vec<Arc<Transaction>>,
    pub(crate) ids: BTreeSet<TxId>,
    /// Whether a node that follows the rules finds the payload valid.
    pub(crate) valid: bool,
}

/// Everything but the nodes.
pub(crate) struct Env {
    /// Microseconds since the beginning.
    pub(crate) now: u64,
    pub(crate) options: Options,
    pub(crate) world: Arc<World>,
    pub(crate) verifier: Arc<dyn Verifier>,
    pub(crate) network: Network,
    /// Chance in disks, nodes and adversaries, apart from that of links.
    pub(crate) random: Random,
    pub(crate) checks: Checks,
    pub(crate) trace: Trace,
    /// Which nodes use each validator key. Two where a validator is run twice.
    pub(crate) owners: Vec<Vec<usize>>,
    /// Receipts that clients wait for: client, transaction, place, accepted.
    pub(crate) published: Vec<(usize, TxId, crate::node::Place)>,
    /// Consensus messages that were sent, for R11.
    pub(crate) sent: u64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    sequence: u64,
    decoded: BTreeMap<BlockHash, Option<Rc<Decoded>>>,
    /// What blocks gave where they were executed first.
    pub(crate) executed: BTreeMap<BlockHash, Rc<Executed>>,
}

impl Env {
    pub(crate) fn new(options: Options, world: Arc<World>, nodes: usize, trace: Trace) -> Self {
        let real = options.real == 1;
        let verifier = world.keys.verifier(real);
        Self {
            now: 0,
            network: Network::new(nodes, &options),
            random: Random(options.seed ^ 0x656e_7669_726f_6e00),
            checks: Checks::new(&world, verifier.clone(), nodes),
            verifier,
            world,
            options,
            trace,
            owners: Vec::new(),
            published: Vec::new(),
            sent: 0,
            queue: BinaryHeap::new(),
            sequence: 0,
            decoded: BTreeMap::new(),
            executed: BTreeMap::new(),
        }
    }

    /// A right wall clock.
    pub(crate) const fn wall_ms(&self) -> u64 {
        BEGIN_MS + self.now / 1_000
    }

    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse(Scheduled { at: at.max(self.now), sequence: self.sequence, event }));
    }

    /// The next event no later than `end`, with the clock moved to it.
    pub(crate) fn next(&mut self, end: u64) -> Option<Event> {
        if self.queue.peek().is_none_or(|Reverse(s)| s.at > end) {
            self.now = self.now.max(end);
            return None;
        }
        let Reverse(scheduled) = self.queue.pop()?;
        self.now = scheduled.at;
        Some(scheduled.event)
    }

    /// A rule did not hold. The first counts.
    pub(crate) fn fail(&mut self, label: Label, what: String) {
        note!(self, "VIOLATION {label:?}: {what}");
        self.checks.fail(label, what);
    }

    /// Puts a consensus message on the links to some nodes, by its bytes.
    pub(crate) fn send_message(&mut self, from: usize, to: &[usize], message: &Message, extra_us: u64) {
        let bytes = match message.encode() {
            Ok(bytes) => bytes,
            Err(error) => {
                return self.fail(Label::I11, format!("node {from} has a message that is too large: {error}"));
            }
        };
        self.trace.hash.add_bytes(&bytes);
        let decoded = match Message::decode(&bytes) {
            Ok(decoded) if decoded == *message => Rc::new(decoded),
            Ok(_) => return self.fail(Label::I8, format!("node {from}: a message changes when it is read again")),
            Err(error) => return self.fail(Label::I8, format!("node {from}: own message refused: {error}")),
        };
        for to in to.iter().copied().filter(|to| *to != from) {
            self.sent += 1;
            let fate = self.network.carry(self.now + extra_us, from, to);
            for (at, damaged) in fate.arrivals.into_iter().flatten() {
                let packet = if damaged {
                    let mut bytes = bytes.clone();
                    self.network.damage(&mut bytes);
                    let Ok(message) = Message::decode(&bytes) else { continue };
                    Packet::Consensus(Rc::new(message))
                } else {
                    Packet::Consensus(decoded.clone())
                };
                self.at(at, Event::Packet { from, to, packet });
            }
        }
    }

    /// Puts something else on a link.
    pub(crate) fn send_packet(&mut self, from: usize, to: usize, packet: &Packet) {
        let fate = self.network.carry(self.now, from, to);
        for (at, _) in fate.arrivals.into_iter().flatten() {
            self.at(at, Event::Packet { from, to, packet: packet.clone() });
        }
    }

    /// A block's transactions; `None` where one is malformed. Every node comes to the same answer, so it is found once.
    pub(crate) fn decode(&mut self, block: &Block) -> Option<Rc<Decoded>> {
        let hash = block.header.hash();
        if let Some(decoded) = self.decoded.get(&hash) {
            return decoded.clone();
        }
        let transactions: Result<Vec<_>, _> =
            block.transactions.iter().map(|raw| Transaction::decode(raw).map(Arc::new)).collect();
        let decoded = transactions.ok().map(|t| Rc::new(self.judge(block, t)));
        self.decoded.insert(hash, decoded.clone());
        decoded
    }

    /// What a node's driver asks of a payload.
    fn judge(&self, block: &Block, transactions: Vec<Arc<Transaction>>) -> Decoded {
        let p = &self.world.chain.parameters;
        let bytes: usize = block.transactions.iter().map(Vec::len).sum();
        let within = transactions.len() <= p.block_transactions as usize
            && bytes <= p.block_bytes as usize
            && block.transactions.iter().all(|t| t.len() <= p.transaction_bytes as usize);
        let signed =
            transactions.iter().all(|t| t.body().chain_id == self.world.chain.chain_id && self.world.keys.signed(t));
        Decoded { ids: transactions.iter().map(|t| t.id()).collect(), transactions, valid: within && signed }
    }
}
