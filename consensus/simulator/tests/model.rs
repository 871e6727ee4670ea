//! T5 within what a commit may cost. More: `hnchain-simulator model --states 4000000 --depth 80`.

use hnchain_simulator::model::{Bounds, Checked, Views};

fn holds(bounds: Bounds) -> Checked {
    let checked = Views::new(bounds).check();
    assert!(checked.broken.is_empty(), "{}", checked.broken.join("\n"));
    assert_eq!(checked.reached.len(), 3, "the search proves something: {:?}", checked.reached);
    checked
}

#[test]
fn t5_from_the_beginning_all_that_is_reached_holds() {
    let checked = holds(Bounds { walks: 0, steps: 0, depth: 60, states: 150_000, threads: 2 });
    assert!(checked.states > 50_000, "{} states", checked.states);
}

#[test]
fn t5_all_interleavings_of_four_actions_deep_in_the_protocol_hold() {
    let checked = holds(Bounds { walks: 300, steps: 60, depth: 4, states: 150_000, threads: 2 });
    assert!(checked.states > 50_000, "{} states", checked.states);
}
