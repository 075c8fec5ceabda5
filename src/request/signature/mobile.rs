//! "Sent from my iPhone" and its like: the lines that mail programs add.
//!
//! People begin sentences likewise ("Sent with the wrong link, please stop it"): those stay text.

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
            let line = self.line(at).trim_matches(|c: char| "*_-–—<>[]() ".contains(c));
            if (6..=160).contains(&line.len())
                && !long_number(line)
                && !line.ends_with(['?', '？'])
                && line.split_whitespace().count() <= 14
                && self.sent_by_program(line, last)
            {
                kinds[at] = Kind::Signature;
            } else {
                last &= self.look(at) != Look::Content;
            }
        }
    }

    fn sent_by_program(&self, line: &str, last: bool) -> bool {
        let mut buffer = String::new();
        let (reading, line) = (self.words.reading, lowered(line, &mut buffer));
        let told =
            reading.mobile.is_match(line) || (last && reading.sent_from.is_match(line) && reading.devices.has(line));
        told && !self.words.content_word(line)
    }
}
