//! Rules V1 to V9 of the validator set, and the epochs that its changes make.

use crate::council::{Council, epoch_of, joins, leaves, name, rotates, rotates_of, validator};
use crate::scene::{CHAIN, codes, genesis, sign};
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_ledger::{MemoryState, StateView, current_set, execute, genesis_rows, set_of};
use hnchain_types::governance::{EpochRow, Join, VALIDATORS_KEY, ValidatorsChange, epoch_key};
use hnchain_types::{Epoch, Height, ValidatorIndex, proto};

#[test]
fn a_chain_starts_in_epoch_zero_with_the_validators_of_its_genesis() {
    let (rows, genesis) = (genesis_rows(&genesis()), genesis());
    let row = EpochRow::decode(&rows[VALIDATORS_KEY]).unwrap();
    assert_eq!((row.epoch, row.first_height), (Epoch(0), Height(1)));
    assert_eq!(&row.validators, genesis.validators().list());
    assert_eq!(rows[VALIDATORS_KEY], rows[&epoch_key(Epoch(0))]);
    let state = MemoryState::from_genesis(&genesis);
    assert_eq!(current_set(&state).unwrap(), (Epoch(0), Height(1), genesis.validators().clone()));
    assert_eq!(set_of(&state, Epoch(0)).unwrap(), Some((Height(1), genesis.validators().clone())));
    assert_eq!(set_of(&state, Epoch(1)).unwrap(), None);
}

#[test]
fn the_block_that_changes_the_set_is_its_epochs_last_and_names_the_next() {
    let mut c = Council::each(7);
    let old = c.set();
    let proposal = c.almost(joins(&[7], 7));
    let last = c.last(proposal);
    let done = c.w.append(&[last]);
    let next = done.next.clone().unwrap();
    assert_eq!((next.epoch, next.validators.len()), (Epoch(1), 8));
    assert_eq!(done.next_validators, next.validators.hash());
    assert_ne!(done.next_validators, old.hash());
    let height = c.w.height;
    assert_eq!(current_set(&c.w.state).unwrap(), (Epoch(1), Height(height + 1), (*next.validators).clone()));
    assert_eq!(set_of(&c.w.state, Epoch(0)).unwrap(), Some((Height(1), old)));
    // Blocks of the new epoch change nothing of themselves.
    let quiet = c.w.append(&[]);
    assert_eq!((quiet.next, quiet.next_validators), (None, next.validators.hash()));
    assert_eq!(c.epoch(), (1, height + 1));
}

#[test]
fn leavers_make_room_rotated_keys_keep_their_place_and_newcomers_follow() {
    let mut c = Council::each(10);
    let change = ValidatorsChange { leave: leaves(&[2]).leave, rotate: rotates(&[(5, 25)]).rotate, ..joins(&[20], 9) };
    assert_eq!(c.decide(change), "");
    assert_eq!(c.members(), [0, 1, 3, 4, 25, 6, 7, 8, 9, 20]);
    let set = c.set();
    assert_eq!(set.organization(ValidatorIndex(4)), name(5));
    assert_eq!(set.organization(ValidatorIndex(9)), name(9));
    for (i, is) in [(2, false), (5, false), (25, true), (20, true), (0, true)] {
        assert_eq!(c.is_validator(i), is, "{i}");
    }
    assert_eq!(c.signer(&validator(25)).unwrap().organization, name(5));
}

#[test]
fn a_signer_that_joins_keeps_its_roles_and_keeps_them_when_it_leaves() {
    let mut c = Council::each(7);
    let key = crate::council::writer(3);
    let join = Join::new(CHAIN, &name(3), &key);
    assert_eq!(c.decide(ValidatorsChange { join: vec![join], ..ValidatorsChange::default() }), "");
    let kinds = |c: &Council| c.signer(&key).unwrap().roles.iter().map(proto::Role::kind).collect::<Vec<_>>();
    assert_eq!(kinds(&c), [proto::RoleKind::RegistryWriter, proto::RoleKind::Validator]);
    assert_eq!(c.decide(ValidatorsChange { leave: vec![key.public_key()], ..ValidatorsChange::default() }), "");
    assert_eq!(kinds(&c), [proto::RoleKind::RegistryWriter]);
}

#[test]
fn a_validator_that_left_may_come_back_under_its_key() {
    let mut c = Council::each(5);
    assert_eq!(c.decide(leaves(&[4])), "");
    assert!(!c.is_validator(4));
    assert_eq!(c.decide(joins(&[4], 4)), "");
    assert_eq!((c.members(), c.is_validator(4)), (vec![0, 1, 2, 3, 4], true));
    // The same keys in the same order are the same set, in another epoch.
    assert_eq!((c.epoch().0, c.set().hash()), (2, set_of(&c.w.state, Epoch(0)).unwrap().unwrap().1.hash()));
}

/// Code of a proposal by the first organization.
fn proposed(c: &mut Council, change: ValidatorsChange) -> String {
    let tx = c.propose(0, change);
    let quiet = c.w.execute(&[]).changes;
    let done = c.w.append(&[tx]);
    if !done.receipts[0].accepted() {
        assert_eq!(done.changes, quiet, "a refused transaction leaves no trace");
    }
    codes(&done.receipts).remove(0)
}

#[test]
fn v1_who_leaves_or_changes_key_is_in_the_set() {
    let mut c = Council::each(7);
    assert_eq!(proposed(&mut c, leaves(&[9])), "VALIDATOR_UNKNOWN");
    assert_eq!(proposed(&mut c, rotates(&[(9, 10)])), "VALIDATOR_UNKNOWN");
}

#[test]
fn v2_who_joins_is_not_in_the_set() {
    let mut c = Council::each(7);
    assert_eq!(proposed(&mut c, joins(&[3], 3)), "VALIDATOR_EXISTS");
    assert_eq!(proposed(&mut c, rotates(&[(2, 3)])), "VALIDATOR_EXISTS");
}

#[test]
fn v3_a_key_belongs_to_one_organization_that_exists() {
    let mut c = Council::each(7);
    assert_eq!(proposed(&mut c, joins(&[20], 40)), "VALIDATOR_ORGANIZATION");
    let join = |organization| Join::new(CHAIN, &name(organization), &crate::council::writer(3));
    let change = |organization| ValidatorsChange { join: vec![join(organization)], ..ValidatorsChange::default() };
    assert_eq!(proposed(&mut c, change(2)), "VALIDATOR_ORGANIZATION");
    assert_eq!(proposed(&mut c, change(3)), "");
    // A former validator's key stays with its organization.
    assert_eq!(c.decide(leaves(&[6])), "");
    assert_eq!(proposed(&mut c, joins(&[6], 5)), "VALIDATOR_ORGANIZATION");
    assert_eq!(proposed(&mut c, rotates(&[(5, 6)])), "VALIDATOR_ORGANIZATION");
}

#[test]
fn v4_a_revoked_key_does_not_join() {
    let mut c = Council::each(7);
    assert_eq!(c.decide(leaves(&[6])), "");
    let mut rows = c.w.state.rows().clone();
    let mut row = c.signer(&validator(6)).unwrap();
    row.revoked_ms = 1;
    rows.insert(
        hnchain_ledger::membership::signer_key(&validator(6).public_key()),
        prost::Message::encode_to_vec(&row),
    );
    c.w.state = MemoryState::new(rows);
    assert_eq!(proposed(&mut c, joins(&[6], 6)), "VALIDATOR_BARRED");
}

#[test]
fn v5_v6_v7_bounds_are_those_of_the_table() {
    for (n, change, expected) in [
        (1, leaves(&[0]), "VALIDATORS_SIZE"),
        (1, rotates(&[(0, 20)]), "VALIDATORS_LEAVING"),
        (1, joins(&[20], 0), ""),
        (1, joins(&[20, 21], 0), "VALIDATORS_JOINING"),
        (3, leaves(&[0]), "VALIDATORS_LEAVING"),
        (3, joins(&[20], 0), ""),
        (4, leaves(&[0]), "VALIDATORS_SIZE"),
        (4, rotates(&[(0, 20)]), ""),
        (4, ValidatorsChange { leave: leaves(&[0]).leave, ..joins(&[20], 0) }, ""),
        (4, ValidatorsChange { rotate: rotates(&[(0, 21)]).rotate, ..joins(&[20], 0) }, "VALIDATORS_JOINING"),
        (5, leaves(&[0]), ""),
        (5, leaves(&[0, 1]), "VALIDATORS_LEAVING"),
        (7, leaves(&[0, 1]), ""),
        (7, leaves(&[0, 1, 2]), "VALIDATORS_LEAVING"),
        (7, ValidatorsChange { leave: leaves(&[0, 1]).leave, ..rotates(&[(2, 20)]) }, "VALIDATORS_LEAVING"),
        (7, joins(&[20, 21], 0), ""),
        (7, joins(&[20, 21, 22], 0), "VALIDATORS_JOINING"),
    ] {
        let mut c = Council::each(n);
        assert_eq!(proposed(&mut c, change.clone()), expected, "{n} {change:?}");
    }
}

#[test]
fn v7_a_set_has_at_most_its_limit() {
    let mut c = Council::new(&[0; 128], false);
    assert_eq!(proposed(&mut c, joins(&[128], 0)), "VALIDATORS_SIZE");
    let mut c = Council::new(&[0; 127], false);
    assert_eq!(proposed(&mut c, joins(&[127], 0)), "");
    assert_eq!(c.set().len(), 128);
}

/// A key whose x is not on the curve.
fn off_curve() -> PublicKey {
    let keys = (0..=u8::MAX).map(|i| PublicKey::from_bytes(&[[2; 32].as_slice(), &[i]].concat()).unwrap());
    keys.into_iter().find(|k| k.to_verifying_key().is_err()).unwrap()
}

#[test]
fn v9_every_new_key_signs_for_itself_this_chain_and_its_organization() {
    let mut c = Council::each(4);
    let good = Join::new(CHAIN, &name(0), &validator(20));
    for bad in [
        Join::new("henan-other", &name(0), &validator(20)),
        // Somebody proved it for another organization.
        Join { organization: name(0), ..Join::new(CHAIN, &name(1), &validator(20)) },
        Join { possession: Join::new(CHAIN, &name(0), &validator(21)).possession, ..good.clone() },
        Join { public_key: off_curve(), ..good.clone() },
    ] {
        let change = ValidatorsChange { join: vec![bad], ..ValidatorsChange::default() };
        assert_eq!(proposed(&mut c, change), "VALIDATOR_POSSESSION");
    }
    let mut rotation = rotates(&[(1, 20)]);
    rotation.rotate[0].possession = rotates(&[(1, 21)]).rotate[0].possession;
    assert_eq!(proposed(&mut c, rotation), "VALIDATOR_POSSESSION");
    let elsewhere = rotates_of(2, 1, 20);
    assert_eq!(proposed(&mut c, elsewhere), "VALIDATOR_POSSESSION");
    // The old key's signature is no proof of the new one.
    let mut rotation = rotates(&[(1, 20)]);
    rotation.rotate[0].possession = Join::new(CHAIN, &name(1), &validator(1)).possession;
    assert_eq!(proposed(&mut c, rotation), "VALIDATOR_POSSESSION");
}

#[test]
fn two_changes_that_fit_together_make_one_epoch() {
    let mut c = Council::each(7);
    let (a, b) =
        (c.almost(joins(&[20], 0)), c.almost(ValidatorsChange { leave: leaves(&[3]).leave, ..joins(&[21], 1) }));
    let txs = [c.last(a), c.last(b)];
    let done = c.w.append(&txs);
    assert_eq!(codes(&done.receipts), ["", ""]);
    assert_eq!(epoch_of(&done.next), Some(1));
    assert_eq!(c.members(), [0, 1, 2, 4, 5, 6, 20, 21]);
    assert_eq!((c.proposal(a).enacted.unwrap().epoch, c.proposal(b).enacted.unwrap().epoch), (Epoch(1), Epoch(1)));
    assert_eq!(set_of(&c.w.state, Epoch(2)).unwrap(), None);
    assert!(c.is_validator(20) && c.is_validator(21) && !c.is_validator(3));
}

#[test]
fn changes_of_one_block_add_up_against_the_bounds_and_the_rest_waits_for_the_next_epoch() {
    for (one, other, code) in [
        (joins(&[20], 0), joins(&[21], 1), "VALIDATORS_JOINING"),
        (rotates(&[(0, 20)]), rotates(&[(1, 21)]), "VALIDATORS_LEAVING"),
        (leaves(&[0]), leaves(&[1]), "VALIDATORS_LEAVING"),
    ] {
        let mut c = Council::each(6);
        let (a, b) = (c.almost(one), c.almost(other));
        let txs = [c.last(a), c.last(b)];
        let done = c.w.append(&txs);
        assert_eq!(codes(&done.receipts), ["", code]);
        assert_eq!(epoch_of(&done.next), Some(1));
        let (before, waiting) = (c.members(), c.proposal(b));
        assert_eq!(waiting.enacted, None);
        // The organization whose approval was refused gives it again. Where the first one ran a validator that left, one
        // approval less is needed.
        let again = c.last(b);
        let done = c.w.append(&[again]);
        assert_eq!((codes(&done.receipts), epoch_of(&done.next)), (vec![String::new()], Some(2)));
        assert_ne!(c.members(), before);
    }
}

#[test]
fn v8_a_change_that_undoes_another_of_its_block_is_refused() {
    let mut c = Council::each(4);
    let again = c.almost(rotates(&[(0, 20)]));
    assert_eq!(c.decide(rotates(&[(0, 20)])), "");
    let back = c.almost(rotates_of(0, 20, 0));
    assert_eq!(c.decide(rotates_of(0, 20, 0)), "");
    assert_eq!((c.members(), c.epoch().0), (vec![0, 1, 2, 3], 2));
    let txs = [c.last(again), c.last(back)];
    let done = c.w.append(&txs);
    assert_eq!(codes(&done.receipts), ["", "VALIDATORS_UNCHANGED"]);
    assert_eq!((c.members(), epoch_of(&done.next)), (vec![20, 1, 2, 3], Some(3)));
}

#[test]
fn epochs_stay_as_they_were() {
    let mut c = Council::each(7);
    let mut rows = vec![];
    for (i, change) in [joins(&[20], 0), leaves(&[1]), rotates(&[(2, 22)])].into_iter().enumerate() {
        let row = c.w.state.row(&epoch_key(Epoch(i as u64))).unwrap().unwrap();
        assert_eq!(c.w.state.row(VALIDATORS_KEY).unwrap().unwrap(), row);
        rows.push(row);
        assert_eq!(c.decide(change), "");
        for (epoch, row) in (0u64..).zip(&rows) {
            assert_eq!(c.w.state.row(&epoch_key(Epoch(epoch))).unwrap().as_ref(), Some(row));
        }
    }
}

#[test]
fn a_refused_operation_undoes_a_change_of_validators() {
    let mut c = Council::each(4);
    let proposal = c.almost(joins(&[20], 0));
    let body = c.body().approve(proposal).approve(hnchain_types::TxId(hnchain_crypto::sm3(b"none")));
    let tx = sign(&crate::council::administrator(2), &body);
    let quiet = c.w.execute(&[]);
    let done = c.w.execute(&[tx]);
    assert_eq!(codes(&done.receipts), ["PROPOSAL_NOT_FOUND"]);
    assert_eq!((done.next, done.changes, done.next_validators), (None, quiet.changes, quiet.next_validators));
}

#[test]
fn equal_blocks_give_equal_epochs() {
    let mut c = Council::strict(7);
    let (a, b) = (c.almost(joins(&[20], 0)), c.almost(rotates(&[(2, 22)])));
    let evidence = c.evidence(4, 4, 0, 9);
    let txs = [c.last(a), c.last(b), c.accuse(1, &evidence)];
    assert_eq!(c.w.execute(&txs), c.w.execute(&txs));
    let mut reversed = txs.clone();
    reversed.reverse();
    let (one, other) = (c.w.execute(&txs), c.w.execute(&reversed));
    assert_eq!((codes(&one.receipts), epoch_of(&one.next)), (codes(&other.receipts), epoch_of(&other.next)));
}

#[test]
fn a_damaged_or_missing_epoch_is_no_rejection() {
    let c = Council::each(4);
    for row in [None, Some(vec![]), Some(vec![0xff])] {
        let mut rows = c.w.state.rows().clone();
        rows.remove(VALIDATORS_KEY);
        rows.extend(row.map(|row| (VALIDATORS_KEY.to_owned(), row)));
        let state = MemoryState::new(rows);
        let none: &[hnchain_types::transaction::Transaction] = &[];
        let error = execute(&state, &c.w.chain, &c.w.context(), none).unwrap_err();
        assert!(error.0.contains(VALIDATORS_KEY), "{error}");
        assert!(current_set(&state).is_err());
    }
    let mut rows = c.w.state.rows().clone();
    rows.insert(epoch_key(Epoch(0)), vec![1]);
    assert!(set_of(&MemoryState::new(rows), Epoch(0)).is_err());
}

#[test]
fn v10_a_key_of_an_administrator_does_not_join() {
    let mut c = Council::each(4);
    let join = Join::new(CHAIN, &name(0), &crate::council::administrator(0));
    let change = ValidatorsChange { join: vec![join], ..ValidatorsChange::default() };
    assert_eq!(proposed(&mut c, change), "MEMBER_DUTIES_MIXED");
}

#[test]
fn a_key_that_is_named_in_two_roles_is_one_signer() {
    // Validator and writer of one organization under one key.
    let mut c = Council::each(4);
    let key: SecretKey = crate::council::writer(0);
    let change = ValidatorsChange { join: vec![Join::new(CHAIN, &name(0), &key)], ..ValidatorsChange::default() };
    assert_eq!(c.decide(change), "");
    let body = c.body().anchor("certificate", "a", 1, hnchain_crypto::sm3(b"a"));
    assert_eq!(c.one(&sign(&key, &body)), "");
    let evidence = c.evidence(3, 3, 0, 9);
    let body = c.body().submit_evidence(&evidence);
    assert_eq!(c.one(&sign(&key, &body)), "");
}
