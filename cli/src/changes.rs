//! What a proposal changes: read from arguments and documents, and shown to people.

use crate::args::Propose;
use crate::context::{Context, plain};
use crate::failure::Failure;
use crate::{files, genesis, moment};
use hnchain_types::genesis::{Organization, Role};
use hnchain_types::governance::{
    Appointment, CertificateTypeChange, Change, Join, ParametersChange, Revocation, Rotation, SignerRotation,
    ValidatorsChange,
};
use hnchain_types::limits;
use std::path::Path;

/// Lines of a change: label and value.
type Lines = Vec<(&'static str, String)>;

/// The change that the arguments ask for.
///
/// # Errors
/// Files that cannot be read or are no change.
pub(crate) fn change(args: &Propose, chain_id: &str) -> Result<Change, Failure> {
    if let Some(path) = &args.change {
        return document(path);
    }
    if let Some(public_key) = args.revoke_signer {
        return Ok(Change::RevokeSigner(Revocation { public_key }));
    }
    if let Some((old, path)) = &args.rotate_signer {
        let v = genesis::read_possession(path, chain_id)?;
        return Ok(Change::RotateSigner(SignerRotation { old: *old, new: v.public_key, possession: v.possession }));
    }
    if let Some(path) = &args.appoint {
        let v = genesis::read_possession(path, chain_id)?;
        return Ok(Change::Appoint(Appointment {
            public_key: v.public_key,
            organization: v.organization,
            roles: args.roles.clone(),
            valid_from_ms: args.valid_from_ms,
            valid_until_ms: args.valid_until_ms,
            possession: v.possession,
        }));
    }
    Ok(Change::Validators(validators(args, chain_id)?))
}

fn validators(args: &Propose, chain_id: &str) -> Result<ValidatorsChange, Failure> {
    let mut change = ValidatorsChange { leave: args.leave.clone(), ..ValidatorsChange::default() };
    for path in &args.join {
        let v = genesis::read_possession(path, chain_id)?;
        let (public_key, organization, possession) = (v.public_key, v.organization, v.possession);
        change.join.push(Join { public_key, organization, possession });
    }
    for (old, path) in &args.rotate {
        let v = genesis::read_possession(path, chain_id)?;
        change.rotate.push(Rotation { old: *old, new: v.public_key, possession: v.possession });
    }
    Ok(change)
}

fn document(path: &Path) -> Result<Change, Failure> {
    let text = files::read_text(path, limits::TRANSACTION_BYTES)?;
    serde_json::from_str(&text).map_err(|e| {
        Failure::usage("CHANGE_FILE", format!("not a change: {e}"), format!("不是变更文件：{e}"))
            .named(path)
            .hint("see hnchain governance propose --help", "参见 hnchain governance propose --help")
    })
}

/// A role as people write it: its name, or its JSON object where it has bounds.
///
/// # Errors
/// No such role.
pub(crate) fn role(s: &str) -> Result<Role, String> {
    let json = if s.starts_with('{') { s.to_owned() } else { serde_json::json!({ "role": s }).to_string() };
    serde_json::from_str(&json).map_err(|e| format!("{e}; write for example auditor, or the object of a role in JSON"))
}

/// One line about a change.
#[must_use]
pub(crate) fn summary(context: &Context, change: &Change) -> String {
    let l = context.lang;
    let (zh, en, what) = match change {
        Change::Validators(v) => {
            let parts = [
                (l.pick("加入", "join"), v.join.len()),
                (l.pick("退出", "leave"), v.leave.len()),
                (l.pick("换钥", "rotate"), v.rotate.len()),
            ];
            let parts: Vec<_> = parts.iter().map(|(label, n)| format!("{label} {n}")).collect();
            ("变更验证者集合", "change the validator set", parts.join(", "))
        }
        Change::Organization(o) => ("设立或变更机构", "add or change organization", plain(&o.id)),
        Change::Appoint(a) => ("任命签名者", "appoint signer", format!("{} {}", plain(&a.organization), a.public_key)),
        Change::RotateSigner(r) => ("签名者换钥", "rotate signer", format!("{} → {}", r.old, r.new)),
        Change::RevokeSigner(r) => ("吊销签名者", "revoke signer", r.public_key.to_string()),
        Change::Parameters(_) => ("变更链参数", "change parameters", String::new()),
        Change::CertificateType(t) => ("变更证照类型", "change certificate type", plain(&t.code)),
    };
    let text = format!("{} {what}", l.pick(zh, en));
    text.trim_end().to_owned()
}

/// All of a change, line by line.
#[must_use]
pub(crate) fn lines(context: &Context, change: &Change) -> Lines {
    let l = context.lang;
    match change {
        Change::Validators(v) => validators_lines(context, v),
        Change::Organization(o) => organization_lines(context, o),
        Change::Appoint(a) => vec![
            (l.pick("任命签名者", "appoint"), a.public_key.to_string()),
            (l.pick("机构", "organization"), plain(&a.organization)),
            (l.pick("角色", "roles"), genesis::roles(&a.roles)),
            (l.pick("有效期", "valid"), validity(context, a.valid_from_ms, a.valid_until_ms)),
        ],
        Change::RotateSigner(r) => vec![(l.pick("签名者换钥", "rotate"), format!("{} → {}", r.old, r.new))],
        Change::RevokeSigner(r) => vec![(l.pick("吊销签名者", "revoke"), r.public_key.to_string())],
        Change::Parameters(p) => parameters_lines(context, p),
        Change::CertificateType(t) => certificate_type_lines(context, t),
    }
}

fn validators_lines(context: &Context, v: &ValidatorsChange) -> Lines {
    let l = context.lang;
    let join = v.join.iter().map(|j| (l.pick("加入", "join"), format!("{} {}", plain(&j.organization), j.public_key)));
    let leave = v.leave.iter().map(|key| (l.pick("退出", "leave"), key.to_string()));
    let rotate = v.rotate.iter().map(|r| (l.pick("换钥", "rotate"), format!("{} → {}", r.old, r.new)));
    join.chain(leave).chain(rotate).collect()
}

fn organization_lines(context: &Context, o: &Organization) -> Lines {
    let l = context.lang;
    vec![
        (l.pick("机构", "organization"), format!("{} {}", plain(&o.id), plain(&o.name))),
        (l.pick("统一社会信用代码", "credit code"), plain(&o.credit_code)),
        (l.pick("区划", "division"), plain(&o.division)),
        (l.pick("上级", "parent"), o.parent.as_deref().map_or_else(|| "-".to_owned(), plain)),
    ]
}

fn parameters_lines(context: &Context, p: &ParametersChange) -> Lines {
    let l = context.lang;
    let mut lines = vec![];
    if let Some(suspend) = p.suspend_equivocators {
        let word = if suspend { l.pick("是", "yes") } else { l.pick("否", "no") };
        lines.push((l.pick("违规者停职", "suspend equivocators"), word.to_owned()));
    }
    if let Some(ms) = p.proposal_open_ms {
        lines.push((l.pick("提案有效期", "proposals stay open"), moment::span(ms)));
    }
    let t = &p.thresholds;
    let kinds = [
        (l.pick("阈值：验证者", "threshold: validators"), t.validators),
        (l.pick("阈值：机构", "threshold: organizations"), t.organizations),
        (l.pick("阈值：参数", "threshold: parameters"), t.parameters),
        (l.pick("阈值：签名者", "threshold: signers"), t.signers),
        (l.pick("阈值：证照类型", "threshold: certificate types"), t.certificate_types),
    ];
    lines.extend(kinds.into_iter().filter_map(|(label, share)| Some((label, format!("> {}", share?)))));
    lines
}

fn certificate_type_lines(context: &Context, t: &CertificateTypeChange) -> Lines {
    let l = context.lang;
    let mut lines = vec![(l.pick("证照类型", "certificate type"), format!("{} {}", plain(&t.code), plain(&t.name)))];
    if t.retired {
        lines.push((l.pick("停用", "retired"), l.pick("是，永久", "yes, for good").to_owned()));
    }
    lines
}

/// Between which times somebody may act.
#[must_use]
pub(crate) fn validity(context: &Context, from_ms: u64, until_ms: u64) -> String {
    let l = context.lang;
    let bound = |ms: u64| if ms == 0 { l.pick("不限", "no bound").to_owned() } else { moment::rfc3339(ms) };
    if from_ms == 0 && until_ms == 0 { bound(0) } else { format!("{} – {}", bound(from_ms), bound(until_ms)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_written_by_name_or_as_objects() {
        assert_eq!(role("auditor"), Ok(Role::Auditor {}));
        assert_eq!(role("court"), Ok(Role::Court { division: None }));
        let writer = r#"{"role": "registry_writer", "namespace": "trace"}"#;
        assert_eq!(role(writer), Ok(Role::RegistryWriter { namespace: "trace".into() }));
        assert!(role("registry_writer").is_err() && role("nobody").is_err() && role("{").is_err());
    }
}
