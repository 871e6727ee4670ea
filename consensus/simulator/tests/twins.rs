//! T1 and T2 within what a commit may cost. The whole: `hnchain-simulator twins --exhaustive`, `twins --seeds A..B`.
#![allow(clippy::expect_used)]

use hnchain_simulator::random::Random;
use hnchain_simulator::twins::Cast;
use hnchain_simulator::twins::exhaustive::{self, Exhaustive};
use hnchain_simulator::twins::random::{Casts, Scenario};

#[test]
fn t1_every_scenario_of_one_round_holds() {
    let tally = Exhaustive::new(1).play(1).expect("no failure");
    assert_eq!(tally.scenarios, 4 * 52 * 5);
}

#[test]
fn t1_a_sample_of_the_scenarios_of_three_rounds_holds() {
    let (cast, settings) = (Cast::of(exhaustive::N), exhaustive::settings());
    for seed in 0..6_000 {
        let scenario = exhaustive::Scenario::sample(&mut Random(seed), &settings);
        scenario.play(&cast).unwrap_or_else(|violation| panic!("{violation} in {scenario:?}"));
    }
}

#[test]
fn t2_seeds_hold_with_twins_and_puppets() {
    let casts = Casts::default();
    let mut evidence = 0;
    for seed in (0..1_000).chain([1596]) {
        let scenario = Scenario::draw(seed);
        let played = scenario.play(&casts).unwrap_or_else(|violation| panic!("{violation} in {scenario:?}"));
        evidence += played.evidence;
    }
    assert!(evidence > 1_000, "equivocators are noticed: {evidence}");
}

#[test]
fn i13_a_seed_plays_the_same_twice() {
    let casts = Casts::default();
    for seed in 0..30 {
        let scenario = Scenario::draw(seed);
        assert_eq!(scenario.play(&casts), scenario.play(&casts), "seed {seed}");
    }
}
