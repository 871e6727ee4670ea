//! The genesis file: what a chain starts from, and the only thing a verifier trusts.
//!
//! A genesis is a JSON file. Its digest, under tag `hnchain/genesis/1`, covers the exact bytes of the file, so that any
//! language can check it without re-encoding; changing one byte makes another chain.

use crate::codes::{CreditCode, Division};
use crate::credential::type_code;
use crate::decode::{count, name, text};
use crate::governance::Thresholds;
use crate::member::check_subject;
pub use crate::validators::ValidatorSet;
use crate::{BlockHash, DecodeError, Epoch, GenesisDigest, ValidatorIndex, limits};
use hnchain_crypto::{Digest, PublicKey, SecretKey, Signature, Tag};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A genesis file, read and checked.
#[derive(Clone, Debug)]
pub struct Genesis {
    raw: Vec<u8>,
    digest: GenesisDigest,
    document: Document,
    validators: ValidatorSet,
}

/// Content of a genesis file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Format version, 1.
    pub version: u32,
    /// Short name, for example `henan`.
    pub chain_id: String,
    /// Name for people.
    pub name: String,
    /// Time of the genesis, milliseconds since the Unix epoch; the first block is later.
    pub time_ms: u64,
    /// Chain parameters.
    pub parameters: Parameters,
    /// Organizations, parents before children.
    pub organizations: Vec<Organization>,
    /// Signers and their roles.
    pub signers: Vec<Signer>,
    /// Types of 电子证照 that are issued on this chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_types: Vec<CertificateType>,
    /// Validators, in the order of their indices.
    pub validators: Vec<Validator>,
}

/// A type of 电子证照.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateType {
    /// 证照类型代码 (GB/T 36902-2018), 21 characters.
    pub code: String,
    /// Name for people.
    pub name: String,
}

/// Chain parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Assumed bound of message delay, milliseconds (design section 6, Δ).
    pub delta_ms: u64,
    /// An idle chain certifies time by an empty block this often, milliseconds.
    pub heartbeat_ms: u64,
    /// How far a block's time may run ahead of a validator's clock, milliseconds.
    pub time_drift_ms: u64,
    /// Most transactions in one block.
    pub block_transactions: u32,
    /// Largest sum of encoded transactions in one block, bytes.
    pub block_bytes: u32,
    /// Largest encoded transaction, bytes.
    pub transaction_bytes: u32,
    /// Longest validity of a transaction, milliseconds; ids are remembered this long.
    pub validity_ms: u64,
    /// Whether a validator that is convicted of contradictory votes leaves the validator set at once.
    #[serde(default)]
    pub suspend_equivocators: bool,
    /// How long a proposal can be approved, in block time, milliseconds.
    #[serde(default = "proposal_open_ms")]
    pub proposal_open_ms: u64,
    /// How many organizations have to approve, by kind of change.
    #[serde(default)]
    pub thresholds: Thresholds,
}

/// 30 days, within which every operator has a working week.
const fn proposal_open_ms() -> u64 {
    30 * 24 * 3_600_000
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            delta_ms: 150,
            heartbeat_ms: 10_000,
            time_drift_ms: 2_000,
            block_transactions: 2_000,
            block_bytes: 2 * 1024 * 1024,
            transaction_bytes: 32 * 1024,
            validity_ms: limits::VALIDITY_MS,
            suspend_equivocators: false,
            proposal_open_ms: proposal_open_ms(),
            thresholds: Thresholds::default(),
        }
    }
}

/// An organization of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Short id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// 统一社会信用代码.
    pub credit_code: String,
    /// GB/T 2260 division code.
    pub division: String,
    /// Parent organization, absent at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// A key that may act for an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// Its SM2 key.
    pub public_key: PublicKey,
    /// Its organization.
    pub organization: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// First block time at which it may act, 0 = no bound.
    #[serde(default)]
    pub valid_from_ms: u64,
    /// Last block time at which it may act, 0 = no bound.
    #[serde(default)]
    pub valid_until_ms: u64,
}

/// A role and its reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case", deny_unknown_fields)]
pub enum Role {
    /// May anchor and revoke records in a namespace, `*` for all.
    RegistryWriter {
        /// The namespace.
        namespace: String,
    },
    /// May write in a registry with rules of its own: 电子证照, 不动产登记, 农产品溯源.
    Registrar {
        /// Which one.
        registry: Registry,
        /// What of it, for example a certificate's type; absent for all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// Division that it is for, with those in it; absent for all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        division: Option<Division>,
    },
    /// May order and lift seals (查封) on real estate, and cancel mortgages.
    Court {
        /// Division that it is for, with those in it; absent for all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        division: Option<Division>,
    },
    /// May offer data for sharing.
    Provider {},
    /// May let shared data pass and leave receipts of it.
    Gateway {},
    /// May follow the chain without voting.
    Observer {},
    /// May read audit exports.
    Auditor {},
    /// May propose and approve changes of governance.
    Administrator {},
}

/// A registry with rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registry {
    /// 电子证照.
    Certificate,
    /// 不动产登记.
    Realty,
    /// 农产品溯源.
    Trace,
}

impl Registry {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Certificate, Self::Realty, Self::Trace];

    /// Its name in roles and state keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Realty => "realty",
            Self::Trace => "trace",
        }
    }
}

impl std::fmt::Display for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A validator and the proof that its operator holds the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validator {
    /// Its SM2 key: votes and peer identity.
    pub public_key: PublicKey,
    /// Its organization.
    pub organization: String,
    /// Signature over [`possession_digest`].
    pub possession: Signature,
}

impl Validator {
    /// Proves possession of a key for an organization of a chain.
    #[must_use]
    pub fn new(chain_id: &str, organization: &str, key: &SecretKey) -> Self {
        Self {
            public_key: key.public_key(),
            organization: organization.to_owned(),
            possession: possession(chain_id, organization, key),
        }
    }
}

/// What a key signs to prove that somebody of an organization holds it: under tag `hnchain/possession/1`, the lengths of
/// the chain's and the organization's ids in one byte before each, and the public key.
///
/// The organization is part of it, so that nobody brings the key of others into an organization of his own.
#[must_use]
pub fn possession_digest(chain_id: &str, organization: &str, key: &PublicKey) -> Digest {
    // Both are names, of at most 64 bytes.
    let length = |s: &str| [u8::try_from(s.len()).unwrap_or(u8::MAX)];
    let (chain, own) = (length(chain_id), length(organization));
    Tag::Possession.hash(&[&chain, chain_id.as_bytes(), &own, organization.as_bytes(), key.as_bytes()])
}

pub(crate) fn possession(chain_id: &str, organization: &str, key: &SecretKey) -> Signature {
    key.sign(&possession_digest(chain_id, organization, &key.public_key()))
}

impl Genesis {
    /// Reads and checks the exact bytes of a genesis file.
    ///
    /// # Errors
    /// Names the entry that breaks a rule.
    pub fn parse(raw: &[u8]) -> Result<Self, DecodeError> {
        if raw.len() > limits::GENESIS_BYTES {
            return Err(DecodeError::TooLarge { what: "genesis", got: raw.len(), max: limits::GENESIS_BYTES });
        }
        let document: Document =
            serde_json::from_slice(raw).map_err(|e| DecodeError::Malformed { what: "genesis", why: e.to_string() })?;
        let members: Vec<_> = document.validators.iter().map(|v| (v.public_key, &v.organization)).collect();
        let validators = ValidatorSet::of(&members)?;
        check(&document, &validators)?;
        Ok(Self { digest: GenesisDigest(Tag::Genesis.hash(&[raw])), raw: raw.to_vec(), document, validators })
    }

    /// Writes a genesis file (pretty JSON with a newline at its end) and reads it back.
    ///
    /// # Errors
    /// As [`Genesis::parse`].
    pub fn create(document: &Document) -> Result<Self, DecodeError> {
        let mut raw = serde_json::to_vec_pretty(document)
            .map_err(|e| DecodeError::Malformed { what: "genesis", why: e.to_string() })?;
        raw.push(b'\n');
        Self::parse(&raw)
    }

    /// The exact bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Identity of the chain.
    #[must_use]
    pub const fn digest(&self) -> GenesisDigest {
        self.digest
    }

    /// The content.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// Validators of epoch 0.
    #[must_use]
    pub const fn validators(&self) -> &ValidatorSet {
        &self.validators
    }

    /// Hash that the first block names as its parent.
    #[must_use]
    pub fn block_hash(&self) -> BlockHash {
        BlockHash(Tag::GenesisBlock.hash(&[self.digest.as_ref()]))
    }

    /// Epoch of the first block.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch(0)
    }
}

fn check(document: &Document, validators: &ValidatorSet) -> Result<(), DecodeError> {
    if document.version != 1 {
        return Err(DecodeError::field("version", "this software reads version 1", "本软件只读版本 1"));
    }
    name("chain_id", &document.chain_id)?;
    text("name", &document.name, 128)?;
    if document.time_ms > limits::TIME_MS {
        return Err(DecodeError::field("time_ms", "after the year 9999", "晚于公元 9999 年"));
    }
    check_parameters(&document.parameters)?;
    let organizations = check_organizations(&document.organizations)?;
    check_signers(&document.signers, &organizations)?;
    check_both(document)?;
    check_certificate_types(&document.certificate_types)?;
    for (v, index) in document.validators.iter().zip(0u32..) {
        known(&organizations, "validators.organization", &v.organization)?;
        let digest = possession_digest(&document.chain_id, &v.organization, &v.public_key);
        validators
            .key(ValidatorIndex(index))
            .ok_or_else(|| DecodeError::field("validators", "missing key", "缺少公钥"))?
            .verify(&digest, &v.possession)
            .map_err(|_| {
                let en = format!("validator {index} does not prove its key");
                DecodeError::field("validators.possession", en, format!("验证者 {index} 未能证明持有其私钥"))
            })?;
    }
    Ok(())
}

fn check_parameters(p: &Parameters) -> Result<(), DecodeError> {
    let rules = [
        ("delta_ms", (10..=10_000).contains(&p.delta_ms)),
        ("heartbeat_ms", (500..=3_600_000).contains(&p.heartbeat_ms)),
        ("time_drift_ms", (100..=60_000).contains(&p.time_drift_ms)),
        ("block_transactions", (1..=limits::BLOCK_TRANSACTIONS).contains(&(p.block_transactions as usize))),
        ("transaction_bytes", (1_024..=limits::TRANSACTION_BYTES).contains(&(p.transaction_bytes as usize))),
        // An approval's event is a sixth longer than the operation: the receipts of a full block still fit.
        (
            "block_bytes",
            (p.transaction_bytes as usize..=limits::BLOCK_BYTES / 4 * 3).contains(&(p.block_bytes as usize)),
        ),
        ("validity_ms", (1_000..=limits::VALIDITY_MS).contains(&p.validity_ms)),
        ("proposal_open_ms", limits::PROPOSAL_OPEN_MS.contains(&p.proposal_open_ms)),
        ("thresholds", p.thresholds.sound()),
    ];
    match rules.iter().find(|(_, ok)| !ok) {
        Some((field, _)) => {
            Err(DecodeError::field(field, "out of range; see docs/genesis.md", "超出允许范围，参见 docs/genesis.md"))
        }
        None => Ok(()),
    }
}

fn check_organizations(list: &[Organization]) -> Result<BTreeSet<&str>, DecodeError> {
    count("organizations", list.len(), 1, limits::ORGANIZATIONS)?;
    let (mut divisions, mut codes) = (BTreeMap::new(), BTreeSet::new());
    for o in list {
        name("organizations.id", &o.id)?;
        text("organizations.name", &o.name, limits::ORGANIZATION_NAME_BYTES)?;
        o.credit_code.parse::<CreditCode>().map_err(|e| DecodeError::code_in("organizations.credit_code", &e))?;
        let own: Division = o.division.parse().map_err(|e| DecodeError::code_in("organizations.division", &e))?;
        if let Some(parent) = &o.parent {
            let above: Option<&Division> = divisions.get(parent.as_str());
            let Some(above) = above else { return Err(unknown("organizations.parent", parent)) };
            if !above.contains(own) {
                let (en, zh) = (
                    format!("{} does not lie in {above}, its parent's", o.id),
                    format!("{} 的区划不在上级机构的区划 {above} 内", o.id),
                );
                return Err(DecodeError::field("organizations.division", en, zh));
            }
        }
        if divisions.insert(o.id.as_str(), own).is_some() {
            return Err(twice("organizations.id", &o.id));
        }
        if !codes.insert(o.credit_code.as_str()) {
            return Err(twice("organizations.credit_code", &o.credit_code));
        }
    }
    Ok(divisions.into_keys().collect())
}

fn check_signers(list: &[Signer], organizations: &BTreeSet<&str>) -> Result<(), DecodeError> {
    count("signers", list.len(), 0, limits::SIGNERS)?;
    let mut keys = BTreeSet::new();
    for s in list {
        known(organizations, "signers.organization", &s.organization)?;
        s.public_key.to_verifying_key().map_err(|e| DecodeError::key_in("signers.public_key", e))?;
        if !keys.insert(s.public_key) {
            return Err(twice("signers.public_key", &s.public_key));
        }
        if s.valid_until_ms != 0 && s.valid_until_ms < s.valid_from_ms {
            return Err(DecodeError::field("signers.valid_until_ms", "before valid_from_ms", "早于 valid_from_ms"));
        }
        count("signers.roles", s.roles.len(), 0, limits::ROLES)?;
        for role in &s.roles {
            match role {
                Role::RegistryWriter { namespace } if namespace != "*" => name("signers.roles.namespace", namespace)?,
                Role::Registrar { registry, subject: Some(subject), .. } => {
                    check_subject(*registry, "signers.roles.subject", subject)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn check_certificate_types(list: &[CertificateType]) -> Result<(), DecodeError> {
    count("certificate_types", list.len(), 0, limits::CERTIFICATE_TYPES)?;
    let mut seen = BTreeSet::new();
    for t in list {
        type_code("certificate_types.code", &t.code)?;
        text("certificate_types.name", &t.name, limits::CERTIFICATE_TYPE_NAME_BYTES)?;
        if !seen.insert(&t.code) {
            return Err(twice("certificate_types.code", &t.code));
        }
    }
    Ok(())
}

/// A key has one row in the state, so a validator that is also a signer acts for one organization. And it has at most one
/// of the duties that 等保三级 (GB/T 22239-2019) separates.
fn check_both(document: &Document) -> Result<(), DecodeError> {
    let runs: BTreeMap<_, _> = document.validators.iter().map(|v| (v.public_key, &v.organization)).collect();
    let same = |s: &Signer| runs.get(&s.public_key).is_none_or(|o| **o == s.organization);
    if !document.signers.iter().all(same) {
        return Err(DecodeError::field(
            "signers.organization",
            "a validator's key belongs to another organization",
            "该公钥作为验证者属于另一机构",
        ));
    }
    for s in &document.signers {
        if duties(&s.roles, runs.contains_key(&s.public_key)) > 1 {
            let what = "validator, auditor, administrator";
            let en = format!("{} has more than one of {what}; give each a key of its own", s.public_key);
            let zh = format!("{} 兼有验证者、审计员、管理员中的多项职责，须分设密钥", s.public_key);
            return Err(DecodeError::field("signers.roles", en, zh));
        }
    }
    let administers = |s: &&Signer| s.roles.contains(&Role::Administrator {});
    let mut administrators: BTreeMap<_, usize> = BTreeMap::new();
    for s in document.signers.iter().filter(administers) {
        *administrators.entry(s.organization.as_str()).or_default() += 1;
    }
    let most = administrators.values().max().copied().unwrap_or_default();
    count("signers.administrators", most, 0, limits::ADMINISTRATORS)
}

/// How many of the duties a key has that 等保三级 (GB/T 22239-2019) separates: operator (validator), auditor and
/// administrator.
#[must_use]
pub fn duties(roles: &[Role], validator: bool) -> usize {
    let has = |role: Role| usize::from(roles.contains(&role));
    usize::from(validator) + has(Role::Auditor {}) + has(Role::Administrator {})
}

fn twice(field: &'static str, what: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::field(field, format!("{what} appears twice"), format!("{what} 重复"))
}

fn known(organizations: &BTreeSet<&str>, field: &'static str, id: &str) -> Result<(), DecodeError> {
    if organizations.contains(id) { Ok(()) } else { Err(unknown(field, id)) }
}

fn unknown(field: &'static str, id: &str) -> DecodeError {
    let zh = format!("{id} 不是在此之前列出的机构");
    DecodeError::field(field, format!("{id} is not an organization listed before"), zh)
}
