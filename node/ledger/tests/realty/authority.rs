//! R8: who writes. Every operation by every role, as a table.

use crate::office::{DAY, FLAT, Office, Who, who};
use hnchain_types::realty::{BurdenKind, Fact, Operation, Title};

/// Each kind of operation, on a flat where it is possible.
fn operations(o: &mut Office) -> Vec<(&'static str, Operation)> {
    let parcel = "410202001001GB00002W00000000";
    let ops: [Operation; 4] =
        [o.mortgage(5, &[1]).into(), o.notice(6, &[1]).into(), o.objection(7).into(), o.seal(30).into()];
    let [mortgage, notice, objection, seal] = ops.map(|op| o.does(op));
    let register = o.register(parcel, hnchain_types::realty::Right::StateConstruction, Title::sole(who(9)));
    let by_court = hnchain_types::realty::Release { by_court: true, ..o.release(BurdenKind::Mortgage, mortgage, &[]) };
    vec![
        ("register", register.into()),
        ("transfer", o.transfer(Title::sole(who(2)), &[1, 6]).into()),
        ("change", o.change("商业", &[1]).into()),
        ("cancel", o.cancel(FLAT, &[1, 5, 6]).into()),
        ("correct", o.correct(1).into()),
        ("mortgage", o.mortgage(5, &[1, 6]).into()),
        ("seal", o.seal(30).into()),
        ("unseal", o.unseal(seal).into()),
        ("notice", o.notice(8, &[1, 6]).into()),
        ("objection", o.objection(8).into()),
        ("interest", o.interest(8, &[1, 6]).into()),
        ("release", o.release(BurdenKind::Mortgage, mortgage, &[5]).into()),
        ("release by court", by_court.into()),
        ("progress 600", o.progress(objection, Fact::SuitFiled).into()),
        ("progress 700", o.progress(notice, Fact::PossibleFromMs(o.w.next_time() + DAY)).into()),
    ]
}

/// Registry of the city, only for 200, registry of another city, of the province; court, second court, court elsewhere.
const TABLE: [(&str, &str); 15] = [
    ("register", "+--+---"),
    ("transfer", "++-+---"),
    ("change", "+--+---"),
    ("cancel", "+--+---"),
    ("correct", "+--+---"),
    ("mortgage", "+--+---"),
    ("seal", "----++-"),
    ("unseal", "----++-"),
    ("notice", "+--+---"),
    ("objection", "+--+---"),
    ("interest", "+--+---"),
    ("release", "+--+---"),
    ("release by court", "----++-"),
    ("progress 600", "+--+---"),
    ("progress 700", "+--+---"),
];

#[test]
fn r8_only_the_unit_s_own_registry_and_its_courts_have_a_say() {
    let mut found = Vec::new();
    for which in 0..TABLE.len() {
        let mut row = String::new();
        let mut name = "";
        for by in Who::ALL {
            let mut o = Office::with_flat();
            let (kind, op) = operations(&mut o).swap_remove(which);
            name = kind;
            // Other rules may refuse what the role allows: the seal is there, too.
            row.push(if o.attempt_by(by, op) == Err("ROLE_MISSING".to_owned()) { '-' } else { '+' });
        }
        found.push((name, row));
    }
    let found: Vec<_> = found.iter().map(|(name, row)| (*name, row.as_str())).collect();
    assert_eq!(found, TABLE);
}

#[test]
fn what_the_role_does_not_allow_is_refused_at_the_border_already() {
    let mut o = Office::with_flat();
    let op = Operation::from(o.transfer(Title::sole(who(2)), &[1]));
    let body = o.w.body().operation(op.to_kind());
    let code = |by: Who| o.w.admit(&crate::scene::sign(&by.key(), &body)).err().map(|r| r.code);
    assert_eq!(code(Who::TransfersOnly), None);
    assert_eq!(code(Who::Elsewhere), Some("ROLE_MISSING"));
    assert_eq!(code(Who::Court), Some("ROLE_MISSING"));
}
