//! `hnchain certificate …`, against the scripted node of the SDK's tests.

#[path = "../../sdk/client/tests/fake/mod.rs"]
mod fake;
mod run;

use fake::{Fake, Script, took};
use hnchain_crypto::Digest;
use hnchain_proof::fields::{Field, Fields};
use hnchain_types::codes::CertificateId;
use hnchain_types::credential::{
    Content, Credential, HOLDER_MARK, Operation, State, credential_key, history_key, holder_key, row_hash,
};
use hnchain_types::proto::{self, ListRowsResponse, Rejection, Row, TransactionState};
use hnchain_types::transaction::{self, Outcome, Receipt, Transaction};
use hnchain_types::{Height, TxId};
use run::{Folder, Ran};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

const NOW: u64 = 1_800_000_000_000;
type Seen = Arc<Mutex<Vec<Operation>>>;

fn id(version: u16) -> CertificateId {
    CertificateId::from_parts("11100000000013338W011", "11410000MB7X00011A", "000000001", version).expect("valid parts")
}

/// Answers status and rows, keeps what is submitted, and finalizes it with this outcome.
fn node(outcome: Outcome, rows: BTreeMap<String, Vec<u8>>, seen: &Seen) -> Script {
    let seen = Arc::clone(seen);
    Script::default()
        .on_status(|_| {
            let hash = vec![7; 32];
            Some(Ok(proto::StatusResponse {
                chain_id: "henan-demo".to_owned(),
                genesis: hash.clone(),
                height: 9,
                block: hash.clone(),
                time_ms: NOW,
                state_root: hash,
                ..proto::StatusResponse::default()
            }))
        })
        .on_submit(move |q| {
            let t = Transaction::decode(&q.transaction).expect("well formed");
            let ops = t.body().operations.iter().map(|op| match op {
                transaction::Operation::Credential(op) => op.as_ref().clone(),
                other => panic!("{other:?}"),
            });
            seen.lock().expect("not poisoned").extend(ops);
            Some(Ok(took(t.id())))
        })
        .on_wait(move |q| {
            let id = TxId(q.transaction_id.as_slice().try_into().expect("32 bytes"));
            let receipt = Receipt::new(id, Height(7), 0, outcome.clone());
            Some(Ok(fake::state(TransactionState::Final, Some(&receipt))))
        })
        .on_rows(move |q| {
            let mut found = rows.iter().filter(|(k, _)| k.starts_with(&q.prefix) && **k > q.after);
            let row = |(k, v): (&String, &Vec<u8>)| Row { key: k.clone(), value: v.clone() };
            let page = found.by_ref().take(q.limit as usize).map(row).collect();
            Some(Ok(ListRowsResponse { rows: page, height: 9, more: found.next().is_some() }))
        })
}

struct Scene {
    folder: Folder,
    node: Fake,
    seen: Seen,
}

impl Scene {
    fn new(outcome: Outcome, rows: BTreeMap<String, Vec<u8>>) -> Self {
        let (folder, seen) = (Folder::new(), Seen::default());
        folder.run(&["keygen", "--out", "k.pem"]).exits(0);
        let node = Fake::start(node(outcome, rows, &seen));
        Self { folder, node, seen }
    }

    fn accepting() -> Self {
        Self::new(Outcome::Accepted(Vec::new()), BTreeMap::new())
    }

    fn run(&self, args: &[&str]) -> Ran {
        let common = ["--endpoint", &self.node.endpoint, "--timeout", "10s"];
        self.folder.run(&[&["certificate"], args, &common].concat())
    }

    fn write(&self, name: &str, document: &serde_json::Value) {
        self.folder.write(name, document.to_string().as_bytes());
    }

    fn kept(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.folder.path(name)).expect("kept")).expect("JSON")
    }
}

fn document() -> serde_json::Value {
    serde_json::json!({
        "id": id(1), "division": "410102", "valid_from": "2026-01-01", "valid_until": "2035-12-31",
        "holder": { "名称": "示例食品店", "代码": "92410102MA00000000" },
        "fields": { "名称": "示例食品店", "经营者": "某某", "经营范围": "食品销售" },
    })
}

#[test]
fn an_issue_sends_commitments_only_and_keeps_what_opens_them() {
    let s = Scene::accepting();
    s.write("licence.json", &document());
    let json = s.run(&["issue", "licence.json", "--key", "k.pem", "--json"]).exits(0).json();
    assert_eq!(
        (&json["id"], &json["height"], &json["fields_count"]),
        (&id(1).to_string().into(), &7.into(), &3.into())
    );
    let seen = s.seen.lock().expect("not poisoned").clone();
    let [Operation::Issue(issue)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((issue.content.valid_from_ms, issue.content.valid_until_ms), (1_767_196_800_000, 2_082_729_599_999));
    let path = s.folder.path("licence.json.hnfields.json");
    assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    let kept = s.kept("licence.json.hnfields.json");
    let fields = kept["fields"].as_array().expect("a list").iter().map(|f| {
        let salt = hex::decode(f["salt"].as_str().expect("text")).expect("hex").try_into().expect("16 bytes");
        Field::new(f["name"].as_str().expect("text"), f["value"].as_str().expect("text"), salt).expect("valid")
    });
    assert_eq!(Fields::new(fields.collect()).expect("three").root(), issue.content.fields_root);
    assert_eq!(kept["holder"]["commitment"], issue.content.holder.to_string());
    assert_eq!(kept["transaction"], json["transaction"]);
    // Equal fields have other commitments the next time.
    s.run(&["issue", "licence.json", "--key", "k.pem"]).exits(2).says("FILE_EXISTS").says("--opening-out");
    s.run(&["issue", "licence.json", "--key", "k.pem", "--opening-out", "b.json"]).exits(0);
    assert_ne!(s.kept("b.json")["fields_root"], kept["fields_root"]);
}

#[test]
fn a_change_names_the_version_before_and_can_keep_the_holder() {
    let s = Scene::accepting();
    s.write("licence.json", &document());
    s.run(&["issue", "licence.json", "--key", "k.pem"]).exits(0);
    let mut next = document();
    next["id"] = id(2).to_string().into();
    next["valid_until"] = "长期".into();
    s.write("next.json", &next);
    s.run(&["change", "next.json", "--key", "k.pem"]).exits(2).says("leave it out");
    next.as_object_mut().expect("an object").remove("division");
    next.as_object_mut().expect("an object").remove("holder");
    s.write("next.json", &next);
    s.run(&["change", "next.json", "--key", "k.pem"]).exits(2).says("holder is missing");
    s.run(&["change", "next.json", "--holder-of", "licence.json.hnfields.json", "--key", "k.pem"]).exits(0);
    let seen = s.seen.lock().expect("not poisoned").clone();
    let [Operation::Issue(issue), Operation::Change(change)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((&change.previous, &change.id), (&id(1), &id(2)));
    assert_eq!((change.content.holder, change.content.valid_until_ms), (issue.content.holder, 0));
    assert!(s.folder.path("next.json.v2.hnfields.json").exists());
}

#[test]
fn a_document_against_the_rules_is_refused_before_anything_is_sent() {
    let s = Scene::accepting();
    let with = |change: fn(&mut serde_json::Value)| {
        let mut d = document();
        change(&mut d);
        s.write("d.json", &d);
        s.run(&["issue", "d.json", "--key", "k.pem"]).exits(2).says("CERTIFICATE_DOCUMENT");
    };
    with(|d| d["id"] = "1.2.156.3005.2.1".into());
    with(|d| d["division"] = serde_json::Value::Null);
    with(|d| d["valid_from"] = "1.1.2026".into());
    with(|d| d["valid_until"] = "never".into());
    with(|d| d["fields"] = serde_json::json!({}));
    with(|d| d["fields"]["名称"] = "a\u{202e}".into());
    with(|d| d["holder"] = serde_json::json!({}));
    with(|d| d["more"] = 1.into());
    assert!(s.seen.lock().expect("not poisoned").is_empty());
}

#[test]
fn a_rejected_issue_leaves_no_opening() {
    let rejection = Rejection {
        code: "CREDENTIAL_EXISTS".to_owned(),
        message: "a certificate with this identifier was issued before".to_owned(),
        message_zh: "该标识的证照已经颁发".to_owned(),
        operation: 0,
    };
    let s = Scene::new(Outcome::Rejected(rejection), BTreeMap::new());
    s.write("licence.json", &document());
    s.run(&["issue", "licence.json", "--key", "k.pem", "--lang", "zh"]).exits(1).says("已经颁发").prints_nothing();
    assert!(!s.folder.path("licence.json.hnfields.json").exists());
}

#[test]
fn states_are_changed_with_a_reason() {
    let s = Scene::accepting();
    let id = id(1).to_string();
    for (command, state) in [("suspend", "suspended"), ("revoke", "revoked"), ("cancel", "cancelled")] {
        let args = [command, &id, "--reason", "依法", "--key", "k.pem", "--json"];
        assert_eq!(s.run(&args).exits(0).json()["state"], state);
        s.run(&[command, &id, "--key", "k.pem"]).exits(2).says("--reason");
    }
    s.run(&["resume", &id, "--key", "k.pem", "--lang", "zh"]).exits(0).prints("有效");
    assert_eq!(s.seen.lock().expect("not poisoned").len(), 4);
    s.run(&["show", "1.2.3"]).exits(2);
}

fn rows() -> BTreeMap<String, Vec<u8>> {
    let first = Credential {
        id: id(1),
        sequence: 1,
        state: State::Valid,
        division: "410102".parse().expect("a division"),
        content: Content {
            valid_from_ms: 1_000,
            valid_until_ms: NOW + 1,
            holder: Digest([9; 32]),
            fields_root: Digest([8; 32]),
            fields_count: 3,
        },
        previous_id: None,
        next_id: None,
        reason: None,
        issuer: "zhengzhou".into(),
        organization: "zhengzhou".into(),
        height: Height(5),
        time_ms: 5_000,
        transaction: TxId(Digest([3; 32])),
        previous_row: None,
    };
    let second = Credential {
        sequence: 2,
        state: State::Suspended,
        reason: Some("逾期未报送".into()),
        previous_row: Some(row_hash(&first.encode())),
        ..first.clone()
    };
    [
        (history_key(&id(1), 1), first.encode()),
        (credential_key(&id(1)), second.encode()),
        (holder_key(&Digest([9; 32]), &id(1)), HOLDER_MARK.to_vec()),
        (holder_key(&Digest([9; 32]), &id(2)), HOLDER_MARK.to_vec()),
    ]
    .into()
}

#[test]
fn a_certificate_its_history_and_its_holders_list_are_shown() {
    let s = Scene::new(Outcome::Accepted(Vec::new()), rows());
    let one = id(1).to_string();
    let json = s.run(&["show", &one, "--json"]).exits(0).json();
    assert_eq!((&json["status"], &json["certificate"]["sequence"]), (&"suspended".into(), &2.into()));
    s.run(&["show", &one, "--lang", "zh"]).exits(0).prints("暂扣").prints("逾期未报送").prints("未经证明");
    let json = s.run(&["history", &one, "--json"]).exits(0).json();
    assert_eq!((&json["complete"], json["rows"].as_array().map(Vec::len)), (&true.into(), Some(2)));
    s.run(&["history", &one, "--most", "1"]).exits(0).prints("older rows are not shown");
    let holder = Digest([9; 32]).to_string();
    let json = s.run(&["of-holder", &holder, "--most", "1", "--json"]).exits(0).json();
    assert_eq!((&json["ids"][0], &json["more"]), (&one.clone().into(), &true.into()));
    s.run(&["of-holder", &holder, "--after", &one]).exits(0).prints(id(2).as_str());
    for command in ["show", "history"] {
        s.run(&[command, id(3).as_str()]).exits(1).says("CERTIFICATE_NOT_FOUND");
    }
    s.run(&["of-holder", &"00".repeat(32)]).exits(0).prints("no certificate");
}

#[test]
fn a_genesis_is_made_with_the_types_of_certificates_of_its_specification() {
    let f = Folder::new();
    f.run(&["keygen", "--out", "v.pem"]).exits(0);
    f.write("password", run::PASSWORD.as_bytes());
    let spec = |code: &str| {
        format!(
            r#"
chain_id = "henan-test"
name = "测试链"
[[organizations]]
id = "henan-data"
name = "示例数据局"
credit_code = "91410000170001401D"
division = "410000"
[[certificate_types]]
code = "{code}"
name = "营业执照"
[[validators]]
organization = "henan-data"
key_file = "v.pem"
password_file = "password"
"#
        )
    };
    f.write("bad.toml", spec("W011").as_bytes());
    f.run(&["genesis", "new", "bad.toml", "-o", "bad.json"]).exits(1).says("certificate_types.code");
    f.write("spec.toml", spec("11100000000013338W011").as_bytes());
    f.run(&["genesis", "new", "spec.toml"]).exits(0);
    let genesis = hnchain_types::genesis::Genesis::parse(&std::fs::read(f.path("genesis.json")).expect("written"));
    assert_eq!(genesis.expect("valid").document().certificate_types[0].code, "11100000000013338W011");
}
