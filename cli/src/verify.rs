//! `verify`: the verdict of an offline verification, for people and for machines.
//!
//! The steps of [`hnchain_proof::verify`] come first; four more are the caller's wishes: `subject` (the proof is
//! of the record that was expected), `document` (the document in hand
//! is the one that was recorded), `age` (certified recently enough) and `active` (exists and is not revoked).

use crate::args::Verify;
use crate::context::{Context, fields, path_json, plain};
use crate::failure::Failure;
use crate::records::{self, KeptOpening};
use crate::{files, genesis, moment, rows};
use hnchain_proof::{Bundle, Certified, JSON_BYTES, Opening, ProofError, Status, Verdict};
use hnchain_types::genesis::Genesis;
use std::time::Duration;

/// A certified time this far ahead of our clock is a wrong clock somewhere: with `--max-age` it is refused.
const AHEAD_MS: u64 = 120_000;

/// Step that compares the document in hand.
const DOCUMENT: (&str, &str) = ("document", "原件");

/// What failed: step, code and both texts.
struct Refusal {
    step: &'static str,
    step_zh: &'static str,
    code: &'static str,
    en: String,
    zh: String,
}

/// What is known of the document in hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DocumentCheck {
    NotAsked,
    Matches,
}

/// `verify`.
///
/// # Errors
/// The proof does not hold (the verdict is printed), or a file cannot be used.
pub(crate) fn verify(context: &Context, args: &Verify) -> Result<(), Failure> {
    let trust = genesis::load(&args.trust).map_err(Failure::into_usage)?;
    let document = args.document.as_deref().map(records::document).transpose()?;
    let opening = args.opening.as_deref().map(records::read_opening).transpose()?;
    let bytes = files::read(&args.file, JSON_BYTES)?;
    let bundle = Bundle::from_json(&bytes);
    if let Ok(bundle) = &bundle
        && bundle.record_key().is_none()
        && rows::is_row(bundle.key())
    {
        return rows::verify(context, args, &trust, bundle);
    }
    let outcome = bundle.and_then(|bundle| hnchain_proof::verify(&bundle, &trust));
    let verdict = match outcome {
        Ok(verdict) => verdict,
        Err(e) => return refused(context, args, &trust, None, &Refusal::from(&e)),
    };
    if let Some(key) = &args.row {
        let (en, zh) =
            (format!("the proof is of a record, not of the row {key}"), format!("该证明针对存证记录，不是 {key}"));
        return refused(context, args, &trust, Some(&verdict), &Refusal::new(("subject", "对象"), "ROW_OTHER", en, zh));
    }
    if let Err(refusal) = check_subject(args, &verdict) {
        return refused(context, args, &trust, Some(&verdict), &refusal);
    }
    if let Err(refusal) = opening.as_ref().map_or(Ok(()), |kept| check_kept(kept, &verdict)) {
        return refused(context, args, &trust, Some(&verdict), &refusal);
    }
    let now_ms = moment::now_ms()?;
    let checked = check_document(args, &verdict, document.as_deref(), opening.map(|kept| kept.opening))?
        .and_then(|document| check_age(args, &verdict, now_ms).map(|()| document))
        .and_then(|document| check_active(args, &verdict).map(|()| document));
    match checked {
        Ok(document) => accepted(context, args, &trust, &verdict, document),
        Err(refusal) => refused(context, args, &trust, Some(&verdict), &refusal),
    }
}

impl From<&ProofError> for Refusal {
    fn from(e: &ProofError) -> Self {
        let step = e.step();
        Self { step: step.as_str(), step_zh: step.zh(), code: e.code(), en: e.message(), zh: e.message_zh() }
    }
}

impl Refusal {
    fn new(
        step: (&'static str, &'static str),
        code: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self { step: step.0, step_zh: step.1, code, en: en.into(), zh: zh.into() }
    }
}

/// The name of a bundle's file says nothing about its content.
fn check_subject(args: &Verify, verdict: &Verdict) -> Result<(), Refusal> {
    match &args.record {
        Some(wanted) if (wanted.namespace(), wanted.id()) != (&verdict.namespace, &verdict.id) => {
            let (found, wanted) = (named(&verdict.namespace, &verdict.id), named(wanted.namespace(), wanted.id()));
            Err(Refusal::new(
                ("subject", "对象"),
                "RECORD_OTHER",
                format!("the proof is of {found}, not of {wanted}"),
                format!("证明的是 {found}，不是 {wanted}"),
            ))
        }
        _ => Ok(()),
    }
}

/// A commitment can be copied into another record; the opening file says of which it is.
fn check_kept(kept: &KeptOpening, verdict: &Verdict) -> Result<(), Refusal> {
    if (&kept.namespace, &kept.id) == (&verdict.namespace, &verdict.id) {
        return Ok(());
    }
    let (found, of) = (named(&verdict.namespace, &verdict.id), named(&kept.namespace, &kept.id));
    Err(Refusal::new(
        DOCUMENT,
        "DOCUMENT_OTHER_RECORD",
        format!("the opening file is of {of}, the proof is of {found}"),
        format!("开示文件属于 {of}，证明的是 {found}"),
    ))
}

fn named(namespace: &str, id: &str) -> String {
    format!("{namespace}/{id}")
}

fn check_document(
    args: &Verify,
    verdict: &Verdict,
    document: Option<&[u8]>,
    given: Option<Opening>,
) -> Result<Result<DocumentCheck, Refusal>, Failure> {
    const STEP: (&str, &str) = DOCUMENT;
    let (Some(document), Some(path)) = (document, &args.document) else { return Ok(Ok(DocumentCheck::NotAsked)) };
    let shown = path.display();
    let Some(record) = &verdict.record else {
        return Ok(Err(Refusal::new(
            STEP,
            "DOCUMENT_NO_RECORD",
            "there is no record that the document could be",
            "该记录不存在，无从核对原件",
        )));
    };
    if record.batch_size > 0 {
        return Ok(Err(Refusal::new(
            STEP,
            "DOCUMENT_BATCH",
            format!("the record is of a batch of {}, not of a single document", record.batch_size),
            format!("该记录是 {} 份文件的批量承诺，不是单个原件", record.batch_size),
        )));
    }
    let Some(opening) = given.or(verdict.opening) else {
        return Err(Failure::usage(
            "OPENING_MISSING",
            "the proof encloses no opening, so the document cannot be checked",
            "证明包未附开示信息，无法核对原件",
        )
        .hint(
            "ask the holder for the opening and pass it with --opening FILE",
            "请向持有人索取开示文件，并以 --opening 指定",
        ));
    };
    if !opening.opens(&record.commitment) {
        return Ok(Err(Refusal::new(
            STEP,
            "DOCUMENT_OPENING",
            format!("the opening given does not open the commitment of version {}", record.version),
            format!("所给开示文件与第 {} 版的承诺不符", record.version),
        )));
    }
    if !opening.is_of(document) {
        return Ok(Err(Refusal::new(
            STEP,
            "DOCUMENT_DIFFERS",
            format!("{shown} is not the document that was recorded: its digest does not open the commitment"),
            format!("{shown} 不是所登记的原件：其摘要与链上承诺不符"),
        )));
    }
    Ok(Ok(DocumentCheck::Matches))
}

fn check_age(args: &Verify, verdict: &Verdict, now_ms: u64) -> Result<(), Refusal> {
    let Some(max) = args.max_age else { return Ok(()) };
    let found = age(verdict.certified.time_ms, max, now_ms);
    found.map_or(Ok(()), |(code, en, zh)| Err(Refusal::new(("age", "时效"), code, en, zh)))
}

/// Why a certified time does not suit the one who asks: code, English, Chinese.
pub(crate) fn age(time_ms: u64, max: Duration, now_ms: u64) -> Option<(&'static str, String, String)> {
    let max_ms = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
    let age = now_ms.saturating_sub(time_ms);
    if time_ms.saturating_sub(now_ms) > AHEAD_MS {
        return Some((
            "PROOF_AHEAD",
            "the proof was certified later than this machine's clock shows: one of the clocks is wrong".to_owned(),
            "证明的确认时间晚于本机时钟，请校准时钟".to_owned(),
        ));
    }
    (age > max_ms).then(|| {
        let (age, max) = (moment::span(age), moment::span(max_ms));
        (
            "PROOF_OLD",
            format!("certified {age} ago, at most {max} is allowed: fetch a newer proof"),
            format!("确认于 {age} 之前，超过允许的 {max}，请取得新的证明"),
        )
    })
}

fn check_active(args: &Verify, verdict: &Verdict) -> Result<(), Refusal> {
    const STEP: (&str, &str) = ("active", "有效性");
    match &verdict.record {
        _ if !args.require_active => Ok(()),
        Some(r) if r.status == Status::Active => Ok(()),
        Some(_) => Err(Refusal::new(STEP, "RECORD_REVOKED", "the record was revoked", "该记录已撤销")),
        None => Err(Refusal::new(STEP, "RECORD_ABSENT", "there is no such record", "该记录不存在")),
    }
}

/// What the proof says of the record, in a few words.
pub(crate) fn status(context: &Context, verdict: &Verdict) -> String {
    match &verdict.record {
        Some(r) => records::status_text(context, r),
        None => context.lang.pick("不存在", "DOES NOT EXIST").to_owned(),
    }
}

const fn status_code(verdict: &Verdict) -> &'static str {
    match &verdict.record {
        Some(r) if matches!(r.status, Status::Active) => "active",
        Some(_) => "revoked",
        None => "absent",
    }
}

fn accepted(
    context: &Context,
    args: &Verify,
    trust: &Genesis,
    verdict: &Verdict,
    document: DocumentCheck,
) -> Result<(), Failure> {
    let l = context.lang;
    let mut rows = finding(context, trust, verdict);
    rows.push((l.pick("原件", "document"), document_text(context, verdict, document)));
    rows.extend(trusted(context, args, trust));
    // The first line alone must not mislead: a proof can be about the end of a record, and an old one knows no later end.
    let then = moment::both(verdict.certified.time_ms);
    let active = (
        format!("✔ 证明有效：截至 {then}，记录有效"),
        format!("✔ The proof holds: the record was active as of {then}"),
    );
    let headline = match status_code(verdict) {
        "active" => l.pick(&active.0, &active.1),
        "revoked" => l.pick("✘ 记录已撤销（证明有效）", "✘ The record was REVOKED (the proof holds)"),
        _ => l.pick("✘ 记录不存在（证明有效）", "✘ The record DOES NOT EXIST (the proof holds)"),
    };
    let text = format!("{headline}\n\n{}", fields(rows));
    let mut json = json(args, trust, verdict);
    json["valid"] = true.into();
    json["document_matches"] = (document == DocumentCheck::Matches).then_some(true).into();
    context.print(&text, &json)
}

fn refused(
    context: &Context,
    args: &Verify,
    trust: &Genesis,
    verdict: Option<&Verdict>,
    refusal: &Refusal,
) -> Result<(), Failure> {
    let l = context.lang;
    let mut rows = vec![
        (
            l.pick("未通过的步骤", "failed step"),
            l.pick(&format!("{}（{}）", refusal.step_zh, refusal.step), refusal.step).to_owned(),
        ),
        (l.pick("原因", "why"), plain(l.pick(&refusal.zh, &refusal.en))),
        (l.pick("代码", "code"), refusal.code.to_owned()),
    ];
    // The chain's proof may hold while the document, its age or its status does not suit: say what was found.
    if let Some(verdict) = verdict {
        rows.extend(finding(context, trust, verdict));
    }
    rows.extend(trusted(context, args, trust));
    let text = format!("{}\n\n{}", l.pick("✘ 不予认可", "✘ Refused: do not rely on it"), fields(rows));
    let mut json = verdict.map_or_else(|| base_json(args, trust), |v| json(args, trust, v));
    json["valid"] = false.into();
    json["step"] = refusal.step.into();
    json["code"] = refusal.code.into();
    json["message"] = refusal.en.clone().into();
    json["message_zh"] = refusal.zh.clone().into();
    context.print(&text, &json)?;
    Err(Failure::printed())
}

/// What, which status, as of when, signed by whom.
fn finding<'a>(context: &Context, trust: &Genesis, v: &Verdict) -> Vec<(&'a str, String)> {
    let l = context.lang;
    let mut rows = match &v.record {
        Some(record) => {
            let mut rows = records::record_rows(context, record);
            if let Some((_, organization)) =
                rows.iter_mut().find(|(label, _)| *label == l.pick("登记机构", "written by"))
            {
                *organization = organization_name(trust, &record.organization);
            }
            rows
        }
        None => vec![
            (l.pick("记录", "record"), format!("{}/{}", plain(&v.namespace), plain(&v.id))),
            (l.pick("状态", "status"), l.pick("不存在", "DOES NOT EXIST").to_owned()),
        ],
    };
    rows.extend(certified(context, trust, &v.certified));
    rows
}

/// As of when, and signed by whom.
pub(crate) fn certified<'a>(context: &Context, trust: &Genesis, v: &Certified) -> Vec<(&'a str, String)> {
    let l = context.lang;
    let mut rows = Vec::new();
    rows.push((
        l.pick("截至", "as of"),
        format!("{}, {} {}", moment::both(v.time_ms), l.pick("区块", "block"), v.height),
    ));
    rows.push((l.pick("区块哈希", "block hash"), v.block.to_string()));
    let total = v.validators;
    rows.push((
        l.pick("签名", "signed by"),
        match l {
            crate::lang::Lang::Zh => {
                format!("{total} 个验证节点中的 {} 个（至少须 {} 个）", v.signers.len(), v.quorum)
            }
            crate::lang::Lang::En => {
                format!("{} of {total} validators ({} are needed)", v.signers.len(), v.quorum)
            }
        },
    ));
    if v.epoch_changes > 0 {
        let said = match l {
            crate::lang::Lang::Zh => format!("验证者自创世以来更换 {} 次，逐次核实", v.epoch_changes),
            crate::lang::Lang::En => {
                format!("{} changes of validators since the genesis, each verified", v.epoch_changes)
            }
        };
        rows.push((l.pick("任期", "epoch"), format!("{} — {said}", v.epoch)));
    }
    rows.extend(v.signers.iter().map(|s| ("", format!("{} {}", s.index, organization_name(trust, &s.organization)))));
    rows
}

pub(crate) fn trusted<'a>(context: &Context, args: &Verify, trust: &Genesis) -> Vec<(&'a str, String)> {
    let l = context.lang;
    let d = trust.document();
    vec![
        (l.pick("信任依据", "trusting"), format!("{} — {} ({})", args.trust.display(), plain(&d.name), d.chain_id)),
        (l.pick("创世摘要", "genesis digest"), trust.digest().to_string()),
    ]
}

fn document_text(context: &Context, verdict: &Verdict, document: DocumentCheck) -> String {
    let l = context.lang;
    match (document, verdict.opening) {
        (DocumentCheck::Matches, _) => l.pick("与登记内容一致", "is the one that was recorded").to_owned(),
        (DocumentCheck::NotAsked, Some(o)) => {
            let digest = o.document_digest;
            let (zh, en) = (
                format!("未核对（其 SM3 摘要须为 {digest}；可加 --document）"),
                format!("not checked (its SM3 must be {digest}; see --document)"),
            );
            l.pick(&zh, &en).to_owned()
        }
        (DocumentCheck::NotAsked, None) => l.pick("未核对", "not checked").to_owned(),
    }
}

fn organization_name(trust: &Genesis, id: &str) -> String {
    match trust.document().organizations.iter().find(|o| o.id == id) {
        Some(o) => format!("{} ({})", plain(&o.name), o.id),
        None => plain(id),
    }
}

fn base_json(args: &Verify, trust: &Genesis) -> serde_json::Value {
    let d = trust.document();
    serde_json::json!({
        "file": path_json(&args.file),
        "trust": {"file": path_json(&args.trust), "chain_id": d.chain_id, "name": d.name, "genesis_digest": trust.digest()},
    })
}

fn json(args: &Verify, trust: &Genesis, v: &Verdict) -> serde_json::Value {
    let mut json = base_json(args, trust);
    json["status"] = status_code(v).into();
    json["as_of"] = moment::rfc3339(v.certified.time_ms).into();
    json["verdict"] = serde_json::json!(v);
    if let Some(o) = &v.opening {
        json["document_digest"] = o.document_digest.to_string().into();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use hnchain_crypto::Digest;
    use hnchain_types::{BlockHash, Epoch, Height, StateRoot, View};

    fn verdict(time_ms: u64) -> Verdict {
        Verdict {
            certified: Certified {
                chain_id: "henan-test".to_owned(),
                height: Height(9),
                epoch: Epoch(0),
                view: View(9),
                time_ms,
                block: BlockHash(Digest::ZERO),
                state_root: StateRoot(Digest::ZERO),
                signers: Vec::new(),
                validators: 4,
                quorum: 3,
                epoch_changes: 0,
            },
            namespace: "certificate".to_owned(),
            id: "a".to_owned(),
            record: None,
            opening: None,
        }
    }

    fn args(max_age: Option<Duration>) -> Verify {
        Verify {
            file: "p".into(),
            trust: "g".into(),
            record: None,
            row: None,
            document: None,
            opening: None,
            max_age,
            require_active: false,
        }
    }

    #[test]
    fn age_is_measured_from_the_certified_time() {
        let a = args(Some(Duration::from_secs(600)));
        let at = 1_800_000_000_000;
        assert!(check_age(&a, &verdict(at), at + 600_000).is_ok());
        assert_eq!(check_age(&a, &verdict(at), at + 600_001).err().map(|r| r.code), Some("PROOF_OLD"));
        assert!(check_age(&a, &verdict(at + AHEAD_MS), at).is_ok(), "clocks differ a little");
        assert_eq!(check_age(&a, &verdict(at + AHEAD_MS + 1), at).err().map(|r| r.code), Some("PROOF_AHEAD"));
        assert!(check_age(&args(None), &verdict(0), at).is_ok());
    }

    /// A writer may put any 32 bytes under a batch: the commitment of one document there is not a record of it.
    #[test]
    fn a_batch_is_not_a_document() {
        let opening = Opening::of(b"document", [1; 16]);
        let record = |batch_size| hnchain_proof::Record {
            key: hnchain_types::transaction::RecordKey::new("certificate", "a").expect("valid"),
            version: 1,
            commitment: opening.commitment(),
            batch_size,
            status: Status::Active,
            organization: "henan".to_owned(),
            height: Height(1),
            time_ms: 1,
            transaction: hnchain_types::TxId(Digest::ZERO),
            previous: None,
            reason: None,
        };
        let a = Verify { document: Some("d".into()), ..args(None) };
        let check = |batch_size| {
            let v = Verdict { record: Some(record(batch_size)), ..verdict(1) };
            let outcome = check_document(&a, &v, Some(b"document"), Some(opening)).expect("checked");
            outcome.err().map(|r| r.code)
        };
        assert_eq!(check(0), None);
        assert_eq!(check(1000), Some("DOCUMENT_BATCH"));
    }

    #[test]
    fn an_absent_record_is_not_active() {
        let a = Verify { require_active: true, ..args(None) };
        assert_eq!(check_active(&a, &verdict(1)).err().map(|r| r.code), Some("RECORD_ABSENT"));
        assert!(check_active(&args(None), &verdict(1)).is_ok());
    }
}
