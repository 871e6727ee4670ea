//! The validators of an epoch: as they are written down, and with their keys ready to verify.

use crate::decode::{canonical, count, name};
use crate::{DecodeError, ValidatorIndex, ValidatorsHash, limits, proto};
use hnchain_crypto::{PublicKey, Tag, VerifyingKey};
use prost::Message;
use std::collections::BTreeSet;

/// Faults that n validators tolerate: f = (n − 1) / 3.
#[must_use]
pub const fn faults(n: usize) -> usize {
    n.saturating_sub(1) / 3
}

/// Keys and organizations of the validators of one epoch, in the order of their indices. Keys may be off the curve.
///
/// Never empty, never more than [`limits::VALIDATORS`], no key twice.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ValidatorList(Vec<(PublicKey, String)>);

impl ValidatorList {
    /// Checks counts, keys and names. An empty organization is one that is not told.
    ///
    /// # Errors
    /// No validator, too many, a key twice, or an organization that is no name.
    pub fn new(members: Vec<(PublicKey, String)>) -> Result<Self, DecodeError> {
        count("validators", members.len(), 1, limits::VALIDATORS)?;
        if members.iter().map(|(key, _)| key).collect::<BTreeSet<_>>().len() != members.len() {
            return Err(DecodeError::field("validators", "a key appears twice", "公钥重复"));
        }
        for (_, organization) in members.iter().filter(|(_, o)| !o.is_empty()) {
            name("validators.organization", organization)?;
        }
        Ok(Self(members))
    }

    /// The members in order.
    #[must_use]
    pub fn members(&self) -> &[(PublicKey, String)] {
        &self.0
    }

    /// Number of validators, n.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Organization of a key.
    #[must_use]
    pub fn organization(&self, key: &PublicKey) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, organization)| organization.as_str())
    }

    /// Position of a key.
    #[must_use]
    pub fn position(&self, key: &PublicKey) -> Option<usize> {
        self.0.iter().position(|(k, _)| k == key)
    }

    /// Those that run validators, each once, in the order of their names.
    #[must_use]
    pub fn organizations(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(_, organization)| organization.as_str()).collect()
    }

    /// Commitment to keys and organizations in order.
    #[must_use]
    pub fn hash(&self) -> ValidatorsHash {
        // A name is at most `limits::NAME_BYTES` long.
        let lengths: Vec<[u8; 1]> = self.0.iter().map(|(_, o)| [u8::try_from(o.len()).unwrap_or(u8::MAX)]).collect();
        let parts: Vec<&[u8]> =
            self.0.iter().zip(&lengths).flat_map(|((k, o), l)| [k.as_bytes(), l.as_slice(), o.as_bytes()]).collect();
        ValidatorsHash(Tag::Validators.hash(&parts))
    }

    pub(crate) fn to_proto(&self) -> proto::ValidatorSet {
        let validator = |(key, organization): &(PublicKey, String)| proto::Validator {
            public_key: key.as_bytes().to_vec(),
            organization: organization.clone(),
        };
        proto::ValidatorSet { validators: self.0.iter().map(validator).collect() }
    }

    pub(crate) fn from_proto(m: proto::ValidatorSet) -> Result<Self, DecodeError> {
        // Before the keys are read: no list grows beyond its bound.
        count("validators", m.validators.len(), 1, limits::VALIDATORS)?;
        let member = |v: proto::Validator| {
            let key = PublicKey::from_bytes(&v.public_key).map_err(|e| DecodeError::key_in("public_key", e))?;
            Ok((key, v.organization))
        };
        Self::new(m.validators.into_iter().map(member).collect::<Result<_, DecodeError>>()?)
    }
}

/// Validators of one epoch, their keys decoded once.
#[derive(Clone, Debug)]
pub struct ValidatorSet {
    list: ValidatorList,
    keys: Vec<VerifyingKey>,
    hash: ValidatorsHash,
}

/// Equal hashes are equal keys and organizations in the same order.
impl PartialEq for ValidatorSet {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for ValidatorSet {}

impl TryFrom<ValidatorList> for ValidatorSet {
    type Error = DecodeError;

    /// Decodes the keys.
    fn try_from(list: ValidatorList) -> Result<Self, DecodeError> {
        let decode =
            |(key, _): &(PublicKey, _)| key.to_verifying_key().map_err(|e| DecodeError::key_in("validators", e));
        let keys = list.members().iter().map(decode).collect::<Result<_, _>>()?;
        Ok(Self { keys, hash: list.hash(), list })
    }
}

impl ValidatorSet {
    /// Validators whose organizations are not told.
    ///
    /// # Errors
    /// No validator, too many, a key twice, or a key off the curve.
    pub fn new(keys: &[PublicKey]) -> Result<Self, DecodeError> {
        let members: Vec<_> = keys.iter().map(|key| (*key, "")).collect();
        Self::of(&members)
    }

    /// Validators and the organizations that run them.
    ///
    /// # Errors
    /// See [`ValidatorList::new`]; or a key off the curve.
    pub fn of<O: AsRef<str>>(members: &[(PublicKey, O)]) -> Result<Self, DecodeError> {
        // Before anything is copied.
        count("validators", members.len(), 1, limits::VALIDATORS)?;
        let list = members.iter().map(|(key, organization)| (*key, organization.as_ref().to_owned())).collect();
        ValidatorList::new(list)?.try_into()
    }

    /// Number of validators, n.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Faults that are tolerated: f = (n − 1) / 3.
    #[must_use]
    pub const fn faults(&self) -> usize {
        faults(self.keys.len())
    }

    /// Votes that make a certificate: q = n − f.
    #[must_use]
    pub const fn quorum(&self) -> usize {
        self.keys.len() - self.faults()
    }

    /// Key of a validator.
    #[must_use]
    pub fn key(&self, index: ValidatorIndex) -> Option<&VerifyingKey> {
        self.keys.get(index.index())
    }

    /// Index of a key.
    #[must_use]
    pub fn index_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        u32::try_from(self.list.position(key)?).ok().map(ValidatorIndex)
    }

    /// Organization that runs a validator; empty where it is not told or there is no such validator.
    #[must_use]
    pub fn organization(&self, index: ValidatorIndex) -> &str {
        self.list.members().get(index.index()).map_or("", |(_, organization)| organization)
    }

    /// All keys in order.
    pub fn public_keys(&self) -> impl Iterator<Item = PublicKey> + '_ {
        self.list.members().iter().map(|(key, _)| *key)
    }

    /// As they are written down.
    #[must_use]
    pub const fn list(&self) -> &ValidatorList {
        &self.list
    }

    /// Commitment to keys and organizations in order.
    #[must_use]
    pub const fn hash(&self) -> ValidatorsHash {
        self.hash
    }

    /// Encodes keys and organizations.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.list.to_proto().encode_to_vec()
    }

    /// Reads an encoded set.
    ///
    /// # Errors
    /// Anything that is not the canonical encoding of a set; a key off the curve.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        ValidatorList::from_proto(canonical("validator set", raw, limits::VALIDATOR_SET_BYTES)?)?.try_into()
    }
}
