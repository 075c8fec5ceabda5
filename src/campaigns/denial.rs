//! What the text turns down: "not 48213 but 48231", "48213 is not affected", "not the West one".
//!
//! A denial reaches no further than its sentence. What is denied stays evidence and decides nothing.

use super::Directory;
use super::fold::{NO_WORD, Words};
use super::gap;
use super::hints::{Says, role};
use super::named::Mention;
use super::names::Names;
use super::stated::{Finder, Stated};
use super::verdict::{CANDIDATES, Found, Group};

impl Finder<'_, '_> {
    /// Turns down what the text denies.
    pub(super) fn deny(&self, found: &mut [Stated]) {
        let mut previous_denied = false;
        let mut previous: Option<usize> = None;
        for id in found.iter_mut() {
            let (first, last) = id.tokens;
            let listed = previous_denied
                && previous.is_some_and(|previous| {
                    self.continues(previous, first)
                        && (previous + 1..first).any(|at| self.words.tokens[at].roles & role::AND != 0)
                        && (previous + 1..=first).all(|at| self.words.tokens[at].gap & gap::COMMA == 0)
                });
            let denied = denied(self.words, first, last) || listed;
            if denied && id.weight > 0.0 {
                id.weight = -1.0;
                id.rule = "campaign-id.denied";
            }
            previous_denied = denied;
            previous = Some(last);
        }
        // "104882 and 104883 are not affected": the list shares what is said behind it.
        for at in (1..found.len()).rev() {
            let shares = found[at].rule == "campaign-id.denied"
                && denied_behind(self.words, found[at].tokens.1)
                && self.continues(found[at - 1].tokens.1, found[at].tokens.0);
            if shares && found[at - 1].weight > 0.0 {
                found[at - 1].weight = -1.0;
                found[at - 1].rule = "campaign-id.denied";
            }
        }
    }
}

/// Whether the text denies what stands from the first to the last of these tokens.
pub(super) fn denied(words: &Words<'_>, first: usize, last: usize) -> bool {
    denied_ahead(words, first) || denied_behind(words, last)
}

/// "not 48213", "instead of campaign 48213".
fn denied_ahead(words: &Words<'_>, first: usize) -> bool {
    let passing =
        role::FILL | role::CAMPAIGN | role::CAMPAIGNS | role::IDENTIFIER | role::NUMBER | role::OWN | role::ADVERT;
    let mut at = first;
    for _ in 0..7 {
        let Some(token) = words.tokens.get(at) else { return false };
        let stops = gap::END | gap::COMMA | gap::SEMICOLON | gap::PARAGRAPH | gap::COLON | gap::QUERY;
        let short = at > 0 && words.tokens[at - 1].roles & role::NUMBER != 0;
        if at == 0 || (token.gap & stops != 0 && !short) {
            return false;
        }
        at -= 1;
        let roles = words.tokens[at].roles;
        if roles & role::DENY != 0 {
            // "not only 48213" denies nothing.
            return words.tokens.get(at + 1).is_none_or(|next| next.roles & role::BUT == 0);
        }
        let phrase = (0..4).any(|back| {
            let Some(start) = at.checked_sub(back) else { return false };
            words.phrases_at(start).any(|(says, end)| says == Says::DeniedAfter && end == at + 1)
        });
        if phrase {
            return true;
        }
        if roles & role::BUT != 0 && roles & role::FILL == 0 || roles & passing == 0 {
            return false;
        }
    }
    false
}

/// "48213 is not affected", "leave that one alone".
fn denied_behind(words: &Words<'_>, last: usize) -> bool {
    let mut apart = false;
    for at in last + 1..last + 6 {
        let Some(token) = words.tokens.get(at) else { return false };
        if token.gap & (gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::QUERY) != 0 {
            return false;
        }
        if words.phrases_at(at).any(|(says, _)| says == Says::DeniedBefore) {
            return true;
        }
        // "48231, the 48213 is not meant": what follows is said of the other.
        apart |= token.gap & gap::COMMA != 0 && token.roles & (role::FILL | role::OWN) != 0 && !token.has_digit;
        if apart && token.has_digit {
            return false;
        }
        let passing = role::FILL | role::CAMPAIGN | role::CAMPAIGNS | role::AND | role::OWN;
        if token.roles & passing == 0 && !token.has_digit && token.word == NO_WORD {
            return false;
        }
    }
    false
}

/// Siblings that the text turns down: "not the West one", "2024 and 2025 are not what I mean".
pub(super) struct Exclusions<'a, 'z> {
    pub(super) zones: &'a [Found<'z>],
    pub(super) directory: &'a Directory,
}

impl Exclusions<'_, '_> {
    pub(super) fn narrow(&self, mention: &Mention) -> Group {
        let rows = &mention.rows;
        if rows.len() < 2 || rows.len() > CANDIDATES {
            return rows.clone();
        }
        let names = &self.directory.names;
        // Words that some of the candidates have and others not; only a text that denies anything needs them.
        let mut apart: Option<Vec<u32>> = None;
        let mut left: Group = rows.clone();
        for found in self.zones.iter().filter(|found| found.decides && denies_anything(&found.zone.words)) {
            let apart = apart.get_or_insert_with(|| telling_apart(rows, names));
            for (at, token) in found.zone.words.tokens.iter().enumerate() {
                if token.word != NO_WORD && apart.binary_search(&token.word).is_ok() && excluded(&found.zone.words, at)
                {
                    left.retain(|(row, _)| !names.entry(*row).contains(&token.word));
                }
            }
        }
        if left.is_empty() { rows.clone() } else { left }
    }
}

fn denies_anything(words: &Words<'_>) -> bool {
    let said = |says: Says| matches!(says, Says::DeniedAfter | Says::DeniedBefore);
    words.said.iter().any(|phrase| said(phrase.says)) || words.tokens.iter().any(|token| token.roles & role::DENY != 0)
}

/// The words that some of these campaigns' names have and others not, sorted.
fn telling_apart(rows: &[(u32, f64)], names: &Names) -> Vec<u32> {
    let mut words: Vec<u32> = vec![];
    for (row, _) in rows {
        let name = names.entry(*row);
        words.extend(name.iter().enumerate().filter(|(at, word)| !name[..*at].contains(word)).map(|(_, word)| word));
    }
    words.sort_unstable();
    let runs = words.chunk_by(|a, b| a == b);
    runs.filter(|run| run.len() < rows.len()).map(|run| run[0]).collect()
}

/// Whether the word at this token is what a denial is about.
fn excluded(words: &Words<'_>, at: usize) -> bool {
    let tokens = &words.tokens;
    let ends = gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::QUERY;
    let mut before = at;
    for _ in 0..5 {
        if before == 0 || tokens[before].gap & (ends | gap::COMMA | gap::CLOSE) != 0 {
            break;
        }
        before -= 1;
        let roles = tokens[before].roles;
        let phrase = (0..4).any(|back| {
            before.checked_sub(back).is_some_and(|start| {
                words.phrases_at(start).any(|(says, end)| says == Says::DeniedAfter && end == before + 1)
            })
        });
        if roles & role::DENY != 0 || phrase {
            return true;
        }
        if roles & role::BUT != 0 && roles & role::FILL == 0 {
            break;
        }
        let passes = roles & (role::FILL | role::OWN | role::AND | role::CAMPAIGN | role::STOP | role::NUMBER) != 0;
        if !passes && tokens[before].word == NO_WORD {
            break;
        }
    }
    for behind in at + 1..at + 8 {
        let Some(token) = tokens.get(behind) else { return false };
        if token.gap & ends != 0 {
            return false;
        }
        if words.phrases_at(behind).any(|(says, _)| says == Says::DeniedBefore) {
            return true;
        }
        let passes =
            token.roles & (role::FILL | role::OWN | role::AND | role::CAMPAIGN | role::CAMPAIGNS | role::STOP) != 0;
        if !passes && token.word == NO_WORD {
            return false;
        }
    }
    false
}
