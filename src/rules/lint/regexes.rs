//! What the regexes of a signal show by themselves: those that stand twice, those of which every match is barred, and those with
//! a `\b` beside a letter that it does not know.
//!
//! What stands in every match is told by the texts that regex-syntax extracts from a regex, wherever they stand in it. Boundaries
//! within those texts are not followed; in doubt nothing surely stands there.

use std::slice;

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::{Findings, Weight, holds, words_of};
use crate::rules::compile::{Compiled, Signal};
use crate::rules::knot::{as_written, parsed};
use crate::rules::lexicon::Word;

impl Findings {
    /// Regexes that stand twice in a signal, and those that `unless` bars whatever they match.
    pub(super) fn of_regexes(&mut self, compiled: &Compiled, signal: &Signal) {
        let bars = |read: &str, edges| signal.unless.iter().any(|bar| stands_in(compiled, *bar, read, edges));
        for (at, (regex, line)) in signal.written.regexes.iter().enumerate() {
            if parsed(regex).is_some_and(|read| cut_off(&read)) {
                let message = format!(
                    "the regex {} can hardly fire: `\\b` beside a letter that is not one of a to z asks for one of these on its other side",
                    as_written(regex)
                );
                let remedy = "use a phrase, or write `\\b{start}` before the word and `\\b{end}` behind it: these know all letters";
                self.add(Weight::Warning, &signal.file, *line, message, remedy);
            }
            if signal.written.regexes[..at].iter().any(|(other, _)| other == regex) {
                let message = format!("the regex {} stands here twice", as_written(regex));
                self.add(Weight::Warning, &signal.file, *line, message, "delete one of them");
            } else if !signal.unless.is_empty() && parsed(regex).is_some_and(|read| every_match(&read, &bars)) {
                let message = format!(
                    "the regex {} can hardly fire: `unless` holds words of all that it matches",
                    as_written(regex)
                );
                self.add(Weight::Warning, &signal.file, *line, message, "take one of the two out");
            }
        }
    }
}

/// Whether a phrase surely stands in a text with such edges. That it may go on at both of its own ends is too much: who looks
/// for "duck" wherever it stands, unless it is a word, means "ducky".
fn stands_in(compiled: &Compiled, phrase: u32, text: &str, edges: [Edge; 2]) -> bool {
    let mut words = vec![];
    compiled.net.lexicon.read(text, &mut words);
    let begins = |word: &Word| word.start == 0 && edges[0] != Edge::Closed;
    let ends = |word: &Word| word.end as usize == text.len() && edges[1] != Edge::Closed;
    words.retain(|word| !(begins(word) && edges[0] == Edge::Cut || ends(word) && edges[1] == Edge::Cut));
    let phrase = words_of(compiled, phrase);
    let held = |open: &dyn Fn(&Word) -> bool| {
        let closed: Vec<u32> = words.iter().filter(|word| !open(word)).map(|word| word.id).collect();
        holds(&closed, &phrase)
    };
    held(&begins) || held(&ends)
}

/// How a word ends at the edge of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Surely there.
    Closed,
    /// Where the match ends: what stands beside it may go on with the word.
    Open,
    /// What the regex asks for beside it may go on with the word.
    Cut,
}

/// Whether each match holds a text of which this is so, given its edges.
fn every_match(regex: &Hir, is_so: &impl Fn(&str, [Edge; 2]) -> bool) -> bool {
    match regex.kind() {
        HirKind::Alternation(parts) => parts.iter().all(|part| every_match(part, is_so)),
        HirKind::Capture(capture) => every_match(&capture.sub, is_so),
        HirKind::Concat(parts) => (0..parts.len()).any(|from| begins(parts, from, is_so)),
        _ => begins(slice::from_ref(regex), 0, is_so),
    }
}

/// Whether it is so of all texts with which this part and those behind it begin, up to the next boundary.
fn begins(parts: &[Hir], from: usize, is_so: &impl Fn(&str, [Edge; 2]) -> bool) -> bool {
    let (before, rest) = parts.split_at(from);
    let to = rest.iter().position(|part| look(part).is_some()).unwrap_or(rest.len());
    let edge = |beside: Option<&Hir>| match beside.map(look) {
        None => Edge::Open,
        Some(Some(Look::WordAsciiNegate | Look::WordUnicodeNegate) | None) => Edge::Cut,
        Some(Some(_)) => Edge::Closed,
    };
    let (left, right) = (edge(before.last()), edge(rest.get(to)));
    let texts = Extractor::new().extract(&Hir::concat(rest[..to].to_vec()));
    let is_so = |text: &str, whole: bool| is_so(text, [left, if whole { right } else { Edge::Cut }]);
    texts.literals().is_some_and(|texts| {
        !texts.is_empty()
            && texts.iter().all(|text| str::from_utf8(text.as_bytes()).is_ok_and(|read| is_so(read, text.is_exact())))
    })
}

/// Whether a `\b`, which knows ASCII letters only, stands directly beside another letter.
fn cut_off(regex: &Hir) -> bool {
    let is_edge = |part: &Hir| look(part) == Some(Look::WordAscii);
    match regex.kind() {
        HirKind::Concat(parts) => {
            let beside = |pair: &[Hir]| {
                is_edge(&pair[0]) && all_foreign(&pair[1], true) || is_edge(&pair[1]) && all_foreign(&pair[0], false)
            };
            parts.windows(2).any(beside) || parts.iter().any(cut_off)
        }
        HirKind::Alternation(parts) => parts.iter().any(cut_off),
        HirKind::Capture(capture) => cut_off(&capture.sub),
        HirKind::Repetition(repetition) => cut_off(&repetition.sub),
        _ => false,
    }
}

/// Whether all that this matches begins (or ends) with a letter that is not ASCII.
fn all_foreign(part: &Hir, first: bool) -> bool {
    let foreign = |c: char| !c.is_ascii() && c.is_alphabetic();
    match part.kind() {
        HirKind::Literal(literal) => str::from_utf8(&literal.0).is_ok_and(|text| {
            let mut chars = text.chars();
            (if first { chars.next() } else { chars.next_back() }).is_some_and(foreign)
        }),
        HirKind::Class(Class::Unicode(class)) => {
            !class.ranges().is_empty() && class.iter().all(|range| foreign(range.start()) && foreign(range.end()))
        }
        HirKind::Concat(parts) => {
            (if first { parts.first() } else { parts.last() }).is_some_and(|part| all_foreign(part, first))
        }
        HirKind::Alternation(parts) => parts.iter().all(|part| all_foreign(part, first)),
        HirKind::Capture(capture) => all_foreign(&capture.sub, first),
        HirKind::Repetition(repetition) => repetition.min > 0 && all_foreign(&repetition.sub, first),
        _ => false,
    }
}

fn look(part: &Hir) -> Option<Look> {
    match part.kind() {
        HirKind::Look(look) => Some(*look),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;

    use super::super::tests::check;
    use super::*;
    use crate::rules::knot::parsed;

    #[test]
    fn what_every_match_holds_is_found() {
        let check = |regex: &str, text: &str, expected: &[[Edge; 2]]| {
            let found = RefCell::new(vec![]);
            every_match(&parsed(regex).unwrap(), &|read, edges| {
                if read.contains(text) {
                    found.borrow_mut().push(edges);
                }
                false
            });
            assert_eq!(found.into_inner(), expected, "{regex}");
        };
        use Edge::{Closed, Cut, Open};
        check("gr(e|a)y duck", "y duck", &[[Open, Open], [Cut, Open], [Cut, Open]]);
        check(r"\bduck\b", "duck", &[[Closed, Closed]]);
        check(r"^duck\B.", "duck", &[[Closed, Cut]]);
        check(r"\d+ duck$", " duck", &[[Cut, Closed]]);
        check("(duck a|duck b)", "duck", &[[Open, Open]]);
        check(r"duck\w+", "duck", &[[Open, Cut]]);
        check(r"\w+", "duck", &[]);
    }

    #[test]
    fn regexes_whose_every_match_is_barred_are_named() {
        let signal =
            |regex: &str, bar: &str| format!("[[signal]]\nname = \"s\"\nregex = ['{regex}']\nunless = [\"{bar}\"]\n");
        for (written, bar) in [
            ("gr(e|a)y duck", "duck"),
            ("my gr(e|a)y duck", "gray duck\", \"grey ... duck"),
            (r"\bduck\b", "duck"),
            (r"\d+ duck\b", "duck"),
            (r"no.? duck today|a duck, \d+", "duck"),
            (r"(the|my) duck$", "duck"),
        ] {
            let expected = format!(
                "topics/x.toml:4: the regex '{written}' can hardly fire: `unless` holds words of all that it matches"
            );
            check(&signal(written, bar), "", "", &[&expected]);
        }
        for (written, bar) in [
            ("gr(e|a)y duck", "grey duck"),
            ("duck", "duck"),
            (r"the duck\w+", "duck"),
            (r"\w+duck pond", "duck"),
            ("duck pond|swan", "duck"),
            (r"gray (?:duck)? pond", "duck"),
            ("the ducal", "duck"),
        ] {
            check(&signal(written, bar), "", "", &[]);
        }
    }

    #[test]
    fn boundaries_beside_letters_that_they_do_not_know_are_named() {
        let told = |regex: &str| cut_off(&parsed(regex).unwrap());
        for regex in [r"\büber\b", r"\b東京\b", r"caf(é)\b", r"x|\b(?:ändern|öffnen)", r"\b[éè]t", r"(\b[à-ü]+ )?a"]
        {
            assert!(told(regex), "{regex}");
        }
        for regex in [r"\bfür\b", r"\b{start}über\b{end}", r"\b(über|unter)\b", r"\b(?:é)?t", r"\b«x»\b", r"\b.é"]
        {
            assert!(!told(regex), "{regex}");
        }
        let regex = "\\büber\\b";
        let signal = format!("[[signal]]\nname = \"s\"\nregex = ['{regex}']\n");
        let expected = format!(
            "topics/x.toml:4: the regex '{regex}' can hardly fire: `\\b` beside a letter that is not one of a to z asks for one of these on its other side"
        );
        check(&signal, "", "", &[&expected]);
    }
}
