//! `hnchain realty` against the scripted node of the SDK's tests.

#[path = "../../sdk/client/tests/fake/mod.rs"]
mod fake;
mod run;

use fake::realty::{FLAT, TIME_MS, listed, rows, who};
use fake::{Fake, Script, took};
use hnchain_types::proto::{self, TransactionState};
use hnchain_types::realty::{DAY_MS, Operation};
use hnchain_types::transaction::{Operation as Signed, Outcome, Receipt, Transaction};
use hnchain_types::{Height, TxId};
use run::{Folder, Ran};
use std::sync::{Arc, Mutex};

struct Scene {
    folder: Folder,
    node: Fake,
    /// What the node was handed.
    seen: Arc<Mutex<Option<Operation>>>,
}

/// A node that accepts everything as entry 4.
fn scene(refusal: Option<proto::Rejection>) -> Scene {
    let seen: Arc<Mutex<Option<Operation>>> = Arc::default();
    let handed = Arc::clone(&seen);
    let changed = proto::RealtyChanged {
        unit: FLAT.to_owned(),
        entry: 4,
        registration: 200,
        certificate: "豫(2023)开封市不动产权第0000002号".to_owned(),
        ..proto::RealtyChanged::default()
    };
    let event = proto::Event { kind: Some(proto::event::Kind::Realty(changed)) };
    let outcome = refusal.map_or(Outcome::Accepted(vec![event]), Outcome::Rejected);
    let script = Script::default()
        .on_rows(|q| Some(Ok(listed(&rows(), &q))))
        .on_status(|_| {
            let (chain_id, time_ms) = ("henan-demo".to_owned(), TIME_MS + DAY_MS);
            let hash = vec![7; 32];
            let (genesis, block, state_root) = (hash.clone(), hash.clone(), hash);
            Some(Ok(proto::StatusResponse { chain_id, time_ms, genesis, block, state_root, ..Default::default() }))
        })
        .on_submit(move |q| {
            let transaction = Transaction::decode(&q.transaction).expect("well formed");
            let Signed::Realty(op) = &transaction.body().operations[0] else { panic!("realty") };
            *handed.lock().expect("not poisoned") = Some(op.as_ref().clone());
            Some(Ok(took(transaction.id())))
        })
        .on_wait(move |q| {
            let id = TxId(q.transaction_id.as_slice().try_into().expect("32 bytes"));
            let receipt = Receipt::new(id, Height(7), 0, outcome.clone());
            Some(Ok(fake::state(TransactionState::Final, Some(&receipt))))
        });
    let folder = Folder::new();
    folder.run(&["keygen", "--out", "k.pem"]).exits(0);
    Scene { folder, node: Fake::start(script), seen }
}

impl Scene {
    fn run(&self, args: &[&str]) -> Ran {
        self.folder.run(&[&["realty"], args, &["--endpoint", &self.node.endpoint, "--timeout", "10s"]].concat())
    }

    fn transfer(&self, more: &[&str]) -> Ran {
        let text = format!(
            r#"{{"unit": "{FLAT}", "from": [{{"commit": "seller.json"}}],
                "title": {{"co_ownership": "sole", "holders": [{{"commitment": {{"commit": "buyer.json"}}}}]}},
                "consents": [{{"commit": "seller.json"}}], "document": {{"commit": "contract.txt"}},
                "certificate": "豫（2023）开封市不动产权第0000002号"}}"#
        );
        for (name, bytes) in
            [("seller.json", "甲"), ("buyer.json", "乙"), ("contract.txt", "合同"), ("sale.json", &text)]
        {
            self.folder.write(name, bytes.as_bytes());
        }
        self.run(&[&["transfer", "sale.json", "--key", "k.pem"], more].concat())
    }
}

#[test]
fn a_transfer_commits_to_people_and_papers_and_keeps_the_openings() {
    let s = scene(None);
    let json = s.transfer(&["--json"]).exits(0).json();
    assert_eq!((&json["event"]["entry"], &json["height"]), (&4.into(), &7.into()));
    let Some(Operation::Transfer(op)) = s.seen.lock().expect("not poisoned").clone() else { panic!("transfer") };
    assert_eq!(op.from, op.consents);
    let kept = std::fs::read(s.folder.path("buyer.json.hncommitment.json")).expect("kept");
    let kept: serde_json::Value = serde_json::from_slice(&kept).expect("JSON");
    assert_eq!(kept["commitment"], op.title.holders[0].commitment.to_string());
    assert_eq!(json["openings"].as_array().map(Vec::len), Some(3));
    s.transfer(&["--lang", "zh"]).exits(0).prints("转移登记").prints("请妥善保管");
}

#[test]
fn a_refusal_by_a_rule_ends_with_1_in_both_languages() {
    let s = scene(Some(proto::Rejection {
        code: "REALTY_SEALED".into(),
        message: "the unit is sealed by a court".into(),
        message_zh: "该不动产单元已被查封".into(),
        operation: 0,
    }));
    s.transfer(&["--lang", "zh"]).exits(1).says("该不动产单元已被查封").prints_nothing();
    assert_eq!(s.transfer(&["--json"]).exits(1).error_json()["error"]["code"], "REALTY_SEALED");
}

#[test]
fn a_file_that_is_no_registration_is_a_wrong_use_and_says_which_field() {
    let s = scene(None);
    let key = ["--key", "k.pem"];
    let hash = "0".repeat(64);
    s.folder.write("a.json", format!(r#"{{"unit": "41", "burden": 3, "document": "{hash}"}}"#).as_bytes());
    s.run(&[&["unseal", "a.json"], &key[..]].concat()).exits(2).says("REGISTRATION_FILE").says("unit: ");
    s.folder.write("d.json", format!(r#"{{"unit": "{FLAT}", "burden": 3, "document": "00"}}"#).as_bytes());
    s.run(&[&["unseal", "d.json"], &key[..]].concat()).exits(2).says("document: 64 hexadecimal digits");
    s.folder.write("b.json", format!(r#"{{"unit": "{FLAT}", "extra": 1}}"#).as_bytes());
    s.run(&[&["seal", "b.json"], &key[..]].concat()).exits(2).says("extra");
    s.folder.write("c.json", format!(r#"{{"unit": "{FLAT}", "term_ms": 5, "document": "{hash}"}}"#).as_bytes());
    s.run(&[&["seal", "c.json"], &key[..]].concat()).exits(2).says("term_ms");
    assert!(s.seen.lock().expect("not poisoned").is_none(), "nothing was sent");
}

#[test]
fn a_unit_is_shown_with_holders_shares_and_burdens() {
    let s = scene(None);
    let zh = s.run(&["show", FLAT, "--lang", "zh"]).exits(0);
    zh.prints("查封中")
        .prints("房屋所有权")
        .prints("按份共有")
        .prints("2/3")
        .prints("kaifeng-court")
        .prints("未经证明");
    let json = s.run(&["show", FLAT, "--json"]).exits(0).json();
    assert_eq!(json["burdens"][1]["now"]["state"], "effective");
    assert_eq!(json["unit"]["entries"], 3);
    s.run(&["show", "410202001001GB00001F00010002"]).exits(1).says("CLIENT_MISSING");
    s.run(&["show", "41020200100"]).exits(2);
}

#[test]
fn a_chain_of_title_and_the_units_of_a_holder_are_listed_in_pages() {
    let s = scene(None);
    s.run(&["title", FLAT, "--lang", "zh"]).exits(0).prints("首次登记").prints("查封登记");
    s.run(&["title", FLAT, "--most", "2", "--lang", "en"]).exits(0).prints("--after 2");
    let json = s.run(&["title", FLAT, "--after", "1", "--json"]).exits(0).json();
    assert_eq!(json["entries"].as_array().map(Vec::len), Some(2));
    assert_eq!((&json["entries"][0]["number"], &json["linked"]), (&2.into(), &true.into()));
    let holder = who(1).to_string();
    let json = s.run(&["held", &holder, "--json"]).exits(0).json();
    assert_eq!(json["units"][0]["unit"], FLAT);
    s.run(&["held", &who(9).to_string(), "--lang", "zh"]).exits(0).prints("没有不动产");
}
