//! The whole lines that mail programs add, as one set of regular expressions.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::file::LanguageFile;
use crate::request::pattern::small;

/// How much memory one compiled pattern may take; a pattern that wants more is a fault.
const PATTERN_BYTES: usize = 4 << 20;

/// And how much all patterns of whole lines together.
const SET_BYTES: usize = 16 << 20;

fn pattern_of(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(PATTERN_BYTES).build()
}

/// Whole lines, compiled when the first line is compared with them.
#[derive(Debug, Default)]
pub struct Lines {
    patterns: Vec<String>,
    set: OnceLock<RegexSet>,
}

impl Lines {
    /// Whether `line`, lower case, is one of them.
    pub fn is_match(&self, line: &str) -> bool {
        // Patterns that were not proven were compiled before.
        self.set.get_or_init(|| set_of(&self.patterns).unwrap_or_else(|_| RegexSet::empty())).is_match(line)
    }
}

fn set_of(patterns: &[String]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).size_limit(SET_BYTES).dfa_size_limit(SET_BYTES).build()
}

/// The lines that mail programs add, as one set: quicker to build than its patterns one by one, which are looked at only
/// when the set fails. Gives the faulty patterns, each with its file and what is wrong with it; `proven` patterns have no
/// faults.
pub(super) fn mobile_lines<'l>(
    languages: &'l [(&'l str, LanguageFile)],
    list: fn(&LanguageFile) -> &Vec<String>,
    proven: bool,
) -> Result<Lines, Vec<(&'l str, &'l str, String)>> {
    let patterns = languages.iter().flat_map(|(path, file)| list(file).iter().map(move |pattern| (*path, pattern)));
    let whole = patterns.clone().map(|(_, pattern)| format!("^(?:{})[.!]?$", small(pattern))).collect();
    let lines = Lines { patterns: whole, set: OnceLock::new() };
    if proven {
        return Ok(lines);
    }
    let capitals = |pattern: &str| {
        Some("has capitals: lines are compared in lower case".to_owned()).filter(|_| has_capitals(pattern))
    };
    match set_of(&lines.patterns) {
        Ok(set) => {
            let faulty: Vec<_> =
                patterns.filter_map(|(path, pattern)| Some((path, pattern.as_str(), capitals(pattern)?))).collect();
            if faulty.is_empty() { Ok(Lines { set: set.into(), ..lines }) } else { Err(faulty) }
        }
        Err(error) => {
            let alone = |pattern: &str| pattern_of(pattern).err().map(|error| format!("is unusable: {error}"));
            let mut faulty: Vec<_> = patterns
                .clone()
                .filter_map(|(path, pattern)| Some((path, pattern.as_str(), alone(pattern)?)))
                .collect();
            if let (true, Some((path, pattern))) = (faulty.is_empty(), patterns.last()) {
                faulty.push((path, pattern, format!("is too much together with all others: {error}")));
            }
            Err(faulty)
        }
    }
}

/// Whether a pattern asks for capital letters; classes such as `\W` do not.
fn has_capitals(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|c| {
        let capital = c.is_uppercase() && !escaped;
        escaped = c == '\\' && !escaped;
        capital
    })
}
