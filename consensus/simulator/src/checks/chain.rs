//! I1, I2, I3, I4, I6, I7, I8: the one chain that there may be.

use super::{Checks, Label};
use crate::env::Decoded;
use crate::node::store::{Store, Stored};
use crate::world::World;
use hnchain_consensus::Machine;
use hnchain_crypto::{Digest, VerifyingKey};
use hnchain_ledger::MemoryState;
use hnchain_types::block::{Header, HeaderFields};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Epoch, Height, ResultHash, StateRoot, TxId, View};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// A final block, as the first node that stored it has it.
#[derive(Debug)]
struct Final {
    block: BlockHash,
    result: ResultHash,
    epoch: Epoch,
    view: View,
    /// The block is its epoch's last.
    last: bool,
}

/// Which certificates a view has.
#[derive(Debug, Default)]
struct Seen {
    notarized: Option<BlockHash>,
    nullified: bool,
    finalized: Option<(BlockHash, ResultHash)>,
}

/// The final chain, and one executor that runs it block after block.
#[derive(Debug)]
pub(super) struct Chain {
    world: Arc<World>,
    finals: Vec<Final>,
    state: MemoryState,
    root: StateRoot,
    seen: BTreeMap<(Epoch, View), Seen>,
    /// Heights of the nodes' stores.
    heights: Vec<Height>,
    accepted: BTreeMap<TxId, bool>,
}

impl Chain {
    pub(super) fn new(world: Arc<World>, nodes: usize) -> Self {
        Self {
            state: world.state.clone(),
            world,
            finals: Vec::new(),
            root: StateRoot(Digest::ZERO),
            seen: BTreeMap::new(),
            heights: vec![Height(0); nodes],
            accepted: BTreeMap::new(),
        }
    }

    fn at(&self, height: Height) -> Option<&Final> {
        self.finals.get(usize::try_from(height.previous()?.0).ok()?)
    }

    /// Where the final chain has a transaction, and whether it was accepted.
    pub(super) fn place(&self, id: &TxId) -> Option<(Height, u32, bool)> {
        use hnchain_ledger::StateView;
        let (height, index) = self.state.included(id).ok()??;
        Some((height, index, *self.accepted.get(id)?))
    }

    pub(super) fn is_final(&self, block: &BlockHash) -> bool {
        self.finals.iter().rev().any(|f| f.block == *block) || self.world.genesis.block_hash() == *block
    }
}

impl Checks {
    /// Height of the longest final chain.
    pub(crate) fn height(&self) -> Height {
        Height(self.chain.finals.len() as u64)
    }

    /// Views of the final chain that were finalized or nullified.
    pub(crate) fn views(&self) -> u64 {
        self.chain.seen.len() as u64
    }

    /// A certificate that an honest node acts on, its own vote durable. Each statement is looked at once.
    pub(crate) fn certificate(&mut self, node: usize, certificate: &Certificate) {
        let Certificate { epoch, view, statement, .. } = certificate;
        let seen = self.chain.seen.entry((*epoch, *view)).or_default();
        let known = match statement {
            Statement::Notarize { block } => seen.notarized == Some(*block),
            Statement::Nullify => seen.nullified,
            Statement::Finalize { block, result } => seen.finalized == Some((*block, *result)),
        };
        if known {
            return;
        }
        let (mut first, mut other) = (true, None);
        match statement {
            Statement::Notarize { block } => {
                first = seen.notarized.is_none();
                seen.notarized = Some(*block);
                other = seen.finalized.map(|(b, _)| b).filter(|b| b != block);
            }
            Statement::Nullify => seen.nullified = true,
            Statement::Finalize { block, result } => {
                first = seen.finalized.is_none();
                other = seen.notarized.filter(|b| b != block);
                seen.finalized = Some((*block, *result));
            }
        }
        let both = seen.nullified && seen.finalized.is_some();
        let name = || format!("node {node}, {epoch}.{view}: {statement:?}");
        self.check(Label::I3, !both && other.is_none(), || format!("contradictory certificates, {}", name()));
        let label = if matches!(statement, Statement::Finalize { .. }) { Label::I2 } else { Label::I3 };
        self.check(label, first, || format!("a second certificate of the kind, {}", name()));
        let sound = self.set(*epoch).cloned().is_some_and(|set| self.verifies(certificate, &set));
        self.check(Label::I8, sound, || format!("a certificate that does not verify, {}", name()));
        let earlier = epoch.previous().and_then(|e| Some((self.set(e)?.clone(), self.set(*epoch)?.clone())));
        if let Some((old, own)) = earlier.filter(|(old, own)| old != own) {
            let signers_moved = certificate
                .votes
                .iter()
                .any(|(i, _)| own.key(*i).map(VerifyingKey::public_key) != old.key(*i).map(VerifyingKey::public_key));
            let passes = self.verifies(certificate, &old);
            let small = certificate.votes.len() < old.quorum();
            self.check(Label::I8, !passes || !(signers_moved || small), || {
                format!("an old set accepts it, {}", name())
            });
        }
    }

    /// Whether a certificate for this statement was found sound before.
    pub(super) fn knows_certificate(&self, certificate: &Certificate) -> bool {
        let Some(seen) = self.chain.seen.get(&(certificate.epoch, certificate.view)) else { return false };
        match certificate.statement {
            Statement::Notarize { block } => seen.notarized == Some(block),
            Statement::Nullify => seen.nullified,
            Statement::Finalize { block, result } => seen.finalized == Some((block, result)),
        }
    }

    /// A node has stored final blocks.
    pub(crate) fn stored(&mut self, node: usize, blocks: &[Rc<Stored>], store: &Store) {
        for stored in blocks {
            self.stored_one(node, stored);
        }
        let Some(last) = blocks.last() else { return };
        let certified = last.certificate.as_ref();
        if let Some(certificate) = certified {
            self.certificate(node, certificate);
        }
        let of_it = certified.is_some_and(|c| {
            c.statement.block() == Some(last.closing.last().map_or(last.block.header.hash(), Header::hash))
        });
        self.check(Label::I8, of_it, || format!("node {node}: the tip's certificate is of another block"));
        let before = std::mem::replace(&mut self.chain.heights[node], store.height());
        self.check(Label::I6, store.height() > before, || {
            format!("node {node} goes from height {before} to {}", store.height())
        });
        if store.height() == self.height() {
            self.check(Label::I7, store.state_root() == self.chain.root, || format!("node {node}: another state"));
        }
    }

    fn stored_one(&mut self, node: usize, stored: &Stored) {
        let header = &stored.block.header;
        let (hash, result, height) = (header.hash(), stored.executed.result.hash(), header.height);
        if let Some(known) = self.chain.at(height) {
            let (same, equal) = (known.block == hash, known.result == result);
            self.check(Label::I1, same, || format!("node {node}: a second final block at height {height}"));
            self.check(Label::I2, !same || equal, || format!("node {node}: a second result at height {height}"));
            return;
        }
        let next = self.height().next();
        self.check(Label::I6, height == next, || format!("node {node}: height {height} is final before {next}"));
        self.check_place(node, stored);
        self.check_skips(node, stored);
        self.run(node, stored);
        self.chain.finals.push(Final {
            block: hash,
            result,
            epoch: header.epoch,
            view: header.view,
            last: stored.executed.next.is_some(),
        });
    }

    /// The block follows the one before it, in its epoch or as the first of the next one.
    fn check_place(&mut self, node: usize, stored: &Stored) {
        let h: &HeaderFields = &stored.block.header;
        let genesis = self.chain.world.genesis.block_hash();
        let (parent, view, epoch, last) = self
            .chain
            .finals
            .last()
            .map_or((genesis, View(0), Epoch(0), false), |f| (f.block, f.view, f.epoch, f.last));
        let follows = h.parent == parent && h.parent_view == view && h.view > view;
        let expected = if last { epoch.next() } else { epoch };
        self.check(Label::I4, follows, || format!("node {node}: block {} does not follow the tip", h.height));
        self.check(Label::R14, h.epoch == expected, || {
            format!("node {node}: block {} is of epoch {}, not {expected}", h.height, h.epoch)
        });
        let set = self.set(h.epoch).map(|s| s.hash());
        self.check(Label::R14, set.is_none_or(|s| s == h.validators), || {
            format!("node {node}: block {} names other validators", h.height)
        });
    }

    fn check_skips(&mut self, node: usize, stored: &Stored) {
        let h = &stored.block.header;
        let gap = h.view.0 - h.parent_view.0 - 1;
        let skips = &stored.block.skips;
        let complete = skips.len() as u64 == gap.min(hnchain_types::limits::SKIPS as u64);
        self.check(Label::I4, complete, || format!("node {node}: block {} lacks skips", h.height));
        for skip in skips {
            let known = self.knows_certificate(skip);
            let sound = known || self.set(skip.epoch).cloned().is_some_and(|set| self.verifies(skip, &set));
            self.check(Label::I4, sound && skip.epoch == h.epoch, || {
                format!("node {node}: block {} carries a false skip of {}", h.height, skip.view)
            });
            self.certificate(node, skip);
        }
    }

    /// The reference: one executor, one block after the other, no overlays.
    fn run(&mut self, node: usize, stored: &Stored) {
        let parent = self.chain.finals.last().map(|f| f.result);
        let decoded: &Rc<Decoded> = &stored.executed.decoded;
        let chain = &mut self.chain;
        let done = crate::node::execute(&chain.state, chain.root, &chain.world.chain, &stored.block, parent, decoded);
        match done {
            Ok(done) => {
                let height = stored.block.header.height;
                self.chain.state.apply(height, &done.changes, decoded.transactions.iter().map(|t| t.id()));
                self.chain.root = done.result.state_root;
                for (tx, accepted) in decoded.transactions.iter().zip(&done.accepted) {
                    self.chain.accepted.entry(tx.id()).or_insert(*accepted);
                }
                let equal = done.result.hash() == stored.executed.result.hash();
                self.check(Label::I7, equal, || format!("node {node}: another result at height {height}"));
                if let Some((epoch, set)) = done.next {
                    self.sets.insert(epoch, set);
                }
            }
            Err(error) => self.fail(Label::I7, format!("the reference executor fails: {error}")),
        }
    }

    /// A process was started on what the disk holds.
    pub(super) fn booted_chain(&mut self, node: usize, machine: &Machine) {
        let (height, kept) = (machine.root().height, self.chain.heights[node]);
        self.check(Label::I6, height == kept, || format!("node {node} had height {kept} and starts at {height}"));
    }

    /// A node begins anew, without a chain.
    pub(super) fn chain_lost(&mut self, node: usize) {
        self.chain.heights[node] = Height(0);
    }

    /// In the end: the node's rows are the reference's.
    pub(crate) fn same_rows(&mut self, node: usize, store: &Store) {
        if store.height() == self.height() {
            let same = store.state().rows() == self.chain.state.rows();
            self.check(Label::I7, same, || format!("node {node}: rows differ from the reference"));
        }
    }

    pub(super) fn is_final(&self, block: &BlockHash) -> bool {
        self.chain.is_final(block)
    }

    pub(super) fn place(&self, id: &TxId) -> Option<(Height, u32, bool)> {
        self.chain.place(id)
    }
}
