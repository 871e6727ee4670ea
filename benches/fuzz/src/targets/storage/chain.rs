//! A small chain on disk: three blocks, the second of which changes a validator's key.

use crate::targets::{ledger, truth};
use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_ledger::{BlockContext, Chain, StateError, StateView, current_set, execute};
use hnchain_storage::{Overlays, Store, View};
use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::governance::{Change, Rotation, ValidatorsChange};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::{Height, TxId, ValidatorIndex};
use std::path::Path;
use std::sync::Arc;

/// Time of the first block.
const TIME_MS: u64 = 1_700_000_001_000;

/// The ledger's eyes on an overlay.
struct Eyes<'a>(View<'a>);

impl StateView for Eyes<'_> {
    fn row(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.0.row(key).map_err(|e| StateError(e.to_string()))
    }

    fn included(&self, id: &TxId) -> Result<Option<(Height, u32)>, StateError> {
        self.0.included(id).map_err(|e| StateError(e.to_string()))
    }
}

fn body(salt: u8) -> BodyBuilder {
    BodyBuilder::new(&ledger::genesis().document().chain_id, 100, TIME_MS + 500_000, [salt; 16])
}

fn signed(body: &BodyBuilder, key: u8) -> Transaction {
    Transaction::sign(body.encode(), &truth::key(key)).expect("a body")
}

/// Makes the chain in a data directory.
pub(super) fn grow(folder: &Path) -> Store {
    let genesis = ledger::genesis();
    let rows = hnchain_ledger::genesis_rows(genesis);
    let store = Store::open(folder, genesis, &rows).expect("a new store");
    let mut overlays = Overlays::new(store.clone());
    let commitment: Digest = sm3(b"a salted document");
    let rotation = Rotation::new(&genesis.document().chain_id, "henan", truth::key(1).public_key(), &truth::key(21));
    let change = ValidatorsChange { rotate: vec![rotation], ..ValidatorsChange::default() };
    let proposal = signed(&body(2).propose(Change::Validators(change), "更换到期设备"), 11);
    let approval = signed(&body(3).approve(proposal.id()), 12);
    let blocks = [
        vec![signed(&body(1).anchor("certificate", "C-1", 1, commitment), 11)],
        vec![proposal, approval],
        vec![signed(&body(4).revoke("certificate", "C-1", 2, "登记错误"), 11)],
    ];
    for transactions in blocks {
        add(&store, &mut overlays, &transactions);
    }
    store
}

fn add(store: &Store, overlays: &mut Overlays, transactions: &[Transaction]) {
    let (genesis, tip) = (ledger::genesis(), store.tip());
    let eyes = Eyes(overlays.view(&tip.block).expect("the tip"));
    let (epoch, _, validators) = current_set(&eyes).expect("a store of ours");
    let raw: Vec<Vec<u8>> = transactions.iter().map(|t| t.raw().to_vec()).collect();
    let header = Header::new(HeaderFields {
        genesis: genesis.digest(),
        epoch,
        view: tip.view.next(),
        height: tip.height.next(),
        parent: tip.block,
        parent_view: tip.view,
        time_ms: TIME_MS + tip.height.0,
        payload_root: payload_root(&raw),
        skips_root: skips_root::<Vec<u8>>(&[]),
        validators: validators.hash(),
    });
    let parent = tip.result.map(|result| (tip.height, tip.block, result));
    let context = BlockContext { height: header.height, time_ms: header.time_ms, parent };
    let execution = execute(&eyes, &Chain::new(genesis), &context, transactions).expect("a store of ours");
    assert!(execution.receipts.iter().all(hnchain_types::transaction::Receipt::accepted));
    let (hash, view) = (header.hash(), header.view);
    let block = Arc::new(Block::new(header, raw, Vec::new()).expect("a block"));
    let receipts = execution.receipts.iter().map(|r| r.raw().to_vec()).collect();
    let ids = transactions.iter().map(Transaction::id).collect();
    let result = overlays.apply(block, execution.changes, receipts, ids, execution.next_validators);
    let statement = Statement::Finalize { block: hash, result: result.expect("a store of ours").hash() };
    let digest = statement.digest(genesis.digest(), epoch, view);
    // Those who stay.
    let votes = [0u8, 2, 3].map(|n| (ValidatorIndex(n.into()), SecretKey::sign(&truth::key(n), &digest))).to_vec();
    let certificate = Certificate { epoch, view, statement, votes };
    overlays.finalize(&hash, &certificate, Vec::new()).expect("a store of ours");
}
