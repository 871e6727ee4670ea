//! `prove`: fetch a bundle for others to verify.

use crate::args::Prove;
use crate::context::{Context, fields, path_json};
use crate::failure::Failure;
use crate::files::{self, Access, Existing};
use crate::{genesis, records, rows, verify};
use hnchain_proof::{Bundle, JSON_BYTES};
use std::path::Path;

/// `prove`.
///
/// # Errors
/// No node answered, the opening is of something else, or the proof does not hold under `--trust`.
pub(crate) async fn prove(context: &Context, args: &Prove) -> Result<(), Failure> {
    // Everything that can be wrong here is found before a node is asked.
    let trust = args.trust.as_deref().map(genesis::load).transpose().map_err(Failure::into_usage)?;
    let opening = args.opening.as_deref().map(records::read_opening).transpose()?;
    args.out.as_deref().map(replaceable).transpose()?;
    let (namespace, id) = match (&args.namespace, &args.id, &args.row) {
        (_, _, Some(key)) => return rows::prove(context, key, args.out.as_deref(), args.trust.as_deref()).await,
        (Some(namespace), Some(id), None) => (namespace, id),
        _ => return Err(Failure::usage("PROVE_WHAT", "name a record or a row", "请指定记录或行")),
    };
    if let Some(kept) = &opening
        && (&kept.namespace, &kept.id) != (namespace, id)
    {
        let of = format!("{}/{}", kept.namespace, kept.id);
        return Err(Failure::usage(
            "OPENING_OTHER_RECORD",
            format!("the opening file is of {of}, not of {namespace}/{id}"),
            format!("开示文件属于 {of}，不是 {namespace}/{id}"),
        ));
    }
    let client = context.client()?;
    let bundle = {
        let _progress = context.progress("正在取得证明", "fetching the proof");
        match &opening {
            Some(kept) => client.prove_with_opening(namespace, id, &kept.opening).await?,
            None => client.prove(namespace, id).await?,
        }
    };
    let verdict = match &trust {
        Some(genesis) => Some(hnchain_proof::verify(&bundle, genesis).map_err(|e| {
            Failure::invalid(
                e.code(),
                format!("the node's proof does not hold: {e}"),
                format!("节点给出的证明无效：{}", e.message_zh()),
            )
            .hint("ask another node with --endpoint", "请用 --endpoint 换一个节点")
        })?),
        None => None,
    };
    let bytes = bundle.to_json();
    let Some(out) = &args.out else { return context.raw(&bytes) };
    files::write(out, &bytes, Access::Everybody, Existing::Replace)?;
    let l = context.lang;
    let mut rows = vec![
        (l.pick("证明文件", "proof"), out.display().to_string()),
        (l.pick("记录", "record"), format!("{namespace}/{id}")),
        (l.pick("含开示", "opening"), l.pick(yes_zh(opening.is_some()), yes_en(opening.is_some())).to_owned()),
    ];
    let mut json = serde_json::json!({
        "file": path_json(out), "namespace": namespace, "id": id, "bytes": bytes.len(), "opening": opening.is_some(),
        "verified": verdict.is_some(),
    });
    match &verdict {
        Some(v) => {
            rows.push((l.pick("状态", "status"), verify::status(context, v)));
            json["verdict"] = serde_json::json!(v);
        }
        None => rows.push((l.pick("下一步", "next"), format!("hnchain verify {} --trust genesis.json", out.display()))),
    }
    context.print(&fields(rows), &json)
}

/// Only an older proof is replaced: a key or a document under the name given is a slip of the hand.
fn replaceable(out: &Path) -> Result<(), Failure> {
    if out.symlink_metadata().is_err() {
        return Ok(());
    }
    match files::read(out, JSON_BYTES) {
        Ok(old) if Bundle::from_json(&old).is_ok() => Ok(()),
        _ => Err(files::exists(out)),
    }
}

const fn yes_zh(yes: bool) -> &'static str {
    if yes { "是" } else { "否" }
}

const fn yes_en(yes: bool) -> &'static str {
    if yes { "enclosed" } else { "not enclosed" }
}
