//! The command `run`.

use crate::options::Options;
use crate::run::{Failure, Plan, Summary, attempt, quantile, run};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::io::Write;
use std::ops::Range;
use std::process::ExitCode;

/// Describes the command.
#[must_use]
pub fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
    let number = |name, help| flag(name, help).value_parser(value_parser!(u64));
    let switch = |name, help| flag(name, help).action(ArgAction::SetTrue);
    let mut command = Command::new("run")
        .about("Simulates whole clusters under faults, a seed each")
        .arg(flag("seeds", "Seeds A..B, one simulation each").value_parser(seeds))
        .arg(number("seed", "One seed").conflicts_with("seeds"))
        .arg(switch("calm", "Begin with a cluster without faults, not with what the seed draws"))
        .arg(switch("trace", "Print everything that happens"))
        .arg(switch("json", "Print the summary as JSON"))
        .arg(switch("quiet", "Print no progress"))
        .arg(switch("keep", "Do not make failing seeds smaller"))
        .arg(number("threads", "Threads; as many as there are processors unless told"))
        .arg(number("stop-after", "Stop after so many failing seeds").default_value("5"))
        .arg(number("twice-every", "Run every so manyth seed twice and compare").default_value("100"));
    for (name, help) in Options::FIELDS {
        let arg = Arg::new(*name).long(flag_name(name)).help(help.trim()).value_parser(value_parser!(u64));
        command = command.arg(arg.help_heading("Options of the simulation"));
    }
    command
}

/// An option's name as a flag. The names are few and known; they live as long as the process.
fn flag_name(name: &str) -> &'static str {
    Box::leak(name.replace('_', "-").into_boxed_str())
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let parsed = text.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    parsed.filter(|r: &Range<u64>| !r.is_empty()).ok_or_else(|| "A..B with A < B".to_owned())
}

/// The options of a seed with what the flags say otherwise.
fn options(seed: u64, matches: &ArgMatches) -> Options {
    let mut options = if matches.get_flag("calm") { Options::calm(seed) } else { Options::draw(seed) };
    for (name, _) in Options::FIELDS {
        if let Some(value) = matches.get_one::<u64>(name) {
            options.set(name, *value);
        }
    }
    options
}

/// Runs the command. The exit code says whether all seeds held.
#[must_use]
pub fn execute(matches: &ArgMatches) -> ExitCode {
    let number = |name: &str| matches.get_one::<u64>(name).copied();
    let json = matches.get_flag("json");
    std::panic::set_hook(Box::new(|_| {})); // a panic is a violation like any other and reported as one
    let all: Vec<Options> = match (matches.get_one::<Range<u64>>("seeds"), number("seed")) {
        (Some(range), _) => range.clone().map(|seed| options(seed, matches)).collect(),
        (None, seed) => vec![options(seed.unwrap_or(0), matches)],
    };
    if let [one] = all.as_slice()
        && matches.get_flag("trace")
    {
        println!("{one}");
        drop(attempt(one, true, true));
    }
    let plan = Plan {
        threads: number("threads").and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        twice_every: number("twice-every").unwrap_or(0),
        stop_after: number("stop-after").unwrap_or(0),
        minimize: !matches.get_flag("keep"),
    };
    let total = all.len() as u64;
    let quiet = matches.get_flag("quiet") || json || total < 20;
    let every = (total / 100).max(1);
    let summary = run(&all, plan, |done, summary| {
        if !quiet && done.is_multiple_of(every) {
            eprint!("\r{done} of {total} seeds, {} views, {} failing ", summary.views, summary.failures.len());
            drop(std::io::stderr().flush()); // progress is a courtesy
        }
    });
    if !quiet {
        eprintln!();
    }
    if json {
        print_json(&summary);
    } else {
        print_text(&summary);
    }
    if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_text(s: &Summary) {
    println!(
        "{} seeds: {} views, {} blocks, {} changes of validators, {} transactions acknowledged, {} events in {} s of \
         virtual time",
        s.seeds,
        s.views,
        s.blocks,
        s.changes,
        s.acknowledged,
        s.events,
        s.lasted_ms / 1_000
    );
    let of = |n: &[u64]| format!("median {}, 99 % {}, most {}", quantile(n, 500), quantile(n, 990), quantile(n, 1_000));
    println!("the first new block after Δ: {}", of(&s.first));
    println!("all at one height after Δ: {}", of(&s.healed));
    println!("a new transaction final after Δ: {}", of(&s.fresh));
    for failure in &s.failures {
        print_failure(failure);
    }
    println!("{} failing", s.failures.len());
}

/// Which sources were simulated.
fn commit() -> String {
    let output = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let text = output.ok().filter(|o| o.status.success()).and_then(|o| String::from_utf8(o.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |t| t.trim().to_owned())
}

fn print_failure(failure: &Failure) {
    println!("\nFAILED {}", failure.violation);
    println!("  commit  {}", commit());
    println!("  options {}", failure.options);
    println!("  replay  hnchain-simulator run --calm --trace {}", failure.minimal);
    for line in &failure.transcript {
        println!("    {line}");
    }
}

fn print_json(s: &Summary) {
    let list = |items: Vec<String>| items.join(",");
    let numbers = |n: &[u64]| {
        format!("{{\"median\":{},\"p99\":{},\"max\":{}}}", quantile(n, 500), quantile(n, 990), quantile(n, 1_000))
    };
    let failures = s.failures.iter().map(|f| {
        format!(
            "{{\"label\":\"{:?}\",\"what\":{},\"options\":{},\"replay\":{},\"transcript\":[{}]}}",
            f.violation.label,
            text(&f.violation.what),
            text(&f.options.to_string()),
            text(&format!("hnchain-simulator run --calm --trace {}", f.minimal)),
            list(f.transcript.iter().map(|l| text(l)).collect())
        )
    });
    println!(
        "{{\"commit\":{},\"seeds\":{},\"views\":{},\"blocks\":{},\"changes\":{},\"acknowledged\":{},\"events\":{},\
         \"virtual_ms\":{},\"first_deltas\":{},\"healed_deltas\":{},\"fresh_deltas\":{},\"checks\":{{{}}},\"failures\":[{}]}}",
        text(&commit()),
        s.seeds,
        s.views,
        s.blocks,
        s.changes,
        s.acknowledged,
        s.events,
        s.lasted_ms,
        numbers(&s.first),
        numbers(&s.healed),
        numbers(&s.fresh),
        list(s.marks.iter().map(|(l, n)| format!("\"{l:?}\":{n}")).collect()),
        list(failures.collect())
    );
}

/// A JSON string.
fn text(raw: &str) -> String {
    let mut out = String::from("\"");
    for c in raw.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
