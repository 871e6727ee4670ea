//! One run: network, clients, faults, and the check at the end.

use super::field::PATIENCE;
use super::{Fault, Field, Kind, Line, Memory, Options, Perturbation, Report, healing, report};
use crate::Error;
use crate::history::{Clients, Load, Outcome, check};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often progress is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A run that has begun.
#[derive(Debug)]
pub struct Session {
    options: Options,
    field: Field,
    clients: Arc<Clients>,
    load: Load,
    memory: Memory,
    started: Instant,
    lines: Vec<Line>,
}

impl Session {
    /// Makes and starts the network and the load.
    ///
    /// # Errors
    /// The network cannot be made, or does not become ready.
    pub async fn begin(options: &Options, tell: &mut dyn FnMut(&str)) -> Result<Self, Error> {
        let mut field = Field::create(options).await?;
        tell(&format!("seed {}  {} nodes  {}", options.seed, options.nodes, field.wires()));
        for why in field.impossible() {
            tell(&format!("left out 略过  {why}"));
        }
        field.start().await?;
        let clients = Clients::new(field.network())?;
        let directories = (0..options.nodes).map(|node| field.network().node_path(node, "")).collect();
        let memory = Memory::watch(directories);
        let load = clients.load(options.rate, options.seed);
        let started = Instant::now();
        Ok(Self { options: options.clone(), field, clients, load, memory, started, lines: Vec::new() })
    }

    /// Kinds of faults that can be caused here.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        self.field.kinds()
    }

    /// Waits until so many more writes are acknowledged.
    ///
    /// # Errors
    /// That takes too long.
    pub async fn more(&self, count: usize, limit: Duration) -> Result<(), Error> {
        let target = self.clients.history().acknowledged() + count;
        let deadline = Instant::now() + limit;
        while self.clients.history().acknowledged() < target {
            if Instant::now() > deadline {
                return Err(Error::Fault(format!("{count} more records were not final within {} s", limit.as_secs())));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits for the calm, causes the fault, lifts it after its length, and measures how the chain comes back. Returns when
    /// every node is ready.
    ///
    /// # Errors
    /// The fault cannot be caused or lifted; the chain, or a node, does not come back.
    pub async fn perturb(&mut self, p: &Perturbation, tell: &mut dyn FnMut(&str)) -> Result<(), Error> {
        tokio::time::sleep(p.calm).await;
        let at = self.started.elapsed();
        self.field.cause(&p.fault).await?;
        tokio::time::sleep(p.length).await;
        let note = match p.fault {
            Fault::FullDisk { node } if self.field.running(node)? => Some("the node went on"),
            Fault::FullDisk { .. } => Some("the node ended"),
            _ => None,
        };
        self.field.lift(&p.fault).await?;
        let lifted = Instant::now();
        let healing = healing::measure(self.field.network(), &self.clients, lifted, self.lines.len()).await;
        let healing = healing.map_err(|e| Error::Fault(format!("after {}: {e}", p.fault)))?;
        // One that was frozen or full may end only now.
        if self.field.network_mut().ready_all(PATIENCE).await.is_err() {
            self.field.lift(&Fault::Crash { nodes: Vec::new() }).await?;
            self.field.network_mut().ready_all(PATIENCE).await?;
        }
        let line = Line {
            at_ms: millis(at),
            what: p.fault.to_string(),
            kind: p.fault.kind(),
            fault: p.fault.clone(),
            length_ms: millis(p.length),
            healing,
            all_ready_ms: millis(lifted.elapsed()),
            note,
        };
        tell(&line.to_string());
        self.lines.push(line);
        Ok(())
    }

    /// Stops the load, waits until the nodes are at one height, kills them all with -9, starts them again, and checks
    /// everything that clients saw against what every node then has.
    ///
    /// # Errors
    /// The nodes do not come together or do not answer.
    pub async fn finish(mut self, tell: &mut dyn FnMut(&str)) -> Result<Report, Error> {
        tell("stopping the load, killing and starting all nodes, reading everything back  停止负载，全部重启后核对");
        self.load.stop().await?;
        let seconds = self.started.elapsed().as_secs_f64();
        let memory = self.memory.growth();
        let all = Fault::Crash { nodes: (0..self.options.nodes).collect() };
        self.field.cause(&all).await?;
        self.field.lift(&all).await?;
        self.field.network_mut().ready_all(PATIENCE).await?;
        let clients = Clients::new(self.field.network())?;
        let namespace = crate::history::NAMESPACE;
        let outcome = Outcome::collect(clients.nodes(), namespace, &self.clients.names(), PATIENCE).await?;
        let events = self.clients.history().events();
        let verdict = check(&events, &outcome);
        let tips = outcome.nodes.iter().map(|n| (n.height, n.tip.clone())).collect();
        let deaths = self.field.deaths().to_vec();
        Ok(Report {
            ok: verdict.violations.is_empty() && deaths.is_empty(),
            seed: self.options.seed,
            nodes: self.options.nodes,
            wires: self.field.wires(),
            rate: self.options.rate,
            seconds,
            impossible: self.field.impossible().to_vec(),
            healing: report::healing(&self.lines),
            latency: report::latency(&events),
            memory,
            deaths,
            tips,
            verdict,
            lines: self.lines,
        })
    }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
