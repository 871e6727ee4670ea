//! Concurrent clients over the SDK that write, read and ask at a given rate, and note everything.

use super::{Action, Found, History, Written};
use crate::Dice;
use crate::{Error, Network};
use hnchain_sdk::{Client, Error as ClientError, Options, Signer, TransactionState};
use hnchain_types::TxId;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Namespace that the clients write.
pub const NAMESPACE: &str = "trace";
/// Clients that call at the same time: enough that calls that hang do not silence the load.
const WORKERS: usize = 24;
/// How long one node may take to make a write final before the next one is asked.
const WRITE: Duration = Duration::from_secs(4);
/// After this a write is given up as unknown.
const GIVE_UP: Duration = Duration::from_secs(12);
/// How long a read waits for the height of the client's own last write.
const CATCH_UP: Duration = Duration::from_secs(4);
/// Pause between tries.
const PAUSE: Duration = Duration::from_millis(100);
/// Transactions do not stay in queues for much longer than clients wait.
const VALIDITY: Duration = Duration::from_secs(60);

/// Everything that the clients share.
#[derive(Debug)]
pub struct Clients {
    history: History,
    nodes: Vec<Client>,
    signer: Signer,
    /// Name of each record and the newest version that a client knows of.
    records: Mutex<Vec<(String, u64)>>,
}

impl Clients {
    /// Clients of a network; each call of one goes to one node, so that it is known who answered.
    ///
    /// # Errors
    /// The network has no key for the namespace.
    pub fn new(network: &Network) -> Result<Arc<Self>, Error> {
        let options = Options {
            connect: Duration::from_secs(1),
            attempt: Duration::from_secs(2),
            deadline: Duration::from_secs(2),
            rounds: 1,
            patience: WRITE,
            ..Options::default()
        };
        let fault = |e: ClientError| Error::Fault(e.to_string());
        let client = |endpoint| Client::new(vec![endpoint], options).map_err(fault);
        let nodes = network.endpoints().into_iter().map(client).collect::<Result<_, _>>()?;
        let signer = Signer::new(network.client_key(NAMESPACE)?, &network.manifest().chain_id).with_validity(VALIDITY);
        Ok(Arc::new(Self { history: History::default(), nodes, signer, records: Mutex::default() }))
    }

    /// What they saw.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// One client for each node.
    #[must_use]
    pub fn nodes(&self) -> &[Client] {
        &self.nodes
    }

    /// Names of all records that were ever written to.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(name, _)| name.clone()).collect()
    }

    /// Begins to call `rate` times a second in all.
    #[must_use]
    pub fn load(self: &Arc<Self>, rate: u32, seed: u64) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        let period = Duration::from_secs(1) * u32::try_from(WORKERS).unwrap_or(u32::MAX) / rate.max(1);
        for number in 0..WORKERS {
            let worker =
                Worker { clients: Arc::clone(self), dice: Dice::new(seed ^ number as u64), last: None, own: 0 };
            workers.spawn(worker.run(period, Arc::clone(&stop)));
        }
        Load { stop, workers }
    }

    /// Hands in one new record at every node and forgets it: something to order, whatever the clients are waiting for.
    ///
    /// # Errors
    /// No entropy or clock.
    pub async fn nudge(self: &Arc<Self>, name: &str) -> Result<(), Error> {
        let draft = self.signer.draft(NAMESPACE, name, 1, b"").map_err(|e| Error::Fault(e.to_string()))?;
        self.remember(name, 0);
        let mut tries = JoinSet::new();
        for client in &self.nodes {
            let (client, transaction) = (client.clone(), draft.transaction.clone());
            tries.spawn(async move { client.submit(&transaction).await.is_ok() });
        }
        while tries.join_next().await.is_some() {}
        Ok(())
    }

    fn choose(&self, dice: &mut Dice) -> (String, u64) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        // One write of eight makes a new record, so that old ones are fought over.
        if records.is_empty() || dice.below(8) == 0 {
            let name = format!("record.{}", records.len());
            records.push((name, 0));
        }
        // The newest ones, mostly.
        let back = dice.index(records.len()).min(dice.index(records.len())).min(dice.index(records.len()));
        records[records.len() - 1 - back].clone()
    }

    fn remember(&self, name: &str, version: u64) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        match records.iter_mut().rev().find(|(n, _)| n == name) {
            Some((_, known)) => *known = version.max(*known),
            None => records.push((name.to_owned(), version)),
        }
    }
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

impl Load {
    /// Lets each client end its call and waits for that.
    ///
    /// # Errors
    /// A client panicked.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(joined) = self.workers.join_next().await {
            joined.map_err(|e| Error::Fault(format!("a client: {e}")))?;
        }
        Ok(())
    }
}

struct Worker {
    clients: Arc<Clients>,
    dice: Dice,
    /// Its last transaction.
    last: Option<TxId>,
    /// Height of its last acknowledged write.
    own: u64,
}

impl Worker {
    async fn run(mut self, period: Duration, stop: Arc<AtomicBool>) {
        // Spread over the period, so that they do not call in step.
        tokio::time::sleep(period.mul_f64(f64::from(u16::try_from(self.dice.below(1000)).unwrap_or(0)) / 1000.0)).await;
        let mut clock = tokio::time::interval(period);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.load(Ordering::Relaxed) {
            clock.tick().await;
            let node = self.dice.index(self.clients.nodes.len());
            match self.dice.below(8) {
                0..5 => self.write(node).await,
                5 | 6 => self.read(node).await,
                _ => self.ask(node).await,
            }
        }
    }

    async fn write(&mut self, first: usize) {
        let clients = Arc::clone(&self.clients);
        let (record, known) = clients.choose(&mut self.dice);
        let version = known + 1;
        let document = format!("{record} version {version}");
        // Without entropy or a clock there is nothing to hand in.
        let Ok(draft) = clients.signer.draft(NAMESPACE, &record, version, document.as_bytes()) else { return };
        let transaction = draft.transaction.id();
        self.last = Some(transaction);
        let invoked = clients.history.now();
        let deadline = Instant::now() + GIVE_UP;
        let (mut delivered, mut round) = (false, 0);
        let (node, answer) = loop {
            let node = (first + round) % clients.nodes.len();
            let error = match clients.nodes[node].submit_and_wait(&draft.transaction, WRITE).await {
                Ok(receipt) => break (Some(node), Written::Acknowledged(receipt.height.0)),
                Err(ClientError::Rejected(receipt)) => break (Some(node), Written::Rejected(receipt.height.0)),
                Err(error) => error,
            };
            delivered |= !refused(&error);
            if Instant::now() > deadline || !error.retryable() {
                let code = error.code().to_owned();
                break (Some(node), if delivered { Written::Unknown(code) } else { Written::Refused(code) });
            }
            round += 1;
            tokio::time::sleep(PAUSE).await;
        };
        match answer {
            Written::Acknowledged(height) => {
                self.own = self.own.max(height);
                clients.remember(&record, version);
            }
            // Somebody was first, or may have been: find out how far the record is.
            Written::Rejected(_) | Written::Unknown(_) => self.catch_up(&record).await,
            Written::Refused(_) => {}
        }
        clients.history.note(node, invoked, Action::Write { record, version, transaction, answer });
    }

    async fn catch_up(&mut self, record: &str) {
        let node = self.dice.index(self.clients.nodes.len());
        if let Ok(answer) = self.clients.nodes[node].record(NAMESPACE, record).await {
            self.clients.remember(record, answer.record.map_or(0, |r| r.version));
        }
    }

    /// One read of three waits until the node has what this client wrote.
    async fn read(&mut self, node: usize) {
        let clients = Arc::clone(&self.clients);
        let (record, _) = clients.choose(&mut self.dice);
        let since = if self.dice.below(3) == 0 { self.own } else { 0 };
        let deadline = Instant::now() + CATCH_UP;
        loop {
            let invoked = clients.history.now();
            let answer = clients.nodes[node].record(NAMESPACE, &record).await.ok();
            let late = Instant::now() > deadline;
            if answer.as_ref().is_some_and(|a| a.height.0 < since) && !late {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let answer = answer.map(|a| {
                let found = a.record.map(|r| Found { version: r.version, transaction: r.transaction });
                (a.height.0, found)
            });
            // A node that is cut off may be behind for as long as it is; that read promised nothing.
            let since = if late { 0 } else { since };
            return clients.history.note(Some(node), invoked, Action::Read { record, since, answer });
        }
    }

    async fn ask(&mut self, node: usize) {
        let Some(transaction) = self.last else { return };
        let invoked = self.clients.history.now();
        let answer = match self.clients.nodes[node].transaction(&transaction).await {
            Ok(TransactionState::Final { receipt, .. }) => Some((receipt.height.0, receipt.accepted())),
            _ => None,
        };
        self.clients.history.note(Some(node), invoked, Action::Status { transaction, answer });
    }
}

/// Whether the node took no part of it for certain.
fn refused(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => !refusal.uncertain,
        ClientError::Unreachable { tried, .. } | ClientError::Deadline { tried, .. } => tried.iter().all(|a| !a.sent),
        _ => false,
    }
}
