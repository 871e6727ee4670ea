//! The links between nodes, and how they fail.

use crate::options::Options;
use crate::random::Random;

/// Longest clog, microseconds.
const CLOG_US: u64 = 5_000_000;

/// What a link does with one message: when each copy arrives, after microseconds, and whether its bytes are damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) arrivals: [Option<(u64, bool)>; 2],
}

/// All links. Nodes are numbered; a link has a direction.
#[derive(Debug)]
pub(crate) struct Network {
    random: Random,
    nodes: usize,
    delay_min: u64,
    delay_max: u64,
    loss: u64,
    duplicate: u64,
    corrupt: u64,
    ordered: bool,
    blocked: Vec<bool>,
    /// Until when a link is clogged.
    clogged: Vec<u64>,
    /// When the last message of an ordered link arrives.
    last: Vec<u64>,
}

/// How a partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Two groups that do not hear each other.
    Groups,
    /// One group does not hear the other, but is heard.
    OneWay,
    /// Everyone hears only the neighbours in a ring.
    Ring,
    /// One node hears nobody and is not heard.
    Alone,
    /// Single links, each direction by itself.
    Scattered,
}

/// All kinds.
pub(crate) const CUTS: [Cut; 5] = [Cut::Groups, Cut::OneWay, Cut::Ring, Cut::Alone, Cut::Scattered];

impl Network {
    pub(crate) fn new(nodes: usize, options: &Options) -> Self {
        let links = nodes * nodes;
        let mut network = Self {
            random: Random(options.seed ^ 0x6e65_7477_6f72_6b00),
            nodes,
            delay_min: 0,
            delay_max: 0,
            loss: 0,
            duplicate: 0,
            corrupt: 0,
            ordered: options.ordered == 1,
            blocked: vec![false; links],
            clogged: vec![0; links],
            last: vec![0; links],
        };
        network.calm();
        network
    }

    /// No faults: delays far below Δ.
    pub(crate) fn calm(&mut self) {
        (self.delay_min, self.delay_max) = (300, 3_000);
        (self.loss, self.duplicate, self.corrupt) = (0, 0, 0);
        self.blocked.fill(false);
        self.clogged.fill(0);
        self.last.fill(0);
    }

    /// Faults as the options have them, and delays up to `delay_max` microseconds.
    pub(crate) fn rough(&mut self, options: &Options, delay_max: u64) {
        self.delay_min = options.delay_min_us.min(delay_max);
        self.delay_max = delay_max;
        self.loss = options.loss;
        self.duplicate = options.duplicate;
        self.corrupt = options.corrupt;
    }

    /// Cuts links.
    pub(crate) fn partition(&mut self, cut: Cut) {
        let n = self.nodes;
        let left: Vec<bool> = (0..n).map(|_| self.random.chance(50)).collect();
        let alone = self.random.index(n);
        for from in 0..n {
            for to in 0..n {
                let cut = match cut {
                    Cut::Groups => left[from] != left[to],
                    Cut::OneWay => left[from] && !left[to],
                    Cut::Ring => from.abs_diff(to) > 1 && from.abs_diff(to) < n - 1,
                    Cut::Alone => from == alone || to == alone,
                    Cut::Scattered => self.random.chance(30),
                };
                self.blocked[from * n + to] = cut && from != to;
            }
        }
    }

    /// Ends every partition. Gives the links that were cut.
    pub(crate) fn join(&mut self) -> Vec<(usize, usize)> {
        let n = self.nodes;
        let cut = (0..n * n).filter(|link| self.blocked[*link]).map(|link| (link / n, link % n)).collect();
        self.blocked.fill(false);
        cut
    }

    /// Clogs some links: what they carry arrives when the clog dissolves.
    pub(crate) fn clog(&mut self, now: u64) {
        for link in 0..self.nodes * self.nodes {
            if self.random.chance(20) {
                self.clogged[link] = now + self.random.below(CLOG_US);
            }
        }
    }

    /// The fate of a message that is sent now.
    pub(crate) fn carry(&mut self, now: u64, from: usize, to: usize) -> Fate {
        let link = from * self.nodes + to;
        let mut fate = Fate::default();
        if self.blocked[link] || self.random.chance(self.loss) {
            return fate;
        }
        let copies = 1 + usize::from(self.random.chance(self.duplicate));
        for arrival in fate.arrivals.iter_mut().take(copies) {
            let delay = self.delay_min + self.random.below(self.delay_max - self.delay_min + 1);
            let mut at = (now + delay).max(self.clogged[link]);
            if self.ordered {
                at = at.max(self.last[link] + 1);
                self.last[link] = at;
            }
            *arrival = Some((at, self.random.below(1_000) < self.corrupt));
        }
        fate
    }

    /// Changes a bit, cuts the end off or adds to it.
    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>) {
        match self.random.below(4) {
            0 => bytes.truncate(self.random.index(bytes.len())),
            1 => bytes.push(0),
            _ => {
                let at = self.random.index(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.random.below(8);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(network: &mut Network, from: usize, to: usize) -> usize {
        network.carry(0, from, to).arrivals.iter().flatten().count()
    }

    #[test]
    fn a_calm_network_delivers_everything_once() {
        let mut network = Network::new(3, &Options::calm(1));
        assert!((0..100).all(|_| arrivals(&mut network, 0, 1) == 1));
    }

    #[test]
    fn a_ring_carries_between_neighbours_only_until_it_is_joined() {
        let mut network = Network::new(5, &Options::calm(1));
        network.partition(Cut::Ring);
        assert_eq!([1, 2, 3, 4].map(|to| arrivals(&mut network, 0, to)), [1, 0, 0, 1]);
        assert_eq!(network.join().len(), 10);
        assert_eq!(arrivals(&mut network, 0, 2), 1);
    }

    #[test]
    fn an_ordered_link_keeps_its_order() {
        let options = Options { ordered: 1, ..Options::calm(1) };
        let mut network = Network::new(2, &options);
        let at: Vec<_> = (0..50).filter_map(|now| network.carry(now, 0, 1).arrivals[0]).map(|(at, _)| at).collect();
        assert!(at.is_sorted());
    }
}
