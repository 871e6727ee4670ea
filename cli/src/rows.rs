//! Proofs of rows that are no records: certificates, units, batches, members. Fetched by key, verified like any proof.

use crate::args::Verify;
use crate::context::{Context, fields, path_json, plain};
use crate::failure::Failure;
use crate::files::{self, Access, Existing};
use crate::{genesis, moment, verify};
use hnchain_proof::{Bundle, RowVerdict, verify_row};
use hnchain_types::Height;
use hnchain_types::credential::Status;
use hnchain_types::genesis::Genesis;
use hnchain_types::realty::{BurdenKind, Unit, UnitStatus};
use hnchain_types::rows::Row;
use hnchain_types::trace::{Batch, State};
use serde_json::{Value, json};
use std::path::Path;

/// What a verified row says.
struct Finding {
    row: Option<Row>,
    /// What it is as of the certified time, in Chinese and English.
    status: (String, String),
    /// Whether it is in force; `None` where this row alone cannot tell.
    in_force: Option<bool>,
}

/// Whether a key is of a row that people ask about.
pub(crate) fn is_row(key: &str) -> bool {
    const BEGINNINGS: [&str; 9] = [
        "certificate/",
        "certificate-history/",
        "certificate-type/",
        "realty/",
        "trace/",
        "org/",
        "signer/",
        "governance/",
        "evidence/",
    ];
    BEGINNINGS.iter().any(|b| key.starts_with(b))
}

/// `prove --row`.
///
/// # Errors
/// No node answered, or the proof does not hold under the genesis.
pub(crate) async fn prove(
    context: &Context,
    key: &str,
    out: Option<&Path>,
    trust: Option<&Path>,
) -> Result<(), Failure> {
    let trust = trust.map(genesis::load).transpose().map_err(Failure::into_usage)?;
    let client = context.client()?;
    let bundle = {
        let _progress = context.progress("正在取得证明", "fetching the proof");
        client.prove_row(key, Height(0)).await?
    };
    let verified = match &trust {
        Some(genesis) => Some(judge(&bundle, genesis)?),
        None => None,
    };
    let bytes = bundle.to_json();
    let Some(out) = out else { return context.raw(&bytes) };
    files::write(out, &bytes, Access::Everybody, Existing::Replace)?;
    let l = context.lang;
    let mut rows = vec![(l.pick("证明文件", "proof"), out.display().to_string()), (l.pick("键", "key"), plain(key))];
    let mut json = json!({"file": path_json(out), "key": key, "bytes": bytes.len(), "verified": verified.is_some()});
    match &verified {
        Some((_, finding)) => {
            rows.push((l.pick("状态", "status"), l.pick(&finding.status.0, &finding.status.1).to_owned()));
            json["row"] = json!(finding.row);
        }
        None => rows.push((l.pick("下一步", "next"), format!("hnchain verify {} --trust genesis.json", out.display()))),
    }
    context.print(&fields(rows), &json)
}

fn judge(bundle: &Bundle, trust: &Genesis) -> Result<(RowVerdict, Finding), Failure> {
    let verdict = verify_row(bundle, trust).map_err(|e| {
        Failure::invalid(
            e.code(),
            format!("the node's proof does not hold: {e}"),
            format!("节点给出的证明无效：{}", e.message_zh()),
        )
        .hint("ask another node with --endpoint", "请用 --endpoint 换一个节点")
    })?;
    let finding = find(&verdict).map_err(|e| Failure::invalid(e.code(), e.to_string(), e.message_zh()))?;
    Ok((verdict, finding))
}

/// `verify` of a proof that is of no record.
///
/// # Errors
/// The proof does not hold or the row is not in force where that is asked (the verdict is printed).
pub(crate) fn verify(context: &Context, args: &Verify, trust: &Genesis, bundle: &Bundle) -> Result<(), Failure> {
    if args.record.is_some() || args.document.is_some() || args.opening.is_some() {
        return Err(Failure::usage(
            "PROOF_OF_ROW",
            format!("the proof is of {}, which is no record: --record and --document do not apply", bundle.key()),
            format!("该证明针对 {}，不是存证记录：--record 与 --document 不适用", bundle.key()),
        ));
    }
    let verdict = match verify_row(bundle, trust) {
        Ok(verdict) => verdict,
        Err(e) => return refused(context, args, e.code(), (&e.message(), &e.message_zh()), None),
    };
    let finding = match find(&verdict) {
        Ok(finding) => finding,
        Err(e) => return refused(context, args, e.code(), (&e.to_string(), &e.message_zh()), None),
    };
    if let Some(wanted) = args.row.as_ref().filter(|wanted| **wanted != verdict.key) {
        let (en, zh) = (
            format!("the proof is of {}, not of {wanted}", verdict.key),
            format!("证明的是 {}，不是 {wanted}", verdict.key),
        );
        return refused(context, args, "ROW_OTHER", (&en, &zh), Some((&verdict, &finding)));
    }
    let stale = match args.max_age {
        Some(max) => verify::age(verdict.certified.time_ms, max, moment::now_ms()?),
        None => None,
    };
    if let Some((code, en, zh)) = stale {
        return refused(context, args, code, (&en, &zh), Some((&verdict, &finding)));
    }
    if args.require_active && finding.in_force != Some(true) {
        let (zh, en) = &finding.status;
        return refused(context, args, "ROW_NOT_IN_FORCE", (en, zh), Some((&verdict, &finding)));
    }
    let l = context.lang;
    let then = moment::both(verdict.certified.time_ms);
    let mark = match finding.in_force {
        Some(true) => "✔",
        Some(false) => "✘",
        None => "△",
    };
    let (zh, en) = &finding.status;
    let (zh, en) =
        (format!("{mark} 证明有效：截至 {then}，{zh}"), format!("{mark} The proof holds: as of {then}, {en}"));
    let headline = l.pick(&zh, &en);
    let json = described(&verdict, &finding, true);
    let mut rows = told(context, trust, &verdict, &finding);
    rows.extend(verify::trusted(context, args, trust));
    context.print(&format!("{headline}\n\n{}", fields(rows)), &json)
}

fn refused(
    context: &Context,
    args: &Verify,
    code: &str,
    (en, zh): (&str, &str),
    found: Option<(&RowVerdict, &Finding)>,
) -> Result<(), Failure> {
    let l = context.lang;
    let rows = vec![
        (l.pick("文件", "file"), args.file.display().to_string()),
        (l.pick("原因", "why"), plain(l.pick(zh, en))),
        (l.pick("代码", "code"), code.to_owned()),
    ];
    let text = format!("{}\n\n{}", l.pick("✘ 不予认可", "✘ Refused: do not rely on it"), fields(rows));
    let mut json = found.map_or_else(|| json!({}), |(verdict, finding)| described(verdict, finding, false));
    json["valid"] = false.into();
    json["code"] = code.into();
    json["message"] = en.into();
    json["message_zh"] = zh.into();
    context.print(&text, &json)?;
    Err(Failure::printed())
}

fn described(verdict: &RowVerdict, finding: &Finding, valid: bool) -> Value {
    json!({
        "valid": valid, "key": verdict.key, "exists": finding.row.is_some(), "in_force": finding.in_force,
        "status": finding.status.1, "as_of": moment::rfc3339(verdict.certified.time_ms), "row": finding.row,
        "certified": verdict.certified,
    })
}

/// Reads the row and says what it is at the certified time.
fn find(verdict: &RowVerdict) -> Result<Finding, hnchain_types::DecodeError> {
    let Some(raw) = &verdict.row else {
        return Ok(Finding {
            row: None,
            status: ("不存在".to_owned(), "DOES NOT EXIST".to_owned()),
            in_force: Some(false),
        });
    };
    let row = Row::decode(&verdict.key, raw)?;
    let older = verdict.key.starts_with("certificate-history/");
    let (status, in_force) = match &row {
        Row::Credential(c) if older => {
            let text = (
                format!("历史版本 {}，非现行", c.sequence),
                format!("row {} of its history, not the present one", c.sequence),
            );
            (text, Some(false))
        }
        Row::Credential(c) => {
            let status = c.status_at(verdict.certified.time_ms);
            ((status.name_zh().to_owned(), status.to_string()), Some(status == Status::Valid))
        }
        Row::Unit(u) => (unit_status(u), Some(u.status == UnitStatus::Registered)),
        Row::Batch(b) => batch_status(b),
        // Whether these are in force, other rows and times say.
        _ => (
            ("已登记，是否有效请看其内容".to_owned(), "on record; whether it is in force, its content says".to_owned()),
            None,
        ),
    };
    Ok(Finding { row: Some(row), status, in_force })
}

/// A unit with what stands in the way of disposing of it. Some of the burdens may have lapsed: their rows say so.
fn unit_status(unit: &Unit) -> (String, String) {
    let (mut zh, mut en) = (unit.status.name_zh().to_owned(), unit.status.to_string());
    for kind in BurdenKind::ALL {
        let open = unit.open(*kind);
        if !open.is_empty() {
            zh.push_str(&format!("，{} {} 项", kind.name_zh(), open.len()));
            en.push_str(&format!(", {kind} × {}", open.len()));
        }
    }
    (zh, en)
}

/// A batch is recalled with any of its ancestors, which this row only names.
fn batch_status(batch: &Batch) -> ((String, String), Option<bool>) {
    let (zh, en) = (batch.state.name_zh().to_owned(), batch.state.to_string());
    if batch.recalled.is_some() {
        return ((format!("已召回（{zh}）"), format!("RECALLED ({en})")), Some(false));
    }
    if !matches!(batch.state, State::Growing | State::Active | State::Shipped) {
        return ((zh, en), Some(false));
    }
    if batch.parents.is_empty() {
        return ((zh, en), Some(true));
    }
    let said = (
        format!("{zh}；自身未被召回，其上级批次须另行核验（hnchain trace ancestors）"),
        format!("{en}; not recalled itself, but its ancestors have to be checked too (hnchain trace ancestors)"),
    );
    (said, None)
}

fn told<'a>(context: &Context, trust: &Genesis, verdict: &RowVerdict, finding: &Finding) -> Vec<(&'a str, String)> {
    let l = context.lang;
    let mut rows = vec![(l.pick("键", "key"), plain(&verdict.key))];
    if let Some(row) = &finding.row {
        let (zh, en) = row.kind();
        rows.push((l.pick("类别", "kind"), l.pick(zh, en).to_owned()));
        if let Ok(Value::Object(members)) = serde_json::to_value(row) {
            rows.extend(members.into_iter().filter(|(_, v)| !v.is_null()).map(|(name, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                ("", plain(&format!("{name}: {text}")))
            }));
        }
    }
    rows.extend(verify::certified(context, trust, &verdict.certified));
    rows
}
