//! The literals of a regex: texts of which one stands wherever it matches. Those of `\b(spent|used).{0,30}budget` are "budget".
//!
//! They are found for all regexes in one pass, so that most regexes need not be looked at. Matches nothing itself.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

/// Shorter ones stand everywhere.
const LEAST_BYTES: usize = 3;
/// So many of a regex at most.
const MOST: usize = 500;
/// So many parts of a regex that stand behind one another are read for one literal.
const AHEAD: usize = 4;
/// Letters beyond ASCII that have another case, in one literal.
const MOST_CASED: usize = 3;

/// Of the literals that a regex asks for, whatever their ASCII letters' case, those of which the shortest is longest. `None` where
/// it asks for none, or only for short ones.
pub fn literals(regex: &Hir) -> Option<BTreeSet<String>> {
    let mut parts = vec![];
    row(regex, &mut parts);
    let begins =
        (0..parts.len()).filter(|at| matches!(parts[*at].kind(), HirKind::Literal(_) | HirKind::Alternation(_)));
    let found = begins.filter_map(|at| {
        begun_with(&Hir::concat(parts[at..].iter().take(AHEAD).map(|part| Hir::clone(part)).collect()))
    });
    found.max_by_key(|found| (found.iter().map(String::len).min(), Reverse(found.len())))
}

/// The parts that stand behind one another.
fn row<'h>(regex: &'h Hir, parts: &mut Vec<&'h Hir>) {
    match regex.kind() {
        HirKind::Capture(capture) => row(&capture.sub, parts),
        HirKind::Concat(all) => all.iter().for_each(|part| row(part, parts)),
        _ => parts.push(regex),
    }
}

/// The literals with one of which it begins.
fn begun_with(part: &Hir) -> Option<BTreeSet<String>> {
    let found = Extractor::new().extract(part);
    let mut literals = BTreeSet::new();
    for literal in found.literals()? {
        let text = std::str::from_utf8(literal.as_bytes()).ok()?;
        let longest =
            text.split(|c| cases(c).iter().any(|case| case.is_ascii() && *case != c)).max_by_key(|run| run.len())?;
        let cased = longest.chars().filter(|c| cases(*c).len() > 1).count();
        if longest.len() < LEAST_BYTES || cased > MOST_CASED {
            return None;
        }
        literals.extend(spellings(longest));
    }
    (1..=MOST).contains(&literals.len()).then_some(literals)
}

/// A letter beyond ASCII in all its cases (CaseFolding.txt), any other character alone.
fn cases(c: char) -> Vec<char> {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    if !c.is_ascii() {
        class.case_fold_simple();
    }
    class.iter().flat_map(|range| range.start()..=range.end()).collect()
}

/// A text with each of its letters beyond ASCII in all cases.
fn spellings(text: &str) -> Vec<String> {
    text.chars().fold(vec![String::new()], |begun, c| {
        let cases = cases(c);
        begun.iter().flat_map(|begun| cases.iter().map(move |case| format!("{begun}{case}"))).collect()
    })
}

/// Whether no match of it holds the end of a line.
pub fn is_in_one_line(regex: &Hir) -> bool {
    match regex.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => !literal.0.contains(&b'\n'),
        HirKind::Class(Class::Unicode(class)) => {
            !class.iter().any(|range| (range.start()..=range.end()).contains(&'\n'))
        }
        HirKind::Class(Class::Bytes(class)) => {
            !class.iter().any(|range| (range.start()..=range.end()).contains(&b'\n'))
        }
        // These see the same at the end of a line as at the end of a text.
        HirKind::Look(look) => matches!(look, Look::StartLF | Look::EndLF | Look::WordAscii | Look::WordAsciiNegate),
        HirKind::Repetition(repetition) => is_in_one_line(&repetition.sub),
        HirKind::Capture(capture) => is_in_one_line(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_in_one_line),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{is_in_one_line, literals};
    use crate::rules::knot::parsed;

    fn check(regex: &str, expected: &[&str]) {
        let found = literals(&parsed(regex).unwrap()).unwrap_or_default();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{regex}");
    }

    #[test]
    fn the_longest_are_looked_for() {
        check(r"\b(spent|used).{0,30}budget", &["budget"]);
        check(r"\b(budget|cash).{0,30}(hardly|barely)", &["barely", "hardly"]);
        check(r"\b(am|den) [1-3]\.", &["am 1.", "am 2.", "am 3.", "den 1.", "den 2.", "den 3."]);
    }

    #[test]
    fn letters_beyond_ascii_stand_in_both_cases() {
        check("(Über|tauschen) x", &["tauschen x", "Über x", "über x"]);
        check("straße 1", &["straße 1", "straẞe 1"]);
        check("ός", &["ΌΣ", "Ός", "Όσ", "όΣ", "ός", "όσ"]);
    }

    #[test]
    fn what_is_short_or_may_be_missing_is_no_literal() {
        for regex in [r"\bq[1-4]\b", "[0-9]{4}", "(abc)?.{9}", "(a|abc) .*", r"\w+ing"] {
            check(regex, if regex == r"\w+ing" { &["ing"] } else { &[] });
        }
    }

    #[test]
    fn a_match_may_go_on_in_the_next_line() {
        for (regex, expected) in
            [(r"^a.{0,9}\b[a-z ]$", true), (r"a\s", false), ("[^a]", false), ("a(b|(\n)?c)", false)]
        {
            assert_eq!(is_in_one_line(&parsed(regex).unwrap()), expected, "{regex}");
        }
    }
}
