//! `member list`, `show`, `history`.

use crate::args::MemberCommand;
use crate::changes::validity;
use crate::context::{Context, fields, plain, table};
use crate::failure::Failure;
use crate::{genesis, moment};
use hnchain_crypto::PublicKey;
use hnchain_sdk::{Client, Error};
use hnchain_types::TxId;
use hnchain_types::governance::Proposal;
use hnchain_types::member::{Force, OrganizationRow, Origin, SignerRow};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Digits of a key in a table.
const SHORT: usize = 16;
/// Levels of the tree that are shown by indentation; a node that sends a circle does not make this run on.
const LEVELS: usize = 32;

/// `member …`.
///
/// # Errors
/// No such member, or no node answered.
pub(crate) async fn member(context: &Context, command: &MemberCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        MemberCommand::List { organization } => list(context, &client, organization.as_deref()).await,
        MemberCommand::Show { member } => match member.parse() {
            Ok(key) => show_signer(context, &client, key).await,
            Err(_) => show_organization(context, &client, member).await,
        },
        MemberCommand::History { member } => match member.parse() {
            Ok(key) => signer_history(context, &client, key).await,
            Err(_) => organization_history(context, &client, member).await,
        },
    }
}

async fn list(context: &Context, client: &Client, only: Option<&str>) -> Result<(), Failure> {
    let (organizations, signers, now) = {
        let _progress = context.progress("正在查询", "asking");
        let members = client.members();
        (members.organizations().await?, members.signers().await?, client.status().await?.time_ms)
    };
    let tree = tree(&organizations, only);
    if let (Some(id), true) = (only, tree.is_empty()) {
        return Err(Error::Missing { what: "organization", key: id.to_owned() }.into());
    }
    let l = context.lang;
    let mut rows = vec![];
    for (depth, o) in &tree {
        let place = format!("{}{}", "  ".repeat(*depth), plain(&o.id));
        rows.push(vec![place, plain(&o.name), o.division.to_string(), plain(&o.credit_code), String::new()]);
        for s in signers.iter().filter(|s| s.organization == o.id) {
            let key = format!("{}· {}", "  ".repeat(depth + 1), short(&s.public_key));
            let valid = validity(context, s.valid_from_ms, s.valid_until_ms);
            rows.push(vec![key, role_names(s), String::new(), valid, state(context, s, now)]);
        }
    }
    let head = [
        l.pick("机构 / 签名者", "organization / signer"),
        l.pick("名称 / 角色", "name / roles"),
        l.pick("区划", "division"),
        l.pick("信用代码 / 有效期", "credit code / valid"),
        l.pick("状态", "state"),
    ];
    let shown: BTreeSet<&str> = tree.iter().map(|(_, o)| o.id.as_str()).collect();
    let signers = signers.iter().filter(|s| shown.contains(s.organization.as_str()));
    let json = json!({
        "organizations": tree.iter().map(|(_, o)| o).collect::<Vec<_>>(),
        "signers": signers.map(|s| signer_json(s, now)).collect::<Vec<_>>(),
        "time_ms": now, "proven": false,
    });
    context.print(&table(&head, rows), &json)
}

/// Organizations below their parents, with their depth; of one of them alone, or of all. Those whose parent is not listed
/// stand at the root, and none is left out.
fn tree<'a>(organizations: &'a [OrganizationRow], only: Option<&str>) -> Vec<(usize, &'a OrganizationRow)> {
    let known: BTreeMap<&str, &OrganizationRow> = organizations.iter().map(|o| (o.id.as_str(), o)).collect();
    let mut below: BTreeMap<&str, Vec<&OrganizationRow>> = BTreeMap::new();
    let mut roots = vec![];
    for o in organizations {
        match o.parent.as_deref().filter(|p| known.contains_key(p)) {
            Some(parent) => below.entry(parent).or_default().push(o),
            None => roots.push(o),
        }
    }
    let first = only.map_or(roots, |id| known.get(id).copied().into_iter().collect());
    let (mut waiting, mut found, mut seen) = (vec![], vec![], BTreeSet::new());
    waiting.extend(first.into_iter().rev().map(|o| (0, o)));
    while let Some((depth, o)) = waiting.pop() {
        if seen.insert(o.id.as_str()) {
            found.push((depth.min(LEVELS), o));
            let children = below.get(o.id.as_str()).into_iter().flatten();
            waiting.extend(children.rev().map(|child| (depth + 1, *child)));
        }
    }
    if only.is_none() {
        // A circle that no root leads to: no chain has one, and a node that sends one does not hide it.
        found.extend(organizations.iter().filter(|o| !seen.contains(o.id.as_str())).map(|o| (0, o)));
    }
    found
}

fn short(key: &PublicKey) -> String {
    format!("{}…", key.to_string().chars().take(SHORT).collect::<String>())
}

fn role_names(s: &SignerRow) -> String {
    let others = genesis::roles(&s.roles);
    let own = if s.validator { "validator" } else { "" };
    [own, others.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn state(context: &Context, s: &SignerRow, now: u64) -> String {
    let force = s.force(now);
    let word = context.lang.pick(force.name_zh(), &force.to_string()).to_owned();
    match force {
        Force::Revoked => format!("{word} {}", moment::rfc3339(s.revoked_ms)),
        _ if s.barred_ms != 0 => format!("{word}{}", context.lang.pick("，不得再任验证者", ", barred as validator")),
        _ => word,
    }
}

fn signer_json(s: &SignerRow, now: u64) -> Value {
    json!({ "signer": s, "state": s.force(now) })
}

fn origin(context: &Context, origin: &Origin) -> [(&'static str, String); 2] {
    let l = context.lang;
    let proposal =
        origin.proposal.map_or_else(|| l.pick("无（创世文件）", "none (genesis)").to_owned(), |p| p.to_string());
    [(l.pick("变更次数", "changes"), origin.revision.to_string()), (l.pick("最近的提案", "last proposal"), proposal)]
}

async fn show_organization(context: &Context, client: &Client, id: &str) -> Result<(), Failure> {
    let o = client.members().organization(id).await?;
    let signers: Vec<_> = client.members().signers().await?.into_iter().filter(|s| s.organization == o.id).collect();
    let now = client.status().await?.time_ms;
    let l = context.lang;
    let mut rows = vec![
        (l.pick("机构", "organization"), plain(&o.id)),
        (l.pick("名称", "name"), plain(&o.name)),
        (l.pick("统一社会信用代码", "credit code"), plain(&o.credit_code)),
        (l.pick("区划", "division"), format!("{} {}", o.division, o.division.name_zh().unwrap_or_default())),
        (l.pick("上级", "parent"), o.parent.as_deref().map_or_else(|| "-".to_owned(), plain)),
    ];
    rows.extend(origin(context, &o.origin));
    let line = |s: &SignerRow| format!("{} {} ({})", s.public_key, role_names(s), state(context, s, now));
    rows.extend(signers.iter().map(|s| (l.pick("签名者", "signer"), line(s))));
    let signers: Vec<_> = signers.iter().map(|s| signer_json(s, now)).collect();
    context.print(&fields(rows), &json!({ "organization": o, "signers": signers, "time_ms": now, "proven": false }))
}

async fn show_signer(context: &Context, client: &Client, key: PublicKey) -> Result<(), Failure> {
    let (s, now) = (client.members().signer(&key).await?, client.status().await?.time_ms);
    let l = context.lang;
    let mut rows = vec![
        (l.pick("公钥", "public key"), s.public_key.to_string()),
        (l.pick("机构", "organization"), plain(&s.organization)),
        (l.pick("角色", "roles"), role_names(&s)),
        (l.pick("有效期", "valid"), validity(context, s.valid_from_ms, s.valid_until_ms)),
        (l.pick("状态", "state"), state(context, &s, now)),
    ];
    rows.extend(s.successor.map(|new| (l.pick("换用的公钥", "rotated to"), new.to_string())));
    rows.extend(origin(context, &s.origin));
    context.print(&fields(rows), &json!({ "signer": s, "state": s.force(now), "time_ms": now, "proven": false }))
}

async fn organization_history(context: &Context, client: &Client, id: &str) -> Result<(), Failure> {
    let versions = client.members().organization_history(id).await?;
    let text = |o: &OrganizationRow| {
        let parent = o.parent.as_deref().map_or_else(|| "-".to_owned(), plain);
        format!("{}, {}, {}, {parent}", plain(&o.name), plain(&o.credit_code), o.division)
    };
    let rows: Vec<_> = versions.iter().map(|o| (o.origin, text(o))).collect();
    history(context, client, &rows, json!(versions)).await
}

async fn signer_history(context: &Context, client: &Client, key: PublicKey) -> Result<(), Failure> {
    let versions = client.members().signer_history(&key).await?;
    let text = |s: &SignerRow| {
        let mut parts =
            vec![plain(&s.organization), role_names(s), validity(context, s.valid_from_ms, s.valid_until_ms)];
        if s.revoked_ms != 0 {
            parts.push(format!("{} {}", context.lang.pick("吊销", "revoked"), moment::rfc3339(s.revoked_ms)));
        }
        parts.join(", ")
    };
    let rows: Vec<_> = versions.iter().map(|s| (s.origin, text(s))).collect();
    history(context, client, &rows, json!(versions)).await
}

/// Versions with the proposals that wrote them: who proposed, when it took effect, who approved.
async fn history(
    context: &Context,
    client: &Client,
    rows: &[(Origin, String)],
    versions: Value,
) -> Result<(), Failure> {
    let mut proposals: BTreeMap<TxId, Proposal> = BTreeMap::new();
    for id in rows.iter().filter_map(|(origin, _)| origin.proposal).collect::<BTreeSet<_>>() {
        proposals.insert(id, client.proposal(&id).await?);
    }
    let l = context.lang;
    let mut last = None;
    let lines = rows.iter().map(|(origin, text)| {
        // The same proposal again: validators or evidence changed the row since.
        let again = last.replace(origin.proposal) == Some(origin.proposal);
        let proposal = origin.proposal.filter(|_| !again).and_then(|id| proposals.get(&id));
        let when = proposal.and_then(|p| p.enacted.as_ref()).map(|e| moment::rfc3339(e.time_ms));
        let who = proposal.map(|p| p.approvals.iter().map(|a| plain(&a.organization)).collect::<Vec<_>>().join(" "));
        let without = if again {
            l.pick("验证者变更或违规", "validators or evidence")
        } else {
            l.pick("创世文件", "genesis")
        };
        vec![
            origin.revision.to_string(),
            text.clone(),
            when.unwrap_or_else(|| without.to_owned()),
            who.unwrap_or_default(),
            proposal.map_or_else(String::new, |p| p.id.to_string()),
        ]
    });
    let lines = lines.collect();
    let head = [
        l.pick("版本", "revision"),
        l.pick("内容", "content"),
        l.pick("生效时间", "in force"),
        l.pick("同意的机构", "approved by"),
        l.pick("提案", "proposal"),
    ];
    let proposals: Vec<_> = proposals.into_values().collect();
    context.print(&table(&head, lines), &json!({ "versions": versions, "proposals": proposals, "proven": false }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn organization(id: &str, parent: Option<&str>) -> OrganizationRow {
        OrganizationRow {
            id: id.to_owned(),
            name: id.to_owned(),
            credit_code: "91410000170001401D".to_owned(),
            division: "410000".parse().unwrap(),
            parent: parent.map(str::to_owned),
            origin: Origin { revision: 0, proposal: None, previous: None },
        }
    }

    fn shown(list: &[OrganizationRow], only: Option<&str>) -> Vec<(usize, String)> {
        tree(list, only).into_iter().map(|(depth, o)| (depth, o.id.clone())).collect()
    }

    #[test]
    fn organizations_stand_below_their_parents_and_none_is_left_out() {
        let list = [
            organization("city", Some("province")),
            organization("county", Some("city")),
            organization("lost", Some("nobody")),
            organization("loop-a", Some("loop-b")),
            organization("loop-b", Some("loop-a")),
            organization("other", Some("province")),
            organization("province", None),
        ];
        let expected =
            [(0, "lost"), (0, "province"), (1, "city"), (2, "county"), (1, "other"), (0, "loop-a"), (0, "loop-b")];
        let named = |list: &[(usize, &str)]| list.iter().map(|(d, id)| (*d, (*id).to_owned())).collect::<Vec<_>>();
        assert_eq!(shown(&list, None), named(&expected));
        assert_eq!(shown(&list, Some("city")), named(&[(0, "city"), (1, "county")]));
        assert_eq!(shown(&list, Some("loop-a")), named(&[(0, "loop-a"), (1, "loop-b")]));
        assert!(shown(&list, Some("nobody")).is_empty());
    }
}
