//! R5, R6, R7 and R11: notices, objections, mortgages, interests.

use crate::office::{DAY, FLAT, Office, Who, who};
use hnchain_types::realty::{BurdenKind, BurdenState, Fact, NOTICE_MS, OBJECTION_MS, Right, Title};

#[test]
fn r5_a_notice_blocks_disposal_without_its_holders_consent() {
    let mut o = Office::with_flat();
    let op = o.notice(6, &[1]);
    o.does(op);
    let (sale, mortgage, cancel) = (o.transfer(Title::sole(who(2)), &[1]), o.mortgage(5, &[1]), o.cancel(FLAT, &[1]));
    let (interest, second) = (o.interest(7, &[1]), o.notice(8, &[1]));
    o.refuses(sale, "REALTY_NOTICED");
    o.refuses(mortgage, "REALTY_NOTICED");
    o.refuses(cancel, "REALTY_NOTICED");
    o.refuses(interest, "REALTY_NOTICED");
    o.refuses(second, "REALTY_NOTICED");
    let mortgage = o.mortgage(5, &[1, 6]);
    o.does(mortgage);
}

#[test]
fn r5_a_transfer_to_the_notice_holder_ends_the_notice() {
    let mut o = Office::with_flat();
    let op = o.notice(6, &[1]);
    let notice = o.does(op);
    let op = o.transfer(Title::sole(who(6)), &[1, 6]);
    let sale = o.does(op);
    assert_eq!(o.unit(FLAT).notices, Vec::<u32>::new());
    assert_eq!(o.burden(FLAT, BurdenKind::Notice, notice).released.map(|r| r.1), Some(sale));
}

#[test]
fn r5_a_notice_lapses_90_days_after_the_registration_became_possible() {
    let mut o = Office::with_flat();
    let op = o.notice(6, &[1]);
    let notice = o.does(op);
    o.w.sleep(1_000 * DAY);
    let sale = o.transfer(Title::sole(who(2)), &[1]);
    o.refuses(sale.clone(), "REALTY_NOTICED");
    let from = o.w.next_time();
    // Not backdated, and not put off: either would end or prolong it without its holder.
    let op = o.progress(notice, Fact::PossibleFromMs(1));
    o.refuses(op, "REALTY_NOTICED");
    let from = from.max(o.w.next_time());
    let op = o.progress(notice, Fact::PossibleFromMs(from));
    o.does(op);
    let op = o.progress(notice, Fact::PossibleFromMs(from + NOTICE_MS));
    o.refuses(op, "REALTY_NOTICED");
    o.w.sleep(NOTICE_MS - 3_000);
    assert!(o.w.next_time() < from + NOTICE_MS);
    o.refuses(sale.clone(), "REALTY_NOTICED");
    o.w.sleep(3_000);
    o.does(sale);
    let view = o.view(FLAT, o.w.next_time());
    assert_eq!(view.of(BurdenKind::Notice).count(), 0);
}

#[test]
fn r6_an_objection_is_seen_hinders_nothing_and_lapses_after_15_days() {
    let mut o = Office::with_flat();
    let op = o.objection(5);
    let objection = o.does(op);
    let from = o.burden(FLAT, BurdenKind::Objection, objection).time_ms;
    let seen = |o: &Office, t: u64| o.view(FLAT, t).of(BurdenKind::Objection).map(|b| b.now).collect::<Vec<_>>();
    let until_ms = Some(from + OBJECTION_MS);
    assert_eq!(seen(&o, from + OBJECTION_MS - 1), [BurdenState::Effective { until_ms }]);
    assert_eq!(seen(&o, from + OBJECTION_MS), []);
    let op = o.transfer(Title::sole(who(2)), &[1]);
    o.does(op);
    o.w.sleep(OBJECTION_MS);
    let (suit, release) = (o.progress(objection, Fact::SuitFiled), o.release(BurdenKind::Objection, objection, &[5]));
    o.refuses(suit, "REALTY_BURDEN_LAPSED");
    o.refuses(release, "REALTY_BURDEN_LAPSED");
}

#[test]
fn r6_a_suit_in_time_keeps_the_objection_until_it_is_released() {
    let mut o = Office::with_flat();
    let op = o.objection(5);
    let objection = o.does(op);
    o.w.sleep(OBJECTION_MS - 5_000);
    let op = o.progress(objection, Fact::SuitFiled);
    o.does(op);
    o.w.sleep(400 * DAY);
    assert_eq!(o.view(FLAT, o.w.next_time()).of(BurdenKind::Objection).count(), 1);
    let mut release = o.release(BurdenKind::Objection, objection, &[]);
    o.refuses(release.clone(), "REALTY_RELEASE");
    release.by_court = true;
    o.does(release);
    assert_eq!(o.unit(FLAT).objections, Vec::<u32>::new());
}

#[test]
fn r7_a_mortgage_follows_the_unit_and_ranks_by_registration() {
    let mut o = Office::with_flat();
    let ops = [o.mortgage(5, &[1]), o.mortgage(4, &[1])];
    let [first, second] = ops.map(|op| o.does(op));
    let op = o.transfer(Title::sole(who(2)), &[1]);
    o.does(op);
    let view = o.view(FLAT, o.w.next_time());
    let ranked: Vec<_> = view.of(BurdenKind::Mortgage).map(|m| (m.burden.number, m.burden.party)).collect();
    assert_eq!(ranked, [(first, Some(who(5))), (second, Some(who(4)))]);
}

#[test]
fn r7_an_agreement_that_forbids_transfer_holds_unless_the_mortgagee_consents() {
    let mut o = Office::with_flat();
    let mut op = o.mortgage(5, &[1]);
    op.transfer_forbidden = true;
    o.does(op);
    let op = o.transfer(Title::sole(who(2)), &[1]);
    o.refuses(op, "REALTY_MORTGAGED");
    let op = o.transfer(Title::sole(who(2)), &[1, 5]);
    o.does(op);
}

#[test]
fn r7_cancellation_needs_mortgagees_and_holders_of_interests() {
    let mut o = Office::with_flat();
    let ops = [o.mortgage(5, &[1]).into(), o.interest(7, &[1]).into()];
    let _numbers: [u32; 2] = ops.map(|op: hnchain_types::realty::Operation| o.does(op));
    let op = o.cancel(FLAT, &[1, 7]);
    o.refuses(op, "REALTY_MORTGAGED");
    let op = o.cancel(FLAT, &[1, 5]);
    o.refuses(op, "REALTY_INTERESTED");
    let op = o.cancel(FLAT, &[1, 5, 7]);
    o.does(op);
}

#[test]
fn r7_a_mortgage_ends_by_its_mortgagee_or_a_court_and_by_nobody_else() {
    let mut o = Office::with_flat();
    let ops = [o.mortgage(5, &[1]), o.mortgage(4, &[1])];
    let [first, second] = ops.map(|op| o.does(op));
    let op = o.release(BurdenKind::Mortgage, first, &[1, 4]);
    o.refuses(op, "REALTY_RELEASE");
    let op = o.release(BurdenKind::Mortgage, first, &[5]);
    let by = o.does(op);
    let row = o.burden(FLAT, BurdenKind::Mortgage, first);
    assert_eq!(row.released.map(|r| r.1), Some(by));
    assert_eq!(o.entry(FLAT, by).right, Some(Right::Mortgage));
    let mut op = o.release(BurdenKind::Mortgage, second, &[]);
    op.by_court = true;
    assert_eq!(o.attempt_by(Who::Registrar, op.clone()), Err("ROLE_MISSING".to_owned()));
    o.does(op);
    assert_eq!(o.unit(FLAT).mortgages, Vec::<u32>::new());
}

#[test]
fn r11_a_burden_that_is_not_there_or_of_another_kind_is_not_found() {
    let mut o = Office::with_flat();
    let op = o.mortgage(5, &[1]);
    let mortgage = o.does(op);
    let code = "REALTY_BURDEN_NOT_FOUND";
    let op = o.release(BurdenKind::Mortgage, mortgage + 1, &[5]);
    o.refuses(op, code);
    let op = o.release(BurdenKind::Notice, mortgage, &[5]);
    o.refuses(op, code);
    let (suit, unseal) = (o.progress(mortgage, Fact::SuitFiled), o.unseal(mortgage));
    o.refuses(suit, code);
    o.refuses(unseal, code);
    let op = o.release(BurdenKind::Mortgage, mortgage, &[5]);
    o.does(op.clone());
    o.refuses(op, code);
}

#[test]
fn r10_sixteen_burdens_of_a_kind_are_the_most_and_lapsed_ones_do_not_count() {
    let mut o = Office::with_flat();
    for _ in 0..16 {
        let op = o.objection(5);
        o.does(op);
    }
    let op = o.objection(6);
    o.refuses(op.clone(), "REALTY_BURDENS_FULL");
    o.w.sleep(OBJECTION_MS);
    o.does(op);
    assert_eq!(o.unit(FLAT).objections.len(), 1);
    for _ in 0..16 {
        let op = o.mortgage(5, &[1]);
        o.does(op);
    }
    let op = o.mortgage(5, &[1]);
    o.refuses(op, "REALTY_BURDENS_FULL");
}

#[test]
fn an_interest_ends_with_its_term_and_habitation_needs_a_building() {
    let mut o = Office::with_flat();
    let mut op = o.interest(7, &[1]);
    op.until_ms = o.w.next_time() + 10 * DAY;
    let interest = o.does(op);
    assert_eq!(o.view(FLAT, o.w.next_time()).of(BurdenKind::Interest).count(), 1);
    o.w.sleep(10 * DAY);
    assert_eq!(o.view(FLAT, o.w.next_time()).of(BurdenKind::Interest).count(), 0);
    let op = o.release(BurdenKind::Interest, interest, &[7]);
    o.refuses(op, "REALTY_BURDEN_LAPSED");
    let mut op = o.interest(7, &[100]);
    op.unit = crate::office::unit(crate::office::PARCEL);
    o.refuses(op.clone(), "REALTY_RIGHT");
    op.right = Right::Easement;
    o.does(op);
}
