//! What a node reports of units: `realty show`, `realty title`, `realty held`.

use super::until;
use crate::context::{Context, fields, plain, table};
use crate::failure::Failure;
use crate::moment;
use hnchain_crypto::Digest;
use hnchain_sdk::UnitAnswer;
use hnchain_types::codes::UnitCode;
use hnchain_types::realty::{BurdenState, Entry, Terms, Unit, ViewedBurden};
use serde_json::{Value, json};

/// `realty show`.
pub(super) async fn unit(context: &Context, code: &UnitCode) -> Result<(), Failure> {
    let client = context.client()?;
    let answer = {
        let _progress = context.progress("正在查询", "asking");
        client.realty().unit(code).await?
    };
    let json = json!({
        "unit": answer.view.unit, "burdens": answer.view.burdens, "as_of_ms": answer.view.time_ms,
        "as_of": moment::rfc3339(answer.view.time_ms), "read_at_height": answer.height, "endpoint": answer.endpoint,
        "proven": false,
    });
    context.print(&unit_text(context, &answer), &json)
}

fn unit_text(context: &Context, answer: &UnitAnswer) -> String {
    let (l, view) = (context.lang, &answer.view);
    let unit = &view.unit;
    let mut text = fields(unit_rows(context, answer));
    let holders = unit
        .title
        .holders
        .iter()
        .map(|h| vec![h.commitment.to_string(), h.share.map_or_else(|| "-".to_owned(), |s| s.to_string())]);
    let head = if view.exists() {
        l.pick("权利人（承诺）", "holder (commitment)")
    } else {
        l.pick("原权利人（承诺）", "last holder (commitment)")
    };
    text.push('\n');
    text.push_str(&table(&[head, l.pick("份额", "share")], holders.collect()));
    text.push('\n');
    if view.burdens.is_empty() {
        text.push_str(l.pick("无抵押、查封、预告、异议及用益物权", "no mortgage, seal, notice, objection or interest"));
        return text;
    }
    let head = [
        l.pick("编号", "number"),
        l.pick("负担", "burden"),
        l.pick("状态", "state"),
        l.pick("权利人或法院", "party or court"),
        l.pick("证明号", "certificate"),
        l.pick("登记时间", "registered"),
    ];
    text.push_str(&table(&head, view.burdens.iter().map(|b| burden_row(context, b)).collect()));
    text
}

fn unit_rows<'a>(context: &Context, answer: &UnitAnswer) -> Vec<(&'a str, String)> {
    let (l, view) = (context.lang, &answer.view);
    let unit: &Unit = &view.unit;
    let word = |zh: &str, en: &str| l.pick(zh, en).to_owned();
    let sealed = if view.sealed().is_some() { word("（查封中）", " (SEALED)") } else { String::new() };
    let state = format!("{}{sealed}", word(unit.status.name_zh(), unit.status.as_str()));
    let mut held = word(unit.title.co_ownership.name_zh(), unit.title.co_ownership.as_str());
    if unit.title.all_must_agree {
        held.push_str(l.pick("（处分须全体同意）", " (all must agree)"));
    }
    vec![
        (l.pick("不动产单元", "unit"), unit.code.to_string()),
        (l.pick("状态", "status"), state),
        (l.pick("权利", "right"), word(unit.right.name_zh(), unit.right.as_str())),
        (l.pick("用途", "use"), plain(&unit.usage)),
        (l.pick("共有方式", "held"), held),
        (l.pick("不动产权证号", "certificate"), unit.certificate.to_string()),
        (l.pick("登记次数", "entries"), unit.entries.to_string()),
        (l.pick("截至", "as of"), moment::both(view.time_ms)),
        (
            l.pick("来源", "source"),
            format!("{} @ {} {}", answer.endpoint, answer.height, l.pick("（未经证明）", "(unproven)")),
        ),
    ]
}

fn burden_row(context: &Context, viewed: &ViewedBurden) -> Vec<String> {
    let (l, burden) = (context.lang, &viewed.burden);
    let kind = match burden.terms {
        Terms::Interest { right, .. } => l.pick(right.name_zh(), right.as_str()).to_owned(),
        Terms::Mortgage { transfer_forbidden: true } => {
            l.pick("抵押（约定不得转让）", "mortgage (transfer forbidden)").to_owned()
        }
        _ => l.pick(burden.kind().name_zh(), burden.kind().as_str()).to_owned(),
    };
    let state = match viewed.now {
        BurdenState::Effective { until_ms } => {
            format!("{} {}", l.pick("有效，至", "in force, until"), until(context, until_ms))
        }
        BurdenState::Waiting { before } => format!("{} {before}", l.pick("轮候，其前", "waiting behind")),
        BurdenState::Lapsed { .. } => l.pick("失效", "lapsed").to_owned(),
        BurdenState::Released { .. } => l.pick("已注销", "released").to_owned(),
    };
    vec![
        burden.number.to_string(),
        kind,
        state,
        burden.party.map_or_else(|| plain(&burden.organization), |p| p.to_string()),
        burden.certificate.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        moment::rfc3339(burden.time_ms),
    ]
}

/// `realty title`.
pub(super) async fn title(context: &Context, code: &UnitCode, after: u32, most: u32) -> Result<(), Failure> {
    let client = context.client()?;
    let page = {
        let _progress = context.progress("正在查询", "asking");
        client.realty().title(code, after, most).await?
    };
    if page.entries.is_empty() && after == 0 {
        return Err(Failure::invalid(
            "UNIT_NOT_FOUND",
            format!("unit {code} was never registered, or the node does not know it"),
            format!("不动产单元 {code} 从未登记，或该节点未知"),
        ));
    }
    let l = context.lang;
    let head = [
        l.pick("编号", "entry"),
        l.pick("登记类型", "registration"),
        l.pick("内容", "what"),
        l.pick("证书、证明号", "certificate"),
        l.pick("登记机构", "by"),
        l.pick("时间", "at"),
        l.pick("更正", "corrected by"),
    ];
    let mut text = table(&head, page.entries.iter().map(|e| entry_row(context, e)).collect());
    if let Some(last) = page.entries.last().filter(|_| page.more) {
        text.push_str(&format!("\n{} --after {}", l.pick("还有更多：", "there are more:"), last.number));
    }
    let entries: Vec<Value> = page.entries.iter().map(entry_json).collect();
    let json = json!({
        "unit": code, "entries": entries, "more": page.more, "read_at_height": page.height, "linked": true,
        "proven": false,
    });
    context.print(&text, &json)
}

fn entry_json(entry: &Entry) -> Value {
    let mut json = json!(entry);
    json["hash"] = json!(entry.hash());
    json["time"] = moment::rfc3339(entry.time_ms).into();
    json
}

fn entry_row(context: &Context, entry: &Entry) -> Vec<String> {
    let l = context.lang;
    vec![
        entry.number.to_string(),
        format!("{} {}", entry.registration.code(), l.pick(entry.registration.name_zh(), entry.registration.as_str())),
        what(context, entry),
        entry.certificate.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        plain(&entry.organization),
        moment::rfc3339(entry.time_ms),
        entry.corrected_by.map(|n| n.to_string()).unwrap_or_default(),
    ]
}

/// What an entry did, in a few words.
fn what(context: &Context, entry: &Entry) -> String {
    let l = context.lang;
    let mut parts = Vec::new();
    if let Some(right) = entry.right {
        parts.push(l.pick(right.name_zh(), right.as_str()).to_owned());
    }
    if let Some(title) = &entry.title {
        let word = l.pick(title.co_ownership.name_zh(), title.co_ownership.as_str());
        parts.push(format!("{word} {}", title.holders.len()));
    }
    if let Some(usage) = &entry.usage {
        parts.push(plain(usage));
    }
    match entry.burden {
        Some(b) if b.number != entry.number => {
            parts.push(format!("{} {}", l.pick(b.kind.name_zh(), b.kind.as_str()), b.number));
        }
        _ => {}
    }
    if let Some(n) = entry.corrects {
        parts.push(format!("{} {n}", l.pick("更正第", "corrects")));
    }
    if let Some(reason) = &entry.reason {
        parts.push(plain(reason));
    }
    parts.join(l.pick("，", ", "))
}

/// `realty held`.
pub(super) async fn held(context: &Context, who: &Digest, after: Option<&UnitCode>, most: u32) -> Result<(), Failure> {
    let client = context.client()?;
    let page = {
        let _progress = context.progress("正在查询", "asking");
        client.realty().held_by(who, after, most).await?
    };
    let l = context.lang;
    let mut text = if page.units.is_empty() {
        l.pick("该承诺名下没有不动产", "this commitment holds nothing").to_owned()
    } else {
        let rows = page.units.iter().map(|h| vec![h.unit.to_string(), h.since.to_string()]);
        table(&[l.pick("不动产单元", "unit"), l.pick("自条目", "since entry")], rows.collect())
    };
    if let Some(last) = page.units.last().filter(|_| page.more) {
        text.push_str(&format!("\n{} --after {}", l.pick("还有更多：", "there are more:"), last.unit));
    }
    let units: Vec<Value> = page.units.iter().map(|h| json!({"unit": h.unit, "since_entry": h.since})).collect();
    let json = json!({
        "holder": who, "units": units, "more": page.more, "read_at_height": page.height, "proven": false,
    });
    context.print(&text, &json)
}
