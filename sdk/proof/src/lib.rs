//! Verification without a node: proof bundles and the rules that accept or refuse them.
//!
//! # What is here
//! - [`Bundle`]: one record's proof, as a JSON file (`*.hnproof.json`) or as protobuf.
//! - [`verify`]: the steps from a bundle and a trusted genesis file to a [`Verdict`], or to a [`ProofError`] that names
//!   the step that failed.
//! - [`follow`]: the changes of validators from the genesis to a later epoch.
//! - [`commitment`]: salted commitments to documents, and their openings.
//! - [`tree`]: the state tree's hashing, shared with the storage of a node, and the check of a path in it.
//!
//! The formats and the steps are described byte by byte in `docs/proof-format.md`.
//!
//! # Invariants
//! - **V1 Trust.** Nothing is trusted but the genesis file: its validators' keys, and that fewer than a third of them lie.
//!   Later validators are known by a path of steps, each certified by the validators before it.
//! - **V2 Every byte.** A bundle file has one accepted text. Changing, adding or removing any byte of it makes it refused,
//!   even where the rest would still prove something true: a digest of the whole is compared last.
//! - **V3 Steps.** The steps are taken in the order of [`Step::ALL`]; the first that fails is the one that is named.
//! - **V4 As of.** A verdict holds as of [`Certified::time_ms`], the certified time of the block. A record that is revoked
//!   later stays active in an older bundle: ask for a newer one where that matters.
//! - **V5 Alone.** No clock, file, socket, thread or random source: it builds for wasm32 (`clippy.toml` of this crate
//!   bans them).
//!
//! # Example
//! ```
//! use hnchain_proof::{Bundle, Opening, Status, Step, verify};
//! use hnchain_types::genesis::Genesis;
//!
//! # macro_rules! file { ($name:literal) => { include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/", $name)) } }
//! let trust = Genesis::parse(file!("genesis.json"))?;
//! let bundle = Bundle::from_json(file!("active.hnproof.json"))?;
//!
//! let verdict = verify(&bundle, &trust)?;
//! let record = verdict.record.expect("this bundle proves presence");
//! assert_eq!((record.status, record.version), (Status::Active, 2));
//! assert_eq!((verdict.certified.signers.len(), verdict.certified.quorum), (3, 3));
//! assert!(verdict.opening.expect("enclosed").is_of("示例营业执照：一号".as_bytes()));
//!
//! let forged = bundle.with_opening(Opening::of(b"another document", [0; 16]));
//! let error = verify(&forged, &trust).expect_err("the commitment is of the first document");
//! assert_eq!((error.step(), error.code()), (Step::Opening, "PROOF_OPENING"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bundle;
pub mod commitment;
mod error;
pub mod fields;
mod path;
pub mod tree;
mod verify;

pub use bundle::{Bundle, FILE_ENDING, FORMAT, JSON_BYTES, PROTO_BYTES, VERSION};
pub use commitment::Opening;
pub use error::{ProofError, Reason, Step};
pub use hnchain_types::record::{Record, Status};
pub use path::{STEPS, follow};
pub use verify::{Certified, RowVerdict, Signatory, Verdict, verify, verify_row};
