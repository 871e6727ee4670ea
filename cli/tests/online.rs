//! The commands that talk to nodes, against the scripted node of the SDK's tests.

#[path = "../../sdk/client/tests/fake/mod.rs"]
mod fake;
mod run;

use fake::{Fake, Script, accepted, took};
use hnchain_types::proto::{self, Rejection, TransactionState};
use hnchain_types::transaction::{Outcome, Receipt, Transaction};
use hnchain_types::{Height, TxId};
use prost::Message;
use run::{Folder, Ran, VECTORS};
use std::sync::{Arc, Mutex};
use tonic::Status;

const ID: &str = "1.2.156.3005.2.11100000000013338W011.001.U";

fn id_of(bytes: &[u8]) -> TxId {
    TxId(bytes.try_into().expect("32 bytes"))
}

fn status() -> proto::StatusResponse {
    let hash = vec![7; 32];
    proto::StatusResponse {
        chain_id: "henan-demo".to_owned(),
        genesis: hash.clone(),
        version: "0.1.0".to_owned(),
        view: 12,
        height: 9,
        block: hash.clone(),
        time_ms: 1_800_000_000_000,
        network_height: 11,
        validator: Some(2),
        state_root: hash,
        ..proto::StatusResponse::default()
    }
}

/// Answers status; finalizes what is submitted with this outcome.
fn node(outcome: Outcome) -> Script {
    Script::default()
        .on_status(|_| Some(Ok(status())))
        .on_submit(|q| Some(Ok(took(Transaction::decode(&q.transaction).expect("well formed").id()))))
        .on_wait(move |q| {
            let receipt = Receipt::new(id_of(&q.transaction_id), Height(7), 0, outcome.clone());
            Some(Ok(fake::state(TransactionState::Final, Some(&receipt))))
        })
}

fn bundle(name: &str) -> proto::ProofBundle {
    let json = std::fs::read(format!("{VECTORS}/{name}")).expect("a frozen vector");
    hnchain_proof::Bundle::from_json(&json).expect("canonical").to_message()
}

struct Scene {
    folder: Folder,
    node: Fake,
}

impl Scene {
    fn new(script: Script) -> Self {
        let folder = Folder::new();
        folder.run(&["keygen", "--out", "k.pem"]).exits(0);
        folder.write("licence.txt", "示例营业执照：一号".as_bytes());
        Self { folder, node: Fake::start(script) }
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.folder.run(&[args, &["--endpoint", &self.node.endpoint, "--timeout", "10s"]].concat())
    }

    fn anchor(&self, more: &[&str]) -> Ran {
        let args = ["anchor", "licence.txt", "--namespace", "certificate", "--id", ID, "--key", "k.pem"];
        self.run(&[&args, more].concat())
    }

    fn opening(&self) -> std::path::PathBuf {
        self.folder.path("licence.txt.hnopening.json")
    }
}

#[test]
fn the_opening_is_on_disk_when_the_node_sees_the_transaction() {
    let folder: Arc<Mutex<Option<std::path::PathBuf>>> = Arc::default();
    let there = Arc::new(Mutex::new(None));
    let script = {
        let (folder, there) = (Arc::clone(&folder), Arc::clone(&there));
        node(Outcome::Accepted(Vec::new())).on_submit(move |q| {
            let path = folder.lock().expect("not poisoned").clone().expect("set before");
            *there.lock().expect("not poisoned") = Some(path.exists());
            Some(Ok(took(Transaction::decode(&q.transaction).expect("well formed").id())))
        })
    };
    let s = Scene::new(script);
    *folder.lock().expect("not poisoned") = Some(s.opening());
    let json = s.anchor(&["--json"]).exits(0).json();
    assert_eq!(*there.lock().expect("not poisoned"), Some(true));
    assert_eq!((&json["height"], &json["version"]), (&7.into(), &1.into()));
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(s.opening()).expect("kept")).expect("JSON");
    assert_eq!(kept["transaction"], json["transaction"]);
    assert_eq!(kept["chain_id"], "henan-demo");
}

#[test]
fn a_rejected_anchor_ends_with_1_says_what_to_do_and_leaves_nothing() {
    let rejection = Rejection {
        code: "ANCHOR_EXISTS".to_owned(),
        message: "the record exists".to_owned(),
        message_zh: "记录已存在".to_owned(),
        operation: 0,
    };
    let s = Scene::new(node(Outcome::Rejected(rejection)));
    s.anchor(&["--lang", "zh"]).exits(1).says("记录已存在").says("--version").prints_nothing();
    let error = s.anchor(&["--json"]).exits(1).error_json();
    assert_eq!(error["error"]["code"], "ANCHOR_EXISTS");
    assert!(!s.opening().exists());
}

#[test]
fn a_refused_anchor_leaves_nothing() {
    let s = Scene::new(node(Outcome::Accepted(Vec::new())).on_submit(|_| {
        let mut refusal = Status::permission_denied("SIGNER_UNKNOWN: not listed");
        refusal.metadata_mut().insert("hnchain-code", "SIGNER_UNKNOWN".parse().expect("ascii"));
        Some(Err(refusal))
    }));
    s.anchor(&[]).exits(1).says("SIGNER_UNKNOWN").says("has the role that the message names");
    assert!(!s.opening().exists());
}

#[test]
fn an_anchor_that_is_not_final_in_time_keeps_its_opening_and_ends_with_3() {
    let s =
        Scene::new(node(Outcome::Accepted(Vec::new())).on_wait(|_| Some(Err(Status::deadline_exceeded("not yet")))));
    s.anchor(&["--timeout", "1s"]).exits(2); // given twice
    let args = ["anchor", "licence.txt", "--namespace", "certificate", "--id", ID, "--key", "k.pem", "--timeout", "1s"];
    let ran = s.folder.run(&[&args[..], &["--endpoint", &s.node.endpoint]].concat()).exits(3);
    ran.says("CLIENT_UNSETTLED").says("hnchain receipt").says("hnopening.json");
    assert!(s.opening().exists());
}

#[test]
fn a_revocation_takes_the_next_version_from_the_node() {
    let active = bundle("active.hnproof.json").state.expect("present").value;
    let seen = Arc::new(Mutex::new(None));
    let script = {
        let seen = Arc::clone(&seen);
        node(Outcome::Accepted(Vec::new()))
            .on_record(move |_| Some(Ok(proto::RecordResponse { record: active.clone(), height: 9 })))
            .on_submit(move |q| {
                let t = Transaction::decode(&q.transaction).expect("well formed");
                *seen.lock().expect("not poisoned") = Some(t.body().operations.clone());
                Some(Ok(took(t.id())))
            })
    };
    let s = Scene::new(script);
    let args = ["revoke", "--namespace", "certificate", "--id", ID, "--reason", "注销", "--key", "k.pem", "--json"];
    assert_eq!(s.run(&args).exits(0).json()["version"], 3);
    let operations = seen.lock().expect("not poisoned").take().expect("submitted");
    let [hnchain_types::transaction::Operation::Revoke(r)] = operations.as_slice() else { panic!("{operations:?}") };
    assert_eq!((r.version, r.reason.as_str()), (3, "注销"));
    s.run(&["get", "--namespace", "certificate", "--id", ID, "--lang", "zh"])
        .exits(0)
        .prints("有效")
        .prints("未经证明");
}

#[test]
fn a_missing_record_ends_with_1() {
    let s = Scene::new(node(Outcome::Accepted(Vec::new())).on_record(|_| Some(Ok(proto::RecordResponse::default()))));
    s.run(&["get", "--namespace", "certificate", "--id", "none"]).exits(1).says("RECORD_NOT_FOUND");
    s.run(&["revoke", "--namespace", "certificate", "--id", "none", "--reason", "x", "--key", "k.pem"])
        .exits(1)
        .says("RECORD_NOT_FOUND");
}

#[test]
fn a_fetched_proof_verifies_offline() {
    let script =
        Script::default().on_proof(|_| Some(Ok(proto::ProofResponse { bundle: Some(bundle("active.hnproof.json")) })));
    let s = Scene::new(script);
    let trust = format!("{VECTORS}/genesis.json");
    let prove = ["prove", "--namespace", "certificate", "--id", ID, "-o", "p.hnproof.json", "--trust", &trust];
    let json = s.run(&[&prove[..], &["--json"]].concat()).exits(0).json();
    assert_eq!(json["verified"], true);
    s.run(&["verify", "p.hnproof.json", "--trust", &trust, "--document", "licence.txt"]).exits(0);
    // To standard output, byte for byte.
    let raw = s.run(&["prove", "--namespace", "certificate", "--id", ID]).exits(0);
    assert_eq!(raw.stdout, std::fs::read(s.folder.path("p.hnproof.json")).expect("written"));
    let ran = s.run(&["prove", "--namespace", "certificate", "--id", "another", "-o", "q.json"]).exits(1);
    ran.says("CLIENT_BAD_RESPONSE");
    assert!(!s.folder.path("q.json").exists());
}

/// `-o` replaces an older proof; a key, a genesis file or a document in its place is a slip of the hand.
#[test]
fn a_proof_replaces_nothing_but_a_proof() {
    let script =
        Script::default().on_proof(|_| Some(Ok(proto::ProofResponse { bundle: Some(bundle("active.hnproof.json")) })));
    let s = Scene::new(script);
    let prove = |out: &str| s.run(&["prove", "--namespace", "certificate", "--id", ID, "-o", out]);
    for victim in ["k.pem", "licence.txt"] {
        let before = std::fs::read(s.folder.path(victim)).expect("there");
        prove(victim).exits(2).says("FILE_EXISTS");
        assert_eq!(std::fs::read(s.folder.path(victim)).expect("still there"), before);
    }
    prove("p.hnproof.json").exits(0);
    prove("p.hnproof.json").exits(0);
}

#[test]
fn what_a_hostile_node_says_cannot_drive_the_terminal() {
    let hostile = "0.1\u{1b}[2J\u{9b}1A\u{202e}\n✔";
    let script = Script::default()
        .on_status(move |_| {
            Some(Ok(proto::StatusResponse { version: hostile.to_owned(), chain_id: hostile.to_owned(), ..status() }))
        })
        .on_record(move |_| Some(Err(Status::not_found(hostile))));
    let s = Scene::new(script);
    for flag in ["--lang=zh", "--json"] {
        let ran = [s.run(&["status", flag]), s.run(&["get", "--namespace", "certificate", "--id", ID, flag])];
        for ran in ran {
            let text = format!("{}{}", ran.stdout_text(), ran.stderr);
            let bad = text.chars().find(|c| *c != '\n' && hnchain_types::text::hidden(*c));
            assert_eq!(bad, None, "{text:?}");
            assert!(!text.contains("\n✔"), "{text}");
        }
    }
}

#[test]
fn receipts_end_with_the_outcome() {
    let id = TxId(hnchain_crypto::sm3(b"t"));
    let state = |state, receipt: Option<Receipt>| {
        Scene::new(Script::default().on_transaction(move |_| Some(Ok(fake::state(state, receipt.as_ref())))))
    };
    let text = id.to_string();
    let s = state(TransactionState::Final, Some(accepted(id)));
    assert_eq!(s.run(&["receipt", &text, "--json"]).exits(0).json()["accepted"], true);
    assert_eq!(s.run(&["tx", &text, "--json"]).exits(0).json()["state"], "final");
    let rejection = Rejection {
        code: "TX_EXPIRED".to_owned(),
        message: "too late".to_owned(),
        message_zh: "已过期".to_owned(),
        operation: 0,
    };
    let s = state(TransactionState::Final, Some(Receipt::new(id, Height(2), 1, Outcome::Rejected(rejection))));
    s.run(&["receipt", &text]).exits(1).prints("TX_EXPIRED");
    let s = state(TransactionState::Pending, None);
    s.run(&["receipt", &text]).exits(1).says("TRANSACTION_PENDING").says("--wait");
    let s = state(TransactionState::Unknown, None);
    s.run(&["tx", &text]).exits(1).says("TRANSACTION_UNKNOWN");
}

#[test]
fn a_block_is_shown_with_its_parent_and_transactions() {
    let blocks = fake::chain(2);
    let parent = blocks[0].block.header.hash().to_string();
    let s = Scene::new(Script::default().on_block(move |_| Some(fake::sent(&blocks[1]))));
    let json = s.run(&["block", "2", "--json"]).exits(0).json();
    assert_eq!(json["parent"], parent);
    s.run(&["block", "latest"]).exits(0).prints(&parent);
    s.run(&["block", "3"]).exits(1).says("CLIENT_BAD_RESPONSE");
}

#[test]
fn status_shows_every_node_and_ends_with_0_when_one_answers() {
    let s = Scene::new(node(Outcome::Accepted(Vec::new())));
    let gone = run::nobody();
    let json = s.run(&["status", "--endpoint", &gone, "--json"]).exits(0).json();
    assert_eq!((&json["reached"], &json["asked"]), (&1.into(), &2.into()));
    s.run(&["status", "--lang", "zh", "--endpoint", &gone]).exits(0).prints("9 / 11").prints("验证 2").prints("无应答");
}

/// Rows of an organization that was renamed, and of its one signer.
fn members() -> Vec<(String, Vec<u8>)> {
    let organization = |name: &str, revision, previous: Vec<u8>| {
        let row = proto::Organization {
            id: "henan".into(),
            name: name.into(),
            credit_code: "91410000170001401D".into(),
            division: "410000".into(),
            revision,
            previous,
            ..proto::Organization::default()
        };
        row.encode_to_vec()
    };
    let first = organization("示例旧名", 0, vec![]);
    let second = organization("示例新名", 1, hnchain_types::member::row_hash(&first).0.to_vec());
    let signer = hnchain_crypto::SecretKey::from_bytes(&[3; 32]).expect("in range").public_key();
    let row = proto::Signer {
        public_key: signer.as_bytes().to_vec(),
        organization: "henan".into(),
        roles: vec![proto::Role { kind: proto::RoleKind::Auditor.into(), ..proto::Role::default() }],
        revoked_ms: 1_700_000_000_000,
        ..proto::Signer::default()
    };
    vec![
        ("member-history/org/henan/0".into(), first),
        ("org/henan".into(), second),
        (hnchain_types::member::signer_key(&signer), row.encode_to_vec()),
    ]
}

#[test]
fn members_are_shown_as_a_tree_and_with_their_versions() {
    let rows = |q: proto::ListRowsRequest| {
        let found = members().into_iter().filter(|(k, _)| k.starts_with(&q.prefix) && *k > q.after);
        let rows = found.map(|(key, value)| proto::Row { key, value }).collect();
        Some(Ok(proto::ListRowsResponse { rows, height: 9, more: false }))
    };
    let s = Scene::new(node(Outcome::Accepted(Vec::new())).on_rows(rows));
    let json = s.run(&["member", "list", "--json"]).exits(0).json();
    assert_eq!(
        (&json["organizations"][0]["name"], &json["signers"][0]["state"]),
        (&"示例新名".into(), &"revoked".into())
    );
    s.run(&["member", "list", "--lang", "zh"]).exits(0).prints("示例新名").prints("auditor").prints("已吊销");
    s.run(&["member", "list", "--organization", "nobody"]).exits(1);
    s.run(&["member", "show", "henan", "--lang", "zh"]).exits(0).prints("河南省").prints("auditor");
    let key = json["signers"][0]["signer"]["public_key"].as_str().expect("text").to_owned();
    s.run(&["member", "show", &key]).exits(0).prints("revoked");
    let versions = s.run(&["member", "history", "henan", "--json"]).exits(0).json();
    assert_eq!(versions["versions"][0]["name"], "示例旧名");
    s.run(&["member", "history", "henan", "--lang", "zh"]).exits(0).prints("示例旧名").prints("创世文件");
    s.run(&["member", "history", &key]).exits(0).prints("genesis");
}

#[test]
fn a_proposal_is_of_one_kind() {
    let s = Scene::new(node(Outcome::Accepted(Vec::new())));
    let key = "02".to_owned() + &"11".repeat(32);
    let propose =
        |more: &[&str]| s.run(&[&["governance", "propose", "--reason", "r", "--key", "k.pem"], more].concat());
    propose(&[]).exits(2);
    propose(&["--revoke-signer", &key, "--leave", &key]).exits(2);
    propose(&["--appoint", "p.json"]).exits(2);
    propose(&["--appoint", "p.json", "--role", "nobody"]).exits(2);
    s.folder.write("c.json", br#"{"organization": {"id": "a"}}"#);
    propose(&["--change", "c.json"]).exits(2).says("CHANGE_FILE");
}
