//! Decoders of `hnchain-types`. What decodes has one encoding, is as small as its bound says, and verifies only where it
//! was signed.

use super::{said, truth};
use hnchain_crypto::merkle;
use hnchain_types::block::{
    Block, ExecutionResult, FINALIZED_BYTES, FinalizedBlock, Header, HeaderFields, payload_root, skips_root,
};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::{Document, Genesis};
use hnchain_types::governance::{EpochRow, EvidenceRow, Proposal};
use hnchain_types::record::{Record, Status};
use hnchain_types::transaction::{Operation, Outcome, Receipt, RecordKey, Transaction};
use hnchain_types::validators::ValidatorSet;
use hnchain_types::vote::Evidence;
use hnchain_types::{DecodeError, View, limits, proto};
use prost::Message;

/// One meaning, one encoding, within its bound.
fn canonical(input: &[u8], again: &[u8], most: usize) {
    assert!(
        again == input,
        "another encoding was accepted: {} is encoded as {}",
        hex::encode(input),
        hex::encode(again)
    );
    assert!(input.len() <= most, "{} bytes were accepted, at most {most} are allowed", input.len());
}

/// A refusal has words in two languages.
fn refused(error: DecodeError) -> String {
    assert!(!error.message_zh().is_empty() && error.code().starts_with("DECODE_"), "{error:?}");
    said(error)
}

pub(super) fn transaction(input: &[u8]) -> Result<(), String> {
    let transaction = Transaction::decode(input).map_err(refused)?;
    canonical(input, transaction.raw(), limits::TRANSACTION_BYTES);
    check_body(&transaction);
    truth::check_transaction(&transaction)
}

pub(super) fn body(input: &[u8]) -> Result<(), String> {
    // Signed first and read then, so a body that is too long is not worth its signature.
    if input.len() > limits::TRANSACTION_BYTES {
        return Err("too long".to_owned());
    }
    let key = truth::key(10);
    let transaction = Transaction::sign(input.to_vec(), &key).map_err(refused)?;
    check_body(&transaction);
    let verifying = key.public_key().to_verifying_key().expect("a point of the curve");
    assert!(transaction.verify(&verifying).is_ok(), "what was signed verifies");
    let again = Transaction::decode(transaction.raw());
    assert!(again.as_ref() == Ok(&transaction), "what was signed is read back: {again:?}");
    Ok(())
}

fn check_body(transaction: &Transaction) {
    let operations = &transaction.body().operations;
    assert!((1..=limits::OPERATIONS).contains(&operations.len()));
    for operation in operations {
        match operation {
            Operation::Anchor(a) => {
                check_key(&a.record);
                assert!(a.version > 0 && a.batch_size <= limits::BATCH_RECORDS);
            }
            Operation::Revoke(r) => {
                check_key(&r.record);
                assert!(r.version > 0 && !r.reason.is_empty() && r.reason.len() <= limits::REASON_BYTES);
            }
            Operation::Propose(p) => assert!(!p.reason.is_empty() && p.reason.len() <= limits::REASON_BYTES),
            Operation::Approve(_) => {}
            Operation::Evidence(e) => {
                assert!(Evidence::new(*e.votes().0, *e.votes().1).is_some(), "votes that agree");
            }
            Operation::Credential(op) => assert!(!op.summary(true).is_empty()),
            Operation::Realty(op) => assert!(!op.summary(true).is_empty()),
            Operation::Trace(op) => assert!(!op.summary(true).is_empty()),
        }
    }
}

/// A key reads back from the state as the same key.
pub(super) fn check_key(key: &RecordKey) {
    assert!(key.namespace().len() <= limits::NAME_BYTES && key.id().len() <= limits::RECORD_ID_BYTES);
    let hidden = key.namespace().chars().chain(key.id().chars()).find(|c| hnchain_types::text::hidden(*c));
    assert!(hidden.is_none(), "a hidden character in {:?}", key.state_key());
    assert_eq!(RecordKey::of_state_key(&key.state_key()).as_ref(), Some(key));
}

pub(super) fn receipt(input: &[u8]) -> Result<(), String> {
    let receipt = Receipt::decode(input).map_err(refused)?;
    canonical(input, receipt.raw(), limits::RECEIPT_BYTES);
    let again = Receipt::new(receipt.transaction, receipt.height, receipt.index, receipt.outcome.clone());
    canonical(input, again.raw(), limits::RECEIPT_BYTES);
    if let Outcome::Accepted(events) = &receipt.outcome {
        assert!(events.len() <= limits::OPERATIONS);
    }
    Ok(())
}

pub(super) fn header(input: &[u8]) -> Result<(), String> {
    let header = Header::decode(input).map_err(refused)?;
    check_header(&header);
    canonical(input, header.raw(), 512);
    Ok(())
}

fn check_header(header: &Header) {
    let again = Header::new(HeaderFields::clone(header));
    canonical(header.raw(), again.raw(), 512);
    assert_eq!(header.hash(), again.hash());
    assert!(header.height.0 >= 1 && header.view > header.parent_view && header.time_ms <= limits::TIME_MS);
    // The next one always exists.
    assert!(header.height.next() > header.height && header.view.next() > header.view);
}

pub(super) fn result(input: &[u8]) -> Result<(), String> {
    let result = ExecutionResult::decode(input).map_err(refused)?;
    let again = ExecutionResult::new(result.state_root, result.receipts_root, result.next_validators);
    canonical(input, result.raw(), 128);
    canonical(input, again.raw(), 128);
    assert_eq!(result.hash(), again.hash());
    Ok(())
}

pub(super) fn block(input: &[u8]) -> Result<(), String> {
    let block = Block::decode(input).map_err(refused)?;
    canonical(input, &block.encode(), FINALIZED_BYTES);
    check_block(&block);
    Ok(())
}

fn check_block(block: &Block) {
    check_header(&block.header);
    assert!(block.transactions.len() <= limits::BLOCK_TRANSACTIONS && block.skips.len() <= limits::SKIPS);
    assert_eq!(payload_root(&block.transactions), block.header.payload_root);
    for (skip, back) in block.skips.iter().rev().zip(1..) {
        assert_eq!(skip.statement, Statement::Nullify);
        assert_eq!((skip.epoch, skip.view), (block.header.epoch, View(block.header.view.0 - back)));
    }
}

pub(super) fn finalized(input: &[u8]) -> Result<(), String> {
    let finalized = FinalizedBlock::decode(input).map_err(refused)?;
    canonical(input, &finalized.encode(), FINALIZED_BYTES);
    check_block(&finalized.block);
    assert_eq!(finalized.receipts.len(), finalized.block.transactions.len());
    assert_eq!(merkle::root(&finalized.receipts), finalized.result.receipts_root);
    let last = finalized.closing.last().unwrap_or(&finalized.block.header);
    assert!(finalized.certificate.is_some() || finalized.closing.is_empty(), "closing headers without a certificate");
    if let Some(certificate) = &finalized.certificate {
        let statement = Statement::Finalize { block: last.hash(), result: finalized.result.hash() };
        assert_eq!((certificate.statement, certificate.view), (statement, last.view));
    }
    Ok(())
}

pub(super) fn certificate(input: &[u8]) -> Result<(), String> {
    let certificate = Certificate::decode(input).map_err(refused)?;
    canonical(input, &certificate.encode(), limits::CERTIFICATE_BYTES);
    assert!(certificate.votes.len() <= limits::VALIDATORS && certificate.votes.is_sorted_by(|a, b| a.0 < b.0));
    truth::check_certificate(&certificate)
}

pub(super) fn evidence(input: &[u8]) -> Result<(), String> {
    let evidence = Evidence::decode(input).map_err(refused)?;
    canonical(input, &evidence.encode(), limits::EVIDENCE_BYTES);
    let (first, second) = evidence.votes();
    assert!((first.signer, first.view, first.epoch) == (second.signer, second.view, second.epoch));
    assert_ne!(first.statement, second.statement, "votes that agree convict nobody");
    truth::check_evidence(&evidence)
}

pub(super) fn record(input: &[u8]) -> Result<(), String> {
    let record = Record::decode(input).map_err(refused)?;
    check_key(&record.key);
    assert_eq!(record.previous.is_none(), record.version == 1);
    assert_eq!(record.reason.is_some(), record.status == Status::Revoked);
    let status =
        if record.status == Status::Active { proto::RecordStatus::Active } else { proto::RecordStatus::Revoked };
    let again = proto::Record {
        namespace: record.key.namespace().to_owned(),
        id: record.key.id().to_owned(),
        version: record.version,
        commitment: record.commitment.0.to_vec(),
        batch_size: record.batch_size,
        status: status.into(),
        organization: record.organization,
        height: record.height.0,
        time_ms: record.time_ms,
        transaction_id: record.transaction.0.0.to_vec(),
        previous: record.previous.map(|p| p.0.to_vec()).unwrap_or_default(),
        reason: record.reason.unwrap_or_default(),
    };
    canonical(input, &again.encode_to_vec(), limits::RECORD_BYTES);
    Ok(())
}

pub(super) fn validator_set(input: &[u8]) -> Result<(), String> {
    let set = ValidatorSet::decode(input).map_err(refused)?;
    canonical(input, &set.encode(), limits::VALIDATOR_SET_BYTES);
    assert!((1..=limits::VALIDATORS).contains(&set.len()));
    assert!(set.quorum() > 2 * set.faults() && set.len() > 3 * set.faults());
    for key in set.public_keys() {
        let index = set.index_of(&key).expect("a member");
        assert_eq!(set.key(index).expect("a member").public_key(), key);
    }
    Ok(())
}

pub(super) fn epoch_row(input: &[u8]) -> Result<(), String> {
    let row = EpochRow::decode(input).map_err(refused)?;
    canonical(input, &row.encode(), limits::VALIDATOR_SET_BYTES + 64);
    Ok(())
}

pub(super) fn proposal_row(input: &[u8]) -> Result<(), String> {
    let row = Proposal::decode(input).map_err(refused)?;
    canonical(input, &row.encode(), limits::PROPOSAL_BYTES);
    Ok(())
}

pub(super) fn evidence_row(input: &[u8]) -> Result<(), String> {
    let row = EvidenceRow::decode(input).map_err(refused)?;
    canonical(input, &row.encode(), limits::EVIDENCE_ROW_BYTES);
    Ok(())
}

pub(super) fn genesis(input: &[u8]) -> Result<(), String> {
    let genesis = Genesis::parse(input).map_err(refused)?;
    assert!(genesis.raw() == input && input.len() <= limits::GENESIS_BYTES);
    let same = input == truth::genesis().raw();
    assert_eq!(genesis.digest() == truth::genesis().digest(), same, "one digest of two files");
    // The content may be written in many ways; written by us it is the same content.
    let document: &Document = genesis.document();
    let again = Genesis::create(document).expect("what was accepted is accepted");
    assert_eq!((again.document(), again.validators()), (document, genesis.validators()));
    Ok(())
}

/// Makes the roots of a block's header right.
pub(super) fn repair_block(input: &[u8]) -> Option<Vec<u8>> {
    let mut block = proto::Block::decode(input).ok()?;
    repair_roots(&mut block)?;
    Some(block.encode_to_vec())
}

fn repair_roots(block: &mut proto::Block) -> Option<proto::Header> {
    let mut header = proto::Header::decode(block.header.as_slice()).ok()?;
    header.payload_root = payload_root(&block.transactions).0.to_vec();
    header.skips_root = skips_root(&block.skips).0.to_vec();
    block.header = header.encode_to_vec();
    Some(header)
}

/// Makes every hash of a finalized block right: roots, closing headers, and what the certificate names.
pub(super) fn repair_finalized(input: &[u8]) -> Option<Vec<u8>> {
    let mut finalized = proto::FinalizedBlock::decode(input).ok()?;
    let header = repair_roots(finalized.block.as_mut()?)?;
    let mut result = proto::ExecutionResult::decode(finalized.result.as_slice()).ok()?;
    result.receipts_root = merkle::root(&finalized.receipts).0.to_vec();
    finalized.result = result.encode_to_vec();
    let mut last = (finalized.block.as_ref()?.header.clone(), header);
    for raw in &mut finalized.closing {
        let mut next = proto::Header::decode(raw.as_slice()).ok()?;
        next.parent = hnchain_crypto::Tag::Header.hash(&[&last.0]).0.to_vec();
        next.parent_view = last.1.view;
        *raw = next.encode_to_vec();
        last = (raw.clone(), next);
    }
    if let Ok(mut certificate) = proto::Certificate::decode(finalized.certificate.as_slice()) {
        certificate.block = hnchain_crypto::Tag::Header.hash(&[&last.0]).0.to_vec();
        certificate.result = hnchain_crypto::Tag::Result.hash(&[&finalized.result]).0.to_vec();
        certificate.view = last.1.view;
        finalized.certificate = certificate.encode_to_vec();
    }
    Some(finalized.encode_to_vec())
}
