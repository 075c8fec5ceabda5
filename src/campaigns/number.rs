//! What else a number may be: money, an amount, a year, a phone number, a postcode, a part of something longer.
//!
//! Knows nothing of labels: it is asked about numbers that none introduces, or of units that belong to one.

use super::fold::Token;
use super::gap;
use super::hints::role;
use super::stated::{Finder, Stated};
use crate::request::evidence::Where;

pub(super) enum Bare {
    Yes,
    No(&'static str),
    Nothing,
}

impl Finder<'_, '_> {
    pub(super) fn near_length(&self, length: usize) -> bool {
        let around = 0b111u64 << length.clamp(1, 60).saturating_sub(1);
        length >= 3 && self.ids.digit_lengths & around != 0
    }

    pub(super) fn year(&self, compact: &str) -> bool {
        compact.len() == 4 && (compact.starts_with("19") || compact.starts_with("20"))
    }

    /// Whether the currency sign stands beside this number, not beside another one.
    pub(super) fn money(&self, i: usize, last: usize) -> bool {
        let (Some(token), Some(end)) = (self.token(i), self.token(last)) else { return false };
        let before = self.words.text.get(..token.start).unwrap_or_default().trim_end();
        let after = self.words.text.get(end.end..).unwrap_or_default().trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺');
        let ahead = after.strip_prefix(sign).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
        before.ends_with(sign) || ahead
    }

    /// ", AZ 88120": a state and its postcode.
    pub(super) fn postcode(&self, i: usize, last: usize) -> bool {
        let (Some(state), Some(code)) = (self.token(i), self.token(last)) else { return false };
        let two = state.capitals && state.end - state.start == 2 && state.gap & gap::COMMA != 0;
        two && last == i + 1 && code.digits && code.end - code.start == 5 && code.gap == gap::SPACE
    }

    pub(super) fn unit_after(&self, last: usize) -> bool {
        self.token(last + 1).is_some_and(|next| next.roles & role::UNIT != 0 && next.gap & !gap::SPACE == 0)
    }

    /// Whether a number without a known id is one by itself: no part of a date, a decimal number, a phone number.
    pub(super) fn stands_alone(&self, first: usize, last: usize) -> bool {
        let tight = |token: &Token| token.gap & gap::WHITE == 0;
        let cuts = gap::DOT | gap::COMMA | gap::COLON | gap::SLASH | gap::HYPHEN | gap::APOSTROPHE | gap::AT;
        let before = self.token(first).is_some_and(|token| {
            first > 0 && tight(token) && token.gap & cuts != 0 && self.words.tokens[first - 1].digits
        });
        let after = self.token(last + 1).is_some_and(|next| {
            let same_length = next.end - next.start == self.words.tokens[last].end - self.words.tokens[last].start;
            let list = next.gap & (gap::SLASH | gap::COMMA) != 0 && same_length;
            tight(next) && next.gap & cuts != 0 && next.has_digit && !list
        });
        // URLs may go on behind a slash.
        !before && (!after || self.token(first).is_some_and(|token| token.link))
    }

    /// Whether a number of the directory, standing there without a label, is meant as an ID.
    pub(super) fn bare(&self, i: usize, before: Option<&Stated>) -> Bare {
        let Some(token) = self.token(i) else { return Bare::Nothing };
        let word = self.words.folded(token);
        let listed = before.is_some_and(|before| before.row.is_some() && self.continues(before.tokens.1, i));
        let attachment = self.zone.place == Where::Attachment;
        if token.link || self.zone.place == Where::Link {
            return Bare::No("campaign-id.in-link");
        }
        let enough = word.len() >= 5 || word.len() == 4 && !self.year(word) || self.answers(i);
        if !enough {
            return Bare::Nothing;
        }
        let known = |at: Option<usize>| {
            at.and_then(|at| self.token(at)).is_some_and(|token| {
                let word = self.words.folded(token);
                token.digits && self.ids.find(word, word, self.campaigns).is_some()
            })
        };
        let previous = i.checked_sub(1).and_then(|at| self.token(at));
        let tight = |gap: u32| gap & (gap::WHITE | gap::OPEN | gap::QUOTE | gap::HASH | gap::CLOSE) == 0 && gap != 0;
        if let Some(previous) = previous
            && tight(token.gap)
            && !(known(Some(i - 1)) && token.gap & (gap::SLASH | gap::COMMA | gap::PLUS | gap::AND | gap::HYPHEN) != 0)
        {
            let file = attachment && !self.hints.negative(self.words.folded(previous), previous.roles);
            if !file || previous.has_digit {
                return Bare::No("campaign-id.part-of-something");
            }
        }
        if token.gap & gap::PLUS != 0 && !listed {
            return Bare::No("campaign-id.phone");
        }
        if let Some(next) = self.token(i + 1) {
            let file = attachment && !next.has_digit;
            if tight(next.gap) && !known(Some(i + 1)) && !file {
                return Bare::No("campaign-id.part-of-something");
            }
            if next.roles & role::UNIT != 0 && next.gap & !gap::SPACE == 0 {
                return Bare::No("campaign-id.amount");
            }
            if next.digits && next.gap == gap::SPACE && next.gap_chars == 1 && !known(Some(i + 1)) {
                return Bare::No("campaign-id.phone");
            }
            let place = next.capital && !next.capitals && next.gap == gap::SPACE && word.len() == 5;
            if place && token.gap & gap::COMMA != 0 && !listed && next.roles == 0 {
                return Bare::No("campaign-id.zip");
            }
        }
        if let Some(previous) = previous {
            let spaced = token.gap & !(gap::SPACE | gap::CLOSE | gap::HYPHEN) == 0 && token.gap_chars <= 2;
            if previous.digits && spaced && !known(Some(i - 1)) {
                return Bare::No("campaign-id.phone");
            }
            let state = previous.capitals && previous.end - previous.start == 2 && previous.gap & gap::COMMA != 0;
            if state && token.gap == gap::SPACE && word.len() == 5 {
                return Bare::No("campaign-id.zip");
            }
        }
        let street = |at: usize| self.token(at).is_some_and(|token| token.roles & role::STREET != 0);
        if word.len() == 4 && (i + 1..i + 4).any(street) {
            return Bare::No("campaign-id.something-else");
        }
        if self.said_of_something_else(i) {
            return Bare::No("campaign-id.something-else");
        }
        Bare::Yes
    }

    /// "It is 412.", or nothing but the number: the answer to our question.
    pub(super) fn answers(&self, i: usize) -> bool {
        let alone = self.words.tokens.len() <= 2;
        let copula = i > 0
            && self.words.tokens[i - 1].roles & role::FILL != 0
            && self.words.gap_after(i) & (gap::DOT | gap::COMMA | gap::LINE | gap::END) != 0
            && i <= 4
            && (0..i).all(|at| self.words.tokens[at].roles & role::FILL != 0);
        alone || copula
    }

    /// "48213 is our invoice number".
    pub(super) fn said_of_something_else(&self, i: usize) -> bool {
        for at in i + 1..i + 5 {
            let Some(token) = self.token(at) else { return false };
            if token.gap & !gap::SPACE != 0 {
                return false;
            }
            if self.hints.negative(self.words.folded(token), token.roles) {
                return at > i + 1 || token.roles & role::UNIT != 0;
            }
            if token.roles & (role::FILL | role::OWN) == 0 {
                return false;
            }
        }
        false
    }
}
