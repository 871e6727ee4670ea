//! The executor thread: the only writer of state. Executes blocks, makes them final, takes in blocks from sync.

use super::proposal::Decoded;
use super::{DriverError, Happened};
use crate::ledger_state::Overlay;
use crate::shared::{Committee, Shared};
use hnchain_consensus::{Divergence, Input, Position};
use hnchain_ledger::BlockContext;
use hnchain_storage::Overlays;
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Height};
use std::sync::{Arc, mpsc as blocking};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// What the executor is asked to do, in order.
pub(super) enum Command {
    Execute(Arc<Block>, Option<Arc<Decoded>>),
    Finalize { block: BlockHash, certificate: Certificate, closing: Vec<Header> },
    Sync(Vec<FinalizedBlock>, oneshot::Sender<Synced>),
}

/// How many blocks from peers were new here, or which one is no next block of this chain: its sender's fault.
pub(super) type Synced = Result<u64, BadBlock>;

/// A block that cannot be executed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadBlock {
    pub(super) height: Height,
    pub(super) why: &'static str,
}

/// Handle for giving commands.
pub(super) type Executor = blocking::Sender<Command>;

/// What executing a block gave.
struct Executed {
    result: ExecutionResult,
    /// The validators after it, where it is its epoch's last.
    next: Option<Arc<ValidatorSet>>,
}

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
            Command::Finalize { block, certificate, closing } => self.finalize(&block, &certificate, closing),
            Command::Sync(blocks, reply) => {
                let outcome = self.sync(blocks)?;
                if reply.send(outcome).is_err() {
                    tracing::debug!("nobody waits for these blocks any more");
                }
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
        if let Some(Executed { result, next }) = self.execute(block, decoded)? {
            self.tell(Happened::Engine(Input::Executed { block: hash, result: result.hash(), next }));
        }
        Ok(())
    }

    /// Executes a block after its parent; `None` where the parent is neither the tip nor above it any more (sync was
    /// faster).
    fn execute(&mut self, block: Arc<Block>, decoded: Option<Arc<Decoded>>) -> Result<Option<Executed>, DriverError> {
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
        Ok(Some(Executed { result, next: execution.next.map(|next| next.validators) }))
    }

    /// Stores a final block with its ancestors, then tells clients (D2) and consensus.
    fn finalize(
        &mut self,
        block: &BlockHash,
        certificate: &Certificate,
        closing: Vec<Header>,
    ) -> Result<(), DriverError> {
        let blocks = self.overlays.finalize(block, certificate, closing)?;
        let Some(last) = blocks.last() else { return Ok(()) };
        let (height, view) = (last.block.header.height, last.block.header.view);
        if last.ends_epoch() {
            let (_, committee) = Committee::after_tip(&self.shared.store)
                .map_err(|e| DriverError::Execution(format!("the validators after height {height}: {e}")))?;
            self.shared.committee.send_replace(Arc::new(committee));
        }
        self.shared.status.set_height(height);
        self.shared.finality.publish(&blocks);
        self.tell(Happened::Durable(Position { epoch: last.block.header.epoch, view }));
        Ok(())
    }

    /// Takes in finalized blocks from peers. Sync has verified them: they follow each other, and each certificate, the
    /// last block's among them, is one of a quorum of its epoch. Gives how many were new.
    fn sync(&mut self, blocks: Vec<FinalizedBlock>) -> Result<Synced, DriverError> {
        let (mut taken, mut ended) = (0, false);
        for FinalizedBlock { block, certificate, closing, .. } in blocks {
            let header = block.header.clone();
            if header.height <= self.shared.store.tip().height {
                continue; // consensus was faster
            }
            let bad = |why| Ok(Err(BadBlock { height: header.height, why }));
            let committee = self.shared.committee();
            if ended || header.epoch != committee.epoch || header.validators != committee.validators.hash() {
                return bad("its epoch has ended, or has not begun");
            }
            let Some(own) = self.execute(Arc::new(block), None)? else {
                return bad("it does not follow the newest final block");
            };
            taken += 1;
            // The last block of an epoch is final by its own certificate; what comes without one is void.
            ended = own.next.is_some();
            let Some(certificate) = certificate else { continue };
            // Any block below the last one could be said to be the last: its hash is not in that certificate.
            if !closing.is_empty() && own.next.is_none() {
                return bad("a certificate of a later block; it does not end its epoch");
            }
            if let Statement::Finalize { result, .. } = certificate.statement
                && result != own.result.hash()
            {
                let (block, height, own) = (header.hash(), header.height, own.result.hash());
                return Err(DriverError::Divergence(Divergence { block, height, own, certified: result }));
            }
            self.finalize(&header.hash(), &certificate, closing)?;
            ended = false; // where it was one, the committee is the next one's now
        }
        Ok(Ok(taken))
    }
}
