//! A network namespace for each node. Every pair has a cable of its own, so what happens to it is a rule on one interface
//! and needs no classifier; one more cable leads from each node to us, for its clients.
//!
//! Loss and partition drop real packets on arrival (nftables), delay and width are netem's at departure. Kernels without
//! netem say so: then [`super::Wires::shapes`] is false and the relays have to do it.

use super::Condition;
use super::janitor::{Janitor, run};
use crate::setup::Place;
use crate::{Error, Launch};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

/// Ports are free in a namespace of one's own.
const RPC_PORT: u16 = 9101;
/// The same for peers.
const PEER_PORT: u16 = 9201;

/// The namespaces; removed when dropped, and also when this process is killed.
#[derive(Debug)]
pub struct Namespaces {
    nodes: usize,
    tag: u16,
    netem: bool,
    /// By sender and receiver; good links are not in it.
    conditions: BTreeMap<(usize, usize), Condition>,
    _janitor: Janitor,
}

impl Namespaces {
    /// Makes the namespaces and their cables.
    ///
    /// # Errors
    /// Not root, or `ip` or `nft` is missing or refuses.
    pub fn create(nodes: usize) -> Result<Self, Error> {
        let tag = free_tag()?;
        let names: Vec<String> = (0..nodes).map(|i| name(tag, i)).collect();
        let arguments: Vec<&str> = names.iter().map(String::as_str).collect();
        let janitor = Janitor::new("for name; do ip netns del \"$name\"; done", &arguments)?;
        let mut made = Self { nodes, tag, netem: false, conditions: BTreeMap::new(), _janitor: janitor };
        for node in 0..nodes {
            made.add(node)?;
        }
        for (a, b) in (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b))) {
            made.connect(a, b)?;
        }
        if nodes > 0 {
            made.ip(0, "link set lo up")?;
            made.inside(0, &["nft", "list", "tables"], "")?;
            made.netem =
                made.inside(0, &["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "0ms"], "").is_ok();
            if made.netem {
                made.inside(0, &["tc", "qdisc", "del", "dev", "lo", "root"], "")?;
            }
        }
        Ok(made)
    }

    /// Whether the kernel can delay packets.
    #[must_use]
    pub const fn netem(&self) -> bool {
        self.netem
    }

    /// Where each node listens and how it reaches the others.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let peer = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PEER_PORT));
        let reach = |from: usize, to: usize| if from == to { peer } else { (cable(from, to).1, PEER_PORT).into() };
        (0..self.nodes)
            .map(|node| Place {
                rpc: (self.outside(node).1, RPC_PORT).into(),
                peer,
                reaches: (0..self.nodes).map(|to| reach(node, to)).collect(),
            })
            .collect()
    }

    /// Starts a process inside a node's namespace.
    #[must_use]
    pub fn launch(&self, node: usize) -> Launch {
        let words = ["ip", "netns", "exec", &name(self.tag, node)];
        Launch { prefix: words.map(Into::into).to_vec(), environment: Vec::new() }
    }

    /// Sets the condition of what `from` sends `to`.
    ///
    /// # Errors
    /// The tools refuse, or the condition needs netem and the kernel has none.
    pub fn set(&mut self, from: usize, to: usize, condition: Condition) -> Result<(), Error> {
        let shaped = |c: &Condition| !c.delay.is_zero() || c.bytes_per_second > 0;
        if shaped(&condition) && !self.netem {
            return Err(Error::Fault("this kernel has no netem; use relays for delay and width".into()));
        }
        let before = if condition == Condition::default() {
            self.conditions.remove(&(from, to))
        } else {
            self.conditions.insert((from, to), condition)
        };
        self.filter(to)?;
        match (shaped(&condition), before.is_some_and(|b| shaped(&b))) {
            (true, _) => self.shape(from, to, &condition),
            (false, true) => {
                self.inside(from, &["tc", "qdisc", "del", "dev", &format!("p{to}"), "root"], "").map(|_| ())
            }
            (false, false) => Ok(()),
        }
    }

    /// Makes every link good.
    ///
    /// # Errors
    /// The tools refuse.
    pub fn heal(&mut self) -> Result<(), Error> {
        let bad: Vec<_> = self.conditions.keys().copied().collect();
        bad.into_iter().try_for_each(|(from, to)| self.set(from, to, Condition::default()))
    }

    /// Replaces the rules on arrival at a node.
    fn filter(&self, to: usize) -> Result<(), Error> {
        // Naming a table makes it, so that deleting it works the first time too.
        let mut rules =
            String::from("table inet faults {}\ndelete table inet faults\ntable inet faults { chain arrivals {\n");
        rules.push_str("type filter hook input priority 0; policy accept;\n");
        for ((from, _), condition) in self.conditions.iter().filter(|((_, t), _)| *t == to) {
            let drops = match condition {
                Condition { cut: true, .. } => "drop".to_owned(),
                Condition { loss_percent: percent @ 1.., .. } => format!("numgen random mod 100 < {percent} drop"),
                _ => continue,
            };
            // Writing to a string cannot fail.
            let _written = writeln!(rules, "iifname \"p{from}\" {drops}");
        }
        rules.push_str("}\n}\n");
        self.inside(to, &["nft", "-f", "-"], &rules).map(|_| ())
    }

    fn shape(&self, from: usize, to: usize, condition: &Condition) -> Result<(), Error> {
        let device = format!("p{to}");
        let delay = format!("{}ms", condition.delay.as_millis());
        let rate = format!("{}bit", u64::from(condition.bytes_per_second) * 8);
        let mut words = vec!["tc", "qdisc", "replace", "dev", &device, "root", "netem", "delay", &delay];
        if condition.bytes_per_second > 0 {
            words.extend(["rate", &rate]);
        }
        self.inside(from, &words, "").map(|_| ())
    }

    fn add(&self, node: usize) -> Result<(), Error> {
        let space = name(self.tag, node);
        run("ip", &["netns", "add", &space], "")?;
        let (host, own) = self.outside(node);
        let device = format!("{space}h");
        run("ip", &["link", "add", &device, "type", "veth", "peer", "name", "out", "netns", &space], "")?;
        run("ip", &["address", "add", &format!("{host}/31"), "dev", &device], "")?;
        run("ip", &["link", "set", &device, "up"], "")?;
        self.ip(node, &format!("address add {own}/31 dev out"))?;
        self.ip(node, "link set out up")
    }

    /// The cable between two nodes: `p<other>` at each end.
    fn connect(&self, a: usize, b: usize) -> Result<(), Error> {
        self.ip(a, &format!("link add p{b} type veth peer name p{a} netns {}", name(self.tag, b)))?;
        for (node, other) in [(a, b), (b, a)] {
            self.ip(node, &format!("address add {}/31 dev p{other}", cable(node, other).0))?;
            self.ip(node, &format!("link set p{other} up"))?;
        }
        Ok(())
    }

    /// `ip` on a namespace's interfaces.
    fn ip(&self, node: usize, words: &str) -> Result<(), Error> {
        let space = name(self.tag, node);
        let words: Vec<&str> = ["-n", &space].into_iter().chain(words.split(' ')).collect();
        run("ip", &words, "").map(|_| ())
    }

    fn inside(&self, node: usize, words: &[&str], input: &str) -> Result<String, Error> {
        let space = name(self.tag, node);
        let words: Vec<&str> = ["netns", "exec", &space].into_iter().chain(words.iter().copied()).collect();
        run("ip", &words, input)
    }

    /// Addresses of the cable to the outside: ours and the node's.
    fn outside(&self, node: usize) -> (Ipv4Addr, Ipv4Addr) {
        let [_, second] = network(self.tag);
        let third = u8::try_from(node).unwrap_or(u8::MAX);
        (Ipv4Addr::new(10, second, third, 0), Ipv4Addr::new(10, second, third, 1))
    }
}

/// Own and other address on the cable between two nodes; they are known inside the namespaces only.
fn cable(own: usize, other: usize) -> (Ipv4Addr, Ipv4Addr) {
    let (low, high) = (own.min(other), own.max(other));
    let pair = high * (high - 1) / 2 + low;
    let third = u8::try_from(pair / 128).unwrap_or(u8::MAX);
    let fourth = u8::try_from(pair % 128 * 2).unwrap_or(u8::MAX - 1);
    let (first, second) = (Ipv4Addr::new(172, 31, third, fourth), Ipv4Addr::new(172, 31, third, fourth + 1));
    if own == low { (first, second) } else { (second, first) }
}

/// Interface names have at most fifteen characters: `hnXXXXnNNh` fits.
fn name(tag: u16, node: usize) -> String {
    format!("hn{tag:04x}n{node}")
}

/// `10.x`, x from 64 to 191, by tag.
fn network(tag: u16) -> [u8; 2] {
    [10, 64 + (tag % 128).to_le_bytes()[0]]
}

/// A tag whose addresses nobody on this machine uses.
fn free_tag() -> Result<u16, Error> {
    for _ in 0..64 {
        let mut random = [0u8; 2];
        getrandom::fill(&mut random).map_err(|e| Error::Fault(format!("no random bytes: {e}")))?;
        let tag = u16::from_le_bytes(random);
        let [first, second] = network(tag);
        if run("ip", &["-4", "-o", "address", "show", "to", &format!("{first}.{second}.0.0/16")], "")?.is_empty() {
            return Ok(tag);
        }
    }
    Err(Error::Fault("no free addresses 10.64.0.0 to 10.191.255.255 are left".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn cables_have_two_ends_and_no_address_twice() {
        let mut seen = BTreeSet::new();
        for (a, b) in (0..31).flat_map(|b| (0..b).map(move |a| (a, b))) {
            let (own, other) = cable(a, b);
            assert_eq!(cable(b, a), (other, own));
            assert!(seen.insert(own) && seen.insert(other), "{a} {b}");
        }
        assert!(name(u16::MAX, 30).len() < 15);
    }
}
