//! The runner: breaks samples until something breaks.

use crate::corpus::{self, Sample};
use crate::examine::Seen;
use crate::mutate::mutate;
use crate::{Failure, Random, Target, examine};
use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Most accepted inputs, and most refused ones, that are kept to be broken further.
const KEPT: usize = 1_024;
/// Largest input that is kept.
const KEPT_BYTES: usize = 64 * 1024;
/// Most different refusals that are remembered.
const REFUSALS: usize = 16_384;
/// Characters of a refusal that are compared.
const WORDS: usize = 200;

/// How long, from where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the random numbers begin.
    pub seed: u64,
    /// Longest time.
    pub seconds: Option<u64>,
    /// Most inputs.
    pub runs: Option<u64>,
    /// Folder for the input that is being read, so that it survives when the process does not. None is written where this
    /// is `None`.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, seconds: None, runs: Some(1_000), folder: None }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Inputs read.
    pub runs: u64,
    /// Inputs that were accepted.
    pub accepted: u64,
    /// Different refusals.
    pub refusals: usize,
    /// Inputs that were kept.
    pub kept: usize,
    /// Longest time of one input.
    pub slowest: Duration,
    /// Most memory of one input.
    pub memory: usize,
}

/// An input that broke something.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The input.
    pub input: Vec<u8>,
    /// What broke.
    pub failure: Failure,
    /// How many inputs were read before.
    pub after: u64,
}

/// Breaks the samples of a target until the end of time, of inputs, or of patience.
///
/// # Errors
/// The first input that breaks something.
///
/// # Panics
/// The target has no samples, or the folder cannot be written.
pub fn run(target: &Target, options: &Options) -> Result<Summary, Box<Finding>> {
    let mut pool = Pool::new(target);
    let mut random = Random::new(options.seed);
    let mut summary = Summary::default();
    let desk = Desk::new(target, options);
    let start = Instant::now();
    let more = |runs: u64| {
        options.runs.is_none_or(|most| runs < most)
            && options.seconds.is_none_or(|s| start.elapsed() < Duration::from_secs(s))
    };
    while more(summary.runs) {
        let input = pool.next(target, summary.runs, &mut random);
        desk.put(&input);
        let seen = examine(target, &input)
            .map_err(|failure| Box::new(Finding { input: input.clone(), failure, after: summary.runs }))?;
        summary.runs += 1;
        summary.accepted += u64::from(seen.outcome.is_ok());
        summary.slowest = summary.slowest.max(seen.time);
        summary.memory = summary.memory.max(seen.memory);
        pool.keep(input, &seen, &mut random);
    }
    desk.clear();
    summary.refusals = pool.heard.len();
    summary.kept = pool.accepted.len() + pool.refused.len();
    Ok(summary)
}

/// What inputs are made from.
struct Pool {
    samples: Vec<Vec<u8>>,
    /// Some of those that were accepted.
    accepted: Vec<Vec<u8>>,
    /// Those that were refused in new words.
    refused: Vec<Vec<u8>>,
    /// Refusals without their numbers.
    heard: HashSet<String>,
}

impl Pool {
    fn new(target: &Target) -> Self {
        let samples: Vec<_> = corpus::samples(target.name).into_iter().map(|Sample { bytes, .. }| bytes).collect();
        assert!(!samples.is_empty(), "{} has no samples", target.name);
        Self { samples, accepted: Vec::new(), refused: Vec::new(), heard: HashSet::new() }
    }

    /// The samples as they are, then broken ones.
    fn next(&self, target: &Target, run: u64, random: &mut Random) -> Vec<u8> {
        if let Some(sample) = usize::try_from(run).ok().and_then(|r| self.samples.get(r)) {
            return sample.clone();
        }
        let (base, other) = (self.pick(random), self.pick(random));
        let broken = mutate(target.format, base, other, random);
        match target.repair {
            Some(repair) if !random.once_in(4) => repair(&broken).unwrap_or(broken),
            _ => broken,
        }
    }

    fn pick(&self, random: &mut Random) -> &[u8] {
        let kind = match random.below(4) {
            0 if !self.refused.is_empty() => &self.refused,
            1 if !self.accepted.is_empty() => &self.accepted,
            _ => &self.samples,
        };
        &kind[random.below(kind.len())]
    }

    /// Keeps what was refused in words not heard before, and now and then what was accepted.
    fn keep(&mut self, input: Vec<u8>, seen: &Seen, random: &mut Random) {
        let list = match &seen.outcome {
            Ok(()) if random.once_in(16) => &mut self.accepted,
            Ok(()) => return,
            Err(why) => {
                let words = why.chars().filter(|c| !c.is_ascii_digit()).take(WORDS).collect();
                if self.heard.len() >= REFUSALS || !self.heard.insert(words) {
                    return;
                }
                &mut self.refused
            }
        };
        if input.len() > KEPT_BYTES {
            return;
        }
        if list.len() < KEPT {
            list.push(input);
        } else {
            list[random.below(KEPT)] = input;
        }
    }
}

/// Where the input lies while it is read.
struct Desk {
    open: Option<(File, PathBuf)>,
}

impl Desk {
    fn new(target: &Target, options: &Options) -> Self {
        let open = options.folder.as_ref().map(|folder| {
            std::fs::create_dir_all(folder).expect("the folder for findings can be made");
            let path = folder.join(format!("{}.reading", target.name));
            (File::create(&path).expect("the folder for findings can be written"), path)
        });
        Self { open }
    }

    fn put(&self, input: &[u8]) {
        use std::os::unix::fs::FileExt;
        if let Some((file, _)) = &self.open {
            let written = file.write_all_at(input, 0).and_then(|()| file.set_len(input.len() as u64));
            written.expect("the folder for findings can be written");
        }
    }

    fn clear(self) {
        if let Some((_, path)) = self.open {
            std::fs::remove_file(path).expect("the folder for findings can be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_runs_the_same_way() {
        let target = Target::named("header").expect("there is one");
        let run = |seed| {
            let summary =
                run(target, &Options { seed, runs: Some(500), ..Options::default() }).expect("nothing breaks");
            (summary.accepted, summary.refusals, summary.kept)
        };
        assert_eq!(run(3), run(3));
    }

    #[test]
    fn what_breaks_is_found_and_given() {
        let broken = Target {
            name: "header",
            format: crate::Format::Protobuf,
            cost: 1,
            run: |input| {
                assert!(input.first() != Some(&0xff), "the fault");
                Err("no".to_owned())
            },
            repair: None,
        };
        let options = Options { runs: Some(1_000_000), ..Options::default() };
        let finding = run(&broken, &options).expect_err("it is found");
        assert_eq!(finding.input.first(), Some(&0xff));
        let small = crate::minimize(&broken, &finding.input, &finding.failure);
        assert_eq!(small, [0xff]);
    }
}
