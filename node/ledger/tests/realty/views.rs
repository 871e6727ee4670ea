//! What a verifier reads from rows.

use crate::office::{FLAT, Office, PARCEL, who};
use hnchain_types::realty::{Title, UnitView};

#[test]
fn a_view_shows_holders_and_burdens_and_nothing_is_hidden_from_it() {
    let mut o = Office::with_flat();
    let ops = [o.mortgage(5, &[1]), o.mortgage(6, &[1])];
    let _numbers = ops.map(|op| o.does(op));
    let op = o.seal(30);
    let seal = o.does(op);
    let now = o.w.next_time();
    let view = o.view(FLAT, now);
    assert!(view.exists());
    assert_eq!(view.unit.title, Title::sole(who(1)));
    assert_eq!(view.sealed().map(|s| s.burden.number), Some(seal));
    let rows: Vec<_> = view.burdens.iter().map(|b| b.burden.clone()).collect();
    for left_out in 0..rows.len() {
        let mut some = rows.clone();
        some.remove(left_out);
        assert!(UnitView::at(view.unit.clone(), some, now).is_err());
    }
    let mut twice = rows.clone();
    twice.push(rows[0].clone());
    assert!(UnitView::at(view.unit.clone(), twice, now).is_err());
    let mut foreign = rows;
    foreign[0].unit = crate::office::unit(PARCEL);
    assert!(UnitView::at(view.unit, foreign, now).is_err());
}
