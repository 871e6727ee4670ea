//! A whole cluster in virtual time: faults for a while, then healing.

use crate::adversary;
use crate::checks::Label;
use crate::client::Client;
use crate::env::{Env, Event};
use crate::governance;
use crate::heal::Healing;
use crate::network::CUTS;
use crate::node::journal::Tail;
use crate::node::{Disk, Nature, Node, Packet};
use crate::options::Options;
use crate::random::Random;
use crate::trace::{Trace, TraceHash, Violation, note};
use crate::world::{World, transaction};
use hnchain_types::transaction::Transaction;
use hnchain_types::{Height, TxId};
use std::sync::Arc;

/// Virtual time after which the faults end in any case, microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;

/// What a simulation came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The rule that did not hold, if any.
    pub violation: Option<Violation>,
    /// Hash of everything that happened.
    pub hash: TraceHash,
    /// Views that had a certificate.
    pub views: u64,
    /// Height in the end.
    pub height: u64,
    /// Epochs.
    pub epochs: u64,
    /// Transactions that were acknowledged.
    pub acknowledged: usize,
    /// Events.
    pub events: u64,
    /// Virtual time, milliseconds.
    pub lasted_ms: u64,
    /// From the end of the faults to the first new block, in Δ.
    pub first_deltas: u64,
    /// From the end of the faults to one height on all correct nodes and a new block, in Δ.
    pub healed_deltas: u64,
    /// From the submission of a new transaction to its finality on all correct nodes, in Δ.
    pub fresh_deltas: u64,
    /// How often each label was looked at.
    pub marks: Vec<(Label, u64)>,
    /// The newest lines of the trace.
    pub transcript: Vec<String>,
}

impl Outcome {
    /// The outcome of a simulation that panicked.
    #[must_use]
    pub fn panicked(text: &str) -> Self {
        Self {
            violation: Some(Violation { label: Label::I11, what: format!("panic: {text}") }),
            hash: TraceHash::default(),
            views: 0,
            height: 0,
            epochs: 0,
            acknowledged: 0,
            events: 0,
            lasted_ms: 0,
            first_deltas: 0,
            healed_deltas: 0,
            fresh_deltas: 0,
            marks: Vec::new(),
            transcript: Vec::new(),
        }
    }
}

/// Nodes, clients and what surrounds them.
pub(crate) struct Cluster {
    pub(crate) env: Env,
    pub(crate) nodes: Vec<Node>,
    pub(crate) clients: Vec<Client>,
    /// Chance of the schedule, apart from that of links and nodes.
    pub(crate) random: Random,
    /// A proposal that waits for approvals.
    proposed: Option<TxId>,
    events: u64,
}

/// Runs a simulation. Equal options give equal outcomes.
#[must_use]
pub fn simulate(options: &Options, trace: bool, print: bool) -> Outcome {
    let trace = Trace::new(trace || print, print);
    let mut cluster = Cluster::new(options.clone(), trace);
    cluster.suffer();
    let healing = cluster.heal();
    cluster.outcome(healing)
}

impl Cluster {
    fn new(options: Options, trace: Trace) -> Self {
        let validators = usize::try_from(options.nodes).unwrap_or(1).clamp(1, 40);
        let joiners = usize::try_from(options.joiners).unwrap_or(0).min(8);
        let twins = usize::try_from(options.twins).unwrap_or(0).min(validators);
        let keys = validators + joiners;
        let world = World::of(validators, options.delta_ms, options.heartbeat_ms);
        let mut random = Random(options.seed ^ 0x636c_7573_7465_7200);
        let mut env = Env::new(options, world, keys + twins, trace);
        let mut nodes: Vec<Node> = (0..keys).map(|key| node(key, key, &mut env, &mut random)).collect();
        let first = random.index(validators);
        for (i, adversary) in adversary::of(&env.options).into_iter().enumerate() {
            let key = (first + i) % validators;
            env.checks.faulty.insert(key);
            env.checks.exempt.insert(key);
            nodes[key].adversary = Some(adversary);
            if i < twins {
                let mut second = node(nodes.len(), key, &mut env, &mut random);
                second.adversary = Some(Box::new(adversary::Twin));
                env.checks.exempt.insert(second.id);
                nodes.push(second);
            }
        }
        env.owners = (0..keys).map(|key| nodes.iter().filter(|n| n.key == key).map(|n| n.id).collect()).collect();
        env.checks.keys = nodes.iter().map(|n| env.world.keys.public(n.key)).collect();
        if env.options.away == 1 {
            let honest = (0..validators).rev().find(|k| !env.checks.faulty.contains(k));
            if let Some(key) = honest {
                nodes[key].kept_down = true;
            }
        }
        let writers = usize::try_from(env.options.clients).unwrap_or(1).clamp(1, 8);
        // The last client speaks for the organizations that govern.
        let clients: Vec<Client> = (0..=writers).map(|i| Client::new(i, env.options.seed)).collect();
        let mut cluster = Self { env, nodes, clients, random, proposed: None, events: 0 };
        cluster.start();
        cluster
    }

    fn start(&mut self) {
        for i in 0..self.nodes.len() {
            self.nodes[i].boot(&mut self.env);
        }
        let governor = self.clients.len() - 1;
        self.clients[governor].idle = true;
        for client in 0..self.clients.len() {
            self.env.at(self.env.now + 1_000, Event::Client { client });
        }
    }

    fn failed(&self) -> bool {
        self.env.checks.violation.is_some()
    }

    /// Runs for some microseconds.
    pub(crate) fn run(&mut self, us: u64) {
        let end = self.env.now + us;
        while !self.failed()
            && let Some(event) = self.env.next(end)
        {
            self.events += 1;
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        let hash = &mut self.env.trace.hash;
        hash.add(self.env.now);
        match event {
            Event::Packet { from, to, packet } => {
                hash.add((from << 8 | to) as u64);
                self.nodes[to].packet(from, packet, &mut self.env);
            }
            Event::Own { node, incarnation, own } => {
                hash.add(1 << 20 | node as u64);
                self.nodes[node].own(incarnation, own, &mut self.env);
            }
            Event::Boot { node } => {
                hash.add(2 << 20 | node as u64);
                self.boot(node);
            }
            Event::Crash { node } => {
                hash.add(3 << 20 | node as u64);
                self.crash(node);
            }
            Event::Client { client } => self.clients[client].act(&mut self.nodes, &mut self.env),
        }
        while let Some((client, id, place)) = self.env.published.pop() {
            if self.clients[client].told(&id, place) {
                self.env.trace.hash.add(place.0.0);
                self.env.checks.acknowledged(id, place);
                if self.proposed == Some(id) {
                    self.proposed = None;
                    if place.2 {
                        self.approve(id);
                    }
                }
            }
        }
    }

    /// Starts a node; the others notice the new link.
    fn boot(&mut self, node: usize) {
        let down = self.nodes[node].process.is_none();
        self.nodes[node].boot(&mut self.env);
        if down && self.nodes[node].process.is_some() {
            for other in (0..self.nodes.len()).filter(|o| *o != node) {
                self.link(node, other);
                self.link(other, node);
            }
        }
    }

    fn link(&mut self, from: usize, to: usize) {
        self.env.send_packet(from, to, &Packet::Linked);
    }

    // ---- faults ----

    /// Rounds of faults, each with other conditions.
    fn suffer(&mut self) {
        let options = self.env.options.clone();
        for _ in 0..options.rounds {
            let enough = self.env.checks.views() >= options.views
                || self.env.now > LONGEST
                || (options.steps > 0 && self.events >= options.steps);
            if enough || self.failed() {
                break;
            }
            self.round(&options);
        }
    }

    fn round(&mut self, o: &Options) {
        let delta_us = o.delta_ms * 1_000;
        let calm = self.random.chance(30);
        let slow = self.random.chance(o.slow);
        let most = if slow { delta_us + self.random.below(o.slow_deltas.max(1) * delta_us) } else { o.delay_max_us };
        for (from, to) in self.env.network.join() {
            if self.random.chance(o.relink) {
                self.link(from, to);
            }
        }
        if calm {
            self.env.network.calm();
        } else {
            self.env.network.rough(o, most);
        }
        if !calm && self.random.chance(o.partition) {
            let cut = self.random.pick(&CUTS).copied().unwrap_or(CUTS[0]);
            note!(self.env, "partition: {cut:?}");
            self.env.network.partition(cut);
        }
        if !calm && self.random.chance(o.clog) {
            self.env.network.clog(self.env.now);
        }
        let idle = self.random.chance(o.idle);
        let governor = self.clients.len() - 1;
        self.clients[..governor].iter_mut().for_each(|c| c.idle = idle);
        let most_ms = self.random.pick(&[20, 150, o.round_ms]).copied().unwrap_or(1);
        let length = 1_000 * (1 + self.random.below(most_ms));
        if !calm {
            self.hurt(o, length);
        }
        if self.random.chance(o.change) {
            self.propose_change();
        }
        self.run(length);
    }

    fn hurt(&mut self, o: &Options, length: u64) {
        let now = self.env.now;
        let n = self.nodes.len();
        let victim = self.random.index(n);
        if self.random.chance(o.crash) {
            let at = now + self.random.below(length);
            self.env.at(at, Event::Crash { node: victim });
        }
        if self.random.chance(o.crash_all) {
            let at = now + self.random.below(length);
            (0..n).for_each(|node| self.env.at(at, Event::Crash { node }));
        }
        if self.random.chance(o.storm) {
            for _ in 0..2 + self.random.below(6) {
                let at = now + self.random.below(length);
                self.env.at(at, Event::Crash { node: victim });
            }
        }
        if self.random.chance(o.pause) {
            let until = now + self.random.below(2_000_000);
            if let Some(p) = self.nodes[victim].process.as_mut() {
                p.pause(until);
            }
        }
        if self.random.chance(o.full_disk) {
            self.change_nature(victim, |nature| nature.full_until = now + 1_000_000);
        }
        if self.random.chance(o.jump) {
            let by = i64::try_from(self.random.below(3_000)).unwrap_or(0) - 1_500;
            self.change_nature(victim, |nature| nature.skew_ms += by);
        }
    }

    pub(crate) fn change_nature(&mut self, node: usize, change: impl Fn(&mut Nature)) {
        let node = &mut self.nodes[node];
        change(&mut node.nature);
        if let Some(process) = node.process.as_mut() {
            change(&mut process.nature);
        }
    }

    /// Power goes; somebody restarts the node a while later.
    fn crash(&mut self, i: usize) {
        let o = &self.env.options;
        let (torn, damage, lost) = (o.torn, o.damage, o.lost_disk);
        if self.nodes[i].process.is_none() {
            return;
        }
        let tail = match self.random.below(100) {
            chance if chance >= torn => Tail::Lost,
            chance if chance % 3 == 0 => Tail::Torn,
            chance if chance % 3 == 1 => Tail::Reordered,
            _ => Tail::Whole,
        };
        self.nodes[i].crash(tail, &mut self.env);
        if self.random.chance(damage) && self.may_fail(i) {
            self.damage(i);
        } else if self.random.chance(lost) && self.env.checks.height() > Height(0) && self.may_fail(i) {
            self.nodes[i].lose_disk(&mut self.env);
        }
        let away = [5_000, 200_000, 3_000_000][self.random.index(3)];
        let after = 1_000 + self.random.below(away);
        self.nodes[i].boot_later(after, &mut self.env);
    }

    /// The disk lies about what it holds: from now on the node counts as faulty.
    fn damage(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        let Some(disk) = node.disk.as_mut() else { return };
        if disk.journal.damage(&mut self.env.random) {
            note!(self.env, "node {i}: the journal is damaged");
            node.damaged = true;
            self.env.checks.exempt.insert(i);
        }
    }

    /// Whether one more validator may be faulty. If so it is counted.
    fn may_fail(&mut self, i: usize) -> bool {
        let key = self.nodes[i].key;
        let checks = &mut self.env.checks;
        if checks.faulty.contains(&key) || self.env.options.away == 1 {
            return false;
        }
        // Changes that are on their way may make the set smaller.
        let spare = if self.env.options.change > 0 { 3 } else { 0 };
        let faults = |n: usize| hnchain_types::validators::faults(n.saturating_sub(spare));
        let room = checks.newest_set().is_some_and(|(_, set)| checks.faulty.len() < faults(set.len()));
        if room {
            checks.faulty.insert(key);
        }
        room
    }

    // ---- governance ----

    fn propose_change(&mut self) {
        let faulty = self.env.checks.faulty.clone();
        let keys = self.env.owners.len();
        let Some(change) = governance::draw(&mut self.env, &faulty, keys) else { return };
        note!(self.env, "proposed: {change:?}");
        let wall = self.env.wall_ms();
        let body = governance::proposal(change, wall + 30_000, self.salt());
        let signer = self.env.world.clone();
        let organization = self.env.checks.newest_set().and_then(|(_, set)| {
            let key = set.public_keys().next()?;
            signer.keys.find(&key)
        });
        let Some(tx) = transaction(&body, signer.keys.administrator(organization.unwrap_or(0) % 40)) else { return };
        self.proposed = Some(tx.id());
        self.govern(&Arc::new(tx));
    }

    /// All organizations that run validators approve.
    fn approve(&mut self, proposal: TxId) {
        let world = self.env.world.clone();
        let Some((_, set)) = self.env.checks.newest_set() else { return };
        let owners: Vec<usize> = set.public_keys().filter_map(|k| world.keys.find(&k)).collect();
        for organization in owners {
            let body = governance::approval(proposal, self.env.wall_ms() + 30_000, self.salt());
            if let Some(tx) = transaction(&body, world.keys.administrator(organization % 40)) {
                self.govern(&Arc::new(tx));
            }
        }
    }

    fn govern(&mut self, tx: &Arc<Transaction>) {
        let governor = self.clients.len() - 1;
        self.clients[governor].submit(tx, &mut self.nodes, &mut self.env);
    }

    fn salt(&mut self) -> [u8; 16] {
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.random.next().to_be_bytes());
        salt
    }

    // ---- healing ----

    fn outcome(mut self, healing: Healing) -> Outcome {
        if !self.failed() {
            self.env.checks.nothing_lost();
            for node in &self.nodes {
                self.env.checks.same_rows(node.id, node.store());
            }
        }
        let delta_us = self.env.options.delta_ms * 1_000;
        let checks = &self.env.checks;
        Outcome {
            violation: checks.violation.clone(),
            hash: self.env.trace.hash,
            views: checks.views(),
            height: checks.height().0,
            epochs: checks.newest_set().map_or(0, |(e, _)| e.0 + 1),
            acknowledged: checks.acknowledged_count(),
            events: self.events,
            lasted_ms: self.env.now / 1_000,
            first_deltas: healing.first.div_ceil(delta_us),
            healed_deltas: healing.level.div_ceil(delta_us),
            fresh_deltas: healing.fresh.div_ceil(delta_us),
            marks: Label::ALL.iter().map(|l| (*l, checks.marks[*l as usize])).collect(),
            transcript: self.env.trace.tail(40),
        }
    }
}

fn node(id: usize, key: usize, env: &mut Env, random: &mut Random) -> Node {
    let o = &env.options;
    let slow_disk = random.chance(o.slow_disk);
    let slow = random.chance(o.slow_nodes);
    let skew = i64::try_from(random.below(2 * o.skew_ms + 1)).unwrap_or(0) - i64::try_from(o.skew_ms).unwrap_or(0);
    let nature = Nature {
        turn_us: if slow { random.below(o.slow_turn_us + 1) } else { o.turn_us },
        disk_us: if slow_disk { o.slow_disk_us } else { o.disk_us },
        skew_ms: skew,
        full_until: 0,
    };
    Node {
        id,
        key,
        nature,
        adversary: None,
        process: None,
        disk: Some(Disk::new(&env.world)),
        incarnation: 0,
        boots: false,
        kept_down: false,
        damaged: false,
        refused: false,
    }
}
