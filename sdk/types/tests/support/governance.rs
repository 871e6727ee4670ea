//! Samples of governance: votes, evidence, validator sets, changes and their rows.

use super::{CHAIN, Sample, certificate, genesis, hash, header, key, result};
use hnchain_types::certificate::Statement;
use hnchain_types::governance::{
    Approval, Change, Enactment, EpochRow, EvidenceRow, Join, Proposal, ProposeChange, Rotation, ValidatorsChange,
};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, Transaction};
use hnchain_types::validators::ValidatorSet;
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{BlockHash, Epoch, Height, View, proto, wire};

/// The vote of a validator of the genesis in view 6.
pub(crate) fn vote(statement: Statement, signer: u8) -> Vote {
    let certificate = certificate(statement, 6, &[signer]);
    let (signer, signature) = certificate.votes[0];
    Vote { epoch: certificate.epoch, view: certificate.view, statement, signer, signature }
}

pub(crate) fn notarize(block: &str, signer: u8) -> Vote {
    vote(Statement::Notarize { block: BlockHash(hash(block)) }, signer)
}

pub(crate) fn finalize(signer: u8) -> Vote {
    vote(Statement::Finalize { block: header().hash(), result: result().hash() }, signer)
}

pub(crate) fn evidence() -> Evidence {
    Evidence::new(notarize("another", 2), finalize(2)).unwrap()
}

pub(crate) fn change() -> ValidatorsChange {
    ValidatorsChange {
        join: vec![Join::new(CHAIN, "zhengzhou", &key(20))],
        leave: vec![key(0).public_key()],
        rotate: vec![Rotation::new(CHAIN, "henan", key(1).public_key(), &key(21))],
    }
}

pub(crate) const REASON: &str = "更换到期设备";

pub(crate) fn governance_body() -> Vec<u8> {
    BodyBuilder::new(CHAIN, 100, 1_700_000_600_000, [9; 16])
        .propose(Change::Validators(change()), REASON)
        .approve(super::transaction().id())
        .submit_evidence(&evidence())
        .encode()
}

pub(crate) fn governance_transaction() -> Transaction {
    Transaction::sign(governance_body(), &key(11)).unwrap()
}

pub(crate) fn governance_receipt() -> Receipt {
    use proto::event::Kind;
    let proposal = governance_transaction().id();
    let kinds = [
        Kind::Proposal(proto::ProposalChanged {
            proposal: proposal.0.0.to_vec(),
            approvals: 1,
            needed: 2,
            epoch: 0,
            enacted: false,
        }),
        Kind::Proposal(proto::ProposalChanged {
            proposal: hash("p").0.to_vec(),
            approvals: 2,
            needed: 2,
            epoch: 1,
            enacted: true,
        }),
        Kind::Evidence(proto::EvidenceRecorded {
            epoch: 0,
            view: 6,
            offender: key(2).public_key().as_bytes().to_vec(),
            organization: "zhengzhou".into(),
            suspended: true,
        }),
    ];
    let events = kinds.map(|kind| proto::Event { kind: Some(kind) }).to_vec();
    Receipt::new(proposal, Height(5), 0, Outcome::Accepted(events))
}

pub(crate) fn epoch_row() -> EpochRow {
    let validators = genesis().validators().list().clone();
    EpochRow { epoch: Epoch(3), first_height: Height(1_001), validators }
}

pub(crate) fn proposal(enacted: bool) -> Proposal {
    let approval = |organization: &str, height| Approval {
        organization: organization.into(),
        transaction: super::transaction().id(),
        height: Height(height),
        time_ms: 1_700_000_000_000 + height,
    };
    let id = governance_transaction().id();
    Proposal {
        id,
        content: ProposeChange { change: Change::Validators(change()), reason: REASON.into() },
        organization: "henan".into(),
        height: Height(5),
        time_ms: 1_700_000_000_005,
        expires_ms: 1_702_592_000_005,
        approvals: if enacted {
            vec![approval("henan", 5), approval("zhengzhou", 7)]
        } else {
            vec![approval("henan", 5)]
        },
        enacted: enacted.then_some(Enactment {
            transaction: id,
            height: Height(7),
            time_ms: 1_700_000_000_007,
            epoch: Epoch(1),
            what: "validators/1".into(),
        }),
    }
}

pub(crate) fn evidence_row() -> EvidenceRow {
    EvidenceRow {
        evidence: evidence(),
        offender: key(2).public_key(),
        organization: "zhengzhou".into(),
        submitter: "henan".into(),
        transaction: governance_transaction().id(),
        height: Height(8),
        time_ms: 1_700_000_000_008,
        suspended: true,
    }
}

/// Everything of governance that is protobuf.
pub(crate) fn samples() -> Vec<Sample> {
    vec![
        Sample {
            name: "transaction-governance",
            bytes: governance_transaction().raw().to_vec(),
            again: super::again_transaction,
        },
        Sample { name: "receipt-governance", bytes: governance_receipt().raw().to_vec(), again: super::again_receipt },
        Sample {
            name: "validator-set",
            bytes: genesis().validators().encode(),
            again: |raw| ValidatorSet::decode(raw).map(|s| s.encode()),
        },
        Sample { name: "evidence", bytes: evidence().encode(), again: |raw| Evidence::decode(raw).map(|e| e.encode()) },
        Sample {
            name: "epoch-row",
            bytes: epoch_row().encode(),
            again: |raw| EpochRow::decode(raw).map(|r| r.encode()),
        },
        Sample {
            name: "proposal-open",
            bytes: proposal(false).encode(),
            again: |raw| Proposal::decode(raw).map(|p| p.encode()),
        },
        Sample {
            name: "proposal-enacted",
            bytes: proposal(true).encode(),
            again: |raw| Proposal::decode(raw).map(|p| p.encode()),
        },
        Sample {
            name: "evidence-row",
            bytes: evidence_row().encode(),
            again: |raw| EvidenceRow::decode(raw).map(|r| r.encode()),
        },
    ]
}

/// Everything of governance that is bincode.
pub(crate) fn wire_samples() -> Vec<(&'static str, Vec<u8>)> {
    let vote = |v: &Vote| wire::encode("vote", v).unwrap();
    let nullify = super::governance::vote(Statement::Nullify, 3);
    vec![
        ("wire-vote-notarize", vote(&notarize("another", 2))),
        ("wire-vote-nullify", vote(&nullify)),
        ("wire-vote-finalize", vote(&finalize(2))),
        ("wire-evidence", wire::encode("evidence", &evidence()).unwrap()),
    ]
}

/// A place at which nobody voted.
pub(crate) const ELSEWHERE: (Epoch, View) = (Epoch(1), View(7));
