//! What every command needs: language, output, nodes, progress.

use crate::args::Global;
use crate::failure::Failure;
use crate::lang::Lang;
use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle, presets};
use hnchain_sdk::{Client, Options};
use hnchain_types::text::hidden;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

/// No lines but one below the head.
const HEAD_LINE: TableStyle = presets::NOTHING.header_separator(LineStyle::new('─', '─', '─', '─'));

/// Settings of one run.
#[derive(Debug)]
pub(crate) struct Context {
    /// Language for people.
    pub(crate) lang: Lang,
    /// Machine-readable output.
    pub(crate) json: bool,
    /// How long to wait for finality, and for all attempts of a question.
    pub(crate) timeout: Duration,
    endpoints: Vec<String>,
}

impl Context {
    /// From the global arguments.
    #[must_use]
    pub(crate) fn new(global: &Global, early: Lang) -> Self {
        Self {
            lang: global.lang.unwrap_or(early),
            json: global.json,
            timeout: global.timeout,
            endpoints: global.endpoints.clone(),
        }
    }

    /// A client of the chosen nodes.
    ///
    /// # Errors
    /// An endpoint that is not an http address.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let options = Options::default();
        let options = Options {
            deadline: self.timeout,
            attempt: options.attempt.min(self.timeout),
            connect: options.connect.min(self.timeout),
            ..options
        };
        Ok(Client::new(self.endpoints.clone(), options)?)
    }

    /// Writes the result: the text for people, or the JSON for machines.
    ///
    /// # Errors
    /// Standard output is closed or full.
    pub(crate) fn print(&self, text: &str, json: &serde_json::Value) -> Result<(), Failure> {
        let line = if self.json { escaped(&format!("{json:#}")) } else { lines(text.trim_end()) };
        self.raw(format!("{line}\n").as_bytes())
    }

    /// Writes bytes to standard output. A reader that closed its end (`| head`) has what it wanted.
    ///
    /// # Errors
    /// Standard output is full.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::file("stdout".as_ref(), &e)),
            _ => Ok(()),
        }
    }

    /// Says on standard error what is being waited for; only on a terminal, and not with `--json`.
    #[must_use]
    pub(crate) fn progress(&self, zh: &str, en: &str) -> Progress {
        let shown = !self.json && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        if shown {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        let progress = Progress { bar, lang: self.lang };
        progress.say(zh, en);
        progress
    }
}

/// A line that shows that work goes on; gone when dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    lang: Lang,
}

impl Progress {
    /// Changes the text.
    pub(crate) fn say(&self, zh: &str, en: &str) {
        self.bar.set_message(self.lang.pick(zh, en).to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Aligned label–value lines; Chinese characters count twice.
#[must_use]
pub(crate) fn fields<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (label, value) in rows {
        table.add_row([Cell::new(label), Cell::new(value)]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
        column.set_cell_alignment(CellAlignment::Left);
    }
    trimmed(&table)
}

/// A table with a head.
#[must_use]
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(HEAD_LINE).set_header(head.to_vec());
    table.add_rows(rows);
    trimmed(&table)
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|l| format!("{}\n", l.trim_end())).collect()
}

/// Text from a node or a file for a terminal: one line, without the characters that could rewrite what the user sees.
#[must_use]
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

/// As [`plain`], line by line: the last gate before a terminal, for texts that were put together of many.
#[must_use]
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// JSON text with the hidden characters of its strings escaped: it says the same to programs.
#[must_use]
pub(crate) fn escaped(json: &str) -> String {
    let mut units = [0u16; 2];
    json.chars()
        .map(|c| match c {
            c if c == '\n' || !hidden(c) => c.to_string(),
            c => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        })
        .collect()
}

/// A path for JSON, whose strings are Unicode: bytes that are none become U+FFFD, as in the text for people.
#[must_use]
pub(crate) fn path_json(path: &Path) -> serde_json::Value {
    path.display().to_string().into()
}

/// Number and noun.
#[must_use]
pub(crate) fn times(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
