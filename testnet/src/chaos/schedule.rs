//! What happens to a network, and when: all of it follows from a seed.

use crate::Dice;
use clap::ValueEnum;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Kinds of faults that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// kill -9 of one, f or all nodes
    Kill,
    /// SIGSTOP of one or all nodes
    Pause,
    /// Some nodes hear, or are heard by, nobody
    Partition,
    /// Slow links of some nodes
    Delay,
    /// Lossy links of some nodes
    Loss,
    /// Narrow links of some nodes
    Width,
    /// A wrong wall clock
    Clock,
    /// A full disk
    Disk,
    /// Somebody else has a node's ports
    Port,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// kill -9; started again at the end.
    Crash {
        /// Whom.
        nodes: Vec<usize>,
    },
    /// SIGSTOP; SIGCONT at the end.
    Freeze {
        /// Whom.
        nodes: Vec<usize>,
    },
    /// Nothing passes between these and the others.
    Split {
        /// One side.
        nodes: Vec<usize>,
        /// Only what these nodes send is lost.
        one_way: bool,
    },
    /// Everything that these nodes send and get is late.
    SlowLinks {
        /// Whose.
        nodes: Vec<usize>,
        /// By so much.
        milliseconds: u64,
    },
    /// So much of what these nodes send and get is lost and sent again.
    LossyLinks {
        /// Whose.
        nodes: Vec<usize>,
        /// Percent of packets.
        percent: u8,
    },
    /// Each link of these nodes carries only so much.
    NarrowLinks {
        /// Whose.
        nodes: Vec<usize>,
        /// Kilobytes a second.
        kilobytes: u32,
    },
    /// The wall clock jumps, and back at the end.
    WrongClock {
        /// Whose.
        node: usize,
        /// Ahead, or behind if negative.
        seconds: i64,
    },
    /// Nothing more fits on the disk.
    FullDisk {
        /// Whose.
        node: usize,
    },
    /// The node is killed, and when it starts again its ports are taken.
    PortTheft {
        /// Whose.
        node: usize,
    },
}

impl Fault {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Crash { .. } => Kind::Kill,
            Self::Freeze { .. } => Kind::Pause,
            Self::Split { .. } => Kind::Partition,
            Self::SlowLinks { .. } => Kind::Delay,
            Self::LossyLinks { .. } => Kind::Loss,
            Self::NarrowLinks { .. } => Kind::Width,
            Self::WrongClock { .. } => Kind::Clock,
            Self::FullDisk { .. } => Kind::Disk,
            Self::PortTheft { .. } => Kind::Port,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { nodes } => write!(f, "kill -9 {nodes:?}"),
            Self::Freeze { nodes } => write!(f, "SIGSTOP {nodes:?}"),
            Self::Split { nodes, one_way: false } => write!(f, "partition {nodes:?} | rest"),
            Self::Split { nodes, one_way: true } => write!(f, "{nodes:?} hear but are not heard"),
            Self::SlowLinks { nodes, milliseconds } => write!(f, "links of {nodes:?} late by {milliseconds} ms"),
            Self::LossyLinks { nodes, percent } => write!(f, "links of {nodes:?} lose {percent} %"),
            Self::NarrowLinks { nodes, kilobytes } => write!(f, "links of {nodes:?} carry {kilobytes} kB/s"),
            Self::WrongClock { node, seconds } => write!(f, "clock of node{node} off by {seconds:+} s"),
            Self::FullDisk { node } => write!(f, "disk of node{node} full"),
            Self::PortTheft { node } => write!(f, "ports of node{node} taken"),
        }
    }
}

/// A fault with its times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Perturbation {
    /// Calm before it.
    pub calm: Duration,
    /// The fault.
    pub fault: Fault,
    /// How long it lasts.
    pub length: Duration,
}

/// Perturbations whose times add up to `total`. The same arguments give the same ones.
#[must_use]
pub fn schedule(seed: u64, nodes: usize, kinds: &[Kind], total: Duration) -> Vec<Perturbation> {
    let mut dice = Dice::new(seed);
    let mut list = Vec::new();
    let mut time = Duration::ZERO;
    while time < total && !kinds.is_empty() {
        let calm = Duration::from_millis(dice.between(1_000, 4_000));
        let kind = kinds[dice.index(kinds.len())];
        let fault = draw(&mut dice, nodes, kind);
        // Links are given up after eight seconds of silence: some partitions have to outlast that.
        let longest = if kind == Kind::Partition { 14_000 } else { 6_000 };
        let length = Duration::from_millis(dice.between(500, longest));
        time += calm + length;
        list.push(Perturbation { calm, fault, length });
    }
    list
}

/// A fault of a kind. Faulty at the same time are at most f nodes, or so many that the chain has to wait: all, or half.
fn draw(dice: &mut Dice, nodes: usize, kind: Kind) -> Fault {
    let f = (nodes.saturating_sub(1) / 3).max(1);
    match kind {
        Kind::Kill => {
            let count = [1, f, nodes][dice.index(3)];
            Fault::Crash { nodes: dice.some(count, nodes) }
        }
        Kind::Pause => {
            let count = [1, f, nodes][dice.index(3)];
            Fault::Freeze { nodes: dice.some(count, nodes) }
        }
        Kind::Partition => {
            let count = [1, f, nodes / 2][dice.index(3)].max(1);
            let nodes = dice.some(count, nodes);
            Fault::Split { nodes, one_way: dice.below(3) == 0 }
        }
        Kind::Delay => {
            let count = dice.index(nodes) + 1;
            Fault::SlowLinks { nodes: dice.some(count, nodes), milliseconds: dice.between(20, 600) }
        }
        Kind::Loss => {
            let count = dice.index(nodes) + 1;
            let percent = u8::try_from(dice.between(2, 30)).unwrap_or(30);
            Fault::LossyLinks { nodes: dice.some(count, nodes), percent }
        }
        Kind::Width => {
            let count = dice.index(nodes) + 1;
            let kilobytes = u32::try_from(dice.between(8, 200)).unwrap_or(200);
            Fault::NarrowLinks { nodes: dice.some(count, nodes), kilobytes }
        }
        Kind::Clock => {
            let seconds = i64::try_from(dice.between(1, 120)).unwrap_or(120);
            Fault::WrongClock { node: dice.index(nodes), seconds: if dice.below(2) == 0 { seconds } else { -seconds } }
        }
        // The last node's is the one that can be filled.
        Kind::Disk => Fault::FullDisk { node: nodes.saturating_sub(1) },
        Kind::Port => Fault::PortTheft { node: dice.index(nodes) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_decides_everything_and_another_one_something_else() {
        let all = Kind::value_variants();
        let hour = Duration::from_secs(3600);
        let list = schedule(7, 4, all, hour);
        assert_eq!(list, schedule(7, 4, all, hour));
        assert_ne!(list, schedule(8, 4, all, hour));
        let drawn: BTreeSet<Kind> = list.iter().map(|p| p.fault.kind()).collect();
        assert_eq!(drawn, all.iter().copied().collect());
        assert!(list.iter().map(|p| p.calm + p.length).sum::<Duration>() >= hour);
    }

    #[test]
    fn only_chosen_kinds_are_drawn_and_none_gives_none() {
        let list = schedule(1, 7, &[Kind::Pause], Duration::from_secs(600));
        assert!(list.iter().all(|p| p.fault.kind() == Kind::Pause) && !list.is_empty());
        assert!(schedule(1, 7, &[], Duration::from_secs(600)).is_empty());
    }
}
