//! A small chain in memory: genesis, signed transactions, and four validators that talk without a network.

use hnchain_consensus::{Effect, Input, Machine, Message, Parameters, Recovered, Root, To};
use hnchain_crypto::{SecretKey, sm3};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::{Document, Genesis, Organization, Role, Signer, Validator};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::{Height, ResultHash, ValidatorIndex, View};
use std::collections::VecDeque;
use std::sync::Arc;

/// Time of the genesis, milliseconds since the Unix epoch.
pub const GENESIS_MS: u64 = 1_700_000_000_000;
/// Id of the chain.
pub const CHAIN: &str = "bench";
/// Namespace that the writer may write.
pub const NAMESPACE: &str = "certificate";

/// Key of a validator or, beyond the validators, of a client. Fixed, so that runs are comparable.
///
/// # Panics
/// Beyond 250.
#[must_use]
pub fn key(index: usize) -> SecretKey {
    let byte = u8::try_from(index + 1).expect("few keys");
    SecretKey::from_bytes(&[byte; 32]).expect("small scalars are in range")
}

/// Key that may write to [`NAMESPACE`].
#[must_use]
pub fn writer() -> SecretKey {
    key(200)
}

/// A genesis with this many validators and one writer.
///
/// # Panics
/// Never: the document is constant and valid.
#[must_use]
pub fn genesis(validators: usize) -> Genesis {
    let document = Document {
        version: 1,
        chain_id: CHAIN.into(),
        name: "性能测试链".into(),
        time_ms: GENESIS_MS,
        parameters: hnchain_types::genesis::Parameters::default(),
        organizations: vec![Organization {
            id: "henan".into(),
            name: "示例省级平台".into(),
            credit_code: "91410000170001401D".into(),
            division: "410000".into(),
            parent: None,
        }],
        certificate_types: vec![],
        signers: vec![Signer {
            public_key: writer().public_key(),
            organization: "henan".into(),
            roles: vec![Role::RegistryWriter { namespace: NAMESPACE.into() }],
            valid_from_ms: 0,
            valid_until_ms: 0,
        }],
        validators: (0..validators).map(|i| Validator::new(CHAIN, "henan", &key(i))).collect(),
    };
    Genesis::create(&document).expect("a valid document")
}

/// Signed anchors of one new record each, numbered from `from`.
///
/// # Panics
/// Never: the bodies are valid.
#[must_use]
pub fn transactions(from: u64, count: u64) -> Vec<Transaction> {
    let key = writer();
    let sign = |i: u64| {
        let commitment = sm3(&i.to_be_bytes());
        let salt = commitment.0[..16].try_into().expect("16 of 32 bytes");
        let body = BodyBuilder::new(CHAIN, u64::MAX, GENESIS_MS + 500_000, salt)
            .anchor(NAMESPACE, &format!("1.2.156.3005.2.bench.{i}"), 1, commitment)
            .encode();
        Transaction::sign(body, &key).expect("a valid body")
    };
    (from..from + count).map(sign).collect()
}

/// A certificate that the first q validators of a genesis sign.
#[must_use]
pub fn certificate(genesis: &Genesis, view: View, statement: Statement) -> Certificate {
    let digest = statement.digest(genesis.digest(), genesis.epoch(), view);
    let sign = |i: u32| (ValidatorIndex(i), key(ValidatorIndex(i).index()).sign(&digest));
    let votes = (0u32..).take(genesis.validators().quorum()).map(sign).collect();
    Certificate { epoch: genesis.epoch(), view, statement, votes }
}

/// Validators whose messages arrive at once and in order; execution is a hash.
#[derive(Debug)]
pub struct Committee {
    machines: Vec<Machine>,
    queue: VecDeque<(usize, Input)>,
    payload: Option<Vec<Vec<u8>>>,
    finalized: Vec<Height>,
    now_ms: u64,
    steps: u64,
}

impl Committee {
    /// Validators of a genesis at its start.
    ///
    /// # Panics
    /// Never: an empty journal does not contradict itself.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let document = genesis.document();
        let parameters = Parameters {
            genesis: genesis.digest(),
            epoch: genesis.epoch(),
            validators: Arc::new(genesis.validators().clone()),
            verifier: Arc::new(hnchain_consensus::Sm2),
            delta_ms: document.parameters.delta_ms,
            heartbeat_ms: document.parameters.heartbeat_ms,
        };
        let root = Root {
            epoch: genesis.epoch(),
            height: Height(0),
            view: View(0),
            block: genesis.block_hash(),
            time_ms: document.time_ms,
        };
        let start = |i| {
            let recovered = Recovered { root, finalization: None, records: Vec::new() };
            Machine::new(parameters.clone(), Some(Arc::new(key(i))), recovered).expect("an empty journal")
        };
        let n = genesis.validators().len();
        let mut committee = Self {
            machines: (0..n).map(start).collect(),
            queue: (0..n).map(|i| (i, Input::Start)).collect(),
            payload: None,
            finalized: vec![Height(0); n],
            now_ms: 0,
            steps: 0,
        };
        committee.settle();
        committee
    }

    /// Orders and finalizes one block with this payload on every validator.
    ///
    /// # Panics
    /// A validator did not finalize exactly one more block: a fault of the engine.
    pub fn finalize(&mut self, payload: Vec<Vec<u8>>) {
        let next = self.finalized[0].next();
        self.payload = Some(payload);
        self.queue.extend((0..self.machines.len()).map(|i| (i, Input::Work(true))));
        self.settle();
        assert!(self.finalized.iter().all(|h| *h == next), "{:?} instead of {next}", self.finalized);
    }

    /// Steps that the validators took in all.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    fn settle(&mut self) {
        while let Some((i, input)) = self.queue.pop_front() {
            self.steps += 1;
            self.now_ms += u64::from(self.steps.is_multiple_of(64));
            for effect in self.machines[i].step(self.now_ms, input) {
                self.act(i, effect);
            }
        }
    }

    fn act(&mut self, i: usize, effect: Effect) {
        match effect {
            Effect::Send { to, message } => self.send(i, to, &message),
            Effect::Propose { view, parent_time_ms, .. } => {
                let transactions = self.payload.take().unwrap_or_default();
                self.queue.push_back((i, Input::Work(false)));
                self.queue.push_back((i, Input::Proposed { view, time_ms: parent_time_ms + 1, transactions }));
            }
            Effect::Validate(block) => {
                self.queue.push_back((i, Input::Work(false)));
                self.queue.push_back((i, Input::Validated { block: block.header.hash(), valid: true }));
            }
            Effect::Execute(block) => {
                let block = block.header.hash();
                self.queue
                    .push_back((i, Input::Executed { block, result: ResultHash(sm3(block.as_ref())), next: None }));
            }
            Effect::Finalized { height, .. } => self.finalized[i] = height,
            Effect::Halt(divergence) => panic!("validator {i} halts: {divergence}"),
            Effect::Persist(_)
            | Effect::Arm { .. }
            | Effect::Behind { .. }
            | Effect::Epoch { .. }
            | Effect::Report(_) => {}
        }
    }

    fn send(&mut self, from: usize, to: To, message: &Message) {
        let sender = u32::try_from(from).ok().map(ValidatorIndex);
        let receives = |i: usize| match to {
            To::All => i != from,
            To::One(index) => i == index.index(),
        };
        for i in (0..self.machines.len()).filter(|i| receives(*i)) {
            self.queue.push_back((i, Input::Message { from: sender, message: message.clone() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_committee_finalizes_block_after_block_without_a_timer() {
        for n in [1, 4, 7] {
            let mut committee = Committee::new(&genesis(n));
            for i in 0..10u8 {
                committee.finalize(vec![vec![i; 10]]);
            }
        }
    }

    #[test]
    fn fixtures_verify() {
        let genesis = genesis(4);
        let transaction = transactions(0, 1).remove(0);
        let key = writer().public_key().to_verifying_key().expect("on the curve");
        transaction.verify(&key).expect("own signature");
        let certificate = certificate(&genesis, View(3), Statement::Nullify);
        certificate.verify(genesis.digest(), genesis.validators()).expect("a quorum");
    }
}
