//! Every code has a test, and a page for people: `docs/rejections.md`.
#![allow(clippy::disallowed_methods)] // reads sources and pages, which the ledger itself must not

use hnchain_ledger::rejection::Code;
use std::fs;
use std::path::{Path, PathBuf};

/// Codes by their beginning, in the order of the page.
const GROUPS: [(&str, &str); 11] = [
    ("TX_", "The transaction as a whole · 交易"),
    ("SIGNER_", "The signer · 签名者"),
    ("ROLE_", "Roles · 角色"),
    ("ANCHOR_", "Records · 存证"),
    ("PROPOSAL_", "Proposals · 提案"),
    ("APPROVAL_", "Approvals · 同意"),
    ("VALIDATOR", "Validators · 验证者"),
    ("EVIDENCE_", "Evidence · 违规证据"),
    ("MEMBER_", "Members and parameters · 成员与参数"),
    ("CREDENTIAL_", "电子证照"),
    ("REALTY_", "不动产登记"),
];
/// The group of the others.
const LAST: (&str, &str) = ("TRACE_", "农产品溯源");

/// Compares a page of `docs/` with what the code says, or writes it where `HNCHAIN_BLESS=1`.
pub(crate) fn page(name: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("HNCHAIN_BLESS").is_some_and(|v| v == "1") {
        fs::write(&path, content).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == content, "docs/{name} is out of date: HNCHAIN_BLESS=1 cargo test -p hnchain-ledger writes it");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_code_is_the_outcome_of_a_test() {
    let mut files = vec![];
    for folder in ["src", "tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    // The table itself names every code.
    let text: String =
        files.iter().filter(|f| !f.ends_with("src/rejection.rs")).map(|f| fs::read_to_string(f).unwrap()).collect();
    let untested: Vec<_> =
        Code::ALL.iter().map(|c| c.as_str()).filter(|code| !text.contains(&format!("\"{code}\""))).collect();
    assert_eq!(untested, Vec::<&str>::new(), "codes that no test expects");
}

#[test]
fn the_page_of_rejections_is_what_the_table_says() {
    let mut text = String::from(
        "# Rejections\n\nWhat the chain's rules answer, in receipts and when a transaction is submitted. Codes are stable; \
         the messages are followed by details in brackets.\n\nWritten by `HNCHAIN_BLESS=1 cargo test -p hnchain-ledger` \
         from `node/ledger/src/rejection.rs`; do not edit.\n",
    );
    let group = |code: &Code| GROUPS.iter().find(|(start, _)| code.as_str().starts_with(start)).unwrap_or(&LAST);
    for of in GROUPS.iter().chain([&LAST]) {
        let codes: Vec<_> = Code::ALL.iter().filter(|code| group(code) == of).collect();
        if codes.is_empty() {
            continue;
        }
        text += &format!("\n## {}\n\n| code | meaning | what to do | 含义 | 怎么办 |\n|---|---|---|---|---|\n", of.1);
        for code in codes {
            let (en, zh) = code.advice();
            text += &format!("| `{}` | {} | {en} | {} | {zh} |\n", code.as_str(), code.en(), code.zh());
        }
    }
    page("rejections.md", &text);
}
