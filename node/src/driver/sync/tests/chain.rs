//! A chain that a test makes: real blocks, ledger, store and signatures, with changes of its validators.

use crate::finality::FinalityHub;
use crate::ledger_state::Overlay;
use crate::mempool::{Limits, Mempool};
use crate::shared::{Committee, Shared};
use crate::status::StatusBoard;
use crate::verify::Verifier;
use hnchain_crypto::{PublicKey, SecretKey, sm3};
use hnchain_ledger::{BlockContext, Chain as Rules, execute, genesis_rows};
use hnchain_storage::{Overlays, Store};
use hnchain_types::block::{Block, ExecutionResult, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Role, Signer, Validator, ValidatorSet};
use hnchain_types::governance::{Change, Rotation, ValidatorsChange};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::{BlockHash, Height, ResultHash, ValidatorIndex, ValidatorsHash, View};
use std::num::NonZeroUsize;
use std::sync::Arc;

pub(super) const CHAIN: &str = "henan-sync";
const BEGIN_MS: u64 = 1_700_000_000_000;

pub(super) fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&sm3(&[n]).0).unwrap()
}

/// Signs records and governs.
fn clerk() -> SecretKey {
    key(200)
}

pub(super) fn genesis() -> Genesis {
    Genesis::create(&Document {
        version: 1,
        chain_id: CHAIN.into(),
        name: "测试链".into(),
        time_ms: BEGIN_MS,
        parameters: Parameters::default(),
        organizations: vec![Organization {
            id: "henan".into(),
            name: "示例省级平台".into(),
            credit_code: "91410000170001401D".into(),
            division: "410000".into(),
            parent: None,
        }],
        certificate_types: vec![],
        signers: vec![Signer {
            public_key: clerk().public_key(),
            organization: "henan".into(),
            roles: vec![Role::RegistryWriter { namespace: "trace".into() }, Role::Administrator {}],
            valid_from_ms: 0,
            valid_until_ms: 0,
        }],
        validators: (0..4).map(|n| Validator::new(CHAIN, "henan", &key(n))).collect(),
    })
    .unwrap()
}

/// A node over a directory, without network and consensus.
pub(super) fn node(directory: &std::path::Path) -> Arc<Shared> {
    let genesis = genesis();
    let store = Store::open(directory, &genesis, &genesis_rows(&genesis)).unwrap();
    let mempool = Arc::new(Mempool::new(Limits { transactions: 10, bytes: 1 << 20, signer_percent: 100 }));
    Arc::new(Shared {
        chain: Rules::new(&genesis),
        key: key(250).public_key(),
        committee: tokio::sync::watch::Sender::new(Arc::new(Committee::after_tip(&store).unwrap().1)),
        finality: FinalityHub::new(mempool.clone(), 10, store.tip().height),
        mempool,
        verifier: Arc::new(Verifier::start(NonZeroUsize::MIN).unwrap()),
        status: Arc::new(StatusBoard::default()),
        genesis,
        store,
    })
}

/// The newest block, final or not.
#[derive(Clone, Copy)]
struct Newest {
    block: BlockHash,
    height: Height,
    view: View,
    time_ms: u64,
    result: Option<ResultHash>,
}

/// A chain and those who extend it.
pub(super) struct Chain {
    pub(super) store: Store,
    genesis: Genesis,
    rules: Rules,
    overlays: Overlays,
    newest: Newest,
    next_key: u8,
    made: u64,
    _directory: tempfile::TempDir,
}

impl Chain {
    pub(super) fn begin() -> Self {
        let (directory, genesis) = (tempfile::tempdir().unwrap(), genesis());
        let store = Store::open(directory.path(), &genesis, &genesis_rows(&genesis)).unwrap();
        let tip = store.tip();
        let newest =
            Newest { block: tip.block, height: tip.height, view: tip.view, time_ms: tip.time_ms, result: None };
        let (rules, overlays) = (Rules::new(&genesis), Overlays::new(store.clone()));
        Self { store, genesis, rules, overlays, newest, next_key: 10, made: 0, _directory: directory }
    }

    pub(super) fn committee(&self) -> Committee {
        Committee::after_tip(&self.store).unwrap().1
    }

    /// The keys of a set's members, of all that the test knows.
    fn secret(public: &PublicKey) -> SecretKey {
        (0..=u8::MAX).map(key).find(|k| k.public_key() == *public).unwrap()
    }

    pub(super) fn certify(genesis: &Genesis, committee: &Committee, view: View, statement: Statement) -> Certificate {
        let validators: &ValidatorSet = &committee.validators;
        let digest = statement.digest(genesis.digest(), committee.epoch, view);
        let signers = (0u32..).zip(validators.public_keys()).take(validators.quorum());
        let votes = signers.map(|(i, public)| (ValidatorIndex(i), Self::secret(&public).sign(&digest)));
        Certificate { epoch: committee.epoch, view, statement, votes: votes.collect() }
    }

    /// A block on the newest one.
    fn block(&self, transactions: &[Transaction]) -> Arc<Block> {
        let (committee, newest) = (self.committee(), self.newest);
        let raw: Vec<Vec<u8>> = transactions.iter().map(|t| t.raw().to_vec()).collect();
        let header = Header::new(HeaderFields {
            genesis: self.genesis.digest(),
            epoch: committee.epoch,
            view: newest.view.next(),
            height: newest.height.next(),
            parent: newest.block,
            parent_view: newest.view,
            time_ms: newest.time_ms + 100,
            payload_root: payload_root(&raw),
            skips_root: skips_root::<Vec<u8>>(&[]),
            validators: committee.validators.hash(),
        });
        Arc::new(Block::new(header, raw, Vec::new()).unwrap())
    }

    fn execute(&mut self, block: Arc<Block>, transactions: &[Transaction]) -> ExecutionResult {
        let parent = self.newest.result.map(|result| (self.newest.height, self.newest.block, result));
        let header = block.header.clone();
        let context = BlockContext { height: header.height, time_ms: header.time_ms, parent };
        let view = Overlay(self.overlays.view(&header.parent).unwrap());
        let done = execute(&view, &self.rules, &context, transactions).unwrap();
        let receipts = done.receipts.iter().map(|r| r.raw().to_vec()).collect();
        let ids = transactions.iter().map(Transaction::id).collect();
        let result = self.overlays.apply(block, done.changes, receipts, ids, done.next_validators).unwrap();
        let (block, height, view, time_ms) = (header.hash(), header.height, header.view, header.time_ms);
        self.newest = Newest { block, height, view, time_ms, result: Some(result.hash()) };
        result
    }

    /// One block with an anchor; final, or waiting for a later one's certificate.
    pub(super) fn grow(&mut self, certified: bool) {
        let transactions = [self.anchor()];
        let block = self.block(&transactions);
        let result = self.execute(block, &transactions);
        if certified {
            self.finalize(result.hash());
        }
    }

    fn finalize(&mut self, result: ResultHash) {
        let statement = Statement::Finalize { block: self.newest.block, result };
        let certificate = Self::certify(&self.genesis, &self.committee(), self.newest.view, statement);
        self.overlays.finalize(&self.newest.block, &certificate, Vec::new()).unwrap();
    }

    fn anchor(&mut self) -> Transaction {
        self.made += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.made.to_be_bytes());
        let id = format!("B-{}", self.made);
        let until = self.newest.time_ms + 10_000;
        let body = BodyBuilder::new(CHAIN, u64::MAX / 4, until, salt).anchor("trace", &id, 1, sm3(&salt));
        Transaction::sign(body.encode(), &clerk()).unwrap()
    }

    /// Ends the epoch: a validator gets another key. With void blocks the certificate is that of the last of them.
    pub(super) fn hand_over(&mut self, void: usize) {
        let committee = self.committee();
        let old = committee.validators.public_keys().next().unwrap();
        let rotation = Rotation::new(CHAIN, "henan", old, &key(self.next_key));
        self.next_key += 1;
        let change = Change::Validators(ValidatorsChange { rotate: vec![rotation], ..ValidatorsChange::default() });
        let until = self.newest.time_ms + 10_000;
        let body = BodyBuilder::new(CHAIN, u64::MAX / 4, until, [self.next_key; 16]).propose(change, "new key");
        let transactions = [Transaction::sign(body.encode(), &clerk()).unwrap()];
        let last = self.block(&transactions);
        let result = self.execute(last.clone(), &transactions);
        assert_ne!(result.next_validators, ValidatorsHash(committee.validators.hash().0), "the change takes effect");
        let newest = self.newest;
        let closing: Vec<Header> = (0..void)
            .map(|_| {
                let header = self.block(&[]).header.clone();
                let (block, height, view, time_ms) = (header.hash(), header.height, header.view, header.time_ms);
                self.newest = Newest { block, height, view, time_ms, ..self.newest };
                header
            })
            .collect();
        let statement = Statement::Finalize { block: self.newest.block, result: result.hash() };
        let certificate = Self::certify(&self.genesis, &committee, self.newest.view, statement);
        self.newest = newest;
        self.overlays.finalize(&last.header.hash(), &certificate, closing).unwrap();
        assert_eq!(self.committee().epoch, committee.epoch.next());
    }

    /// The encoded blocks from the first on.
    pub(super) fn blocks(&self) -> Vec<Vec<u8>> {
        (1..=self.store.tip().height.0).map(|h| self.store.block(Height(h)).unwrap().unwrap()).collect()
    }
}
