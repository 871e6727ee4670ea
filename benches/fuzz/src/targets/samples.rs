//! What the corpus holds: inputs that their targets accept, from the golden vectors and from fixed keys.

use super::truth::{self, vector};
use super::{engine, ledger, network, proof, secrets};
use hnchain_consensus::{Message, Proposal, Record, Vote, Want};
use hnchain_crypto::{SecretKey, merkle, sm3};
use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::governance::{Change, Join, Rotation, ValidatorsChange};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::vote::Evidence;
use hnchain_types::{BlockHash, Epoch, Height, ValidatorIndex, View, proto, wire};
use prost::Message as _;
use serde::Serialize;
use std::sync::Arc;

/// A sample that was made.
pub(crate) struct Made {
    pub(crate) target: &'static str,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Every sample.
pub(crate) fn all() -> Vec<Made> {
    let mut made = Vec::new();
    let mut put = |target, name: &str, bytes| made.push(Made { target, name: name.to_owned(), bytes });
    of_types(&mut put);
    of_texts(&mut put);
    of_wire(&mut put);
    of_proofs(&mut put);
    of_ledger(&mut put);
    of_keys(&mut put);
    #[cfg(feature = "storage")]
    super::storage::samples(&mut put);
    #[cfg(feature = "node")]
    super::node::samples(&mut put);
    made
}

/// Takes target, name and bytes.
pub(crate) type Put<'a> = &'a mut dyn FnMut(&'static str, &str, Vec<u8>);

fn of_types(put: Put<'_>) {
    put("transaction", "anchors", vector!("transaction"));
    put("transaction", "governance", vector!("transaction-governance"));
    put("body", "anchors", vector!("body"));
    put("body", "governance", vector!("body-governance"));
    put("receipt", "accepted", vector!("receipt-accepted"));
    put("receipt", "rejected", vector!("receipt-rejected"));
    put("receipt", "governance", vector!("receipt-governance"));
    put("header", "header", vector!("header"));
    put("result", "result", vector!("result"));
    put("block", "block", vector!("block"));
    put("finalized-block", "ordinary", vector!("finalized-block"));
    put("finalized-block", "closing", vector!("finalized-block-closing"));
    put("certificate", "notarization", vector!("certificate-notarization"));
    put("certificate", "nullification", vector!("certificate-nullification"));
    put("certificate", "finalization", vector!("certificate-finalization"));
    put("evidence", "evidence", vector!("evidence"));
    put("record", "active", vector!("record-active"));
    put("record", "revoked", vector!("record-revoked"));
    put("validator-set", "set", vector!("validator-set"));
    put("epoch-row", "row", vector!("epoch-row"));
    put("proposal-row", "open", vector!("proposal-open"));
    put("proposal-row", "enacted", vector!("proposal-enacted"));
    put("evidence-row", "row", vector!("evidence-row"));
    put("genesis", "genesis", truth::genesis().raw().to_vec());
}

fn of_texts(put: Put<'_>) {
    let codes = [
        ("division", "410102"),
        ("credit", "91410000170001401D"),
        ("identity", "11010519491231002X"),
        ("certificate", "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"),
        ("unit", "410102001001GB00001F00010001"),
        ("title", "豫(2023)郑州市不动产权第0000001号"),
        ("registration", "豫(2024)兰考县不动产证明第0012345号"),
    ];
    for (name, code) in codes {
        put("codes", name, code.as_bytes().to_vec());
    }
    put("record-key", "certificate", b"certificate/1.2.156.3005.2.1".to_vec());
    put("record-key", "batch", "trace/批次-2024-001".as_bytes().to_vec());
    put("record-key", "slashes", "realty/豫〔2024〕1/2".as_bytes().to_vec());
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    wire::encode("sample", value).expect("a sample is small")
}

/// A block of view 1 on the genesis, and its leader's vote.
fn proposal() -> Proposal {
    let genesis = truth::genesis();
    let transactions = vec![vector!("transaction")];
    let header = Header::new(HeaderFields {
        genesis: genesis.digest(),
        epoch: genesis.epoch(),
        view: View(1),
        height: Height(1),
        parent: genesis.block_hash(),
        parent_view: View(0),
        time_ms: genesis.document().time_ms + 1,
        payload_root: payload_root(&transactions),
        skips_root: skips_root::<Vec<u8>>(&[]),
        validators: genesis.validators().hash(),
    });
    let statement = Statement::Notarize { block: header.hash() };
    let block = Block::new(header, transactions, Vec::new()).expect("a block");
    let parent = Some(truth::certificate(Statement::Notarize { block: block.header.hash() }, 1, &[0, 1, 2]));
    Proposal { block: Arc::new(block), vote: vote(statement, 1, 1), parent }
}

fn vote(statement: Statement, view: u64, signer: u8) -> Vote {
    let (signer, signature) = truth::certificate(statement, view, &[signer]).votes[0];
    Vote { epoch: Epoch(0), view: View(view), statement, signer, signature }
}

fn of_wire(put: Put<'_>) {
    let proposal = proposal();
    let block = Arc::clone(&proposal.block);
    let hash = block.header.hash();
    let nullify = vote(Statement::Nullify, 4, 2);
    let finalization = Certificate::decode(&vector!("certificate-finalization")).expect("a vector");
    let vector = Block::decode(&vector!("block")).expect("a vector");
    let messages = [
        ("proposal", Message::Proposal(Box::new(proposal))),
        ("vote", Message::Vote(nullify)),
        ("certificate", Message::Certificate(finalization.clone())),
        ("want-body", Message::Want(Want::Body(hash))),
        ("want-certificates", Message::Want(Want::Certificates { from: View(1), before: View(9) })),
        ("body", Message::Body(Arc::new(vector))),
    ];
    for (name, message) in messages {
        put("message", name, message.encode().expect("a sample is small"));
    }
    let records = [
        ("vote", Record::Vote(nullify)),
        ("block", Record::Block(block)),
        ("entered", Record::Entered(finalization.clone())),
        ("cut", Record::Cut(hnchain_consensus::Position { epoch: Epoch(1), view: View(300) })),
        ("owner", Record::Owner { genesis: truth::genesis().digest(), validator: truth::key(3).public_key() }),
    ];
    for (name, record) in records {
        put("journal-record", name, record.encode().expect("a sample is small"));
    }
    put("wire-certificate", "finalization", encoded(&finalization));
    put("wire-certificate", "nullification", vector!("wire-certificate-nullification"));
    put("wire-evidence", "evidence", vector!("wire-evidence"));
    put("hello", "hello", network::genuine());
    put("engine", "quiet", encoded(&engine::recorded(|_, _| false)));
    // The body and all votes for it are lost: the view is skipped.
    let first = |round, message: &Message| round < 2 && !matches!(message, Message::Certificate(_));
    put("engine", "skipped", encoded(&engine::recorded(first)));
    let mut restarted = engine::recorded(|_, _| false);
    restarted.insert(restarted.len() / 2, engine::Step::Restart);
    put("engine", "restarted", encoded(&restarted));
}

fn of_proofs(put: Put<'_>) {
    let message = |raw: &[u8]| hnchain_proof::Bundle::from_json(raw).expect("a vector").to_proto();
    for (name, raw) in proof::BUNDLES {
        put("proof-json", name, raw.to_vec());
        put("proof-protobuf", name, message(raw));
    }
    for (index, state) in proof::state_proofs().iter().enumerate() {
        put("state-proof", &format!("path-{index}"), state.encode_to_vec());
    }
    for index in [0, 3, 6] {
        let path = merkle::prove(&proof::leaves(), index).expect("a leaf");
        put("inclusion-proof", &format!("leaf-{index}"), encoded(&path));
    }
}

fn signed(body: &BodyBuilder, key: &SecretKey) -> Transaction {
    Transaction::sign(body.encode(), key).expect("a body")
}

fn of_ledger(put: Put<'_>) {
    let chain = &ledger::genesis().document().chain_id;
    let body = |salt: u8| BodyBuilder::new(chain, 100, 1_700_000_600_000, [salt; 16]);
    let commitment = sm3(b"a salted document");
    let records = [
        body(1).anchor("certificate", "C-1", 1, commitment).anchor_batch("trace", "批次-1", 1, commitment, 1_000),
        body(2).anchor("certificate", "C-1", 2, commitment).revoke("trace", "批次-1", 2, "登记错误"),
    ];
    let records: Vec<_> = records.iter().map(|b| signed(b, &truth::key(11))).collect();
    let rotate = ValidatorsChange {
        rotate: vec![Rotation::new(chain, "henan", truth::key(1).public_key(), &truth::key(21))],
        ..ValidatorsChange::default()
    };
    let join = ValidatorsChange { join: vec![Join::new(chain, "zhengzhou", &truth::key(20))], ..Default::default() };
    let block = |transactions: &[Transaction]| {
        proto::Block { transactions: transactions.iter().map(|t| t.raw().to_vec()).collect(), ..Default::default() }
            .encode_to_vec()
    };
    let enacted = |change: ValidatorsChange, salt: u8| {
        let proposal = signed(&body(salt).propose(Change::Validators(change), "更换到期设备"), &truth::key(11));
        let approval = signed(&body(salt).approve(proposal.id()), &truth::key(12));
        [proposal, approval]
    };
    let said = |block: &str| {
        let statement = Statement::Notarize { block: BlockHash(sm3(block.as_bytes())) };
        let digest = statement.digest(ledger::genesis().digest(), Epoch(0), View(6));
        let signature = truth::key(2).sign(&digest);
        Vote { epoch: Epoch(0), view: View(6), statement, signer: ValidatorIndex(2), signature }
    };
    let evidence = Evidence::new(said("one"), said("another")).expect("a contradiction");
    put("ledger", "records", block(&records));
    put("ledger", "rotation", block(&enacted(rotate, 3)));
    put("ledger", "join", block(&enacted(join, 4)));
    let anchored = signed(&body(5).anchor("trace", "T-1", 1, commitment), &truth::key(11));
    let convicted = signed(&body(6).submit_evidence(&evidence), &truth::key(0));
    put("ledger", "evidence", block(&[anchored, convicted]));
}

fn of_keys(put: Put<'_>) {
    put("key-file", "few-iterations", secrets::FEW.to_vec());
    put("key-file", "fewer-iterations", secrets::FEWER.to_vec());
    for n in 0..3 {
        let key = truth::key(n);
        put("public-key", &format!("key-{n}"), key.public_key().as_bytes().to_vec());
        let der = key.sign(&sm3(&[n])).to_der().expect("a signature");
        put("signature-der", &format!("signature-{n}"), der);
    }
}
