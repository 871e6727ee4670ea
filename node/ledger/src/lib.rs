//! The deterministic state machine: (state view, block) to (state changes, receipts).
//!
//! # What is here
//! - [`execute`]: the function that every node computes for every block, and whose result a finalization certifies.
//! - [`admit`]: the cheap check of one transaction at the border of a node.
//! - [`genesis_rows`]: the rows that a chain starts with.
//! - [`registry`]: the trait of a registry, and which one takes which operation: [`anchor`], [`governance`],
//!   [`evidence`] and [`credential`].
//! - [`membership`]: the one place where validity periods and roles are checked.
//! - [`members`], [`parameters`]: what proposals make of organizations, signers, parameters and certificate types.
//! - [`validators`]: the validator set of each epoch, and the one place where it changes.
//! - [`rejection`]: the one table of codes and messages.
//! - [`MemoryState`]: a state in memory for tests, benches and the simulator.
//!
//! # Invariants
//! - **L1 Determinism.** Equal input gives equal output: no clock, I/O, thread, random source, float or hash map is
//!   reachable from here (`clippy.toml` of this crate bans them). Time and height arrive with the block.
//! - **L2 Atomicity.** All operations of a transaction are applied, or none; each sees those before it.
//! - **L3 A receipt for everything.** Each transaction of a block has one receipt, in order; a refusal is on record with
//!   a stable code.
//! - **L4 Once.** A transaction id takes effect at most once on a chain: ids in this block and in ancestor blocks are
//!   refused, whether they were accepted or not.
//! - **L5 No guess.** A state that cannot be read is a [`StateError`], never a rejection, because a rejection would be
//!   certified.
//! - **L6 A set changes by few.** Between two epochs at most f = (n − 1) / 3 of the n keys leave or are replaced, and at
//!   most f (at least 1) are new; changes of one block add up. A set that tolerates a fault never becomes one that does not.
//! - **L7 The result names the next set.** [`Execution::next_validators`] is the hash of the set of the next block, and
//!   [`Execution::next`] is present exactly if that is another set than this block's: then this block is its epoch's last.
//! - **L8 Epochs stay.** The row of an epoch never changes once its first block could be proposed, so that votes of any
//!   epoch can be judged later by anyone.
//! - **L9 A conviction is proven.** Nobody is convicted without two signatures of the validator's own key, nor twice for one
//!   view.
//!
//! # Order of the checks
//! Chain, size, validity, replay, signer in force, roles for every operation, then the operations one by one. The first
//! rule that refuses gives the receipt.
//!
//! # Example
//! ```
//! use hnchain_crypto::{SecretKey, sm3};
//! use hnchain_ledger::{BlockContext, Chain, MemoryState, execute};
//! use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Role, Signer, Validator};
//! use hnchain_types::transaction::{BodyBuilder, Transaction};
//! use hnchain_types::Height;
//!
//! let (validator, writer) = (SecretKey::from_bytes(&[1; 32])?, SecretKey::from_bytes(&[2; 32])?);
//! let genesis = Genesis::create(&Document {
//!     version: 1,
//!     chain_id: "henan-demo".into(),
//!     name: "河南链".into(),
//!     time_ms: 0,
//!     parameters: Parameters::default(),
//!     organizations: vec![Organization {
//!         id: "henan".into(),
//!         name: "示例省级平台".into(),
//!         credit_code: "91410000170001401D".into(),
//!         division: "410000".into(),
//!         parent: None,
//!     }],
//!     certificate_types: vec![],
//!     signers: vec![Signer {
//!         public_key: writer.public_key(),
//!         organization: "henan".into(),
//!         roles: vec![Role::RegistryWriter { namespace: "certificate".into() }],
//!         valid_from_ms: 0,
//!         valid_until_ms: 0,
//!     }],
//!     validators: vec![Validator::new("henan-demo", "henan", &validator)],
//! })?;
//!
//! let state = MemoryState::from_genesis(&genesis);
//! let body = BodyBuilder::new("henan-demo", 100, 60_000, [7; 16]).anchor("certificate", "C-1", 1, sm3(b"salted"));
//! let tx = Transaction::sign(body.encode(), &writer)?;
//! let block = BlockContext { height: Height(1), time_ms: 1_000, parent: None };
//! let done = execute(&state, &Chain::new(&genesis), &block, &[tx])?;
//! assert!(done.receipts[0].accepted());
//! assert!(done.changes.contains_key("anchor/certificate/C-1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admit;
pub mod anchor;
pub mod credential;
pub mod evidence;
mod execute;
pub mod governance;
pub mod members;
pub mod membership;
mod memory;
pub mod parameters;
pub mod realty;
pub mod registry;
pub mod rejection;
mod state;
pub mod trace;
pub mod validators;

pub use admit::admit;
pub use execute::{Execution, block_key, execute};
pub use membership::genesis_rows;
pub use memory::MemoryState;
pub use rejection::Rejection;
pub use state::{Changes, State, StateError, StateView};
pub use validators::{NextSet, current_set, set_of};

use hnchain_types::genesis::{Genesis, Parameters};
use hnchain_types::{BlockHash, GenesisDigest, Height, ResultHash};

/// What stays the same from block to block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Identity of the chain.
    pub genesis: GenesisDigest,
    /// Its short name, which every transaction names.
    pub chain_id: String,
    /// Its parameters.
    pub parameters: Parameters,
}

impl Chain {
    /// The chain of a genesis.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let document = genesis.document();
        Self { genesis: genesis.digest(), chain_id: document.chain_id.clone(), parameters: document.parameters.clone() }
    }
}

/// What the ledger learns of a block besides its transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// Its height, at least 1.
    pub height: Height,
    /// Its time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Height, hash and result of its parent; none for the block of height 1, whose parent is the genesis.
    pub parent: Option<(Height, BlockHash, ResultHash)>,
}
