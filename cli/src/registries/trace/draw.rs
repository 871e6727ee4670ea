//! Trees as DOT and as SVG.

use super::tree::{Graph, Node, count_text, label};
use crate::context::Context;
use hnchain_types::text::hidden;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Width and height of a box, and the distances between two columns and two rows, in pixels.
const BOX: (usize, usize) = (330, 40);
const STEP: (usize, usize) = (380, 52);
const MARGIN: usize = 20;

/// Fill and border of a box.
fn colours(node: &Node) -> (&'static str, &'static str) {
    use hnchain_types::trace::State;
    match (node.recalled, node.batch.state) {
        (true, _) => ("#fde0dd", "#c51b1b"),
        (false, State::Destroyed | State::Sold | State::Exhausted) => ("#eeeeee", "#777777"),
        (false, _) => ("#e5f5e0", "#2b7a3d"),
    }
}

/// Pairs of a parent and a child, both of which are among some nodes: places in them.
fn edges(nodes: &[Node]) -> Vec<(usize, usize)> {
    let places: BTreeMap<_, _> = nodes.iter().enumerate().map(|(at, n)| (&n.batch.id, at)).collect();
    let mut found = Vec::new();
    for (child, node) in nodes.iter().enumerate() {
        found.extend(node.batch.parents.iter().filter_map(|p| Some((*places.get(p)?, child))));
    }
    found
}

/// DOT, for Graphviz: an edge goes from a parent to a child.
pub(super) fn dot(graph: &Graph) -> String {
    let quoted = |s: &str| s.replace('\\', "\\\\").replace('"', "\\\"");
    let mut out = String::from("digraph lineage {\n  rankdir=LR;\n  node [shape=box, style=filled];\n");
    for (at, node) in graph.nodes.iter().enumerate() {
        let b = &node.batch;
        let ((fill, line), text) = (colours(node), quoted(&format!("{} {}", b.product, b.rest())));
        let id = quoted(&b.id.to_string());
        writeln_to(&mut out, &format!("  n{at} [label=\"{id}\\n{text}\", fillcolor=\"{fill}\", color=\"{line}\"];"));
    }
    for (parent, child) in edges(&graph.nodes) {
        writeln_to(&mut out, &format!("  n{parent} -> n{child};"));
    }
    if graph.cut {
        out.push_str("  cut [label=\"…\", shape=plaintext];\n");
    }
    out.push_str("}\n");
    out
}

/// An SVG of at most `most` batches besides the first: generations in columns, in a picture of its own without scripts,
/// fonts or links.
pub(super) fn svg(context: &Context, graph: &Graph, most: usize) -> String {
    let nodes = &graph.nodes[..graph.nodes.len().min(most + 1)];
    let cut = graph.cut || nodes.len() < graph.nodes.len();
    let rows = rows(nodes);
    let deepest = nodes.iter().map(|n| n.depth).max().unwrap_or(0);
    let last = rows.iter().max().copied().unwrap_or(0);
    let (width, height) = (MARGIN * 2 + STEP.0 * deepest + BOX.0, MARGIN * 3 + STEP.1 * (last + 1));
    let column = |n: &Node| if graph.up { deepest - n.depth } else { n.depth };
    let corner = |at: usize| (MARGIN + STEP.0 * column(&nodes[at]), MARGIN + STEP.1 * rows[at]);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (parent, child) in edges(nodes) {
        let ((x1, y1), (x2, y2)) = (corner(parent), corner(child));
        let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2, y2 + BOX.1 / 2);
        let middle = usize::midpoint(x1, x2);
        let path = format!("M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}");
        writeln_to(&mut out, &format!("<path d=\"{path}\" fill=\"none\" stroke=\"#555555\"/>"));
    }
    for (at, node) in nodes.iter().enumerate() {
        let ((x, y), (fill, line)) = (corner(at), colours(node));
        let (id, text) = (escaped(&node.batch.id.to_string()), escaped(&label(context, node)));
        let (w, h) = BOX;
        writeln_to(
            &mut out,
            &format!(
                "<g><title>{id} {text}</title><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"5\" fill=\"{fill}\" stroke=\"{line}\"/>"
            ),
        );
        writeln_to(
            &mut out,
            &format!("<text x=\"{}\" y=\"{}\">{}</text>", x + 8, y + 16, clipped(&node.batch.id.to_string())),
        );
        writeln_to(
            &mut out,
            &format!(
                "<text x=\"{}\" y=\"{}\" fill=\"#444444\">{}</text></g>",
                x + 8,
                y + 32,
                clipped(&label(context, node))
            ),
        );
    }
    let note = escaped(&count_text(context, nodes.len() - 1, cut));
    writeln_to(&mut out, &format!("<text x=\"{MARGIN}\" y=\"{}\">{note}</text>\n</svg>", height - MARGIN));
    out
}

/// The row of each node: a leaf has one of its own, any other that of the first that hangs on it.
fn rows(nodes: &[Node]) -> Vec<usize> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (at, above) in nodes.iter().enumerate().filter_map(|(at, n)| Some((at, n.above?))) {
        below[above].push(at);
    }
    let (mut rows, mut next, mut stack) = (vec![0; nodes.len()], 0, vec![0]);
    while let Some(at) = stack.pop() {
        rows[at] = next;
        if below[at].is_empty() {
            next += 1;
        }
        stack.extend(below[at].iter().rev());
    }
    rows
}

/// Text that fits a box: Chinese characters count twice.
fn clipped(text: &str) -> String {
    let (mut width, mut out) = (0, String::new());
    for c in text.chars() {
        width += if c.is_ascii() { 1 } else { 2 };
        if width > 46 {
            out.push('…');
            break;
        }
        out.push(c);
    }
    escaped(&out)
}

/// Text for XML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Writing to a text cannot fail.
fn writeln_to(out: &mut String, line: &str) {
    let _infallible = writeln!(out, "{line}");
}
