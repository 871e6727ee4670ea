//! The verification, step by step.

use crate::bundle::Bundle;
use crate::commitment::Opening;
use crate::error::{ProofError, Reason};
use crate::path;
use crate::tree::verify_state;
use hnchain_crypto::PublicKey;
use hnchain_types::block::{ExecutionResult, Header};
use hnchain_types::certificate::{Certificate, CertificateError, Statement};
use hnchain_types::genesis::{Genesis, ValidatorSet};
use hnchain_types::record::Record;
use hnchain_types::transaction::RecordKey;
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, StateRoot, ValidatorIndex, View};
use serde::Serialize;
use std::borrow::Cow;

/// What a bundle proves about the chain: that its validators certified this state, as of this time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certified {
    /// Short name of the chain.
    pub chain_id: String,
    /// Height of the certified block.
    pub height: Height,
    /// Epoch of the block.
    pub epoch: Epoch,
    /// View of the block.
    pub view: View,
    /// Certified time, milliseconds since the Unix epoch: the verdict holds as of then.
    pub time_ms: u64,
    /// Hash of the certified block.
    pub block: BlockHash,
    /// Certified state root.
    pub state_root: StateRoot,
    /// Validators whose signatures were checked.
    pub signers: Vec<Signatory>,
    /// Number of validators of this epoch.
    pub validators: usize,
    /// Signatures that make a certificate of this epoch.
    pub quorum: usize,
    /// Changes of validators between the genesis and the block, each certified by the validators before it.
    pub epoch_changes: usize,
}

/// What a bundle proves about a record of the anchor registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Who certified it, and as of when.
    #[serde(flatten)]
    pub certified: Certified,
    /// Namespace of the record asked about.
    pub namespace: String,
    /// Id of the record asked about.
    pub id: String,
    /// The record, which may be revoked; `None`: the chain has no such record.
    pub record: Option<Record>,
    /// The enclosed opening, which opens the record's commitment.
    pub opening: Option<Opening>,
}

/// What a bundle proves about any row of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowVerdict {
    /// Who certified it, and as of when.
    pub certified: Certified,
    /// Readable key of the row.
    pub key: String,
    /// The encoded row; `None`: the chain has no such row.
    pub row: Option<Vec<u8>>,
}

/// A validator that signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signatory {
    /// Its index in the validator set.
    pub index: ValidatorIndex,
    /// Organization that runs it.
    pub organization: String,
    /// Its key.
    pub public_key: PublicKey,
}

/// Checks a bundle about a record against the genesis file of a chain, without a node and without a network.
///
/// # Errors
/// The first step that fails, and why.
pub fn verify(bundle: &Bundle, trust: &Genesis) -> Result<Verdict, ProofError> {
    let RowVerdict { certified, row, .. } = verify_state_of(bundle, trust)?;
    let (key, record) = check_record(bundle, row.as_deref(), &certified)?;
    check_opening(bundle, record.as_ref())?;
    check_whole(bundle)?;
    let (namespace, id) = (key.namespace().to_owned(), key.id().to_owned());
    Ok(Verdict { certified, namespace, id, record, opening: bundle.opening })
}

/// Checks a bundle about any row of the state, as [`verify`]. What the row says is the caller's to read.
///
/// # Errors
/// The first step that fails, and why. A bundle about a row that is no record encloses no opening.
pub fn verify_row(bundle: &Bundle, trust: &Genesis) -> Result<RowVerdict, ProofError> {
    let verdict = verify_state_of(bundle, trust)?;
    if bundle.opening.is_some() && bundle.record_key().is_none() {
        return Err(ProofError::new(Reason::OpeningOfNone, ""));
    }
    check_whole(bundle)?;
    Ok(verdict)
}

/// All steps up to the row.
fn verify_state_of(bundle: &Bundle, trust: &Genesis) -> Result<RowVerdict, ProofError> {
    let header = check_genesis(bundle, trust)?;
    let validators = check_path(bundle, trust, &header)?;
    check_header(&header, &validators)?;
    let result = ExecutionResult::decode(&bundle.result).map_err(|e| ProofError::new(Reason::Result, e))?;
    let certificate = check_certificate(&bundle.certificate, trust.digest(), &header, &result, &validators)?;
    let row = verify_state(&bundle.state, &result.state_root).map_err(|e| ProofError::new(Reason::State, e))?;
    let certified = Certified {
        chain_id: trust.document().chain_id.clone(),
        height: header.height,
        epoch: header.epoch,
        view: header.view,
        time_ms: header.time_ms,
        block: header.hash(),
        state_root: result.state_root,
        signers: signatories(&certificate, &validators),
        validators: validators.len(),
        quorum: validators.quorum(),
        epoch_changes: bundle.path.len(),
    };
    Ok(RowVerdict { certified, key: bundle.state.key.clone(), row: row.map(<[u8]>::to_vec) })
}

fn check_whole(bundle: &Bundle) -> Result<(), ProofError> {
    if bundle.is_whole() {
        Ok(())
    } else {
        Err(ProofError::new(Reason::Digest, format_args!("content={}", bundle.digest())))
    }
}

/// Step genesis. The header has to be read first; one that cannot be read fails in its own name.
fn check_genesis(bundle: &Bundle, trust: &Genesis) -> Result<Header, ProofError> {
    let header = Header::decode(&bundle.header).map_err(|e| ProofError::new(Reason::Header, e))?;
    if header.genesis != trust.digest() {
        let detail = format!("bundle={} trusted={}", header.genesis, trust.digest());
        return Err(ProofError::new(Reason::OtherChain, detail));
    }
    Ok(header)
}

/// Step path. The number of steps comes first: signatures are checked only of a path that can be the right one.
fn check_path<'a>(bundle: &Bundle, trust: &'a Genesis, header: &Header) -> Result<Cow<'a, ValidatorSet>, ProofError> {
    let steps = bundle.path.len();
    if header.epoch.0.checked_sub(trust.epoch().0) != Some(steps as u64) {
        return Err(ProofError::new(Reason::Epoch, format_args!("epoch={} steps={steps}", header.epoch)));
    }
    path::follow(trust, &bundle.path)
}

fn check_header(header: &Header, validators: &ValidatorSet) -> Result<(), ProofError> {
    if header.validators != validators.hash() {
        let detail = format!("header={} trusted={}", header.validators, validators.hash());
        return Err(ProofError::new(Reason::Validators, detail));
    }
    Ok(())
}

/// Checks that an encoded certificate is a finalization of a header with a result by a quorum of these validators.
pub(crate) fn check_certificate(
    certificate: &[u8],
    genesis: GenesisDigest,
    header: &Header,
    result: &ExecutionResult,
    validators: &ValidatorSet,
) -> Result<Certificate, ProofError> {
    let c = Certificate::decode(certificate).map_err(|e| ProofError::new(Reason::Certificate, e))?;
    let Statement::Finalize { block, result: certified } = c.statement else {
        return Err(ProofError::new(Reason::NotFinal, ""));
    };
    if block != header.hash() || certified != result.hash() {
        let detail = format!("certified={block}, {certified} enclosed={}, {}", header.hash(), result.hash());
        return Err(ProofError::new(Reason::Statement, detail));
    }
    if c.view != header.view || c.epoch != header.epoch {
        let detail = format!("certificate={}.{} header={}.{}", c.epoch, c.view, header.epoch, header.view);
        return Err(ProofError::new(Reason::View, detail));
    }
    c.verify(genesis, validators).map_err(|e| {
        let reason = match e {
            CertificateError::Quorum { .. } => Reason::Quorum,
            CertificateError::Signers => Reason::Signers,
            CertificateError::Signature(_) => Reason::Signature,
        };
        ProofError::new(reason, e)
    })?;
    Ok(c)
}

fn check_record(
    bundle: &Bundle,
    row: Option<&[u8]>,
    block: &Certified,
) -> Result<(RecordKey, Option<Record>), ProofError> {
    let key = bundle.record_key().ok_or_else(|| ProofError::new(Reason::Key, &bundle.state.key))?;
    let Some(row) = row else { return Ok((key, None)) };
    let record = Record::decode(row).map_err(|e| ProofError::new(Reason::Row, e))?;
    if record.key != key {
        let detail = format!("row={} key={}", record.key.state_key(), bundle.state.key);
        return Err(ProofError::new(Reason::OtherRecord, detail));
    }
    if record.height > block.height || record.time_ms > block.time_ms {
        let detail = format!("record={} block={}", record.height, block.height);
        return Err(ProofError::new(Reason::Future, detail));
    }
    Ok((key, Some(record)))
}

fn check_opening(bundle: &Bundle, record: Option<&Record>) -> Result<(), ProofError> {
    let Some(opening) = bundle.opening else { return Ok(()) };
    let record = record.ok_or_else(|| ProofError::new(Reason::OpeningOfNone, ""))?;
    if record.batch_size > 0 {
        return Err(ProofError::new(Reason::OpeningOfBatch, format_args!("batch_size={}", record.batch_size)));
    }
    if !opening.opens(&record.commitment) {
        return Err(ProofError::new(Reason::Opening, format_args!("commitment={}", record.commitment)));
    }
    Ok(())
}

fn signatories(certificate: &Certificate, validators: &ValidatorSet) -> Vec<Signatory> {
    let of = |index: ValidatorIndex| {
        let public_key = validators.key(index)?.public_key();
        Some(Signatory { index, organization: validators.organization(index).to_owned(), public_key })
    };
    certificate.votes.iter().filter_map(|(index, _)| of(*index)).collect()
}
