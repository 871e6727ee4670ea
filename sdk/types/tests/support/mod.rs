//! One sample of everything that is encoded, from fixed keys and numbers: the same bytes on every run.
#![allow(dead_code, clippy::unwrap_used)]

use hnchain_crypto::{Digest, SecretKey, merkle, sm3};
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Role, Signer, Validator};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, Transaction};
use hnchain_types::{
    BlockHash, DecodeError, Epoch, Height, StateRoot, TxId, ValidatorIndex, ValidatorsHash, View, proto, record, wire,
};
use prost::Message as _;
use std::sync::LazyLock;

pub(crate) mod credential;
pub(crate) mod governance;
pub(crate) mod members;
pub(crate) mod realty;
pub(crate) mod trace;

/// The key of a number.
pub(crate) fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&sm3(&[n]).0).unwrap()
}

/// A hash that stands for something.
pub(crate) fn hash(what: &str) -> Digest {
    sm3(what.as_bytes())
}

pub(crate) const CHAIN: &str = "henan-test";

pub(crate) fn document() -> Document {
    let organization = |id: &str, name: &str, credit_code: &str, division: &str, parent: Option<&str>| Organization {
        id: id.into(),
        name: name.into(),
        credit_code: credit_code.into(),
        division: division.into(),
        parent: parent.map(Into::into),
    };
    let signer = |n: u8, organization: &str, roles: Vec<Role>| Signer {
        public_key: key(n).public_key(),
        organization: organization.into(),
        roles,
        valid_from_ms: 0,
        valid_until_ms: 0,
    };
    Document {
        version: 1,
        chain_id: CHAIN.into(),
        name: "河南链测试".into(),
        time_ms: 1_700_000_000_000,
        parameters: Parameters::default(),
        organizations: vec![
            organization("henan", "河南省示例数据局", "11410000MB7X00011A", "410000", None),
            organization("zhengzhou", "郑州市示例登记中心", "91410000170001401D", "410100", Some("henan")),
        ],
        certificate_types: vec![],
        signers: vec![
            signer(10, "zhengzhou", vec![Role::RegistryWriter { namespace: "certificate".into() }]),
            signer(
                11,
                "henan",
                vec![Role::RegistryWriter { namespace: "*".into() }, Role::Observer {}, Role::Administrator {}],
            ),
            signer(13, "zhengzhou", vec![Role::Auditor {}]),
        ],
        validators: (0..4).map(|n| Validator::new(CHAIN, if n < 2 { "henan" } else { "zhengzhou" }, &key(n))).collect(),
    }
}

pub(crate) fn genesis() -> &'static Genesis {
    static GENESIS: LazyLock<Genesis> = LazyLock::new(|| Genesis::create(&document()).unwrap());
    &GENESIS
}

pub(crate) fn body() -> Vec<u8> {
    BodyBuilder::new(CHAIN, 100, 1_700_000_600_000, [7; 16])
        .anchor(
            "certificate",
            "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
            1,
            hash("a"),
        )
        .anchor_batch("trace", "批次-2024-001", 2, hash("b"), 1_000)
        .revoke("realty", "410102001001GB00001F00010001", 3, "登记错误，依法更正")
        .encode()
}

pub(crate) fn transaction() -> Transaction {
    Transaction::sign(body(), &key(10)).unwrap()
}

fn short_transaction() -> Transaction {
    let body = BodyBuilder::new(CHAIN, 100, 1_700_000_600_000, [8; 16]).anchor("trace", "2", 1, hash("c")).encode();
    Transaction::sign(body, &key(11)).unwrap()
}

pub(crate) fn accepted() -> Receipt {
    let event = |namespace: &str, id: &str, version, status: proto::RecordStatus| proto::Event {
        kind: Some(proto::event::Kind::Record(proto::RecordChanged {
            namespace: namespace.into(),
            id: id.into(),
            version,
            status: status.into(),
        })),
    };
    let events = vec![
        event("trace", "批次-2024-001", 2, proto::RecordStatus::Active),
        event("realty", "410102001001GB00001F00010001", 3, proto::RecordStatus::Revoked),
    ];
    Receipt::new(transaction().id(), Height(5), 0, Outcome::Accepted(events))
}

pub(crate) fn rejection() -> proto::Rejection {
    proto::Rejection {
        code: "ANCHOR_VERSION".into(),
        message: "the version is not the recorded version + 1".into(),
        message_zh: "版本号不是当前版本加一".into(),
        operation: 2,
    }
}

pub(crate) fn rejected() -> Receipt {
    Receipt::new(short_transaction().id(), Height(5), 1, Outcome::Rejected(rejection()))
}

pub(crate) fn certificate(statement: Statement, view: u64, signers: &[u8]) -> Certificate {
    let digest = statement.digest(genesis().digest(), Epoch(0), View(view));
    let votes = signers.iter().map(|n| (ValidatorIndex(u32::from(*n)), key(*n).sign(&digest))).collect();
    Certificate { epoch: Epoch(0), view: View(view), statement, votes }
}

pub(crate) fn skips() -> Vec<Certificate> {
    vec![certificate(Statement::Nullify, 4, &[0, 1, 2]), certificate(Statement::Nullify, 5, &[1, 2, 3])]
}

pub(crate) fn transactions() -> Vec<Vec<u8>> {
    vec![transaction().raw().to_vec(), short_transaction().raw().to_vec()]
}

pub(crate) fn header_fields() -> HeaderFields {
    let skips: Vec<_> = skips().iter().map(Certificate::encode).collect();
    HeaderFields {
        genesis: genesis().digest(),
        epoch: Epoch(0),
        view: View(6),
        height: Height(5),
        parent: BlockHash(hash("parent")),
        parent_view: View(3),
        time_ms: 1_700_000_001_234,
        payload_root: payload_root(&transactions()),
        skips_root: skips_root(&skips),
        validators: genesis().validators().hash(),
    }
}

pub(crate) fn header() -> Header {
    Header::new(header_fields())
}

pub(crate) fn block() -> Block {
    Block::new(header(), transactions(), skips()).unwrap()
}

pub(crate) fn receipts() -> Vec<Vec<u8>> {
    vec![accepted().raw().to_vec(), rejected().raw().to_vec()]
}

pub(crate) fn result() -> ExecutionResult {
    ExecutionResult::new(StateRoot(hash("state")), merkle::root(&receipts()), genesis().validators().hash())
}

pub(crate) fn finalization() -> Certificate {
    certificate(Statement::Finalize { block: header().hash(), result: result().hash() }, 6, &[0, 1, 3])
}

pub(crate) fn notarization() -> Certificate {
    certificate(Statement::Notarize { block: header().hash() }, 6, &[0, 1, 2, 3])
}

pub(crate) fn finalized() -> FinalizedBlock {
    FinalizedBlock {
        block: block(),
        result: result(),
        certificate: Some(finalization()),
        closing: vec![],
        receipts: receipts(),
    }
}

/// A void block of the epoch, on a parent.
pub(crate) fn void_on(parent: &Header) -> Header {
    Header::new(HeaderFields {
        view: parent.view.next(),
        height: parent.height.next(),
        parent: parent.hash(),
        parent_view: parent.view,
        time_ms: parent.time_ms + 1,
        payload_root: payload_root::<Vec<u8>>(&[]),
        skips_root: skips_root::<Vec<u8>>(&[]),
        ..(**parent).clone()
    })
}

/// The last block of an epoch, final by its second void descendant.
pub(crate) fn closed() -> FinalizedBlock {
    let result = ExecutionResult::new(
        StateRoot(hash("state")),
        merkle::root(&receipts()),
        ValidatorsHash(hash("the next validators")),
    );
    let first = void_on(&header());
    let second = void_on(&first);
    let statement = Statement::Finalize { block: second.hash(), result: result.hash() };
    let certificate = certificate(statement, second.view.0, &[0, 1, 3]);
    FinalizedBlock { result, certificate: Some(certificate), closing: vec![first, second], ..finalized() }
}

/// Rows of an active and of a revoked record.
pub(crate) fn record_row(version: u64) -> proto::Record {
    let revoked = version > 2;
    let previous = if version == 1 { Vec::new() } else { record::row_hash(b"the row before").0.to_vec() };
    proto::Record {
        namespace: "certificate".into(),
        id: "1.2.156.3005.2.1".into(),
        version,
        commitment: hash("commitment").0.to_vec(),
        batch_size: 0,
        status: if revoked { proto::RecordStatus::Revoked } else { proto::RecordStatus::Active }.into(),
        organization: "zhengzhou".into(),
        height: 5,
        time_ms: 1_700_000_001_234,
        transaction_id: transaction().id().0.0.to_vec(),
        previous,
        reason: if revoked { "登记错误" } else { "" }.into(),
    }
}

/// A type's name, the bytes of a sample, and how it is decoded and encoded again.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) again: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

fn again_transaction(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    Transaction::decode(raw).map(|t| t.raw().to_vec())
}

fn again_header(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    Header::decode(raw).map(|h| {
        assert_eq!(h.raw(), raw);
        Header::new((*h).clone()).raw().to_vec()
    })
}

fn again_result(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    ExecutionResult::decode(raw).map(|r| {
        assert_eq!(r.raw(), raw);
        ExecutionResult::new(r.state_root, r.receipts_root, r.next_validators).raw().to_vec()
    })
}

fn again_receipt(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    Receipt::decode(raw).map(|r| {
        assert_eq!(r.raw(), raw);
        Receipt::new(r.transaction, r.height, r.index, r.outcome).raw().to_vec()
    })
}

fn again_finalized(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    FinalizedBlock::decode(raw).map(|b| b.encode())
}

fn again_record(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    record::Record::decode(raw).map(|r| {
        proto::Record {
            namespace: r.key.namespace().into(),
            id: r.key.id().into(),
            version: r.version,
            commitment: r.commitment.0.to_vec(),
            batch_size: r.batch_size,
            status: match r.status {
                record::Status::Active => 1,
                record::Status::Revoked => 2,
            },
            organization: r.organization,
            height: r.height.0,
            time_ms: r.time_ms,
            transaction_id: r.transaction.0.0.to_vec(),
            previous: r.previous.map(|p| p.0.to_vec()).unwrap_or_default(),
            reason: r.reason.unwrap_or_default(),
        }
        .encode_to_vec()
    })
}

/// Everything that is protobuf.
pub(crate) fn samples() -> &'static [Sample] {
    static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
        let parts = [
            make_samples(),
            members::samples(),
            governance::samples(),
            credential::samples(),
            realty::samples(),
            trace::samples(),
        ];
        parts.into_iter().flatten().collect()
    });
    &SAMPLES
}

fn make_samples() -> Vec<Sample> {
    let certificate: fn(&[u8]) -> _ = |raw| Certificate::decode(raw).map(|c| c.encode());
    vec![
        Sample { name: "transaction", bytes: transaction().raw().to_vec(), again: again_transaction },
        Sample { name: "receipt-accepted", bytes: accepted().raw().to_vec(), again: again_receipt },
        Sample { name: "receipt-rejected", bytes: rejected().raw().to_vec(), again: again_receipt },
        Sample { name: "header", bytes: header().raw().to_vec(), again: again_header },
        Sample { name: "block", bytes: block().encode(), again: |raw| Block::decode(raw).map(|b| b.encode()) },
        Sample { name: "result", bytes: result().raw().to_vec(), again: again_result },
        Sample { name: "certificate-notarization", bytes: notarization().encode(), again: certificate },
        Sample { name: "certificate-nullification", bytes: skips()[0].encode(), again: certificate },
        Sample { name: "certificate-finalization", bytes: finalization().encode(), again: certificate },
        Sample { name: "finalized-block", bytes: finalized().encode(), again: again_finalized },
        Sample { name: "finalized-block-closing", bytes: closed().encode(), again: again_finalized },
        Sample { name: "record-active", bytes: record_row(1).encode_to_vec(), again: again_record },
        Sample { name: "record-revoked", bytes: record_row(3).encode_to_vec(), again: again_record },
    ]
}

/// Everything that is bincode.
pub(crate) fn wire_samples() -> Vec<(&'static str, Vec<u8>)> {
    let statement = |s: Statement| wire::encode("statement", &s).unwrap();
    let certificate = |c: &Certificate| wire::encode("certificate", c).unwrap();
    let mut samples = vec![
        ("wire-statement-notarize", statement(notarization().statement)),
        ("wire-statement-nullify", statement(Statement::Nullify)),
        ("wire-statement-finalize", statement(finalization().statement)),
        ("wire-certificate-notarization", certificate(&notarization())),
        ("wire-certificate-nullification", certificate(&skips()[0])),
        ("wire-certificate-finalization", certificate(&finalization())),
        ("wire-header", wire::encode("header", &header()).unwrap()),
    ];
    samples.extend(governance::wire_samples());
    samples
}

pub(crate) fn zero_id() -> TxId {
    TxId(Digest::ZERO)
}

pub(crate) fn no_validators() -> ValidatorsHash {
    ValidatorsHash(Digest::ZERO)
}
