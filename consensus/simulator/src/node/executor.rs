//! The executor thread: the only writer of state, as `node/src/driver/executor.rs`.

use super::store::{Executed, Store, Stored, root_of};
use super::{Happened, Own, Process};
use crate::checks::Label;
use crate::env::{Decoded, Env};
use crate::trace::note;
use hnchain_consensus::Input;
use hnchain_ledger::{BlockContext, Chain, StateView};
use hnchain_types::block::{Block, FinalizedBlock, Header};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, ResultHash, StateRoot};
use std::rc::Rc;
use std::sync::Arc;

/// Writing final blocks to the store, microseconds.
const STORE_US: u64 = 150;

/// Executing a block without transactions, microseconds.
const EMPTY_US: u64 = 100;

/// What the executor is asked to do, in order.
#[derive(Debug)]
pub(super) enum Command {
    Execute(Arc<Block>),
    Finalize { block: BlockHash, certificate: Certificate, closing: Vec<Header> },
    Sync { id: u64, blocks: Vec<FinalizedBlock> },
}

/// Executes a block with the real ledger.
pub(crate) fn execute(
    view: &dyn StateView,
    before: StateRoot,
    chain: &Chain,
    block: &Block,
    parent: Option<ResultHash>,
    decoded: &Rc<Decoded>,
) -> Result<Executed, String> {
    let header = &block.header;
    let parent = header.height.previous().zip(parent).map(|(height, result)| (height, header.parent, result));
    let context = BlockContext { height: header.height, time_ms: header.time_ms, parent };
    let done = hnchain_ledger::execute(view, chain, &context, &decoded.transactions).map_err(|e| e.to_string())?;
    let receipts = done.receipts.iter().map(|r| r.raw().to_vec()).collect();
    let accepted = done.receipts.iter().map(hnchain_types::transaction::Receipt::accepted).collect();
    let next = crate::governance::next(&done);
    Ok(Executed::new(before, done.changes, receipts, accepted, decoded.clone(), done.next_validators, next))
}

impl Process {
    pub(super) fn command(&mut self, command: Command, env: &mut Env) {
        self.commands.push_back(command);
        self.start_executor(env);
    }

    fn start_executor(&mut self, env: &mut Env) {
        if self.executing {
            return;
        }
        let Some(command) = self.commands.front() else { return };
        let execution = env.options.execution_us;
        let took = match command {
            Command::Execute(block) if block.transactions.is_empty() => EMPTY_US,
            Command::Execute(_) => execution / 4 + env.random.below(execution + 1),
            Command::Finalize { .. } => STORE_US + self.nature.disk_us,
            Command::Sync { blocks, .. } => blocks.len() as u64 * (execution / 8 + 20) + STORE_US,
        };
        self.executing = true;
        self.later(env.now + took, Own::Executor, env);
    }

    pub(super) fn executor_done(&mut self, env: &mut Env) {
        self.executing = false;
        let Some(command) = self.commands.pop_front() else { return };
        match command {
            Command::Execute(block) => self.execute_and_tell(&block, env),
            Command::Finalize { block, certificate, closing } => {
                if let Err(error) = self.finalize(&block, &certificate, &closing, env) {
                    env.fail(Label::R7, format!("node {}: {error}", self.id));
                }
            }
            Command::Sync { id, blocks } => {
                let outcome = self.take_in(blocks, env);
                self.handed_over(id, outcome, env);
            }
        }
        self.start_executor(env);
    }

    fn execute_and_tell(&mut self, block: &Arc<Block>, env: &mut Env) {
        match self.execute(block.clone(), env) {
            Ok(Some(executed)) => {
                let (result, next) = (executed.result.hash(), executed.next.as_ref().map(|(_, set)| set.clone()));
                let input = Input::Executed { block: block.header.hash(), result, next };
                self.happened(Happened::Engine(input), env);
            }
            // Sync was faster: the parent is neither the tip nor above it any more.
            Ok(None) => {}
            Err(error) => env.fail(Label::R5, format!("node {}: {error}", self.id)),
        }
    }

    fn execute(&mut self, block: Arc<Block>, env: &mut Env) -> Result<Option<Rc<Executed>>, String> {
        let header = &block.header;
        let store = &self.disk.store;
        let parent = if header.parent == store.tip().block {
            store.result()
        } else {
            self.overlays.get(&header.parent).map(|e| e.result.hash())
        };
        let Some(view) = self.overlays.view(store, &header.parent) else { return Ok(None) };
        let Some(decoded) = env.decode(&block) else {
            return Err(format!("block {} is notarized but has a malformed transaction", header.hash()));
        };
        let hash = header.hash();
        let known = env.executed.get(&hash).filter(|_| env.options.each_executes == 0).cloned();
        let executed = match known {
            Some(executed) => executed,
            None => Rc::new(execute(&view, view.root(), &env.world.chain, &block, parent, &decoded)?),
        };
        env.executed.insert(hash, executed.clone());
        self.overlays.insert(block, executed.clone());
        Ok(Some(executed))
    }

    /// Stores a final block with its ancestors, then tells clients (D2) and consensus.
    fn finalize(
        &mut self,
        block: &BlockHash,
        certificate: &Certificate,
        closing: &[Header],
        env: &mut Env,
    ) -> Result<(), String> {
        let blocks = self.overlays.finalize(&mut self.disk.store, block, certificate, closing)?;
        if blocks.is_empty() {
            return Ok(());
        }
        for stored in &blocks {
            self.publish(stored, env);
        }
        env.checks.stored(self.id, &blocks, &self.disk.store);
        note!(env, "node {} has height {}", self.id, self.disk.store.height());
        let position = self.disk.store.position();
        self.happened(Happened::Durable(position), env);
        Ok(())
    }

    fn publish(&mut self, stored: &Stored, env: &mut Env) {
        let height = stored.block.header.height;
        for (i, tx) in stored.executed.decoded.transactions.iter().enumerate() {
            let id = tx.id();
            self.mempool.remove(&id);
            if let Some(clients) = self.waiting.remove(&id)
                && let Some(place) = self.disk.store.receipt(&id)
            {
                debug_assert!(place.0 <= height && i < stored.executed.accepted.len());
                env.published.extend(clients.into_iter().map(|client| (client, id, place)));
            }
        }
    }

    /// Takes in finalized blocks from a peer: links and certificates first, then execution, then the store.
    fn take_in(&mut self, blocks: Vec<FinalizedBlock>, env: &mut Env) -> Result<(), &'static str> {
        let tip = self.disk.store.height();
        let mut rest: Vec<_> = blocks.into_iter().skip_while(|b| b.block.header.height <= tip).collect();
        while let Some(first) = rest.first() {
            let epoch = first.block.header.epoch;
            let later = rest.iter().position(|b| b.block.header.epoch != epoch).unwrap_or(rest.len());
            let next = rest.split_off(later);
            check_chain(&self.disk.store, &rest, env)?;
            self.execute_all(std::mem::replace(&mut rest, next), env)?;
        }
        Ok(())
    }

    fn execute_all(&mut self, blocks: Vec<FinalizedBlock>, env: &mut Env) -> Result<(), &'static str> {
        for finalized in blocks {
            let FinalizedBlock { block, certificate, closing, .. } = finalized;
            let hash = block.header.hash();
            let root = root_of(&block.header);
            let executed = match self.execute(Arc::new(block), env) {
                Ok(Some(executed)) => executed,
                Ok(None) => return Err("a block does not follow the tip"),
                Err(error) => {
                    env.fail(Label::R5, format!("node {}: {error}", self.id));
                    return Err("execution failed");
                }
            };
            let Some(certificate) = certificate else { continue };
            if let Statement::Finalize { result, .. } = certificate.statement
                && result != executed.result.hash()
            {
                env.fail(Label::I7, format!("node {} computed another result for block {hash}", self.id));
                return Err("another result");
            }
            if let Err(error) = self.finalize(&hash, &certificate, &closing, env) {
                env.fail(Label::R12, format!("node {}: {error}", self.id));
                return Err("not stored");
            }
            let (epoch, validators) = self.disk.store.epoch();
            let validators = validators.clone();
            self.happened(Happened::Engine(Input::Synced { root, finalization: certificate, epoch, validators }), env);
        }
        Ok(())
    }
}

/// The blocks, all of one epoch, follow the tip one by one, the last is certified, and every certificate verifies.
fn check_chain(store: &Store, blocks: &[FinalizedBlock], env: &Env) -> Result<(), &'static str> {
    let (epoch, validators) = store.epoch();
    let mut parent = store.tip();
    for b in blocks {
        let h = &b.block.header;
        let follows = h.height == parent.height.next() && h.parent == parent.block && h.parent_view == parent.view;
        if !follows || h.time_ms <= parent.time_ms || h.genesis != env.world.genesis.digest() || h.epoch != epoch {
            return Err("the blocks do not follow the tip");
        }
        if h.validators != validators.hash() {
            return Err("a block of another validator set");
        }
        parent = root_of(h);
    }
    if blocks.last().is_some_and(|b| b.certificate.is_none()) {
        return Err("the last block is not certified");
    }
    let sound = |b: &FinalizedBlock| b.certificate.as_ref().is_none_or(|c| verifies(c, epoch, validators, env));
    if blocks.iter().all(sound) { Ok(()) } else { Err("a certificate does not verify") }
}

/// Whether a certificate is one of this epoch and set.
fn verifies(certificate: &Certificate, epoch: Epoch, validators: &ValidatorSet, env: &Env) -> bool {
    certificate.epoch == epoch
        && certificate
            .verify_by(env.world.genesis.digest(), validators, |_, key, digest, signature| {
                env.verifier.verify(key, digest, signature)
            })
            .is_ok()
}
