//! T4 within what a commit may cost. More: `hnchain-simulator forks --seeds A..B`.
#![allow(clippy::expect_used)]

use hnchain_simulator::forensics::fork::{Attack, Split};
use hnchain_simulator::twins::random::Casts;
use std::collections::BTreeSet;

/// f + 1 to 2f liars fork the chain. Their signatures convict f + 1 of them or more, and nobody else (`Attack::play` judges
/// both); two finalizations and the blocks under them are enough.
#[test]
fn t4_every_fork_convicts_f_plus_one_liars_and_no_honest_validator() {
    let casts = Casts::default();
    let (mut kinds, mut across) = (BTreeSet::new(), 0);
    for seed in 0..1_500 {
        let attack = Attack::draw(seed);
        let verdict = attack.play(&casts).unwrap_or_else(|violation| panic!("{violation} in {attack:?}"));
        assert!(verdict.from_chains.is_subset(&verdict.from_all), "seed {seed}");
        kinds.insert((attack.n, attack.split == Split::Results));
        across += u32::from(verdict.views.0 != verdict.views.1);
    }
    assert_eq!(kinds.len(), 6, "four, seven and ten validators, apart and by results");
    assert!(across > 300, "finalizations of different views contradict each other as well: {across}");
}
