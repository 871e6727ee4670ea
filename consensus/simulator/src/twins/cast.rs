//! Who plays: the keys of a cluster, and what they sign.

use super::truth::Truth;
use crate::signing::{CheapKey, CheapVerifier};
use hnchain_consensus::{Leader, Machine, Parameters, Recovered, Root, Signer, Vote};
use hnchain_crypto::{sm3, sm3_parts};
use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, ResultHash, ValidatorIndex, View};
use std::sync::Arc;

/// Δ of every scenario, milliseconds.
pub const DELTA_MS: u64 = 100;
/// Virtual time at which scenarios begin.
pub const START_MS: u64 = 1_000;

/// A validator's index from a position in a list; lists are shorter than 128.
#[must_use]
#[allow(clippy::cast_possible_truncation)]
pub const fn validator(position: usize) -> ValidatorIndex {
    ValidatorIndex(position as u32)
}

/// The keys of a cluster.
#[derive(Debug)]
pub struct Cast {
    keys: Vec<Arc<CheapKey>>,
    validators: Arc<ValidatorSet>,
    verifier: Arc<CheapVerifier>,
    genesis: GenesisDigest,
}

impl Cast {
    /// n validators.
    ///
    /// # Panics
    /// With no validator or more than a set may have.
    #[must_use]
    pub fn of(n: usize) -> Arc<Self> {
        let keys: Vec<_> = (0..n).map(|i| Arc::new(CheapKey::new(validator(i).0 + 1))).collect();
        let public: Vec<_> = keys.iter().map(|k| k.public_key()).collect();
        let validators = Arc::new(ValidatorSet::new(&public).expect("distinct keys of the curve"));
        let verifier = Arc::new(CheapVerifier::of(&keys));
        Arc::new(Self { keys, validators, verifier, genesis: GenesisDigest(sm3(b"twins")) })
    }

    /// The set.
    #[must_use]
    pub const fn validators(&self) -> &Arc<ValidatorSet> {
        &self.validators
    }

    /// What checks its signatures.
    #[must_use]
    pub const fn verifier(&self) -> &Arc<CheapVerifier> {
        &self.verifier
    }

    /// The chain.
    #[must_use]
    pub const fn genesis(&self) -> GenesisDigest {
        self.genesis
    }

    /// Number of validators.
    #[must_use]
    pub fn n(&self) -> usize {
        self.validators.len()
    }

    /// Who leads a view.
    #[must_use]
    pub fn leader(&self, view: View) -> ValidatorIndex {
        Leader::of(view, &self.validators)
    }

    /// Where every chain begins.
    #[must_use]
    pub fn root(&self) -> Root {
        Root { epoch: Epoch(0), height: Height(0), view: View(0), block: BlockHash(self.genesis.0), time_ms: 1 }
    }

    /// What all machines agree on.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters {
            genesis: self.genesis,
            epoch: Epoch(0),
            validators: self.validators.clone(),
            delta_ms: DELTA_MS,
            heartbeat_ms: 1_000_000,
            verifier: self.verifier.clone(),
        }
    }

    /// A machine of a validator.
    ///
    /// # Errors
    /// What the journal contradicts itself about.
    pub fn machine(&self, of: ValidatorIndex, recovered: Recovered) -> Result<Machine, String> {
        let key: Arc<dyn Signer> = self.keys[of.index()].clone();
        Machine::new(self.parameters(), Some(key), recovered).map_err(|e| e.to_string())
    }

    /// Signs anything: for liars.
    #[must_use]
    pub fn vote(&self, signer: ValidatorIndex, view: View, statement: Statement) -> Vote {
        let digest = statement.digest(self.genesis, Epoch(0), view);
        Vote { epoch: Epoch(0), view, statement, signer, signature: self.keys[signer.index()].sign(&digest) }
    }

    /// The certificate of a statement that a quorum really signed. Signatures are the same whenever they are made.
    #[must_use]
    pub fn certificate(&self, truth: &Truth, view: View, statement: Statement) -> Option<Certificate> {
        let signers = truth.who_signed(view, &statement);
        let votes: Vec<_> = signers.map(|who| (who, self.vote(who, view, statement).signature)).collect();
        (votes.len() >= self.validators.quorum()).then_some(Certificate { epoch: Epoch(0), view, statement, votes })
    }

    /// A block with its place given.
    #[must_use]
    pub fn block(&self, place: &Place, payload: Vec<u8>) -> Option<Arc<Block>> {
        let transactions = vec![payload];
        let encoded: Vec<_> = place.skips.iter().map(Certificate::encode).collect();
        let header = Header::new(HeaderFields {
            genesis: self.genesis,
            epoch: Epoch(0),
            view: place.view,
            height: place.height,
            parent: place.parent,
            parent_view: place.parent_view,
            time_ms: place.time_ms,
            payload_root: payload_root(&transactions),
            skips_root: skips_root(&encoded),
            validators: self.validators.hash(),
        });
        Block::new(header, transactions, place.skips.clone()).ok().map(Arc::new)
    }
}

/// Where a liar's block goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its view.
    pub view: View,
    /// Its height.
    pub height: Height,
    /// Its parent.
    pub parent: BlockHash,
    /// The parent's view.
    pub parent_view: View,
    /// Its time.
    pub time_ms: u64,
    /// The skips it carries.
    pub skips: Vec<Certificate>,
}

/// What every correct execution of a block gives.
#[must_use]
pub fn result_of(block: &BlockHash) -> ResultHash {
    ResultHash(sm3_parts(&[b"result", block.as_ref()]))
}

/// What an execution that went wrong gives.
#[must_use]
pub fn wrong_result_of(block: &BlockHash) -> ResultHash {
    ResultHash(sm3_parts(&[b"wrong", block.as_ref()]))
}
