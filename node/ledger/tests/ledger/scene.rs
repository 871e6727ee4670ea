//! A chain of two organizations, and blocks on it.

use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_ledger::{BlockContext, Chain, Execution, MemoryState, Rejection, StateView, admit, execute};
use hnchain_types::block::ExecutionResult;
use hnchain_types::codes::{CreditCode, Division};
use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Role, Signer, Validator};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, RecordKey, Transaction};
use hnchain_types::{BlockHash, Height, ResultHash, StateRoot, ValidatorsHash, proto};
use prost::Message;
use std::sync::LazyLock;

pub(crate) const CHAIN: &str = "henan-demo";
/// Time of the genesis; block h is an hour and h seconds later.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// The keys of the scene.
pub(crate) struct Keys {
    /// zhengzhou, writes `certificate` and `realty`.
    pub(crate) zhengzhou: SecretKey,
    /// A second key of zhengzhou, writes `certificate`.
    pub(crate) zhengzhou_second: SecretKey,
    /// kaifeng, writes every namespace.
    pub(crate) kaifeng: SecretKey,
    /// zhengzhou, reads only.
    pub(crate) auditor: SecretKey,
    /// kaifeng, in force from block 10 to block 20.
    pub(crate) temporary: SecretKey,
    /// The validator; not a writer.
    pub(crate) validator: SecretKey,
    /// Nobody.
    pub(crate) stranger: SecretKey,
}

fn key(i: u8) -> SecretKey {
    SecretKey::from_bytes(&[i; 32]).unwrap()
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self {
            zhengzhou: key(1),
            zhengzhou_second: key(2),
            kaifeng: key(3),
            auditor: key(4),
            temporary: key(5),
            validator: key(6),
            stranger: key(7),
        }
    }
}

/// An invented 统一社会信用代码, another one for each organization.
pub(crate) fn credit_code(id: &str) -> String {
    let body: String = sm3(id.as_bytes()).0.iter().take(8).map(|b| char::from(b'0' + b % 10)).collect();
    CreditCode::from_parts('1', '1', Division::HENAN, &body).unwrap().to_string()
}

pub(crate) fn organization(id: &str, division: &str) -> Organization {
    Organization {
        id: id.to_owned(),
        name: format!("示例机构 {id}"),
        credit_code: credit_code(id),
        division: division.to_owned(),
        parent: None,
    }
}

fn writer(key: &SecretKey, organization: &str, namespaces: &[&str]) -> Signer {
    let roles = namespaces.iter().map(|n| Role::RegistryWriter { namespace: (*n).to_owned() }).collect();
    Signer {
        public_key: key.public_key(),
        organization: organization.to_owned(),
        roles,
        valid_from_ms: 0,
        valid_until_ms: 0,
    }
}

pub(crate) fn genesis() -> Genesis {
    let keys = Keys::new();
    let mut auditor = writer(&keys.auditor, "zhengzhou", &[]);
    auditor.roles = vec![Role::Auditor {}, Role::Observer {}];
    let mut temporary = writer(&keys.temporary, "kaifeng", &["*"]);
    (temporary.valid_from_ms, temporary.valid_until_ms) = (time_of(10), time_of(20));
    Genesis::create(&Document {
        version: 1,
        chain_id: CHAIN.to_owned(),
        name: "河南链（示例）".to_owned(),
        time_ms: START_MS,
        parameters: Parameters { transaction_bytes: 2048, ..Parameters::default() },
        organizations: vec![organization("zhengzhou", "410100"), organization("kaifeng", "410200")],
        certificate_types: vec![],
        signers: vec![
            writer(&keys.zhengzhou, "zhengzhou", &["certificate", "realty"]),
            writer(&keys.zhengzhou_second, "zhengzhou", &["certificate"]),
            writer(&keys.kaifeng, "kaifeng", &["*"]),
            auditor,
            temporary,
        ],
        validators: vec![Validator::new(CHAIN, "zhengzhou", &keys.validator)],
    })
    .unwrap()
}

pub(crate) fn time_of(height: u64) -> u64 {
    START_MS + 3_600_000 + height * 1_000
}

/// A commitment to tell versions apart.
pub(crate) fn commitment(n: u64) -> Digest {
    sm3(&n.to_be_bytes())
}

/// A chain that grows.
pub(crate) struct World {
    pub(crate) chain: Chain,
    pub(crate) state: MemoryState,
    pub(crate) keys: Keys,
    /// Height of the last block.
    pub(crate) height: u64,
    salt: u64,
    slept: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(&genesis())
    }

    pub(crate) fn of(genesis: &Genesis) -> Self {
        let state = MemoryState::from_genesis(genesis);
        Self { chain: Chain::new(genesis), state, keys: Keys::new(), height: 0, salt: 0, slept: 0 }
    }

    /// A body, valid for the next block, with a salt of its own.
    pub(crate) fn body(&mut self) -> BodyBuilder {
        self.salt += 1;
        let mut salt = [0; 16];
        salt[8..].copy_from_slice(&self.salt.to_be_bytes());
        BodyBuilder::new(CHAIN, self.height + 100, self.next_time() + 60_000, salt)
    }

    pub(crate) fn context(&self) -> BlockContext {
        let next = self.height + 1;
        let parent =
            (self.height > 0).then(|| (Height(self.height), block_hash(self.height), result_hash(self.height)));
        BlockContext { height: Height(next), time_ms: self.next_time(), parent }
    }

    /// Lets block time jump ahead by this much before the next block.
    pub(crate) fn sleep(&mut self, ms: u64) {
        self.slept += ms;
    }

    /// Time of the next block.
    pub(crate) fn next_time(&self) -> u64 {
        time_of(self.height + 1) + self.slept
    }

    /// What the next block would do.
    pub(crate) fn execute(&self, transactions: &[Transaction]) -> Execution {
        execute(&self.state, &self.chain, &self.context(), transactions).unwrap()
    }

    /// Appends a block.
    pub(crate) fn block(&mut self, transactions: &[Transaction]) -> Vec<Receipt> {
        self.append(transactions).receipts
    }

    /// Appends a block and gives all that it did.
    pub(crate) fn append(&mut self, transactions: &[Transaction]) -> Execution {
        let execution = self.execute(transactions);
        self.height += 1;
        self.state.apply(Height(self.height), &execution.changes, transactions.iter().map(Transaction::id));
        execution
    }

    /// Appends a block of one transaction and gives its outcome.
    pub(crate) fn one(&mut self, key: &SecretKey, body: &BodyBuilder) -> Result<Vec<proto::Event>, proto::Rejection> {
        let tx = sign(key, body);
        outcome(&self.block(&[tx])[0])
    }

    /// Appends empty blocks up to a height.
    pub(crate) fn wait_until(&mut self, height: u64) {
        while self.height < height {
            self.block(&[]);
        }
    }

    pub(crate) fn admit(&self, tx: &Transaction) -> Result<(), Rejection> {
        let next = self.context();
        admit(&self.state, &self.chain, next.time_ms, next.height, tx).unwrap()
    }

    pub(crate) fn record(&self, namespace: &str, id: &str) -> Option<proto::Record> {
        self.row(&RecordKey::new(namespace, id).unwrap().state_key())
    }

    pub(crate) fn row<M: Message + Default>(&self, key: &str) -> Option<M> {
        self.state.row(key).unwrap().map(|raw| M::decode(raw.as_slice()).unwrap())
    }
}

pub(crate) fn sign(key: &SecretKey, body: &BodyBuilder) -> Transaction {
    Transaction::sign(body.encode(), key).unwrap()
}

pub(crate) fn outcome(receipt: &Receipt) -> Result<Vec<proto::Event>, proto::Rejection> {
    match receipt.outcome.clone() {
        Outcome::Accepted(events) => Ok(events),
        Outcome::Rejected(rejection) => Err(rejection),
    }
}

/// Code of a refusal; empty where the transaction was accepted.
pub(crate) fn code(receipt: &Receipt) -> String {
    outcome(receipt).err().map(|r| r.code).unwrap_or_default()
}

pub(crate) fn codes(receipts: &[Receipt]) -> Vec<String> {
    receipts.iter().map(code).collect()
}

pub(crate) fn block_hash(height: u64) -> BlockHash {
    BlockHash(sm3(format!("block {height}").as_bytes()))
}

pub(crate) fn result_hash(height: u64) -> ResultHash {
    // Made once: a genesis verifies the keys of its validators.
    static VALIDATORS: LazyLock<ValidatorsHash> = LazyLock::new(|| genesis().validators().hash());
    let root = StateRoot(sm3(format!("state {height}").as_bytes()));
    ExecutionResult::new(root, root.0, *VALIDATORS).hash()
}
