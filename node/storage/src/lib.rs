//! Durable storage of one node: final blocks, the authenticated state, and the vote journal.
//!
//! ```text
//!  executor thread                               RPC threads
//!  Overlays ── apply ──▶ executed, not final      Store::{tip, block, transaction, row, prove}
//!     │  forks side by side, in memory                 │ each call one consistent snapshot
//!     └──── finalize ──▶ one synced batch ──▶ Store ◀──┘
//! ```
//!
//! - [`Store`]: what is final, in RocksDB under `<data directory>/store`. Blocks with receipts, the *current* rows (history
//!   is rows of the ledger), the nodes of the state tree of the newest [`Options::keep_versions`] heights, indices, and
//!   the step by which each epoch's validators certified the next ones.
//! - [`Overlays`]: executed blocks above the tip. [`Overlays::apply`] computes the state root by which validators certify
//!   a block's result; [`Overlays::finalize`] moves blocks into the store.
//! - [`snapshot`]: a store at its tip as one file, and a new store that begins from it.
//! - [`Journal`]: what this validator signed, in the plain file `votes.journal`; its module page has the format.
//!
//! The state tree is a Jellyfish Merkle tree (crate `jmt`) over SM3, as `hnchain_proof::tree` describes it: the version of
//! a node is the height of the block that made it, rows are placed by `Tag::StateKey` of their readable key.
//!
//! # Invariants
//! 1. A block is in the store wholly or not at all, and the tip in the store always has its own certificate: a block and
//!    its ancestors that became final with it are one synced batch. So proofs always speak of the newest state. The
//!    certificate of an epoch's last block may be that of a void block above it, which has the same result; void blocks
//!    themselves are none of the chain and never in the store.
//! 2. After `finalize` returned, its blocks survive any crash. A start after a crash finds the last such tip; damage that
//!    is not a crash's torn tail is refused with [`StorageError::Damaged`], never repaired in silence.
//! 3. Two competing blocks never see each other's rows, transactions or nodes.
//! 4. The state root depends on the rows alone, not on the order or the forks by which they came about.
//! 5. A proof that [`Store::prove`] gives was verified against the certified root first.
//! 6. A transaction's place is its first inclusion; later ones, which the ledger refuses, do not move it.
//! 7. A store that began from a snapshot knows the place of every transaction that a later block could still include, so
//!    it refuses the same replays as every other.
//!
//! # Example
//! ```
//! use hnchain_crypto::{SecretKey, Signature};
//! use hnchain_storage::{Journal, Overlays, Store};
//! use hnchain_types::block::{Block, Header, HeaderFields, payload_root, skips_root};
//! use hnchain_types::certificate::{Certificate, Statement};
//! use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Validator};
//! use hnchain_types::{Epoch, Height, ValidatorIndex, View};
//! use std::{collections::BTreeMap, sync::Arc};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let key = SecretKey::generate()?;
//! # let genesis = Genesis::create(&Document {
//! #     version: 1, chain_id: "henan".into(), name: "河南链".into(), time_ms: 1, parameters: Parameters::default(),
//! #     organizations: vec![Organization { id: "province".into(), name: "河南省".into(),
//! #         credit_code: "91410000170001401D".into(), division: "410000".into(), parent: None }],
//! #     certificate_types: vec![],
//! #     signers: vec![], validators: vec![Validator::new("henan", "province", &key)],
//! # })?;
//! let rows = BTreeMap::from([("org/province".to_owned(), b"row".to_vec())]);
//! let store = Store::open(directory.path(), &genesis, &rows)?;
//! let mut overlays = Overlays::new(store.clone());
//!
//! // The executor runs a block on the state after its parent …
//! let parent = store.tip();
//! assert_eq!(overlays.view(&parent.block).expect("the tip").row("org/province")?, Some(b"row".to_vec()));
//! let header = Header::new(HeaderFields {
//!     genesis: genesis.digest(), epoch: Epoch(0), view: View(1), height: Height(1), parent: parent.block,
//!     parent_view: View(0), time_ms: 2, payload_root: payload_root::<&[u8]>(&[]), skips_root: skips_root::<&[u8]>(&[]),
//!     validators: genesis.validators().hash(),
//! });
//! let block = Arc::new(Block::new(header, vec![], vec![])?);
//! let changes = BTreeMap::from([("anchor/certificate/1".to_owned(), Some(b"record".to_vec()))]);
//! let result = overlays.apply(block.clone(), changes, vec![], vec![], genesis.validators().hash())?;
//!
//! // … and when a quorum has certified the result, the block is final and its rows can be proven.
//! let hash = block.header.hash();
//! let certificate = Certificate {
//!     epoch: Epoch(0), view: View(1), statement: Statement::Finalize { block: hash, result: result.hash() },
//!     votes: vec![(ValidatorIndex(0), Signature([1; 64]))], // the engine checks signatures, not the store
//! };
//! assert_eq!(overlays.finalize(&hash, &certificate, vec![])?.len(), 1);
//! assert_eq!(store.tip().height, Height(1));
//! let proven = store.prove("anchor/certificate/1")?.expect("a certified block");
//! assert_eq!(proven.state.value, b"record");
//!
//! // Before a vote is sent, it is in the journal.
//! let (mut journal, votes) = Journal::open(directory.path())?;
//! assert!(votes.is_empty());
//! journal.append(b"finalize view 1")?;
//! journal.sync()?;
//! # Ok(())
//! # }
//! ```

mod codec;
mod commit;
mod database;
mod directory;
mod epochs;
mod error;
mod journal;
mod lasting;
mod overlays;
mod prove;
pub mod snapshot;
mod store;
mod tree;

pub use error::StorageError;
pub use journal::Journal;
pub use overlays::{Overlays, View};
pub use prove::Proven;
pub use store::{Options, Store, Tip};
pub use tree::Changes;
