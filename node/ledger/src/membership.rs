//! Membership: rows of organizations and signers, and the one place where validity and roles are checked.

use crate::rejection::{Code, Failure};
use crate::state::{State, StateError};
use hnchain_crypto::PublicKey;
use hnchain_types::genesis::{Genesis, Organization, Parameters, Role, Signer};
use hnchain_types::proto;
use prost::Message;
use std::collections::BTreeMap;

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
        let Some((row, _)) = state.message::<proto::Signer>(&signer_key(key))? else {
            return Err(Code::SignerUnknown.reject(&format_args!("signer={key}")).into());
        };
        if row.public_key != key.as_bytes() {
            return Err(StateError(format!("row {} is of another key", signer_key(key))).into());
        }
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
        if self.roles.iter().any(|r| gives(r, permission)) {
            return Ok(());
        }
        let Permission::WriteRecords { namespace } = permission;
        let detail = format!("organization={} role=registry_writer namespace={namespace}", self.organization);
        Err(Code::RoleMissing.reject(&detail).into())
    }
}

/// Deny by default: unknown kinds give nothing, and a role bound to a division gives nothing for records, which are in
/// none.
fn gives(role: &proto::Role, permission: Permission<'_>) -> bool {
    let Permission::WriteRecords { namespace } = permission;
    role.kind() == proto::RoleKind::RegistryWriter
        && role.division.is_empty()
        && (role.namespace == "*" || role.namespace == namespace)
}

/// Rows that a chain starts with: its organizations, signers (validators among them) and parameters.
#[must_use]
pub fn genesis_rows(genesis: &Genesis) -> BTreeMap<String, Vec<u8>> {
    let document = genesis.document();
    let mut rows = BTreeMap::from([(PARAMETERS_KEY.to_owned(), parameters_row(&document.parameters).encode_to_vec())]);
    for o in &document.organizations {
        rows.insert(organization_key(&o.id), organization_row(o).encode_to_vec());
    }
    let mut signers: BTreeMap<PublicKey, proto::Signer> =
        document.signers.iter().map(|s| (s.public_key, signer_row(s))).collect();
    for v in &document.validators {
        let row = signers.entry(v.public_key).or_insert_with(|| proto::Signer {
            public_key: v.public_key.as_bytes().to_vec(),
            organization: v.organization.clone(),
            ..proto::Signer::default()
        });
        row.roles.push(role_row(proto::RoleKind::Validator, ""));
    }
    rows.extend(signers.iter().map(|(key, row)| (signer_key(key), row.encode_to_vec())));
    rows
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
    let roles = s.roles.iter().map(|role| match role {
        Role::RegistryWriter { namespace } => role_row(proto::RoleKind::RegistryWriter, namespace),
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
    }
}

fn role_row(kind: proto::RoleKind, namespace: &str) -> proto::Role {
    proto::Role { kind: kind.into(), namespace: namespace.to_owned(), division: String::new() }
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
    }
}
