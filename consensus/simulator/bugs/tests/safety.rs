//! The bug bank's safety bugs: the twins modes find each within a bounded number of scenarios.
#![allow(clippy::expect_used)]

use hnchain_consensus::bug::{Bug, plant};
use hnchain_simulator::forensics::fork::Attack;
use hnchain_simulator::random::Random;
use hnchain_simulator::twins::random::{Casts, Scenario};
use hnchain_simulator::twins::{Cast, exhaustive};

/// Which mode found it, in which scenario, and what broke.
fn found(bug: Bug, casts: &Casts) -> Option<String> {
    plant(Some(bug));
    let (cast, settings) = (Cast::of(exhaustive::N), exhaustive::settings());
    let small = |seed| {
        let scenario = exhaustive::Scenario::sample(&mut Random(seed), &settings);
        scenario.play(&cast).err().map(|violation| format!("T1 sample {seed}: {violation}"))
    };
    let large = |seed| Scenario::draw(seed).play(casts).err().map(|violation| format!("T2 seed {seed}: {violation}"));
    let forks = |seed| Attack::draw(seed).play(casts).err().map(|violation| format!("T4 seed {seed}: {violation}"));
    let found = (0..4_000).find_map(|seed| small(seed).or_else(|| large(seed)).or_else(|| forks(seed)));
    plant(None);
    found
}

macro_rules! finds {
    ($($name:ident: $bug:ident,)*) => {$(
        #[test]
        fn $name() {
            let found = found(Bug::$bug, &Casts::default());
            println!("{:?}: {}", Bug::$bug, found.expect("the modes find it"));
        }
    )*};
}

finds! {
    a_quorum_one_vote_short: QuorumOffByOne,
    votes_that_are_not_journaled: VoteNotJournaled,
    flags_forgotten_at_a_restart: FlagsForgotten,
    finalize_after_nullify: FinalizeAfterNullify,
    nullify_after_finalize: NullifyAfterFinalize,
    two_notarize_votes: NotarizeTwice,
    finalize_of_another_block: FinalizeOther,
    unchecked_votes: VotesUnchecked,
    unchecked_certificates: CertificatesUnchecked,
    unchecked_skips: SkipsUnchecked,
    an_unchecked_parent: ParentUnchecked,
}
