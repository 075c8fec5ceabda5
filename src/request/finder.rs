//! Looking for many phrases in a text at once: whole words, whatever their case.
//!
//! A table by the first three bytes and plain comparison: most words of a text cost one look into it, and there is
//! nothing to build. Letters beyond ASCII must come in lower case ([`folded`]); the case of ASCII is ignored.

use std::borrow::Cow;

/// Bytes of a phrase that its place in the table depends on.
const HEAD: usize = 3;
/// Places of the table.
const SLOTS: usize = 1024;

/// Phrases looked for anywhere in a text.
#[derive(Debug)]
pub(super) struct Finder {
    /// The phrases in lower case, by slot; in a slot the longer ones first.
    phrases: Vec<Box<str>>,
    /// Where each slot begins in `phrases`; the last entry is where the last one ends.
    slots: Box<[u16; SLOTS + 1]>,
    /// Phrases shorter than [`HEAD`].
    short: Vec<Box<str>>,
    /// Some phrase begins with a sign.
    signs: bool,
    /// Bytes of the longest phrase.
    longest: usize,
}

/// What a byte of UTF-8 says of where words begin.
#[derive(Debug, Clone, Copy)]
enum Class {
    /// A letter or digit, or the first byte of one.
    Letter,
    /// ASCII that is neither.
    Sign,
    /// Not the first byte of a character.
    Inside,
    /// The first byte of something else, or of a letter in a script without spaces.
    Other,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | 0xc3..=0xe1 => Class::Letter,
            0..=0x7f => Class::Sign,
            0x80..=0xbf => Class::Inside,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

impl Finder {
    /// A finder of these phrases; those beyond 65,535 are not looked for.
    pub(super) fn new<'a>(phrases: impl IntoIterator<Item = &'a String>) -> Finder {
        let lower = phrases.into_iter().map(|phrase| lower(phrase).into_boxed_str());
        let (mut phrases, short): (Vec<Box<str>>, Vec<Box<str>>) =
            lower.filter(|phrase| !phrase.is_empty()).partition(|phrase| phrase.len() >= HEAD);
        phrases.truncate(usize::from(u16::MAX));
        phrases.sort_by_cached_key(|phrase| (slot_of(phrase), usize::MAX - phrase.len(), phrase.clone()));
        phrases.dedup();
        let mut slots = Box::new([0; SLOTS + 1]);
        for phrase in &phrases {
            slots[slot_of(phrase) + 1] += 1;
        }
        for at in 0..SLOTS {
            slots[at + 1] += slots[at];
        }
        let signs = phrases
            .iter()
            .chain(&short)
            .any(|phrase| phrase.bytes().next().is_some_and(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric()));
        let longest = phrases.iter().map(|phrase| phrase.len()).max().unwrap_or(HEAD);
        Finder { phrases, slots, short, signs, longest }
    }

    /// The phrases that text may start with, by its first bytes, longest first.
    #[inline]
    fn likely(&self, text: &[u8]) -> &[Box<str>] {
        let Some(head) = text.first_chunk::<HEAD>() else { return &[] };
        let slot = slot(head);
        let (start, end) = (usize::from(self.slots[slot]), usize::from(self.slots[slot + 1]));
        if start == end { &[] } else { &self.phrases[start..end] }
    }

    /// The longest phrase that stands at `at` as whole words: where it ends.
    #[inline]
    fn stands(&self, text: &str, at: usize) -> Option<usize> {
        let rest = &text.as_bytes()[at..];
        let likely = self.likely(rest);
        if likely.is_empty() && self.short.is_empty() {
            return None;
        }
        let found = likely.iter().chain(&self.short).filter(|phrase| begins(rest, phrase));
        found.map(|phrase| at + phrase.len()).find(|end| bounded(text, at, *end))
    }

    /// The first phrase from `from` on that stands in `text` as whole words: its byte span.
    fn next(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let class = |at: usize| CLASSES[usize::from(bytes[at])];
        let mut at = from;
        while at < bytes.len() {
            let start = at;
            at += 1;
            let asked = match class(start) {
                Class::Letter => {
                    // No word starts inside another.
                    while at < bytes.len() && matches!(class(at), Class::Letter | Class::Inside) {
                        at += 1;
                    }
                    true
                }
                Class::Sign => self.signs,
                Class::Other => true,
                Class::Inside => false,
            };
            if asked && let Some(end) = self.stands(text, start) {
                return Some((start, end));
            }
        }
        None
    }

    /// The first phrase that stands in `lower` as whole words: its byte span.
    pub(super) fn find(&self, lower: &str) -> Option<(usize, usize)> {
        self.next(lower, 0)
    }

    /// Whether `lower` starts with one of the phrases.
    pub(super) fn starts(&self, lower: &str) -> bool {
        self.likely(lower.as_bytes()).iter().chain(&self.short).any(|phrase| begins(lower.as_bytes(), phrase))
    }

    /// Likewise of text whose letters beyond ASCII may be capitals.
    pub(super) fn starts_any_case(&self, text: &str) -> bool {
        let head = text.as_bytes().first_chunk::<HEAD>();
        let unlikely = self.short.is_empty() && head.is_some_and(|head| head.is_ascii());
        // Small letters take up to twice the room of capitals, and half at least.
        let head = &text[..text.floor_char_boundary(2 * self.longest + HEAD)];
        !(unlikely && self.likely(text.as_bytes()).is_empty()) && self.starts(&folded(head))
    }

    /// Whether `lower` ends with one of the phrases as whole words.
    pub(super) fn ends(&self, lower: &str) -> bool {
        self.phrases.iter().chain(&self.short).any(|phrase| {
            let start = lower.len().checked_sub(phrase.len());
            start.is_some_and(|at| begins(&lower.as_bytes()[at..], phrase) && bounded(lower, at, lower.len()))
        })
    }

    /// Whether one of the phrases stands in `lower` as whole words.
    pub(super) fn has(&self, lower: &str) -> bool {
        self.find(lower).is_some()
    }

    /// How many different places match, as whole words.
    pub(super) fn count(&self, lower: &str) -> usize {
        let mut from = 0;
        std::iter::from_fn(|| {
            let (_, end) = self.next(lower, from)?;
            from = end;
            Some(())
        })
        .count()
    }
}

/// The slot of text by its first bytes, whatever the case of their letters.
#[inline]
fn slot(head: &[u8; HEAD]) -> usize {
    let [a, b, c] = *head;
    let (a, b, c) = (usize::from(a | 0x20), usize::from(b | 0x20), usize::from(c | 0x20));
    (a ^ b << 3 ^ c << 6 ^ c >> 4) & (SLOTS - 1)
}

fn slot_of(phrase: &str) -> usize {
    phrase.as_bytes().first_chunk().map_or(0, slot)
}

/// A character of a script that sets spaces between words.
fn spaced(c: char) -> bool {
    (c as u32) < 0x2e80
}

fn begins(text: &[u8], phrase: &str) -> bool {
    text.get(..phrase.len()).is_some_and(|start| start.eq_ignore_ascii_case(phrase.as_bytes()))
}

/// Whether a span starts and ends at the edge of a word. Scripts written without spaces have no such edges.
fn bounded(text: &str, start: usize, end: usize) -> bool {
    let solid = |c: char| c.is_alphanumeric() && spaced(c);
    let (Some(before), Some(after)) = (text.get(..start), text.get(end..)) else { return false };
    let first = text[start..end].chars().next();
    let last = text[start..end].chars().next_back();
    let joined_before = before.chars().next_back().is_some_and(solid) && first.is_some_and(solid);
    let joined_after = after.chars().next().is_some_and(solid) && last.is_some_and(solid);
    !joined_before && !joined_after
}

/// A character in lower case; of the Turkish `İ` a plain `i`, without the dot above that Unicode leaves.
fn lower_char(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().filter(|c| *c != '\u{307}')
}

/// Text in lower case, as all phrases of the rules are compared.
pub(super) fn lower(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    lowered(text, &mut out);
    out
}

/// Beginnings of words, looked for in a few short texts only.
#[derive(Debug, Default)]
pub(super) struct Stems(Vec<String>);

impl Stems {
    pub(super) fn new<'a>(stems: impl IntoIterator<Item = &'a String>) -> Stems {
        Stems(stems.into_iter().map(|stem| lower(stem)).filter(|stem| !stem.is_empty()).collect())
    }

    /// Whether a word of `lower` begins with one of them.
    pub(super) fn has(&self, lower: &str) -> bool {
        self.0.iter().any(|stem| {
            lower.match_indices(stem.as_str()).any(|(at, _)| {
                lower[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() || !spaced(before))
            })
        })
    }
}

/// Text as a [`Finder`] wants it: letters beyond ASCII in lower case. The length may differ.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte >= 0x80) {
        out.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        out.extend(chars.next().into_iter().flat_map(lower_char));
        rest = chars.as_str();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Text in lower case, written into a buffer that is used again and again.
pub(super) fn lowered<'b>(text: &str, buffer: &'b mut String) -> &'b str {
    buffer.clear();
    if text.is_ascii() {
        buffer.push_str(text);
        buffer.make_ascii_lowercase();
    } else {
        buffer.extend(text.chars().flat_map(lower_char));
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let phrases = ["wrote", "has written", "danke", "danke schön", "[external]", "ja", "写道", "napísal(a)"];
        let finder = Finder::new(&phrases.map(str::to_owned));
        let lower = folded(text);
        assert_eq!(finder.find(&lower).map(|(start, end)| &lower[start..end]), expected, "{text}");
    }

    #[test]
    fn whole_words_are_found_whatever_their_case() {
        check("Jane WROTE:", Some("WROTE"));
        check("she has written", Some("has written"));
        check("underwrote wrotes", None);
        check("DANKE SCHÖN", Some("DANKE SCHöN"));
        check("danke schönes", Some("danke"));
        check("x[external] y", Some("[external]"));
        check("雨州于2025年写道", Some("写道"));
        check("Jana NAPÍSAL(A):", Some("NAPíSAL(A)"));
        check("naja, ja", Some("ja"));
        check("é\u{a0}ja", Some("ja"));
        check("", None);
    }

    #[test]
    fn beginnings_ends_and_counts() {
        let finder = Finder::new(&["one two".to_owned(), "one".to_owned()]);
        assert!(finder.starts("onerous") && !finder.starts("done"));
        assert!(finder.ends("that is One") && !finder.ends("everyone"));
        assert_eq!(finder.count("one two one, none, ONE TWO"), 3);
    }
}
