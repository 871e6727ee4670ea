//! A flat in 开封: first-registered, mortgaged, sealed, unsealed, sold; and what that leaves in the state, byte for byte.

use crate::office::{FLAT, Office, PARCEL, who};
use hnchain_crypto::Hasher;
use hnchain_types::realty::{BurdenKind, Operation, Registration, Replacement, Title};

#[test]
fn a_flat_is_mortgaged_sealed_and_sold_only_after_the_seal_is_lifted() {
    let mut o = Office::with_flat();
    let op = o.mortgage(50, &[1]);
    let mortgage = o.does(op);
    let op = o.seal(365);
    let seal = o.does(op);
    let sale = o.transfer(Title::sole(who(2)), &[1]);
    o.refuses(sale.clone(), "REALTY_SEALED");
    let op = o.unseal(seal);
    o.does(op);
    o.does(sale);
    let view = o.view(FLAT, o.w.next_time());
    assert_eq!(view.unit.title, Title::sole(who(2)));
    assert_eq!(view.burdens.iter().map(|b| b.burden.number).collect::<Vec<_>>(), [mortgage]);
    let chain: Vec<_> = (1..=view.unit.entries).map(|n| o.entry(FLAT, n).registration).collect();
    use Registration::{First, Seal, Transfer};
    assert_eq!(chain, [First, First, Seal, Seal, Transfer]);
    assert!(o.burden(FLAT, BurdenKind::Seal, seal).released.is_some());
    o.check_chain(FLAT);
}

/// SM3 over each row below `realty/`: length and bytes of the key, length and bytes of the row.
fn digest(o: &Office) -> String {
    let mut hasher = Hasher::new();
    for (key, row) in o.w.state.rows().iter().filter(|(k, _)| k.starts_with("realty/")) {
        for bytes in [key.as_bytes(), row] {
            hasher.update(&(bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        }
    }
    hasher.finalize().to_string()
}

/// What changes here changes the state root of every chain: do it on purpose or not at all.
#[test]
fn the_rows_of_a_history_are_frozen() {
    let mut o = Office::with_flat();
    let ops = [o.mortgage(50, &[1]), o.mortgage(51, &[1])];
    let [first, _second] = ops.map(|op| o.does(op));
    let ops = [o.notice(6, &[1]).into(), o.objection(7).into(), o.seal(30).into(), o.seal(60).into()];
    let [_notice, _objection, seal, _waiting] = ops.map(|op: Operation| o.does(op));
    let op = o.unseal(seal);
    o.does(op);
    let op = o.release(BurdenKind::Mortgage, first, &[50]);
    o.does(op);
    let mut op = o.correct(1);
    op.holders = vec![Replacement { wrong: who(100), right: who(101) }];
    op.unit = crate::office::unit(PARCEL);
    o.does(op);
    let keys = o.w.state.rows().keys().filter(|k| k.starts_with("realty/")).count();
    assert_eq!((keys, digest(&o).as_str()), FROZEN);
}

const FROZEN: (usize, &str) = (27, "dc708d22969a2badd8086d7bff7327be761dc2db54ac217ee6e18beda8cbdcc8");
