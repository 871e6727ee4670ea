//! Votes, evidence, validator sets and changes: what is refused, and what is not one of two kinds of a thing.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_types::certificate::Statement;
use hnchain_types::governance::{Change, EpochRow, EvidenceRow, Proposal, epoch_key, evidence_key, proposal_key};
use hnchain_types::transaction::{Operation, Transaction};
use hnchain_types::validators::{ValidatorList, ValidatorSet, faults};
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{BlockHash, DecodeError, Epoch, ResultHash, ValidatorIndex, View, limits, proto, wire};
use prost::Message;
use support::governance::{change, evidence, finalize, governance_transaction, notarize, vote};
use support::{genesis, hash, key};

/// The field that a refusal names.
fn field<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> &'static str {
    match result.unwrap_err() {
        DecodeError::Field { field, .. } => field,
        DecodeError::NotCanonical(_) => "canonical",
        DecodeError::TooLarge { .. } => "size",
        DecodeError::Malformed { .. } => "malformed",
    }
}

/// The set of the genesis with one change of its encoding.
fn set(change: impl FnOnce(&mut proto::ValidatorSet)) -> Result<ValidatorSet, DecodeError> {
    let mut m = proto::ValidatorSet::decode(genesis().validators().encode().as_slice()).unwrap();
    change(&mut m);
    ValidatorSet::decode(&m.encode_to_vec())
}

#[test]
fn a_set_comes_back_with_its_keys_and_organizations() {
    let genesis = genesis().validators();
    let read = set(|_| ()).unwrap();
    assert_eq!((&read, read.hash(), read.list()), (genesis, genesis.hash(), genesis.list()));
    let organizations: Vec<_> = (0..5).map(|i| read.organization(ValidatorIndex(i))).collect();
    assert_eq!(organizations, ["henan", "henan", "zhengzhou", "zhengzhou", ""]);
    assert_eq!(read.list().organizations().into_iter().collect::<Vec<_>>(), ["henan", "zhengzhou"]);
}

#[test]
fn a_set_commits_to_its_organizations() {
    let renamed = set(|m| m.validators[0].organization = "zhengzhou".into()).unwrap();
    assert_ne!(renamed, *genesis().validators());
    let keys: Vec<_> = genesis().validators().public_keys().collect();
    assert_ne!(ValidatorSet::new(&keys).unwrap(), *genesis().validators());
    // The length of a name keeps it apart from the key that follows.
    let shifted = |o: &str| ValidatorSet::of(&[(keys[0], o), (keys[1], "b")]).unwrap().hash();
    assert_ne!(shifted("a"), shifted("a."));
}

#[test]
fn a_set_without_organizations_is_written_and_read_too() {
    let keys: Vec<_> = genesis().validators().public_keys().collect();
    let nameless = ValidatorSet::new(&keys).unwrap();
    assert_eq!(ValidatorSet::decode(&nameless.encode()).unwrap(), nameless);
}

#[test]
fn sets_are_bounded_and_have_no_key_twice() {
    assert_eq!(field(set(|m| m.validators.clear())), "validators");
    assert_eq!(field(set(|m| m.validators[1] = m.validators[0].clone())), "validators");
    assert_eq!(field(set(|m| m.validators[1].public_key.truncate(32))), "public_key");
    assert_eq!(field(set(|m| m.validators[1].organization = "A".into())), "validators.organization");
    assert_eq!(field(set(|m| m.validators = vec![m.validators[0].clone(); limits::VALIDATORS + 1])), "validators");
    let many = (0..=128).map(|i| (key(i).public_key(), String::new())).collect();
    assert!(ValidatorList::new(many).is_err());
}

#[test]
fn the_largest_set_fits() {
    let name = "n".repeat(limits::NAME_BYTES);
    let members: Vec<_> = (0..128).map(|i| (key(i).public_key(), name.as_str())).collect();
    let set = ValidatorSet::of(&members).unwrap();
    assert_eq!(ValidatorSet::decode(&set.encode()).unwrap(), set);
    let row = EpochRow {
        epoch: Epoch(limits::NUMBER),
        first_height: hnchain_types::Height(u64::MAX),
        validators: set.list().clone(),
    };
    assert_eq!(EpochRow::decode(&row.encode()), Ok(row));
}

#[test]
fn faults_are_fewer_than_a_third() {
    for n in 1..=limits::VALIDATORS {
        assert!(3 * faults(n) < n && 3 * (faults(n) + 1) >= n, "{n}");
    }
}

#[test]
fn a_vote_verifies_for_its_signer_chain_epoch_view_and_statement_only() {
    let (chain, set) = (genesis().digest(), genesis().validators());
    let good = finalize(2);
    assert!(good.verify(chain, set));
    let other = hnchain_types::GenesisDigest(hash("other"));
    assert!(!good.verify(other, set));
    let (epoch, view) = support::governance::ELSEWHERE;
    for bad in [
        Vote { epoch, ..good },
        Vote { view, ..good },
        Vote { signer: ValidatorIndex(1), ..good },
        Vote { signer: ValidatorIndex(4), ..good },
        Vote { statement: Statement::Nullify, ..good },
    ] {
        assert!(!bad.verify(chain, set), "{bad:?}");
    }
}

#[test]
fn evidence_is_what_a_correct_validator_never_signs() {
    let block = |b: &str| BlockHash(hash(b));
    let n = |b: &str| Statement::Notarize { block: block(b) };
    let f = |b: &str, r: &str| Statement::Finalize { block: block(b), result: ResultHash(hash(r)) };
    let cases = [
        (n("a"), n("a"), false),
        (n("a"), n("b"), true),
        (n("a"), f("a", "r"), false),
        (n("a"), f("b", "r"), true),
        (f("a", "r"), f("a", "r"), false),
        (f("a", "r"), f("a", "s"), true),
        (f("a", "r"), f("b", "r"), true),
        (Statement::Nullify, f("a", "r"), true),
        (Statement::Nullify, n("a"), false),
        (Statement::Nullify, Statement::Nullify, false),
    ];
    let (chain, set) = (genesis().digest(), genesis().validators());
    for (a, b, convicts) in cases {
        for (a, b) in [(a, b), (b, a)] {
            let evidence = Evidence::new(vote(a, 1), vote(b, 1));
            assert_eq!(evidence.is_some(), convicts, "{a:?} {b:?}");
            if let Some(evidence) = evidence {
                assert!(evidence.verify(chain, set));
                assert_eq!(Evidence::decode(&evidence.encode()), Ok(evidence));
                assert_eq!((evidence.offender(), evidence.view()), (ValidatorIndex(1), View(6)));
            }
            // Somebody else, another view or another epoch is no contradiction.
            assert!(Evidence::new(vote(a, 1), vote(b, 2)).is_none());
            assert!(Evidence::new(vote(a, 1), Vote { view: View(7), ..vote(b, 1) }).is_none());
            assert!(Evidence::new(vote(a, 1), Vote { epoch: Epoch(1), ..vote(b, 1) }).is_none());
        }
    }
}

#[test]
fn evidence_with_a_signature_of_somebody_else_does_not_convict() {
    let (chain, set) = (genesis().digest(), genesis().validators());
    assert!(evidence().verify(chain, set));
    let forged = Vote { signer: ValidatorIndex(3), ..notarize("another", 2) };
    assert!(!Evidence::new(forged, finalize(3)).unwrap().verify(chain, set));
    assert!(!Evidence::new(finalize(3), forged).unwrap().verify(chain, set));
}

#[test]
fn evidence_is_checked_again_where_it_came_through_the_wire() {
    // Bincode has no room for the contradiction: two equal votes of one validator.
    let twice = [wire::encode("vote", &finalize(2)).unwrap(), wire::encode("vote", &finalize(2)).unwrap()].concat();
    let evidence: Evidence = wire::decode("evidence", &twice).unwrap();
    assert!(!evidence.verify(genesis().digest(), genesis().validators()));
}

/// Evidence with one change of its encoding.
fn refused_evidence(change: impl FnOnce(&mut proto::Vote, &mut proto::Vote)) -> &'static str {
    let mut m = proto::Evidence::decode(evidence().encode().as_slice()).unwrap();
    change(m.first.as_mut().unwrap(), m.second.as_mut().unwrap());
    field(Evidence::decode(&m.encode_to_vec()))
}

#[test]
fn evidence_is_two_well_formed_votes() {
    assert_eq!(field(Evidence::decode(&proto::Evidence { first: None, second: None }.encode_to_vec())), "evidence");
    assert_eq!(refused_evidence(|a, b| *a = b.clone()), "evidence");
    assert_eq!(refused_evidence(|a, _| a.kind = 0), "kind");
    assert_eq!(refused_evidence(|a, _| a.kind = 9), "kind");
    assert_eq!(refused_evidence(|a, b| a.result = b.result.clone()), "kind");
    assert_eq!(refused_evidence(|a, _| a.block.truncate(31)), "block");
    assert_eq!(refused_evidence(|_, b| b.result.clear()), "result");
    assert_eq!(refused_evidence(|a, _| a.signer = 128), "signer");
    assert_eq!(refused_evidence(|_, b| b.signature.push(0)), "signature");
    assert_eq!(refused_evidence(|a, _| a.view += 1), "evidence");
}

fn operations(change: impl FnOnce(&mut Vec<proto::Operation>)) -> Result<Transaction, DecodeError> {
    let mut body = proto::Body::decode(support::governance::governance_body().as_slice()).unwrap();
    change(&mut body.operations);
    Transaction::sign(body.encode_to_vec(), &key(11))
}

fn refused_change(alter: impl FnOnce(&mut proto::ValidatorsChange)) -> &'static str {
    field(operations(|o| match &mut o[0].kind {
        Some(proto::operation::Kind::Propose(proto::ProposeChange {
            change: Some(proto::propose_change::Change::Validators(v)),
            ..
        })) => alter(v),
        other => panic!("{other:?}"),
    }))
}

#[test]
fn operations_of_governance_are_read_as_they_were_built() {
    let transaction = governance_transaction();
    let [Operation::Propose(p), Operation::Approve(a), Operation::Evidence(e)] =
        transaction.body().operations.as_slice()
    else {
        panic!("{:?}", transaction.body())
    };
    assert_eq!((&p.change, p.reason.as_str()), (&Change::Validators(change()), support::governance::REASON));
    assert_eq!((a.proposal, **e), (support::transaction().id(), evidence()));
}

#[test]
fn proposals_approvals_and_evidence_are_checked() {
    let kind = |o: &mut Vec<proto::Operation>, kind| o[0].kind = Some(kind);
    let propose = |reason: &str, change| proto::ProposeChange { reason: reason.into(), change };
    let some = || Some(proto::propose_change::Change::Validators(proto::ValidatorsChange::default()));
    use proto::operation::Kind;
    assert_eq!(field(operations(|o| kind(o, Kind::Propose(propose("", some()))))), "reason");
    assert_eq!(field(operations(|o| kind(o, Kind::Propose(propose("why\u{0}", some()))))), "reason");
    assert_eq!(field(operations(|o| kind(o, Kind::Propose(propose("why", None))))), "change");
    assert_eq!(field(operations(|o| kind(o, Kind::Propose(propose("why", some()))))), "validators");
    let approve = proto::ApproveChange { proposal: vec![1; 31] };
    assert_eq!(field(operations(|o| kind(o, Kind::Approve(approve)))), "proposal");
    let evidence = proto::SubmitEvidence { evidence: vec![] };
    assert_eq!(field(operations(|o| kind(o, Kind::Evidence(evidence)))), "evidence");
    let evidence = proto::SubmitEvidence { evidence: vec![0; limits::EVIDENCE_BYTES + 1] };
    assert_eq!(field(operations(|o| kind(o, Kind::Evidence(evidence)))), "size");
}

#[test]
fn a_change_names_each_key_once() {
    assert_eq!(refused_change(|v| v.leave.push(v.leave[0].clone())), "validators");
    assert_eq!(refused_change(|v| v.leave.push(v.join[0].public_key.clone())), "validators");
    assert_eq!(refused_change(|v| v.leave.push(v.rotate[0].old.clone())), "validators");
    assert_eq!(refused_change(|v| v.leave.push(v.rotate[0].new.clone())), "validators");
    assert_eq!(refused_change(|v| v.join[0].public_key = v.rotate[0].new.clone()), "validators");
    assert_eq!(refused_change(|v| v.rotate[0].new = v.rotate[0].old.clone()), "validators");
    assert_eq!(refused_change(|v| v.join.push(v.join[0].clone())), "validators");
    assert_eq!(refused_change(|v| v.leave = vec![vec![2; 33]; 257]), "validators");
}

#[test]
fn parts_of_a_change_are_checked() {
    assert_eq!(refused_change(|v| v.join[0].organization.clear()), "organization");
    assert_eq!(refused_change(|v| v.join[0].public_key[0] = 4), "public_key");
    assert_eq!(refused_change(|v| v.join[0].possession.truncate(63)), "possession");
    assert_eq!(refused_change(|v| v.leave[0].clear()), "leave");
    assert_eq!(refused_change(|v| v.rotate[0].old.push(0)), "old");
    assert_eq!(refused_change(|v| v.rotate[0].new.pop().map_or((), drop)), "new");
    assert_eq!(refused_change(|v| v.rotate[0].possession.clear()), "possession");
}

fn refused_event(alter: impl FnOnce(&mut Vec<proto::Event>)) -> &'static str {
    let mut m = proto::Receipt::decode(support::governance::governance_receipt().raw()).unwrap();
    let Some(proto::receipt::Outcome::Accepted(accepted)) = &mut m.outcome else { panic!("{m:?}") };
    alter(&mut accepted.events);
    field(hnchain_types::transaction::Receipt::decode(&m.encode_to_vec()))
}

#[test]
fn events_of_governance_are_checked() {
    use proto::event::Kind;
    let evidence = |alter: fn(&mut proto::EvidenceRecorded)| {
        refused_event(|events| match &mut events[2].kind {
            Some(Kind::Evidence(e)) => alter(e),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(evidence(|e| e.offender.truncate(32)), "offender");
    assert_eq!(evidence(|e| e.organization = "\u{202e}".into()), "organization");
    let proposal = refused_event(|events| match &mut events[0].kind {
        Some(Kind::Proposal(p)) => p.proposal.truncate(31),
        other => panic!("{other:?}"),
    });
    assert_eq!(proposal, "proposal");
}

#[test]
fn rows_are_checked() {
    let epoch = |alter: fn(&mut proto::EpochRow)| {
        let mut m = proto::EpochRow::decode(support::governance::epoch_row().encode().as_slice()).unwrap();
        alter(&mut m);
        field(EpochRow::decode(&m.encode_to_vec()))
    };
    assert_eq!(epoch(|m| m.set = None), "set");
    assert_eq!(epoch(|m| m.first_height = 0), "first_height");
    assert_eq!(epoch(|m| m.epoch = u64::MAX), "epoch");
    let proposal = |alter: fn(&mut proto::Proposal)| {
        let mut m = proto::Proposal::decode(support::governance::proposal(true).encode().as_slice()).unwrap();
        alter(&mut m);
        field(Proposal::decode(&m.encode_to_vec()))
    };
    assert_eq!(proposal(|m| m.content = None), "content");
    assert_eq!(proposal(|m| m.approvals.clear()), "approvals");
    assert_eq!(proposal(|m| m.approvals[1].organization.clear()), "approvals.organization");
    assert_eq!(proposal(|m| m.enacted.as_mut().unwrap().height = 0), "enacted.height");
    assert_eq!(proposal(|m| m.id.clear()), "id");
    let evidence = |alter: fn(&mut proto::EvidenceRow)| {
        let mut m = proto::EvidenceRow::decode(support::governance::evidence_row().encode().as_slice()).unwrap();
        alter(&mut m);
        field(EvidenceRow::decode(&m.encode_to_vec()))
    };
    assert_eq!(evidence(|m| m.evidence.clear()), "evidence");
    assert_eq!(evidence(|m| m.offender.clear()), "offender");
    assert_eq!(evidence(|m| m.submitter.clear()), "submitter");
}

#[test]
fn the_largest_proposal_fits() {
    let mut largest = support::governance::proposal(true);
    let Change::Validators(change) = &mut largest.content.change else { panic!("of validators") };
    change.leave = (0..200).map(|i| key(i).public_key()).collect();
    (change.join, change.rotate) = (vec![], vec![]);
    largest.organization = "n".repeat(limits::NAME_BYTES);
    largest.approvals[0].organization = largest.organization.clone();
    largest.approvals[0].height = hnchain_types::Height(u64::MAX);
    largest.approvals[0].time_ms = u64::MAX;
    largest.approvals = vec![largest.approvals[0].clone(); limits::ORGANIZATIONS];
    assert_eq!(Proposal::decode(&largest.encode()), Ok(largest));
}

#[test]
fn keys_of_rows_say_what_they_hold() {
    let id = support::transaction().id();
    assert_eq!((epoch_key(Epoch(7)), proposal_key(&id)), ("validators/7".into(), format!("governance/{id}")));
    let offender = key(2).public_key();
    assert_eq!(evidence_key(Epoch(1), &offender), format!("evidence/1/{}", offender.fingerprint()));
}
