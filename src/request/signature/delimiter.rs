//! `-- ` above a signature, and other lines of dashes: people also divide with them what they tell.

use super::Find;
use super::look::{Look, proper};
use crate::request::quote::{Kind, is_rule};

impl Find<'_> {
    /// `-- ` (RFC 3676 §4.3), and what people make of it.
    pub(super) fn delimited(&self, kinds: &mut [Kind], from: usize, to: usize) -> bool {
        let tail = self.tail(kinds, from, to);
        let delimiter = |at: &usize| {
            let line = self.line(*at);
            matches!(line, "--" | "—" | "- -" | "–" | "---") || is_rule(line)
        };
        let Some(position) = (0..tail.len()).filter(|at| delimiter(&tail[*at])).find(|at| self.delimits(&tail, *at))
        else {
            return false;
        };
        for at in &tail[position..] {
            kinds[*at] = Kind::Signature;
        }
        true
    }

    /// Whether a line of dashes stands above a signature; others divide what somebody tells.
    fn delimits(&self, tail: &[usize], position: usize) -> bool {
        let below = &tail[position + 1..];
        let rule = is_rule(self.line(tail[position]));
        // Three dashes may divide, too, but not the last few words from the others.
        let dashes = self.line(tail[position]) == "---";
        let looks = self.looks(below);
        let matter = below.iter().any(|at| self.words.about(self.line(*at)) || self.line(*at).ends_with('?'));
        if rule {
            // A drawn line may divide anything; below it only contacts are a signature, or the sender's name.
            let named = below.first().is_some_and(|at| self.words.is_name(self.line(*at)));
            !below.is_empty() && (named || looks.contains(&Look::Contact)) && !looks.contains(&Look::Content)
        } else {
            let announced = position > 0 && self.line(tail[position - 1]).ends_with([':', '：']);
            !matter
                && !(dashes && (below.is_empty() || looks.contains(&Look::Content)))
                && (self.card(below, &looks) || !(announced || !self.exact(tail[position]) && self.told(below, &looks)))
        }
    }

    /// The delimiter of RFC 3676 §4.3, whose space hardly anybody types.
    fn exact(&self, at: usize) -> bool {
        self.line(at) == "--" && self.body.text.as_bytes().get(self.body.lines[at].end) == Some(&b' ')
    }

    /// The sender's name or contacts stand among these lines.
    fn card(&self, lines: &[usize], looks: &[Look]) -> bool {
        looks.contains(&Look::Contact) || lines.iter().any(|at| self.words.is_name(self.line(*at)))
    }

    /// Sentences, with their full stop or without: the first line tells something.
    fn told(&self, lines: &[usize], looks: &[Look]) -> bool {
        lines.first().is_some_and(|at| {
            let line = self.line(*at);
            looks[0] == Look::Content || line.split_whitespace().count() >= 3 && !proper(line)
        })
    }
}
