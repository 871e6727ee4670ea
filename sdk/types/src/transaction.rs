//! Transactions and [receipts](Receipt), checked.

use crate::decode::{canonical, count, fixed, name, text};
use crate::governance::{ApproveChange, Change, ProposeChange};
use crate::text::in_id;
use crate::vote::Evidence;
use crate::{DecodeError, Height, TxId, credential, limits, proto, realty, trace};
use hnchain_crypto::{Digest, PublicKey, SecretKey, Signature, Tag, VerifyingKey};
use prost::Message;
use serde::Serialize;

mod receipt;
pub use receipt::{Outcome, Receipt};

/// A signed transaction whose envelope and body were checked. The signature was not: see [`Transaction::verify`].
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    raw: Vec<u8>,
    id: TxId,
    public_key: PublicKey,
    signature: Signature,
    body: Body,
}

/// What the signer asks for, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Chain the transaction is meant for.
    pub chain_id: String,
    /// Last height at which it may be included.
    pub valid_until_height: Height,
    /// Last block time at which it may be included, milliseconds since the Unix epoch.
    pub valid_until_ms: u64,
    /// 1 to [`limits::OPERATIONS`] operations, all or none.
    pub operations: Vec<Operation>,
}

/// One checked operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new record or its next version.
    Anchor(Anchor),
    /// The end of a record's validity.
    Revoke(Revoke),
    /// A change of governance, put to the vote.
    Propose(ProposeChange),
    /// An organization's approval of such a change.
    Approve(ApproveChange),
    /// Contradictory votes of a validator, put on record.
    Evidence(Box<Evidence>),
    /// 电子证照.
    Credential(Box<credential::Operation>),
    /// 不动产登记.
    Realty(Box<realty::Operation>),
    /// 农产品溯源.
    Trace(Box<trace::Operation>),
}

/// Anchors a record or its next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Which record.
    pub record: RecordKey,
    /// 1, or the recorded version + 1.
    pub version: u64,
    /// Salted commitment.
    pub commitment: Digest,
    /// Records under a batch root; 0 for a single record.
    pub batch_size: u64,
}

/// Revokes a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoke {
    /// Which record.
    pub record: RecordKey,
    /// The recorded version + 1.
    pub version: u64,
    /// Why.
    pub reason: String,
}

/// Namespace and identifier of a record: `anchor/<namespace>/<id>` in the state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RecordKey {
    namespace: String,
    id: String,
}

impl RecordKey {
    /// Checks both parts.
    ///
    /// # Errors
    /// A namespace that is not a short name; an id that is empty, too long or has characters other than printable ASCII,
    /// Chinese characters and `〔〕·`.
    pub fn new(namespace: &str, id: &str) -> Result<Self, DecodeError> {
        name("namespace", namespace)?;
        text("id", id, limits::RECORD_ID_BYTES)?;
        if !id.chars().all(in_id) {
            return Err(DecodeError::field(
                "id",
                "printable ASCII without spaces, Chinese characters and 〔〕· are allowed",
                "只允许不含空格的可见 ASCII 字符、汉字和〔〕·",
            ));
        }
        Ok(Self { namespace: namespace.to_owned(), id: id.to_owned() })
    }

    /// The namespace, for example `certificate`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The identifier within the namespace.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads a state key. A namespace has no slash, so the first one after it begins the id, which may have more.
    #[must_use]
    pub fn of_state_key(key: &str) -> Option<Self> {
        let (namespace, id) = key.strip_prefix("anchor/")?.split_once('/')?;
        Self::new(namespace, id).ok()
    }

    /// Readable state key.
    #[must_use]
    pub fn state_key(&self) -> String {
        format!("anchor/{}/{}", self.namespace, self.id)
    }
}

impl Transaction {
    /// Reads an encoded transaction.
    ///
    /// # Errors
    /// Anything that is not a canonical, bounded, well-formed transaction. Nothing is said about its signature.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let envelope: proto::Transaction = canonical("transaction", raw, limits::TRANSACTION_BYTES)?;
        let public_key =
            PublicKey::from_bytes(&envelope.public_key).map_err(|e| DecodeError::key_in("public_key", e))?;
        let signature = Signature(fixed("signature", &envelope.signature)?);
        if envelope.hint > 1 {
            return Err(DecodeError::field("hint", "0 or 1 is needed", "须为 0 或 1"));
        }
        let body = Body::decode(&envelope.body)?;
        let id = Self::id_of(&public_key, &envelope.body);
        Ok(Self { raw: raw.to_vec(), id, public_key, signature, body })
    }

    /// Signs an encoded body.
    ///
    /// # Errors
    /// A body that [`Transaction::decode`] would refuse.
    pub fn sign(body: Vec<u8>, key: &SecretKey) -> Result<Self, DecodeError> {
        let id = Self::id_of(&key.public_key(), &body);
        let (signature, hint) = key.sign_with_hint(&id.0);
        let envelope = proto::Transaction {
            body,
            public_key: key.public_key().as_bytes().to_vec(),
            signature: signature.0.to_vec(),
            hint: u32::from(hint),
        };
        Self::decode(&envelope.encode_to_vec())
    }

    /// The signer is part of the identity: otherwise a leader could put somebody's body under another key on record, and
    /// the real transaction would count as a replay.
    fn id_of(public_key: &PublicKey, body: &[u8]) -> TxId {
        TxId(Tag::Transaction.hash(&[public_key.as_bytes(), body]))
    }

    /// Checks the signature with the signer's decoded key.
    ///
    /// # Errors
    /// The key is another one, or the signature does not verify.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), DecodeError> {
        if key.public_key() != self.public_key {
            return Err(DecodeError::field("public_key", "checked with another key", "用另一把公钥验证"));
        }
        key.verify(&self.id.0, &self.signature)
            .map_err(|_| DecodeError::field("signature", "does not verify under the public key", "与公钥不符"))
    }

    /// The exact bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Identity: hash of signer and body.
    #[must_use]
    pub const fn id(&self) -> TxId {
        self.id
    }

    /// The signer.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The signature.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// What is asked for.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }
}

impl Body {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let body: proto::Body = canonical("body", raw, limits::TRANSACTION_BYTES)?;
        name("chain_id", &body.chain_id)?;
        fixed::<{ limits::SALT_BYTES }>("salt", &body.salt)?;
        count("operations", body.operations.len(), 1, limits::OPERATIONS)?;
        let operations = body.operations.into_iter().map(Operation::decode).collect::<Result<_, _>>()?;
        Ok(Self {
            chain_id: body.chain_id,
            valid_until_height: Height(body.valid_until_height),
            valid_until_ms: body.valid_until_ms,
            operations,
        })
    }
}

impl Operation {
    fn decode(message: proto::Operation) -> Result<Self, DecodeError> {
        match message.kind {
            Some(proto::operation::Kind::Anchor(a)) => {
                if a.batch_size > limits::BATCH_RECORDS {
                    return Err(batch_rule());
                }
                Ok(Self::Anchor(Anchor {
                    record: RecordKey::new(&a.namespace, &a.id)?,
                    version: version(a.version)?,
                    commitment: Digest(fixed("commitment", &a.commitment)?),
                    batch_size: a.batch_size,
                }))
            }
            Some(proto::operation::Kind::Revoke(r)) => {
                text("reason", &r.reason, limits::REASON_BYTES)?;
                Ok(Self::Revoke(Revoke {
                    record: RecordKey::new(&r.namespace, &r.id)?,
                    version: version(r.version)?,
                    reason: r.reason,
                }))
            }
            Some(proto::operation::Kind::Propose(p)) => ProposeChange::from_proto(p).map(Self::Propose),
            Some(proto::operation::Kind::Approve(a)) => ApproveChange::from_proto(&a).map(Self::Approve),
            Some(proto::operation::Kind::Evidence(e)) => {
                Evidence::decode(&e.evidence).map(|evidence| Self::Evidence(Box::new(evidence)))
            }
            Some(proto::operation::Kind::Credential(m)) => {
                credential::Operation::from_proto(m).map(|op| Self::Credential(Box::new(op)))
            }
            Some(proto::operation::Kind::Realty(m)) => {
                realty::Operation::from_proto(m).map(|op| Self::Realty(Box::new(op)))
            }
            Some(proto::operation::Kind::Trace(m)) => {
                trace::Operation::from_proto(m).map(|op| Self::Trace(Box::new(op)))
            }
            None => Err(DecodeError::field("operation", "unknown or missing kind", "未知或缺失的操作类别")),
        }
    }
}

pub(crate) fn batch_rule() -> DecodeError {
    let max = limits::BATCH_RECORDS;
    DecodeError::field("batch_size", format!("at most {max}"), format!("最多 {max}"))
}

pub(crate) fn version(v: u64) -> Result<u64, DecodeError> {
    if v == 0 { Err(DecodeError::field("version", "versions start at 1", "版本号从 1 开始")) } else { Ok(v) }
}

/// Puts a body together and encodes it.
#[derive(Clone, Debug)]
pub struct BodyBuilder(proto::Body);

impl BodyBuilder {
    /// An empty body for a chain; `salt` makes equal requests distinct.
    #[must_use]
    pub fn new(chain_id: &str, valid_until_height: u64, valid_until_ms: u64, salt: [u8; limits::SALT_BYTES]) -> Self {
        Self(proto::Body {
            chain_id: chain_id.to_owned(),
            valid_until_height,
            valid_until_ms,
            salt: salt.to_vec(),
            operations: Vec::new(),
        })
    }

    /// Adds an anchor of a single record.
    #[must_use]
    pub fn anchor(self, namespace: &str, id: &str, version: u64, commitment: Digest) -> Self {
        self.anchor_batch(namespace, id, version, commitment, 0)
    }

    /// Adds an anchor of a batch root over `size` records.
    #[must_use]
    pub fn anchor_batch(self, namespace: &str, id: &str, version: u64, root: Digest, size: u64) -> Self {
        self.push(proto::operation::Kind::Anchor(proto::AnchorRecord {
            namespace: namespace.to_owned(),
            id: id.to_owned(),
            version,
            commitment: root.0.to_vec(),
            batch_size: size,
        }))
    }

    /// Adds a revocation.
    #[must_use]
    pub fn revoke(self, namespace: &str, id: &str, version: u64, reason: &str) -> Self {
        self.push(proto::operation::Kind::Revoke(proto::RevokeRecord {
            namespace: namespace.to_owned(),
            id: id.to_owned(),
            version,
            reason: reason.to_owned(),
        }))
    }

    /// Adds a proposal; its id will be the transaction's, so a transaction has at most one.
    #[must_use]
    pub fn propose(self, change: Change, reason: &str) -> Self {
        let content = ProposeChange { change, reason: reason.to_owned() };
        self.push(proto::operation::Kind::Propose(content.to_proto()))
    }

    /// Adds an approval of a proposal.
    #[must_use]
    pub fn approve(self, proposal: TxId) -> Self {
        self.push(proto::operation::Kind::Approve(proto::ApproveChange { proposal: proposal.0.0.to_vec() }))
    }

    /// Adds contradictory votes.
    #[must_use]
    pub fn submit_evidence(self, evidence: &Evidence) -> Self {
        self.push(proto::operation::Kind::Evidence(proto::SubmitEvidence { evidence: evidence.encode() }))
    }

    /// Adds an operation as its message: registries have builders of their own.
    #[must_use]
    pub fn operation(self, kind: proto::operation::Kind) -> Self {
        self.push(kind)
    }

    fn push(mut self, kind: proto::operation::Kind) -> Self {
        self.0.operations.push(proto::Operation { kind: Some(kind) });
        self
    }

    /// The bytes to sign.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }
}
