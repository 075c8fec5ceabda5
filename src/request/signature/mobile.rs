//! "Sent from my iPhone" and its like: the lines that mail programs add.
//!
//! People begin sentences likewise ("Sent with the wrong link, please stop it"): those stay text.

use std::borrow::Cow;

use super::Find;
use super::look::{Look, long_number};
use crate::request::finder::lowered;
use crate::request::quote::Kind;

impl Find<'_> {
    /// Lines that mail programs add, at the end only. A line that could be words about the matter, too, is one when it
    /// names a device and no other words follow.
    pub(super) fn mobile(&self, kinds: &mut [Kind], from: usize, to: usize) {
        let mut last = true;
        for at in self.tail(kinds, from, to).into_iter().rev().take(8) {
            let line = unlinked(self.line(at));
            let linked = line.len() < self.line(at).len();
            let line = line.trim_matches(|c: char| "*_-–—<>[]() ".contains(c));
            if (6..=160).contains(&line.len())
                && !long_number(line)
                && !line.ends_with(['?', '？'])
                && line.split_whitespace().count() <= 14
                && (self.sent_by_program(line, linked, last) || of_outlook(self.line(at)))
            {
                kinds[at] = Kind::Signature;
            } else {
                last &= self.look(at) != Look::Content;
            }
        }
    }

    /// `linked`: it shows where the program is to be had.
    fn sent_by_program(&self, line: &str, linked: bool, last: bool) -> bool {
        let mut buffer = String::new();
        let (reading, line) = (self.words.reading, lowered(line, &mut buffer));
        let told = reading.mobile.is_match(line)
            || (last && reading.sent_from.is_match(line) && (linked || reading.devices.has(line)));
        // `… with K-9 Mail. Please excuse my brevity.`: what follows may be the program's, too.
        let matter = |(at, part): (usize, &str)| {
            self.words.content_word(part) && (at == 0 || !reading.mobile.is_match(part.trim_end_matches('.')))
        };
        told && !line.split(". ").enumerate().any(matter)
    }
}

/// Where Outlook is to be had, in whatever language: `Az iOS Outlook letöltése<https://aka.ms/o0ukef>`.
fn of_outlook(line: &str) -> bool {
    line.contains("Outlook") && line.contains("<https://aka.ms/") && line.ends_with('>')
}

/// A line without the targets that programs set behind its words: `Outlook for iOS<https://…>`, `[Proton Mail](https://…)`.
fn unlinked(line: &str) -> Cow<'_, str> {
    if !line.contains("http") {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((at, open)) = rest.match_indices(['<', '(']).find(|(at, _)| rest[at + 1..].starts_with("http")) {
        let close = if open == "<" { '>' } else { ')' };
        let Some(end) = rest[at..].find(close) else { break };
        out.push_str(&rest[..at]);
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    Cow::Owned(out.replace(['[', ']'], ""))
}
