//! The asynchronous client of 河南链: submit, wait, retry on another node, prove, subscribe.
//!
//! # What it is for
//! An application (电子证照, 不动产登记, 农产品溯源 …) holds a key that the chain knows, signs what it wants to record and
//! hands it to any node. [`Client`] talks to a list of nodes, [`Signer`] puts transactions together.
//!
//! # Invariants
//! 1. **One node's death is not the caller's problem.** Every call tries the next node when one is unreachable, busy, late
//!    or gives a false answer, within a total deadline ([`Options`]).
//! 2. **Submitting is idempotent.** The same bytes go to as many nodes as needed; the chain applies them once.
//! 3. **A node is not trusted.** Every answer is decoded strictly and must belong to the question: receipts to the
//!    transaction, records and proofs to the key, blocks to the height and to their parent. What a single node says is
//!    still only its word. What must hold in court is [`Client::prove`] and [`hnchain_proof::verify`] against a genesis.
//! 4. **Nothing acknowledged loses its salt.** [`Signer::draft`] gives the opening before anything is sent, and a failed
//!    [`Client::anchor_file`] returns it.
//! 5. **Only commitments leave.** Documents are salted and hashed here; their bytes are never sent.
//!
//! # Example
//! ```no_run
//! use hnchain_crypto::keyfile;
//! use hnchain_sdk::{Client, Options, Signer};
//! use hnchain_types::genesis::Genesis;
//! use std::time::Duration;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let key = keyfile::decrypt(&std::fs::read_to_string("registrar.pem")?, b"correct horse battery")?;
//! let signer = Signer::new(key, "henan-demo");
//! let nodes = ["http://127.0.0.1:9101", "http://127.0.0.1:9102"].map(str::to_owned).to_vec();
//! let client = Client::new(nodes, Options::default())?;
//!
//! // Keep the opening first, submit second: whoever has the document and the opening can prove what was recorded.
//! let document = std::fs::read("licence.json")?;
//! let draft = signer.draft("certificate", "1.2.156.3005.2.1", 1, &document)?;
//! println!("keep the salt {:02x?}", draft.opening.salt);
//! let receipt = client.submit_and_wait(&draft.transaction, Duration::from_secs(30)).await?;
//! println!("final in block {}", receipt.height);
//!
//! // Later, anybody: a proof that holds without any node.
//! let bundle = client.prove_with_opening("certificate", "1.2.156.3005.2.1", &draft.opening).await?;
//! let genesis = Genesis::parse(&std::fs::read("genesis.json")?)?;
//! let verdict = hnchain_proof::verify(&bundle, &genesis)?;
//! println!("certified by {} validators", verdict.certified.signers.len());
//!
//! // Follow the chain; the stream moves to another node when one fails.
//! let mut blocks = client.subscribe(receipt.height);
//! while let Some(block) = blocks.next().await {
//!     println!("block {}", block?.block.header.height);
//! }
//! # Ok(()) }
//! ```

mod certificate;
mod client;
mod error;
mod governance;
mod members;
mod nodes;
mod options;
mod read;
mod realty;
mod signer;
mod subscribe;
pub mod trace;

pub use certificate::{
    CertificateAnswer, CertificateHistory, CertificateRequest, Certificates, HISTORY_PAGE, HOLDER_PAGE, HolderPage,
};
pub use client::{AnchorFailure, Anchored, Client};
pub use error::{Attempt, Error, Refusal};
pub use governance::Conviction;
pub use hnchain_proof as proof;
pub use members::Members;
pub use options::Options;
pub use read::{CertifiedHeader, NodeStatus, PeerStatus, RecordAnswer, Submitted, TransactionState};
pub use realty::{Held, HeldPage, Realty, Registered, TitlePage, UnitAnswer};
pub use signer::{Draft, Signer, commit_to, salt};
pub use subscribe::Blocks;
