//! Membership: rows of organizations and signers, and the one place where validity and roles are checked.

use crate::rejection::{Code, Failure};
use crate::state::{Changes, State, StateError, StateView};
use crate::validators;
use hnchain_crypto::PublicKey;
use hnchain_types::codes::Division;
use hnchain_types::credential::{CertificateTypeRow, certificate_type_key};
use hnchain_types::genesis::{Genesis, Organization, Parameters, Registry, Role, Signer};
use hnchain_types::member::{
    Force, Governing, administrators_key, credit_code_key, history_key, role_to_proto, row_hash,
};
use hnchain_types::proto::{self, RoleKind};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use hnchain_types::member::{PARAMETERS_KEY, organization_key, signer_key};

/// What an operation needs its signer to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission<'a> {
    /// To write records of a namespace.
    WriteRecords {
        /// The namespace.
        namespace: &'a str,
    },
    /// To write in a registry at all. The operation asks more exactly once it has read the rows that it is about.
    Enter {
        /// The registry.
        registry: Registry,
    },
    /// To write in a registry.
    Register {
        /// The registry.
        registry: Registry,
        /// What of it, for example a certificate's type.
        subject: &'a str,
        /// Where.
        division: Division,
    },
    /// To act for a court.
    Judge {
        /// Where; `None` where the operation asks more exactly later.
        division: Option<Division>,
    },
    /// To propose and approve changes of governance.
    Govern,
    /// To put evidence against a validator on record.
    Accuse,
}

impl Permission<'_> {
    /// Deny by default: unknown kinds give nothing, and a role that is bound to a division or a subject gives only what
    /// lies in it.
    fn given_by(self, role: &proto::Role) -> bool {
        let (kind, everywhere) = (role.kind(), role.division.is_empty());
        let of = |registry: Registry| kind == proto::RoleKind::Registrar && role.namespace == registry.as_str();
        match self {
            Self::WriteRecords { namespace } => {
                let named = role.namespace == "*" || role.namespace == namespace;
                kind == proto::RoleKind::RegistryWriter && named && everywhere
            }
            Self::Enter { registry } => of(registry),
            Self::Register { registry, subject, division } => {
                of(registry) && (role.subject.is_empty() || role.subject == subject) && reaches(role, division)
            }
            Self::Judge { division } => {
                kind == proto::RoleKind::Court && division.is_none_or(|division| reaches(role, division))
            }
            Self::Govern => kind == proto::RoleKind::Administrator && everywhere,
            Self::Accuse => kind == proto::RoleKind::Validator && everywhere,
        }
    }
}

/// Whether a division lies in the one that a role is for.
fn reaches(role: &proto::Role, division: Division) -> bool {
    role.division.is_empty() || role.division.parse().is_ok_and(|own: Division| own.contains(division))
}

/// The role that gives it, as a rejection names it.
impl fmt::Display for Permission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteRecords { namespace } => write!(f, "registry_writer namespace={namespace}"),
            Self::Enter { registry } => write!(f, "registrar registry={registry}"),
            Self::Register { registry, subject, division } => {
                write!(f, "registrar registry={registry} subject={subject} division={division}")
            }
            Self::Judge { division: None } => f.write_str("court"),
            Self::Judge { division: Some(division) } => write!(f, "court division={division}"),
            Self::Govern => f.write_str("administrator"),
            Self::Accuse => f.write_str("validator"),
        }
    }
}

/// A signer that may act now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    organization: String,
    roles: Vec<proto::Role>,
}

impl Member {
    /// The signer of a key, in force at a block time (milliseconds since the Unix epoch).
    ///
    /// # Errors
    /// `SIGNER_UNKNOWN`, `SIGNER_NOT_IN_FORCE`, or an unreadable row.
    pub fn in_force(state: &State<'_>, key: &PublicKey, time_ms: u64) -> Result<Self, Failure> {
        let Some(row) = signer(state, key)? else {
            return Err(Code::SignerUnknown.reject(&format_args!("signer={key}")).into());
        };
        if force(&row, time_ms) != Force::InForce {
            let (from, until, revoked) = (row.valid_from_ms, row.valid_until_ms, row.revoked_ms);
            let detail = format!("signer={key} time={time_ms} from={from} until={until} revoked={revoked}");
            return Err(Code::SignerNotInForce.reject(&detail).into());
        }
        Ok(Self { organization: row.organization, roles: row.roles })
    }

    /// The organization that it acts for.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// Checks that one of its roles gives a permission.
    ///
    /// # Errors
    /// `ROLE_MISSING`.
    pub fn require(&self, permission: Permission<'_>) -> Result<(), Failure> {
        if self.roles.iter().any(|role| permission.given_by(role)) {
            return Ok(());
        }
        let detail = format!("organization={} role={permission}", self.organization);
        Err(Code::RoleMissing.reject(&detail).into())
    }
}

/// The row of a key, if it has one.
///
/// # Errors
/// The row could not be read, or is of another key.
pub(crate) fn signer(state: &State<'_>, key: &PublicKey) -> Result<Option<proto::Signer>, StateError> {
    Ok(held(state, key)?.map(|(row, _)| row))
}

/// The row of a key with its encoding, if it has one.
pub(crate) fn held(state: &State<'_>, key: &PublicKey) -> Result<Option<(proto::Signer, Vec<u8>)>, StateError> {
    let Some((row, raw)) = state.message::<proto::Signer>(&signer_key(key))? else { return Ok(None) };
    if row.public_key != key.as_bytes() {
        return Err(StateError(format!("row {} is of another key", signer_key(key))));
    }
    Ok(Some((row, raw)))
}

/// Whether a row has a role of a kind.
pub(crate) fn has(row: &proto::Signer, kind: RoleKind) -> bool {
    row.roles.iter().any(|role| role.kind() == kind)
}

/// Whether a signer may act at a block time.
pub(crate) const fn force(row: &proto::Signer, time_ms: u64) -> Force {
    Force::at(time_ms, row.valid_from_ms, row.valid_until_ms, row.revoked_ms)
}

/// Gives a key the role of a validator of an organization.
pub(crate) fn appoint(state: &mut State<'_>, key: &PublicKey, organization: &str) -> Result<(), StateError> {
    let (mut row, raw) = held_or_new(state, key, organization)?;
    row.roles.push(role_row(RoleKind::Validator));
    revise_signer(state, key, row, raw);
    Ok(())
}

/// Takes the role of a validator from a key. Its other roles stay.
pub(crate) fn dismiss(state: &mut State<'_>, key: &PublicKey) -> Result<(), StateError> {
    let Some((mut row, raw)) = held(state, key)? else { return Ok(()) };
    row.roles.retain(|role| role.kind() != RoleKind::Validator);
    revise_signer(state, key, row, Some(raw));
    Ok(())
}

/// Bars a key from every later validator set. The first time stays.
pub(crate) fn bar(state: &mut State<'_>, key: &PublicKey, organization: &str, time_ms: u64) -> Result<(), StateError> {
    let (mut row, raw) = held_or_new(state, key, organization)?;
    if row.barred_ms == 0 {
        row.barred_ms = time_ms;
        revise_signer(state, key, row, raw);
    }
    Ok(())
}

fn held_or_new(
    state: &State<'_>,
    key: &PublicKey,
    organization: &str,
) -> Result<(proto::Signer, Option<Vec<u8>>), StateError> {
    Ok(match held(state, key)? {
        Some((row, raw)) => (row, Some(raw)),
        None => (unknown_signer(key, organization), None),
    })
}

fn revise_signer(state: &mut State<'_>, key: &PublicKey, row: proto::Signer, before: Option<Vec<u8>>) {
    let mut changes = Changes::new();
    revise(&mut changes, signer_key(key), row, before);
    state.apply(changes);
}

/// A row whose older versions stay readable.
pub(crate) trait Revised: Message {
    /// Its revision, and the hash of the row before.
    fn origin(&mut self) -> (&mut u64, &mut Vec<u8>);
}

impl Revised for proto::Signer {
    fn origin(&mut self) -> (&mut u64, &mut Vec<u8>) {
        (&mut self.revision, &mut self.previous)
    }
}

impl Revised for proto::Organization {
    fn origin(&mut self) -> (&mut u64, &mut Vec<u8>) {
        (&mut self.revision, &mut self.previous)
    }
}

/// Writes a row; the one before moves to history, and the new one names it.
pub(crate) fn revise(changes: &mut Changes, key: String, mut row: impl Revised, before: Option<Vec<u8>>) {
    if let Some(before) = before {
        let (revision, previous) = row.origin();
        *previous = row_hash(&before).0.to_vec();
        let older = history_key(&key, *revision);
        *revision += 1;
        changes.insert(older, Some(before));
    }
    changes.insert(key, Some(row.encode_to_vec()));
}

/// The parameters that proposals change, of the block that is executed on a view.
///
/// # Errors
/// The row could not be read.
pub fn governing(view: &dyn StateView) -> Result<Governing, StateError> {
    let raw = view.row(PARAMETERS_KEY)?.ok_or_else(|| StateError(format!("row {PARAMETERS_KEY} is missing")))?;
    Governing::decode(&raw).map_err(|e| StateError(format!("row {PARAMETERS_KEY} is damaged: {e}")))
}

/// The parameters that proposals change, as this block has left them for the next.
///
/// # Errors
/// The row could not be read.
pub(crate) fn coming(state: &State<'_>) -> Result<Governing, StateError> {
    let raw = state.row(PARAMETERS_KEY)?.ok_or_else(|| StateError(format!("row {PARAMETERS_KEY} is missing")))?;
    Governing::decode(&raw).map_err(|e| StateError(format!("row {PARAMETERS_KEY} is damaged: {e}")))
}

/// Rows that a chain starts with: its organizations, types of certificates, signers (validators among them), parameters
/// and first epoch.
#[must_use]
pub fn genesis_rows(genesis: &Genesis) -> BTreeMap<String, Vec<u8>> {
    let document = genesis.document();
    let mut rows = BTreeMap::from([(PARAMETERS_KEY.to_owned(), parameters_row(&document.parameters).encode_to_vec())]);
    for o in &document.organizations {
        rows.insert(organization_key(&o.id), organization_row(o).encode_to_vec());
        rows.insert(credit_code_key(&o.credit_code), credit_code_row(&o.id));
    }
    for t in &document.certificate_types {
        let row = CertificateTypeRow { code: t.code.clone(), name: t.name.clone(), retired_ms: 0 };
        rows.insert(certificate_type_key(&t.code), row.encode());
    }
    rows.extend(administrators_rows(&document.signers));
    let mut signers: BTreeMap<PublicKey, proto::Signer> =
        document.signers.iter().map(|s| (s.public_key, signer_row(s))).collect();
    for v in &document.validators {
        let row = signers.entry(v.public_key).or_insert_with(|| unknown_signer(&v.public_key, &v.organization));
        row.roles.push(role_row(RoleKind::Validator));
    }
    rows.extend(signers.iter().map(|(key, row)| (signer_key(key), row.encode_to_vec())));
    rows.extend(validators::genesis_rows(genesis));
    rows
}

/// The row of a key that has none yet.
pub(crate) fn unknown_signer(key: &PublicKey, organization: &str) -> proto::Signer {
    proto::Signer {
        public_key: key.as_bytes().to_vec(),
        organization: organization.to_owned(),
        ..proto::Signer::default()
    }
}

/// The row of an organization that has none yet.
pub(crate) fn organization_row(o: &Organization) -> proto::Organization {
    proto::Organization {
        id: o.id.clone(),
        name: o.name.clone(),
        credit_code: o.credit_code.clone(),
        division: o.division.clone(),
        parent: o.parent.clone().unwrap_or_default(),
        ..proto::Organization::default()
    }
}

pub(crate) fn credit_code_row(organization: &str) -> Vec<u8> {
    proto::CreditCodeRow { organization: organization.to_owned() }.encode_to_vec()
}

/// A list of administrators, in ascending order.
pub(crate) fn administrators_row(keys: &BTreeSet<PublicKey>) -> Vec<u8> {
    proto::Administrators { public_keys: keys.iter().map(|key| key.as_bytes().to_vec()).collect() }.encode_to_vec()
}

fn administrators_rows(signers: &[Signer]) -> BTreeMap<String, Vec<u8>> {
    let mut lists: BTreeMap<&str, BTreeSet<PublicKey>> = BTreeMap::new();
    for s in signers.iter().filter(|s| s.roles.contains(&Role::Administrator {})) {
        lists.entry(&s.organization).or_default().insert(s.public_key);
    }
    lists.iter().map(|(organization, keys)| (administrators_key(organization), administrators_row(keys))).collect()
}

fn signer_row(s: &Signer) -> proto::Signer {
    proto::Signer {
        roles: s.roles.iter().map(role_to_proto).collect(),
        valid_from_ms: s.valid_from_ms,
        valid_until_ms: s.valid_until_ms,
        ..unknown_signer(&s.public_key, &s.organization)
    }
}

/// A role without bounds.
pub(crate) fn role_row(kind: RoleKind) -> proto::Role {
    proto::Role { kind: kind.into(), ..proto::Role::default() }
}

fn parameters_row(p: &Parameters) -> proto::Parameters {
    proto::Parameters {
        delta_ms: p.delta_ms,
        heartbeat_ms: p.heartbeat_ms,
        time_drift_ms: p.time_drift_ms,
        block_transactions: p.block_transactions,
        block_bytes: p.block_bytes,
        transaction_bytes: p.transaction_bytes,
        validity_ms: p.validity_ms,
        suspend_equivocators: p.suspend_equivocators,
        proposal_open_ms: p.proposal_open_ms,
        thresholds: Some(p.thresholds.to_proto()),
    }
}
