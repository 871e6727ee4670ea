//! What all nodes of a simulation have in common: the chain's genesis and the keys.

use crate::signing::{CheapKey, CheapVerifier};
use hnchain_consensus::{Parameters, Root, Signer, Sm2, Verifier};
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_ledger::{Chain, MemoryState};
use hnchain_types::codes::{CreditCode, Division};
use hnchain_types::genesis::{self, Document, Genesis, Organization, Role, Validator};
use hnchain_types::transaction::Transaction;
use hnchain_types::{Epoch, Height, View, proto};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the simulated chain.
pub(crate) const CHAIN: &str = "simulated";
/// When the simulation begins on every right clock, milliseconds since the Unix epoch.
pub(crate) const BEGIN_MS: u64 = 1_700_000_000_000;
/// Keys of validators: those of the first set, joiners, and what rotations need.
const VALIDATOR_KEYS: u32 = 96;
/// Keys of the organizations' administrators come after them, and clients' after those.
const ADMINISTRATORS: u32 = 1_000;
const CLIENTS: u32 = 2_000;
/// Organizations and clients that every simulated chain knows.
const ORGANIZATIONS: u32 = 40;
const WRITERS: u32 = 4;

/// Genesis and keys.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) chain: Chain,
    pub(crate) state: MemoryState,
    pub(crate) keys: Arc<Keys>,
}

/// Keys of all simulations of this process: making one costs a multiplication on the curve.
#[derive(Debug)]
pub(crate) struct Keys {
    validators: Vec<Arc<CheapKey>>,
    real: Vec<Arc<SecretKey>>,
    administrators: Vec<Arc<CheapKey>>,
    writers: Vec<Arc<CheapKey>>,
    verifier: Arc<CheapVerifier>,
}

impl Keys {
    fn make() -> Self {
        let range = |from: u32, n: u32| -> Vec<Arc<CheapKey>> {
            (from..from + n).map(|i| Arc::new(CheapKey::new(i))).collect()
        };
        let validators = range(0, VALIDATOR_KEYS);
        let administrators = range(ADMINISTRATORS, ORGANIZATIONS);
        let writers = range(CLIENTS, WRITERS);
        let all: Vec<_> = validators.iter().chain(&administrators).chain(&writers).cloned().collect();
        Self {
            real: validators.iter().map(|k| Arc::new(k.secret_key())).collect(),
            verifier: Arc::new(CheapVerifier::of(&all)),
            validators,
            administrators,
            writers,
        }
    }

    fn of_process() -> Arc<Self> {
        static KEYS: Mutex<Option<Arc<Keys>>> = Mutex::new(None);
        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get_or_insert_with(|| Arc::new(Self::make())).clone()
    }

    /// The key with which a validator signs: real SM2 or cheap.
    pub(crate) fn signer(&self, key: usize, real: bool) -> Arc<dyn Signer> {
        if real { self.real[key].clone() } else { self.validators[key].clone() }
    }

    /// How votes are checked.
    pub(crate) fn verifier(&self, real: bool) -> Arc<dyn Verifier> {
        if real { Arc::new(Sm2) } else { self.verifier.clone() }
    }

    pub(crate) fn public(&self, key: usize) -> PublicKey {
        self.validators[key].public_key()
    }

    pub(crate) fn secret(&self, key: usize) -> &SecretKey {
        &self.real[key]
    }

    /// The validator key with these bytes.
    pub(crate) fn find(&self, public: &PublicKey) -> Option<usize> {
        self.validators.iter().position(|k| k.public_key() == *public)
    }

    pub(crate) fn administrator(&self, organization: usize) -> &CheapKey {
        &self.administrators[organization]
    }

    pub(crate) fn writer(&self, client: usize) -> &CheapKey {
        &self.writers[client % self.writers.len()]
    }

    /// Whether a transaction's signature, a cheap one, is its signer's.
    pub(crate) fn signed(&self, tx: &Transaction) -> bool {
        self.verifier.signed(&tx.public_key(), &tx.id().0, &tx.signature())
    }
}

/// Signs a transaction the cheap way.
pub(crate) fn transaction(body: &[u8], key: &CheapKey) -> Option<Transaction> {
    let envelope = |signature: [u8; 64]| proto::Transaction {
        body: body.to_vec(),
        public_key: key.public_key().as_bytes().to_vec(),
        signature: signature.to_vec(),
        hint: 0,
    };
    // The id does not depend on the signature.
    let id = Transaction::decode(&envelope([1; 64]).encode_to_vec()).ok()?.id();
    Transaction::decode(&envelope(key.sign(&id.0).0).encode_to_vec()).ok()
}

/// An invented 统一社会信用代码, another one for each organization.
fn credit_code(i: usize) -> String {
    let code = CreditCode::from_parts('1', '1', Division::HENAN, &format!("{i:08}"));
    code.map(|code| code.to_string()).unwrap_or_default()
}

/// Name of the organization that runs a validator key.
pub(crate) fn organization(index: usize) -> String {
    format!("org-{index:02}")
}

impl World {
    /// The world with this many validators. Worlds are shared within the process: making one means SM2 signatures.
    pub(crate) fn of(validators: usize, delta_ms: u64, heartbeat_ms: u64) -> Arc<Self> {
        type Worlds = BTreeMap<(usize, u64, u64), Arc<World>>;
        static WORLDS: Mutex<Worlds> = Mutex::new(Worlds::new());
        let key = (validators, delta_ms, heartbeat_ms);
        let mut worlds = WORLDS.lock().unwrap_or_else(PoisonError::into_inner);
        worlds.entry(key).or_insert_with(|| Arc::new(Self::make(validators, delta_ms, heartbeat_ms))).clone()
    }

    fn make(validators: usize, delta_ms: u64, heartbeat_ms: u64) -> Self {
        let keys = Keys::of_process();
        let organizations = (0..ORGANIZATIONS as usize).map(|i| Organization {
            id: organization(i),
            name: "模拟机构".into(),
            credit_code: credit_code(i),
            division: "410000".into(),
            parent: None,
        });
        let signer = |key: &CheapKey, organization: String, role: Role| genesis::Signer {
            public_key: key.public_key(),
            organization,
            roles: vec![role],
            valid_from_ms: 0,
            valid_until_ms: 0,
        };
        let writers = keys.writers.iter().enumerate();
        let writers = writers.map(|(i, k)| signer(k, organization(i), Role::RegistryWriter { namespace: "*".into() }));
        let administrators = keys.administrators.iter().enumerate();
        let administrators = administrators.map(|(i, k)| signer(k, organization(i), Role::Administrator {}));
        let genesis = Genesis::create(&Document {
            version: 1,
            chain_id: CHAIN.into(),
            name: "模拟链".into(),
            time_ms: BEGIN_MS - 1_000,
            parameters: genesis::Parameters { delta_ms, heartbeat_ms, ..genesis::Parameters::default() },
            organizations: organizations.collect(),
            certificate_types: vec![],
            signers: writers.chain(administrators).collect(),
            validators: (0..validators).map(|i| Validator::new(CHAIN, &organization(i), keys.secret(i))).collect(),
        })
        .expect("the genesis of a simulation keeps the rules");
        Self { chain: Chain::new(&genesis), state: MemoryState::from_genesis(&genesis), genesis, keys }
    }

    /// Where a chain begins.
    pub(crate) fn root(&self) -> Root {
        Root {
            epoch: Epoch(0),
            height: Height(0),
            view: View(0),
            block: self.genesis.block_hash(),
            time_ms: self.genesis.document().time_ms,
        }
    }

    /// What the machine of an epoch is told.
    pub(crate) fn parameters(
        &self,
        epoch: Epoch,
        validators: Arc<genesis::ValidatorSet>,
        verifier: Arc<dyn Verifier>,
    ) -> Parameters {
        let p = &self.chain.parameters;
        Parameters {
            genesis: self.genesis.digest(),
            epoch,
            validators,
            verifier,
            delta_ms: p.delta_ms,
            heartbeat_ms: p.heartbeat_ms,
        }
    }
}
