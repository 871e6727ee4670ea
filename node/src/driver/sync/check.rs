//! Holding an answer against the question, the chain and the validators. Work for the processor, no I/O.

use super::peers::Fault;
use super::plan::{Link, Stretch};
use super::wire::{ANSWER_BYTES, Answer};
use crate::shared::Committee;
use hnchain_types::block::FinalizedBlock;
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, wire};

/// What a decoded block takes in memory besides its bytes, roughly.
const BLOCK_OVERHEAD: usize = 1024;

/// A decoded block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) finalized: FinalizedBlock,
    bytes: usize,
}

impl Link for Block {
    fn height(&self) -> Height {
        self.finalized.block.header.height
    }
    fn hash(&self) -> BlockHash {
        self.finalized.block.header.hash()
    }
    fn parent(&self) -> BlockHash {
        self.finalized.block.header.parent
    }
    fn epoch(&self) -> Epoch {
        self.finalized.block.header.epoch
    }
    fn is_certified(&self) -> bool {
        self.finalized.certificate.is_some()
    }
    fn bytes(&self) -> usize {
        self.bytes + BLOCK_OVERHEAD
    }
}

/// Reads the answer to a question for blocks: they are of this chain and follow each other.
pub(super) fn read(bytes: &[u8], genesis: GenesisDigest, first: Height, count: u64) -> Result<Stretch<Block>, Fault> {
    let answer = wire::decode::<Answer>("sync answer", bytes).map_err(|_| Fault::Malformed)?;
    let Answer::Blocks(raw) = answer else { return Err(Fault::OtherAnswer) };
    if raw.is_empty() {
        return Err(Fault::Empty);
    }
    let total: usize = raw.iter().map(Vec::len).sum();
    if raw.len() as u64 > count || (total > ANSWER_BYTES && raw.len() > 1) {
        return Err(Fault::Oversized);
    }
    let mut blocks: Vec<Block> = Vec::with_capacity(raw.len());
    for (raw, height) in raw.iter().zip(first.0..) {
        let finalized = FinalizedBlock::decode(raw).map_err(|_| Fault::Malformed)?;
        let block = Block { finalized, bytes: raw.len() };
        let header = &block.finalized.block.header;
        if header.genesis != genesis {
            return Err(Fault::OtherChain);
        }
        if header.height != Height(height) || blocks.last().is_some_and(|parent| !follows(parent, &block)) {
            return Err(Fault::NotFollowing);
        }
        blocks.push(block);
    }
    Ok(Stretch { blocks, proven: 0, judged: 0 })
}

fn follows(parent: &Block, block: &Block) -> bool {
    let (p, h) = (&parent.finalized.block.header, &block.finalized.block.header);
    // The last block of an epoch always has a certificate: the next epoch begins with it.
    let same_epoch = h.epoch == p.epoch;
    let next_epoch = h.epoch.0 == p.epoch.0 + 1 && parent.is_certified();
    h.parent == p.hash() && h.parent_view == p.view && h.time_ms > p.time_ms && (same_epoch || next_epoch)
}

/// Holds what was not judged yet against the validators of this epoch. Blocks of other epochs are left for later.
pub(super) fn judge(
    mut stretch: Stretch<Block>,
    genesis: GenesisDigest,
    committee: &Committee,
) -> Result<Stretch<Block>, Fault> {
    let of_epoch = stretch.blocks.iter().skip(stretch.judged).take_while(|b| b.epoch() == committee.epoch);
    let (mut judged, mut proven) = (stretch.judged, stretch.proven);
    for block in of_epoch {
        if block.finalized.block.header.validators != committee.validators.hash() {
            return Err(Fault::OtherChain);
        }
        judged += 1;
        if let Some(certificate) = &block.finalized.certificate {
            if !matches!(certificate.statement, Statement::Finalize { .. })
                || !verifies(certificate, genesis, committee)
            {
                return Err(Fault::Certificate);
            }
            proven = judged;
        }
    }
    (stretch.judged, stretch.proven) = (judged, proven);
    Ok(stretch)
}

fn verifies(certificate: &Certificate, genesis: GenesisDigest, committee: &Committee) -> bool {
    certificate.epoch == committee.epoch && certificate.verify(genesis, &committee.validators).is_ok()
}
