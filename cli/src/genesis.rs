//! Genesis files: `genesis new`, `possession`, `show`, `check`.

use crate::args::{GenesisCommand, Password};
use crate::context::{Context, fields, path_json, plain, table};
use crate::failure::Failure;
use crate::files::{self, Access, Existing};
use crate::keys;
use crate::moment;
use hnchain_crypto::{Digest, PublicKey, Signature};
use hnchain_types::genesis::{CertificateType, Document, Genesis, Organization, Parameters, Role, Signer, Validator};
use hnchain_types::governance::Thresholds;
use hnchain_types::limits;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What `genesis new` reads. Paths are relative to the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Specification {
    chain_id: String,
    name: String,
    /// Default: now.
    time_ms: Option<u64>,
    #[serde(default)]
    parameters: ParameterChanges,
    organizations: Vec<Organization>,
    #[serde(default)]
    certificate_types: Vec<CertificateType>,
    #[serde(default)]
    signers: Vec<Signer>,
    validators: Vec<ValidatorSource>,
}

/// Parameters that differ from the defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterChanges {
    delta_ms: Option<u64>,
    heartbeat_ms: Option<u64>,
    time_drift_ms: Option<u64>,
    block_transactions: Option<u32>,
    block_bytes: Option<u32>,
    transaction_bytes: Option<u32>,
    validity_ms: Option<u64>,
    suspend_equivocators: Option<bool>,
    proposal_open_ms: Option<u64>,
    thresholds: Option<Thresholds>,
}

/// Where a validator's entry comes from.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ValidatorSource {
    /// A proof that its operator made with `genesis possession`.
    File(PossessionFile),
    /// The same, written out.
    Inline(Validator),
    /// The key itself, on this machine: for test networks.
    Key(KeyFile),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PossessionFile {
    possession_file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    organization: String,
    key_file: PathBuf,
    password_file: Option<PathBuf>,
}

/// What `genesis possession` writes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Possession {
    chain_id: String,
    organization: String,
    public_key: PublicKey,
    possession: Signature,
}

/// `genesis …`.
///
/// # Errors
/// Files that cannot be read, or content that breaks a rule.
pub(crate) fn genesis(context: &Context, command: &GenesisCommand) -> Result<(), Failure> {
    match command {
        GenesisCommand::New { spec, out } => new(context, spec, out),
        GenesisCommand::Possession { chain_id, organization, key, out } => {
            let key = keys::open(context, key)?;
            possession(context, &Validator::new(chain_id, organization, &key), chain_id, out.as_deref())
        }
        GenesisCommand::Show { file } => show(context, &load(file)?),
        GenesisCommand::Check { file, digest } => check(context, file, *digest),
    }
}

/// Reads a genesis file that the user trusts.
///
/// # Errors
/// Unreadable, or not a genesis: exit code 1, as for every check that says no.
pub(crate) fn load(path: &Path) -> Result<Genesis, Failure> {
    let bytes = files::read(path, limits::GENESIS_BYTES)?;
    Genesis::parse(&bytes).map_err(|e| Failure::from(e).named(path))
}

fn new(context: &Context, spec: &Path, out: &Path) -> Result<(), Failure> {
    let specification = parse(spec)?;
    let mut validators = Vec::new();
    for source in specification.validators {
        validators.push(validator(context, spec, &specification.chain_id, source)?);
    }
    let document = Document {
        version: 1,
        time_ms: specification.time_ms.map_or_else(moment::now_ms, Ok)?,
        parameters: specification.parameters.apply(),
        chain_id: specification.chain_id,
        name: specification.name,
        organizations: specification.organizations,
        certificate_types: specification.certificate_types,
        signers: specification.signers,
        validators,
    };
    let genesis = Genesis::create(&document).map_err(|e| Failure::from(e).named(spec))?;
    files::write(out, genesis.raw(), Access::Everybody, Existing::Refuse)?;
    let l = context.lang;
    let text = fields([
        (l.pick("创世文件", "genesis"), out.display().to_string()),
        (l.pick("链标识", "chain"), document.chain_id.clone()),
        (l.pick("摘要", "digest"), genesis.digest().to_string()),
        (
            l.pick("验证节点", "validators"),
            format!("{} (f = {})", document.validators.len(), genesis.validators().faults()),
        ),
    ]);
    context.print(&text, &summary(&genesis, Some(out)))
}

fn parse(path: &Path) -> Result<Specification, Failure> {
    let text = files::read_text(path, limits::GENESIS_BYTES)?;
    let json = path.extension().is_some_and(|e| e == "json");
    let parsed = if json {
        serde_json::from_str(&text).map_err(|e| e.to_string())
    } else {
        toml::from_str(&text).map_err(|e| e.to_string())
    };
    parsed.map_err(|why| {
        Failure::invalid("GENESIS_SPEC", format!("{}: {why}", path.display()), format!("{}：{why}", path.display()))
            .hint("see `hnchain genesis new --help` for the form", "格式见 hnchain genesis new --help")
    })
}

fn validator(context: &Context, spec: &Path, chain_id: &str, source: ValidatorSource) -> Result<Validator, Failure> {
    match source {
        ValidatorSource::Inline(validator) => Ok(validator),
        ValidatorSource::Key(KeyFile { organization, key_file, password_file }) => {
            let password = Password { password_file: password_file.map(|p| files::beside(spec, &p)) };
            let key = keys::open_file(context, &files::beside(spec, &key_file), &password)?;
            Ok(Validator::new(chain_id, &organization, &key))
        }
        ValidatorSource::File(PossessionFile { possession_file }) => {
            read_possession(&files::beside(spec, &possession_file), chain_id)
        }
    }
}

/// Reads what `genesis possession` wrote for a chain. Whether the proof holds, the chain checks.
pub(crate) fn read_possession(path: &Path, chain_id: &str) -> Result<Validator, Failure> {
    let text = files::read_text(path, limits::GENESIS_BYTES)?;
    let p: Possession = serde_json::from_str(&text)
        .map_err(|e| Failure::invalid("POSSESSION", e.to_string(), e.to_string()).named(path))?;
    if p.chain_id != chain_id {
        let (got, shown) = (plain(&p.chain_id), path.display());
        return Err(Failure::invalid(
            "POSSESSION_CHAIN",
            format!("{shown} proves the key for chain {got:?}, not for {chain_id:?}"),
            format!("{shown} 是为链 {got} 出具的持钥证明，不是 {chain_id}"),
        )
        .hint("ask the operator for a proof for this chain", "请运营方为本链重新出具持钥证明"));
    }
    Ok(Validator { public_key: p.public_key, organization: p.organization, possession: p.possession })
}

impl ParameterChanges {
    fn apply(self) -> Parameters {
        let d = Parameters::default();
        Parameters {
            delta_ms: self.delta_ms.unwrap_or(d.delta_ms),
            heartbeat_ms: self.heartbeat_ms.unwrap_or(d.heartbeat_ms),
            time_drift_ms: self.time_drift_ms.unwrap_or(d.time_drift_ms),
            block_transactions: self.block_transactions.unwrap_or(d.block_transactions),
            block_bytes: self.block_bytes.unwrap_or(d.block_bytes),
            transaction_bytes: self.transaction_bytes.unwrap_or(d.transaction_bytes),
            validity_ms: self.validity_ms.unwrap_or(d.validity_ms),
            suspend_equivocators: self.suspend_equivocators.unwrap_or(d.suspend_equivocators),
            proposal_open_ms: self.proposal_open_ms.unwrap_or(d.proposal_open_ms),
            thresholds: self.thresholds.unwrap_or(d.thresholds),
        }
    }
}

fn possession(context: &Context, v: &Validator, chain_id: &str, out: Option<&Path>) -> Result<(), Failure> {
    let file = Possession {
        chain_id: chain_id.to_owned(),
        organization: v.organization.clone(),
        public_key: v.public_key,
        possession: v.possession,
    };
    let json = serde_json::json!(file);
    let Some(path) = out else {
        return context.raw(format!("{json:#}\n").as_bytes());
    };
    files::write(path, format!("{json:#}\n").as_bytes(), Access::Everybody, Existing::Refuse)?;
    let l = context.lang;
    let text = fields([
        (l.pick("持钥证明", "possession"), path.display().to_string()),
        (l.pick("链标识", "chain"), chain_id.to_owned()),
        (l.pick("公钥", "public key"), v.public_key.to_string()),
    ]);
    context.print(&text, &json)
}

fn check(context: &Context, file: &Path, expected: Option<Digest>) -> Result<(), Failure> {
    let genesis = load(file)?;
    let got = genesis.digest().0;
    if let Some(expected) = expected
        && expected != got
    {
        let shown = file.display();
        return Err(Failure::invalid(
            "GENESIS_DIGEST",
            format!("{shown} has the digest {got}, not {expected}"),
            format!("{shown} 的摘要是 {got}，与给定的 {expected} 不符"),
        )
        .hint(
            "this is another chain or a changed file: do not trust it",
            "这是另一条链的创世文件或已被改动的文件，请勿信任",
        ));
    }
    let l = context.lang;
    let verdict = if expected.is_some() {
        l.pick("有效，摘要相符", "valid, the digest is the expected one")
    } else {
        l.pick("有效；请与另一途径得到的摘要核对", "valid; compare the digest with one from another source")
    };
    let text = fields([
        (l.pick("创世文件", "genesis"), verdict.to_owned()),
        (l.pick("链标识", "chain"), genesis.document().chain_id.clone()),
        (l.pick("摘要", "digest"), got.to_string()),
    ]);
    context.print(&text, &summary(&genesis, Some(file)))
}

fn summary(genesis: &Genesis, file: Option<&Path>) -> serde_json::Value {
    serde_json::json!({
        "valid": true, "file": file.map(path_json), "chain_id": genesis.document().chain_id, "digest": genesis.digest(),
        "validators": genesis.validators().len(), "faults": genesis.validators().faults(),
        "quorum": genesis.validators().quorum(),
    })
}

fn show(context: &Context, genesis: &Genesis) -> Result<(), Failure> {
    let l = context.lang;
    let d = genesis.document();
    let mut text = fields([
        (l.pick("链标识", "chain"), d.chain_id.clone()),
        (l.pick("名称", "name"), plain(&d.name)),
        (l.pick("摘要", "digest"), genesis.digest().to_string()),
        (l.pick("创世时间", "time"), moment::both(d.time_ms)),
        (
            l.pick("法定人数", "quorum"),
            format!(
                "{} / {} (f = {})",
                genesis.validators().quorum(),
                d.validators.len(),
                genesis.validators().faults()
            ),
        ),
    ]);
    let organizations = d.organizations.iter().map(|o| {
        vec![
            o.id.clone(),
            plain(&o.name),
            plain(&o.credit_code),
            plain(&o.division),
            o.parent.clone().unwrap_or_default(),
        ]
    });
    let head = if l == crate::lang::Lang::Zh {
        ["机构", "名称", "统一社会信用代码", "区划", "上级"]
    } else {
        ["organization", "name", "credit code", "division", "parent"]
    };
    text.push_str(&format!("\n{}", table(&head, organizations.collect())));
    let validators = d.validators.iter().enumerate();
    let validators = validators.map(|(i, v)| vec![i.to_string(), v.organization.clone(), v.public_key.to_string()]);
    let head = [l.pick("验证节点", "validator"), l.pick("机构", "organization"), l.pick("公钥", "public key")];
    text.push_str(&format!("\n{}", table(&head, validators.collect())));
    let signers = d.signers.iter();
    let signers = signers.map(|s| vec![s.organization.clone(), roles(&s.roles), s.public_key.to_string()]);
    let head = [l.pick("签名者机构", "signer of"), l.pick("角色", "roles"), l.pick("公钥", "public key")];
    text.push_str(&format!("\n{}", table(&head, signers.collect())));
    let json = serde_json::json!({"digest": genesis.digest(), "genesis": d});
    context.print(&text, &json)
}

/// Roles with their bounds, for people.
pub(crate) fn roles(roles: &[Role]) -> String {
    let name = |role: &Role| match role {
        Role::RegistryWriter { namespace } => format!("registry_writer({namespace})"),
        Role::Registrar { registry, subject, division } => {
            let parts = [subject.as_deref().map(plain), division.map(|d| d.to_string())];
            let parts: Vec<String> = std::iter::once(registry.to_string()).chain(parts.into_iter().flatten()).collect();
            format!("registrar({})", parts.join(", "))
        }
        Role::Court { division: Some(division) } => format!("court({division})"),
        Role::Court { division: None } => "court".to_owned(),
        Role::Provider {} => "provider".to_owned(),
        Role::Gateway {} => "gateway".to_owned(),
        Role::Observer {} => "observer".to_owned(),
        Role::Auditor {} => "auditor".to_owned(),
        Role::Administrator {} => "administrator".to_owned(),
    };
    roles.iter().map(name).collect::<Vec<_>>().join(", ")
}
