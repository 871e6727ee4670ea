//! Peers that a test plays.

use super::chain::{self, Chain};
use crate::driver::sync::follow::Source;
use crate::driver::sync::wire::{ANSWER_BLOCKS, Answer, PeerStatus, Question};
use hnchain_crypto::PublicKey;
use hnchain_network::{NetworkError, PeerInfo};
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header, HeaderFields};
use hnchain_types::certificate::Statement;
use hnchain_types::{Height, wire};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is wrong with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Honest,
    /// Changes a signature of each certificate.
    Forger,
    /// Blocks of its own that follow each other.
    Inventor,
    /// True blocks without certificates.
    Stripper,
    /// Void blocks of an epoch that has ended, with their true certificate.
    Voider,
    /// The block below an epoch's last one, as if it were the last: result, receipts and certificate are the last one's.
    Predater,
    /// Answers another question.
    Deflector,
    /// Bytes that are no answer.
    Babbler,
    /// More than was asked for.
    Flooder,
    /// Nothing of what it claims.
    Hollow,
    /// A great height and nothing there.
    Boaster,
    /// Never answers.
    Mute,
    /// A height that goes down with each question.
    Shrinker,
}

/// The peers of a node and the chain that they speak of.
#[derive(Clone)]
pub(super) struct Peers(Arc<Inner>);

struct Inner {
    blocks: Vec<Vec<u8>>,
    /// The void block above an epoch's last, by the height of the last.
    void: BTreeMap<u64, Vec<u8>>,
    peers: Vec<(PublicKey, Peer)>,
    asked: Mutex<BTreeMap<PublicKey, u64>>,
}

/// How long a network waits for one that never answers.
const TIMEOUT: Duration = Duration::from_millis(1_500);

impl Peers {
    pub(super) fn new(blocks: Vec<Vec<u8>>, void: BTreeMap<u64, Vec<u8>>, kinds: &[Peer]) -> Self {
        let peers = (0u8..).zip(kinds).map(|(n, kind)| (chain::key(n).public_key(), *kind)).collect();
        Self(Arc::new(Inner { blocks, void, peers, asked: Mutex::default() }))
    }

    /// Questions for blocks that a peer got.
    pub(super) fn asked(&self, peer: usize) -> u64 {
        self.0.asked.lock().unwrap().get(&self.0.peers[peer].0).copied().unwrap_or_default()
    }

    fn blocks(&self, from: u64, count: u64) -> Vec<Vec<u8>> {
        let first = usize::try_from(from - 1).unwrap();
        self.0.blocks.iter().skip(first).take(usize::try_from(count).unwrap()).cloned().collect()
    }

    fn status(&self, kind: Peer, asked: u64) -> PeerStatus {
        let height = self.0.blocks.len() as u64;
        let height = match kind {
            Peer::Boaster => height + 1_000_000,
            Peer::Shrinker => height.saturating_sub(asked * 40).max(1),
            _ => height,
        };
        PeerStatus { first: Height(1), height: Height(height), ..PeerStatus::default() }
    }

    fn answer(&self, kind: Peer, from: u64, count: u64) -> Option<Answer> {
        let truth = self.blocks(from, count.min(ANSWER_BLOCKS));
        let changed = |change: fn(FinalizedBlock) -> FinalizedBlock| {
            let list = truth.iter().map(|raw| change(FinalizedBlock::decode(raw).unwrap()).encode());
            Answer::Blocks(list.collect())
        };
        Some(match kind {
            Peer::Honest | Peer::Shrinker | Peer::Boaster => Answer::Blocks(truth),
            Peer::Forger => changed(forged),
            Peer::Stripper => changed(|b| FinalizedBlock { certificate: None, closing: Vec::new(), ..b }),
            Peer::Inventor => Answer::Blocks(invented(&truth)),
            Peer::Predater => Answer::Blocks(predated(truth)),
            Peer::Voider => Answer::Blocks(self.with_void(truth, from)),
            Peer::Deflector => Answer::Status(self.status(kind, 0)),
            Peer::Flooder => Answer::Blocks(self.blocks(from, count + 1)),
            Peer::Hollow => Answer::Blocks(Vec::new()),
            Peer::Mute | Peer::Babbler => return None,
        })
    }

    /// In place of the next epoch's first block comes the void one.
    fn with_void(&self, mut truth: Vec<Vec<u8>>, from: u64) -> Vec<Vec<u8>> {
        for (last, void) in &self.0.void {
            let place = (last + 1).checked_sub(from).and_then(|p| usize::try_from(p).ok());
            if let Some(place) = place.filter(|p| *p < truth.len()) {
                truth.truncate(place);
                truth.push(void.clone());
            }
        }
        truth
    }
}

/// Everything in it was signed by the validators; only the block that it is said of is another.
fn predated(mut truth: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let decoded: Vec<FinalizedBlock> = truth.iter().map(|raw| FinalizedBlock::decode(raw).unwrap()).collect();
    if let Some(last) = decoded.iter().position(|b| b.result.next_validators != b.block.header.validators)
        && last > 0
    {
        let mut closing = vec![decoded[last].block.header.clone()];
        closing.extend(decoded[last].closing.iter().cloned());
        let block = decoded[last - 1].block.clone();
        truth.truncate(last - 1);
        truth.push(FinalizedBlock { block, closing, ..decoded[last].clone() }.encode());
    }
    truth
}

fn forged(block: FinalizedBlock) -> FinalizedBlock {
    let mut certificate = block.certificate.unwrap();
    certificate.votes[0].1.0[40] ^= 1;
    FinalizedBlock { certificate: Some(certificate), ..block }
}

/// Another time gives another block; those after it follow it.
fn invented(truth: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut parent = None;
    let invent = |raw: &Vec<u8>| {
        let finalized = FinalizedBlock::decode(raw).unwrap();
        let header = &finalized.block.header;
        let fields = HeaderFields {
            parent: parent.unwrap_or(header.parent),
            time_ms: header.time_ms + 1,
            ..HeaderFields::clone(header)
        };
        let header = Header::new(fields);
        parent = Some(header.hash());
        let block = Block::new(header, finalized.block.transactions, finalized.block.skips).unwrap();
        FinalizedBlock { block, certificate: None, closing: Vec::new(), ..finalized }.encode()
    };
    truth.iter().map(invent).collect()
}

/// The void block on an epoch's last one, as if it were one of the chain: its validators have really certified it.
pub(super) fn void_on(last: &FinalizedBlock, committee: &crate::shared::Committee) -> FinalizedBlock {
    let header = &last.block.header;
    let header = Header::new(HeaderFields {
        view: header.view.next(),
        height: header.height.next(),
        parent: header.hash(),
        parent_view: header.view,
        time_ms: header.time_ms + 1,
        payload_root: hnchain_types::block::payload_root::<Vec<u8>>(&[]),
        skips_root: hnchain_types::block::skips_root::<Vec<u8>>(&[]),
        ..HeaderFields::clone(header)
    });
    // Without receipts of its own it needs a result that names none: only then is it even readable as a block.
    let empty = hnchain_crypto::merkle::root::<Vec<u8>>(&[]);
    let result = ExecutionResult::new(last.result.state_root, empty, last.result.next_validators);
    let statement = Statement::Finalize { block: header.hash(), result: result.hash() };
    let certificate = Chain::certify(&chain::genesis(), committee, header.view, statement);
    let block = Block::new(header, Vec::new(), Vec::new()).unwrap();
    FinalizedBlock { block, result, certificate: Some(certificate), closing: Vec::new(), receipts: Vec::new() }
}

impl Source for Peers {
    fn peers(&self) -> Vec<PeerInfo> {
        let info = |(public_key, _): &(PublicKey, Peer)| PeerInfo {
            public_key: *public_key,
            address: "127.0.0.1:9202".to_owned(),
            connected: true,
        };
        self.0.peers.iter().map(info).collect()
    }

    async fn ask(&self, to: PublicKey, question: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
        let kind = self.0.peers.iter().find(|(key, _)| *key == to).unwrap().1;
        let answer = match wire::decode("sync request", &question).unwrap() {
            Question::Status => {
                let asked = self.0.asked.lock().unwrap().get(&to).copied().unwrap_or_default();
                Some(Answer::Status(self.status(kind, asked)))
            }
            Question::Blocks { from, count } => {
                *self.0.asked.lock().unwrap().entry(to).or_default() += 1;
                self.answer(kind, from.0, count)
            }
        };
        match answer {
            Some(answer) => Ok(wire::encode("sync answer", &answer).unwrap()),
            None if kind == Peer::Babbler => Ok(vec![0xff; 100]),
            None => {
                tokio::time::sleep(TIMEOUT).await;
                Err(NetworkError::RequestTimeout(to))
            }
        }
    }
}
