//! The state of the scanner and the lines it writes: words, line ends, table rows.

use memchr::memchr;

use super::MOST_LINKS;
use super::reference::entity;
use super::sheet::Sheet;
use super::tag::Element;
use crate::request::lines::{Body, Hint, Line, depth};

/// Stands between the cells of a row until the row is known.
const CELL: char = '\u{1f}';

/// Bytes of struck-out words that are kept.
const LONGEST_STRUCK: usize = 200;

/// An element that is open and changes how its content is read.
pub(super) struct Open {
    pub(super) element: Element,
    /// The name, for elements told apart by it (all but the scanner's own kinds).
    pub(super) name: [u8; 8],
    /// State to go back to.
    pub(super) hidden: bool,
    pub(super) depth: u16,
    pub(super) hint: Hint,
    pub(super) pre: bool,
    pub(super) wide: bool,
    pub(super) struck: bool,
    pub(super) tinted: bool,
    /// The number of a numbered list's next item.
    pub(super) count: Option<u32>,
}

#[derive(Default)]
pub(super) struct Scan<'a> {
    pub(super) body: Body,
    /// Content-IDs of the mail's parts; `None` when they are not known.
    pub(super) parts: Option<&'a [&'a str]>,
    pub(super) open: Vec<Open>,
    /// Start of the current line in `body.text`.
    pub(super) start: usize,
    pub(super) hidden: bool,
    pub(super) depth: u16,
    pub(super) hint: Hint,
    pub(super) pre: bool,
    pub(super) ruled: bool,
    /// The line begins a row of a table.
    pub(super) row: bool,
    /// Its block holds a no-break space, and no words so far: a blank line, as Word and Outlook write them.
    pub(super) spacer: bool,
    /// A white space is due before the next word.
    pub(super) gap: bool,
    /// A cell ended on this line and another has begun.
    pub(super) cell: bool,
    /// The row holds only `th` so far.
    pub(super) heads: bool,
    /// The first line of an anchor's target, until its text shows.
    pub(super) anchor: Option<String>,
    /// What the style sheets hide.
    pub(super) sheet: Sheet<'a>,
    /// Words are struck out.
    pub(super) struck: bool,
    /// Words have a colour of their own.
    pub(super) tinted: bool,
    /// The first word of the line has one.
    pub(super) tint: bool,
}

impl Scan<'_> {
    pub(super) fn text(&mut self, source: &str) {
        if self.hidden {
            return;
        }
        let mut rest = source;
        while !rest.is_empty() {
            let Some(at) = memchr(b'&', rest.as_bytes()) else {
                self.words(rest);
                return;
            };
            self.words(&rest[..at]);
            rest = &rest[at..];
            let (decoded, len) = entity(rest);
            match decoded {
                Some((first, second)) => {
                    let mut buffer = [0; 4];
                    self.words(first.encode_utf8(&mut buffer));
                    if let Some(second) = second {
                        self.words(second.encode_utf8(&mut buffer));
                    }
                }
                None => self.words(&rest[..len]),
            }
            rest = &rest[len..];
        }
    }

    pub(super) fn words(&mut self, text: &str) {
        if self.struck {
            let struck = &mut self.body.struck;
            if !text.trim().is_empty() && struck.len() + text.len() <= LONGEST_STRUCK {
                struck.extend([text.trim(), " "]);
            }
            self.gap = true;
            return;
        }
        if self.pre {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.end_line();
                }
                let line = line.trim_end_matches('\r');
                if !line.is_empty() {
                    self.begin_word();
                    self.body
                        .text
                        .extend(line.chars().filter(|c| !c.is_control()).map(|c| if c == '\u{a0}' { ' ' } else { c }));
                }
            }
            return;
        }
        if text.is_ascii() {
            let bytes = text.as_bytes();
            let space = |byte: &u8| matches!(byte, 0 | b'\t'..=b'\r' | b' ');
            let mut at = 0;
            while at < bytes.len() {
                if space(&bytes[at]) {
                    self.gap = true;
                    at += 1;
                    continue;
                }
                let end = bytes[at..].iter().position(space).map_or(bytes.len(), |n| at + n);
                self.begin_word();
                if memchr(CELL as u8, &bytes[at..end]).is_none() {
                    self.body.text.push_str(&text[at..end]);
                } else {
                    self.body.text.extend(text[at..end].chars().filter(|c| *c != CELL));
                }
                at = end;
            }
            return;
        }
        for piece in text.split_inclusive(|c: char| c.is_whitespace() || c == '\0') {
            let word = piece.trim_end_matches(|c: char| c.is_whitespace() || c == '\0');
            self.spacer |= piece.ends_with('\u{a0}');
            if !word.is_empty() {
                self.begin_word();
                if word.contains([CELL, '\u{feff}', '\u{200b}', '\u{ad}', '\u{34f}']) {
                    // Zero-width fillers of hidden preheaders; a soft hyphen is not read either.
                    self.body
                        .text
                        .extend(word.chars().filter(|c| !matches!(c, '\u{1f}' | '\u{feff}' | '\u{34f}' | '\u{ad}')));
                } else {
                    self.body.text.push_str(word);
                }
            }
            if word.len() < piece.len() {
                self.gap = true;
            }
        }
    }

    pub(super) fn begin_word(&mut self) {
        let at_start = self.body.text.len() == self.start;
        if at_start {
            self.cell = false;
            self.tint = self.tinted;
        } else if self.cell {
            self.body.text.push(CELL);
            self.cell = false;
        } else if self.gap {
            self.body.text.push(' ');
        }
        (self.gap, self.spacer) = (false, false);
        if let Some(target) = self.anchor.take()
            && self.body.links.len() < MOST_LINKS
        {
            self.body.links.push((self.body.lines.len(), target));
        }
    }

    /// Ends the current line, even an empty one.
    pub(super) fn end_line(&mut self) {
        if self.gap && self.body.text[self.start..].ends_with("--") {
            // The signature delimiter is dash, dash, space (RFC 3676 §4.3).
            self.body.text.push(' ');
        }
        self.settle_row();
        let end = self.start + self.body.text[self.start..].trim_end().len();
        let written = depth(&self.body.text[self.start..end]).0;
        self.body.lines.push(Line {
            start: self.start,
            end,
            depth: self.depth.saturating_add(written),
            hint: self.hint,
            ruled: std::mem::take(&mut self.ruled),
            row: std::mem::take(&mut self.row),
            tinted: std::mem::take(&mut self.tint),
        });
        self.body.text.push('\n');
        self.start = self.body.text.len();
        self.gap = false;
        self.cell = false;
    }

    /// Puts between the cells what a reader expects: `label: value` for two, ` | ` for more.
    pub(super) fn settle_row(&mut self) {
        let line = &self.body.text[self.start..];
        let cells = line.matches(CELL).count();
        if cells == 0 {
            return;
        }
        let label = line.split(CELL).next().unwrap_or_default().trim();
        let ends = label.ends_with([':', '?', '.', '!', '：']);
        let labelled = cells == 1
            && !self.heads
            && !label.is_empty()
            && label.chars().count() <= 60
            && !label.starts_with(|c: char| c.is_ascii_digit());
        let between = match (labelled, ends) {
            (true, true) => " ",
            (true, false) => ": ",
            _ => " | ",
        };
        let settled = line.replace(CELL, between);
        self.body.text.truncate(self.start);
        self.body.text.push_str(&settled);
    }

    /// Makes sure that the next word starts a line.
    pub(super) fn fresh(&mut self) {
        if self.body.text.len() > self.start {
            self.end_line();
        }
        self.gap = false;
        self.cell = false;
    }

    /// Makes sure that a blank line stands before the next word.
    pub(super) fn apart(&mut self) {
        self.fresh();
        if self.body.lines.last().is_some_and(|line| line.end > line.start) {
            self.end_line();
        }
    }

    pub(super) fn finish(mut self) -> Body {
        if self.body.text.len() > self.start {
            self.end_line();
        }
        self.body
    }
}
