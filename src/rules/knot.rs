//! The knot: all regexes of a folder, looked for in the texts of a request. Its cost follows the text and the regexes whose
//! literals stand in it, not the number of all.
//!
//! One pass looks for the literals of all; where one is found, its regexes say whether and where they match, mostly in that line
//! only. Those that have no literals are searched for together. A wrong regex is told with file, line and remedy.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::{Match, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_syntax::{ParserBuilder, hir::Hir};

use super::literals::{is_in_one_line, literals};
use super::numbering::Lists;
use super::possible::possible;
use crate::config::fault::Fault;
use crate::request::pattern::small;

/// Bytes that one compiled regex may take: a bomb such as `(?:a{1000}){1000}` is refused.
const REGEX_BYTES: usize = 256 * 1024;
/// Bytes that the states of those may take that are searched for together: with fewer than they need, they are thrown away
/// and built anew, or the search goes on without any, a hundred times as slow. Each thread that judges has its own.
const STATES_BYTES: usize = 4 << 20;
/// Wrong regexes that are named: each takes long to refuse.
const WRONG_REGEXES: usize = 20;
/// So many regexes that ask for the same literal are looked at one by one.
const MOST_ASKING: usize = 16;
/// Letters whose other case is an ASCII letter (CaseFolding.txt): the long s, and the sign of the kelvin.
const OTHER_CASES: [&str; 2] = ["\u{17f}", "\u{212a}"];

/// A regex as written, and where.
#[derive(Debug)]
pub struct Thread {
    pub file: String,
    pub line: usize,
    pub written: String,
}

/// All regexes, by number.
#[derive(Debug, Default)]
pub struct Knot {
    /// Those that most regexes ask for.
    literals: Option<AhoCorasick>,
    /// Literal → the regexes that ask for it.
    asked_by: Lists<u32>,
    /// Those that are searched for together, and their numbers: they ask for none, or for one that many ask for.
    others: RegexSet,
    numbers: Vec<u32>,
    patterns: Vec<Pattern>,
}

impl Knot {
    /// All of these. `proven`: files whose regexes need not be tried one by one. Else all that is wrong with them.
    pub fn of(regexes: &[Thread], proven: &HashSet<String>) -> Result<Knot, Vec<Fault>> {
        let unproven = regexes.iter().filter(|regex| !proven.contains(&regex.file));
        let mut faults: Vec<Fault> = unproven.filter_map(wrong).take(WRONG_REGEXES).collect();
        if let Some(last) = faults.get(WRONG_REGEXES - 1) {
            let message = format!("at least {WRONG_REGEXES} regexes are wrong; no more are named");
            faults.push(Fault { line: 0, message, remedy: "correct these first".into(), ..last.clone() });
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut patterns = vec![];
        let mut by_literal: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut numbers = vec![];
        for (regex, number) in regexes.iter().zip(0..) {
            let read = parsed(&regex.written);
            let one_line = read.as_ref().is_some_and(is_in_one_line);
            patterns.push(Pattern { text: small(&regex.written), one_line, regex: OnceLock::new() });
            match read.and_then(|read| literals(&read)) {
                Some(literals) => {
                    literals.into_iter().for_each(|literal| by_literal.entry(literal).or_default().push(number))
                }
                None => numbers.push(number),
            }
        }
        // Many that ask for one everyday word are searched for together.
        let crowded = by_literal.values().filter(|by| by.len() > MOST_ASKING).flatten().copied();
        let crowded: BTreeSet<u32> = crowded.collect();
        by_literal.retain(|_, by| {
            by.retain(|number| !crowded.contains(number));
            !by.is_empty()
        });
        numbers.extend(crowded);
        let asked_by =
            (0..).zip(by_literal.values()).flat_map(|(literal, by)| by.iter().map(move |number| (literal, *number)));
        let asked_by = Lists::of_pairs(by_literal.len(), asked_by.collect());
        let built = AhoCorasick::builder().ascii_case_insensitive(true).build(by_literal.keys());
        let others = RegexSetBuilder::new(numbers.iter().map(|number| &patterns[*number as usize].text))
            .case_insensitive(true)
            .multi_line(true)
            .size_limit(REGEX_BYTES * 64)
            .dfa_size_limit(STATES_BYTES)
            .build()
            .map_err(|error| vec![together(regexes, &error)])?;
        Ok(Knot { literals: built.ok(), asked_by, others, numbers, patterns })
    }

    /// How many regexes.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// The regexes that match somewhere in a text, each with its first match: first and last byte.
    pub fn matches(&self, text: &str) -> Vec<(u32, Range<usize>)> {
        if self.patterns.is_empty() {
            return vec![];
        }
        let all = 0..self.patterns.len() as u32;
        let mut found = vec![];
        let whole = |number: u32| Some((number, self.find_at(number, text, 0)?.range()));
        let Some(literals) = self.literals.as_ref().filter(|_| !OTHER_CASES.iter().any(|case| text.contains(case)))
        else {
            return all.filter_map(whole).collect();
        };
        // Up to where each was looked for, or has been found.
        let mut done = vec![0; self.patterns.len()];
        let mut line = 0..0;
        for near in literals.find_overlapping_iter(text) {
            if !line.contains(&near.start()) {
                line.start = text[..near.start()].rfind('\n').map_or(0, |end| end + 1);
                line.end = text[near.start()..].find('\n').map_or(text.len(), |end| near.start() + end);
            }
            for number in &self.asked_by[near.pattern().as_usize()] {
                let (pattern, done) = (&self.patterns[*number as usize], &mut done[*number as usize]);
                if near.end() <= *done {
                    continue;
                }
                let within = if pattern.one_line { line.clone() } else { 0..text.len() };
                *done = within.end;
                if let Some(first) = pattern.find_at(&text[within.clone()], 0) {
                    found.push((*number, within.start + first.start()..within.start + first.end()));
                    *done = text.len();
                }
            }
        }
        found.extend(self.others.matches(text).iter().filter_map(|other| whole(self.numbers[other])));
        found
    }

    /// The first match of a regex from this byte on.
    pub fn find_at<'t>(&self, number: u32, text: &'t str, from: usize) -> Option<Match<'t>> {
        self.patterns[number as usize].find_at(text, from)
    }
}

/// A regex that gives spans, compiled when it is first looked for: most of them never match, and each takes memory.
#[derive(Debug)]
struct Pattern {
    text: String,
    /// A match never goes on in the next line.
    one_line: bool,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn find_at<'t>(&self, text: &'t str, from: usize) -> Option<Match<'t>> {
        // It was compiled once to see that it can be.
        self.regex.get_or_init(|| build(&self.text).ok()).as_ref()?.find_at(text, from)
    }
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(true).multi_line(true).size_limit(REGEX_BYTES).nest_limit(50).build()
}

/// A regex as it is understood. `None`: it is wrong.
pub(super) fn parsed(written: &str) -> Option<Hir> {
    ParserBuilder::new().multi_line(true).build().parse(&small(written)).ok()
}

/// All regexes together are over the bound: told where most of them stand.
fn together(regexes: &[Thread], error: &regex::Error) -> Fault {
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    regexes.iter().for_each(|regex| by_file.entry(&regex.file).or_default().push(regex.line));
    let most = by_file.into_iter().max_by_key(|(_, lines)| lines.len());
    let (file, mut lines) = most.unwrap_or(("rules", vec![0]));
    lines.sort_unstable();
    let what = error.to_string();
    let message = format!(
        "the {} regexes of the folder, {} of them in this file, are too large together: {}",
        regexes.len(),
        lines.len(),
        what.trim_end_matches('.')
    );
    let remedy = "lower their repeat counts, use fewer of them, or phrases";
    Fault { file: file.to_owned(), line: lines[lines.len() / 2], message, remedy: remedy.into() }
}

/// What is wrong with a regex.
fn wrong(regex: &Thread) -> Option<Fault> {
    let (written, shown) = (&regex.written, as_written(&regex.written));
    let (message, remedy) = match build(&small(written)) {
        // What TOML makes of `"\b"`.
        Ok(_) if written.contains('\u{8}') => (
            format!("the regex {shown} can never fire: it asks for a backspace"),
            "write it between single quotes, where `\\b` is the edge of a word",
        ),
        Ok(built) if built.is_match("") => {
            (format!("the regex {shown} matches everything"), "make it ask for some text")
        }
        Ok(_) if parsed(written).is_some_and(|read| !possible(&read)) => (
            format!("the regex {shown} can never fire: no text is all that it asks for"),
            "see whether a `^`, a `$` or a `\\b` stands inside it where it cannot be, and correct it, or delete it",
        ),
        Ok(_) => return None,
        Err(regex::Error::CompiledTooBig(bound)) => (
            format!("the regex {shown} compiles to more than {bound} bytes"),
            "lower its repeat counts, or use phrases",
        ),
        Err(error) => {
            let error = error.to_string();
            let why = error.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it is malformed");
            (format!("the regex {shown} is wrong: {why}"), "correct it, or use phrases")
        }
    };
    Some(Fault { file: regex.file.clone(), line: regex.line, message, remedy: remedy.into() })
}

/// A regex as files hold it: between single quotes, where a backslash is itself.
pub fn as_written(regex: &str) -> String {
    let fits = !regex.contains(|c: char| c == '\'' || c.is_control());
    if fits { format!("'{regex}'") } else { format!("{regex:?}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::ops::Range;

    use super::{Knot, Thread, build};
    use crate::request::pattern::small;

    #[test]
    fn counted_word_characters_are_within_the_bound_and_know_letters() {
        for regex in [r"\w{6}", r"\w{3,20}", r"[\w.-]{1,30}@\w{2,10}", r"\d{4}-\W\D{3}"] {
            assert!(build(&small(regex)).is_ok(), "{regex}");
        }
        let words = build(&small(r"^\w+$")).unwrap();
        for word in ["straße", "Ångström_2", "счёт", "فاتورة", "発票", "청구서", "ใบแจ้งหนี้"]
        {
            assert!(words.is_match(word), "{word}");
        }
        for other in ["a b", "a-b", "a×b", "“a”", "a。"] {
            assert!(!words.is_match(other), "{other}");
        }
    }

    #[test]
    fn many_that_ask_for_one_literal_are_found() {
        let written = |number| format!(r"budget.{{0,20}}\b{number}\b");
        let regexes: Vec<Thread> =
            (10..60).map(|number| Thread { file: String::new(), line: 1, written: written(number) }).collect();
        let knot = Knot::of(&regexes, &HashSet::new()).unwrap();
        assert_eq!(knot.numbers.len(), 50);
        let mut found: Vec<u32> =
            knot.matches("The budget is 12\nor 13, a budget of 49").iter().map(|found| found.0).collect();
        found.sort_unstable();
        assert_eq!(found, [2, 39]);
    }

    /// Every regex of the shipped rules is found where it matches first.
    #[test]
    fn no_match_is_lost() {
        let rules = crate::rules::Rules::shipped();
        let knot = &rules.compiled.net.regexes;
        let files = crate::rules::Rules::shipped_files();
        let lines: Vec<&str> = files.values().flat_map(|file| file.lines()).step_by(3).collect();
        let mut matches = 0;
        for text in lines.chunks(5).map(|lines| lines.join("\n")) {
            let text = text.as_str();
            let found: HashMap<u32, Range<usize>> = knot.matches(text).into_iter().collect();
            for (regex, number) in knot.patterns.iter().zip(0..) {
                let first = regex.find_at(text, 0).map(|first| first.range());
                assert_eq!(found.get(&number), first.as_ref(), "{} in {text:?}", regex.text);
                matches += usize::from(first.is_some());
            }
        }
        assert!(matches > 500, "{matches}");
    }
}
