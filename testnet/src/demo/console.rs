//! What a person sees while the demo runs. With `--json` the lines stay away and progress goes on.

use super::anchor::Anchored;
use super::report::{RefusalLine, Report};
use super::stories::{EndingLine, StoryLine};
use hnchain_sdk::proof::Verdict;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::{Cell, RefCell};
use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::time::Duration;

/// Longest record id in a line; the JSON report has them whole.
const ID_CHARS: usize = 80;
/// Redraws of the progress bar.
const TICK: Duration = Duration::from_millis(120);

/// Lines on standard output, progress on standard error.
#[derive(Debug)]
pub struct Console {
    lines: bool,
    bar: RefCell<ProgressBar>,
    stages: Cell<u32>,
}

impl Console {
    /// `lines` false keeps standard output free for JSON.
    #[must_use]
    pub fn new(lines: bool) -> Self {
        Self { lines, bar: RefCell::new(ProgressBar::hidden()), stages: Cell::new(0) }
    }

    /// A step of unknown length begins.
    pub fn stage(&self, text: &str) {
        self.begin(text, 0);
    }

    /// A step with `total` parts begins.
    pub(super) fn begin(&self, text: &str, total: usize) {
        self.bar.borrow().finish_and_clear();
        self.stages.set(self.stages.get() + 1);
        let heading = format!("[{}] {text}", self.stages.get());
        if !stderr().is_terminal() {
            // Without a terminal the headings are the progress.
            let target: &mut dyn std::io::Write = if self.lines { &mut stdout() } else { &mut stderr() };
            // A closed pipe ends the display, not the demo.
            let _shown = writeln!(target, "{heading}");
            return;
        }
        let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total as u64) };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        let template = if total == 0 { "{spinner} {msg}  {elapsed}" } else { "{bar:24} {pos}/{len} {msg}  {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(TICK);
        self.bar.replace(bar);
        self.line(&heading);
    }

    /// One part is done.
    pub(super) fn step(&self) {
        self.bar.borrow().inc(1);
    }

    fn line(&self, text: &str) {
        if self.lines {
            self.bar.borrow().suspend(|| {
                let _shown = writeln!(stdout(), "{text}");
            });
        }
    }

    pub(super) fn anchored(&self, a: &Anchored) {
        let id = shortened(&a.sample.id);
        let (kind, transaction) = (a.sample.kind.title(), a.receipt.transaction.to_string());
        let (height, ms) = (a.receipt.height, a.latency.as_millis());
        self.line(&format!("  {kind}  {id}\n      tx {transaction}  height {height}  {ms} ms"));
        self.step();
    }

    pub(super) fn verified(&self, a: &Anchored, verdict: &Verdict) {
        let id = shortened(&a.sample.id);
        let (kind, height, signers) =
            (a.sample.kind.title(), verdict.certified.height, verdict.certified.signers.len());
        self.line(&format!("  valid 有效  {kind}  {id}  certified at height {height} by {signers} validators"));
        self.step();
    }

    pub(super) fn refusal(&self, r: &RefusalLine) {
        let mark = if r.ok { "refused 已拒绝" } else { "NOT REFUSED 未按规则拒绝" };
        let code = r.code.as_deref().unwrap_or("-");
        self.line(&format!("  {mark}  {}  {code}", r.what));
        if let Some(message) = &r.message {
            self.line(&format!("      {message}"));
        }
    }

    /// A story begins.
    pub(super) fn title(&self, (zh, en): (&str, &str)) {
        self.line(&format!("  {zh}  {en}"));
    }

    pub(super) fn told(&self, line: &StoryLine) {
        let verdict = match (&line.code, line.ok) {
            (None, true) => "accepted 通过".to_owned(),
            (Some(code), true) => format!("refused 拒绝 {code}"),
            (None, false) => "NOT REFUSED 未按规则拒绝".to_owned(),
            (Some(code), false) => format!("NOT DUE 不应拒绝 {code}"),
        };
        self.line(&format!("    {verdict}  {} {}", line.office, line.what));
    }

    pub(super) fn ended(&self, line: &EndingLine) {
        let mark = if line.ok { "proven 已证明" } else { "NOT AS TOLD 与故事不符" };
        self.line(&format!("  {mark}  {}  {}: {}", line.what, shortened(&line.row), line.found));
    }

    pub(super) fn summary(&self, report: &Report) {
        self.bar.borrow().finish_and_clear();
        let s = &report.summary;
        let l = s.latency_ms;
        let verdict = if s.ok { "every promise kept  全部通过" } else { "FAILED  未通过" };
        self.line(&format!(
            "\n{verdict}\n  records 记录          {} anchored, {} verified offline\n  refusals 拒绝         {} of {}\n  \
             stories 故事          {} of {} steps as told, {} of {} endings proven offline\n  \
             blocks 区块           {} to {}\n  latency 时延 ms       p50 {}  p99 {}  max {}\n  \
             time 用时 s           anchoring {:.1}, all {:.1}\n  chain 链              {} {}",
            s.records,
            s.verified,
            s.refused,
            s.refusals,
            report.stories.iter().filter(|l| l.ok).count(),
            report.stories.len(),
            report.endings.iter().filter(|l| l.ok).count(),
            report.endings.len(),
            s.heights.0,
            s.heights.1,
            l.p50,
            l.p99,
            l.max,
            s.anchoring_seconds,
            s.seconds,
            report.chain_id,
            report.genesis
        ));
    }
}

fn shortened(id: &str) -> String {
    let mut chars = id.chars();
    let head: String = chars.by_ref().take(ID_CHARS).collect();
    if chars.next().is_some() { format!("{head}…") } else { head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_are_shortened_by_characters() {
        assert_eq!(shortened("豫(2025)郑州市不动产权第0000001号"), "豫(2025)郑州市不动产权第0000001号");
        assert_eq!(shortened(&"号".repeat(81)), format!("{}…", "号".repeat(80)));
    }
}
