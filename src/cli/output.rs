//! What commands print: results to standard output, complaints to standard error, progress to a terminal only.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::fault::Fault;

/// The shape of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: JSON; lists have one object a line.
    Json,
}

/// Says on standard error what went wrong.
pub fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "deskclerk: {message}");
}

/// Says all faults on standard error, one a line.
pub fn complain_of(faults: &[Fault]) {
    for fault in faults {
        // It may quote what stands in the file.
        complain(&inert(&fault.to_string()));
    }
}

/// Files that were passed over: the first are named, all are counted.
#[derive(Debug, Default)]
pub struct Skipped(pub usize);

impl Skipped {
    /// Files that are named one by one.
    const NAMED: usize = 20;

    /// Says what was passed over, and why.
    pub fn say(&mut self, what: &str) {
        self.0 += 1;
        if self.0 <= Skipped::NAMED {
            complain(&format!("skipped: {what}"));
        }
    }

    /// Says how many it were, where not all were named.
    pub fn sum_up(&self) {
        if self.0 > Skipped::NAMED {
            complain(&format!("skipped: {} files in all", self.0));
        }
    }
}

/// A stranger's words without control characters: a terminal must not obey a customer.
pub fn inert(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How many of what: "1 fault", "2 faults".
pub fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A time as RFC 3339.
pub fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}

/// Whether the reader of our output has gone (`deskclerk … | head`), which is no fault.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| match cause.downcast_ref::<serde_json::Error>() {
            Some(error) => error.io_error_kind(),
            None => cause.downcast_ref::<io::Error>().map(io::Error::kind),
        })
        .any(|kind| kind == io::ErrorKind::BrokenPipe)
}

/// A spinner with a count, on a terminal; silent elsewhere.
pub fn progress(what: &'static str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {msg} {human_pos} ({per_sec}, {elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style).with_message(what)
}

/// The same where it is known how many there will be: a bar, with the time that is left.
pub fn progress_of(what: &'static str, total: u64) -> ProgressBar {
    let progress = progress(what);
    let style = ProgressStyle::with_template("{bar:30} {msg} {human_pos} of {human_len} ({per_sec}, {eta} left)");
    if !progress.is_hidden()
        && let Ok(style) = style
    {
        progress.set_style(style);
    }
    progress.set_length(total);
    progress
}
