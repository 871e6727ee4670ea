//! Rules A1 to A5 of the anchor registry.

use crate::scene::{World, block_hash, code, commitment, result_hash, sign, time_of};
use hnchain_crypto::{Digest, Tag};
use hnchain_ledger::StateView;
use hnchain_ledger::anchor::history_key;
use hnchain_types::transaction::RecordKey;
use hnchain_types::{limits, proto};

const ACTIVE: i32 = proto::RecordStatus::Active as i32;
const REVOKED: i32 = proto::RecordStatus::Revoked as i32;

/// A world in which zhengzhou holds `certificate/a` in version 1.
fn anchored() -> World {
    let mut w = World::new();
    let body = w.body().anchor("certificate", "a", 1, commitment(1));
    let key = w.keys.zhengzhou.clone();
    w.one(&key, &body).unwrap();
    w
}

fn refused(w: &mut World, key: &hnchain_crypto::SecretKey, body: &hnchain_types::transaction::BodyBuilder) -> String {
    w.one(key, body).unwrap_err().code
}

#[test]
fn a_new_record_is_stamped_with_its_block_transaction_and_organization() {
    let mut w = World::new();
    let body = w.body().anchor_batch("certificate", "a", 1, commitment(1), 500);
    let tx = sign(&w.keys.zhengzhou, &body);
    let receipts = w.block(std::slice::from_ref(&tx));
    let record = w.record("certificate", "a").unwrap();
    let expected = proto::Record {
        namespace: "certificate".to_owned(),
        id: "a".to_owned(),
        version: 1,
        commitment: commitment(1).0.to_vec(),
        batch_size: 500,
        status: ACTIVE,
        organization: "zhengzhou".to_owned(),
        height: 1,
        time_ms: time_of(1),
        transaction_id: tx.id().0.0.to_vec(),
        previous: vec![],
        reason: String::new(),
    };
    assert_eq!(record, expected);
    let changed =
        proto::RecordChanged { namespace: "certificate".to_owned(), id: "a".to_owned(), version: 1, status: ACTIVE };
    let event = proto::Event { kind: Some(proto::event::Kind::Record(changed)) };
    assert_eq!(crate::scene::outcome(&receipts[0]), Ok(vec![event]));
}

#[test]
fn the_next_version_names_the_hash_of_the_one_before_which_stays_readable() {
    let mut w = anchored();
    let first = w.state.row("anchor/certificate/a").unwrap().unwrap();
    let body = w.body().anchor("certificate", "a", 2, commitment(2));
    let key = w.keys.zhengzhou.clone();
    w.one(&key, &body).unwrap();
    let record = w.record("certificate", "a").unwrap();
    assert_eq!((record.version, record.height, record.commitment), (2, 2, commitment(2).0.to_vec()));
    assert_eq!(record.previous, Tag::Anchor.hash(&[&first]).0);
    let name = RecordKey::new("certificate", "a").unwrap();
    assert_eq!(w.state.row(&history_key(&name, 1)).unwrap(), Some(first));
    assert_eq!(w.state.row(&history_key(&name, 2)).unwrap(), None);
}

#[test]
fn another_key_of_the_same_organization_may_write_the_next_version() {
    let mut w = anchored();
    let body = w.body().anchor("certificate", "a", 2, commitment(2));
    let key = w.keys.zhengzhou_second.clone();
    w.one(&key, &body).unwrap();
}

#[test]
fn a_revocation_is_the_next_version_and_keeps_the_commitment() {
    let mut w = anchored();
    let body = w.body().revoke("certificate", "a", 2, "证照注销");
    let key = w.keys.zhengzhou.clone();
    w.one(&key, &body).unwrap();
    let record = w.record("certificate", "a").unwrap();
    assert_eq!((record.version, record.status, record.reason.as_str()), (2, REVOKED, "证照注销"));
    assert_eq!(record.commitment, commitment(1).0);
    assert_eq!(record.previous.len(), 32);
}

#[test]
fn a1_an_existing_record_refuses_version_one() {
    let mut w = anchored();
    for key in [w.keys.zhengzhou.clone(), w.keys.kaifeng.clone()] {
        let body = w.body().anchor("certificate", "a", 1, commitment(9));
        assert_eq!(refused(&mut w, &key, &body), "ANCHOR_EXISTS");
    }
    assert_eq!(w.record("certificate", "a").unwrap().commitment, commitment(1).0);
}

#[test]
fn a2_a_record_that_does_not_exist_refuses_later_versions_and_revocation() {
    let mut w = anchored();
    let key = w.keys.zhengzhou.clone();
    for body in [
        w.body().anchor("certificate", "b", 2, commitment(1)),
        w.body().revoke("certificate", "b", 2, "reason"),
        w.body().revoke("certificate", "b", 1, "reason"),
        w.body().anchor("realty", "a", 2, commitment(1)),
    ] {
        assert_eq!(refused(&mut w, &key, &body), "ANCHOR_NOT_FOUND");
    }
}

#[test]
fn a3_another_organizations_record_refuses_changes_even_by_a_writer_of_the_namespace() {
    let mut w = anchored();
    let key = w.keys.kaifeng.clone();
    for body in [
        w.body().anchor("certificate", "a", 2, commitment(2)),
        w.body().revoke("certificate", "a", 2, "reason"),
        w.body().anchor("certificate", "a", 7, commitment(2)),
    ] {
        assert_eq!(refused(&mut w, &key, &body), "ANCHOR_OWNER");
    }
}

#[test]
fn a4_a_revoked_record_accepts_nothing_more() {
    let mut w = anchored();
    let key = w.keys.zhengzhou.clone();
    let revoke = w.body().revoke("certificate", "a", 2, "reason");
    w.one(&key, &revoke).unwrap();
    for body in [
        w.body().anchor("certificate", "a", 3, commitment(3)),
        w.body().revoke("certificate", "a", 3, "again"),
        w.body().anchor("certificate", "a", 9, commitment(3)),
    ] {
        assert_eq!(refused(&mut w, &key, &body), "ANCHOR_REVOKED");
    }
    let renew = w.body().anchor("certificate", "a", 1, commitment(3));
    assert_eq!(refused(&mut w, &key, &renew), "ANCHOR_EXISTS");
    assert_eq!(w.record("certificate", "a").unwrap().version, 2);
}

#[test]
fn a5_a_version_that_is_not_the_next_is_refused() {
    let mut w = anchored();
    let key = w.keys.zhengzhou.clone();
    for version in [3, 4, u64::MAX] {
        let body = w.body().anchor("certificate", "a", version, commitment(2));
        assert_eq!(refused(&mut w, &key, &body), "ANCHOR_VERSION");
        let body = w.body().revoke("certificate", "a", version, "reason");
        assert_eq!(refused(&mut w, &key, &body), "ANCHOR_VERSION");
    }
    let body = w.body().revoke("certificate", "a", 1, "reason");
    assert_eq!(refused(&mut w, &key, &body), "ANCHOR_VERSION");
    let detail = w.one(&key, &body).unwrap_err();
    assert_eq!(detail.code, "TX_REPLAYED");
}

#[test]
fn a_rejection_says_what_is_recorded_and_what_was_given() {
    let mut w = anchored();
    let key = w.keys.zhengzhou.clone();
    let body = w.body().anchor("certificate", "a", 5, commitment(2));
    let rejection = w.one(&key, &body).unwrap_err();
    assert!(rejection.message.ends_with("(record=certificate/a recorded=1 given=5)"), "{}", rejection.message);
    assert!(rejection.message_zh.contains("recorded=1 given=5") && !rejection.message_zh.is_ascii());
}

#[test]
fn ids_with_slashes_do_not_meet_in_the_state() {
    let mut w = World::new();
    let key = w.keys.kaifeng.clone();
    for (i, (namespace, id)) in [("a", "b/1"), ("a", "b"), ("a", "b/1/1"), ("a.b", "1")].iter().enumerate() {
        let body = w.body().anchor(namespace, id, 1, commitment(i as u64));
        w.one(&key, &body).unwrap();
        let body = w.body().anchor(namespace, id, 2, commitment(100 + i as u64));
        w.one(&key, &body).unwrap();
    }
    let histories: Vec<_> = w.state.rows().keys().filter(|k| k.starts_with("history/")).collect();
    assert_eq!(histories.len(), 4, "{histories:?}");
    assert_eq!(w.record("a", "b/1").unwrap().commitment, commitment(100).0);
}

#[test]
fn the_largest_record_fits_the_verifiers_row_limit() {
    let mut w = World::new();
    let (namespace, id) = ("n".repeat(limits::NAME_BYTES), "i".repeat(limits::RECORD_ID_BYTES));
    let key = w.keys.kaifeng.clone();
    let body = w.body().anchor_batch(&namespace, &id, 1, Digest([0xff; 32]), limits::BATCH_RECORDS);
    w.one(&key, &body).unwrap();
    let body = w.body().revoke(&namespace, &id, 2, &"r".repeat(limits::REASON_BYTES));
    w.one(&key, &body).unwrap();
    let row = w.state.row(&RecordKey::new(&namespace, &id).unwrap().state_key()).unwrap().unwrap();
    // The organization here could be longer by this much.
    assert!(row.len() + limits::NAME_BYTES < limits::RECORD_BYTES, "{} bytes", row.len());
}

#[test]
fn every_block_makes_its_parent_provable() {
    let mut w = World::new();
    w.wait_until(3);
    assert_eq!(w.row::<proto::BlockReference>("block/0"), None);
    for height in [1, 2] {
        let reference: proto::BlockReference = w.row(&format!("block/{height}")).unwrap();
        assert_eq!(reference.block, block_hash(height).0.0);
        assert_eq!(reference.result, result_hash(height).0.0);
    }
    assert_eq!(w.row::<proto::BlockReference>("block/3"), None);
    let receipts = w.block(&[]);
    assert!(receipts.iter().map(code).next().is_none());
}
