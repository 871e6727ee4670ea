//! The commands `twins`, `forks` and `model`: tiers T1, T2, T4 and T5.

use crate::forensics::fork::Attack;
use crate::model::{Bounds, Views};
use crate::random::Random;
use crate::twins::cast::Cast;
use crate::twins::exhaustive::{self, Exhaustive, ROUNDS};
use crate::twins::random::{Casts, Scenario};
use crate::twins::sweep::{Sweep, Swept};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::fmt::Display;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

/// Lines of a transcript that a failing seed prints; `--trace` prints all.
const TRANSCRIPT: usize = 40;

fn number(name: &'static str, help: &'static str, default: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).value_parser(value_parser!(u64)).default_value(default)
}

fn seeds() -> Arg {
    let parse = |text: &str| {
        let parsed = text.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
        parsed.filter(|r: &Range<u64>| !r.is_empty()).ok_or_else(|| "A..B with A < B".to_owned())
    };
    Arg::new("seeds").long("seeds").help("Seeds A..B, one scenario each").value_parser(parse).default_value("0..1000")
}

fn common(command: Command) -> Command {
    command
        .arg(seeds())
        .arg(Arg::new("seed").long("seed").help("One seed, with its transcript").value_parser(value_parser!(u64)))
        .arg(Arg::new("trace").long("trace").help("Print the whole transcript").action(ArgAction::SetTrue))
        .arg(Arg::new("seconds").long("seconds").help("Begin no seed after this").value_parser(value_parser!(u64)))
        .arg(number("threads", "Threads", "2"))
        .arg(number("stop-after", "Stop after so many failing seeds", "5"))
}

/// Describes the commands.
#[must_use]
pub fn commands() -> [Command; 3] {
    let twins = common(Command::new("twins"))
        .about(
            "T1, T2: validators that run twice, and puppets; every scenario of a small space, or seeds of a large one",
        )
        .arg(
            Arg::new("exhaustive")
                .long("exhaustive")
                .help("Every scenario of four validators")
                .action(ArgAction::SetTrue),
        )
        .arg(number("rounds", "Rounds of an exhaustive run, 1 to 3", "3"))
        .arg(Arg::new("sample").long("sample").help("Seeds choose from the small space").action(ArgAction::SetTrue));
    let forks = common(Command::new("forks")).about("T4: more than f liars fork; their signatures must convict f + 1");
    let model = Command::new("model")
        .about("T5: all interleavings of three machines and one liar, bounded")
        .arg(number("states", "States to explore", "100000"))
        .arg(number("depth", "Actions from each initial state", "40"))
        .arg(number("walks", "Initial states at the ends of walks", "0"))
        .arg(number("steps", "Longest walk", "60"))
        .arg(number("threads", "Threads", "2"));
    [twins, forks, model]
}

/// Runs one of the commands. The exit code says whether everything held.
#[must_use]
pub fn execute(name: &str, matches: &ArgMatches) -> ExitCode {
    let held = match name {
        "twins" if matches.get_flag("exhaustive") => everything(matches),
        "twins" if matches.get_flag("sample") => sample(matches),
        "twins" => twins(matches),
        "forks" => forks(matches),
        "model" => model(matches),
        _ => false,
    };
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn count(matches: &ArgMatches, name: &str) -> u64 {
    matches.get_one::<u64>(name).copied().unwrap_or(0)
}

fn size(matches: &ArgMatches, name: &str) -> usize {
    usize::try_from(count(matches, name)).unwrap_or(usize::MAX)
}

fn sweep(matches: &ArgMatches) -> Sweep {
    Sweep {
        seeds: matches.get_one::<Range<u64>>("seeds").cloned().unwrap_or(0..0),
        threads: size(matches, "threads"),
        lasts: matches.get_one::<u64>("seconds").map(|s| Duration::from_secs(*s)),
        stop_after: size(matches, "stop-after"),
    }
}

/// Prints failures, each with the command that replays it.
fn report<T>(command: &str, swept: &Swept<T>, summary: impl Display) -> bool {
    for (seed, reason) in &swept.failed {
        println!("FAILED {reason}\n  replay  hnchain-simulator {command} --seed {seed} --trace");
    }
    println!("{} seeds held, {} failed; {summary}", swept.held.len(), swept.failed.len());
    swept.failed.is_empty()
}

/// One seed, in words.
fn told<T: std::fmt::Debug, E: Display>(matches: &ArgMatches, outcome: (Result<T, E>, Vec<String>)) -> bool {
    let (result, lines) = outcome;
    let from = if matches.get_flag("trace") { 0 } else { lines.len().saturating_sub(TRANSCRIPT) };
    lines[from..].iter().for_each(|line| println!("{line}"));
    match &result {
        Ok(value) => println!("held: {value:?}"),
        Err(violation) => println!("FAILED {violation}"),
    }
    result.is_ok()
}

fn everything(matches: &ArgMatches) -> bool {
    let rounds = size(matches, "rounds").clamp(1, ROUNDS);
    match Exhaustive::new(rounds).play(size(matches, "threads")) {
        Ok(tally) => {
            println!(
                "{} scenarios hold: {} rounds played, distinct states after each {:?}, longest healing {} ms",
                tally.scenarios, tally.rounds, tally.states, tally.longest_heal_ms
            );
            true
        }
        Err(failures) => {
            failures.iter().for_each(|failure| println!("FAILED {failure}"));
            false
        }
    }
}

fn sample(matches: &ArgMatches) -> bool {
    let settings = exhaustive::settings();
    let swept = sweep(matches).play(|| {
        let cast = Cast::of(exhaustive::N);
        let settings = &settings;
        move |seed| {
            let scenario = exhaustive::Scenario::sample(&mut Random(seed), settings);
            scenario.play(&cast).map_err(|violation| format!("{violation} in {scenario:?}"))
        }
    });
    let longest = swept.held.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    report("twins --sample", &swept, format!("longest healing {longest} ms"))
}

fn twins(matches: &ArgMatches) -> bool {
    if let Some(seed) = matches.get_one::<u64>("seed") {
        let scenario = Scenario::draw(*seed);
        println!("{scenario:?}");
        return told(matches, scenario.play_with(&Casts::default(), true));
    }
    let casts = Casts::default();
    let swept = sweep(matches).play(|| {
        let casts = casts.clone();
        move |seed| {
            let scenario = Scenario::draw(seed);
            scenario.play(&casts).map_err(|violation| format!("{violation} in {scenario:?}"))
        }
    });
    let longest = swept.held.iter().map(|(_, played)| played.heal_ms).max().unwrap_or(0);
    let views: u64 = swept.held.iter().map(|(_, played)| played.views).sum();
    let evidence: usize = swept.held.iter().map(|(_, played)| played.evidence).sum();
    report("twins", &swept, format!("{views} views, {evidence} equivocations reported, longest healing {longest} ms"))
}

fn forks(matches: &ArgMatches) -> bool {
    if let Some(seed) = matches.get_one::<u64>("seed") {
        let attack = Attack::draw(*seed);
        println!("{attack:?}");
        return told(matches, attack.play_with(&Casts::default(), true));
    }
    let casts = Casts::default();
    let swept = sweep(matches).play(|| {
        let casts = casts.clone();
        move |seed| {
            let attack = Attack::draw(seed);
            attack.play(&casts).map_err(|violation| format!("{violation} in {attack:?}"))
        }
    });
    let across = swept.held.iter().filter(|(_, verdict)| verdict.views.0 != verdict.views.1).count();
    report("forks", &swept, format!("each forked and convicted f + 1 liars or more; {across} across views"))
}

fn model(matches: &ArgMatches) -> bool {
    let bounds = Bounds {
        walks: count(matches, "walks"),
        steps: count(matches, "steps"),
        depth: size(matches, "depth"),
        states: size(matches, "states"),
        threads: size(matches, "threads"),
    };
    let checked = Views::new(bounds).check();
    checked.broken.iter().for_each(|broken| println!("FAILED {broken}"));
    println!("{} states, {} generated; reached: {}", checked.states, checked.generated, checked.reached.join(", "));
    checked.broken.is_empty()
}
