//! Clients as the SDK makes them: submit, wait, submit the same bytes again elsewhere, and believe what they are told.

use crate::env::{Env, Event};
use crate::node::{Node, Place};
use crate::random::Random;
use crate::world::{CHAIN, World, transaction};
use hnchain_crypto::sm3;
use hnchain_types::TxId;
use hnchain_types::transaction::{BodyBuilder, Transaction};
use std::collections::BTreeMap;
use std::sync::Arc;

/// After this long without an answer a transaction is submitted again, microseconds.
const PATIENCE: u64 = 1_500_000;
/// Transactions of one client that wait at most.
const OPEN: usize = 60;
/// Records that clients write: few, so that they get into each other's way.
const RECORDS: u64 = 40;

/// A transaction that is not acknowledged.
#[derive(Debug)]
struct Pending {
    tx: Arc<Transaction>,
    since: u64,
    tries: u32,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    id: usize,
    random: Random,
    pending: BTreeMap<TxId, Pending>,
    /// It submits nothing new.
    pub(crate) idle: bool,
    salt: u64,
}

impl Client {
    pub(crate) fn new(id: usize, seed: u64) -> Self {
        let random = Random(seed ^ 0x636c_6965_6e74_0000 ^ (id as u64 + 1).wrapping_mul(0x9e37_79b9));
        Self { id, random, pending: BTreeMap::new(), idle: false, salt: 0 }
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salt += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.random.next().to_be_bytes());
        salt[8..].copy_from_slice(&((self.id as u64) << 48 | self.salt).to_be_bytes());
        salt
    }

    /// An anchor or a revocation of some record.
    fn draw(&mut self, world: &World, now_ms: u64) -> Option<Arc<Transaction>> {
        let validity = if self.random.chance(10) { 2_000 } else { 60_000 + self.random.below(400_000) };
        let salt = self.salt();
        let record = format!("r{}", self.random.below(RECORDS));
        let version = 1 + self.random.below(3);
        let body = BodyBuilder::new(CHAIN, u64::MAX / 4, now_ms + validity, salt);
        let body = if self.random.chance(5) {
            body.revoke("sim", &record, version, "模拟")
        } else {
            body.anchor("sim", &record, version, sm3(&salt))
        };
        transaction(&body.encode(), world.keys.writer(self.id)).map(Arc::new)
    }

    /// A transaction that is valid for long and that no other one contradicts.
    pub(crate) fn fresh(&mut self, world: &World, now_ms: u64) -> Option<Arc<Transaction>> {
        let salt = self.salt();
        let id = format!("fresh-{}-{}", self.id, self.salt);
        let body = BodyBuilder::new(CHAIN, u64::MAX / 4, now_ms + 500_000, salt).anchor("sim", &id, 1, sm3(&salt));
        transaction(&body.encode(), world.keys.writer(self.id)).map(Arc::new)
    }

    /// Submits again what nobody answered, and something new.
    pub(crate) fn act(&mut self, nodes: &mut [Node], env: &mut Env) {
        let wall = env.wall_ms();
        self.pending.retain(|_, p| p.tx.body().valid_until_ms + 5_000 >= wall);
        let now = env.now;
        let late = self.pending.values_mut().filter(|p| p.since + PATIENCE * u64::from(p.tries) <= now);
        let again: Vec<_> = late
            .map(|p| {
                (p.since, p.tries) = (now, (p.tries + 1).min(4));
                p.tx.clone()
            })
            .collect();
        for tx in again {
            self.give(&tx, nodes, env);
        }
        if !self.idle && self.pending.len() < OPEN {
            let world = env.world.clone();
            if let Some(tx) = self.draw(&world, wall) {
                self.submit(&tx, nodes, env);
            }
        }
        let interval = env.options.interval_ms * 1_000;
        let pause = if self.idle { 300_000 } else { interval / 2 + self.random.below(interval + 1) };
        env.at(now + pause.max(1), Event::Client { client: self.id });
    }

    /// Submits a transaction to some node.
    pub(crate) fn submit(&mut self, tx: &Arc<Transaction>, nodes: &mut [Node], env: &mut Env) {
        self.pending.insert(tx.id(), Pending { tx: tx.clone(), since: env.now, tries: 1 });
        self.give(tx, nodes, env);
    }

    fn give(&mut self, tx: &Arc<Transaction>, nodes: &mut [Node], env: &mut Env) {
        for _ in 0..3 {
            let at = self.random.index(nodes.len());
            if nodes[at].submit(self.id, tx, env) {
                return;
            }
        }
    }

    /// Waits for nothing any more.
    pub(crate) fn give_up(&mut self) {
        self.pending.clear();
    }

    /// A node says where the transaction is. True where the client waited for it.
    pub(crate) fn told(&mut self, id: &TxId, _place: Place) -> bool {
        self.pending.remove(id).is_some()
    }
}
