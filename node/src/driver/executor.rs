//! The executor thread: the only writer of state. Executes blocks, makes them final, takes in blocks from sync.

use super::proposal::Decoded;
use super::{DriverError, Happened};
use crate::ledger_state::Overlay;
use crate::shared::Shared;
use hnchain_consensus::{Divergence, Input, Position, Root};
use hnchain_ledger::BlockContext;
use hnchain_storage::{Overlays, StorageError, Tip};
use hnchain_types::BlockHash;
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock};
use hnchain_types::certificate::{Certificate, Statement};
use std::sync::{Arc, mpsc as blocking};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// What the executor is asked to do, in order.
pub(super) enum Command {
    Execute(Arc<Block>, Option<Arc<Decoded>>),
    Finalize(BlockHash, Certificate),
    Sync(Vec<FinalizedBlock>, oneshot::Sender<Result<(), BadBlocks>>),
}

/// Blocks from a peer that are not the next ones of this chain: the peer's fault.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadBlocks(pub(super) &'static str);

/// Handle for giving commands.
pub(super) type Executor = blocking::Sender<Command>;

struct Work {
    shared: Arc<Shared>,
    overlays: Overlays,
    happened: mpsc::UnboundedSender<Happened>,
}

/// Starts the thread. It ends when the last [`Executor`] is dropped, or on a failure, which it reports.
pub(super) fn start(
    shared: Arc<Shared>,
    happened: mpsc::UnboundedSender<Happened>,
) -> Result<(Executor, JoinHandle<()>), DriverError> {
    let (sender, receiver) = blocking::channel();
    let overlays = Overlays::new(shared.store.clone());
    let mut work = Work { shared, overlays, happened };
    let thread = std::thread::Builder::new()
        .name("executor".into())
        .spawn(move || {
            for command in receiver {
                if let Err(error) = work.perform(command) {
                    // The consensus thread ends the node; where it has ended already nobody needs to hear this.
                    drop(work.happened.send(Happened::Fatal(error)));
                    break;
                }
            }
        })
        .map_err(|e| DriverError::Thread(format!("executor thread: {e}")))?;
    Ok((sender, thread))
}

impl Work {
    fn perform(&mut self, command: Command) -> Result<(), DriverError> {
        match command {
            Command::Execute(block, decoded) => self.execute_and_tell(block, decoded),
            Command::Finalize(block, certificate) => self.finalize(&block, &certificate).map(drop),
            Command::Sync(blocks, reply) => {
                let outcome = self.sync(blocks)?;
                // The follower may have given up waiting.
                drop(reply.send(outcome));
                Ok(())
            }
        }
    }

    fn tell(&self, happened: Happened) {
        // A closed inbox means that the consensus thread has ended; this thread ends with it.
        drop(self.happened.send(happened));
    }

    fn execute_and_tell(&mut self, block: Arc<Block>, decoded: Option<Arc<Decoded>>) -> Result<(), DriverError> {
        let hash = block.header.hash();
        if let Some(result) = self.execute(block, decoded)? {
            self.tell(Happened::Engine(Input::Executed { block: hash, result: result.hash(), next: None }));
        }
        Ok(())
    }

    /// Executes a block after its parent; `None` where the parent is neither the tip nor above it any more (sync was
    /// faster).
    fn execute(
        &mut self,
        block: Arc<Block>,
        decoded: Option<Arc<Decoded>>,
    ) -> Result<Option<ExecutionResult>, DriverError> {
        let header = &block.header;
        let tip = self.shared.store.tip();
        let parent_result = if header.parent == tip.block { tip.result } else { self.overlays.result(&header.parent) };
        let Some(view) = self.overlays.view(&header.parent) else { return Ok(None) };
        let decoded = match decoded {
            Some(decoded) => decoded,
            None => Arc::new(Decoded::of(&block).ok_or_else(|| {
                DriverError::Execution(format!("block {} is notarized but has a malformed transaction", header.hash()))
            })?),
        };
        let parent = match (header.height.previous(), parent_result) {
            (Some(height), Some(result)) => Some((height, header.parent, result)),
            _ => None,
        };
        let context = BlockContext { height: header.height, time_ms: header.time_ms, parent };
        let execution = hnchain_ledger::execute(&Overlay(view), &self.shared.chain, &context, &decoded.transactions)
            .map_err(|e| DriverError::Execution(e.to_string()))?;
        let receipts = execution.receipts.iter().map(|r| r.raw().to_vec()).collect();
        let ids = decoded.transactions.iter().map(|t| t.id()).collect();
        let result = self.overlays.apply(block, execution.changes, receipts, ids, execution.next_validators)?;
        Ok(Some(result))
    }

    /// Stores a final block with its ancestors, then tells clients (D2) and consensus.
    fn finalize(&mut self, block: &BlockHash, certificate: &Certificate) -> Result<Tip, DriverError> {
        let blocks = self.overlays.finalize(block, certificate, Vec::new())?;
        let tip = self.shared.store.tip();
        if !blocks.is_empty() {
            self.shared.status.set_height(tip.height);
            self.shared.finality.publish(&blocks);
            self.tell(Happened::Durable(Position { epoch: tip.epoch, view: tip.view }));
        }
        Ok(tip)
    }

    /// Takes in finalized blocks from a peer: links and certificates first, then execution, then the store.
    fn sync(&mut self, blocks: Vec<FinalizedBlock>) -> Result<Result<(), BadBlocks>, DriverError> {
        let tip = self.shared.store.tip();
        let blocks: Vec<_> = blocks.into_iter().skip_while(|b| b.block.header.height <= tip.height).collect();
        if let Err(bad) = self.check_chain(&tip, &blocks) {
            return Ok(Err(bad));
        }
        for finalized in blocks {
            let FinalizedBlock { block, certificate, .. } = finalized;
            let hash = block.header.hash();
            let (height, view, time_ms) = (block.header.height, block.header.view, block.header.time_ms);
            let Some(own) = self.execute(Arc::new(block), None)? else {
                return Err(StorageError::Misuse(format!("block {hash} does not follow the tip")).into());
            };
            let Some(certificate) = certificate else { continue };
            if let Statement::Finalize { result, .. } = certificate.statement
                && result != own.hash()
            {
                let divergence = Divergence { block: hash, height, own: own.hash(), certified: result };
                return Err(DriverError::Divergence(divergence));
            }
            self.finalize(&hash, &certificate)?;
            let genesis = &self.shared.genesis;
            let root = Root { epoch: genesis.epoch(), height, view, block: hash, time_ms };
            let (epoch, validators) = (genesis.epoch(), Arc::new(genesis.validators().clone()));
            self.tell(Happened::Engine(Input::Synced { root, finalization: certificate, epoch, validators }));
        }
        Ok(Ok(()))
    }

    /// The blocks follow the tip one by one, the last is certified, and every certificate verifies.
    fn check_chain(&self, tip: &Tip, blocks: &[FinalizedBlock]) -> Result<(), BadBlocks> {
        let genesis = &self.shared.genesis;
        let mut parent = (tip.height, tip.block, tip.view, tip.time_ms);
        for b in blocks {
            let h = &b.block.header;
            let follows = h.height == parent.0.next() && h.parent == parent.1 && h.parent_view == parent.2;
            if !follows || h.time_ms <= parent.3 || h.genesis != genesis.digest() || h.epoch != genesis.epoch() {
                return Err(BadBlocks("the blocks do not follow the tip"));
            }
            if h.validators != genesis.validators().hash() {
                return Err(BadBlocks("a block of another validator set"));
            }
            parent = (h.height, h.hash(), h.view, h.time_ms);
        }
        if blocks.last().is_some_and(|b| b.certificate.is_none()) {
            return Err(BadBlocks("the last block is not certified"));
        }
        for certificate in blocks.iter().rev().filter_map(|b| b.certificate.as_ref()) {
            certificate
                .verify(genesis.digest(), genesis.validators())
                .map_err(|_| BadBlocks("a certificate does not verify"))?;
        }
        Ok(())
    }
}
