//! How a form sets its labels and values: on one line, one above the other, in rows of a table.
//!
//! By that, labels are known whose words are not: nothing is taken for one that the layout does not show to be one.

use super::asked::own;
use super::label::{LONGEST_LABEL, Look};
use crate::request::lines::Body;
use crate::request::reading::Reading;

/// Lines above the first known label within which labels are looked for that are not.
const FARTHEST: usize = 40;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layout {
    /// Labels stand above their values, without a colon.
    pub(super) stacked: bool,
    /// Labels stand above their values.
    above: bool,
    /// It is a table: what stands in one cell belongs together.
    pub(super) cells: bool,
    /// Labels and values stand in rows of their own.
    pub(super) rows: bool,
    /// Labels are bold, values are not.
    pub(super) bold: bool,
    /// The first label that is known.
    first: usize,
}

/// The next line that is not blank.
pub(super) fn next(looks: &[Look<'_>], at: usize) -> Option<usize> {
    (at + 1..looks.len()).find(|next| looks[*next] != Look::Blank)
}

pub(super) fn of(body: &Body, looks: &[Look<'_>]) -> Layout {
    let known = || looks.iter().enumerate().filter(|(_, look)| matches!(look, Look::Known { .. }));
    let count = known().count();
    // What a value says may look like a label; the form's own are more.
    let above = known().filter(|(_, look)| matches!(look, Look::Known { alone: true, .. })).count() * 2 > count;
    let main = known().find(|(_, look)| !above || matches!(look, Look::Known { alone: true, .. }));
    let Some((first, Look::Known { alone, value, .. })) = main else { return Layout::default() };
    let below = next(looks, first).filter(|below| !matches!(looks[*below], Look::Known { .. }));
    let above = below.is_some() && (*alone || value.is_empty());
    let cells = count >= 2 && known().filter(|(at, _)| body.lines[*at].row).count() * 2 > count;
    let line = |at: Option<usize>| at.map(|at| body.lines[at]).unwrap_or_default();
    Layout {
        stacked: *alone,
        above,
        cells,
        rows: above && cells && line(below).row,
        first,
        bold: above && body.lines[first].bold && !line(below).bold,
    }
}

impl Layout {
    /// Whether a line is a label that is not known, by itself above its value.
    pub(super) fn heads(&self, body: &Body, looks: &[Look<'_>], at: usize, reading: &Reading) -> bool {
        if !self.above || looks[at] != Look::Text || body.lines[at].depth > 0 {
            return false;
        }
        let whole = body.line(at).trim();
        let Some(below) = next(looks, at).filter(|below| !matches!(looks[*below], Look::Known { .. })) else {
            return false;
        };
        if whole.chars().nth(LONGEST_LABEL).is_some() || whole.split_whitespace().count() > 14 {
            return false;
        }
        let (line, below) = (body.lines[at], body.lines[below]);
        if self.rows && !(line.row && below.row) {
            return false;
        }
        if self.bold {
            return line.bold && !below.bold;
        }
        // Above the first known label a heading may stand: then the rows are odd in number.
        let paired = || {
            at > self.first
                || self.first - at <= FARTHEST
                    && (at..self.first).filter(|at| body.lines[*at].row).count().is_multiple_of(2)
        };
        self.rows && !whole.ends_with(['.', '!', ',']) && paired() || self.marked(whole) && !own(whole, reading)
    }

    /// A question, or with the mark of what must be filled in, or set between stars.
    fn marked(&self, whole: &str) -> bool {
        let starred = whole.ends_with('*') && whole.len() > 1;
        starred || whole.ends_with(['?', '？'])
    }
}
