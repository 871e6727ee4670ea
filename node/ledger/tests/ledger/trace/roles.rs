//! Who may do what, inside and outside its division.

use super::Who::{Agency, Bureau, Farm, Guest, Plant, Shop};
use super::*;

/// Rows: operations on a batch of the farm in 411200. Columns: farm, plant, shop, agency, bureau, guest. `x` is refused for
/// want of a role; `-` has the role and is refused by a rule of the batch; `+` goes through.
const TABLE: [(&str, &str); 12] = [
    ("commission", "+xxxxx"),
    ("certify", "+xxxxx"),
    ("aggregate", "+xxxxx"),
    ("disaggregate", "-xxxxx"),
    ("ship", "+xxxxx"),
    ("sell", "+xxxxx"),
    ("receive", "---xxx"),
    ("inspect", "xxx+xx"),
    ("recall", "+xxx+x"),
    ("return", "-----x"),
    ("destroy", "+----x"),
    ("split", "+xxxxx"),
];

fn operation(name: &str, who: Who) -> Operation {
    let batch = id(Farm, "A");
    let act = match name {
        "commission" => {
            let Operation::Step(mut op) = commission(Farm, "B", "1 kg", false) else { unreachable!() };
            op.batch = id(who, "B");
            return op.into();
        }
        "split" => return split(&batch, "1 kg", "0 kg", vec![part(who, "C", "1 kg")]),
        "certify" => certify(),
        "aggregate" => aggregate(),
        "disaggregate" => disaggregate(),
        "ship" => ship(Shop),
        "sell" => sell("1 kg"),
        "receive" => receive(who.division()),
        "inspect" => inspect(true),
        "recall" => recall(),
        "return" => give_back(Farm),
        "destroy" => destroy(),
        other => panic!("{other}"),
    };
    step(&batch, act)
}

#[test]
fn every_operation_asks_for_its_role_in_the_division_of_the_batch() {
    for (name, expected) in TABLE {
        let given: String = ALL
            .iter()
            .map(|who| {
                let mut s = Scene::new();
                s.batch(Farm, "A", "10 kg");
                match s.one(*who, operation(name, *who)) {
                    Ok(()) => '+',
                    Err(code) if code == "ROLE_MISSING" => 'x',
                    Err(_) => '-',
                }
            })
            .collect();
        assert_eq!(given, expected, "{name}");
    }
    assert_eq!(ALL, [Farm, Plant, Shop, Agency, Bureau, Guest]);
}

#[test]
fn a_role_without_a_subject_gives_all_of_them_in_its_division_only() {
    let mut s = Scene::new();
    let batch = s.batch(Plant, "A", "10 kg");
    for act in [inspect(true), certify(), aggregate(), disaggregate(), sell("1 kg")] {
        s.act(Plant, &batch, act).unwrap();
    }
    s.one(Plant, split(&batch, "1 kg", "0 kg", vec![part(Plant, "B", "1 kg")])).unwrap();
    s.act(Plant, &id(Plant, "B"), recall()).unwrap();
    let Operation::Step(mut elsewhere) = commission(Plant, "C", "1 kg", false) else { unreachable!() };
    let Act::Commission(c) = &mut elsewhere.act else { unreachable!() };
    c.place = place("411200");
    assert_eq!(s.one(Plant, elsewhere.into()), refused("ROLE_MISSING"));
}

#[test]
fn a_transformation_needs_the_role_where_it_happens_and_where_its_inputs_are() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    let Operation::Transform(mut op) = transform(Farm, vec![part(Farm, "A", "1 kg")], &[("B", "1 kg")], 1000) else {
        unreachable!()
    };
    op.place = place("410100");
    assert_eq!(s.one(Farm, op.clone().into()), refused("ROLE_MISSING"));
    op.place = place("411200");
    let mut away = s.row(&batch);
    away.place = place("410100");
    s.force(&away);
    assert_eq!(s.one(Farm, op.into()), refused("ROLE_MISSING"));
}

#[test]
fn a_maker_recalls_what_it_made_wherever_it_is_and_a_bureau_what_is_in_its_division() {
    let mut s = Scene::new();
    let batch = s.batch(Farm, "A", "10 kg");
    s.hand_over(&batch, Farm, Shop);
    assert_eq!(s.act(Bureau, &batch, recall()), refused("ROLE_MISSING"));
    assert_eq!(s.act(Shop, &batch, recall()), refused("ROLE_MISSING"));
    s.act(Farm, &batch, recall()).unwrap();
}
