//! `trace …`, against the scripted node of the SDK's tests.

#[path = "../../sdk/client/tests/fake/mod.rs"]
mod fake;
#[path = "../../sdk/client/tests/lineage/mod.rs"]
mod lineage;
mod run;

use fake::{Fake, took};
use hnchain_types::proto::{self, TransactionState};
use hnchain_types::trace::{Act, Batch, RECALLS_KEY, Recalled, recalls_row};
use hnchain_types::transaction::{Operation, Outcome, Receipt, Transaction};
use hnchain_types::{Height, TxId};
use lineage::{Rows, id, rows, script};
use run::{Folder, Ran};
use std::sync::{Arc, Mutex};

const CODE: &str = "91410000170001401D";

struct Scene {
    folder: Folder,
    node: Fake,
    /// What was submitted.
    given: Arc<Mutex<Vec<Operation>>>,
}

impl Scene {
    fn new(rows: Rows) -> Self {
        let folder = Folder::new();
        folder.run(&["keygen", "--out", "k.pem"]).exits(0);
        let given = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&given);
        let changed = proto::TraceChanged {
            batch: Some(id("r").to_proto()),
            event: 4,
            state: proto::TraceState::Shipped.into(),
            action: proto::TraceAction::Ship.into(),
        };
        let events = vec![proto::Event { kind: Some(proto::event::Kind::Trace(changed)) }];
        let script = script(rows)
            .on_submit(move |q| {
                let tx = Transaction::decode(&q.transaction).expect("well formed");
                kept.lock().expect("not poisoned").extend(tx.body().operations.iter().cloned());
                Some(Ok(took(tx.id())))
            })
            .on_wait(move |q| {
                let id = TxId(q.transaction_id.as_slice().try_into().expect("32 bytes"));
                let receipt = Receipt::new(id, Height(7), 0, Outcome::Accepted(events.clone()));
                Some(Ok(fake::state(TransactionState::Final, Some(&receipt))))
            });
        Self { folder, node: Fake::start(script), given }
    }

    fn run(&self, args: &[&str]) -> Ran {
        let lang: &[&str] = if args.contains(&"--lang") { &[] } else { &["--lang", "en"] };
        self.folder.run(&[args, lang, &["--endpoint", &self.node.endpoint, "--timeout", "10s"]].concat())
    }

    fn submit(&self, command: &str, document: &str) -> Ran {
        self.folder.write("d.json", document.as_bytes());
        self.run(&["trace", command, "d.json", "--key", "k.pem", "--chain-id", "henan-test", "--json"])
    }
}

#[test]
fn every_operation_is_read_from_its_document() {
    let s = Scene::new(rows());
    let place = format!("{{\"division\":\"411282\",\"commitment\":\"{}\"}}", "5".repeat(64));
    let digest = "7".repeat(64);
    let on = |fields: &str| format!("{{\"batch\":\"{CODE}/A\"{fields}}}");
    let reason = ",\"reason\":\"农残超标\"";
    let documents = [
        (
            "commission",
            on(&format!(",\"product\":\"苹果\",\"quantity\":\"1000.0 kg\",\"place\":{place},\"growing\":true")),
        ),
        ("input", on(",\"kind\":\"pesticide\",\"product\":\"PD20240001\",\"safety_days\":14")),
        ("harvest", on(",\"quantity\":\"812.5 kg\"")),
        ("inspect", on(&format!(",\"passed\":true,\"report\":\"{digest}\""))),
        ("certify", on(&format!(",\"certificate\":\"{digest}\""))),
        ("aggregate", on(",\"container\":\"托盘-7\"")),
        ("disaggregate", on("")),
        ("ship", on(",\"to\":\"supermarket\"")),
        ("receive", on(&format!(",\"place\":{place}"))),
        ("sell", on(",\"quantity\":\"2.5 kg\"")),
        ("recall", on(reason)),
        ("return", on(&format!(",\"to\":\"farm\",\"place\":{place}{reason}"))),
        ("destroy", on(reason)),
        (
            "split",
            on(&format!(
                ",\"taken\":\"2 kg\",\"loss\":\"0 kg\",\"parts\":[{{\"batch\":\"{CODE}/B\",\"quantity\":\"2 kg\"}}]"
            )),
        ),
        (
            "transform",
            format!(
                "{{\"inputs\":[{{\"batch\":\"{CODE}/A\",\"quantity\":\"2 kg\"}}],\"outputs\":[{{\"batch\":\"{CODE}/J\",\
                 \"product\":\"苹果汁\",\"quantity\":\"1 L\"}}],\"place\":{place},\"yield_permille\":900,\
                 \"conversion\":{{\"numerator\":2,\"denominator\":3}}}}"
            ),
        ),
    ];
    for (command, document) in &documents {
        let json = s.submit(command, document).exits(0).json();
        assert_eq!((&json["height"], &json["events"][0]["state"]), (&7.into(), &"shipped".into()));
    }
    let given = s.given.lock().expect("not poisoned");
    let actions: Vec<_> = given
        .iter()
        .map(|op| {
            let Operation::Trace(op) = op else { panic!("another registry") };
            let zh = op.summary(false);
            zh.split(' ').next().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(actions, documents.map(|d| d.0.to_owned()));
}

#[test]
fn an_array_is_one_transaction() {
    let s = Scene::new(rows());
    let one = |n: u32| format!("{{\"batch\":\"{CODE}/{n}\",\"to\":\"shop\"}}");
    s.submit("ship", &format!("[{},{}]", one(1), one(2))).exits(0);
    let given = s.given.lock().expect("not poisoned");
    let ships = given.iter().filter(|op| matches!(op, Operation::Trace(op) if matches!(op.as_ref(), hnchain_types::trace::Operation::Step(step) if matches!(step.act, Act::Ship(_)))));
    assert_eq!(ships.count(), 2);
}

#[test]
fn a_document_with_an_error_is_named_and_nothing_is_sent() {
    let s = Scene::new(rows());
    for document in
        ["{", "[]x", "7", "{}", "{\"batch\":\"x\"}", "{\"batch\":\"91410000170001401D/A\",\"to\":\"a\",\"more\":1}"]
    {
        let ran = s.submit("ship", document).exits(2);
        assert!(ran.stderr.contains("TRACE_DOCUMENT") && ran.stderr.contains("d.json"), "{}", ran.stderr);
    }
    s.submit("ship", "{\"batch\":\"91410000170001401D/A\",\"to\":\"Not A Name\"}").exits(2);
    assert!(s.given.lock().expect("not poisoned").is_empty());
}

#[test]
fn a_batch_and_its_history_are_shown() {
    let s = Scene::new(rows());
    let out = s.run(&["trace", "show", &format!("{CODE}/r")]).exits(0).stdout_text();
    assert!(out.contains("not recalled") && out.contains("10 kg") && out.contains("410000170001401D/r"), "{out}");
    let json = s.run(&["trace", "show", &format!("{CODE}/m"), "--json"]).exits(0).json();
    assert_eq!((&json["batch"]["remaining"], &json["recalled_by"]), (&10.into(), &serde_json::Value::Null));
    let out = s.run(&["trace", "history", &format!("{CODE}/r"), "--lang", "zh"]).exits(0).stdout_text();
    assert!(out.contains("检验") && out.contains("数量平衡"), "{out}");
    let json = s.run(&["trace", "history", &format!("{CODE}/r"), "--json"]).exits(0).json();
    assert_eq!((json["events"].as_array().map(Vec::len), &json["balanced"]), (Some(3), &true.into()));
    let ran = s.run(&["trace", "show", &format!("{CODE}/none")]);
    assert_ne!(ran.code, Some(0));
}

#[test]
fn trees_are_shown_as_text_dot_and_svg() {
    let s = Scene::new(rows());
    let (root, last) = (format!("{CODE}/r"), format!("{CODE}/m"));
    let out = s.run(&["trace", "descendants", &root]).exits(0).stdout_text();
    let names: Vec<_> = out.lines().map(|l| l.split("  ").next().unwrap_or_default().to_owned()).collect();
    let shown = [
        format!("{CODE}/r"),
        format!("├─ {CODE}/a"),
        format!("│  └─ {CODE}/m"),
        format!("└─ {CODE}/b"),
        "   └─ ".to_owned() + CODE + "/n",
    ];
    assert_eq!(out.lines().count(), 6, "{out}");
    for (line, expected) in out.lines().zip(&shown) {
        assert!(line.starts_with(expected.as_str()), "{line} / {expected} / {names:?}");
    }
    let out = s.run(&["trace", "ancestors", &last]).exits(0).stdout_text();
    assert!(out.contains(&format!("├─ {CODE}/a")) && out.contains("3 in all"), "{out}");
    let dot = s.run(&["trace", "descendants", &root, "--dot"]).exits(0).stdout_text();
    assert!(dot.starts_with("digraph lineage {") && dot.matches(" -> ").count() == 5, "{dot}");
    s.run(&["trace", "ancestors", &last, "--svg", "m.svg"]).exits(0);
    let svg = std::fs::read_to_string(s.folder.path("m.svg")).expect("written");
    assert_eq!((svg.matches("<rect").count(), svg.matches("<path").count()), (5, 4), "{svg}");
    assert!(svg.ends_with("</svg>\n") && svg.contains("3 in all"));
    let json = s.run(&["trace", "descendants", &root, "--json"]).exits(0).json();
    assert_eq!((json["batches"].as_array().map(Vec::len), &json["cut"]), (Some(5), &false.into()));
}

#[test]
fn what_is_cut_is_said() {
    let s = Scene::new(rows());
    let root = format!("{CODE}/r");
    let out = s.run(&["trace", "descendants", &root, "--limit", "2"]).exits(0).stdout_text();
    assert!(out.contains("only 2 shown; there are more"), "{out}");
    let json = s.run(&["trace", "ancestors", &format!("{CODE}/m"), "--limit", "1", "--json"]).exits(0).json();
    assert_eq!((json["batches"].as_array().map(Vec::len), &json["cut"]), (Some(2), &true.into()));
}

#[test]
fn a_recall_reaches_what_is_shown_below_it() {
    let mut all = rows();
    let mut a = Batch::decode(&all[&id("a").key()]).expect("a row");
    a.recalled =
        Some(Recalled { organization: "henan".into(), reason: "农残超标".into(), height: Height(9), time_ms: 5 });
    all.insert(a.id.key(), a.encode());
    all.insert(RECALLS_KEY.to_owned(), recalls_row(1));
    let s = Scene::new(all);
    let shown = s.run(&["trace", "show", &format!("{CODE}/m"), "--json"]).exits(0).json();
    assert_eq!(shown["recalled_by"], format!("{CODE}/a"));
    let recalled = |json: &serde_json::Value| -> Vec<String> {
        let all = json["batches"].as_array().expect("a list");
        let all = all.iter().filter(|b| b["recalled"] == true).filter_map(|b| b["batch"].as_str());
        all.map(|b| b.trim_start_matches(&format!("{CODE}/")).to_owned()).collect()
    };
    let down = s.run(&["trace", "descendants", &format!("{CODE}/r"), "--json"]).exits(0).json();
    assert_eq!(recalled(&down), ["a", "m"]);
    let up = s.run(&["trace", "ancestors", &format!("{CODE}/m"), "--json"]).exits(0).json();
    assert_eq!(recalled(&up), ["m", "a"]);
}
