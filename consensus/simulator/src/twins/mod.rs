//! Twins (tiers T1 and T2): a liar is a correct machine that runs twice with one key, or a puppet that says anything.
//!
//! A validator whose two machines hear different things equivocates, votes twice, and forgets, without anybody having to
//! write these lies down (Bano and others, "Twins: BFT Systems Made Robust"). [`exhaustive`] plays every scenario of a
//! small space, [`random`] samples a large one and adds named [`adversary`] deeds that no correct machine does.
//!
//! In every scenario the [`truth::Truth`] sees each signature at the moment it is made and judges, after each step:
//! I1 agreement, I2 one result, I3 no finalization and nullification of one view, I4 ancestry, I5 no forbidden pair of an
//! honest validator and nothing sent that is not durable, I6 no way back, I8 certificates that were really signed, I9
//! evidence that convicts liars only, I11 bounded memory. Each scenario ends with a network that heals, and I12 demands
//! that all honest validators then finalize something new within a stated time.

pub mod adversary;
pub mod cast;
pub mod exhaustive;
pub mod heal;
pub mod random;
pub mod storm;
pub mod sweep;
pub mod truth;
pub mod world;

pub use cast::Cast;
pub use truth::{Truth, Violation};
pub use world::World;
