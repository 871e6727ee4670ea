use crate::scene::{ABSENT, ACTIVE, BATCH, DOCUMENT, REVOKED, Scene, TIME_MS, opening};
use hnchain_proof::{Bundle, Status, verify};
use hnchain_types::{Epoch, Height, proto};

#[test]
fn a_record_in_force_is_proven_with_its_signers_and_time() {
    let scene = Scene::new();
    let verdict = verify(&scene.bundle(ACTIVE), &scene.genesis).unwrap();
    assert_eq!(
        (verdict.certified.chain_id.as_str(), verdict.certified.height, verdict.certified.time_ms),
        ("henan-demo", Height(7), TIME_MS)
    );
    assert_eq!((verdict.certified.block, verdict.certified.state_root), (scene.header.hash(), scene.result.state_root));
    let signers: Vec<_> = verdict.certified.signers.iter().map(|s| (s.index.0, s.organization.as_str())).collect();
    assert_eq!(signers, [(0, "henan"), (1, "zhengzhou"), (3, "pingdingshan")]);
    assert_eq!((verdict.certified.epoch, verdict.certified.epoch_changes), (Epoch(0), 0));
    assert_eq!(verdict.certified.signers[2].public_key, scene.keys[3].public_key());
    let record = verdict.record.unwrap();
    assert_eq!((record.status, record.version, record.organization.as_str()), (Status::Active, 2, "zhengzhou"));
    assert_eq!((record.key.namespace(), record.key.id()), (verdict.namespace.as_str(), verdict.id.as_str()));
    assert_eq!(verdict.opening, None);
}

#[test]
fn a_record_of_a_later_epoch_is_proven_by_its_validators() {
    let scene = Scene::after_two_changes();
    let verdict = verify(&scene.bundle(ACTIVE), &scene.genesis).unwrap();
    assert_eq!(
        (
            verdict.certified.epoch,
            verdict.certified.epoch_changes,
            verdict.certified.validators,
            verdict.certified.quorum
        ),
        (Epoch(2), 2, 4, 3)
    );
    let signers: Vec<_> = verdict.certified.signers.iter().map(|s| (s.index.0, s.organization.as_str())).collect();
    assert_eq!(signers, [(0, "zhengzhou"), (1, "kaifeng"), (3, "luoyang")], "of this epoch, not of the genesis");
    assert_eq!(verdict.certified.signers[2].public_key, scene.keys[3].public_key());
    assert_eq!(verdict.record.unwrap().status, Status::Active);
}

#[test]
fn a_revoked_record_is_proven_as_revoked_with_its_reason() {
    let scene = Scene::new();
    let record = verify(&scene.bundle(REVOKED), &scene.genesis).unwrap().record.unwrap();
    assert_eq!((record.status, record.reason.as_deref()), (Status::Revoked, Some("注销登记")));
}

#[test]
fn absence_is_proven_beside_another_leaf_in_an_empty_place_and_in_an_empty_tree() {
    let scene = Scene::new();
    let (mut beside, mut empty) = (0, 0);
    for i in 0..200 {
        let message = scene.message(&format!("anchor/certificate/none-{i}"));
        match message.state.as_ref().unwrap().leaf {
            Some(_) => beside += 1,
            None => empty += 1,
        }
        let verdict = scene.judge(message).unwrap();
        assert_eq!((verdict.record, verdict.id), (None, format!("none-{i}")));
    }
    assert!(beside > 0 && empty > 0, "{beside} {empty}");
    let nothing = Scene::with([].into(), |_| ());
    let mut message = scene.message(ABSENT);
    message.header = nothing.header.raw().to_vec();
    message.result = nothing.result.raw().to_vec();
    message.certificate = nothing.certificate(nothing.finalize(), nothing.header.view, &[0, 1, 2]).encode();
    message.state = Some(proto::StateProof { key: ABSENT.to_owned(), ..proto::StateProof::default() });
    assert_eq!(nothing.judge(message).unwrap().record, None);
}

#[test]
fn a_bundles_digest_names_its_content() {
    let scene = Scene::new();
    let bundle = scene.bundle(ACTIVE);
    assert_eq!(scene.bundle(ACTIVE).digest(), bundle.digest());
    assert_ne!(scene.bundle(REVOKED).digest(), bundle.digest());
    assert_ne!(bundle.clone().with_opening(opening()).digest(), bundle.digest());
}

#[test]
fn an_enclosed_opening_opens_the_commitment() {
    let scene = Scene::new();
    let verdict = verify(&scene.bundle(ACTIVE).with_opening(opening()), &scene.genesis).unwrap();
    assert!(verdict.opening.unwrap().is_of(DOCUMENT.as_bytes()));
    let revoked = verify(&scene.bundle(REVOKED).with_opening(opening()), &scene.genesis).unwrap();
    assert_eq!(revoked.opening, Some(opening()));
}

#[test]
fn a_batch_root_is_proven_with_its_size() {
    let scene = Scene::new();
    assert_eq!(verify(&scene.bundle(BATCH), &scene.genesis).unwrap().record.unwrap().batch_size, 1000);
}

#[test]
fn all_four_validators_may_have_signed() {
    let scene = Scene::new();
    let mut message = scene.message(ACTIVE);
    message.certificate = scene.certificate(scene.finalize(), scene.header.view, &[0, 1, 2, 3]).encode();
    assert_eq!(scene.judge(message).unwrap().certified.signers.len(), 4);
}

#[test]
fn both_forms_round_trip() {
    let (scene, later) = (Scene::new(), Scene::after_two_changes());
    for (key, scene) in [ACTIVE, REVOKED, BATCH, ABSENT].into_iter().flat_map(|k| [(k, &scene), (k, &later)]) {
        for bundle in [scene.bundle(key), scene.bundle(key).with_opening(opening())] {
            assert_eq!(Bundle::from_json(&bundle.to_json()).unwrap(), bundle);
            assert_eq!(Bundle::from_proto(&bundle.to_proto()).unwrap(), bundle);
            assert_eq!(bundle.record_key().unwrap().state_key(), key);
            assert_eq!(bundle.clone().with_opening(opening()).without_opening(), bundle.without_opening());
        }
    }
}

#[test]
fn a_verdict_has_a_json_form_for_programs() {
    let scene = Scene::new();
    let verdict = verify(&scene.bundle(REVOKED).with_opening(opening()), &scene.genesis).unwrap();
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["record"]["status"], "revoked");
    assert_eq!(json["block"], scene.header.hash().to_string());
    assert_eq!(json["opening"]["salt"], "5a".repeat(16));
}
