//! Rows of the genesis, and validity that rows can have and a genesis cannot.

use crate::scene::{Keys, START_MS, World, code, commitment, genesis, sign, time_of};
use hnchain_crypto::SecretKey;
use hnchain_ledger::membership::{PARAMETERS_KEY, organization_key, signer_key};
use hnchain_ledger::{MemoryState, genesis_rows};
use hnchain_types::genesis::{Genesis, Validator};
use hnchain_types::proto::{self, RoleKind};
use prost::Message;

fn signer(rows: &std::collections::BTreeMap<String, Vec<u8>>, key: &SecretKey) -> proto::Signer {
    proto::Signer::decode(rows[&signer_key(&key.public_key())].as_slice()).unwrap()
}

fn kinds(signer: &proto::Signer) -> Vec<RoleKind> {
    signer.roles.iter().map(proto::Role::kind).collect()
}

#[test]
fn the_genesis_gives_a_row_to_each_organization_signer_and_validator() {
    let (rows, keys) = (genesis_rows(&genesis()), Keys::new());
    // Parameters, organizations with the owners of their codes, signers, the validator, the first epoch.
    assert_eq!(rows.len(), 1 + 2 * 2 + 5 + 1 + 2);
    let zhengzhou = proto::Organization::decode(rows[&organization_key("zhengzhou")].as_slice()).unwrap();
    assert_eq!(
        (zhengzhou.id.as_str(), zhengzhou.division.as_str(), zhengzhou.parent.as_str()),
        ("zhengzhou", "410100", "")
    );
    let temporary = signer(&rows, &keys.temporary);
    assert_eq!((temporary.valid_from_ms, temporary.valid_until_ms), (time_of(10), time_of(20)));
    assert_eq!(temporary.public_key, keys.temporary.public_key().as_bytes());
    assert_eq!(kinds(&signer(&rows, &keys.auditor)), [RoleKind::Auditor, RoleKind::Observer]);
    assert_eq!(kinds(&signer(&rows, &keys.validator)), [RoleKind::Validator]);
    let parameters = proto::Parameters::decode(rows[PARAMETERS_KEY].as_slice()).unwrap();
    assert_eq!((parameters.transaction_bytes, parameters.validity_ms), (2048, 600_000));
}

#[test]
fn a_validator_that_is_also_a_signer_keeps_its_roles() {
    let keys = Keys::new();
    let mut document = genesis().document().clone();
    document.validators.push(Validator::new(&document.chain_id, "kaifeng", &keys.kaifeng));
    let rows = genesis_rows(&Genesis::create(&document).unwrap());
    assert_eq!(kinds(&signer(&rows, &keys.kaifeng)), [RoleKind::RegistryWriter, RoleKind::Validator]);
}

/// Code of an anchor by zhengzhou in block 1, after `change` of its row.
fn judged(change: impl FnOnce(&mut proto::Signer)) -> String {
    let mut w = World::new();
    let mut rows = w.state.rows().clone();
    let mut row = signer(&rows, &w.keys.zhengzhou);
    change(&mut row);
    rows.insert(signer_key(&w.keys.zhengzhou.public_key()), row.encode_to_vec());
    w.state = MemoryState::new(rows);
    let body = w.body().anchor("certificate", "a", 1, commitment(1));
    let tx = sign(&w.keys.zhengzhou, &body);
    code(&w.block(&[tx])[0])
}

#[test]
fn a_revoked_signer_acts_until_its_revocation_and_not_after() {
    assert_eq!(judged(|s| s.revoked_ms = time_of(1) + 1), "");
    assert_eq!(judged(|s| s.revoked_ms = time_of(1)), "SIGNER_NOT_IN_FORCE");
    assert_eq!(judged(|s| s.revoked_ms = START_MS), "SIGNER_NOT_IN_FORCE");
}

#[test]
fn unknown_roles_and_roles_bound_to_a_division_give_nothing() {
    assert_eq!(judged(|s| s.roles.clear()), "ROLE_MISSING");
    assert_eq!(judged(|s| s.roles.iter_mut().for_each(|r| r.kind = 99)), "ROLE_MISSING");
    assert_eq!(judged(|s| s.roles.iter_mut().for_each(|r| r.kind = 0)), "ROLE_MISSING");
    assert_eq!(judged(|s| s.roles.iter_mut().for_each(|r| r.division = "410100".to_owned())), "ROLE_MISSING");
    assert_eq!(judged(|s| s.roles.iter_mut().for_each(|r| r.namespace.clear())), "ROLE_MISSING");
}
