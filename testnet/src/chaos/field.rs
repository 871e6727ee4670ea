//! A network whose links, disks and clocks can be disturbed.

use super::{Fault, Kind, Options};
use crate::faults::{Condition, FullDisk, PortThief, Wires, WrongClock};
use crate::{Error, Launch, Lifetime, Network, Plan};
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long nodes may take to become ready, or to end: debug builds on a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// Lines of a log that tell why a node ended.
const LOG_LINES: usize = 15;

/// How the nodes are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Wiring {
    /// Through relays in user space; needs no rights
    Relays,
    /// Each node in a network namespace; needs root, `ip` and `nft`
    Namespaces,
}

/// The network and what can be done to it. Nodes end before what they stand on is removed.
#[derive(Debug)]
pub struct Field {
    network: Network,
    clocks: Vec<WrongClock>,
    disk: Option<FullDisk>,
    thief: Option<PortThief>,
    wires: Wires,
    /// Nodes that may not be running now.
    excused: BTreeSet<usize>,
    deaths: Vec<String>,
    /// Kinds that are possible, and those that are not with the reason.
    kinds: Vec<Kind>,
    impossible: Vec<String>,
}

impl Field {
    /// Makes the network without starting it.
    ///
    /// # Errors
    /// See [`Network::create`] and [`Wires`].
    pub async fn create(options: &Options) -> Result<Self, Error> {
        let n = options.nodes;
        let wires = match options.wiring {
            Wiring::Relays => Wires::relays(n, options.seed).await?,
            Wiring::Namespaces => Wires::namespaces(n)?,
        };
        let plan = Plan { places: Some(wires.places()), chain_id: "henan-chaos".into(), ..Plan::new(n) };
        let network = Network::create(&plan, &options.directory, Lifetime::Bound)?;
        let mut field = Self {
            network,
            clocks: Vec::new(),
            disk: None,
            thief: None,
            wires,
            excused: BTreeSet::new(),
            deaths: Vec::new(),
            kinds: Vec::new(),
            impossible: Vec::new(),
        };
        for kind in options.kinds.iter().collect::<BTreeSet<_>>() {
            match field.prepare(*kind)? {
                None => field.kinds.push(*kind),
                Some(why) => field.impossible.push(format!("{kind:?}: {why}").to_lowercase()),
            }
        }
        for node in 0..n {
            let disk = field.disk.as_ref().filter(|_| node + 1 == n).map(FullDisk::launch).unwrap_or_default();
            let clock = field.clocks.get(node).map(WrongClock::launch).unwrap_or_default();
            let launch: Launch = field.wires.launch(node).with(disk).with(clock);
            field.network.set_launch(node, launch);
        }
        Ok(field)
    }

    /// Makes a kind of fault possible, or says why it is not.
    fn prepare(&mut self, kind: Kind) -> Result<Option<&'static str>, Error> {
        match kind {
            Kind::Clock => {
                for node in 0..self.network.len() {
                    match WrongClock::prepare(&self.network.node_path(node, "clock.offset"))? {
                        Some(clock) => self.clocks.push(clock),
                        None => return Ok(Some("libfaketime is not installed")),
                    }
                }
            }
            Kind::Disk => {
                let data = self.network.node_path(self.network.len() - 1, "data");
                self.disk = Some(FullDisk::prepare(&data)?);
            }
            Kind::Delay | Kind::Width if !self.wires.shapes() => return Ok(Some("the kernel has no netem")),
            Kind::Port if matches!(self.wires, Wires::Namespaces(_)) => return Ok(Some("ports are private there")),
            _ => {}
        }
        Ok(None)
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to start and stop nodes.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Kinds of faults that can be caused here.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Kinds that were asked for and cannot be caused, with the reason.
    #[must_use]
    pub fn impossible(&self) -> &[String] {
        &self.impossible
    }

    /// How the nodes are connected, for reports.
    #[must_use]
    pub const fn wires(&self) -> &'static str {
        self.wires.name()
    }

    /// Nodes that ended although nothing was done to them that may end a node.
    #[must_use]
    pub fn deaths(&self) -> &[String] {
        &self.deaths
    }

    /// Starts all nodes and waits until they are ready.
    ///
    /// # Errors
    /// One does not become ready.
    pub async fn start(&mut self) -> Result<(), Error> {
        self.network.start_all()?;
        self.network.ready_all(PATIENCE).await
    }

    /// Causes a fault.
    ///
    /// # Errors
    /// It cannot be caused.
    pub async fn cause(&mut self, fault: &Fault) -> Result<(), Error> {
        match fault {
            Fault::Crash { nodes } if nodes.len() == self.network.len() => {
                self.excused.extend(nodes);
                self.network.kill_all().await?;
            }
            Fault::Crash { nodes } => {
                self.excused.extend(nodes);
                for node in nodes {
                    self.network.kill(*node).await?;
                }
            }
            Fault::Freeze { nodes } => nodes.iter().try_for_each(|node| self.network.pause(*node))?,
            Fault::Split { nodes, one_way } => {
                let cut = Condition { cut: true, ..Condition::default() };
                for (from, to) in self.border(nodes) {
                    if !one_way || nodes.contains(&from) {
                        self.wires.set(from, to, cut)?;
                    }
                }
            }
            Fault::SlowLinks { nodes, milliseconds } => {
                let delay = Duration::from_millis(*milliseconds);
                self.links(nodes, Condition { delay, ..Condition::default() })?;
            }
            Fault::LossyLinks { nodes, percent } => {
                self.links(nodes, Condition { loss_percent: *percent, ..Condition::default() })?;
            }
            Fault::NarrowLinks { nodes, kilobytes } => {
                self.links(nodes, Condition { bytes_per_second: kilobytes * 1000, ..Condition::default() })?;
            }
            Fault::WrongClock { node, seconds } => self.clock(*node)?.set(*seconds)?,
            Fault::FullDisk { node } => {
                self.excused.insert(*node);
                let process = self.network.process_id(*node);
                let process = process.ok_or_else(|| Error::Fault(format!("node{node} does not run")))?;
                self.disk()?.fill(process)?;
            }
            Fault::PortTheft { node } => self.steal(*node).await?,
        }
        Ok(())
    }

    /// Lifts a fault: links are good again, stopped nodes go on, those that do not run are started.
    ///
    /// # Errors
    /// It cannot be lifted.
    pub async fn lift(&mut self, fault: &Fault) -> Result<(), Error> {
        match fault {
            Fault::Freeze { nodes } => nodes.iter().try_for_each(|node| self.network.resume(*node))?,
            Fault::WrongClock { node, .. } => self.clock(*node)?.set(0)?,
            Fault::FullDisk { node } => {
                let running = self.network.is_running(*node)?;
                self.disk()?.free(self.network.process_id(*node).filter(|_| running))?;
            }
            Fault::PortTheft { .. } => self.thief = None,
            Fault::Crash { .. } => {}
            _ => self.wires.heal()?,
        }
        for node in 0..self.network.len() {
            if self.network.is_running(node)? {
                continue;
            }
            // Takes note of its end.
            let ended = self.network.wait_end(node, PATIENCE).await?;
            if let Some(ended) = ended.filter(|_| !self.excused.contains(&node)) {
                let log = self.network.log_tail(node, LOG_LINES);
                self.deaths.push(format!("node{node} ended by itself ({ended}) during: {fault}\n{log}"));
            }
            self.network.start(node)?;
        }
        self.excused.clear();
        Ok(())
    }

    /// What a node with a full disk did about it; asked before the fault is lifted.
    ///
    /// # Errors
    /// The system does not say.
    pub fn running(&mut self, node: usize) -> Result<bool, Error> {
        self.network.is_running(node)
    }

    async fn steal(&mut self, node: usize) -> Result<(), Error> {
        self.excused.insert(node);
        self.network.kill(node).await?;
        let entry = self.network.manifest().nodes[node].clone();
        self.thief = Some(PortThief::take(&[entry.endpoint.trim_start_matches("http://"), &entry.address])?);
        self.network.start(node)?;
        let ended = self.network.wait_end(node, PATIENCE).await?;
        let log = self.network.log_tail(node, LOG_LINES);
        if ended.is_some_and(|e| e.clean()) || !log.contains("PORT_IN_USE") {
            self.deaths.push(format!("node{node} did not name the port that is taken:\n{log}"));
        }
        Ok(())
    }

    fn clock(&self, node: usize) -> Result<&WrongClock, Error> {
        self.clocks.get(node).ok_or_else(|| Error::Fault("libfaketime is not installed".into()))
    }

    fn disk(&self) -> Result<&FullDisk, Error> {
        self.disk.as_ref().ok_or_else(|| Error::Fault("no disk was prepared".into()))
    }

    /// Both directions of all links between these nodes and the others.
    fn border(&self, nodes: &[usize]) -> Vec<(usize, usize)> {
        self.pairs().filter(|(a, b)| nodes.contains(a) != nodes.contains(b)).collect()
    }

    /// The same condition for every link that one of these nodes has.
    fn links(&mut self, nodes: &[usize], condition: Condition) -> Result<(), Error> {
        let all: Vec<_> = self.pairs().filter(|(a, b)| nodes.contains(a) || nodes.contains(b)).collect();
        all.into_iter().try_for_each(|(from, to)| self.wires.set(from, to, condition))
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let n = self.network.len();
        (0..n).flat_map(move |a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b)
    }
}
