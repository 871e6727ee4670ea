//! What a simulation is made of: its size and its faults. Everything is drawn from the seed, printed as command-line
//! flags, and can be set by them.

use crate::random::Random;
use std::fmt;

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $calm:expr,)*) => {
        /// Sizes and faults of one simulation. Shares are in percent unless a field says otherwise.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Options {
            /// Where all chance comes from.
            pub seed: u64,
            $($(#[doc = $doc])+ pub $name: u64,)*
        }

        impl Options {
            /// A small cluster without faults.
            #[must_use]
            pub const fn calm(seed: u64) -> Self {
                Self { seed, $($name: $calm,)* }
            }

            /// Names of all options but the seed, with what they mean.
            pub const FIELDS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($name), concat!($($doc),+)),)*];

            /// The value of an option.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
                    _ => None,
                }
            }

            /// Sets an option; false where there is none of this name.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

options! {
    /// Validators of the first epoch.
    nodes: 4,
    /// Nodes that are no validators at first.
    joiners: 0,
    /// The faults end when a view of this number is reached,
    views: 200,
    /// or after this many rounds, each with other conditions,
    rounds: 400,
    /// or after this many events (0: no bound).
    steps: 0,
    /// Longest round, milliseconds.
    round_ms: 600,
    /// 1: real SM2 signatures.
    real: 0,
    /// Δ, milliseconds.
    delta_ms: 150,
    /// Heartbeat, milliseconds.
    heartbeat_ms: 4_000,
    /// Shortest delay of a message, microseconds.
    delay_min_us: 300,
    /// Longest delay of a message, microseconds.
    delay_max_us: 3_000,
    /// 1: each link keeps its order, as TCP does.
    ordered: 0,
    /// Messages lost.
    loss: 0,
    /// Messages that come twice.
    duplicate: 0,
    /// Messages whose bytes are changed or cut, per thousand.
    corrupt: 0,
    /// Rounds in which delays exceed Δ.
    slow: 0,
    /// By how many Δ at most.
    slow_deltas: 10,
    /// Rounds with a partition.
    partition: 0,
    /// Rounds in which links clog for up to five seconds.
    clog: 0,
    /// Links that are made anew when a partition ends.
    relink: 50,
    /// Rounds in which a node crashes.
    crash: 0,
    /// Rounds in which all crash.
    crash_all: 0,
    /// Rounds in which a node crashes again and again.
    storm: 0,
    /// Rounds in which a node stands still for up to two seconds.
    pause: 0,
    /// A journal sync, microseconds.
    disk_us: 200,
    /// Nodes whose disk is slow.
    slow_disk: 0,
    /// A sync of a slow disk, microseconds at most.
    slow_disk_us: 80_000,
    /// Crashes that leave a torn or reordered end of the journal.
    torn: 0,
    /// Crashes after which older bytes of the journal are wrong: a flipped bit or a misdirected write.
    damage: 0,
    /// Crashes after which the disk is gone.
    lost_disk: 0,
    /// Rounds in which a disk is full.
    full_disk: 0,
    /// The journal is rewritten beyond this size, bytes.
    rewrite_bytes: 33_554_432,
    /// Wall clocks are wrong by at most this, milliseconds.
    skew_ms: 0,
    /// Rounds in which a wall clock jumps.
    jump: 0,
    /// What a node needs for each event, microseconds.
    turn_us: 5,
    /// Nodes that are slow.
    slow_nodes: 0,
    /// What a slow node needs for each event, microseconds at most.
    slow_turn_us: 3_000,
    /// Executing a block, microseconds at most.
    execution_us: 300,
    /// Judging a payload, microseconds at most.
    judging_us: 300,
    /// 1: each node executes each block; 0: only one of them and the reference do.
    each_executes: 0,
    /// Clients.
    clients: 2,
    /// A client submits about this often, milliseconds.
    interval_ms: 25,
    /// Rounds in which clients are idle.
    idle: 0,
    /// Rounds in which the validator set is changed.
    change: 0,
    /// 1: a node is away from the beginning to the end.
    away: 0,
    /// Validators that are run twice.
    twins: 0,
    /// Validators that propose nothing.
    silent: 0,
    /// Validators that propose late.
    late: 0,
    /// Validators that leave a client's transactions out.
    censors: 0,
    /// Validators that tell only some of the others.
    withholders: 0,
    /// Validators that say different things to different peers.
    equivocators: 0,
    /// Validators that say old things again.
    replayers: 0,
    /// Validators that vote in all views to come.
    flooders: 0,
    /// Validators that serve false blocks and certify false results.
    liars: 0,
    /// 1: a planted bug: votes are sent before they are durable.
    bug_no_sync: 0,
}

/// How often sizes come up, in percent.
const SIZES: [(u64, u64); 11] =
    [(4, 40), (1, 5), (2, 4), (3, 6), (5, 12), (6, 5), (7, 16), (10, 6), (13, 4), (19, 1), (31, 1)];

/// Kinds of adversaries.
const KINDS: [&str; 9] =
    ["twins", "silent", "late", "censors", "withholders", "equivocators", "replayers", "flooders", "liars"];

impl Options {
    /// Draws everything from the seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut r = Random(seed ^ 0x6f70_7469_6f6e_7331);
        let mut o = Self::calm(seed);
        o.nodes = size(&mut r);
        o.views = match o.nodes {
            0..=7 => 220,
            8..=13 => 100,
            _ => 40,
        };
        o.real = u64::from(seed % 50 == 49);
        if o.real == 1 {
            o.nodes = o.nodes.min(7);
            o.views = 60;
        }
        o.draw_network(&mut r);
        o.draw_crashes(&mut r);
        o.draw_pace(&mut r);
        o.draw_adversaries(&mut r);
        o
    }

    fn draw_network(&mut self, r: &mut Random) {
        self.delay_max_us = one_of(r, &[500, 2_000, 10_000, 40_000]);
        self.ordered = r.below(2);
        self.loss = one_of(r, &[0, 0, 1, 5, 15, 30]);
        self.duplicate = one_of(r, &[0, 0, 5, 20, 50]);
        self.corrupt = one_of(r, &[0, 0, 1, 10]);
        self.slow = one_of(r, &[0, 0, 5, 20]);
        self.partition = one_of(r, &[0, 5, 15, 30]);
        self.clog = one_of(r, &[0, 0, 5, 10]);
        self.relink = one_of(r, &[0, 50, 100]);
    }

    fn draw_crashes(&mut self, r: &mut Random) {
        self.crash = one_of(r, &[0, 5, 15, 40]);
        self.crash_all = one_of(r, &[0, 0, 1, 4]);
        self.storm = one_of(r, &[0, 0, 2, 5]);
        self.pause = one_of(r, &[0, 0, 5, 15]);
        self.torn = one_of(r, &[0, 30, 80]);
        self.damage = one_of(r, &[0, 0, 5]);
        self.lost_disk = one_of(r, &[0, 0, 5]);
        self.full_disk = one_of(r, &[0, 0, 0, 5]);
        self.rewrite_bytes = one_of(r, &[4_096, 16_384, 65_536]);
        self.disk_us = one_of(r, &[0, 200, 1_000, 8_000]);
        self.slow_disk = one_of(r, &[0, 0, 25, 50]);
    }

    fn draw_pace(&mut self, r: &mut Random) {
        self.skew_ms = one_of(r, &[0, 50, 500]);
        self.jump = one_of(r, &[0, 0, 5]);
        self.slow_nodes = one_of(r, &[0, 0, 25, 50]);
        self.execution_us = one_of(r, &[100, 1_000, 20_000, 60_000]);
        self.each_executes = one_of(r, &[0, 0, 0, 1]);
        self.judging_us = one_of(r, &[100, 2_000, 20_000]);
        self.delta_ms = one_of(r, &[50, 150, 150, 400]);
        self.clients = 1 + r.below(3);
        self.interval_ms = one_of(r, &[10, 40, 120]);
        self.idle = one_of(r, &[0, 5, 20]);
        self.change = one_of(r, &[0, 0, 3, 10]);
        self.joiners = if self.change > 0 { r.below(4) } else { 0 };
        self.away = u64::from(self.nodes >= 4 && r.chance(10));
    }

    fn draw_adversaries(&mut self, r: &mut Random) {
        let room = self.faults() - self.away;
        if r.chance(50) {
            for _ in 0..room {
                let kind = r.pick(&KINDS).copied().unwrap_or_default();
                let have = self.get(kind).unwrap_or(0);
                self.set(kind, have + 1);
            }
        }
    }

    /// f of the first validator set.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        self.nodes.saturating_sub(1) / 3
    }

    /// Validators that are under an adversary's control.
    #[must_use]
    pub fn adversaries(&self) -> u64 {
        KINDS.iter().filter_map(|k| self.get(k)).sum()
    }

    /// Names of the options that differ from a calm cluster's.
    #[must_use]
    pub fn differing(&self) -> Vec<&'static str> {
        let calm = Self::calm(self.seed);
        Self::FIELDS.iter().map(|(n, _)| *n).filter(|n| self.get(n) != calm.get(n)).collect()
    }

    /// Reads flags as [`fmt::Display`] prints them.
    ///
    /// # Errors
    /// An unknown flag, or one without a number.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let mut options = Self::calm(0);
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("a flag is expected, not {word}"))?;
            let value = words.next().and_then(|v| v.parse().ok()).ok_or_else(|| format!("{word} needs a number"))?;
            if name == "seed" {
                options.seed = value;
            } else if name != "calm" && !options.set(&name.replace('-', "_"), value) {
                return Err(format!("there is no option {word}"));
            }
        }
        Ok(options)
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {}", self.seed)?;
        for name in self.differing() {
            write!(f, " --{} {}", name.replace('_', "-"), self.get(name).unwrap_or(0))?;
        }
        Ok(())
    }
}

fn one_of(r: &mut Random, values: &[u64]) -> u64 {
    r.pick(values).copied().unwrap_or_default()
}

fn size(r: &mut Random) -> u64 {
    let mut at = r.below(SIZES.iter().map(|(_, share)| share).sum());
    for (n, share) in SIZES {
        if at < share {
            return n;
        }
        at -= share;
    }
    4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read_again() {
        for seed in 0..200 {
            let options = Options::draw(seed);
            assert_eq!(Options::parse(&options.to_string()), Ok(options));
        }
        assert!(Options::parse("--wings 2").is_err());
        assert!(Options::parse("--loss").is_err());
    }

    #[test]
    fn never_more_adversaries_than_the_protocol_tolerates() {
        for seed in 0..5_000 {
            let options = Options::draw(seed);
            assert!(options.adversaries() + options.away <= options.faults(), "{options}");
        }
    }
}
