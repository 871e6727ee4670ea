//! The binary as a user meets it: exit codes, files, verdicts. No network is needed.

mod run;

use run::{Folder, PASSWORD, VECTORS, hnchain};
use std::os::unix::fs::PermissionsExt;

const ACTIVE: &str = "active.hnproof.json";
/// The document behind the record of the vector `active`.
const DOCUMENT: &str = "示例营业执照：一号";

fn vector(name: &str) -> String {
    format!("{VECTORS}/{name}")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(vector(name)).expect("a frozen vector of hnchain-proof")
}

#[test]
fn keygen_writes_an_encrypted_file_for_its_owner_and_shows_the_public_key() {
    let f = Folder::new();
    let made = f.run(&["keygen", "--out", "k.pem", "--json"]).exits(0).json();
    let pem = std::fs::read_to_string(f.path("k.pem")).expect("written");
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{pem}");
    let mode = std::fs::metadata(f.path("k.pem")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = f.run(&["key", "show", "k.pem", "--json"]).exits(0).json();
    assert_eq!(made["public_key"], shown["public_key"]);
    assert_eq!(shown["public_key"].as_str().map(str::len), Some(66));
}

#[test]
fn keygen_never_replaces_a_file() {
    let f = Folder::new();
    f.write("k.pem", b"precious");
    f.run(&["keygen", "--out", "k.pem"]).exits(2).says("FILE_EXISTS");
    assert_eq!(std::fs::read(f.path("k.pem")).expect("there"), b"precious");
}

#[test]
fn keygen_refuses_short_passwords_and_asks_for_one_where_it_can_only() {
    let f = Folder::new();
    f.write("short", b"1234567\n");
    f.run(&["keygen", "--out", "k.pem", "--password-file", "short"]).exits(2).says("PASSWORD_SHORT");
    let none = hnchain().current_dir(f.path("")).args(["keygen", "--out", "k.pem"]).output().expect("runs");
    run::Ran::of(none).exits(2).says("PASSWORD_MISSING").says("--password-file");
    assert!(!f.path("k.pem").exists(), "nothing is left behind");
}

#[test]
fn a_password_file_beats_the_environment_and_its_line_end_does_not_count() {
    let f = Folder::new();
    f.write("password", format!("{PASSWORD}\r\n").as_bytes());
    f.run(&["keygen", "--out", "k.pem"]).exits(0);
    let with = |password: &str| {
        let mut c = hnchain();
        c.current_dir(f.path("")).env("HNCHAIN_KEY_PASSWORD", password);
        run::Ran::of(c.args(["key", "show", "k.pem", "--password-file", "password"]).output().expect("runs"))
    };
    with("another one").exits(0);
}

#[test]
fn a_wrong_password_is_refused() {
    let f = Folder::new();
    f.run(&["keygen", "--out", "k.pem"]).exits(0);
    f.write("wrong", b"not the password");
    f.run(&["key", "show", "k.pem", "--password-file", "wrong"]).exits(1).says("KEY_FILE_PASSWORD").prints_nothing();
    let json = f.run(&["key", "show", "k.pem", "--password-file", "wrong", "--json"]).exits(1);
    assert_eq!(json.error_json()["error"]["code"], "KEY_FILE_PASSWORD");
    f.run(&["key", "show", "missing.pem"]).exits(2).says("missing.pem");
    f.write("junk.pem", b"junk");
    f.run(&["key", "show", "junk.pem"]).exits(2).says("KEY_FILE_FORMAT");
}

const SPEC_HEAD: &str = r#"
chain_id = "henan-test"
name = "测试链"
time_ms = 1800000000000
[parameters]
heartbeat_ms = 5000
[[organizations]]
id = "henan-data"
name = "示例数据局"
credit_code = "91410000170001401D"
division = "410000"
"#;

#[test]
fn genesis_is_made_of_key_files_and_of_proofs_made_elsewhere() {
    let f = Folder::new();
    for name in ["a.pem", "b.pem", "s.pem"] {
        f.run(&["keygen", "--out", name]).exits(0);
    }
    f.run(&[
        "genesis",
        "possession",
        "--chain-id",
        "henan-test",
        "--organization",
        "henan-data",
        "--key",
        "a.pem",
        "-o",
        "a.possession.json",
    ])
    .exits(0);
    let signer = f.run(&["key", "show", "s.pem", "--json"]).exits(0).json();
    let signer = signer["public_key"].as_str().expect("text");
    let spec = format!(
        "{SPEC_HEAD}
[[signers]]
public_key = \"{signer}\"
organization = \"henan-data\"
roles = [{{ role = \"registry_writer\", namespace = \"certificate\" }}]
[[validators]]
possession_file = \"a.possession.json\"
[[validators]]
organization = \"henan-data\"
key_file = \"b.pem\"
"
    );
    f.write("chain.toml", spec.as_bytes());
    let made = f.run(&["genesis", "new", "chain.toml", "-o", "genesis.json", "--json"]).exits(0).json();
    assert_eq!(made["validators"], 2);
    let digest = made["digest"].as_str().expect("text");
    f.run(&["genesis", "check", "genesis.json", "--digest", digest]).exits(0);
    f.run(&["genesis", "check", "genesis.json", "--digest", &"0".repeat(64)]).exits(1).says("GENESIS_DIGEST");
    f.run(&["genesis", "new", "chain.toml", "-o", "genesis.json"]).exits(2).says("FILE_EXISTS");
    let shown = f.run(&["genesis", "show", "genesis.json", "--json"]).exits(0).json();
    assert_eq!(shown["genesis"]["parameters"]["heartbeat_ms"], 5000);
    assert_eq!(shown["genesis"]["signers"][0]["public_key"], signer);
    f.run(&["genesis", "show", "genesis.json", "--lang", "zh"]).exits(0).prints("示例数据局");
}

#[test]
fn a_possession_proof_is_of_one_chain_and_one_key() {
    let f = Folder::new();
    f.run(&["keygen", "--out", "a.pem"]).exits(0);
    let other = f
        .run(&["genesis", "possession", "--chain-id", "other", "--organization", "henan-data", "--key", "a.pem"])
        .exits(0);
    f.write("p.json", &other.stdout);
    f.write("c.toml", format!("{SPEC_HEAD}\n[[validators]]\npossession_file = \"p.json\"\n").as_bytes());
    f.run(&["genesis", "new", "c.toml", "-o", "g.json"]).exits(1).says("POSSESSION_CHAIN");
    // The same proof, relabelled by hand.
    let forged = String::from_utf8(other.stdout).expect("JSON").replace("\"other\"", "\"henan-test\"");
    f.write("p.json", forged.as_bytes());
    f.run(&["genesis", "new", "c.toml", "-o", "g.json"]).exits(1).says("does not prove its key");
    assert!(!f.path("g.json").exists(), "nothing is left behind");
}

#[test]
fn genesis_says_what_is_wrong_with_a_specification_or_a_file() {
    let f = Folder::new();
    f.write("c.toml", format!("{SPEC_HEAD}\n[[validator]]\n").as_bytes());
    f.run(&["genesis", "new", "c.toml"]).exits(1).says("GENESIS_SPEC").says("validator");
    f.run(&["genesis", "new", "missing.toml"]).exits(2).says("missing.toml");
    f.write("g.json", b"{}");
    f.run(&["genesis", "check", "g.json"]).exits(1).says("DECODE_MALFORMED");
    f.run(&["genesis", "check", &vector("genesis.json")]).exits(0);
}

#[test]
fn verify_tells_people_what_is_proven() {
    let f = Folder::new();
    for (name, vector_name) in
        [("active", ACTIVE), ("revoked", "revoked.hnproof.json"), ("absent", "absent.hnproof.json")]
    {
        for lang in ["zh", "en"] {
            let ran = f.run_in(VECTORS, &["verify", vector_name, "--trust", "genesis.json", "--lang", lang]).exits(0);
            insta::assert_snapshot!(format!("verify_{name}_{lang}"), ran.stdout_text());
        }
    }
}

#[test]
fn verify_tells_machines_what_is_proven() {
    let f = Folder::new();
    for name in ["active", "revoked", "absent"] {
        let file = format!("{name}.hnproof.json");
        let ran = f.run_in(VECTORS, &["verify", &file, "--trust", "genesis.json", "--json"]).exits(0);
        let json = ran.json();
        assert_eq!(json["valid"], true);
        assert_eq!(json["status"], *name);
        insta::assert_snapshot!(format!("verify_{name}_json"), ran.stdout_text());
    }
}

#[test]
fn verify_reads_standard_input() {
    let f = Folder::new();
    f.run_with(&["verify", "-", "--trust", &vector("genesis.json")], &bytes(ACTIVE)).exits(0);
}

#[test]
fn any_changed_byte_is_refused_with_the_step_that_failed() {
    let f = Folder::new();
    let good = bytes(ACTIVE);
    // One place of each part of the file; every byte is tried in hnchain-proof's own tests.
    let text = String::from_utf8(good.clone()).expect("JSON");
    let at = |needle: &str| text.find(needle).expect("a part of the file") + needle.len();
    let places = [
        0,
        at("\"header\": \"") + 30,
        at("\"result\": \"") + 30,
        at("\"certificate\": \"") + 200,
        at("\"value\": \"") + 20,
        at("\"salt\": \"") + 2,
        good.len() - 1,
    ];
    let mut steps = std::collections::BTreeSet::new();
    for place in places {
        let mut bad = good.clone();
        bad[place] = match bad[place] {
            b'0' => b'1',
            b'a'..=b'f' | b'1'..=b'9' => b'0',
            _ => b'x',
        };
        let ran = f.run_with(&["verify", "-", "--trust", &vector("genesis.json"), "--json"], &bad).exits(1);
        let json = ran.json();
        assert_eq!(json["valid"], false, "byte {place}");
        assert!(json["message_zh"].as_str().is_some_and(|s| !s.is_empty()));
        steps.insert(json["step"].as_str().expect("a step").to_owned());
    }
    assert!(steps.len() >= 4, "{steps:?}");
}

#[test]
fn a_refusal_for_people_names_the_step() {
    let f = Folder::new();
    let mut bad = bytes(ACTIVE);
    bad.truncate(bad.len() / 2);
    f.write("half.hnproof.json", &bad);
    for lang in ["zh", "en"] {
        let ran = f.run(&["verify", "half.hnproof.json", "--trust", &vector("genesis.json"), "--lang", lang]).exits(1);
        insta::assert_snapshot!(format!("verify_truncated_{lang}"), ran.stdout_text().replace(VECTORS, "vectors"));
        assert!(ran.stderr.is_empty(), "the verdict is the result");
    }
}

#[test]
fn a_bundle_of_another_chain_is_refused() {
    let f = Folder::new();
    f.run(&["keygen", "--out", "a.pem"]).exits(0);
    f.write(
        "c.toml",
        format!("{SPEC_HEAD}\n[[validators]]\norganization = \"henan-data\"\nkey_file = \"a.pem\"\n").as_bytes(),
    );
    f.run(&["genesis", "new", "c.toml", "-o", "other.json"]).exits(0);
    let json = f.run(&["verify", &vector(ACTIVE), "--trust", "other.json", "--json"]).exits(1).json();
    assert_eq!((&json["step"], &json["code"]), (&"genesis".into(), &"PROOF_OTHER_CHAIN".into()));
}

#[test]
fn a_document_must_be_the_recorded_one() {
    let f = Folder::new();
    f.write("licence.txt", DOCUMENT.as_bytes());
    f.write("forged.txt", "示例营业执照：二号".as_bytes());
    let verify = |document: &str, extra: &[&str]| {
        let (proof, trust) = (vector(ACTIVE), vector("genesis.json"));
        let mut args = vec!["verify", &proof, "--trust", &trust, "--document", document];
        args.extend(extra);
        f.run(&args)
    };
    let ok = verify("licence.txt", &["--json"]).exits(0).json();
    assert_eq!(ok["document_matches"], true);
    verify("licence.txt", &["--lang", "zh"]).exits(0).prints("与登记内容一致");
    let ran = verify("forged.txt", &["--json"]).exits(1).json();
    assert_eq!((&ran["step"], &ran["code"]), (&"document".into(), &"DOCUMENT_DIFFERS".into()));
    verify("forged.txt", &["--lang", "en"]).exits(1).prints("is not the document that was recorded");
    verify("missing.txt", &[]).exits(2).says("missing.txt").prints_nothing();
}

#[test]
fn a_document_without_an_opening_is_not_called_checked() {
    let f = Folder::new();
    f.write("licence.txt", DOCUMENT.as_bytes());
    let (proof, trust) = (vector("revoked.hnproof.json"), vector("genesis.json"));
    f.run(&["verify", &proof, "--trust", &trust, "--document", "licence.txt"])
        .exits(2)
        .says("OPENING_MISSING")
        .says("--opening")
        .prints_nothing();
    let absent = vector("absent.hnproof.json");
    let ran = f.run(&["verify", &absent, "--trust", &trust, "--document", "licence.txt", "--json"]).exits(1).json();
    assert_eq!(ran["code"], "DOCUMENT_NO_RECORD");
}

#[test]
fn an_old_proof_and_a_revoked_record_are_refused_when_asked_to() {
    let f = Folder::new();
    let trust = vector("genesis.json");
    let json = f.run(&["verify", &vector(ACTIVE), "--trust", &trust, "--max-age", "10m", "--json"]).exits(1).json();
    assert_eq!((&json["step"], &json["code"]), (&"age".into(), &"PROOF_OLD".into()));
    let require = |name: &str| f.run(&["verify", &vector(name), "--trust", &trust, "--require-active", "--json"]);
    assert_eq!(require("revoked.hnproof.json").exits(1).json()["code"], "RECORD_REVOKED");
    assert_eq!(require("absent.hnproof.json").exits(1).json()["code"], "RECORD_ABSENT");
    require(ACTIVE).exits(0);
}

/// A file's name says nothing: who must know which record is proven says so.
#[test]
fn a_proof_of_another_record_than_the_expected_one_is_refused() {
    let f = Folder::new();
    let (proof, trust) = (vector(ACTIVE), vector("genesis.json"));
    let expecting = |record: &str| f.run(&["verify", &proof, "--trust", &trust, "--record", record, "--json"]);
    expecting("certificate/1.2.156.3005.2.11100000000013338W011.001.U").exits(0);
    for other in
        ["certificate/1.2.156.3005.2.11100000000013338W011.001.V", "realty/1.2.156.3005.2.11100000000013338W011.001.U"]
    {
        let json = expecting(other).exits(1).json();
        assert_eq!((&json["step"], &json["code"]), (&"subject".into(), &"RECORD_OTHER".into()));
    }
    expecting("certificate").exits(2);
}

/// An opening file says which record it is of: with the commitment copied into another record it still is not its.
#[test]
fn an_opening_file_of_another_record_is_refused() {
    let f = Folder::new();
    f.write("licence.txt", DOCUMENT.as_bytes());
    let (proof, trust) = (vector(ACTIVE), vector("genesis.json"));
    let opening = |id: &str| {
        let commitment = "7368e61e57c8cf27e889c457138409e5b79b73a0432acaf176b278652ebcaf7e";
        let document = "2feff088d51dc2dbab39925bc55c466b1d68b23b0124626d0f027d609cfa7c9d";
        let file = serde_json::json!({
            "format": "hnopening/1", "chain_id": "henan-demo", "namespace": "certificate", "id": id, "version": 2,
            "transaction": "00".repeat(32), "commitment": commitment, "salt": "5a".repeat(16), "document_digest": document,
        });
        f.write("o.json", file.to_string().as_bytes());
        f.run(&["verify", &proof, "--trust", &trust, "--document", "licence.txt", "--opening", "o.json", "--json"])
    };
    opening("1.2.156.3005.2.11100000000013338W011.001.U").exits(0);
    assert_eq!(opening("another").exits(1).json()["code"], "DOCUMENT_OTHER_RECORD");
}

/// ESC, the one-byte CSI, a right-to-left override and a line end, each of which can make a refusal look like a success.
#[test]
fn what_a_hostile_file_says_cannot_drive_the_terminal() {
    let f = Folder::new();
    let hostile = "x\\u001b[2J\\u009b1A\\u202e\\u000a✔";
    f.write("format.json", format!("{{\"format\":\"{hostile}\"}}").as_bytes());
    f.write("field.json", format!("{{\"{hostile}\":1}}").as_bytes());
    let version = String::from_utf8(bytes(ACTIVE)).expect("JSON").replacen("hnproof/1", hostile, 1);
    f.write("version.json", version.as_bytes());
    let genesis = String::from_utf8(bytes("genesis.json")).expect("JSON");
    f.write(
        "g.json",
        genesis.replacen("\"organization\": \"", &format!("\"organization\": \"{hostile}"), 1).as_bytes(),
    );
    for file in ["format.json", "field.json", "version.json"] {
        for flag in ["--lang=zh", "--lang=en", "--json"] {
            clean(&f.run(&["verify", file, "--trust", &vector("genesis.json"), flag]).exits(1));
        }
    }
    for flag in ["--lang=zh", "--lang=en", "--json"] {
        clean(&f.run(&["genesis", "check", "g.json", flag]).exits(1));
    }
}

#[track_caller]
fn clean(ran: &run::Ran) {
    let text = format!("{}{}", ran.stdout_text(), ran.stderr);
    let bad = text.chars().find(|c| *c != '\n' && hnchain_types::text::hidden(*c));
    assert_eq!(bad, None, "{text:?}");
    assert!(!text.contains("\n✔"), "{text}");
}

#[test]
fn unreadable_files_are_usage_errors() {
    let f = Folder::new();
    f.run(&["verify", "missing.hnproof.json", "--trust", &vector("genesis.json")])
        .exits(2)
        .says("missing.hnproof.json");
    f.run(&["verify", &vector(ACTIVE), "--trust", "missing.json"]).exits(2).says("missing.json");
    f.write("bad.json", b"{}");
    f.run(&["verify", &vector(ACTIVE), "--trust", "bad.json"]).exits(2).says("bad.json");
}

#[test]
fn wrong_usage_ends_with_2() {
    let f = Folder::new();
    let id = "0".repeat(63);
    let wrong: [&[&str]; 8] = [
        &[],
        &["frobnicate"],
        &["verify", "a"],
        &["tx", &id],
        &["block", "0"],
        &["verify", "a", "--trust", "b", "--max-age", "soon"],
        &["status", "--endpoint", "127.0.0.1:9101"],
        &["get", "--namespace", "Certificate", "--id", "a"],
    ];
    for args in wrong {
        f.run(args).exits(2).prints_nothing();
    }
    f.run(&["--version"]).exits(0);
    f.run(&["verify", "--help"]).exits(0);
    f.run(&["--lang", "zh", "--version"]).exits(0).prints("hnchain ");
    f.run(&["--lang", "zh", "verify", "-h"]).exits(0).prints("用法：hnchain verify");
    f.run(&["--lang", "zh", "tx", "00"]).exits(2).says("错误：命令行有误：").says("[USAGE]").says("建议：");
}

#[test]
fn wrong_usage_is_json_too_where_json_is_asked_for() {
    let f = Folder::new();
    let wrong: [&[&str]; 4] =
        [&["--json"], &["frobnicate", "--json"], &["verify", "--json"], &["--json", "tx", "00", "--lang", "zh"]];
    for args in wrong {
        let error = f.run(args).exits(2).prints_nothing().error_json();
        assert_eq!((&error["error"]["code"], &error["error"]["exit"]), (&"USAGE".into(), &2.into()), "{args:?}");
        assert!(error["error"]["message_zh"].as_str().is_some_and(|m| m.starts_with("命令行有误：")), "{error}");
    }
}

#[test]
fn a_file_name_that_is_not_unicode_is_no_obstacle() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let f = Folder::new();
    let name = f.path("").join(OsStr::from_bytes(b"\xff.hnproof.json"));
    std::fs::write(&name, bytes(ACTIVE)).expect("writable");
    for more in [&["--json"][..], &[]] {
        let mut c = hnchain();
        c.arg("verify").arg(&name).args(["--trust", &vector("genesis.json")]).args(more);
        run::Ran::of(c.output().expect("runs")).exits(0);
    }
}

#[test]
fn no_node_ends_with_3_and_says_what_to_check() {
    let f = Folder::new();
    f.run(&["keygen", "--out", "k.pem"]).exits(0);
    f.write("licence.txt", DOCUMENT.as_bytes());
    let nobody = run::nobody();
    let id = "0".repeat(64);
    let commands: [&[&str]; 8] = [
        &["status"],
        &["get", "--namespace", "certificate", "--id", "a"],
        &["prove", "--namespace", "certificate", "--id", "a", "-o", "p.json"],
        &["tx", &id],
        &["block", "latest"],
        &["receipt", &id],
        &["anchor", "licence.txt", "--namespace", "certificate", "--id", "a", "--key", "k.pem"],
        &["revoke", "--namespace", "certificate", "--id", "a", "--reason", "注销", "--key", "k.pem"],
    ];
    for args in commands {
        let ran = f.run(&[args, &["--endpoint", &nobody, "--timeout", "5s"]].concat()).exits(3);
        if args[0] != "status" {
            ran.says("HNCHAIN_ENDPOINT").prints_nothing();
        }
    }
    let left: Vec<_> = std::fs::read_dir(f.path("")).expect("folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "only key and document: {left:?}");
}

#[test]
fn an_opening_is_kept_while_its_transaction_may_be_on_its_way() {
    let f = Folder::new();
    f.run(&["keygen", "--out", "k.pem"]).exits(0);
    f.write("licence.txt", DOCUMENT.as_bytes());
    let nobody = run::nobody();
    let anchor = |more: &[&str]| {
        let args =
            ["anchor", "licence.txt", "--namespace", "certificate", "--id", "a", "--key", "k.pem", "--chain-id", "c"];
        f.run(&[&args, more, &["--endpoint", &nobody, "--timeout", "5s"]].concat())
    };
    anchor(&[]).exits(3).says("licence.txt.hnopening.json");
    let opening = std::fs::read_to_string(f.path("licence.txt.hnopening.json")).expect("kept");
    let opening: serde_json::Value = serde_json::from_str(&opening).expect("JSON");
    assert_eq!(opening["version"], 1);
    let mode = std::fs::metadata(f.path("licence.txt.hnopening.json")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The next attempt does not overwrite it.
    anchor(&[]).exits(2).says("FILE_EXISTS").says("--opening-out");
    anchor(&["--opening-out", "second.json"]).exits(3);
}

#[test]
fn ill_formed_requests_are_refused_before_anything_is_written() {
    let f = Folder::new();
    f.run(&["keygen", "--out", "k.pem"]).exits(0);
    f.write("licence.txt", DOCUMENT.as_bytes());
    f.run(&["anchor", "licence.txt", "--namespace", "Bad Name", "--id", "a", "--key", "k.pem", "--chain-id", "c"])
        .exits(2)
        .says("DECODE_FIELD");
    assert!(!f.path("licence.txt.hnopening.json").exists());
    f.write("damaged.json", br#"{"format":"hnopening/1"}"#);
    f.run(&["prove", "--namespace", "certificate", "--id", "a", "--opening", "damaged.json"])
        .exits(2)
        .says("OPENING_FILE");
}

#[test]
fn an_interrupted_reader_is_no_error() {
    let f = Folder::new();
    let trust = vector("genesis.json");
    let mut child = hnchain()
        .current_dir(f.path(""))
        .args(["genesis", "show", &trust, "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

#[test]
fn help_is_complete_in_both_languages() {
    use clap::ValueEnum;
    for lang in hnchain::Lang::value_variants() {
        let mut text = String::new();
        let mut command = hnchain::help::command(*lang).term_width(110);
        collect(&mut command, "hnchain", &mut text);
        insta::assert_snapshot!(format!("help_{lang:?}").to_lowercase(), text);
    }
}

fn collect(command: &mut clap::Command, name: &str, text: &mut String) {
    text.push_str(&format!("=== {name}\n{}\n", command.clone().bin_name(name).render_help()));
    for sub in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        let below = format!("{name} {}", sub.get_name());
        collect(&mut sub.clone(), &below, text);
    }
}
