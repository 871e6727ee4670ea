//! Records: `anchor`, `revoke`, `get`.

use crate::args::{Anchor, ChainId, RecordName, Revoke};
use crate::context::{Context, fields, path_json, plain};
use crate::failure::{Exit, Failure};
use crate::files::{self, Access, Existing};
use crate::{keys, moment};
use hnchain_crypto::Digest;
use hnchain_proof::commitment::SALT_BYTES;
use hnchain_proof::{Opening, Record, Status};
use hnchain_sdk::{Client, Draft, Error, Signer};
use hnchain_types::TxId;
use hnchain_types::transaction::{Receipt, Transaction};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Largest document: it is read whole.
const DOCUMENT_BYTES: usize = 1 << 30;
/// Largest opening file.
const OPENING_BYTES: usize = 16 * 1024;
/// What an opening file says of itself.
const OPENING_FORMAT: &str = "hnopening/1";

/// What the holder keeps with the document: `*.hnopening.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpeningFile {
    format: String,
    chain_id: String,
    namespace: String,
    id: String,
    version: u64,
    transaction: TxId,
    commitment: Digest,
    salt: String,
    document_digest: Digest,
}

/// `anchor`.
///
/// # Errors
/// Unreadable files, a wrong password, a refusal, or no node in time. Only a refusal removes the opening again.
pub(crate) async fn anchor(context: &Context, args: &Anchor) -> Result<(), Failure> {
    let document = document(&args.file)?;
    let key = keys::open(context, &args.key)?;
    let client = context.client()?;
    let progress = context.progress("正在连接节点", "asking a node");
    let signer = Signer::new(key, &chain_id(&client, &args.chain).await?);
    let draft = signer.draft(&args.record.namespace, &args.record.id, args.record_version, &document);
    let draft = draft.map_err(|e| Failure::from(e).into_usage())?;
    let path = args.opening_out.clone().unwrap_or_else(|| default_opening(&args.file, args.record_version));
    write_opening(&path, &signer, args, &draft)?;
    progress.say("已提交，等待最终确认", "submitted, waiting until it is final");
    let started = Instant::now();
    match client.submit_and_wait(&draft.transaction, context.timeout).await {
        Ok(receipt) => {
            drop(progress);
            anchored(context, args, &draft, &receipt, &path, started.elapsed().as_millis())
        }
        Err(e) => {
            drop(progress);
            Err(abandon(e, &path))
        }
    }
}

/// A refused transaction cannot become final, so its opening opens nothing. Any other failure keeps it.
pub(crate) fn abandon(error: Error, opening: &Path) -> Failure {
    let refused = match &error {
        Error::Refused(r) => !r.uncertain,
        Error::Rejected(_) | Error::Invalid(_) => true,
        _ => false,
    };
    let failure = Failure::from(error);
    if !refused {
        let shown = opening.display();
        return failure.also(
            format!("keep {shown}: the record may still become final"),
            format!("请保留 {shown}：该记录仍可能成为最终"),
        );
    }
    match std::fs::remove_file(opening) {
        Ok(()) => failure,
        Err(e) => failure.also(
            format!("{} could not be removed ({e}); it opens nothing", opening.display()),
            format!("未能删除 {}（{e}），该文件已无用", opening.display()),
        ),
    }
}

fn anchored(
    context: &Context,
    args: &Anchor,
    draft: &Draft,
    receipt: &Receipt,
    opening: &Path,
    ms: u128,
) -> Result<(), Failure> {
    let l = context.lang;
    let text = fields([
        (l.pick("已存证", "anchored"), format!("{}/{}", args.record.namespace, args.record.id)),
        (l.pick("版本", "version"), args.record_version.to_string()),
        (l.pick("承诺", "commitment"), draft.commitment.to_string()),
        (l.pick("交易", "transaction"), receipt.transaction.to_string()),
        (l.pick("区块高度", "block"), receipt.height.to_string()),
        (l.pick("用时", "took"), format!("{ms} ms")),
        (
            l.pick("开示文件", "opening"),
            format!("{} {}", opening.display(), l.pick("（请与原件一同保管）", "(keep it with the document)")),
        ),
    ]);
    let json = serde_json::json!({
        "namespace": args.record.namespace, "id": args.record.id, "version": args.record_version,
        "commitment": draft.commitment, "transaction": receipt.transaction, "height": receipt.height,
        "index": receipt.index, "opening_file": path_json(opening), "took_ms": u64::try_from(ms).unwrap_or(u64::MAX),
    });
    context.print(&text, &json)
}

/// `revoke`.
///
/// # Errors
/// As [`anchor`]; or there is no record to revoke.
pub(crate) async fn revoke(context: &Context, args: &Revoke) -> Result<(), Failure> {
    let key = keys::open(context, &args.key)?;
    let client = context.client()?;
    let progress = context.progress("正在连接节点", "asking a node");
    let RecordName { namespace, id } = &args.record;
    let version = match args.record_version {
        Some(version) => version,
        None => match client.record(namespace, id).await?.record {
            Some(record) => record.version.saturating_add(1),
            None => return Err(no_record(namespace, id)),
        },
    };
    let signer = Signer::new(key, &chain_id(&client, &args.chain).await?);
    let signed: Result<Transaction, Error> = signer.revoke(namespace, id, version, &args.reason);
    let transaction = signed.map_err(|e| Failure::from(e).into_usage())?;
    progress.say("已提交，等待最终确认", "submitted, waiting until it is final");
    let receipt = client.submit_and_wait(&transaction, context.timeout).await?;
    drop(progress);
    let l = context.lang;
    let text = fields([
        (l.pick("已撤销", "revoked"), format!("{namespace}/{id}")),
        (l.pick("版本", "version"), version.to_string()),
        (l.pick("交易", "transaction"), receipt.transaction.to_string()),
        (l.pick("区块高度", "block"), receipt.height.to_string()),
    ]);
    let json = serde_json::json!({
        "namespace": namespace, "id": id, "version": version, "reason": args.reason,
        "transaction": receipt.transaction, "height": receipt.height, "index": receipt.index,
    });
    context.print(&text, &json)
}

/// `get`.
///
/// # Errors
/// There is no such record, or no node answered.
pub(crate) async fn get(context: &Context, name: &RecordName) -> Result<(), Failure> {
    let client = context.client()?;
    let answer = {
        let _progress = context.progress("正在查询", "asking");
        client.record(&name.namespace, &name.id).await?
    };
    let Some(record) = answer.record else { return Err(no_record(&name.namespace, &name.id)) };
    let l = context.lang;
    let mut rows = record_rows(context, &record);
    rows.push((
        l.pick("来源", "source"),
        format!(
            "{} @ {} {}",
            answer.endpoint,
            answer.height,
            l.pick("（未经证明；可用 hnchain prove 取得证明）", "(unproven; see hnchain prove)")
        ),
    ));
    let json = serde_json::json!({
        "record": record_json(&record), "read_at_height": answer.height, "endpoint": answer.endpoint, "proven": false,
    });
    context.print(&fields(rows), &json)
}

fn no_record(namespace: &str, id: &str) -> Failure {
    Failure::invalid(
        "RECORD_NOT_FOUND",
        format!("there is no record {namespace}/{id}"),
        format!("没有记录 {namespace}/{id}"),
    )
    .hint(
        "check --namespace and --id; to prove its absence use hnchain prove",
        "请检查 --namespace 与 --id；如需证明其不存在，请用 hnchain prove",
    )
}

/// A record for people.
pub(crate) fn record_rows<'a>(context: &Context, r: &Record) -> Vec<(&'a str, String)> {
    let l = context.lang;
    let mut rows = vec![
        (l.pick("记录", "record"), format!("{}/{}", r.key.namespace(), r.key.id())),
        (l.pick("状态", "status"), status_text(context, r)),
        (l.pick("版本", "version"), r.version.to_string()),
        (l.pick("登记机构", "written by"), plain(&r.organization)),
        (
            l.pick("登记时间", "written at"),
            format!("{}, {} {}", moment::both(r.time_ms), l.pick("区块", "block"), r.height),
        ),
        (l.pick("承诺", "commitment"), r.commitment.to_string()),
        (l.pick("交易", "transaction"), r.transaction.to_string()),
    ];
    if r.batch_size > 0 {
        rows.insert(3, (l.pick("批量", "batch"), r.batch_size.to_string()));
    }
    rows
}

/// Status for people, with the reason of a revocation.
pub(crate) fn status_text(context: &Context, r: &Record) -> String {
    match r.status {
        Status::Active => context.lang.pick("有效", "active").to_owned(),
        Status::Revoked => {
            format!("{}{}", context.lang.pick("已撤销：", "REVOKED: "), plain(r.reason.as_deref().unwrap_or_default()))
        }
    }
}

/// A record for machines.
pub(crate) fn record_json(r: &Record) -> serde_json::Value {
    let mut json = serde_json::json!(r);
    json["time"] = moment::rfc3339(r.time_ms).into();
    json
}

/// A document that is named on the command line.
///
/// # Errors
/// Unreadable, or beyond a gibibyte.
pub(crate) fn document(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, DOCUMENT_BYTES)
}

pub(crate) async fn chain_id(client: &Client, given: &ChainId) -> Result<String, Failure> {
    match &given.chain_id {
        Some(id) => Ok(id.clone()),
        None => Ok(client.status().await?.chain_id),
    }
}

fn default_opening(file: &Path, version: u64) -> PathBuf {
    // Bytes as they are: two names that are not Unicode must not become one.
    let mut name = match file.file_name() {
        Some(name) if file != Path::new("-") => name.to_owned(),
        _ => "stdin".into(),
    };
    name.push(if version == 1 { ".hnopening.json".to_owned() } else { format!(".v{version}.hnopening.json") });
    file.with_file_name(name)
}

fn write_opening(path: &Path, signer: &Signer, args: &Anchor, draft: &Draft) -> Result<(), Failure> {
    let file = OpeningFile {
        format: OPENING_FORMAT.to_owned(),
        chain_id: signer.chain_id().to_owned(),
        namespace: args.record.namespace.clone(),
        id: args.record.id.clone(),
        version: args.record_version,
        transaction: draft.transaction.id(),
        commitment: draft.commitment,
        salt: draft.opening.salt.iter().map(|b| format!("{b:02x}")).collect(),
        document_digest: draft.opening.document_digest,
    };
    let text = format!("{:#}\n", serde_json::json!(file));
    files::write(path, text.as_bytes(), Access::Owner, Existing::Refuse).map_err(|e| {
        if e.code() == "FILE_EXISTS" {
            e.hint(
                "an earlier anchor of this file may need it: name another file with --opening-out",
                "它可能属于此前的存证；请用 --opening-out 另选文件名",
            )
        } else {
            e
        }
    })
}

/// What an opening file holds.
pub(crate) struct KeptOpening {
    /// The record that it is of.
    pub(crate) namespace: String,
    pub(crate) id: String,
    pub(crate) opening: Opening,
}

/// Reads an opening file and checks it against its own commitment.
///
/// # Errors
/// Unreadable, not an opening, or damaged.
pub(crate) fn read_opening(path: &Path) -> Result<KeptOpening, Failure> {
    let text = files::read_text(path, OPENING_BYTES)?;
    let damaged = |why: String| {
        Failure::new(Exit::Usage, "OPENING_FILE", format!("not an opening file: {why}"), format!("不是开示文件：{why}"))
            .named(path)
    };
    let file: OpeningFile = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
    if file.format != OPENING_FORMAT {
        return Err(damaged(format!("format {:?}", plain(&file.format))));
    }
    let salt =
        salt(&file.salt).ok_or_else(|| damaged(format!("salt: {} hexadecimal digits are needed", 2 * SALT_BYTES)))?;
    let opening = Opening { salt, document_digest: file.document_digest };
    if opening.opens(&file.commitment) {
        Ok(KeptOpening { namespace: file.namespace, id: file.id, opening })
    } else {
        Err(damaged("salt and digest do not give its commitment".to_owned()))
    }
}

fn salt(hex: &str) -> Option<[u8; SALT_BYTES]> {
    if hex.len() != 2 * SALT_BYTES || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut salt = [0u8; SALT_BYTES];
    for (byte, at) in salt.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_opening_file() {
        let names = [1, 2].map(|v| default_opening(Path::new("in/licence.json"), v).display().to_string());
        assert_eq!(names, ["in/licence.json.hnopening.json", "in/licence.json.v2.hnopening.json"]);
    }

    #[test]
    fn a_document_from_standard_input_has_an_opening_file_with_a_plain_name() {
        assert_eq!(default_opening(Path::new("-"), 1), Path::new("stdin.hnopening.json"));
    }

    #[test]
    fn names_that_are_not_unicode_keep_their_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let name = |bytes: &'static [u8]| default_opening(Path::new(std::ffi::OsStr::from_bytes(bytes)), 1);
        assert_eq!(name(b"d/\xff").as_os_str().as_bytes(), b"d/\xff.hnopening.json");
        assert_ne!(name(b"d/\xff"), name(b"d/\xfe"));
    }

    #[test]
    fn salts_are_exactly_32_digits() {
        assert_eq!(salt("000102030405060708090a0b0c0d0e0f").map(|s| s[15]), Some(15));
        for wrong in ["", "00", "+00102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0g"] {
            assert_eq!(salt(wrong), None, "{wrong}");
        }
    }
}
