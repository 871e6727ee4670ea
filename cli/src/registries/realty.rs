//! `realty …`: 不动产登记.

use crate::args::{RealtyCommand, Registration};
use crate::context::{Context, fields, path_json};
use crate::failure::Failure;
use crate::records::chain_id;
use crate::registries::commitments;
use crate::{keys, moment};
use hnchain_sdk::{Registered, Signer};
use hnchain_types::realty::Operation;
use serde_json::{Value, json};
use std::path::PathBuf;

mod show;

/// `realty …`.
///
/// # Errors
/// Unreadable files, a refusal, no such unit, or no node answered.
pub(crate) async fn realty(context: &Context, command: &RealtyCommand) -> Result<(), Failure> {
    let (word, registration) = match command {
        RealtyCommand::Show { unit } => return show::unit(context, unit).await,
        RealtyCommand::Title { unit, after, most } => return show::title(context, unit, *after, *most).await,
        RealtyCommand::Held { holder, after, most } => return show::held(context, holder, after.as_ref(), *most).await,
        RealtyCommand::Register(r) => ("register", r),
        RealtyCommand::Transfer(r) => ("transfer", r),
        RealtyCommand::Change(r) => ("change", r),
        RealtyCommand::Cancel(r) => ("cancel", r),
        RealtyCommand::Correct(r) => ("correct", r),
        RealtyCommand::Mortgage(r) => ("mortgage", r),
        RealtyCommand::Seal(r) => ("seal", r),
        RealtyCommand::Unseal(r) => ("unseal", r),
        RealtyCommand::Notice(r) => ("notice", r),
        RealtyCommand::Objection(r) => ("objection", r),
        RealtyCommand::Interest(r) => ("interest", r),
        RealtyCommand::Release(r) => ("release", r),
        RealtyCommand::Progress(r) => ("progress", r),
    };
    submit(context, word, registration).await
}

/// The file holds the fields of one operation; the command says which one.
async fn submit(context: &Context, word: &str, args: &Registration) -> Result<(), Failure> {
    let (document, openings) = commitments::read_document(&args.file)?;
    let op = read(word, &document).map_err(|e| e.named(&args.file))?;
    let key = keys::open(context, &args.key)?;
    let client = context.client()?;
    let progress = context.progress("正在连接节点", "asking a node");
    let signer = Signer::new(key, &chain_id(&client, &args.chain).await?);
    // What is ill-formed is found before anything is sent.
    signer.realty(std::slice::from_ref(&op)).map_err(|e| Failure::from(e).into_usage().named(&args.file))?;
    progress.say("已提交，等待最终确认", "submitted, waiting until it is final");
    let done = client.realty().submit(&signer, op.clone(), context.timeout).await?;
    drop(progress);
    registered(context, &op, &done, &openings)
}

fn read(word: &str, document: &Value) -> Result<Operation, Failure> {
    parse(word, document).map_err(|e| {
        let field = culprit(word, document).map(|f| format!("{f}: ")).unwrap_or_default();
        Failure::usage("REGISTRATION_FILE", format!("no {word}: {field}{e}"), format!("不是 {word} 登记：{field}{e}"))
            .hint("its fields are in docs/realty.md", "各字段见 docs/realty.md")
    })
}

fn parse(word: &str, document: &Value) -> Result<Operation, serde_json::Error> {
    serde_json::from_value(json!({ word: document }))
}

/// The one field that is wrong: without it only it is missing, or nothing is.
fn culprit<'a>(word: &str, document: &'a Value) -> Option<&'a String> {
    let fields = document.as_object()?;
    fields.keys().find(|name| {
        let mut rest = fields.clone();
        rest.remove(*name);
        match parse(word, &rest.into()) {
            Ok(_) => true,
            Err(e) => e.to_string().contains(&format!("missing field `{name}`")),
        }
    })
}

fn registered(context: &Context, op: &Operation, done: &Registered, openings: &[PathBuf]) -> Result<(), Failure> {
    let l = context.lang;
    let (changed, receipt) = (&done.changed, &done.receipt);
    let mut rows = vec![
        (l.pick("已登记", "registered"), op.summary(l.is_chinese())),
        (l.pick("登记簿条目", "entry"), changed.entry.to_string()),
    ];
    if !changed.certificate.is_empty() {
        rows.push((l.pick("证书、证明号", "certificate"), changed.certificate.clone()));
    }
    if changed.burden > 0 {
        rows.push((l.pick("负担编号", "burden"), changed.burden.to_string()));
    }
    rows.push((l.pick("交易", "transaction"), receipt.transaction.to_string()));
    rows.push((l.pick("区块高度", "block"), receipt.height.to_string()));
    for opening in openings {
        let keep = l.pick("（请妥善保管）", "(keep it)");
        rows.push((l.pick("开示文件", "opening"), format!("{} {keep}", opening.display())));
    }
    let json = json!({
        "operation": op, "event": hnchain_types::realty::event_json(changed), "transaction": receipt.transaction,
        "height": receipt.height, "index": receipt.index,
        "openings": openings.iter().map(|p| path_json(p)).collect::<Vec<Value>>(),
    });
    context.print(&fields(rows), &json)
}

/// A time for people, or that there is none.
fn until(context: &Context, ms: Option<u64>) -> String {
    ms.map_or_else(|| context.lang.pick("无期限", "no end").to_owned(), moment::rfc3339)
}
