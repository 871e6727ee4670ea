//! R1, R2 and R9: registration, transfer, change and cancellation.

use crate::office::{FLAT, Office, PARCEL, paper, shares, unit, who};
use hnchain_ledger::StateView;
use hnchain_types::realty::{Registration, Right, Title, Unit, UnitStatus, unit_key};
use hnchain_types::{limits, proto};

#[test]
fn a_first_registration_makes_a_unit_an_entry_and_the_indices() {
    let mut o = Office::new();
    let op = o.register(PARCEL, Right::StateConstruction, Title::sole(who(1)));
    let changed = o.attempt(op.clone()).unwrap();
    let expected = proto::RealtyChanged {
        unit: PARCEL.to_owned(),
        entry: 1,
        registration: Registration::First.number(),
        certificate: "豫(2023)开封市不动产权第0000001号".to_owned(),
        burden_kind: 0,
        burden: 0,
    };
    assert_eq!(changed, expected);
    let (row, entry) = (o.unit(PARCEL), o.entry(PARCEL, 1));
    assert_eq!((row.status, row.right, &row.title), (UnitStatus::Registered, op.right, &op.title));
    assert_eq!((row.entries, row.entry_hash), (1, entry.hash()));
    assert_eq!((entry.previous, entry.title, entry.organization.as_str()), (None, Some(op.title), "kaifeng"));
    assert_eq!(o.held_by(1), [PARCEL]);
    assert!(o.w.state.row("realty/number/豫(2023)开封市不动产权第0000001号").unwrap().is_some());
}

#[test]
fn r1_a_registered_unit_refuses_first_registration_even_when_it_was_cancelled() {
    let mut o = Office::with_flat();
    let again = o.register(FLAT, Right::Building, Title::sole(who(2)));
    o.refuses(again.clone(), "REALTY_UNIT_EXISTS");
    let cancel = o.cancel(FLAT, &[1]);
    o.does(cancel);
    o.refuses(again, "REALTY_UNIT_EXISTS");
}

#[test]
fn r1_a_fixture_is_refused_before_its_parcel_and_after_the_parcel_was_cancelled() {
    let mut o = Office::new();
    let flat = o.register(FLAT, Right::Building, Title::sole(who(1)));
    o.refuses(flat.clone(), "REALTY_PARCEL_MISSING");
    let parcel = o.register(PARCEL, Right::StateConstruction, Title::sole(who(9)));
    o.does(parcel);
    let cancel = o.cancel(PARCEL, &[9]);
    o.does(cancel);
    o.refuses(flat, "REALTY_PARCEL_MISSING");
}

#[test]
fn r1_parcel_and_fixture_may_be_registered_in_one_transaction() {
    let mut o = Office::new();
    let parcel = o.register(PARCEL, Right::StateConstruction, Title::sole(who(9)));
    let flat = o.register(FLAT, Right::Building, Title::sole(who(1)));
    assert_eq!(o.together(&[flat.clone().into(), parcel.clone().into()]), "REALTY_PARCEL_MISSING");
    assert_eq!(o.together(&[parcel.into(), flat.into()]), "");
    assert_eq!(o.unit(PARCEL).fixtures, 1);
}

#[test]
fn r1_a_right_that_does_not_fit_the_code_is_refused() {
    let mut o = Office::with_flat();
    for (code, right) in [
        ("410202001001GB00002W00000000", Right::Building),
        ("410202001001GB00002W00000000", Right::CollectiveConstruction),
        ("410202001001JC00002W00000000", Right::StateConstruction),
        ("410202001001GB00001F00010002", Right::StateConstruction),
        ("410202001001GB00001L00000001", Right::Building),
    ] {
        let op = o.register(code, right, Title::sole(who(1)));
        o.refuses(op, "REALTY_RIGHT");
    }
    let op = o.register("410202001001JC00002W00000000", Right::Homestead, Title::sole(who(1)));
    o.does(op);
}

#[test]
fn r1_nothing_else_is_possible_before_the_first_registration() {
    let mut o = Office::new();
    let (seal, objection) = (o.seal(30), o.objection(5));
    o.refuses(seal, "REALTY_UNIT_NOT_FOUND");
    o.refuses(objection, "REALTY_UNIT_NOT_FOUND");
    let cancel = o.cancel(FLAT, &[1]);
    o.refuses(cancel, "REALTY_UNIT_NOT_FOUND");
}

#[test]
fn r1_a_cancelled_unit_accepts_nothing_more_and_nobody_holds_it() {
    let mut o = Office::with_flat();
    let cancel = o.cancel(FLAT, &[1]);
    let (transfer, change) = (o.transfer(Title::sole(who(2)), &[1]), o.change("商业", &[1]));
    let (correct, mortgage, seal) = (o.correct(1), o.mortgage(5, &[1]), o.seal(30));
    let (notice, objection, interest) = (o.notice(6, &[1]), o.objection(7), o.interest(8, &[1]));
    assert_eq!(o.held_by(1), [FLAT]);
    o.does(cancel.clone());
    assert_eq!(o.held_by(1), Vec::<String>::new());
    assert!(!o.view(FLAT, o.w.next_time()).exists());
    let code = "REALTY_UNIT_CANCELLED";
    o.refuses(cancel, code);
    o.refuses(transfer, code);
    o.refuses(change, code);
    o.refuses(correct, code);
    o.refuses(mortgage, code);
    o.refuses(seal, code);
    o.refuses(notice, code);
    o.refuses(objection, code);
    o.refuses(interest, code);
    assert_eq!((o.unit(FLAT).entries, o.unit(PARCEL).fixtures), (2, 0));
}

#[test]
fn r1_a_parcel_with_registered_fixtures_is_not_cancelled() {
    let mut o = Office::with_flat();
    let parcel = o.cancel(PARCEL, &[100]);
    o.refuses(parcel.clone(), "REALTY_FIXTURES");
    let flat = o.cancel(FLAT, &[1]);
    o.does(flat);
    o.does(parcel);
}

#[test]
fn r2_a_transfer_moves_the_unit_and_cannot_be_repeated() {
    let mut o = Office::with_flat();
    let sale = o.transfer(Title::sole(who(2)), &[1]);
    let mut second = o.transfer(Title::sole(who(3)), &[1]);
    o.does(sale);
    assert_eq!((o.held_by(1), o.held_by(2)), (vec![], vec![FLAT.to_owned()]));
    // Person 1 sells again.
    o.refuses(second.clone(), "REALTY_HOLDERS_DIFFER");
    second.from = vec![who(2)];
    o.refuses(second, "REALTY_CONSENT");
    o.check_chain(FLAT);
}

#[test]
fn r2_a_transfer_names_exactly_the_present_holders() {
    let mut o = Office::with_flat_of(Title::joint([who(1), who(2)]));
    let good = o.transfer(Title::sole(who(3)), &[1, 2]);
    let mut sets = vec![vec![who(1)], vec![who(1), who(2), who(4)], vec![who(1), who(4)]];
    sets.iter_mut().for_each(|s| s.sort_unstable());
    for from in sets {
        let mut bad = good.clone();
        bad.from = from;
        o.refuses(bad, "REALTY_HOLDERS_DIFFER");
    }
    o.does(good);
}

#[test]
fn r2_a_transfer_or_change_that_changes_nothing_is_refused() {
    let mut o = Office::with_flat_of(shares(&[(1, 1, 2), (2, 1, 2)]));
    let same = o.transfer(shares(&[(1, 2, 4), (2, 3, 6)]), &[1, 2]);
    o.refuses(same, "REALTY_UNCHANGED");
    let mut change = o.change("住宅", &[1, 2]);
    change.document = paper(1);
    o.refuses(change, "REALTY_UNCHANGED");
}

#[test]
fn a_change_gives_new_particulars_and_leaves_the_holders() {
    let mut o = Office::with_flat();
    let change = o.change("商业服务", &[1]);
    o.does(change.clone());
    let row = o.unit(FLAT);
    assert_eq!(
        (row.usage.as_str(), row.document, &row.certificate),
        ("商业服务", change.document, &change.certificate)
    );
    assert_eq!(row.title, Title::sole(who(1)));
    let entry = o.entry(FLAT, 2);
    assert_eq!((entry.registration, entry.usage.as_deref()), (Registration::Change, Some("商业服务")));
}

#[test]
fn r9_a_certificate_number_is_given_once_across_units_and_kinds() {
    let mut o = Office::with_flat();
    let taken = o.unit(PARCEL).certificate;
    let mut sale = o.transfer(Title::sole(who(2)), &[1]);
    sale.certificate = taken;
    o.refuses(sale, "REALTY_NUMBER_TAKEN");
    let first = o.mortgage(5, &[1]);
    o.does(first.clone());
    o.refuses(first, "REALTY_NUMBER_TAKEN");
}

#[test]
fn r10_a_unit_has_at_most_a_million_entries() {
    let mut o = Office::with_flat();
    let full = Unit { entries: limits::REALTY_ENTRIES, ..o.unit(FLAT) };
    let changes = [(unit_key(&unit(FLAT)), Some(full.encode()))].into();
    o.w.state.apply(hnchain_types::Height(o.w.height), &changes, []);
    let op = o.objection(5);
    o.refuses(op, "REALTY_ENTRIES_FULL");
}
