//! Ancestors and descendants: collected, as a tree of text, as JSON.

use super::args::Tree;
use super::draw;
use super::recall_status;
use crate::context::{Context, path_json, plain};
use crate::failure::Failure;
use crate::files::{self, Access, Existing};
use hnchain_types::trace::lineage::RecallStatus;
use hnchain_types::trace::{Batch, BatchId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most batches in a drawing.
const DRAWN: usize = 500;
/// Rows asked for at once.
const PAGE: u32 = 256;

/// A batch in a tree.
pub(super) struct Node {
    pub(super) batch: Batch,
    /// Index of the node that it hangs on; none for the first.
    pub(super) above: Option<usize>,
    pub(super) depth: usize,
    pub(super) recalled: bool,
}

/// A batch with its ancestors or descendants; what a node hangs on comes before it.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// Whether there are more than were collected.
    pub(super) cut: bool,
    /// Whether it goes up.
    pub(super) up: bool,
}

/// `trace ancestors`.
pub(super) async fn ancestors(context: &Context, args: &Tree) -> Result<(), Failure> {
    let client = context.client()?;
    let found = {
        let _progress = context.progress("正在查询", "asking");
        client.trace(context.timeout).ancestry(&args.batch).await?
    };
    let limit = args.limit as usize;
    let recalled = matches!(found.recall, RecallStatus::By(_));
    let mut nodes = vec![Node { batch: found.batch, above: None, depth: 0, recalled }];
    let mut known = BTreeSet::from([args.batch.clone()]);
    // Those below a recalled one are recalled: the rows are all here, so each asks for itself.
    let is_recalled = |row: &Batch| {
        matches!(hnchain_types::trace::lineage::recall_of(row, None, &found.ancestors), RecallStatus::By(_))
    };
    let mut at = 0;
    while at < nodes.len() {
        let parents: Vec<BatchId> =
            nodes[at].batch.parents.iter().filter(|p| known.insert((*p).clone())).cloned().collect();
        let depth = nodes[at].depth + 1;
        for row in parents.iter().filter_map(|p| found.ancestors.get(p)) {
            nodes.push(Node { batch: row.clone(), above: Some(at), depth, recalled: is_recalled(row) });
        }
        at += 1;
    }
    let cut = nodes.len() > limit + 1;
    nodes.truncate(limit + 1);
    output(context, args, &Graph { nodes, cut, up: true })
}

/// `trace descendants`.
pub(super) async fn descendants(context: &Context, args: &Tree) -> Result<(), Failure> {
    let client = context.client()?;
    let traces = client.trace(context.timeout);
    let progress = context.progress("正在查询", "asking");
    let root = traces.batch(&args.batch).await?.value;
    let recalled = matches!(recall_status(&traces, &root).await?, RecallStatus::By(_));
    let mut places = BTreeMap::from([(root.id.clone(), 0)]);
    let mut nodes = vec![Node { batch: root, above: None, depth: 0, recalled }];
    let mut search = traces.descendants(&args.batch, PAGE);
    let mut cut = false;
    while let Some(found) = search.next().await? {
        if nodes.len() > args.limit as usize {
            cut = true;
            break;
        }
        let above = places.get(&found.parent).copied();
        let of_parent = found.batch.parents.iter().filter_map(|p| places.get(p)).any(|at| nodes[*at].recalled);
        let recalled = found.batch.recalled.is_some() || of_parent;
        places.insert(found.batch.id.clone(), nodes.len());
        nodes.push(Node { batch: found.batch, above, depth: found.depth, recalled });
    }
    drop(progress);
    output(context, args, &Graph { nodes, cut, up: false })
}

fn output(context: &Context, args: &Tree, graph: &Graph) -> Result<(), Failure> {
    if let Some(path) = &args.svg {
        let svg = draw::svg(context, graph, DRAWN);
        files::write(path, svg.as_bytes(), Access::Everybody, Existing::Replace)?;
        let drawn = graph.nodes.len().min(DRAWN + 1);
        let cut = graph.cut || drawn < graph.nodes.len();
        let text = format!("{} {}", path.display(), count_text(context, drawn - 1, cut));
        return context.print(&text, &json!({ "file": path_json(path), "drawn": drawn, "cut": cut }));
    }
    if args.dot {
        return context.raw(draw::dot(graph).as_bytes());
    }
    let text = format!("{}{}", text(context, graph), count_text(context, graph.nodes.len() - 1, graph.cut));
    context.print(
        &text,
        &json!({ "batches": graph.nodes.iter().map(node_json).collect::<Vec<_>>(), "cut": graph.cut, "proven": false }),
    )
}

/// How many, and whether there are more.
pub(super) fn count_text(context: &Context, n: usize, cut: bool) -> String {
    let l = context.lang;
    if cut {
        let (zh, en) = (
            format!("只显示 {n} 个批次，另有未显示的（--limit）"),
            format!("only {n} shown; there are more (--limit)"),
        );
        return l.pick(&zh, &en).to_owned();
    }
    let (zh, en) = (format!("共 {n} 个批次"), format!("{n} in all"));
    l.pick(&zh, &en).to_owned()
}

fn node_json(node: &Node) -> Value {
    let b = &node.batch;
    json!({
        "batch": b.id, "parents": b.parents, "depth": node.depth, "product": b.product, "quantity": b.quantity,
        "remaining": b.rest(), "state": b.state, "custodian": b.custodian, "division": b.place.division,
        "recalled": node.recalled,
    })
}

/// One line about a batch.
pub(super) fn label(context: &Context, node: &Node) -> String {
    let (l, b) = (context.lang, &node.batch);
    let state = if l.is_chinese() { b.state.name_zh().to_owned() } else { b.state.to_string() };
    let recalled = if node.recalled { l.pick(" 已召回！", " RECALLED") } else { "" };
    plain(&format!("{} {} {state} {}{recalled}", b.product, b.rest(), b.custodian))
}

/// The tree with its branches.
fn text(context: &Context, graph: &Graph) -> String {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for (at, above) in graph.nodes.iter().enumerate().filter_map(|(at, n)| Some((at, n.above?))) {
        below[above].push(at);
    }
    let mut out = String::new();
    // Node, what its line begins with, and what the lines below it begin with.
    let mut stack = vec![(0, String::new(), String::new())];
    while let Some((at, head, tail)) = stack.pop() {
        let Some(node) = graph.nodes.get(at) else { continue };
        out.push_str(&format!("{head}{}  {}\n", plain(&node.batch.id.to_string()), label(context, node)));
        for (n, child) in below[at].iter().enumerate().rev() {
            let last = n + 1 == below[at].len();
            let (branch, line) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            stack.push((*child, format!("{tail}{branch}"), format!("{tail}{line}")));
        }
    }
    out
}
