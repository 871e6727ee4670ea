//! The validator-set path: from the trusted genesis to the validators of a later epoch.
//!
//! The genesis gives the validators of the first epoch. Those of each epoch certify the result of its last block, which
//! names the set that follows. A step shows one such certificate and the set; so the validators of an epoch are as
//! trustworthy as those before them, back to the genesis.
//!
//! The certificate may be of a *void* block: one that its epoch still built on the last block, and that has the same
//! result. Heights and views of steps therefore need not ascend, and nothing is read from them.

use crate::error::{ProofError, Reason};
use crate::verify::check_certificate;
use hnchain_types::block::{ExecutionResult, Header};
use hnchain_types::genesis::{Genesis, ValidatorSet};
use hnchain_types::{DecodeError, Epoch, proto};
use std::borrow::Cow;

/// Most steps of a path: eighty years of a change a month. Bounds the signatures that a verifier checks.
pub const STEPS: usize = 1024;

/// Goes through the changes of validators from the genesis and gives the validators to whom they lead, those of the epoch
/// `trust.epoch() + steps.len()`.
///
/// # Errors
/// The first step that is not certified by the validators before it, or is out of place; more than [`STEPS`].
pub fn follow<'a>(trust: &'a Genesis, steps: &[proto::EpochStep]) -> Result<Cow<'a, ValidatorSet>, ProofError> {
    if steps.len() > STEPS {
        return Err(ProofError::new(Reason::Field, "path"));
    }
    let (mut epoch, mut validators) = (trust.epoch(), Cow::Borrowed(trust.validators()));
    for step in steps {
        validators = Cow::Owned(take(trust, epoch, &validators, step)?);
        epoch = epoch.next();
    }
    Ok(validators)
}

/// One step: from the validators of an epoch to those of the next.
fn take(
    trust: &Genesis,
    epoch: Epoch,
    validators: &ValidatorSet,
    step: &proto::EpochStep,
) -> Result<ValidatorSet, ProofError> {
    let refuse = |reason, detail: &dyn std::fmt::Display| {
        Err(ProofError::new(reason, format_args!("step of epoch {epoch}: {detail}")))
    };
    let malformed = |e: DecodeError| ProofError::new(Reason::StepMalformed, format_args!("step of epoch {epoch}: {e}"));
    let header = Header::decode(&step.header).map_err(malformed)?;
    let result = ExecutionResult::decode(&step.result).map_err(malformed)?;
    let next = ValidatorSet::decode(&step.validators).map_err(malformed)?;
    if header.genesis != trust.digest() {
        return refuse(Reason::StepOtherChain, &header.genesis);
    }
    if header.epoch != epoch {
        return refuse(Reason::StepEpoch, &format_args!("its header is of epoch {}", header.epoch));
    }
    if header.validators != validators.hash() {
        return refuse(Reason::StepValidators, &header.validators);
    }
    if result.next_validators == header.validators {
        return refuse(Reason::StepUnchanged, &header.validators);
    }
    if result.next_validators != next.hash() {
        let detail = format_args!("certified={} enclosed={}", result.next_validators, next.hash());
        return refuse(Reason::StepSet, &detail);
    }
    match check_certificate(&step.certificate, trust.digest(), &header, &result, validators) {
        Ok(_) => Ok(next),
        Err(e) => refuse(Reason::StepCertificate, &format_args!("{} {}", e.code(), e.detail())),
    }
}
