//! V2: every byte of a bundle file is covered.

use crate::scene::{ABSENT, ACTIVE, BATCH, Scene, opening};
use hnchain_proof::{Bundle, ProofError, Step, verify};
use std::collections::BTreeSet;

type Read = fn(&[u8]) -> Result<Bundle, ProofError>;

/// Refused, and the error names the step in both languages.
fn step_of(scene: &Scene, read: Read, bytes: &[u8], what: &str) -> Step {
    let error = read(bytes).and_then(|b| verify(&b, &scene.genesis)).expect_err(what);
    assert!(error.message().contains(error.step().as_str()), "{what}");
    assert!(error.message_zh().contains(error.step().zh()), "{what}");
    error.step()
}

/// The changes of one byte that are tried: one bit, and another printable character.
fn changes(byte: u8, position: usize) -> [u8; 2] {
    let printable = 0x20 + u8::try_from((usize::from(byte) + position) % 94).unwrap();
    [byte ^ 1 << (position % 8), if printable == byte { 0x7e } else { printable }]
}

/// Changes, drops and doubles every byte of a form and gives the steps that refused.
fn try_all(scene: &Scene, read: Read, good: &[u8]) -> BTreeSet<Step> {
    assert!(read(good).and_then(|b| verify(&b, &scene.genesis)).is_ok());
    let mut steps = BTreeSet::new();
    for position in 0..good.len() {
        for to in changes(good[position], position) {
            let mut bad = good.to_vec();
            bad[position] = to;
            let what = format!("byte {position}: {:#04x} to {to:#04x} was accepted", good[position]);
            steps.insert(step_of(scene, read, &bad, &what));
        }
        let mut shorter = good.to_vec();
        shorter.remove(position);
        step_of(scene, read, &shorter, &format!("without byte {position} it was accepted"));
        let mut longer = good.to_vec();
        longer.insert(position, good[position]);
        step_of(scene, read, &longer, &format!("with byte {position} doubled it was accepted"));
        step_of(scene, read, &good[..position], &format!("cut at byte {position} it was accepted"));
    }
    steps
}

#[test]
fn changing_any_byte_of_the_json_file_is_refused() {
    let scene = Scene::after_two_changes();
    let good = scene.bundle(ACTIVE).with_opening(opening()).to_json();
    let steps = try_all(&scene, Bundle::from_json, &good);
    // Every step but the record's refuses some change: a certified row is never another record's.
    let reached: BTreeSet<_> = Step::ALL.iter().copied().filter(|s| *s != Step::Record).collect();
    assert_eq!(steps, reached);
}

#[test]
fn changing_any_byte_of_the_protobuf_form_is_refused() {
    let scene = Scene::after_two_changes();
    let good = scene.bundle(ACTIVE).with_opening(opening()).to_proto();
    let steps = try_all(&scene, Bundle::from_proto, &good);
    assert!([Step::Format, Step::Path, Step::State, Step::Certificate].iter().all(|s| steps.contains(s)));
}

#[test]
fn changing_any_byte_of_a_proof_of_absence_is_refused() {
    let scene = Scene::new();
    try_all(&scene, Bundle::from_json, &scene.bundle(ABSENT).to_json());
    try_all(&scene, Bundle::from_proto, &scene.bundle(ABSENT).to_proto());
}

#[test]
fn changing_any_byte_of_a_key_with_chinese_text_is_refused() {
    let scene = Scene::new();
    try_all(&scene, Bundle::from_json, &scene.bundle(BATCH).to_json());
}
