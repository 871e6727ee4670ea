//! What the bench tests hand to a machine: votes, certificates, blocks and proposals of a cluster of four.

use super::{genesis, genesis_root, key, result_of, validators};
use hnchain_consensus::{Message, Position, Proposal, Vote};
use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::{Epoch, ValidatorIndex, View};
use std::sync::Arc;

/// Validators of the cluster.
pub const N: usize = 4;

pub fn vote(signer: usize, view: u64, statement: Statement) -> Vote {
    let digest = statement.digest(genesis(), Epoch(0), View(view));
    Vote {
        epoch: Epoch(0),
        view: View(view),
        statement,
        signer: ValidatorIndex(u32::try_from(signer).unwrap()),
        signature: key(signer).sign(&digest),
    }
}

pub fn certificate(view: u64, statement: Statement) -> Certificate {
    let votes = [1, 2, 3].map(|i| vote(i, view, statement)).map(|v| (v.signer, v.signature)).to_vec();
    Certificate { epoch: Epoch(0), view: View(view), statement, votes }
}

pub fn notarization(block: &Arc<Block>) -> Certificate {
    certificate(block.header.view.0, Statement::Notarize { block: block.header.hash() })
}

pub fn finalization(block: &Arc<Block>) -> Certificate {
    let hash = block.header.hash();
    certificate(block.header.view.0, Statement::Finalize { block: hash, result: result_of(&hash) })
}

pub fn nullification(view: u64) -> Certificate {
    certificate(view, Statement::Nullify)
}

/// A block on the root, or on another block, with the skips that its view calls for.
pub fn block_with(view: u64, parent: Option<&Arc<Block>>, change: impl FnOnce(&mut HeaderFields)) -> Arc<Block> {
    block_of(view, parent, vec![vec![u8::try_from(view).unwrap()]], change)
}

/// A block with chosen transactions.
pub fn block_of(
    view: u64,
    parent: Option<&Arc<Block>>,
    transactions: Vec<Vec<u8>>,
    change: impl FnOnce(&mut HeaderFields),
) -> Arc<Block> {
    let root = genesis_root();
    let (hash, parent_view, height, time) = parent.map_or((root.block, root.view, root.height, root.time_ms), |p| {
        (p.header.hash(), p.header.view, p.header.height, p.header.time_ms)
    });
    let skips: Vec<_> = (parent_view.0 + 1..view).map(nullification).collect();
    let encoded: Vec<_> = skips.iter().map(Certificate::encode).collect();
    let mut fields = HeaderFields {
        genesis: genesis(),
        epoch: Epoch(0),
        view: View(view),
        height: height.next(),
        parent: hash,
        parent_view,
        time_ms: time + 10,
        payload_root: payload_root(&transactions),
        skips_root: skips_root(&encoded),
        validators: validators(N).hash(),
    };
    change(&mut fields);
    Arc::new(Block::new(Header::new(fields), transactions, skips).unwrap())
}

pub fn block(view: u64, parent: Option<&Arc<Block>>) -> Arc<Block> {
    block_with(view, parent, |_| {})
}

pub fn proposal(block: &Arc<Block>, parent: Option<Certificate>) -> Message {
    let view = block.header.view.0;
    let leader = usize::try_from(view).unwrap() % N;
    let vote = vote(leader, view, Statement::Notarize { block: block.header.hash() });
    Message::Proposal(Box::new(Proposal { block: block.clone(), vote, parent }))
}

/// A view of the first epoch.
pub fn at(view: u64) -> Position {
    Position { epoch: Epoch(0), view: View(view) }
}
