//! Mistakes that the bug bank plants to see whether the simulator finds them (RELIABILITY.md, T8).
//!
//! They exist only where the package `consensus/simulator/bugs/engine` compiles these sources with `cfg(planted_bugs)`.
//! Everywhere else `planted` is the constant `false` and the compiler drops what asks for it.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// A quorum is one vote short.
    QuorumOffByOne,
    /// Votes leave without a record.
    VoteNotJournaled,
    /// A restart does not restore what was signed.
    FlagsForgotten,
    /// A restart does not restore where votes were cut off.
    CutForgotten,
    /// Finalize is signed in a view that was nullified.
    FinalizeAfterNullify,
    /// Nullify is signed in a view that was finalized.
    NullifyAfterFinalize,
    /// A second block of a view is notarized.
    NotarizeTwice,
    /// A block is notarized in a view that was nullified.
    NotarizeAfterNullify,
    /// Another block is finalized than was notarized.
    FinalizeOther,
    /// Signatures of votes are not verified.
    VotesUnchecked,
    /// Signatures of certificates are not verified.
    CertificatesUnchecked,
    /// Signatures of carried nullifications are not verified.
    SkipsUnchecked,
    /// A proposal's parent need not be notarized.
    ParentUnchecked,
    /// A proposal may build below the root.
    FinalUndone,
    /// A proposal's height and time need not follow its parent's.
    HeightUnchecked,
    /// An own result that differs from the certified one is no reason to halt.
    ResultUnchecked,
    /// A restart does not count the own votes again.
    OwnVotesNotOffered,
    /// A restart forgets the certificate of entry.
    EntryNotRestored,
    /// Nothing is said again.
    NoResend,
    /// Peers that are behind get no certificate.
    NoHelp,
    /// Missing bodies are not asked for.
    NoFetch,
    /// A notarization of a view that was nullified here is refused.
    SplitAfterNullify,
    /// Certificates that were jumped over are not asked for.
    NoAncestorSearch,
    /// Votes of any far view are kept.
    FarViewsKept,
    /// Any number of messages of the next epoch is kept.
    EarlyUnbounded,
    /// One that left the set goes on voting.
    OldSetVotes,
    /// Void blocks are executed as if their epoch went on.
    VoidExecuted,
    /// The next epoch builds on the void block that was certified.
    EpochOnVoid,
    /// Certificates of any epoch are accepted.
    EpochsMixed,
    /// Blocks are made though there is nothing to order.
    NeverQuiet,
    /// Timeouts do not grow.
    BackOffMissing,
}

#[cfg(not(planted_bugs))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(planted_bugs)]
pub use bank::plant;
#[cfg(planted_bugs)]
pub(crate) use bank::planted;

#[cfg(planted_bugs)]
mod bank {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug in all machines of this thread, or takes it out again.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    pub(crate) fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

impl Bug {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::QuorumOffByOne,
        Self::VoteNotJournaled,
        Self::FlagsForgotten,
        Self::CutForgotten,
        Self::FinalizeAfterNullify,
        Self::NullifyAfterFinalize,
        Self::NotarizeTwice,
        Self::NotarizeAfterNullify,
        Self::FinalizeOther,
        Self::VotesUnchecked,
        Self::CertificatesUnchecked,
        Self::SkipsUnchecked,
        Self::ParentUnchecked,
        Self::FinalUndone,
        Self::HeightUnchecked,
        Self::ResultUnchecked,
        Self::OwnVotesNotOffered,
        Self::EntryNotRestored,
        Self::NoResend,
        Self::NoHelp,
        Self::NoFetch,
        Self::SplitAfterNullify,
        Self::NoAncestorSearch,
        Self::FarViewsKept,
        Self::EarlyUnbounded,
        Self::OldSetVotes,
        Self::VoidExecuted,
        Self::EpochOnVoid,
        Self::EpochsMixed,
        Self::NeverQuiet,
        Self::BackOffMissing,
    ];
}
