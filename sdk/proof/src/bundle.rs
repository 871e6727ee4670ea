//! The proof bundle and its two forms, JSON and protobuf. Both are strict: of each bundle exactly one text is accepted.

use crate::commitment::Opening;
use crate::error::{ProofError, Reason};
use crate::{path, tree};
use hnchain_crypto::{Digest, Tag};
use hnchain_types::transaction::RecordKey;
use hnchain_types::{limits, proto};
use prost::Message;
use serde::{Deserialize, Serialize};

/// Version of the format.
pub const VERSION: u32 = 1;
/// What a JSON bundle says of itself.
pub const FORMAT: &str = "hnproof/1";
/// Ending of the name of a JSON bundle's file.
pub const FILE_ENDING: &str = ".hnproof.json";
/// Largest encoded header.
const HEADER_BYTES: usize = 512;
/// Largest encoded execution result.
const RESULT_BYTES: usize = 128;
/// Largest step of the path, with its framing.
const STEP_BYTES: usize = HEADER_BYTES + RESULT_BYTES + limits::CERTIFICATE_BYTES + limits::VALIDATOR_SET_BYTES + 5 * 4;
/// Largest protobuf file: all parts at their limits and their framing.
pub const PROTO_BYTES: usize = path::STEPS * STEP_BYTES
    + HEADER_BYTES
    + RESULT_BYTES
    + limits::CERTIFICATE_BYTES
    + limits::KEY_BYTES
    + limits::ROW_BYTES
    + tree::SIBLINGS * 34
    + 512;
/// Largest JSON form: hexadecimal doubles each byte; quotes and indentation take the rest.
pub const JSON_BYTES: usize = 3 * PROTO_BYTES;

/// A bundle whose form was checked. What it claims was not: see [`crate::verify`].
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    pub(crate) header: Vec<u8>,
    pub(crate) result: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) state: proto::StateProof,
    pub(crate) opening: Option<Opening>,
    pub(crate) path: Vec<proto::EpochStep>,
    /// What the file says its digest is.
    digest: Digest,
}

impl Bundle {
    /// Checks a decoded message.
    ///
    /// # Errors
    /// An unknown version, or a field of the wrong length.
    pub fn from_message(m: proto::ProofBundle) -> Result<Self, ProofError> {
        if m.version != VERSION {
            return Err(ProofError::new(Reason::Version, m.version));
        }
        let state = m.state.ok_or_else(|| ProofError::new(Reason::Field, "state"))?;
        let opening = m.opening.as_ref().map(opening).transpose()?;
        let (header, result, certificate, path) = (m.header, m.result, m.certificate, m.path);
        let bundle = Self { header, result, certificate, state, opening, path, digest: Digest::ZERO };
        bundle.check()?;
        Ok(bundle.sealed())
    }

    /// Digest of the whole, under [`Tag::Bundle`]: the name of this bundle.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Tag::Bundle.hash(&[&self.to_message().encode_to_vec()])
    }

    fn sealed(self) -> Self {
        Self { digest: self.digest(), ..self }
    }

    /// Whether the file that it was read from named the digest of the content.
    pub(crate) fn is_whole(&self) -> bool {
        self.digest == self.digest()
    }

    fn check(&self) -> Result<(), ProofError> {
        let state = &self.state;
        let leaf = state.leaf.as_ref();
        let rules = [
            ("header", self.header.len() <= HEADER_BYTES),
            ("result", self.result.len() <= RESULT_BYTES),
            ("certificate", self.certificate.len() <= limits::CERTIFICATE_BYTES),
            ("state.key", state.key.len() <= limits::KEY_BYTES),
            ("state.value", state.value.len() <= limits::ROW_BYTES),
            ("state.siblings", state.siblings.len() <= tree::SIBLINGS && state.siblings.iter().all(|s| s.len() == 32)),
            ("path", self.path.len() <= path::STEPS && self.path.iter().all(is_bounded)),
            ("state.leaf", leaf.is_none_or(|l| l.key_hash.len() == 32 && l.value_hash.len() == 32)),
        ];
        match rules.iter().find(|(_, ok)| !ok) {
            Some((field, _)) => Err(ProofError::new(Reason::Field, field)),
            None => Ok(()),
        }
    }

    /// The message.
    #[must_use]
    pub fn to_message(&self) -> proto::ProofBundle {
        proto::ProofBundle {
            version: VERSION,
            header: self.header.clone(),
            result: self.result.clone(),
            certificate: self.certificate.clone(),
            state: Some(self.state.clone()),
            opening: self
                .opening
                .map(|o| proto::Opening { salt: o.salt.to_vec(), document_digest: o.document_digest.0.to_vec() }),
            path: self.path.clone(),
        }
    }

    /// Reads the protobuf form of a file, `BundleFile`.
    ///
    /// # Errors
    /// Anything but the canonical encoding of a bundle. The digest is compared at the end of [`crate::verify`].
    pub fn from_proto(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > PROTO_BYTES {
            return Err(ProofError::new(Reason::TooLarge, format_args!("{} > {PROTO_BYTES}", bytes.len())));
        }
        let file: proto::BundleFile = canonical(bytes)?;
        let digest = Digest::try_from(file.digest.as_slice()).map_err(|_| ProofError::new(Reason::Field, "digest"))?;
        Ok(Self { digest, ..Self::from_message(canonical(&file.bundle)?)? })
    }

    /// The protobuf form of a file, `BundleFile`. What travels in a call is [`Bundle::to_message`].
    #[must_use]
    pub fn to_proto(&self) -> Vec<u8> {
        proto::BundleFile { bundle: self.to_message().encode_to_vec(), digest: self.digest.0.to_vec() }.encode_to_vec()
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// Anything but the exact bytes that [`Bundle::to_json`] writes of a bundle. The digest is compared at the end of
    /// [`crate::verify`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > JSON_BYTES {
            return Err(ProofError::new(Reason::TooLarge, format_args!("{} > {JSON_BYTES}", bytes.len())));
        }
        let document: Json = serde_json::from_slice(bytes).map_err(|e| ProofError::new(Reason::Malformed, e))?;
        if document.format != FORMAT {
            return Err(ProofError::new(Reason::Version, document.format));
        }
        if document.encode() != bytes {
            return Err(ProofError::new(Reason::NotCanonical, ""));
        }
        let bundle = document.into_bundle();
        bundle.check()?;
        Ok(bundle)
    }

    /// The JSON form: two spaces of indentation, fields in a fixed order, lower-case hexadecimal, one newline at the end.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        Json::of(self).encode()
    }

    /// The same bundle with an opening enclosed: whoever sees it can check the document in hand.
    #[must_use]
    pub fn with_opening(self, opening: Opening) -> Self {
        Self { opening: Some(opening), ..self }.sealed()
    }

    /// The same bundle without an opening.
    #[must_use]
    pub fn without_opening(self) -> Self {
        Self { opening: None, ..self }.sealed()
    }

    /// Readable key of the row that it claims something about.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.state.key
    }

    /// The record that it claims something about; none where the key is not a record's.
    #[must_use]
    pub fn record_key(&self) -> Option<RecordKey> {
        RecordKey::of_state_key(&self.state.key)
    }
}

fn is_bounded(step: &proto::EpochStep) -> bool {
    step.header.len() <= HEADER_BYTES
        && step.result.len() <= RESULT_BYTES
        && step.certificate.len() <= limits::CERTIFICATE_BYTES
        && step.validators.len() <= limits::VALIDATOR_SET_BYTES
}

fn canonical<M: Message + Default>(bytes: &[u8]) -> Result<M, ProofError> {
    let m = M::decode(bytes).map_err(|e| ProofError::new(Reason::Malformed, e))?;
    if m.encode_to_vec() == bytes { Ok(m) } else { Err(ProofError::new(Reason::NotCanonical, "")) }
}

fn opening(m: &proto::Opening) -> Result<Opening, ProofError> {
    let field = |name| move |_| ProofError::new(Reason::Field, name);
    Ok(Opening {
        salt: m.salt.as_slice().try_into().map_err(field("opening.salt"))?,
        document_digest: Digest::try_from(m.document_digest.as_slice()).map_err(field("opening.document_digest"))?,
    })
}

/// The JSON document, fields in the order of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    format: String,
    header: Hex,
    result: Hex,
    certificate: Hex,
    state: JsonState,
    opening: Option<Opening>,
    /// Left out in the first epoch, where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    path: Vec<JsonStep>,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonStep {
    header: Hex,
    result: Hex,
    certificate: Hex,
    validators: Hex,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonState {
    key: String,
    present: bool,
    value: Hex,
    leaf: Option<JsonLeaf>,
    siblings: Vec<Hex>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonLeaf {
    key_hash: Hex,
    value_hash: Hex,
}

/// Bytes as hexadecimal text.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Hex(#[serde(with = "hex")] Vec<u8>);

impl Json {
    fn of(bundle: &Bundle) -> Self {
        let hex = |bytes: &[u8]| Hex(bytes.to_vec());
        let state = &bundle.state;
        Self {
            format: FORMAT.to_owned(),
            header: hex(&bundle.header),
            result: hex(&bundle.result),
            certificate: hex(&bundle.certificate),
            state: JsonState {
                key: state.key.clone(),
                present: state.present,
                value: hex(&state.value),
                leaf: state
                    .leaf
                    .as_ref()
                    .map(|l| JsonLeaf { key_hash: hex(&l.key_hash), value_hash: hex(&l.value_hash) }),
                siblings: state.siblings.iter().map(|s| hex(s)).collect(),
            },
            opening: bundle.opening,
            path: bundle
                .path
                .iter()
                .map(|s| JsonStep {
                    header: hex(&s.header),
                    result: hex(&s.result),
                    certificate: hex(&s.certificate),
                    validators: hex(&s.validators),
                })
                .collect(),
            digest: bundle.digest,
        }
    }

    fn into_bundle(self) -> Bundle {
        let state = self.state;
        let step = |s: JsonStep| proto::EpochStep {
            header: s.header.0,
            result: s.result.0,
            certificate: s.certificate.0,
            validators: s.validators.0,
        };
        Bundle {
            header: self.header.0,
            result: self.result.0,
            certificate: self.certificate.0,
            state: proto::StateProof {
                key: state.key,
                value: state.value.0,
                present: state.present,
                leaf: state.leaf.map(|l| proto::StateLeaf { key_hash: l.key_hash.0, value_hash: l.value_hash.0 }),
                siblings: state.siblings.into_iter().map(|s| s.0).collect(),
            },
            opening: self.opening,
            path: self.path.into_iter().map(step).collect(),
            digest: self.digest,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes =
            serde_json::to_vec_pretty(self).expect("a document of texts, flags and lists always has a JSON form");
        bytes.push(b'\n');
        bytes
    }
}
