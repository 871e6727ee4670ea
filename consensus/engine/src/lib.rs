//! The consensus engine: Simplex (Chan and Pass, eprint 2023/463) as a state machine without I/O.
//!
//! [`Machine::step`] takes one [`Input`] and gives back [`Effect`]s. Clock, network, disk, mempool and execution are
//! the caller's. The same machine runs in the node and in tests that simulate whole clusters.
//!
//! ```text
//!             Message, Timer, Work                       Send, Arm
//!   network ────────────────────────►┌─────────┐────────────────────────► network, clock
//!                                    │ Machine │ Persist (before Send)
//!   mempool ◄──── Propose, Proposed ─│         │────────────────────────► journal
//!             Validate, Validated    │ Safety  │ Execute, Executed
//!   checks  ◄───────────────────────►│  signs  │◄───────────────────────► ledger
//!                                    └─────────┘ Finalized, Behind
//!                                         └───────────────────────────► store, sync
//! ```
//!
//! # Setting
//! n validators of which at most f = ⌊(n − 1) / 3⌋ lie; a quorum is q = n − f votes. Time is cut into *views*; view v
//! is led by validator v mod n. In each view a validator may vote *notarize* (this is the view's block), *nullify*
//! (skip the view) and *finalize* (this block is final and executing it gave this result). q votes on one statement are
//! a *certificate*: notarization, nullification or finalization. The *root* is the newest finalized block.
//!
//! # Rules
//! - **R1 Enter.** On a certificate of any kind for view v ≥ the current one: journal it, enter v + 1.
//! - **R2 Lead.** The leader of the current view v, if a block is wanted (R11), takes the newest notarized block p (or the
//!   root) such that it holds nullifications of all views between p's and v, and puts a block on it that carries these
//!   nullifications (the newest 512 where there are more). Its proposal is the block, its own notarize vote, and p's certificate. If it is more than four
//!   blocks behind in execution the block is empty.
//! - **R3 Notarize.** The first proposal of the current view whose parent is notarized or the root, whose skips are
//!   complete (carried, or held here where too old to be carried) and verify, whose height and time follow the parent's, and whose payload the driver finds valid, is
//!   journaled and voted for, unless this view was nullified by us. An invalid one is answered by nullify (R8).
//! - **R4 Notarization.** Enter the next view even without the body; ask the signers for the body; execute (R5).
//! - **R5 Execute.** A block that was found valid or is notarized is executed once its parent has been.
//! - **R6 Finalize.** A block that is notarized and executed gets our finalize vote, however many views later, unless we
//!   nullified its view or notarized another block there.
//! - **R7 Finality.** A finalization makes its block and all ancestors final. If our own result differs: halt.
//! - **R8 Nullify.** When the leader timer (2Δ, no proposal) or the view timer (3Δ, no certificate) runs out, the proposal
//!   is invalid, the leader nullified its own view, or the leader has been silent since it missed its last view: vote
//!   nullify, unless we voted finalize in this view. After three failed views in a row an invalid proposal is left to the
//!   view timer, so that views do not fail at the speed of the network.
//! - **R9 Back-off.** Δ grows by half with each view since the last finalization that was nullified, or left after it was
//!   given up here, up to 1.5⁶.
//! - **R10 Resend.** While something is wanted or waits for its finalization, own votes, own proposal and the certificate
//!   of entry are sent again every 4Δ (at most 8Δ of the base). A vote for a view that is over is answered with the
//!   certificate that ended it.
//! - **R11 Quiet.** Timers run and blocks are made only while transactions wait, the heartbeat is due, a notarized block
//!   was not finalized within 2Δ, or a view failed since the last finalization. A vote heard in this view is a reason as
//!   well, but leader and timers first wait 2Δ for another one: one liar must not keep an idle chain busy.
//! - **R12 Fetch.** Missing bodies are asked from signers and come with their parent's certificate; that of the newest final
//!   block is served as well. Missing certificates are asked from all, missing finalized blocks through
//!   [`Effect::Behind`]. Answers are rationed per peer and Δ/2.
//! - **R13 Journal.** Own votes, the blocks they name and certificates of entry are durable before a vote leaves. After a
//!   crash the machine stands where it stood, offers its own votes to its tally and sends them again. Where votes may be
//!   missing (cut off, or a journal that is new on an old chain) a durable mark keeps it from voting in those views.
//! - **R14 Epoch.** A block whose execution changes the validator set is the *last* of its epoch. Its descendants in the
//!   same epoch are *void*: they give what it gave, and their payload is not on the chain. They are made only for its
//!   finality, and without payload by a leader that knows. Finality of the last block, or of a void one, makes the last
//!   block the root and ends the epoch; the next one builds on it, begins with the view after its own, and has its own
//!   votes, flags and leaders. Who is not in the new set votes no more. Messages of the next epoch wait a little, those
//!   of an earlier one are answered with the certificate that ended it.
//!
//! # Safety
//! `safety::Safety` owns the key. In one view it never signs two notarize, two finalize, both nullify and
//! finalize, finalize of another block than it notarized, nor notarize after nullify; it signs nothing in views at or
//! below the root. Hence, with at most f liars:
//! - **I1** At most one block is final at each height. Two quorums share a correct validator. If b is finalized in view
//!   v, q validators did not nullify v, so v has no nullification; it has no other notarization; so every later block,
//!   whose skips must cover v, descends from b.
//! - **I2** One result for a block: a correct validator signs one finalize in a view.
//! - **I3** No view has both a finalization and a nullification.
//!
//! Across epochs: within an epoch the last block is final or it is not, by I1; the next epoch has that block as its only
//! root; signatures name the epoch, so no vote of one counts in another. Void blocks are above the last block and never
//! final themselves.
//!
//! With more than f liars, two conflicting finalizations expose at least f + 1 of them by signatures alone: [`Evidence`].
//!
//! # Deviations from the paper
//! The second vote certifies the execution result; skips are carried in the block; certificates are not flooded; a
//! validator that notarized another block in a view does not finalize there (otherwise evidence would accuse the
//! honest). See ARCHITECTURE.md and docs/decisions.
//!
//! # Example
//! A chain of one validator:
//! ```
//! use hnchain_consensus::{Effect, Input, Machine, Parameters, Recovered, Root, Sm2};
//! use hnchain_crypto::{SecretKey, sm3};
//! use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, ResultHash, View, genesis::ValidatorSet};
//!
//! let key = SecretKey::from_bytes(&[7; 32])?;
//! let parameters = Parameters {
//!     genesis: GenesisDigest(sm3(b"genesis")),
//!     epoch: Epoch(0),
//!     validators: std::sync::Arc::new(ValidatorSet::new(&[key.public_key()])?),
//!     delta_ms: 150,
//!     verifier: std::sync::Arc::new(Sm2),
//!     heartbeat_ms: 10_000,
//! };
//! let block = BlockHash(sm3(b"genesis block"));
//! let root = Root { epoch: Epoch(0), height: Height(0), view: View(0), block, time_ms: 0 };
//! let recovered = Recovered { root, finalization: None, records: vec![] };
//! let mut machine = Machine::new(parameters, Some(std::sync::Arc::new(key)), recovered)?;
//! machine.step(0, Input::Start);
//! let effects = machine.step(1, Input::Work(true));
//! assert!(effects.iter().any(|e| matches!(e, Effect::Propose { view: View(1), .. })));
//! let effects = machine.step(2, Input::Proposed { view: View(1), time_ms: 5, transactions: vec![b"tx".to_vec()] });
//! let block = effects.iter().find_map(|e| match e { Effect::Execute(b) => Some(b.header.hash()), _ => None });
//! let result = ResultHash(sm3(b"state after"));
//! let effects = machine.step(3, Input::Executed { block: block.expect("executed"), result, next: None });
//! assert!(effects.iter().any(|e| matches!(e, Effect::Finalized { height: Height(1), .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bug;
mod effect;
mod machine;
mod message;
mod record;
mod safety;
mod signing;
mod tally;
mod tree;

pub use effect::{Divergence, Effect, Input, NullifyReason, Report, Timer, To};
pub use hnchain_types::vote::{Evidence, Vote};
pub use machine::{Machine, Parameters};
pub use message::{Message, Proposal, Want};
pub use record::{Position, Record, Recovered, Root};
pub use safety::JournalContradiction;
pub use signing::{Signer, Sm2, Verifier};

use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{ValidatorIndex, View};

/// Who leads a view.
#[derive(Clone, Copy, Debug)]
pub struct Leader;

impl Leader {
    /// Validators take turns in the order of the set: view mod n.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // a remainder by n ≤ 128
    pub fn of(view: View, validators: &ValidatorSet) -> ValidatorIndex {
        ValidatorIndex((view.0 % validators.len() as u64) as u32)
    }
}
