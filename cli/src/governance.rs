//! `governance`, `validators`, `audit`.

use crate::args::{Approve, AuditCommand, GovernanceCommand, Propose, Validators};
use crate::context::{Context, fields, plain, table};
use crate::failure::Failure;
use crate::{changes, files, genesis, keys, moment};
use hnchain_sdk::{Client, Conviction};
use hnchain_types::governance::{Enactment, Proposal};
use hnchain_types::transaction::{Receipt, Transaction};
use hnchain_types::vote::Evidence;
use hnchain_types::{Epoch, limits};
use serde_json::{Value, json};
use std::path::Path;

/// Digits of a key in a table.
const SHORT: usize = 16;

/// `governance …`.
///
/// # Errors
/// Unreadable files, a refusal, or no node answered.
pub(crate) async fn governance(context: &Context, command: &GovernanceCommand) -> Result<(), Failure> {
    match command {
        GovernanceCommand::Propose(args) => propose(context, args).await,
        GovernanceCommand::Approve(args) => approve(context, args).await,
        GovernanceCommand::List { open } => list(context, *open).await,
        GovernanceCommand::Show { id } => show(context, &context.client()?.proposal(id).await?),
    }
}

async fn propose(context: &Context, args: &Propose) -> Result<(), Failure> {
    let (client, signer) = keys::signer(context, &args.key, &args.chain).await?;
    let signed = signer.propose(changes::change(args, signer.chain_id())?, &args.reason);
    let receipt = settle(context, &client, signed.map_err(|e| Failure::from(e).into_usage())?).await?;
    show(context, &client.proposal(&receipt.transaction).await?)
}

async fn approve(context: &Context, args: &Approve) -> Result<(), Failure> {
    let (client, signer) = keys::signer(context, &args.key, &args.chain).await?;
    let signed = signer.approve(args.id);
    settle(context, &client, signed.map_err(|e| Failure::from(e).into_usage())?).await?;
    show(context, &client.proposal(&args.id).await?)
}

async fn settle(context: &Context, client: &Client, transaction: Transaction) -> Result<Receipt, Failure> {
    let _progress = context.progress("已提交，等待最终确认", "submitted, waiting until it is final");
    Ok(client.submit_and_wait(&transaction, context.timeout).await?)
}

async fn list(context: &Context, open: bool) -> Result<(), Failure> {
    let client = context.client()?;
    let mut proposals = {
        let _progress = context.progress("正在查询", "asking");
        client.proposals().await?
    };
    let now = client.status().await?.time_ms;
    proposals.retain(|p| !open || (p.enacted.is_none() && p.expires_ms >= now));
    proposals.sort_by_key(|p| std::cmp::Reverse((p.height, p.id)));
    let l = context.lang;
    let head = [
        l.pick("提案", "proposal"),
        l.pick("提出机构", "by"),
        l.pick("提出时间", "at"),
        l.pick("同意", "approvals"),
        l.pick("状态", "state"),
        l.pick("变更", "change"),
        l.pick("理由", "reason"),
    ];
    let rows = proposals.iter().map(|p| {
        vec![
            p.id.to_string(),
            plain(&p.organization),
            moment::rfc3339(p.time_ms),
            p.approvals.len().to_string(),
            state(context, p, now),
            changes::summary(context, &p.content.change),
            plain(&p.content.reason),
        ]
    });
    let text = table(&head, rows.collect());
    context.print(&text, &json!({ "proposals": proposals, "proven": false }))
}

fn state(context: &Context, p: &Proposal, now_ms: u64) -> String {
    let l = context.lang;
    match &p.enacted {
        Some(e) => format!("{} {}", l.pick("已生效", "in force"), plain(&e.what)),
        None if p.expires_ms < now_ms => l.pick("已过期", "expired").to_owned(),
        None => l.pick("待同意", "open").to_owned(),
    }
}

fn show(context: &Context, p: &Proposal) -> Result<(), Failure> {
    let l = context.lang;
    let mut rows = vec![
        (l.pick("提案", "proposal"), p.id.to_string()),
        (l.pick("理由", "reason"), plain(&p.content.reason)),
        (l.pick("提出", "proposed"), format!("{} {}", plain(&p.organization), moment::both(p.time_ms))),
        (l.pick("有效至", "open until"), moment::both(p.expires_ms)),
    ];
    rows.extend(changes::lines(context, &p.content.change));
    for a in &p.approvals {
        rows.push((l.pick("同意", "approved"), format!("{} {}", plain(&a.organization), moment::both(a.time_ms))));
    }
    let outcome = match &p.enacted {
        Some(e) => in_force(context, e),
        None => l.pick("尚未生效", "not in force").to_owned(),
    };
    rows.push((l.pick("状态", "state"), outcome));
    context.print(&fields(rows), &json!({ "proposal": p, "proven": false }))
}

/// What took effect, and from which block.
fn in_force(context: &Context, e: &Enactment) -> String {
    let l = context.lang;
    let (what, from) = if e.epoch > Epoch(0) {
        (format!("{} {}", l.pick("任期", "epoch"), e.epoch), e.height.next())
    } else {
        (plain(&e.what), e.height)
    };
    format!("{}{what}, {} {from}", l.pick("已生效：", "in force: "), l.pick("始于区块", "from block"))
}

/// `validators`.
///
/// # Errors
/// The epoch has not begun, or no node answered.
pub(crate) async fn validators(context: &Context, args: &Validators) -> Result<(), Failure> {
    let row = context.client()?.validators(args.epoch.map(Epoch)).await?;
    let l = context.lang;
    let members = row.validators.members();
    let list =
        (0u32..).zip(members).map(|(i, (key, organization))| vec![i.to_string(), plain(organization), key.to_string()]);
    let faults = hnchain_types::validators::faults(members.len());
    let (n, quorum) = (members.len(), members.len() - faults);
    let note = l.pick("（节点所述，未经证明）", "(one node's word)");
    let text = format!(
        "{}\n{}",
        fields([
            (l.pick("任期", "epoch"), format!("{} {note}", row.epoch)),
            (l.pick("始于区块", "from block"), row.first_height.to_string()),
            (l.pick("验证者", "validators"), format!("{n} (f = {faults}, {} {quorum})", l.pick("法定数", "quorum"))),
        ]),
        table(&[l.pick("序号", "index"), l.pick("机构", "organization"), l.pick("公钥", "public key")], list.collect())
    );
    let json: Vec<Value> = (0u32..)
        .zip(members)
        .map(|(i, (key, organization))| json!({"index": i, "organization": organization, "public_key": key}))
        .collect();
    let json = json!({
        "epoch": row.epoch, "first_height": row.first_height, "validators_hash": row.validators.hash(), "faults": faults,
        "quorum": quorum, "validators": json, "proven": false,
    });
    context.print(&text, &json)
}

/// `audit …`.
///
/// # Errors
/// An entry that does not hold, unreadable files, a refusal, or no node answered.
pub(crate) async fn audit(context: &Context, command: &AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Evidence { epoch, trust } => evidence(context, epoch.map(Epoch), trust).await,
        AuditCommand::Submit { file, key, chain } => {
            let evidence = read_evidence(file)?;
            let (client, signer) = keys::signer(context, key, chain).await?;
            let signed = signer.submit_evidence(&evidence).map_err(|e| Failure::from(e).into_usage())?;
            let receipt = settle(context, &client, signed).await?;
            let l = context.lang;
            let text = fields([
                (l.pick("已提交，交易", "submitted, transaction"), receipt.transaction.to_string()),
                (l.pick("区块高度", "block"), receipt.height.to_string()),
            ]);
            context.print(&text, &json!({ "transaction": receipt.transaction, "height": receipt.height }))
        }
    }
}

fn read_evidence(path: &Path) -> Result<Evidence, Failure> {
    let text = files::read_text(path, 2 * limits::EVIDENCE_BYTES + 2)?;
    let bytes = hex::decode(text.trim()).map_err(|e| {
        Failure::invalid("EVIDENCE_FILE", format!("not hexadecimal digits: {e}"), format!("不是十六进制：{e}"))
            .named(path)
    })?;
    Evidence::decode(&bytes).map_err(|e| Failure::invalid("EVIDENCE_FILE", e.to_string(), e.message_zh()).named(path))
}

async fn evidence(context: &Context, epoch: Option<Epoch>, trust: &Path) -> Result<(), Failure> {
    let genesis = genesis::load(trust)?;
    let mut found = {
        let _progress = context.progress("正在查询", "asking");
        context.client()?.convictions(&genesis).await?
    };
    found.retain(|c| epoch.is_none_or(|e| c.row.evidence.epoch() == e));
    let l = context.lang;
    let head = [
        l.pick("任期.视图", "epoch.view"),
        l.pick("验证者", "validator"),
        l.pick("机构", "organization"),
        l.pick("公钥", "public key"),
        l.pick("登记于区块", "on record in block"),
        l.pick("停职", "suspended"),
        l.pick("两个签名", "both signatures"),
    ];
    let text = if found.is_empty() {
        l.pick("该节点没有违规记录", "this node lists nothing against a validator").to_owned()
    } else {
        table(&head, found.iter().map(|c| conviction_row(context, c)).collect())
    };
    let entries: Vec<Value> = found.iter().map(conviction_json).collect();
    context.print(&text, &json!({ "genesis": genesis.digest(), "convictions": entries, "complete": false }))?;
    if found.iter().all(|c| c.verified) { Ok(()) } else { Err(Failure::printed()) }
}

fn conviction_row(context: &Context, c: &Conviction) -> Vec<String> {
    let l = context.lang;
    let e = &c.row.evidence;
    vec![
        format!("{}.{}", e.epoch(), e.view()),
        e.offender().to_string(),
        plain(&c.row.organization),
        format!("{}…", c.row.offender.to_string().chars().take(SHORT).collect::<String>()),
        format!("{} {}", c.row.height, moment::rfc3339(c.row.time_ms)),
        if c.row.suspended { l.pick("是", "yes") } else { l.pick("否", "no") }.to_owned(),
        if c.verified { l.pick("核验通过", "hold") } else { l.pick("不成立！", "DO NOT HOLD") }.to_owned(),
    ]
}

fn conviction_json(c: &Conviction) -> Value {
    let e = &c.row.evidence;
    json!({
        "epoch": e.epoch(), "view": e.view(), "validator": e.offender(), "organization": c.row.organization,
        "public_key": c.row.offender, "submitter": c.row.submitter, "transaction": c.row.transaction,
        "height": c.row.height, "time_ms": c.row.time_ms, "suspended": c.row.suspended, "verified": c.verified,
        "votes": e.votes(), "evidence": hex::encode(e.encode()),
    })
}
