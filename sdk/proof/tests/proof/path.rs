//! The steps from the genesis to a later epoch, and everything that is not one.

use crate::scene::{ACTIVE, Change, Scene, epoch, genesis, rows};
use hnchain_crypto::SecretKey;
use hnchain_proof::{Reason, STEPS, Step, follow, verify};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{Epoch, ValidatorIndex, ValidatorsHash, View, proto};
use prost::Message;

/// The reason for which a path is refused, in the bundle of epoch 2 and alone.
fn refused(path: Vec<proto::EpochStep>) -> Reason {
    let scene = Scene::after_two_changes();
    let alone = follow(&scene.genesis, &path).map(|_| ());
    let error = scene.judge(proto::ProofBundle { path, ..scene.message(ACTIVE) }).unwrap_err();
    assert_eq!(error.step(), Step::Path, "{error}");
    if error.reason() != Reason::Epoch {
        assert_eq!(alone, Err(error.clone()));
        assert!(error.detail().contains("epoch"), "{error}");
    }
    error.reason()
}

fn path() -> Vec<proto::EpochStep> {
    Scene::after_two_changes().path
}

/// The path with its second step made and changed.
fn with_second(change: impl FnOnce(&mut Change)) -> Vec<proto::EpochStep> {
    let mut second = Change::new(&genesis("henan-demo").0, 1, &epoch(1), &epoch(2));
    change(&mut second);
    vec![path().remove(0), second.step()]
}

#[test]
fn a_path_leads_to_the_validators_of_the_epoch_after_its_last_step() {
    let (genesis, _) = genesis("henan-demo");
    for steps in 0..3 {
        let led = follow(&genesis, &path()[..steps]).unwrap();
        assert_eq!(*led, epoch(steps).1);
    }
    assert_eq!(with_second(|_| ()), path());
}

#[test]
fn missing_and_unneeded_steps_are_refused() {
    let good = path();
    assert_eq!(refused(vec![]), Reason::Epoch);
    assert_eq!(refused(good[..1].to_vec()), Reason::Epoch);
    assert_eq!(refused(good[1..].to_vec()), Reason::Epoch);
    assert_eq!(refused([&good[..], &good[1..]].concat()), Reason::Epoch);
    // A path where none is needed, and none where one is.
    let first = Scene::new();
    let unneeded = proto::ProofBundle { path: good, ..first.message(ACTIVE) };
    assert_eq!(first.judge(unneeded).unwrap_err().reason(), Reason::Epoch);
    let later = Scene::with(rows(), |h| h.epoch = Epoch(1));
    assert_eq!(later.judge(later.message(ACTIVE)).unwrap_err().reason(), Reason::Epoch);
    let endless = Scene::with(rows(), |h| h.epoch = Epoch(hnchain_types::limits::NUMBER));
    assert_eq!(endless.judge(endless.message(ACTIVE)).unwrap_err().reason(), Reason::Epoch);
}

#[test]
fn more_steps_than_any_path_has_are_refused_before_they_are_read() {
    let (genesis, _) = genesis("henan-demo");
    let error = follow(&genesis, &vec![proto::EpochStep::default(); STEPS + 1]).unwrap_err();
    assert_eq!(error.reason(), Reason::Field);
}

#[test]
fn steps_are_taken_in_order_and_once() {
    let good = path();
    assert_eq!(refused(vec![good[1].clone(), good[0].clone()]), Reason::StepEpoch);
    assert_eq!(refused(vec![good[0].clone(), good[0].clone()]), Reason::StepEpoch);
    // Certified for epoch 0 or 2 by the validators of epoch 1.
    assert_eq!(refused(with_second(|c| c.fields.epoch = Epoch(0))), Reason::StepEpoch);
    assert_eq!(refused(with_second(|c| c.fields.epoch = Epoch(2))), Reason::StepEpoch);
}

#[test]
fn a_step_of_malformed_parts_is_refused() {
    let changes: [fn(&mut proto::EpochStep); 6] = [
        |s| s.header.push(0),
        |s| s.header.clear(),
        |s| s.result.push(0),
        |s| s.validators.clear(),
        |s| s.validators.extend([0x78, 1]),
        |s| {
            let mut set = proto::ValidatorSet::decode(s.validators.as_slice()).unwrap();
            set.validators[1] = set.validators[0].clone();
            s.validators = set.encode_to_vec();
        },
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut bad = path();
        change(&mut bad[1]);
        assert_eq!(refused(bad), Reason::StepMalformed, "case {i}");
    }
}

#[test]
fn a_step_of_another_chain_is_refused_though_our_validators_signed_it() {
    let (other, _) = genesis("henan-other");
    assert_eq!(refused(with_second(|c| c.fields.genesis = other.digest())), Reason::StepOtherChain);
    // All of it of the other chain: votes are of one chain only.
    let signed_there = with_second(|c| c.genesis = other.clone());
    assert_eq!(refused(signed_there), Reason::StepCertificate);
}

#[test]
fn a_step_names_the_validators_that_the_step_before_certified() {
    let hashes = [epoch(0).1.hash(), epoch(2).1.hash(), ValidatorsHash(hnchain_crypto::sm3(b"others"))];
    for hash in hashes {
        assert_eq!(refused(with_second(|c| c.fields.validators = hash)), Reason::StepValidators);
    }
}

#[test]
fn a_step_changes_the_validators_and_encloses_those_that_it_certifies() {
    assert_eq!(refused(with_second(|c| c.certified = epoch(1).1.hash())), Reason::StepUnchanged);
    let forged = SecretKey::from_bytes(&[9; 32]).unwrap().public_key();
    let set = epoch(2).1;
    let members: Vec<_> = set.list().members().to_vec();
    let mut reordered = members.clone();
    reordered.swap(0, 1);
    let mut renamed = members.clone();
    renamed[0].1 = "kaifeng".to_owned();
    let mut replaced = members.clone();
    replaced[0].0 = forged;
    let mut fewer = members;
    fewer.pop();
    for other in [reordered, renamed, replaced, fewer] {
        let enclosed = ValidatorSet::of(&other).unwrap().encode();
        assert_eq!(refused(with_second(|c| c.enclosed = enclosed)), Reason::StepSet);
    }
}

#[test]
fn the_keys_of_an_old_epoch_certify_nothing_of_a_later_one() {
    // The second step by those of epoch 0: the fourth of them left with the first step.
    let old = with_second(|c| {
        c.keys = {
            let k = epoch(0).0;
            vec![k[3].clone(), k[1].clone(), k[2].clone()]
        }
    });
    assert_eq!(refused(old), Reason::StepCertificate);
    // The block of epoch 2 by those of epochs 0 and 1.
    for number in [0, 1] {
        let mut scene = Scene::after_two_changes();
        scene.keys = epoch(number).0;
        let error = scene.judge(scene.message(ACTIVE)).unwrap_err();
        assert_eq!((error.step(), error.reason()), (Step::Certificate, Reason::Signature));
    }
    // The same, under a header that names the old set.
    for number in [0, 1] {
        let mut scene = Scene::after_two_changes();
        let fields =
            hnchain_types::block::HeaderFields { validators: epoch(number).1.hash(), ..(*scene.header).clone() };
        scene.header = hnchain_types::block::Header::new(fields);
        scene.keys = epoch(number).0;
        assert_eq!(scene.judge(scene.message(ACTIVE)).unwrap_err().reason(), Reason::Validators);
    }
}

#[test]
fn a_step_needs_a_quorums_finalization_of_its_block_and_result() {
    let good = path();
    let changes: [fn(&mut Certificate); 6] = [
        |c| c.votes.truncate(2),
        |c| c.votes[2].0 = ValidatorIndex(4),
        |c| (c.votes[0].1, c.votes[1].1) = (c.votes[1].1, c.votes[0].1),
        |c| c.view = View(10),
        |c| c.epoch = Epoch(0),
        |c| {
            if let Statement::Finalize { block, .. } = c.statement {
                c.statement = Statement::Notarize { block };
            }
        },
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut certificate = Certificate::decode(&good[1].certificate).unwrap();
        change(&mut certificate);
        let bad = proto::EpochStep { certificate: certificate.encode(), ..good[1].clone() };
        assert_eq!(refused(vec![good[0].clone(), bad]), Reason::StepCertificate, "case {i}");
    }
    let malformed = proto::EpochStep { certificate: vec![1], ..good[1].clone() };
    assert_eq!(refused(vec![good[0].clone(), malformed]), Reason::StepCertificate);
    // The certificate of one step under the header, and under the result, of the other.
    let header = proto::EpochStep { certificate: good[0].certificate.clone(), ..good[1].clone() };
    assert_eq!(refused(vec![good[0].clone(), header]), Reason::StepCertificate);
}

#[test]
fn the_inner_reason_of_a_certificate_is_told() {
    let scene = Scene::after_two_changes();
    let mut message = scene.message(ACTIVE);
    let mut certificate = Certificate::decode(&message.path[0].certificate).unwrap();
    certificate.votes.pop();
    message.path[0].certificate = certificate.encode();
    let error = scene.judge(message).unwrap_err();
    assert!(error.detail().contains("epoch 0") && error.detail().contains("PROOF_QUORUM"), "{error}");
    assert!(verify(&scene.bundle(ACTIVE), &scene.genesis).is_ok());
}
