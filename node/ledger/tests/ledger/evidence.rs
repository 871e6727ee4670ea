//! Rules E1 to E4, and what becomes of offenders.

use crate::council::{Council, administrator, epoch_of, joins, leaves, name, rotates, validator};
use crate::scene::{codes, outcome, sign};
use hnchain_types::certificate::Statement;
use hnchain_types::governance::{EvidenceRow, evidence_key};
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{Epoch, Height, ValidatorIndex, View, proto};

fn row(c: &Council, who: usize, epoch: u64) -> Option<EvidenceRow> {
    let key = evidence_key(Epoch(epoch), &validator(who).public_key());
    c.w.state.rows().get(&key).map(|raw| EvidenceRow::decode(raw).unwrap())
}

/// Has validator 0 submit evidence; the code of its refusal.
fn convict(c: &mut Council, who: usize, index: u32, epoch: u64, view: u64) -> String {
    let evidence = c.evidence(who, index, epoch, view);
    let tx = c.accuse(0, &evidence);
    c.one(&tx)
}

#[test]
fn a_conviction_is_on_record_with_its_votes_and_its_submitter() {
    let mut c = Council::each(4);
    let evidence = c.evidence(2, 2, 0, 9);
    let tx = c.accuse(0, &evidence);
    let done = c.w.append(std::slice::from_ref(&tx));
    let row = row(&c, 2, 0).unwrap();
    assert_eq!((row.evidence, row.offender), (evidence, validator(2).public_key()));
    assert_eq!((row.organization.as_str(), row.submitter.as_str()), (name(2).as_str(), name(0).as_str()));
    assert_eq!((row.transaction, row.height, row.suspended), (tx.id(), Height(1), false));
    let recorded = proto::EvidenceRecorded {
        epoch: 0,
        view: 9,
        offender: validator(2).public_key().as_bytes().to_vec(),
        organization: name(2),
        suspended: false,
    };
    let event = proto::Event { kind: Some(proto::event::Kind::Evidence(recorded)) };
    assert_eq!(outcome(&done.receipts[0]), Ok(vec![event]));
    assert_eq!((done.next, c.members()), (None, vec![0, 1, 2, 3]));
}

#[test]
fn e1_the_epoch_has_begun() {
    let mut c = Council::each(4);
    assert_eq!(convict(&mut c, 2, 2, 1, 9), "EVIDENCE_EPOCH");
    assert_eq!(convict(&mut c, 2, 2, u64::MAX, 9), "EVIDENCE_EPOCH");
    // Not even in the block that begins it: its set is not settled before that block ends.
    let proposal = c.almost(joins(&[20], 0));
    let evidence = c.evidence(2, 2, 1, 9);
    let txs = [c.last(proposal), c.accuse(0, &evidence)];
    assert_eq!(codes(&c.w.block(&txs)), ["", "EVIDENCE_EPOCH"]);
    assert_eq!(convict(&mut c, 20, 4, 1, 9), "");
}

#[test]
fn e2_the_signer_was_a_validator_of_that_epoch() {
    let mut c = Council::each(4);
    assert_eq!(convict(&mut c, 4, 4, 0, 9), "EVIDENCE_SIGNER");
    assert_eq!(convict(&mut c, 3, 127, 0, 9), "EVIDENCE_SIGNER");
}

#[test]
fn e3_a_validator_is_convicted_once_in_an_epoch() {
    let mut c = Council::each(4);
    assert_eq!(convict(&mut c, 2, 2, 0, 9), "");
    let before = row(&c, 2, 0);
    assert_eq!(convict(&mut c, 2, 2, 0, 9), "EVIDENCE_KNOWN");
    let chain = c.w.chain.genesis;
    let vote = |statement: Statement| {
        let signature = validator(2).sign(&statement.digest(chain, Epoch(0), View(9)));
        Vote { epoch: Epoch(0), view: View(9), statement, signer: ValidatorIndex(2), signature }
    };
    let block = hnchain_types::BlockHash(hnchain_crypto::sm3(b"third"));
    let result = crate::scene::result_hash(1);
    let other = Evidence::new(vote(Statement::Nullify), vote(Statement::Finalize { block, result })).unwrap();
    let tx = c.accuse(1, &other);
    assert_eq!(c.one(&tx), "EVIDENCE_KNOWN");
    assert_eq!(row(&c, 2, 0), before);
    assert_eq!(convict(&mut c, 2, 2, 0, 10), "EVIDENCE_KNOWN");
    assert_eq!(convict(&mut c, 3, 3, 0, 9), "");
}

#[test]
fn e4_both_signatures_are_the_offenders() {
    let mut c = Council::each(4);
    assert_eq!(convict(&mut c, 3, 2, 0, 9), "EVIDENCE_INVALID");
    let (good, other) = (c.evidence(2, 2, 0, 9), c.evidence(3, 2, 0, 9));
    for (one, two) in [(good.votes().0, other.votes().1), (other.votes().0, good.votes().1)] {
        let tx = c.accuse(0, &Evidence::new(*one, *two).unwrap());
        assert_eq!(c.one(&tx), "EVIDENCE_INVALID");
    }
    // Votes of another chain convict nobody here.
    let digest = |statement: &Statement| {
        statement.digest(hnchain_types::GenesisDigest(hnchain_crypto::sm3(b"other")), Epoch(0), View(9))
    };
    let elsewhere = |vote: &Vote| Vote { signature: validator(2).sign(&digest(&vote.statement)), ..*vote };
    let tx = c.accuse(0, &Evidence::new(elsewhere(good.votes().0), elsewhere(good.votes().1)).unwrap());
    assert_eq!(c.one(&tx), "EVIDENCE_INVALID");
    assert!(c.w.state.rows().keys().all(|k| !k.starts_with("evidence/")));
}

#[test]
fn submitting_evidence_needs_a_validator_in_office() {
    let mut c = Council::each(5);
    let evidence = c.evidence(2, 2, 0, 9);
    let body = c.body().submit_evidence(&evidence);
    let tx = sign(&administrator(0), &body);
    assert!(c.w.admit(&tx).unwrap_err().message.ends_with("role=validator)"));
    assert_eq!(c.one(&tx), "ROLE_MISSING");
    assert_eq!(c.decide(leaves(&[4])), "");
    let tx = c.accuse(4, &evidence);
    assert_eq!(c.one(&tx), "ROLE_MISSING");
    let tx = c.accuse(3, &evidence);
    assert_eq!(c.one(&tx), "");
}

#[test]
fn evidence_of_an_old_epoch_convicts_by_the_set_of_that_epoch() {
    let mut c = Council::each(7);
    assert_eq!(c.decide(leaves(&[1])), "");
    // Index 2 was validator 2, and is validator 3 now.
    assert_eq!(convict(&mut c, 2, 2, 0, 9), "");
    assert_eq!(convict(&mut c, 3, 2, 1, 9), "");
    assert_eq!(convict(&mut c, 3, 4, 0, 10), "EVIDENCE_INVALID");
    // Who left is convicted all the same.
    assert_eq!(convict(&mut c, 1, 1, 0, 9), "");
    assert_eq!(row(&c, 1, 0).unwrap().organization, name(1));
}

#[test]
fn an_offender_leaves_at_once_and_does_not_come_back_under_its_key() {
    let mut c = Council::strict(7);
    let evidence = c.evidence(2, 2, 0, 9);
    let tx = c.accuse(0, &evidence);
    let done = c.w.append(&[tx]);
    assert_eq!((epoch_of(&done.next), c.members()), (Some(1), vec![0, 1, 3, 4, 5, 6]));
    assert!(row(&c, 2, 0).unwrap().suspended && !c.is_validator(2));
    assert_ne!(c.signer(&validator(2)).unwrap().barred_ms, 0);
    for change in [joins(&[2], 2), rotates(&[(3, 2)])] {
        let tx = c.propose(0, change);
        let code = c.one(&tx);
        assert!(code == "VALIDATOR_BARRED" || code == "VALIDATOR_ORGANIZATION", "{code}");
    }
    let tx = c.propose(0, joins(&[2], 2));
    assert_eq!(c.one(&tx), "VALIDATOR_BARRED");
    // Its organization may run another.
    let tx = c.propose(0, joins(&[22], 2));
    assert_eq!(c.one(&tx), "");
}

#[test]
fn without_the_parameter_an_offender_stays_and_may_come_back() {
    let mut c = Council::each(7);
    assert_eq!(convict(&mut c, 2, 2, 0, 9), "");
    assert_eq!((c.members().len(), c.signer(&validator(2)).unwrap().barred_ms), (7, 0));
    assert_eq!(c.decide(leaves(&[2])), "");
    let tx = c.propose(0, joins(&[2], 2));
    assert_eq!(c.one(&tx), "");
}

#[test]
fn a_proposal_of_a_key_that_is_barred_meanwhile_does_not_take_effect() {
    let mut c = Council::strict(7);
    assert_eq!(c.decide(leaves(&[6])), "");
    let waiting = c.almost(joins(&[6], 6));
    assert_eq!(convict(&mut c, 6, 6, 0, 9), "");
    assert!(!row(&c, 6, 0).unwrap().suspended); // it had left
    let last = c.last(waiting);
    assert_eq!(c.one(&last), "VALIDATOR_BARRED");
    assert_eq!(c.proposal(waiting).enacted, None);
}

#[test]
fn at_most_f_offenders_leave_in_one_block_and_the_rest_when_there_is_room() {
    let mut c = Council::strict(7);
    let evidence: Vec<_> = [2u32, 3, 4].iter().map(|i| c.evidence(*i as usize, *i, 0, 9)).collect();
    let txs: Vec<_> = evidence.iter().map(|e| c.accuse(0, e)).collect();
    let done = c.w.append(&txs);
    assert_eq!(codes(&done.receipts), ["", "", ""]);
    assert_eq!((epoch_of(&done.next), c.members()), (Some(1), vec![0, 1, 4, 5, 6]));
    assert!(!row(&c, 4, 0).unwrap().suspended && c.is_validator(4));
    // The same evidence again: now it fits.
    let again = c.accuse(1, &evidence[2]);
    let done = c.w.append(&[again]);
    assert_eq!((codes(&done.receipts), epoch_of(&done.next)), (vec![String::new()], Some(2)));
    let row = row(&c, 4, 0).unwrap();
    assert_eq!((row.suspended, row.submitter, c.members()), (true, name(0), vec![0, 1, 5, 6]));
    let again = c.accuse(1, &evidence[2]);
    assert_eq!(c.one(&again), "EVIDENCE_KNOWN");
}

#[test]
fn a_set_of_four_keeps_its_offender_until_another_joined() {
    let mut c = Council::strict(4);
    assert_eq!(convict(&mut c, 3, 3, 0, 9), "");
    assert_eq!((c.members(), row(&c, 3, 0).unwrap().suspended), (vec![0, 1, 2, 3], false));
    assert_eq!(convict(&mut c, 3, 3, 0, 9), "EVIDENCE_KNOWN");
    assert_eq!(c.decide(joins(&[20], 0)), "");
    assert_eq!(convict(&mut c, 3, 3, 0, 9), "");
    assert_eq!((c.members(), row(&c, 3, 0).unwrap().suspended), (vec![0, 1, 2, 20], true));
}

#[test]
fn sets_that_tolerate_no_fault_lose_nobody() {
    for n in 1..=3u32 {
        let mut c = Council::strict(n as usize);
        assert_eq!(convict(&mut c, 0, 0, 0, 9), "");
        assert_eq!(c.members().len(), n as usize);
    }
}

#[test]
fn suspensions_and_changes_of_one_block_add_up() {
    let mut c = Council::strict(4);
    let proposal = c.almost(rotates(&[(1, 21)]));
    let evidence = c.evidence(3, 3, 0, 9);
    let txs = [c.last(proposal), c.accuse(0, &evidence)];
    let done = c.w.append(&txs);
    assert_eq!((codes(&done.receipts), c.members()), (vec![String::new(); 2], vec![0, 21, 2, 3]));
    assert!(!row(&c, 3, 0).unwrap().suspended);
}

#[test]
fn an_offender_that_joins_in_the_same_block_leaves_by_the_same_evidence_later() {
    let mut c = Council::strict(7);
    assert_eq!(c.decide(leaves(&[6])), "");
    let back = c.almost(joins(&[6], 6));
    let evidence = c.evidence(6, 6, 0, 9);
    let txs = [c.last(back), c.accuse(0, &evidence)];
    // To leave again would give the epoch back its own set.
    let done = c.w.append(&txs);
    assert_eq!((codes(&done.receipts), epoch_of(&done.next)), (vec![String::new(); 2], Some(2)));
    assert!(c.is_validator(6) && !row(&c, 6, 0).unwrap().suspended);
    let again = c.accuse(1, &evidence);
    assert_eq!((c.one(&again), c.is_validator(6)), (String::new(), false));
}

#[test]
fn evidence_against_a_key_that_was_rotated_bars_the_old_key_only() {
    let mut c = Council::strict(7);
    assert_eq!(c.decide(rotates(&[(2, 22)])), "");
    assert_eq!(convict(&mut c, 2, 2, 0, 9), "");
    assert_eq!(c.members(), [0, 1, 22, 3, 4, 5, 6]);
    assert_ne!(c.signer(&validator(2)).unwrap().barred_ms, 0);
    let tx = c.propose(0, rotates(&[(22, 2)]));
    assert_eq!(c.one(&tx), "VALIDATOR_BARRED");
}

#[test]
fn a_refused_operation_undoes_a_conviction() {
    let mut c = Council::strict(7);
    let (one, forged) = (c.evidence(2, 2, 0, 9), c.evidence(3, 4, 0, 9));
    let body = c.body().submit_evidence(&one).submit_evidence(&forged);
    let quiet = c.w.execute(&[]);
    let done = c.w.execute(&[sign(&validator(0), &body)]);
    assert_eq!(codes(&done.receipts), ["EVIDENCE_INVALID"]);
    assert_eq!((done.changes, done.next), (quiet.changes, None));
}
