//! The bug bank's bugs of liveness, restarts, epochs and memory: the cluster simulator finds each within a bounded number
//! of seeds. The safety bugs are in `safety.rs`.
#![allow(clippy::expect_used)]

use hnchain_consensus::bug::{Bug, plant};
use hnchain_simulator::Options;
use hnchain_simulator::checks::Label;
use hnchain_simulator::run::attempt;

/// Seeds that are tried for a bug.
const SEEDS: u64 = 400;

/// The rule that broke first, in the first seed that finds the bug.
fn found(bug: Bug) -> Option<(u64, Label)> {
    plant(Some(bug));
    let found = (0..SEEDS).find_map(|seed| {
        let drawn = Options::draw(seed);
        let options = Options { real: 0, views: drawn.views.min(100), ..drawn };
        attempt(&options, false, false).violation.map(|violation| (seed, violation.label))
    });
    plant(None);
    found
}

macro_rules! finds {
    ($($name:ident: $bug:ident by $($label:ident)|+,)*) => {$(
        #[test]
        fn $name() {
            let (seed, label) = found(Bug::$bug).expect("the simulator finds it");
            println!("{:?}: seed {seed}, {label:?}", Bug::$bug);
            assert!(matches!(label, $(Label::$label)|+), "{label:?}");
        }
    )*};
}

finds! {
    a_quorum_one_vote_short: QuorumOffByOne by I8,
    votes_that_are_not_journaled: VoteNotJournaled by R13,
    flags_forgotten_at_a_restart: FlagsForgotten by I5,
    finalize_after_nullify: FinalizeAfterNullify by I5,
    finalize_of_another_block: FinalizeOther by I5,
    unchecked_votes: VotesUnchecked by I9 | I8,
    unchecked_certificates: CertificatesUnchecked by I3 | I8,
    own_votes_not_offered_again: OwnVotesNotOffered by I12,
    a_forgotten_certificate_of_entry: EntryNotRestored by I12 | R13,
    nothing_is_said_again: NoResend by I12,
    bodies_that_nobody_asks_for: NoFetch by I12,
    a_split_after_nullify: SplitAfterNullify by R4,
    votes_of_far_views: FarViewsKept by I11,
    votes_of_an_old_set: OldSetVotes by R14,
    void_blocks_that_are_executed: VoidExecuted by R14 | R5 | I7,
    an_epoch_on_a_void_block: EpochOnVoid by I12 | R14 | I4,
    a_chain_that_is_never_quiet: NeverQuiet by R11,
    no_back_off: BackOffMissing by R9,
    notarize_after_nullify: NotarizeAfterNullify by I5,
}
