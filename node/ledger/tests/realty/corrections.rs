//! R8: corrections.

use crate::office::{FLAT, Office, paper, people, shares, who};
use hnchain_ledger::StateView;
use hnchain_types::realty::{Replacement, Title, entry_key};

fn replaced(wrong: u64, right: u64) -> Vec<Replacement> {
    vec![Replacement { wrong: who(wrong), right: who(right) }]
}

#[test]
fn r8_a_correction_names_its_entry_which_stays_readable_and_unchanged() {
    let mut o = Office::with_flat();
    let before = o.entry(FLAT, 1);
    let mut op = o.correct(1);
    op.holders = replaced(1, 8);
    op.certificate = Some(o.title_number());
    let n = o.does(op.clone());
    let after = o.entry(FLAT, 1);
    assert_eq!((after.corrected_by, after.hash()), (Some(n), before.hash()));
    assert_eq!(after.title, Some(Title::sole(who(1))));
    let entry = o.entry(FLAT, n);
    assert_eq!((entry.corrects, entry.replaced, entry.reason.as_deref()), (Some(1), op.holders, Some("登记有误")));
    let row = o.unit(FLAT);
    assert_eq!((row.title, row.document, Some(row.certificate)), (Title::sole(who(8)), paper(5), op.certificate));
    assert_eq!((o.held_by(1).len(), o.held_by(8).len()), (0, 1));
    o.check_chain(FLAT);
}

#[test]
fn r8_a_correction_of_no_entry_is_refused() {
    let mut o = Office::with_flat();
    let op = o.correct(2);
    o.refuses(op, "REALTY_ENTRY_NOT_FOUND");
}

#[test]
fn r8_a_holder_that_the_entry_does_not_name_is_not_corrected() {
    let mut o = Office::with_flat();
    let sale = o.transfer(Title::sole(who(2)), &[1]);
    o.does(sale);
    let mut op = o.correct(1);
    op.holders = replaced(2, 8);
    o.refuses(op.clone(), "REALTY_CORRECTION_HOLDER");
    op.entry = 2;
    o.does(op);
}

#[test]
fn r8_a_correction_of_what_nobody_holds_any_more_is_on_record_and_moves_nothing() {
    let mut o = Office::with_flat();
    let sale = o.transfer(Title::sole(who(2)), &[1]);
    o.does(sale);
    let mut op = o.correct(1);
    op.holders = replaced(1, 8);
    let n = o.does(op);
    assert_eq!(o.unit(FLAT).title, Title::sole(who(2)));
    assert_eq!((o.entry(FLAT, 1).corrected_by, o.entry(FLAT, n).title), (Some(n), None));
}

#[test]
fn r8_two_holders_never_become_one() {
    let mut o = Office::with_flat_of(shares(&[(1, 1, 2), (2, 1, 2)]));
    let mut op = o.correct(1);
    op.holders = replaced(1, 2);
    o.refuses(op.clone(), "REALTY_HOLDER_TWICE");
    // Both at once may be exchanged.
    op.holders = [replaced(1, 2), replaced(2, 1)].concat();
    o.does(op);
    assert_eq!(o.unit(FLAT).title, shares(&[(1, 1, 2), (2, 1, 2)]));
}

#[test]
fn r8_a_correction_can_be_corrected() {
    let mut o = Office::with_flat();
    let mut op = o.correct(1);
    op.holders = replaced(1, 8);
    let n = o.does(op);
    let mut again = o.correct(n);
    (again.holders, again.document) = (replaced(8, 9), paper(55));
    let m = o.does(again);
    let row = o.unit(FLAT);
    assert_eq!((row.title, row.document), (Title::sole(who(9)), paper(55)));
    assert_eq!(o.entry(FLAT, n).corrected_by, Some(m));
    assert_eq!(o.entry(FLAT, n).title.map(|t| t.commitments().collect::<Vec<_>>()), Some(people(&[8])));
    o.check_chain(FLAT);
}

#[test]
fn entries_are_listed_in_order_by_their_keys() {
    let mut o = Office::with_flat();
    for _ in 0..11 {
        let op = o.correct(1);
        o.does(op);
    }
    let unit = crate::office::unit(FLAT);
    let keys: Vec<_> = (1..=12).map(|n| entry_key(&unit, n)).collect();
    assert!(keys.is_sorted());
    assert!(keys.iter().all(|k| o.w.state.row(k).unwrap().is_some()));
}
