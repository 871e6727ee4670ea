//! What travels and rests as bincode. A value may have several encodings there (numbers need not be written as short as
//! they can be), so it is the value that is compared; what is hashed inside it, a header or a block, has one.

use super::{said, truth};
use hnchain_consensus::{Message, Record};
use hnchain_types::certificate::Certificate;
use hnchain_types::limits;
use hnchain_types::vote::Evidence;
use hnchain_types::wire::{self, WIRE_BYTES};

fn value<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    input: &[u8],
) -> Result<T, String> {
    let value: T = wire::decode("value", input).map_err(said)?;
    let again = wire::encode("value", &value).expect("what was read can be written");
    // Canonical is shortest: a peer cannot make us send or store more than it sent.
    assert!(again.len() <= input.len() && input.len() <= WIRE_BYTES);
    let read: Result<T, _> = wire::decode("value", &again);
    assert!(read.as_ref() == Ok(&value), "{value:?} is read back as {read:?}");
    Ok(value)
}

fn bounded(certificate: &Certificate) {
    assert!(certificate.votes.len() <= limits::VALIDATORS);
    assert!(certificate.votes.iter().all(|(i, _)| i.index() < limits::VALIDATORS));
    assert!(certificate.encode().len() <= limits::CERTIFICATE_BYTES);
}

pub(super) fn message(input: &[u8]) -> Result<(), String> {
    let read = Message::decode(input).map_err(said)?;
    let message: Message = value(input)?;
    assert_eq!(read, message);
    match &message {
        Message::Certificate(certificate) => bounded(certificate),
        Message::Proposal(proposal) => {
            proposal.parent.iter().for_each(bounded);
            // Must hold for whatever a peer claims; the answer does not matter here.
            let _coherent = proposal.coherent(truth::genesis().validators());
        }
        Message::Vote(_) | Message::Want(_) | Message::Body(_) => {}
    }
    Ok(())
}

pub(super) fn journal_record(input: &[u8]) -> Result<(), String> {
    let read = Record::decode(input).map_err(said)?;
    let record: Record = value(input)?;
    assert_eq!(read, record);
    // The position of any record can be asked for.
    let _position = record.position();
    Ok(())
}

pub(super) fn certificate(input: &[u8]) -> Result<(), String> {
    let certificate: Certificate = value(input)?;
    bounded(&certificate);
    // The public form says the same.
    assert_eq!(Certificate::decode(&certificate.encode()).as_ref(), Ok(&certificate));
    truth::check_certificate(&certificate)
}

pub(super) fn evidence(input: &[u8]) -> Result<(), String> {
    let evidence: Evidence = value(input)?;
    truth::check_evidence(&evidence)
}
