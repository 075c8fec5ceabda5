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
/// Bytes of a match that is looked for in the lines around a literal only.
const MOST_REACH: usize = 400;
/// Letters beyond ASCII that have another case, in one literal.
const MOST_CASED: usize = 3;

/// The literals that a regex asks for, their ASCII letters in lower case: of each of these sets one stands in every match. First
/// that of which the shortest is longest; none where there are only short ones.
pub fn literals(regex: &Hir) -> Vec<BTreeSet<String>> {
    let mut parts = vec![];
    row(regex, &mut parts);
    let begins =
        (0..parts.len()).filter(|at| matches!(parts[*at].kind(), HirKind::Literal(_) | HirKind::Alternation(_)));
    let mut found = Vec::from_iter(begins.filter_map(|at| {
        begun_with(&Hir::concat(parts[at..].iter().take(AHEAD).map(|part| Hir::clone(part)).collect()))
    }));
    found.sort_by_key(|found| (Reverse(found.iter().map(String::len).min()), found.len()));
    found
}

/// Whether a digit from 0 to 9 stands in every match.
pub fn asks_for_digit(regex: &Hir) -> bool {
    match regex.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().any(u8::is_ascii_digit),
        HirKind::Class(class) => {
            let ranges = |class: &ClassUnicode| class.iter().all(|range| range.start() >= '0' && range.end() <= '9');
            matches!(class, Class::Unicode(class) if ranges(class))
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && asks_for_digit(&repetition.sub),
        HirKind::Capture(capture) => asks_for_digit(&capture.sub),
        HirKind::Concat(parts) => parts.iter().any(asks_for_digit),
        HirKind::Alternation(parts) => parts.iter().all(asks_for_digit),
    }
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
        literals.extend(spellings(&longest.to_ascii_lowercase()));
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

/// Bytes that a match may have, 0 where none holds the end of a line. `None`: they may be many, or it looks for the edge of the text.
pub fn reach(regex: &Hir) -> Option<usize> {
    // These see the same at the end of a line as at the end of a text.
    let sees = |look| matches!(look, Look::StartLF | Look::EndLF | Look::WordAscii | Look::WordAsciiNegate);
    if !regex.properties().look_set().iter().all(sees) {
        return None;
    }
    // Another case of a letter may be longer.
    let most = || regex.properties().maximum_len()?.checked_mul(2).filter(|most| *most <= MOST_REACH);
    if is_in_one_line(regex) { Some(0) } else { most() }
}

fn is_in_one_line(regex: &Hir) -> bool {
    match regex.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => !literal.0.contains(&b'\n'),
        HirKind::Class(Class::Unicode(class)) => {
            !class.iter().any(|range| (range.start()..=range.end()).contains(&'\n'))
        }
        HirKind::Class(Class::Bytes(class)) => {
            !class.iter().any(|range| (range.start()..=range.end()).contains(&b'\n'))
        }
        HirKind::Repetition(repetition) => is_in_one_line(&repetition.sub),
        HirKind::Capture(capture) => is_in_one_line(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_in_one_line),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{asks_for_digit, literals, reach};
    use crate::rules::knot::parsed;

    fn check(regex: &str, expected: &[&str]) {
        let found = literals(&parsed(regex).unwrap()).into_iter().next().unwrap_or_default();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{regex}");
    }

    #[test]
    fn the_longest_are_looked_for() {
        check(r"\b(spent|used).{0,30}budget", &["budget"]);
        check(r"\b(budget|cash).{0,30}(hardly|barely)", &["barely", "hardly"]);
        check(r"\b(am|den) [1-3]\.", &["am 1.", "am 2.", "am 3.", "den 1.", "den 2.", "den 3."]);
    }

    #[test]
    fn each_part_has_its_own() {
        let found = literals(&parsed(r"\b(spent|used).{0,30}budget.*(on|off)").unwrap());
        assert_eq!(found.iter().map(Vec::from_iter).collect::<Vec<_>>(), [vec!["budget"], vec!["spent", "used"]]);
    }

    #[test]
    fn a_digit_may_be_asked_for() {
        for (regex, expected) in [
            ("day [0-9]+", true),
            (r"day \d", true),
            ("(2nd|1st|[3-5]th)", true),
            ("(2nd|second)", false),
            ("days?[0-9]*", false),
            ("[0-9a-f]", false),
        ] {
            assert_eq!(asks_for_digit(&parsed(regex).unwrap()), expected, "{regex}");
        }
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
        for (regex, expected) in [
            (r"^a.{0,9}\b[a-z ]$", Some(0)),
            (r"a\s", Some(8)),
            (r"a\s+", None),
            ("[^a]", Some(8)),
            ("a(b|(\n)?c)", Some(6)),
            (r"\Aab", None),
            (r"(a\n){200}", None),
        ] {
            assert_eq!(reach(&parsed(regex).unwrap()), expected, "{regex}");
        }
    }
}
