//! `certificate …`: what registrars do with 电子证照, and what nodes say about them.

mod document;

use crate::args::certificate::{CertificateCommand, CertificateDocument};
use crate::args::{ChainId, Key};
use crate::context::{Context, fields, path_json, plain, table};
use crate::failure::Failure;
use crate::records::{abandon, chain_id};
use crate::{keys, moment};
use document::Document;
use hnchain_crypto::Digest;
use hnchain_sdk::{CertificateRequest, Certificates, Client, Signer};
use hnchain_types::codes::CertificateId;
use hnchain_types::credential::{Credential, State};
use hnchain_types::transaction::Receipt;
use serde_json::{Value, json};

/// `certificate …`.
///
/// # Errors
/// Unreadable files, a refusal, no such certificate, or no node answered.
pub(crate) async fn certificate(context: &Context, command: &CertificateCommand) -> Result<(), Failure> {
    match command {
        CertificateCommand::Issue(args) => put(context, args, Document::issue(args)?).await,
        CertificateCommand::Change(args) => put(context, args, Document::change(args)?).await,
        CertificateCommand::Suspend(a) => {
            step(context, &a.key, &a.chain, State::Suspended, |c| c.suspend(&a.id, &a.reason)).await
        }
        CertificateCommand::Resume { id, key, chain } => {
            step(context, key, chain, State::Valid, |c| c.resume(id)).await
        }
        CertificateCommand::Revoke(a) => {
            step(context, &a.key, &a.chain, State::Revoked, |c| c.revoke(&a.id, &a.reason)).await
        }
        CertificateCommand::Cancel(a) => {
            step(context, &a.key, &a.chain, State::Cancelled, |c| c.cancel(&a.id, &a.reason)).await
        }
        CertificateCommand::Show { id } => show(context, id).await,
        CertificateCommand::History { id, most } => history(context, id, *most).await,
        CertificateCommand::OfHolder { holder, after, most } => of_holder(context, holder, after.as_ref(), *most).await,
    }
}

/// Issues or changes. The opening is on disk before anything is sent, and goes away only when the chain refuses.
async fn put(context: &Context, args: &CertificateDocument, document: Document) -> Result<(), Failure> {
    let key = keys::open(context, &args.key)?;
    let client = context.client()?;
    let progress = context.progress("正在连接节点", "asking a node");
    let signer = Signer::new(key, &chain_id(&client, &args.chain).await?);
    let request = document.request(client.certificate());
    let transaction = request.sign(&signer).map_err(|e| Failure::from(e).into_usage())?;
    let path = document.write(args, signer.chain_id(), transaction.id())?;
    progress.say("已提交，等待最终确认", "submitted, waiting until it is final");
    let receipt = client.submit_and_wait(&transaction, context.timeout).await;
    drop(progress);
    let receipt = receipt.map_err(|e| abandon(e, &path))?;
    let (l, content) = (context.lang, document.content());
    let text = fields([
        (l.pick("已颁发", "issued"), document.id.to_string()),
        (l.pick("持证主体承诺", "holder"), content.holder.to_string()),
        (l.pick("字段根", "fields root"), format!("{} ({})", content.fields_root, content.fields_count)),
        (l.pick("交易", "transaction"), receipt.transaction.to_string()),
        (l.pick("区块高度", "block"), receipt.height.to_string()),
        (l.pick("开示文件", "opening"), format!("{} {}", path.display(), l.pick("（请妥善保管）", "(keep it safe)"))),
    ]);
    let json = json!({
        "id": document.id, "superseded": document.previous(), "holder": content.holder,
        "fields_root": content.fields_root, "fields_count": content.fields_count, "transaction": receipt.transaction,
        "height": receipt.height, "index": receipt.index, "opening_file": path_json(&path),
    });
    context.print(&text, &json)
}

/// Changes a state.
async fn step<'a>(
    context: &Context,
    key: &Key,
    chain: &ChainId,
    state: State,
    request: impl FnOnce(Certificates<'_>) -> CertificateRequest<'_> + 'a,
) -> Result<(), Failure> {
    let key = keys::open(context, key)?;
    let client: Client = context.client()?;
    let progress = context.progress("正在连接节点", "asking a node");
    let signer = Signer::new(key, &chain_id(&client, chain).await?);
    let request = request(client.certificate());
    let transaction = request.sign(&signer).map_err(|e| Failure::from(e).into_usage())?;
    progress.say("已提交，等待最终确认", "submitted, waiting until it is final");
    let receipt: Receipt = client.submit_and_wait(&transaction, context.timeout).await?;
    drop(progress);
    let (l, id) = (context.lang, request.operation().id());
    let text = fields([
        (l.pick("证照", "certificate"), id.to_string()),
        (l.pick("状态", "state"), l.pick(state.name_zh(), &state.to_string()).to_owned()),
        (l.pick("交易", "transaction"), receipt.transaction.to_string()),
        (l.pick("区块高度", "block"), receipt.height.to_string()),
    ]);
    let json = json!({
        "id": id, "state": state, "transaction": receipt.transaction, "height": receipt.height, "index": receipt.index,
    });
    context.print(&text, &json)
}

async fn show(context: &Context, id: &CertificateId) -> Result<(), Failure> {
    let client = context.client()?;
    let progress = context.progress("正在查询", "asking");
    let answer = client.certificate().get(id).await?;
    let now = client.status().await?.time_ms;
    drop(progress);
    let Some(row) = answer.certificate else { return Err(none(id)) };
    let l = context.lang;
    let mut rows = row_fields(context, &row, now);
    let unproven = l.pick("（未经证明）", "(unproven)");
    rows.push((l.pick("来源", "source"), format!("{} @ {} {unproven}", answer.endpoint, answer.height)));
    let json = json!({
        "certificate": row_json(&row), "status": row.status_at(now), "as_of": moment::rfc3339(now),
        "read_at_height": answer.height, "endpoint": answer.endpoint, "proven": false,
    });
    context.print(&fields(rows), &json)
}

fn row_fields<'a>(context: &Context, row: &Credential, now: u64) -> Vec<(&'a str, String)> {
    let (l, status) = (context.lang, row.status_at(now));
    let status = l.pick(status.name_zh(), &status.to_string()).to_owned();
    let reason = row.reason.as_deref().map(|r| format!(" {}{}", l.pick("原因：", "because: "), plain(r)));
    let mut rows = vec![
        (l.pick("证照", "certificate"), row.id.to_string()),
        (l.pick("状态", "status"), format!("{status}{} @ {}", reason.unwrap_or_default(), moment::rfc3339(now))),
        (l.pick("有效期", "valid"), period(context, row)),
        (l.pick("行政区划", "division"), row.division.to_string()),
        (l.pick("颁发机构", "issuer"), plain(&row.issuer)),
        (l.pick("持证主体承诺", "holder"), row.content.holder.to_string()),
        (l.pick("字段根", "fields root"), format!("{} ({})", row.content.fields_root, row.content.fields_count)),
        (l.pick("登记行", "row"), row.sequence.to_string()),
        (l.pick("登记机构", "written by"), plain(&row.organization)),
        (
            l.pick("登记时间", "written at"),
            format!("{}, {} {}", moment::both(row.time_ms), l.pick("区块", "block"), row.height),
        ),
        (l.pick("交易", "transaction"), row.transaction.to_string()),
    ];
    rows.extend(row.previous_id.iter().map(|id| (l.pick("前一版本", "supersedes"), id.to_string())));
    rows.extend(row.next_id.iter().map(|id| (l.pick("后一版本", "superseded by"), id.to_string())));
    rows
}

fn period(context: &Context, row: &Credential) -> String {
    let from = moment::both(row.content.valid_from_ms);
    match row.content.valid_until_ms {
        0 => format!("{from} – {}", context.lang.pick("长期", "no end")),
        until => format!("{from} – {}", moment::both(until)),
    }
}

async fn history(context: &Context, id: &CertificateId, most: u32) -> Result<(), Failure> {
    let client = context.client()?;
    let found = {
        let _progress = context.progress("正在查询", "asking");
        client.certificate().history(id, usize::try_from(most).unwrap_or(usize::MAX)).await
    };
    let found = match found {
        Err(e) if e.code() == "CLIENT_MISSING" => return Err(none(id)),
        found => found?,
    };
    let l = context.lang;
    let head = [
        l.pick("版本", "version"),
        l.pick("行", "row"),
        l.pick("状态", "state"),
        l.pick("登记机构", "by"),
        l.pick("时间", "at"),
        l.pick("区块", "block"),
        l.pick("原因", "reason"),
    ];
    let rows = found.rows.iter().map(|row| {
        vec![
            format!("{:03}", row.id.version()),
            row.sequence.to_string(),
            l.pick(row.state.name_zh(), &row.state.to_string()).to_owned(),
            plain(&row.organization),
            moment::rfc3339(row.time_ms),
            row.height.to_string(),
            plain(row.reason.as_deref().unwrap_or_default()),
        ]
    });
    let mut text = table(&head, rows.collect());
    if !found.complete {
        text.push_str(l.pick("更早的行未列出\n", "older rows are not shown\n"));
    }
    let rows: Vec<Value> = found.rows.iter().map(row_json).collect();
    let json = json!({
        "id": id, "rows": rows, "complete": found.complete, "read_at_height": found.height, "endpoint": found.endpoint,
        "proven": false,
    });
    context.print(&text, &json)
}

async fn of_holder(
    context: &Context,
    holder: &Digest,
    after: Option<&CertificateId>,
    most: u32,
) -> Result<(), Failure> {
    let page = {
        let _progress = context.progress("正在查询", "asking");
        context.client()?.certificate().of_holder(holder, after, most).await?
    };
    let l = context.lang;
    let head = [
        l.pick("证照", "certificate"),
        l.pick("类型", "type"),
        l.pick("颁发机构", "issuer"),
        l.pick("版本", "version"),
    ];
    let rows = page.ids.iter().map(|id| {
        vec![id.to_string(), id.type_code().to_owned(), id.issuer().to_owned(), format!("{:03}", id.version())]
    });
    let mut text = if page.ids.is_empty() {
        l.pick("该节点没有此持证主体的证照\n", "this node lists no certificate of this holder\n").to_owned()
    } else {
        table(&head, rows.collect())
    };
    if let (true, Some(last)) = (page.more, page.ids.last()) {
        text.push_str(&format!("{} --after {last}\n", l.pick("后面还有：", "there are more:")));
    }
    let json = json!({
        "holder": holder, "ids": page.ids, "more": page.more, "read_at_height": page.height, "endpoint": page.endpoint,
        "proven": false,
    });
    context.print(&text, &json)
}

/// A row for machines.
fn row_json(row: &Credential) -> Value {
    let mut json = json!(row);
    json["time"] = moment::rfc3339(row.time_ms).into();
    json
}

fn none(id: &CertificateId) -> Failure {
    Failure::invalid("CERTIFICATE_NOT_FOUND", format!("there is no certificate {id}"), format!("没有证照 {id}"))
        .hint("check the identifier, its version too", "请检查标识及其版本号")
}
