//! The knot: all regexes of a folder, looked for in the texts of a request. Its cost follows the text and the regexes whose
//! literals stand in it, not the number of all.
//!
//! One pass looks for the literals of all; where all that a regex asks for are found, it says whether and where it matches, mostly in
//! the lines around them only. Those that have no literals are searched for together. A wrong regex is told with file, line and remedy.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::OnceLock;

use memchr::{memchr, memrchr};
use regex::{Match, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_syntax::{ParserBuilder, hir::Hir};

use super::automaton::Automaton;
use super::literals::{asks_for_digit, literals, reach};
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
    literals: Automaton,
    /// Literal → the regexes that ask for it.
    asked_by: Lists<Asks>,
    /// Those that are searched for together, and their numbers: they ask for none, or for one that many ask for.
    others: RegexSet,
    numbers: Vec<u32>,
    patterns: Vec<Pattern>,
}

/// A regex that asks for a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asks {
    regex: u32,
    /// Which of the sets of literals that it asks for: 1 the first, 2 another.
    set: u8,
}

/// How far a regex has come in a text.
#[derive(Debug, Clone, Copy, Default)]
struct Come {
    /// Up to here its literals lead to no other first match.
    done: usize,
    /// The end of the line where its literals stood last, and the sets of which one stood there.
    line: usize,
    sets: u8,
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
        let mut by_literal: BTreeMap<String, Vec<Asks>> = BTreeMap::new();
        let mut seconds = vec![];
        let mut numbers = vec![];
        for (thread, regex) in regexes.iter().zip(0..) {
            let read = parsed(&thread.written);
            let mut sets = read.as_ref().map(literals).unwrap_or_default().into_iter();
            let reach = read.as_ref().and_then(reach);
            let digit = read.is_some_and(|read| asks_for_digit(&read));
            patterns.push(Pattern { text: small(&thread.written), reach, digit, sets: 1, regex: OnceLock::new() });
            match sets.next() {
                Some(first) => {
                    let asks = Asks { regex, set: 1 };
                    first.into_iter().for_each(|literal| by_literal.entry(literal).or_default().push(asks));
                    // Where a match may go on in the next line, so may they.
                    seconds.extend(sets.next().filter(|_| reach == Some(0)).map(|second| (regex, second)));
                }
                None => numbers.push(regex),
            }
        }
        // Many that ask for one everyday word are searched for together.
        let crowded = by_literal.values().filter(|by| by.len() > MOST_ASKING).flatten().map(|asks| asks.regex);
        let crowded: BTreeSet<u32> = crowded.collect();
        by_literal.retain(|_, by| {
            by.retain(|asks| !crowded.contains(&asks.regex));
            !by.is_empty()
        });
        for (regex, second) in seconds {
            let full = |literal| by_literal.get(literal).is_some_and(|by: &Vec<Asks>| by.len() >= MOST_ASKING);
            if !crowded.contains(&regex) && !second.iter().any(full) {
                let asks = Asks { regex, set: 2 };
                second.into_iter().for_each(|literal| by_literal.entry(literal).or_default().push(asks));
                patterns[regex as usize].sets |= 2;
            }
        }
        numbers.extend(crowded);
        let asked_by =
            (0..).zip(by_literal.values()).flat_map(|(literal, by)| by.iter().map(move |asks| (literal, *asks)));
        let asked_by = Lists::of_pairs(by_literal.len(), asked_by.collect());
        let literals = Automaton::of(by_literal.keys()).map_err(|why| vec![together(regexes, &why)])?;
        let others = RegexSetBuilder::new(numbers.iter().map(|number| &patterns[*number as usize].text))
            .case_insensitive(true)
            .multi_line(true)
            .size_limit(REGEX_BYTES * 64)
            .dfa_size_limit(STATES_BYTES)
            .build()
            .map_err(|error| vec![together(regexes, &error.to_string())])?;
        Ok(Knot { literals, asked_by, others, numbers, patterns })
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
        if OTHER_CASES.iter().any(|case| text.contains(case)) {
            return all.filter_map(whole).collect();
        }
        let mut come = vec![Come::default(); self.patterns.len()];
        let lower = text.to_ascii_lowercase();
        let mut line = 0;
        for near in self.literals.find_in(lower.as_bytes()) {
            if near.end > line {
                line = end_of_line(text, near.end);
            }
            for asks in &self.asked_by[near.number as usize] {
                let (pattern, come) = (&self.patterns[asks.regex as usize], &mut come[asks.regex as usize]);
                if near.end <= come.done {
                    continue;
                }
                come.sets = if come.line == line { come.sets | asks.set } else { asks.set };
                come.line = line;
                if come.sets == pattern.sets {
                    let first = pattern.find_near(text, near.start..near.end, &mut come.done);
                    found.extend(first.map(|first| (asks.regex, first)));
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
    /// Bytes that a match may have; 0: as many as its line. `None`: the whole text is looked at.
    reach: Option<usize>,
    /// It asks for a digit.
    digit: bool,
    /// The sets of literals of which one each must stand in its line.
    sets: u8,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The first match, where one of its literals stands here and no match begins before. `done`: up to where its other
    /// literals lead to no other first match.
    fn find_near(&self, text: &str, near: Range<usize>, done: &mut usize) -> Option<Range<usize>> {
        let within = self.reach.map_or(0..text.len(), |reach| {
            let (from, to) = (near.start.saturating_sub(reach), text.len().min(near.end + reach));
            memrchr(b'\n', &text.as_bytes()[..from]).map_or(0, |end| end + 1)..end_of_line(text, to)
        });
        let reach = self.reach.unwrap_or_default();
        let lines = &text[within.clone()];
        let may = !self.digit || lines.bytes().any(|byte| byte.is_ascii_digit());
        let Some(first) = may.then(|| self.find_at(lines, 0)).flatten() else {
            *done = if within.end == text.len() { text.len() } else { within.end - reach };
            return None;
        };
        let first = within.start + first.start()..within.start + first.end();
        // Behind the literal: it may be cut off by the end of what was looked at, and its own literal finds it.
        if reach > 0 && first.start > near.end {
            *done = near.end;
            return None;
        }
        *done = text.len();
        Some(first)
    }

    fn find_at<'t>(&self, text: &'t str, from: usize) -> Option<Match<'t>> {
        // It was compiled once to see that it can be.
        self.regex.get_or_init(|| build(&self.text).ok()).as_ref()?.find_at(text, from)
    }
}

/// Where the line of this byte ends.
fn end_of_line(text: &str, at: usize) -> usize {
    memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |end| at + end)
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(true).multi_line(true).size_limit(REGEX_BYTES).nest_limit(50).build()
}

/// A regex as it is understood. `None`: it is wrong.
pub(super) fn parsed(written: &str) -> Option<Hir> {
    ParserBuilder::new().multi_line(true).build().parse(&small(written)).ok()
}

/// All regexes together are over the bound: told where most of them stand.
fn together(regexes: &[Thread], why: &str) -> Fault {
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    regexes.iter().for_each(|regex| by_file.entry(&regex.file).or_default().push(regex.line));
    let most = by_file.into_iter().max_by_key(|(_, lines)| lines.len());
    let (file, mut lines) = most.unwrap_or(("rules", vec![0]));
    lines.sort_unstable();
    let message = format!(
        "the {} regexes of the folder, {} of them in this file, are too large together: {}",
        regexes.len(),
        lines.len(),
        why.trim_end_matches('.')
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
        let broken = |text: &str| {
            Vec::from_iter(
                text.split_inclusive(' ')
                    .enumerate()
                    .map(|(at, word)| if at % 3 == 2 { word.replace(' ', "\n") } else { word.to_owned() }),
            )
            .concat()
        };
        let texts = lines.chunks(5).map(|lines| lines.join("\n"));
        for text in texts.flat_map(|text| [broken(&text), text]) {
            let text = text.as_str();
            let found: HashMap<u32, Range<usize>> = knot.matches(text).into_iter().collect();
            for (regex, number) in knot.patterns.iter().zip(0..) {
                let first = regex.find_at(text, 0).map(|first| first.range());
                assert_eq!(found.get(&number), first.as_ref(), "{} in {text:?}", regex.text);
                matches += usize::from(first.is_some());
            }
        }
        assert!(matches > 1000, "{matches}");
    }
}
