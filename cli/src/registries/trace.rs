//! 农产品溯源: `trace …`.

use crate::context::{Context, fields, plain, table};
use crate::failure::Failure;
use crate::records::chain_id;
use crate::{files, keys, moment};
use hnchain_sdk::Signer;
use hnchain_sdk::trace::Traces;
use hnchain_types::proto;
use hnchain_types::trace::lineage::{RecallStatus, balances, recall_of};
use hnchain_types::trace::{Act, Batch, BatchId, Event, EventKind, Operation, Step, action_names, event_json};
use hnchain_types::transaction::{Outcome, Receipt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) mod args;
mod draw;
pub(crate) mod help;
mod tree;

use args::{Document, TraceCommand};

/// Largest document.
const DOCUMENT_BYTES: usize = 1 << 20;

/// `trace …`.
///
/// # Errors
/// Unreadable files, a refusal, or no node answered.
pub(crate) async fn trace(context: &Context, command: &TraceCommand) -> Result<(), Failure> {
    use TraceCommand as C;
    match command {
        C::Commission(d) => submit(context, d, |v| act(v, Act::Commission)).await,
        C::Input(d) => submit(context, d, |v| act(v, Act::Input)).await,
        C::Harvest(d) => submit(context, d, |v| act(v, Act::Harvest)).await,
        C::Inspect(d) => submit(context, d, |v| act(v, Act::Inspect)).await,
        C::Certify(d) => submit(context, d, |v| act(v, Act::Certify)).await,
        C::Aggregate(d) => submit(context, d, |v| act(v, Act::Aggregate)).await,
        C::Disaggregate(d) => submit(context, d, |v| act(v, Act::Disaggregate)).await,
        C::Ship(d) => submit(context, d, |v| act(v, Act::Ship)).await,
        C::Receive(d) => submit(context, d, |v| act(v, Act::Receive)).await,
        C::Sell(d) => submit(context, d, |v| act(v, Act::Sell)).await,
        C::Recall(d) => submit(context, d, |v| act(v, Act::Recall)).await,
        C::Return(d) => submit(context, d, |v| act(v, Act::Return)).await,
        C::Destroy(d) => submit(context, d, |v| act(v, Act::Destroy)).await,
        C::Split(d) => submit(context, d, |v| serde_json::from_value(v).map(Operation::Split)).await,
        C::Transform(d) => submit(context, d, |v| serde_json::from_value(v).map(Operation::Transform)).await,
        C::Show { batch } => show(context, batch).await,
        C::History { batch } => history(context, batch).await,
        C::Ancestors(args) => tree::ancestors(context, args).await,
        C::Descendants(args) => tree::descendants(context, args).await,
    }
}

/// The fields of an act with the batch beside them.
fn act<A: DeserializeOwned>(document: Value, kind: impl Fn(A) -> Act) -> Result<Operation, serde_json::Error> {
    use serde::de::Error;
    let Value::Object(mut fields) = document else { return Err(Error::custom("an object is needed")) };
    let batch = fields.remove("batch").ok_or_else(|| Error::missing_field("batch"))?;
    let batch: BatchId = serde_json::from_value(batch)?;
    let act = kind(serde_json::from_value(Value::Object(fields))?);
    Ok(Step { batch, act }.into())
}

/// One operation, or an array of them.
fn operations(
    text: &str,
    read: impl Fn(Value) -> Result<Operation, serde_json::Error>,
) -> Result<Vec<Operation>, serde_json::Error> {
    match serde_json::from_str(text)? {
        Value::Array(all) => all.into_iter().map(read).collect(),
        one => Ok(vec![read(one)?]),
    }
}

async fn submit(
    context: &Context,
    args: &Document,
    read: impl Fn(Value) -> Result<Operation, serde_json::Error>,
) -> Result<(), Failure> {
    let text = files::read_text(&args.file, DOCUMENT_BYTES)?;
    let operations = operations(&text, read).map_err(|e| document_failure(&args.file, &e))?;
    let key = keys::open(context, &args.key)?;
    let client = context.client()?;
    let signer = Signer::new(key, &chain_id(&client, &args.chain).await?);
    let signed = signer.trace(&operations).map_err(|e| Failure::from(e).into_usage())?;
    let receipt = {
        let _progress = context.progress("已提交，等待最终确认", "submitted, waiting until it is final");
        client.submit_and_wait(&signed, context.timeout).await?
    };
    settled(context, &receipt)
}

fn document_failure(path: &Path, error: &serde_json::Error) -> Failure {
    Failure::usage("TRACE_DOCUMENT", error.to_string(), format!("文档有误：{error}"))
        .named(path)
        .hint("the form is in the command's --help", "格式见该命令的 --help")
}

fn settled(context: &Context, receipt: &Receipt) -> Result<(), Failure> {
    let l = context.lang;
    let events = match &receipt.outcome {
        Outcome::Accepted(events) => events.as_slice(),
        Outcome::Rejected(_) => &[],
    };
    let changed = |e: &proto::Event| match &e.kind {
        Some(proto::event::Kind::Trace(m)) => Some(event_json(m)),
        _ => None,
    };
    let events: Vec<Value> = events.iter().filter_map(changed).collect();
    let cell = |e: &Value, name: &str| plain(e[name].as_str().unwrap_or_default());
    let rows =
        events.iter().map(|e| vec![cell(e, "batch"), cell(e, "action"), e["event"].to_string(), cell(e, "state")]);
    let head = [l.pick("批次", "batch"), l.pick("操作", "action"), l.pick("事件", "event"), l.pick("状态", "state")];
    let text = format!(
        "{}\n{}",
        fields([
            (l.pick("交易", "transaction"), receipt.transaction.to_string()),
            (l.pick("区块高度", "block"), receipt.height.to_string()),
        ]),
        table(&head, rows.collect())
    );
    context.print(&text, &json!({ "transaction": receipt.transaction, "height": receipt.height, "events": events }))
}

/// Whether a batch is recalled; its ancestors are asked for only where something was recalled since its last event.
async fn recall_status(traces: &Traces<'_>, batch: &Batch) -> Result<RecallStatus, Failure> {
    let count = traces.recalls().await?;
    match recall_of(batch, Some(count), &BTreeMap::new()) {
        RecallStatus::Needs(_) => Ok(traces.ancestry(&batch.id).await?.recall),
        known => Ok(known),
    }
}

fn recall_text(context: &Context, status: &RecallStatus) -> String {
    let l = context.lang;
    match status {
        RecallStatus::Clear => l.pick("未召回", "not recalled").to_owned(),
        RecallStatus::By(id) => {
            format!("{} {}", l.pick("已召回！因批次", "RECALLED, because of"), plain(&id.to_string()))
        }
        RecallStatus::Needs(id) => format!("{} {}", l.pick("未知，缺批次", "unknown without"), plain(&id.to_string())),
    }
}

async fn show(context: &Context, id: &BatchId) -> Result<(), Failure> {
    let client = context.client()?;
    let traces = client.trace(context.timeout);
    let answer = traces.batch(id).await?;
    let recall = recall_status(&traces, &answer.value).await?;
    let (l, b) = (context.lang, &answer.value);
    let none = || l.pick("无", "none").to_owned();
    let inspection = b.inspection.as_ref().map_or_else(none, |i| {
        let verdict = if i.passed { l.pick("合格", "passed") } else { l.pick("不合格", "FAILED") };
        format!("{verdict} {} {}", plain(&i.organization), moment::rfc3339(i.time_ms))
    });
    let state = if l.is_chinese() { b.state.name_zh().to_owned() } else { b.state.to_string() };
    let state = b.to.as_ref().map_or(state.clone(), |to| format!("{state} → {}", plain(to)));
    let rows = [
        (l.pick("批次", "batch"), plain(&b.id.to_string())),
        (l.pick("产品", "product"), plain(&b.product)),
        (l.pick("状态", "state"), state),
        (l.pick("召回", "recall"), recall_text(context, &recall)),
        (l.pick("数量", "quantity"), b.quantity.to_string()),
        (l.pick("余量", "remaining"), b.rest().to_string()),
        (l.pick("制造", "made by"), plain(&b.maker)),
        (l.pick("持有", "held by"), plain(&b.custodian)),
        (l.pick("所在", "place"), b.place.division.to_string()),
        (l.pick("检验", "inspection"), inspection),
        (l.pick("合格证", "certificate"), b.certificate.map_or_else(none, |d| d.to_string())),
        (l.pick("容器", "container"), b.container.as_deref().map_or_else(none, plain)),
        (
            l.pick("上级批次", "parents"),
            plain(&b.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        ),
        (l.pick("全部上级", "ancestors"), b.ancestors.to_string()),
        (l.pick("直接下级", "children"), b.children.to_string()),
        (l.pick("事件", "events"), b.events.to_string()),
        (l.pick("最近变更", "changed"), format!("{} {}", plain(&b.organization), moment::both(b.time_ms))),
        (
            l.pick("节点高度", "read at"),
            format!("{} {}", answer.height, l.pick("（节点所述，未经证明）", "(one node's word)")),
        ),
    ];
    let recalled_by = if let RecallStatus::By(by) = &recall { Some(by) } else { None };
    let json = json!({ "batch": b, "recalled_by": recalled_by, "height": answer.height, "proven": false });
    context.print(&fields(rows), &json)
}

async fn history(context: &Context, id: &BatchId) -> Result<(), Failure> {
    let client = context.client()?;
    let traces = client.trace(context.timeout);
    let answer = traces.batch(id).await?;
    let events = traces.history(&answer.value).await?;
    let balanced = balances(&answer.value, &events);
    let l = context.lang;
    let head = ["#", l.pick("时间", "at"), l.pick("操作", "action"), l.pick("机构", "by"), l.pick("内容", "what")];
    let name = |e: &Event| {
        let (zh, en) = action_names(e.action());
        l.pick(zh, en).to_owned()
    };
    let row = |e: &Event| {
        let what = plain(&detail(context, &e.kind));
        vec![e.number.to_string(), moment::rfc3339(e.time_ms), name(e), plain(&e.organization), what]
    };
    let verdict = if balanced {
        l.pick("数量平衡，余量", "the quantities balance; left:")
    } else {
        l.pick("数量不平衡！所记余量", "THE QUANTITIES DO NOT BALANCE; said to be left:")
    };
    let text = format!("{}\n{verdict} {}", table(&head, events.iter().map(row).collect()), answer.value.rest());
    let json = json!({
        "batch": id, "events": events, "complete": true, "balanced": balanced, "remaining": answer.value.rest(),
        "height": answer.height, "proven": false,
    });
    context.print(&text, &json)?;
    if balanced { Ok(()) } else { Err(Failure::printed()) }
}

/// What is worth knowing of an event in a line.
fn detail(context: &Context, kind: &EventKind) -> String {
    let l = context.lang;
    match kind {
        EventKind::Made(m) => m.quantity.to_string(),
        EventKind::Used(u) => match &u.loss {
            Some(loss) => format!("−{} ({} {loss}) → {}", u.taken, l.pick("损耗", "loss"), u.children),
            None => format!("−{} → {}", u.taken, u.children),
        },
        EventKind::Act(act) => match act {
            Act::Commission(c) => format!("{} {} {}", c.product, c.quantity, c.place.division),
            Act::Input(i) => format!("{} {} {}", i.product, l.pick("安全间隔期（天）", "safety days"), i.safety_days),
            Act::Harvest(h) => h.quantity.to_string(),
            Act::Inspect(i) if i.passed => format!("{} {}", l.pick("合格", "passed"), i.report),
            Act::Inspect(i) => format!("{} {}", l.pick("不合格", "FAILED"), i.report),
            Act::Certify(c) => c.certificate.to_string(),
            Act::Aggregate(a) => a.container.clone(),
            Act::Disaggregate(_) => String::new(),
            Act::Ship(s) => format!("→ {}", s.to),
            Act::Receive(r) => r.place.division.to_string(),
            Act::Sell(s) => format!("−{}", s.quantity),
            Act::Recall(r) => r.reason.clone(),
            Act::Return(r) => format!("→ {} {}", r.to, r.reason),
            Act::Destroy(d) => d.reason.clone(),
        },
    }
}
