//! Membership: rows of organizations and signers, and the one place where validity and roles are checked.

use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use crate::validators;
use hnchain_crypto::PublicKey;
use hnchain_types::codes::Division;
use hnchain_types::credential::{CertificateTypeRow, certificate_type_key};
use hnchain_types::genesis::{Genesis, Organization, Parameters, Registry, Role, Signer};
use hnchain_types::proto;
use prost::Message;
use std::collections::BTreeMap;
use std::fmt;

/// Key of the row of the chain's parameters.
pub const PARAMETERS_KEY: &str = "params";

/// Key of an organization's row.
#[must_use]
pub fn organization_key(id: &str) -> String {
    format!("org/{id}")
}

/// Key of a signer's row.
#[must_use]
pub fn signer_key(key: &PublicKey) -> String {
    format!("signer/{}", key.fingerprint())
}

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
        let (from, until, revoked) = (row.valid_from_ms, row.valid_until_ms, row.revoked_ms);
        if time_ms < from || (until != 0 && time_ms > until) || (revoked != 0 && time_ms >= revoked) {
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
    let Some((row, _)) = state.message::<proto::Signer>(&signer_key(key))? else { return Ok(None) };
    if row.public_key != key.as_bytes() {
        return Err(StateError(format!("row {} is of another key", signer_key(key))));
    }
    Ok(Some(row))
}

/// Gives a key the role of a validator of an organization.
pub(crate) fn appoint(state: &mut State<'_>, key: &PublicKey, organization: &str) -> Result<(), StateError> {
    let mut row = signer(state, key)?.unwrap_or_else(|| unknown_signer(key, organization));
    row.roles.push(role_row(proto::RoleKind::Validator, ""));
    state.put(signer_key(key), row.encode_to_vec());
    Ok(())
}

/// Takes the role of a validator from a key. Its other roles stay.
pub(crate) fn dismiss(state: &mut State<'_>, key: &PublicKey) -> Result<(), StateError> {
    let Some(mut row) = signer(state, key)? else { return Ok(()) };
    row.roles.retain(|role| role.kind() != proto::RoleKind::Validator);
    state.put(signer_key(key), row.encode_to_vec());
    Ok(())
}

/// Bars a key from every later validator set. The first time stays.
pub(crate) fn bar(state: &mut State<'_>, key: &PublicKey, organization: &str, time_ms: u64) -> Result<(), StateError> {
    let mut row = signer(state, key)?.unwrap_or_else(|| unknown_signer(key, organization));
    if row.barred_ms == 0 {
        row.barred_ms = time_ms;
        state.put(signer_key(key), row.encode_to_vec());
    }
    Ok(())
}

/// Rows that a chain starts with: its organizations, types of certificates, signers (validators among them), parameters
/// and first epoch.
#[must_use]
pub fn genesis_rows(genesis: &Genesis) -> BTreeMap<String, Vec<u8>> {
    let document = genesis.document();
    let mut rows = BTreeMap::from([(PARAMETERS_KEY.to_owned(), parameters_row(&document.parameters).encode_to_vec())]);
    for o in &document.organizations {
        rows.insert(organization_key(&o.id), organization_row(o).encode_to_vec());
    }
    for t in &document.certificate_types {
        let row = CertificateTypeRow { code: t.code.clone(), name: t.name.clone(), retired_ms: 0 };
        rows.insert(certificate_type_key(&t.code), row.encode());
    }
    let mut signers: BTreeMap<PublicKey, proto::Signer> =
        document.signers.iter().map(|s| (s.public_key, signer_row(s))).collect();
    for v in &document.validators {
        let row = signers.entry(v.public_key).or_insert_with(|| unknown_signer(&v.public_key, &v.organization));
        row.roles.push(role_row(proto::RoleKind::Validator, ""));
    }
    rows.extend(signers.iter().map(|(key, row)| (signer_key(key), row.encode_to_vec())));
    rows.extend(validators::genesis_rows(genesis));
    rows
}

/// The row of a key that has none yet.
fn unknown_signer(key: &PublicKey, organization: &str) -> proto::Signer {
    proto::Signer {
        public_key: key.as_bytes().to_vec(),
        organization: organization.to_owned(),
        ..proto::Signer::default()
    }
}

fn organization_row(o: &Organization) -> proto::Organization {
    proto::Organization {
        id: o.id.clone(),
        name: o.name.clone(),
        credit_code: o.credit_code.clone(),
        division: o.division.clone(),
        parent: o.parent.clone().unwrap_or_default(),
    }
}

fn signer_row(s: &Signer) -> proto::Signer {
    let of = |division: Option<Division>| division.map(|d| d.to_string()).unwrap_or_default();
    let roles = s.roles.iter().map(|role| match role {
        Role::RegistryWriter { namespace } => role_row(proto::RoleKind::RegistryWriter, namespace),
        Role::Registrar { registry, subject, division } => proto::Role {
            subject: subject.clone().unwrap_or_default(),
            division: of(*division),
            ..role_row(proto::RoleKind::Registrar, registry.as_str())
        },
        Role::Court { division } => proto::Role { division: of(*division), ..role_row(proto::RoleKind::Court, "") },
        Role::Provider {} => role_row(proto::RoleKind::Provider, ""),
        Role::Gateway {} => role_row(proto::RoleKind::Gateway, ""),
        Role::Observer {} => role_row(proto::RoleKind::Observer, ""),
        Role::Auditor {} => role_row(proto::RoleKind::Auditor, ""),
        Role::Administrator {} => role_row(proto::RoleKind::Administrator, ""),
    });
    proto::Signer {
        public_key: s.public_key.as_bytes().to_vec(),
        organization: s.organization.clone(),
        roles: roles.collect(),
        valid_from_ms: s.valid_from_ms,
        valid_until_ms: s.valid_until_ms,
        revoked_ms: 0,
        barred_ms: 0,
    }
}

fn role_row(kind: proto::RoleKind, namespace: &str) -> proto::Role {
    proto::Role { kind: kind.into(), namespace: namespace.to_owned(), ..proto::Role::default() }
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
    }
}
