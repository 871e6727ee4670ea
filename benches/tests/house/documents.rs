//! The documents speak of what exists: links, headings, files, make targets, commands and their flags.

use crate::{assert_none, files, has_extension, root, text};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Our programs, as documents call them.
const PROGRAMS: &[&str] = &["hnchain", "hnchain-node", "hnchain-testnet", "hnchain-bench"];
/// Top folders: a path in backticks that begins with one of these names a file or folder of the repository.
const FOLDERS: &[&str] =
    &["node/", "consensus/", "contracts/", "sdk/", "cli/", "testnet/", "benches/", "docs/", ".ci/"];

fn documents() -> Vec<(PathBuf, String)> {
    let list = files().into_iter().filter(|f| has_extension(f, "md"));
    let found: Vec<_> = list.map(|f| (f.clone(), text(&f).expect("Markdown is UTF-8"))).collect();
    assert!(found.len() > 5, "the documents are missing");
    found
}

/// Lines outside (or inside) of fenced blocks, with their numbers.
fn lines(content: &str, fenced: bool) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (number, line) in content.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside == fenced {
            found.push((number + 1, line));
        }
    }
    found
}

/// Anchors as common Markdown renderers make them from headings.
fn anchors(content: &str) -> BTreeSet<String> {
    let headings = lines(content, false).into_iter().filter(|(_, l)| l.starts_with('#'));
    headings
        .map(|(_, l)| {
            let title = l.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut offences = Vec::new();
    for (file, content) in documents() {
        for (number, line) in lines(&content, false) {
            for (at, _) in line.match_indices("](") {
                let target = line[at + 2..].split(')').next().unwrap_or_default();
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                if let Err(why) = resolve(&file, &content, target) {
                    offences.push(format!("{}:{number}: {target}: {why}", file.display()));
                }
            }
        }
    }
    assert_none("links that lead nowhere:", &offences);
}

fn resolve(from: &Path, content: &str, target: &str) -> Result<(), String> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(p, a)| (p, Some(a)));
    let place = root().join(from).parent().expect("a file has a folder").join(path);
    if !path.is_empty() && !place.exists() {
        return Err("no such file".into());
    }
    let Some(anchor) = anchor else { return Ok(()) };
    let page = if path.is_empty() {
        content.to_owned()
    } else {
        std::fs::read_to_string(&place).map_err(|e| e.to_string())?
    };
    if anchors(&page).contains(anchor) { Ok(()) } else { Err("no such heading".into()) }
}

#[test]
fn every_file_that_is_named_exists() {
    let mut offences = Vec::new();
    for (file, content) in documents() {
        for (number, line) in lines(&content, false) {
            for quoted in line.split('`').skip(1).step_by(2) {
                let name = quoted.split("::").next().unwrap_or_default();
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
                if plain && FOLDERS.iter().any(|f| name.starts_with(f)) && !root().join(name).exists() {
                    offences.push(format!("{}:{number}: {name}", file.display()));
                }
            }
        }
    }
    assert_none("files that do not exist:", &offences);
}

/// In these documents a name of more than three words is that of a test.
const NAME_TESTS: &[&str] = &["docs/bugs-of-others.md", "docs/consensus.md"];

#[test]
fn every_test_that_is_named_exists() {
    let rust: Vec<String> = files().iter().filter(|f| has_extension(f, "rs")).filter_map(|f| text(f)).collect();
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let (mut offences, mut seen) = (Vec::new(), 0);
    for document in NAME_TESTS {
        let content = text(Path::new(document)).expect("UTF-8");
        for (number, line) in lines(&content, false) {
            let quoted = line.split('`').skip(1).step_by(2);
            for name in quoted.filter(|q| q.split('_').count() > 3 && q.chars().all(word)) {
                seen += 1;
                if !rust.iter().any(|code| code.contains(&format!("fn {name}("))) {
                    offences.push(format!("{document}:{number}: {name}"));
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} tests were found in the documents");
    assert_none("tests that do not exist:", &offences);
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = text(Path::new("Makefile")).expect("UTF-8");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|l| l.split_once(": ").or(l.split_once(':'))).map(|t| t.0).collect();
    let mut offences = Vec::new();
    for (file, content) in documents() {
        for (number, line) in content.lines().enumerate() {
            let inline = line.split('`').skip(1).step_by(2);
            let named = inline.chain(line.trim_start().strip_prefix("$ ")).filter_map(|c| c.strip_prefix("make "));
            for target in named.filter_map(|c| c.split(' ').next()) {
                if !targets.contains(target) {
                    offences.push(format!("{}:{}: make {target}", file.display(), number + 1));
                }
            }
        }
    }
    assert_none("make targets that do not exist:", &offences);
}

#[test]
fn every_command_and_flag_that_is_named_exists() {
    let mut offences = Vec::new();
    let mut seen = 0;
    for (file, content) in documents() {
        for (number, command) in commands(&content) {
            seen += 1;
            if let Err(why) = check(&command) {
                offences.push(format!("{}:{number}: {}: {why}", file.display(), command.join(" ")));
            }
        }
    }
    assert!(seen > 10, "only {seen} commands were found in the documents");
    assert_none("commands that the programs do not know:", &offences);
}

/// Calls of our programs in fenced blocks, continuation lines joined, pipes and comments cut off.
fn commands(content: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut lines = lines(content, true).into_iter();
    while let Some((number, line)) = lines.next() {
        let mut whole = line.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            whole.push_str(lines.next().map_or("", |l| l.1));
        }
        let call = whole.trim().trim_start_matches("$ ").split([';', '|', '>', '&']).next().unwrap_or_default();
        let call = call.split(" #").next().unwrap_or_default();
        let words: Vec<String> = call.split_whitespace().map(str::to_owned).collect();
        let program = words.first().and_then(|w| w.rsplit('/').next()).unwrap_or_default();
        if PROGRAMS.contains(&program) && words.len() > 1 {
            found.push((number, words));
        }
    }
    found
}

/// Walks down the subcommands and compares the flags with what `--help` lists there.
fn check(command: &[String]) -> Result<(), String> {
    let program = command[0].rsplit('/').next().unwrap_or_default();
    let mut path: Vec<&str> = Vec::new();
    let mut page = help(program, &path);
    for word in &command[1..] {
        if let Some(flag) = word.strip_prefix("--").map(|f| f.split('=').next().unwrap_or_default()) {
            let listed = page
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .any(|w| w.strip_prefix("--") == Some(flag));
            if !listed {
                return Err(format!("--{flag} is not in the help of {program} {}", path.join(" ")));
            }
        } else if subcommands(&page).contains(word) {
            path.push(word);
            page = help(program, &path);
        } else if path.is_empty() && !subcommands(&page).is_empty() && !word.starts_with('-') {
            return Err(format!("{word} is no command of {program}"));
        }
    }
    Ok(())
}

fn subcommands(page: &str) -> BTreeSet<String> {
    let list = page.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    list.filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect()
}

fn help(program: &str, path: &[&str]) -> String {
    let folder =
        std::env::current_exe().expect("known").parent().and_then(Path::parent).expect("in deps").to_path_buf();
    let place = folder.join(program);
    assert!(place.is_file(), "{program} is not built: `cargo build --workspace --bins` first, as `make test` does");
    let output = Command::new(place).args(path).arg("--help").output().expect("starts");
    assert!(output.status.success(), "{program} {} --help fails", path.join(" "));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn both_readmes_have_the_same_parts_and_commands() {
    let [english, chinese] = ["README.md", "README.zh.md"].map(|f| text(Path::new(f)).expect("UTF-8"));
    let headings = |c: &str| {
        lines(c, false)
            .iter()
            .filter(|l| l.1.starts_with('#'))
            .map(|l| l.1.split(' ').next().map(str::len))
            .collect::<Vec<_>>()
    };
    let calls = |c: &str| commands(c).into_iter().map(|c| c.1).collect::<Vec<_>>();
    assert_eq!(headings(&english), headings(&chinese), "the two have different headings");
    assert_eq!(calls(&english), calls(&chinese), "the two name different commands");
}

#[test]
fn commands_are_read_from_fenced_blocks() {
    let page = "hnchain outside\n```sh\n$ ./target/debug/hnchain get a \\\n  --json | jq .\nls\n```\n";
    let expected: Vec<String> = ["./target/debug/hnchain", "get", "a", "--json"].map(String::from).to_vec();
    assert_eq!(commands(page), [(3, expected)]);
    assert!(anchors("# A `b` (c)\n").contains("a-b-c"));
}

/// Codes that the ledger and the node give to others.
fn codes_in_sources() -> BTreeSet<String> {
    let rooms = ["node/src", "node/storage/src/error.rs", "node/storage/src/snapshot", "node/ledger/src/rejection.rs"];
    let mut found = BTreeSet::new();
    for file in files().iter().filter(|f| has_extension(f, "rs") && rooms.iter().any(|r| f.starts_with(r))) {
        let source = text(file).expect("UTF-8");
        let production = source.split("#[cfg(test)]").next().unwrap_or_default();
        for quoted in production.split('"').skip(1).step_by(2) {
            let code = quoted.contains('_') && quoted.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            // Names with which a family of codes begins, and of the environment, are none.
            if code && !quoted.ends_with('_') && !quoted.starts_with("HNCHAIN_") && !quoted.starts_with("CARGO_") {
                found.insert(quoted.to_owned());
            }
        }
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

#[test]
fn every_code_and_metric_is_in_the_operators_manual() {
    let manual = text(Path::new("docs/operators.md")).expect("UTF-8");
    // The codes of the chain's rules have a page of their own, which is written from the rules.
    let rules = text(Path::new("docs/rejections.md")).expect("UTF-8");
    let quoted: BTreeSet<&str> = [&manual, &rules].iter().flat_map(|t| t.split('`').skip(1).step_by(2)).collect();
    let missing: Vec<_> = codes_in_sources().into_iter().filter(|c| !quoted.contains(c.as_str())).collect();
    assert_none("codes that docs/operators.md does not explain:", &missing);

    let table = text(Path::new("node/src/telemetry/metric.rs")).expect("UTF-8");
    let is_metric = |t: &&str| t.starts_with("hnchain_") && !t.ends_with('_');
    let names: BTreeSet<&str> = table.split('"').skip(1).step_by(2).filter(is_metric).collect();
    assert!(names.len() > 20, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|n| !quoted.contains(*n)).map(|n| (*n).to_owned()).collect();
    assert_none("metrics that docs/operators.md does not list:", &missing);
    let listed = manual.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next());
    let gone: Vec<_> = listed.filter(|n| n.starts_with("hnchain_") && !names.contains(n)).map(str::to_owned).collect();
    assert_none("metrics that are gone:", &gone);
}
