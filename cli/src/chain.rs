//! What nodes say about the chain: `status`, `tx`, `block`, `receipt`.

use crate::args;
use crate::changes;
use crate::context::{Context, fields, plain, table, times};
use crate::failure::{Exit, Failure};
use crate::lang::Lang;
use crate::moment;
use hnchain_crypto::{Digest, PublicKey};
use hnchain_sdk::{Client, Error, NodeStatus, TransactionState};
use hnchain_types::block::FinalizedBlock;
use hnchain_types::transaction::{Operation, Outcome, Receipt, Transaction};
use hnchain_types::{Height, TxId, proto};
use serde_json::{Value, json};
use std::io::IsTerminal;

/// Most transactions that are listed for people; `--json` has all.
const LISTED: usize = 20;

/// `status`.
///
/// # Errors
/// No node answered at all.
pub(crate) async fn status(context: &Context, args: &args::Status) -> Result<(), Failure> {
    let client = context.client()?;
    if !args.watch {
        return status_once(context, &client).await;
    }
    let screen = std::io::stdout().is_terminal() && !context.json;
    loop {
        let ask = async {
            if screen {
                context.raw(b"\x1b[2J\x1b[H")?;
            }
            match status_once(context, &client).await {
                // Nodes come back: go on watching.
                Err(e) if e.exit == Exit::Unreachable => Ok(()),
                other => other,
            }?;
            tokio::time::sleep(args.interval).await;
            Ok::<(), Failure>(())
        };
        tokio::select! {
            outcome = ask => outcome?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

async fn status_once(context: &Context, client: &Client) -> Result<(), Failure> {
    let answers = client.statuses().await;
    let rows = answers.iter().map(|(endpoint, answer)| status_row(context, endpoint, answer)).collect();
    let head = if context.lang == Lang::Zh {
        ["节点", "角色", "链", "高度", "视图", "最新区块时间", "对等节点", "待处理", "放弃视图", "版本"]
    } else {
        ["node", "role", "chain", "height", "view", "newest block", "peers", "queued", "nullified", "version"]
    };
    let json: Vec<_> = answers.iter().map(|(endpoint, answer)| status_json(endpoint, answer)).collect();
    let reached = answers.iter().filter(|(_, a)| a.is_ok()).count();
    let mut text = table(&head, rows);
    for error in answers.iter().filter_map(|(_, answer)| answer.as_ref().err()) {
        text.push_str(&format!("\n{}", plain(context.lang.pick(&error.message_zh(), &error.to_string()))));
    }
    text.push_str(&divergence(context, &answers));
    context.print(&text, &json!({"nodes": json, "reached": reached, "asked": answers.len()}))?;
    if reached == 0 {
        let mut failure = Failure::printed();
        failure.exit = Exit::Unreachable;
        return Err(failure);
    }
    Ok(())
}

fn status_row(context: &Context, endpoint: &str, answer: &Result<NodeStatus, Error>) -> Vec<String> {
    match answer {
        Ok(s) => {
            let role = match s.validator {
                Some(index) => format!("{} {index}", context.lang.pick("验证", "validator")),
                None => context.lang.pick("观察", "observer").to_owned(),
            };
            let height = if s.network_height > s.height {
                format!("{} / {}", s.height, s.network_height)
            } else {
                s.height.to_string()
            };
            let connected = s.peers.iter().filter(|p| p.connected).count();
            vec![
                endpoint.to_owned(),
                role,
                plain(&s.chain_id),
                height,
                s.view.to_string(),
                moment::rfc3339(s.time_ms),
                format!("{connected}/{}", s.peers.len()),
                s.mempool_transactions.to_string(),
                s.nullified_views.to_string(),
                plain(&s.version),
            ]
        }
        Err(_) => {
            let mut row = vec![endpoint.to_owned(), context.lang.pick("无应答", "no answer").to_owned()];
            row.resize(10, String::new());
            row
        }
    }
}

/// Nodes of different chains in one list are a mistake that a table hides.
fn divergence(context: &Context, answers: &[(String, Result<NodeStatus, Error>)]) -> String {
    let chains: std::collections::BTreeSet<_> =
        answers.iter().filter_map(|(_, a)| a.as_ref().ok()).map(|s| s.genesis).collect();
    if chains.len() < 2 {
        return String::new();
    }
    let list = chains.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
    format!(
        "\n{}\n  {list}\n",
        context.lang.pick(
            "注意：这些节点属于不同的链（创世摘要）：",
            "Note: these nodes belong to different chains (genesis digests):"
        )
    )
}

fn status_json(endpoint: &str, answer: &Result<NodeStatus, Error>) -> Value {
    match answer {
        Ok(s) => {
            let peers: Vec<_> = s
                .peers
                .iter()
                .map(|p| json!({"public_key": p.public_key, "address": p.address, "connected": p.connected}))
                .collect();
            json!({
                "endpoint": endpoint, "reached": true, "chain_id": s.chain_id, "genesis": s.genesis, "version": s.version,
                "epoch": s.epoch, "view": s.view, "height": s.height, "network_height": s.network_height,
                "block": s.block, "time_ms": s.time_ms, "time": moment::rfc3339(s.time_ms), "state_root": s.state_root,
                "validator": s.validator, "peers": peers, "mempool_transactions": s.mempool_transactions,
                "mempool_bytes": s.mempool_bytes, "nullified_views": s.nullified_views,
            })
        }
        Err(e) => json!({
            "endpoint": endpoint, "reached": false,
            "error": {"code": e.code(), "message": e.to_string(), "message_zh": e.message_zh()},
        }),
    }
}

/// `tx`.
///
/// # Errors
/// Unknown transaction, or no node answered.
pub(crate) async fn tx(context: &Context, args: &args::Tx) -> Result<(), Failure> {
    let client = context.client()?;
    let l = context.lang;
    let (name, transaction, receipt) = match client.transaction(&args.id).await? {
        TransactionState::Unknown => return Err(unknown(&args.id)),
        TransactionState::Pending(t) => ("pending", t, None),
        TransactionState::Final { transaction, receipt } => ("final", transaction, Some(receipt)),
    };
    let state = if receipt.is_some() { l.pick("最终", "final") } else { l.pick("待处理", "pending") };
    let mut rows =
        vec![(l.pick("交易", "transaction"), args.id.to_string()), (l.pick("状态", "state"), state.to_owned())];
    if let Some(t) = &transaction {
        rows.extend(transaction_rows(context, t));
    }
    if let Some(r) = &receipt {
        rows.extend(receipt_rows(context, r));
    }
    let json = json!({
        "id": args.id, "state": name, "transaction": transaction.as_ref().map(transaction_json),
        "receipt": receipt.as_ref().map(receipt_json),
    });
    context.print(&fields(rows), &json)
}

fn unknown(id: &TxId) -> Failure {
    Failure::invalid("TRANSACTION_UNKNOWN", format!("the node knows no transaction {id}"), format!("节点没有交易 {id}"))
        .hint(
            "it was never handed in, or it expired before it was included; another node may know more (--endpoint)",
            "该交易可能从未提交，或在入块前已过期；也可用 --endpoint 询问其他节点",
        )
}

/// `receipt`: exit code 0 only for an accepted transaction.
///
/// # Errors
/// Rejected, not final, or no node answered.
pub(crate) async fn receipt(context: &Context, args: &args::Receipt) -> Result<(), Failure> {
    let client = context.client()?;
    let receipt = if args.wait {
        let _progress = context.progress("等待最终确认", "waiting until it is final");
        client.wait(&args.id, context.timeout).await?
    } else {
        match client.transaction(&args.id).await? {
            TransactionState::Unknown => return Err(unknown(&args.id)),
            TransactionState::Pending(_) => {
                return Err(Failure::invalid("TRANSACTION_PENDING", "it is not final yet", "该交易尚未最终确认")
                    .hint("pass --wait to wait for it", "可加 --wait 等待"));
            }
            TransactionState::Final { receipt, .. } => receipt,
        }
    };
    let mut rows = vec![(context.lang.pick("交易", "transaction"), receipt.transaction.to_string())];
    rows.extend(receipt_rows(context, &receipt));
    context.print(&fields(rows), &receipt_json(&receipt))?;
    if receipt.accepted() { Ok(()) } else { Err(Failure::printed()) }
}

/// `block`.
///
/// # Errors
/// No such block, or no node answered.
pub(crate) async fn block(context: &Context, args: &args::Block) -> Result<(), Failure> {
    let client = context.client()?;
    let block = client.block(Height(args.height)).await?;
    let l = context.lang;
    let h = &block.block.header;
    let certificate = match &block.certificate {
        Some(c) => c.votes.iter().map(|(i, _)| i.to_string()).collect::<Vec<_>>().join(", "),
        None => l.pick("由后继区块的证书确认", "by a descendant's certificate").to_owned(),
    };
    let count = block.block.transactions.len();
    let mut rows = vec![
        (l.pick("区块", "block"), h.height.to_string()),
        (l.pick("哈希", "hash"), h.hash().to_string()),
        (l.pick("时间", "time"), moment::both(h.time_ms)),
        (l.pick("任期.视图", "epoch.view"), format!("{}.{}", h.epoch, h.view)),
        (l.pick("父区块", "parent"), h.parent.to_string()),
        (l.pick("状态根", "state root"), block.result.state_root.to_string()),
        (l.pick("确认者", "certified by"), certificate),
        (l.pick("跳过的视图", "skipped views"), block.block.skips.len().to_string()),
        (l.pick("交易数", "transactions"), count.to_string()),
    ];
    let entries = transactions(&block);
    rows.extend(entries.iter().take(LISTED).map(|(id, outcome, _)| ("", format!("{id} {outcome}"))));
    if count > LISTED {
        let more = count - LISTED;
        let en = format!("and {} more, see --json", times(more, "transaction", "transactions"));
        rows.push(("", l.pick(&format!("另有 {more} 笔，见 --json"), &en).to_owned()));
    }
    context.print(&fields(rows), &block_json(&block, entries))
}

/// Id, outcome and JSON of each transaction of a block.
fn transactions(block: &FinalizedBlock) -> Vec<(String, String, Value)> {
    let pairs = block.block.transactions.iter().zip(&block.receipts);
    pairs
        .map(|(raw, receipt)| {
            let receipt = Receipt::decode(receipt);
            let transaction = Transaction::decode(raw);
            // Blocks may hold transactions that are malformed: they are on record as refused.
            let id = receipt.as_ref().map_or_else(ToString::to_string, |r| r.transaction.to_string());
            let outcome = receipt.as_ref().map_or("?", outcome).to_owned();
            let json = json!({
                "transaction": transaction.as_ref().ok().map(transaction_json),
                "receipt": receipt.as_ref().ok().map(receipt_json),
            });
            (id, outcome, json)
        })
        .collect()
}

fn outcome(r: &Receipt) -> &str {
    match &r.outcome {
        Outcome::Accepted(_) => "ACCEPTED",
        Outcome::Rejected(rejection) => &rejection.code,
    }
}

fn block_json(block: &FinalizedBlock, entries: Vec<(String, String, Value)>) -> Value {
    let h = &block.block.header;
    let certificate = block.certificate.as_ref().map(|c| {
        let votes: Vec<_> = c.votes.iter().map(|(i, s)| json!({"validator": i, "signature": s})).collect();
        json!({"epoch": c.epoch, "view": c.view, "votes": votes})
    });
    let entries: Vec<_> = entries.into_iter().map(|(_, _, json)| json).collect();
    json!({
        "height": h.height, "hash": h.hash(), "genesis": h.genesis, "epoch": h.epoch, "view": h.view, "parent": h.parent,
        "parent_view": h.parent_view, "time_ms": h.time_ms, "time": moment::rfc3339(h.time_ms),
        "payload_root": h.payload_root, "skips_root": h.skips_root, "validators_hash": h.validators,
        "state_root": block.result.state_root, "receipts_root": block.result.receipts_root,
        "next_validators_hash": block.result.next_validators, "result_hash": block.result.hash(),
        "skipped_views": block.block.skips.iter().map(|s| s.view).collect::<Vec<_>>(),
        "certificate": certificate, "transactions": entries,
    })
}

fn transaction_rows<'a>(context: &Context, t: &Transaction) -> Vec<(&'a str, String)> {
    let l = context.lang;
    let mut rows = vec![
        (l.pick("链", "chain"), t.body().chain_id.clone()),
        (l.pick("签名者", "signer"), t.public_key().to_string()),
        (l.pick("有效至", "valid until"), moment::both(t.body().valid_until_ms)),
    ];
    rows.extend(t.body().operations.iter().map(|o| (l.pick("操作", "operation"), operation_text(context, o))));
    rows
}

fn operation_text(context: &Context, o: &Operation) -> String {
    let l = context.lang;
    match o {
        Operation::Anchor(a) => format!(
            "{} {}/{} v{} {}",
            l.pick("存证", "anchor"),
            a.record.namespace(),
            a.record.id(),
            a.version,
            a.commitment
        ),
        Operation::Revoke(r) => {
            format!(
                "{} {}/{} v{}: {}",
                l.pick("撤销", "revoke"),
                r.record.namespace(),
                r.record.id(),
                r.version,
                plain(&r.reason)
            )
        }
        Operation::Propose(p) => {
            let what = changes::summary(context, &p.change);
            format!("{} {what}: {}", l.pick("提议：", "propose:"), plain(&p.reason))
        }
        Operation::Approve(a) => format!("{} {}", l.pick("同意提案", "approve proposal"), a.proposal),
        Operation::Evidence(e) => format!(
            "{} {} {} {} {} {}",
            l.pick("提交违规证据：验证者", "evidence against validator"),
            e.offender(),
            l.pick("任期", "epoch"),
            e.epoch(),
            l.pick("视图", "view"),
            e.view()
        ),
        Operation::Credential(op) => op.summary(l.is_chinese()),
        Operation::Realty(op) => op.summary(l.is_chinese()),
        Operation::Trace(op) => op.summary(l.is_chinese()),
    }
}

fn transaction_json(t: &Transaction) -> Value {
    let operations: Vec<_> = t.body().operations.iter().map(operation_json).collect();
    json!({
        "id": t.id(), "chain_id": t.body().chain_id, "public_key": t.public_key(), "bytes": t.raw().len(),
        "valid_until_height": t.body().valid_until_height, "valid_until_ms": t.body().valid_until_ms,
        "operations": operations,
    })
}

fn operation_json(o: &Operation) -> Value {
    match o {
        Operation::Anchor(a) => json!({
            "kind": "anchor", "namespace": a.record.namespace(), "id": a.record.id(), "version": a.version,
            "commitment": a.commitment, "batch_size": a.batch_size,
        }),
        Operation::Revoke(r) => json!({
            "kind": "revoke", "namespace": r.record.namespace(), "id": r.record.id(), "version": r.version,
            "reason": r.reason,
        }),
        Operation::Propose(p) => json!({"kind": "propose", "change": p.change, "reason": p.reason}),
        Operation::Approve(a) => json!({"kind": "approve", "proposal": a.proposal}),
        Operation::Evidence(e) => json!({
            "kind": "evidence", "epoch": e.epoch(), "view": e.view(), "offender": e.offender(), "votes": e.votes(),
        }),
        Operation::Credential(op) => json!({"kind": "certificate", "operation": op}),
        Operation::Realty(op) => json!({"kind": "realty", "operation": op}),
        Operation::Trace(op) => json!({"kind": "trace", "operation": op}),
    }
}

fn receipt_rows<'a>(context: &Context, r: &Receipt) -> Vec<(&'a str, String)> {
    let l = context.lang;
    let outcome = match &r.outcome {
        Outcome::Accepted(_) => l.pick("已接受", "accepted").to_owned(),
        Outcome::Rejected(x) => {
            let message = plain(l.pick(&x.message_zh, &x.message));
            format!("{} {}: {message}", l.pick("被拒绝", "REJECTED"), plain(&x.code))
        }
    };
    vec![
        (l.pick("结果", "outcome"), outcome),
        (l.pick("区块高度", "block"), r.height.to_string()),
        (l.pick("块内序号", "index"), r.index.to_string()),
    ]
}

fn receipt_json(r: &Receipt) -> Value {
    let mut json = json!({
        "transaction": r.transaction, "height": r.height, "index": r.index, "accepted": r.accepted(),
    });
    match &r.outcome {
        Outcome::Accepted(events) => {
            let events: Vec<_> = events.iter().filter_map(|e| e.kind.as_ref()).map(event_json).collect();
            json["events"] = events.into();
        }
        Outcome::Rejected(x) => {
            json["rejection"] = json!({
                "code": x.code, "message": x.message, "message_zh": x.message_zh, "operation": x.operation,
            });
        }
    }
    json
}

/// Events are well-formed: their receipt was read by [`Receipt::decode`].
fn event_json(event: &proto::event::Kind) -> Value {
    match event {
        proto::event::Kind::Record(c) => json!({
            "kind": "record", "namespace": c.namespace, "id": c.id, "version": c.version,
            "status": c.status().as_str_name(),
        }),
        proto::event::Kind::Proposal(p) => json!({
            "kind": "proposal", "proposal": <[u8; 32]>::try_from(p.proposal.as_slice()).ok().map(Digest), "approvals": p.approvals, "needed": p.needed,
            "epoch": p.epoch,
        }),
        proto::event::Kind::Evidence(e) => json!({
            "kind": "evidence", "epoch": e.epoch, "view": e.view, "offender": PublicKey::from_bytes(&e.offender).ok(),
            "organization": e.organization, "suspended": e.suspended,
        }),
        proto::event::Kind::Credential(m) => {
            json!({"kind": "certificate", "event": hnchain_types::credential::event_json(m)})
        }
        proto::event::Kind::Realty(m) => json!({"kind": "realty", "event": hnchain_types::realty::event_json(m)}),
        proto::event::Kind::Trace(m) => json!({"kind": "trace", "event": hnchain_types::trace::event_json(m)}),
    }
}
