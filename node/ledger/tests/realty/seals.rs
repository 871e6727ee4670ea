//! R4: seals and their queue.

use crate::office::{DAY, FLAT, Office, Who, who};
use hnchain_types::realty::{BurdenKind, BurdenState, Replacement, Title};

const SEALED: &str = "REALTY_SEALED";

#[test]
fn r4_a_sealed_unit_refuses_every_disposal_until_the_seal_is_lifted() {
    let mut o = Office::with_flat();
    let op = o.seal(365);
    let seal = o.does(op);
    let (sale, change, cancel) = (o.transfer(Title::sole(who(2)), &[1]), o.change("商业", &[1]), o.cancel(FLAT, &[1]));
    let (mortgage, notice, interest) = (o.mortgage(5, &[1]), o.notice(6, &[1]), o.interest(7, &[1]));
    let mut correct = o.correct(1);
    correct.holders = vec![Replacement { wrong: who(1), right: who(8) }];
    o.refuses(sale.clone(), SEALED);
    o.refuses(change, SEALED);
    o.refuses(cancel, SEALED);
    o.refuses(mortgage, SEALED);
    o.refuses(notice, SEALED);
    o.refuses(interest, SEALED);
    o.refuses(correct, SEALED);
    // What disposes of nothing is possible.
    let (objection, correct) = (o.objection(5), o.correct(1));
    o.does(objection);
    o.does(correct);
    let op = o.unseal(seal);
    o.does(op);
    o.does(sale);
}

#[test]
fn r4_a_seal_ends_at_its_term_by_block_time_alone() {
    let mut o = Office::with_flat();
    let op = o.seal(30);
    let seal = o.does(op);
    let from = o.burden(FLAT, BurdenKind::Seal, seal).time_ms;
    o.w.sleep(30 * DAY - 2_000);
    let sale = o.transfer(Title::sole(who(2)), &[1]);
    assert_eq!(o.w.next_time(), from + 30 * DAY - 1_000);
    o.refuses(sale.clone(), SEALED);
    assert_eq!(o.w.next_time(), from + 30 * DAY);
    o.does(sale);
}

#[test]
fn r4_waiting_seals_take_effect_in_order_at_once_and_their_terms_run_from_then() {
    let mut o = Office::with_flat();
    let ops = [o.seal(10), o.seal(20), o.seal(30)];
    let [a, b, c] = ops.map(|op| o.does(op));
    let now = o.w.next_time();
    let states = |o: &Office, t: u64| o.view(FLAT, t).of(BurdenKind::Seal).map(|s| s.now).collect::<Vec<_>>();
    assert!(matches!(
        states(&o, now)[..],
        [BurdenState::Effective { .. }, BurdenState::Waiting { before: 1 }, BurdenState::Waiting { before: 2 }]
    ));
    let first = o.burden(FLAT, BurdenKind::Seal, a).time_ms;
    let second = first + 10 * DAY;
    let until = |ms| Some(BurdenState::Effective { until_ms: Some(ms) });
    assert_eq!(states(&o, second - 1).first().copied(), until(second));
    assert_eq!(states(&o, second).first().copied(), until(second + 20 * DAY));
    assert_eq!(states(&o, second + 20 * DAY).first().copied(), until(second + 50 * DAY));
    assert_eq!(states(&o, second + 50 * DAY), []);
    // Lifting the first brings the second forward.
    let op = o.unseal(a);
    o.does(op);
    let lifted = o.unit(FLAT).time_ms;
    assert_eq!(states(&o, lifted).first().copied(), until(lifted + 20 * DAY));
    // Lifting one that waits changes nothing for the others.
    let op = o.unseal(c);
    o.does(op);
    assert_eq!(o.view(FLAT, lifted).sealed().map(|s| s.burden.number), Some(b));
    assert_eq!(o.unit(FLAT).seals, [b]);
}

#[test]
fn r4_lifting_after_expiry_of_the_first_begins_the_next_where_the_first_ended() {
    let mut o = Office::with_flat();
    let ops = [o.seal(10), o.seal(20), o.seal(30)];
    let [a, b, c] = ops.map(|op| o.does(op));
    let second = o.burden(FLAT, BurdenKind::Seal, a).time_ms + 10 * DAY;
    o.w.sleep(15 * DAY);
    let op = o.unseal(a);
    o.refuses(op, "REALTY_BURDEN_LAPSED");
    let op = o.unseal(c);
    o.does(op);
    assert_eq!(o.unit(FLAT).seals, [b]);
    let view = o.view(FLAT, o.w.next_time());
    let until_ms = Some(second + 20 * DAY);
    assert_eq!(view.sealed().map(|s| s.now), Some(BurdenState::Effective { until_ms }));
}

#[test]
fn r4_only_the_court_that_sealed_lifts_the_seal() {
    let mut o = Office::with_flat();
    let op = o.seal(10);
    let seal = o.does(op);
    let op = o.unseal(seal);
    assert_eq!(o.attempt_by(Who::SecondCourt, op.clone()), Err("REALTY_SEAL_COURT".to_owned()));
    o.does(op.clone());
    o.refuses(op, "REALTY_BURDEN_NOT_FOUND");
}

#[test]
fn r10_sixteen_seals_wait_and_expired_ones_make_room() {
    let mut o = Office::with_flat();
    for _ in 0..16 {
        let op = o.seal(10);
        o.does(op);
    }
    let op = o.seal(10);
    o.refuses(op.clone(), "REALTY_BURDENS_FULL");
    o.w.sleep(25 * DAY);
    o.does(op);
    assert_eq!(o.unit(FLAT).seals.len(), 15);
}

#[test]
fn a_seal_after_all_others_expired_takes_effect_at_once() {
    let mut o = Office::with_flat();
    let op = o.seal(10);
    o.does(op);
    o.w.sleep(100 * DAY);
    let op = o.seal(10);
    let seal = o.does(op);
    let row = o.burden(FLAT, BurdenKind::Seal, seal);
    assert_eq!(row.lapses_ms(), Some(row.time_ms + 10 * DAY));
}
