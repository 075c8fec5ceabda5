//! Legal notices and virus footers below a mail, "external sender" banners above it: paragraph by paragraph.
//!
//! People begin sentences likewise ("This message bounced for all our customers."): a notice speaks of the law, and it
//! is never the first that somebody wrote; a banner is known by its words.

use super::Find;
use crate::request::finder::lower;
use crate::request::quote::Kind;

/// Lines from the end of what was written that may be notices.
const MOST_LINES: usize = 60;

/// What Proofpoint puts before and behind its banners, so that programs find them.
const PROOFPOINT: [&str; 2] = ["ZjQcmQRYFpfptBannerStart", "ZjQcmQRYFpfptBannerEnd"];

/// Lines within which such a banner begins, and ends.
const BANNER_LINES: usize = 12;

/// Bytes that most notices have.
const LONG: usize = 90;

/// Bytes of a paragraph in which words of the law are looked for.
const LAW_BYTES: usize = 2_000;

impl Find<'_> {
    pub(super) fn notices(&self, kinds: &mut [Kind], from: usize, to: usize) {
        let written: Vec<usize> = (from..to).filter(|at| kinds[*at] == Kind::New && !self.body.blank(*at)).collect();
        let holds = |at: &&usize, mark: &str| self.line(**at).contains(mark);
        if let Some(start) = written.iter().take(BANNER_LINES).position(|at| holds(&at, PROOFPOINT[0]))
            && let Some(end) = written.iter().skip(start).take(BANNER_LINES).find(|at| holds(at, PROOFPOINT[1]))
        {
            kinds[written[start]..=*end].fill(Kind::Signature);
        }
        for at in written.iter().take(2) {
            let line = self.line(*at).trim_start_matches(|c: char| !c.is_alphanumeric() && !"[【".contains(c));
            if kinds[*at] == Kind::New && self.words.reading.banners.starts_any_case(head(line)) {
                self.take(kinds, *at, to);
            }
        }
        let earlier = (0..from).any(|at| kinds[at] == Kind::New && !self.body.blank(at));
        let first = written.iter().copied().find(|at| kinds[*at] == Kind::New).filter(|_| !earlier);
        let below = &written[written.len().saturating_sub(MOST_LINES)..];
        // Once more when there was one: a short notice stands below all else when those below it are taken.
        if self.below(kinds, below, first, to) {
            self.below(kinds, below, first, to);
        }
    }

    /// Marks the notices among the last lines written; says whether there was one.
    fn below(&self, kinds: &mut [Kind], written: &[usize], first: Option<usize>, to: usize) -> bool {
        let reading = self.words.reading;
        let mut found = false;
        for at in written {
            if kinds[*at] != Kind::New {
                continue;
            }
            let line = self.line(*at);
            let start = head(line.trim_start_matches(|c: char| "*_-–—<>[]()!# ".contains(c)));
            let sure = reading.disclaimers.starts_any_case(start) || reading.banners.starts_any_case(head(line));
            if !sure && !reading.notices.starts_any_case(start) {
                continue;
            }
            let end = self.end_of(kinds, *at, to);
            let ends = written.iter().all(|other| *other < end || kinds[*other] != Kind::New);
            let length: usize = (*at..end).map(|next| self.line(next).len()).sum();
            // Notices are long, or they stand below all else; a mail of one sentence is its writer's.
            let long = length >= LONG;
            let placed = if first == Some(*at) { sure && ends && (long || linked(line)) } else { long || ends };
            if placed && (sure || self.legal(*at, end)) {
                self.take(kinds, *at, to);
                found = true;
            }
        }
        found
    }

    /// Where the paragraph ends that begins here.
    fn end_of(&self, kinds: &[Kind], at: usize, to: usize) -> usize {
        (at..to).find(|next| self.body.blank(*next) || kinds[*next] != Kind::New).unwrap_or(to)
    }

    /// Marks a paragraph, unless it asks something or speaks of the matter.
    fn take(&self, kinds: &mut [Kind], at: usize, to: usize) {
        let end = self.end_of(kinds, at, to);
        if !(at..end).any(|next| self.line(next).ends_with('?') || self.words.about(self.line(next))) {
            kinds[at..end].fill(Kind::Signature);
        }
    }

    fn legal(&self, at: usize, end: usize) -> bool {
        let mut text = String::new();
        for line in (at..end).map(|next| self.line(next)) {
            if text.len() + line.len() > LAW_BYTES {
                text.push_str(cut(line, LAW_BYTES.saturating_sub(text.len())));
                break;
            }
            text.push_str(line);
            text.push(' ');
        }
        self.words.reading.legal.has(&lower(&text))
    }
}

/// Whether a line names a page: "Virus-free. www.avast.com".
fn linked(line: &str) -> bool {
    ["www.", "http"].iter().any(|mark| line.contains(mark))
}

/// The beginning of a line, as long as any phrase.
fn head(line: &str) -> &str {
    cut(line, 160)
}

fn cut(text: &str, most: usize) -> &str {
    let end = (0..=text.len().min(most)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}
