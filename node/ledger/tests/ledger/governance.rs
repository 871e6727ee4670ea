//! Rules G1 to G6: proposals, approvals and their thresholds.

use crate::council::{Council, administrator, epoch_of, joins, leaves, name, rotates, validator};
use crate::scene::{code, codes, outcome, sign};
use hnchain_types::governance::{Change, ProposeChange, Threshold, ValidatorsChange};
use hnchain_types::transaction::Receipt;
use hnchain_types::{Epoch, Height, TxId, proto};

/// Approvals that a change of validators needs.
fn needed(organizations: usize) -> usize {
    Threshold::TWO_THIRDS.needed(organizations)
}

/// The event of an accepted proposal or approval.
fn event(receipt: &Receipt) -> proto::ProposalChanged {
    match outcome(receipt).unwrap().remove(0).kind {
        Some(proto::event::Kind::Proposal(changed)) => changed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_than_two_thirds_of_the_organizations_decide() {
    for organizations in 1..=31 {
        let needed = needed(organizations);
        assert!(3 * needed > 2 * organizations && 3 * (needed - 1) <= 2 * organizations, "{organizations}");
    }
}

#[test]
fn at_every_size_the_decisive_approval_changes_the_set_and_none_before() {
    for n in 1..=31 {
        let mut c = Council::each(n);
        let tx = c.propose(0, joins(&[40], n));
        let id = tx.id();
        let mut done = c.w.append(&[tx]);
        for by in 1..needed(n) {
            assert_eq!(epoch_of(&done.next), None, "{by} of {n}");
            let changed = event(&done.receipts[0]);
            assert_eq!((changed.approvals as usize, changed.needed as usize, changed.epoch), (by, needed(n), 0));
            let approval = c.approve(by, id);
            done = c.w.append(&[approval]);
        }
        let changed = event(&done.receipts[0]);
        assert_eq!((changed.approvals, changed.needed, changed.epoch), (changed.needed, changed.needed, 1));
        assert_eq!((epoch_of(&done.next), c.set().len()), (Some(1), n + 1));
    }
}

#[test]
fn organizations_count_once_however_many_validators_they_run() {
    // Seven validators of three organizations: all three are needed.
    let mut c = Council::new(&[0, 0, 0, 0, 0, 1, 2], false);
    let tx = c.propose(0, leaves(&[1]));
    assert_eq!(c.one(&tx), "");
    let (second, third) = (c.approve(1, tx.id()), c.approve(2, tx.id()));
    assert_eq!(epoch_of(&c.w.append(&[second]).next), None);
    assert_eq!(epoch_of(&c.w.append(&[third]).next), Some(1));
}

#[test]
fn a_proposal_is_on_record_with_who_said_what_and_when() {
    let mut c = Council::each(4);
    let tx = c.propose(0, joins(&[20], 0));
    assert_eq!(c.one(&tx), "");
    let open = c.proposal(tx.id());
    assert_eq!((open.id, open.organization.as_str(), open.height), (tx.id(), name(0).as_str(), Height(1)));
    assert_eq!(open.content, ProposeChange { change: Change::Validators(joins(&[20], 0)), reason: "更换设备".into() });
    assert_eq!(
        (open.expires_ms - open.time_ms, open.enacted, open.approvals.len()),
        (c.w.chain.parameters.proposal_open_ms, None, 1)
    );
    let approvals = [c.approve(1, tx.id()), c.approve(2, tx.id())];
    c.w.block(&approvals);
    let enacted = c.proposal(tx.id());
    let given: Vec<_> = enacted.approvals.iter().map(|a| (a.organization.clone(), a.transaction, a.height)).collect();
    assert_eq!(
        given,
        [
            (name(0), tx.id(), Height(1)),
            (name(1), approvals[0].id(), Height(2)),
            (name(2), approvals[1].id(), Height(2)),
        ]
    );
    let what = enacted.enacted.unwrap();
    assert_eq!((what.transaction, what.height, what.epoch), (approvals[1].id(), Height(2), Epoch(1)));
    assert_eq!(what.what, "validators/1");
}

#[test]
fn g1_a_transaction_has_one_proposal() {
    let mut c = Council::each(4);
    let change = |i| Change::Validators(joins(&[i], 0));
    let body = c.body().propose(change(20), "one").propose(change(21), "two");
    let tx = sign(&administrator(0), &body);
    assert_eq!(c.one(&tx), "PROPOSAL_EXISTS");
    assert!(c.w.state.rows().keys().all(|k| !k.starts_with("governance/")));
}

#[test]
fn g2_g3_a_proposal_exists_and_takes_effect_once() {
    let mut c = Council::each(4);
    let none = c.approve(0, TxId(hnchain_crypto::sm3(b"none")));
    assert_eq!(c.one(&none), "PROPOSAL_NOT_FOUND");
    let proposal = c.almost(joins(&[20], 0));
    let last = c.last(proposal);
    assert_eq!(c.one(&last), "");
    let late = c.approve(3, proposal);
    assert_eq!(c.one(&late), "PROPOSAL_ENACTED");
    assert_eq!(c.epoch().0, 1);
}

#[test]
fn g4_a_proposal_can_be_approved_until_its_last_millisecond() {
    for (late, expected) in [(0, ""), (1, "PROPOSAL_EXPIRED")] {
        let mut c = Council::each(4);
        let proposal = c.almost(joins(&[20], 0));
        let expires = c.proposal(proposal).expires_ms;
        c.w.sleep(expires - c.w.next_time() + late);
        let last = c.last(proposal);
        assert_eq!(c.one(&last), expected);
        assert_eq!(c.proposal(proposal).enacted.is_some(), expected.is_empty());
    }
}

#[test]
fn g5_only_organizations_that_run_validators_approve() {
    let mut c = Council::each(4);
    let proposal = c.almost(joins(&[20], 0));
    let outside = c.approve(4, proposal);
    assert_eq!(c.one(&outside), "APPROVAL_NOT_COUNTED");
}

#[test]
fn an_organization_without_validators_may_propose_and_is_not_counted() {
    let mut c = Council::each(4);
    let tx = c.propose(4, joins(&[20], 4));
    let receipts = c.w.block(std::slice::from_ref(&tx));
    assert_eq!((event(&receipts[0]).approvals, event(&receipts[0]).needed), (0, 3));
    for (by, approvals) in [(0, 1), (1, 2), (2, 3)] {
        let approval = c.approve(by, tx.id());
        assert_eq!(event(&c.w.block(&[approval])[0]).approvals, approvals);
    }
    assert_eq!(c.members(), [0, 1, 2, 3, 20]);
    // Now it runs one.
    let proposal = c.propose(0, leaves(&[20]));
    assert_eq!(c.one(&proposal), "");
    let approval = c.approve(4, proposal.id());
    assert_eq!(event(&c.w.block(&[approval])[0]).needed, 4);
}

#[test]
fn g6_an_organization_approves_once() {
    let mut c = Council::each(7);
    let tx = c.propose(0, joins(&[20], 0));
    assert_eq!(c.one(&tx), "");
    let again = c.approve(0, tx.id());
    assert_eq!(c.one(&again), "APPROVAL_EXISTS");
    let second = c.approve(1, tx.id());
    assert_eq!(c.one(&second), "");
    let again = c.approve(1, tx.id());
    assert_eq!(c.one(&again), "APPROVAL_EXISTS");
    assert_eq!(c.proposal(tx.id()).approvals.len(), 2);
}

#[test]
fn approvals_that_have_become_enough_are_given_again() {
    // Organizations 0 and 1 run two validators each, 2 runs one: all three are needed.
    let mut c = Council::new(&[0, 0, 1, 1, 2], false);
    let waiting = c.almost(joins(&[20], 0));
    assert_eq!(c.decide(leaves(&[4])), "");
    // Two run validators now, and both have approved.
    let again = c.approve(1, waiting);
    let done = c.w.append(&[again]);
    assert_eq!((codes(&done.receipts), epoch_of(&done.next)), (vec![String::new()], Some(2)));
    assert_eq!(c.proposal(waiting).approvals.len(), 2);
}

#[test]
fn approvals_of_organizations_that_run_no_validator_any_more_do_not_count() {
    let mut c = Council::each(5);
    let waiting = c.almost(joins(&[20], 0)); // 0, 1 and 2 of 5; 4 are needed
    let tx = c.propose(3, leaves(&[2]));
    assert_eq!(c.one(&tx), "");
    for by in [0, 1, 4] {
        let approval = c.approve(by, tx.id());
        assert_eq!(c.one(&approval), "");
    }
    // 0 and 1 of 4; 3 are needed.
    let approval = c.approve(3, waiting);
    let done = c.w.append(&[approval]);
    let changed = event(&done.receipts[0]);
    assert_eq!((changed.approvals, changed.needed, changed.epoch), (3, 3, 2));
}

#[test]
fn a_change_that_no_longer_fits_is_refused_and_stays_open() {
    let mut c = Council::each(7);
    let waiting = c.almost(rotates(&[(3, 23)]));
    assert_eq!(c.decide(leaves(&[3])), "");
    // Of six organizations five are needed; the leaver's approval does not count any more.
    let fourth = c.approve(4, waiting);
    assert_eq!(c.one(&fourth), "");
    let before = c.proposal(waiting);
    for _ in 0..2 {
        let fifth = c.approve(5, waiting);
        let receipts = c.w.block(&[fifth]);
        assert_eq!(code(&receipts[0]), "VALIDATOR_UNKNOWN");
        assert_eq!(c.proposal(waiting), before);
    }
    assert_eq!(c.decide(joins(&[3], 3)), "");
    let last = c.approve(6, waiting);
    assert_eq!((c.one(&last), c.members()), (String::new(), vec![0, 1, 2, 4, 5, 6, 23]));
}

#[test]
fn proposing_and_approving_need_an_administrator() {
    let mut c = Council::each(4);
    let body = c.body().propose(Change::Validators(joins(&[20], 0)), "why");
    let tx = sign(&validator(0), &body);
    assert_eq!(c.w.admit(&tx).unwrap_err().code, "ROLE_MISSING");
    let receipts = c.w.block(&[tx]);
    assert!(outcome(&receipts[0]).unwrap_err().message.ends_with("role=administrator)"));
    let proposal = c.almost(joins(&[20], 0));
    let body = c.body().approve(proposal);
    assert_eq!(c.one(&sign(&validator(2), &body)), "ROLE_MISSING");
}

#[test]
fn one_transaction_may_approve_several_proposals() {
    let mut c = Council::each(7);
    let (a, b) = (c.almost(joins(&[20], 0)), c.almost(rotates(&[(1, 21)])));
    let body = c.body().approve(a).approve(b);
    let done = c.w.append(&[sign(&administrator(4), &body)]);
    assert_eq!((codes(&done.receipts), epoch_of(&done.next)), (vec![String::new()], Some(1)));
    assert_eq!(c.members(), [0, 21, 2, 3, 4, 5, 6, 20]);
}

#[test]
fn an_empty_change_cannot_be_built() {
    let mut c = Council::each(4);
    let body = c.body().propose(Change::Validators(ValidatorsChange::default()), "why");
    assert!(hnchain_types::transaction::Transaction::sign(body.encode(), &administrator(0)).is_err());
}
