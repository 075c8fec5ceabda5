//! What every text holds in which a regex matches: for `budget.{0,30}(spent|used)` it is "budget".
//!
//! Texts of which at least one must be there are found for all regexes in one pass, and most regexes need not be looked at.
//! Matches nothing itself.

use std::collections::BTreeSet;

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Shorter texts stand everywhere.
const LEAST_BYTES: usize = 3;
/// So many texts of a regex at most.
const MOST: usize = 500;
/// So many parts behind one another are read for one text.
const AHEAD: usize = 4;
/// Letters that have another case beyond ASCII, in one text.
const MOST_CASED: usize = 3;

/// Texts of which one stands in every text in which the regex matches, whatever the case of its ASCII letters: the longest ones.
/// None where there are no such texts, or only short ones.
pub fn texts(regex: &Hir) -> Option<BTreeSet<String>> {
    let mut pieces: Vec<&Hir> = vec![];
    row(regex, &mut pieces);
    let begins =
        (0..pieces.len()).filter(|at| matches!(pieces[*at].kind(), HirKind::Literal(_) | HirKind::Alternation(_)));
    let found = begins.filter_map(|at| {
        let parts = pieces[at..].iter().take(AHEAD).copied().cloned();
        begun_with(&Hir::concat(parts.collect()))
    });
    let shortest = |texts: &BTreeSet<String>| texts.iter().map(String::len).min();
    found.max_by_key(|texts| (shortest(texts), std::cmp::Reverse(texts.len())))
}

/// Whether no match holds the end of a line.
pub fn is_in_one_line(regex: &Hir) -> bool {
    match regex.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => !literal.0.contains(&b'\n'),
        HirKind::Class(Class::Unicode(class)) => {
            !class.iter().any(|range| range.start() <= '\n' && '\n' <= range.end())
        }
        HirKind::Class(Class::Bytes(class)) => {
            !class.iter().any(|range| range.start() <= b'\n' && b'\n' <= range.end())
        }
        // Those that know lines, and words by ASCII letters, see the same at the end of a line as at the end of a text.
        HirKind::Look(look) => matches!(look, Look::StartLF | Look::EndLF | Look::WordAscii | Look::WordAsciiNegate),
        HirKind::Repetition(repetition) => is_in_one_line(&repetition.sub),
        HirKind::Capture(capture) => is_in_one_line(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_in_one_line),
    }
}

/// The parts of a regex that stand behind one another.
fn row<'h>(regex: &'h Hir, parts: &mut Vec<&'h Hir>) {
    match regex.kind() {
        HirKind::Capture(capture) => row(&capture.sub, parts),
        HirKind::Concat(all) => all.iter().for_each(|part| row(part, parts)),
        _ => parts.push(regex),
    }
}

/// The texts with one of which it begins.
fn begun_with(part: &Hir) -> Option<BTreeSet<String>> {
    let found = Extractor::new().extract(part);
    let mut texts = BTreeSet::new();
    for literal in found.literals()? {
        let text = std::str::from_utf8(literal.as_bytes()).ok()?;
        let longest = text.split(|c| !is_simple(c)).max_by_key(|run| run.len()).unwrap_or_default();
        if longest.len() < LEAST_BYTES || longest.chars().filter(|c| other_case(*c).is_some()).count() > MOST_CASED {
            return None;
        }
        texts.extend(spellings(longest));
    }
    (1..=MOST).contains(&texts.len()).then_some(texts)
}

/// Whether its other case, if any, is one letter, which has this one as its other.
fn is_simple(c: char) -> bool {
    c.is_ascii()
        || !c.is_alphabetic()
        || c.to_uppercase().chain(c.to_lowercase()).all(|other| other == c)
        || other_case(c).is_some()
}

/// The other case of a letter that is not ASCII.
fn other_case(c: char) -> Option<char> {
    let one =
        |mut cases: Box<dyn Iterator<Item = char>>| cases.next().filter(|case| cases.next().is_none() && *case != c);
    let (upper, lower) = (one(Box::new(c.to_uppercase())), one(Box::new(c.to_lowercase())));
    upper.or(lower).filter(|other| !c.is_ascii() && !other.is_ascii())
}

/// A text in both cases of its letters that are not ASCII.
fn spellings(text: &str) -> Vec<String> {
    text.chars().fold(vec![String::new()], |spellings, c| {
        let cases = [Some(c), other_case(c)];
        let grown = spellings.iter().flat_map(|begun| cases.iter().flatten().map(move |case| format!("{begun}{case}")));
        grown.map(|text| text.to_ascii_lowercase()).collect()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::texts;
    use crate::rules::knot::parsed;

    fn check(regex: &str, expected: &[&str]) {
        let found = texts(&parsed(regex).unwrap()).unwrap_or_default();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{regex}");
    }

    #[test]
    fn the_longest_texts_are_looked_for() {
        check(r"\b(budget|money).{0,30}(hardly|barely)", &["barely", "hardly"]);
        check(r"\bq[1-4]\b", &[]);
        check("(Ändern|tauschen) x", &["tauschen x", "Ändern x", "ändern x"]);
        check("(spaß|(abc)?) .{9}", &[]);
    }
}
