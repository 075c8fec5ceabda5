//! The patterns by which mail is read: attribution lines, header blocks, signatures, form labels, screening words.
//! They are data (`rules/reading/*.toml`, `rules/forms.toml`, `rules/screening.toml`), compiled here; never hard-coded.
//!
//! A rules folder that lacks one of these files reads with the shipped one: no set-up can leave the desk unable to read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::FieldKey;
use crate::config::fault::Fault;

/// The shipped files, by path below `rules/`.
const SHIPPED_FILES: [(&str, &str); 22] = [
    ("forms.toml", include_str!("../../rules/forms.toml")),
    ("screening.toml", include_str!("../../rules/screening.toml")),
    ("reading/cs.toml", include_str!("../../rules/reading/cs.toml")),
    ("reading/da.toml", include_str!("../../rules/reading/da.toml")),
    ("reading/de.toml", include_str!("../../rules/reading/de.toml")),
    ("reading/el.toml", include_str!("../../rules/reading/el.toml")),
    ("reading/en.toml", include_str!("../../rules/reading/en.toml")),
    ("reading/es.toml", include_str!("../../rules/reading/es.toml")),
    ("reading/fi.toml", include_str!("../../rules/reading/fi.toml")),
    ("reading/fr.toml", include_str!("../../rules/reading/fr.toml")),
    ("reading/it.toml", include_str!("../../rules/reading/it.toml")),
    ("reading/ja.toml", include_str!("../../rules/reading/ja.toml")),
    ("reading/ko.toml", include_str!("../../rules/reading/ko.toml")),
    ("reading/nl.toml", include_str!("../../rules/reading/nl.toml")),
    ("reading/no.toml", include_str!("../../rules/reading/no.toml")),
    ("reading/pl.toml", include_str!("../../rules/reading/pl.toml")),
    ("reading/pt.toml", include_str!("../../rules/reading/pt.toml")),
    ("reading/ru.toml", include_str!("../../rules/reading/ru.toml")),
    ("reading/sv.toml", include_str!("../../rules/reading/sv.toml")),
    ("reading/tr.toml", include_str!("../../rules/reading/tr.toml")),
    ("reading/uk.toml", include_str!("../../rules/reading/uk.toml")),
    ("reading/zh.toml", include_str!("../../rules/reading/zh.toml")),
];

/// How much memory one compiled pattern may take; a pattern that wants more is a fault.
const PATTERN_BYTES: usize = 4 << 20;
/// And how much all patterns of whole lines together.
const SET_BYTES: usize = 16 << 20;

/// The shipped patterns, compiled once.
static SHIPPED: LazyLock<Arc<Reading>> = LazyLock::new(|| {
    // A test compiles them, so this cannot fail in a binary that passed its gate.
    Arc::new(Reading::compile(&BTreeMap::new()).expect("the shipped reading rules compile"))
});

/// What a label of a quoted header block means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    From,
    Sent,
    To,
    Cc,
    Subject,
    Other,
}

/// All reading patterns, compiled.
#[derive(Debug)]
pub struct Reading {
    /// The start of an attribution line that opens with a word: `On …`, `Am …`.
    pub(super) starter: Regex,
    /// The words of an attribution line, lower case.
    pub(super) verbs: Finder,
    /// Labels of header blocks, lower case.
    pub(super) labels: HashMap<String, Label>,
    /// Words between dashes above quoted mail, lower case.
    pub(super) original: HashSet<String>,
    /// Words between dashes above forwarded mail, lower case.
    pub(super) forwarded: HashSet<String>,
    /// Subject prefixes of forwarded mail, lower case, without colon.
    pub(super) forward_prefixes: HashSet<String>,
    /// Subject prefixes of replies, lower case, without colon.
    pub(super) reply_prefixes: HashSet<String>,
    /// Phrases of reply-above lines, lower case.
    pub(super) reply_above: Finder,
    /// Whole lines that mail programs add, lower case.
    pub(super) mobile: RegexSet,
    /// First words of what `mobile` may match: cheap to look for.
    pub(super) closings: HashSet<String>,
    /// Thanks, which close a mail only when a signature follows.
    pub(super) thanks: HashSet<String>,
    /// How legal notices begin, lower case.
    pub(super) disclaimers: Finder,
    /// Labels of signature lines, lower case.
    pub(super) contact: HashSet<String>,
    /// Words of the matter, lower case.
    pub(super) content: HashSet<String>,
    /// Form labels.
    pub(super) forms: Forms,
    /// Screening data.
    pub(super) screening: Screening,
    /// Names of headers that the rules look at: these, and no others, are kept with a request.
    pub headers: Vec<String>,
}

/// Phrases looked for anywhere in a text, lower case.
#[derive(Debug)]
pub(super) struct Finder(AhoCorasick);

impl Finder {
    fn new<'a>(phrases: impl IntoIterator<Item = &'a String>) -> Result<Finder, String> {
        let lower: Vec<String> = phrases.into_iter().map(|phrase| phrase.to_lowercase()).collect();
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .start_kind(StartKind::Both)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            // Denser states are not worth their memory in lists as short as these.
            .dense_depth(1)
            .build(lower)
            .map(Finder)
            .map_err(|error| error.to_string())
    }

    /// The first phrase that stands in `lower` as whole words: its byte span.
    pub(super) fn find(&self, lower: &str) -> Option<(usize, usize)> {
        self.0
            .find_iter(lower)
            .map(|found| (found.start(), found.end()))
            .find(|(start, end)| bounded(lower, *start, *end))
    }

    /// Whether `lower` starts with one of the phrases.
    pub(super) fn starts(&self, lower: &str) -> bool {
        matches!(self.0.try_find(Input::new(lower).anchored(Anchored::Yes)), Ok(Some(_)))
    }

    /// Whether one of the phrases stands in `lower` as whole words.
    pub(super) fn has(&self, lower: &str) -> bool {
        self.find(lower).is_some()
    }

    /// How many different places match, as whole words.
    pub(super) fn count(&self, lower: &str) -> usize {
        self.0.find_iter(lower).filter(|found| bounded(lower, found.start(), found.end())).count()
    }
}

/// Whether a span starts and ends at the edge of a word. Scripts written without spaces have no such edges.
fn bounded(text: &str, start: usize, end: usize) -> bool {
    let solid = |c: char| c.is_alphanumeric() && (c as u32) < 0x2e80;
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let first = text[start..end].chars().next();
    let last = text[start..end].chars().next_back();
    let joined_before = before.is_some_and(solid) && first.is_some_and(solid);
    let joined_after = after.is_some_and(solid) && last.is_some_and(solid);
    !joined_before && !joined_after
}

/// What `forms.toml` holds, compiled.
#[derive(Debug)]
pub(super) struct Forms {
    /// Labels, normalised, and what they mean.
    pub(super) labels: HashMap<String, FieldKey>,
    /// Local parts and names of the robots that send forms.
    pub(super) robots: Finder,
    /// Subjects of form mail.
    pub(super) subjects: Finder,
    /// Lines that forms add, which are nobody's words.
    pub(super) footers: Finder,
    /// Values that mean "nothing given".
    pub(super) empty: HashSet<String>,
}

/// What `screening.toml` holds, compiled.
#[derive(Debug)]
pub(super) struct Screening {
    /// Headers that automatic answers carry.
    pub(super) auto_headers: Vec<String>,
    /// Headers that lists and mass mail carry.
    pub(super) bulk_headers: Vec<String>,
    /// Beginnings of subjects of automatic answers.
    pub(super) auto_subjects: Finder,
    /// Words of absence.
    pub(super) absence: Finder,
    /// Words that a machine says of itself.
    pub(super) machine: Finder,
    /// Words of another desk's acknowledgement.
    pub(super) acknowledged: Finder,
    /// Words of a request.
    pub(super) request: Finder,
    /// Names and local parts of bounce senders.
    pub(super) bounce_senders: Finder,
    /// Subjects of bounces.
    pub(super) bounce_subjects: Finder,
    /// Words of bounces.
    pub(super) bounce_words: Finder,
    /// "You get this mail because …".
    pub(super) why: Finder,
    /// "Unsubscribe".
    pub(super) leave: Finder,
    /// "View in browser".
    pub(super) online: Finder,
    /// Local parts and names of newsletter senders.
    pub(super) senders: Finder,
    /// Local parts that are never answered.
    pub(super) no_reply: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    #[allow(dead_code)]
    language: String,
    #[serde(default)]
    starters: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    from: Vec<String>,
    #[serde(default)]
    sent: Vec<String>,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    cc: Vec<String>,
    #[serde(default)]
    subject: Vec<String>,
    #[serde(default)]
    other: Vec<String>,
    #[serde(default)]
    original: Vec<String>,
    #[serde(default)]
    forwarded: Vec<String>,
    #[serde(default)]
    forward_prefixes: Vec<String>,
    #[serde(default)]
    reply_prefixes: Vec<String>,
    #[serde(default)]
    reply_above: Vec<String>,
    #[serde(default)]
    mobile: Vec<String>,
    #[serde(default)]
    closings: Vec<String>,
    #[serde(default)]
    thanks: Vec<String>,
    #[serde(default)]
    disclaimers: Vec<String>,
    #[serde(default)]
    contact: Vec<String>,
    #[serde(default)]
    content: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormsFile {
    labels: BTreeMap<FieldKey, Vec<String>>,
    robots: Vec<String>,
    subjects: Vec<String>,
    footers: Vec<String>,
    empty: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScreeningFile {
    auto_headers: Vec<String>,
    bulk_headers: Vec<String>,
    auto_subjects: Vec<String>,
    absence: Vec<String>,
    machine: Vec<String>,
    acknowledged: Vec<String>,
    request: Vec<String>,
    bounce_senders: Vec<String>,
    bounce_subjects: Vec<String>,
    bounce_words: Vec<String>,
    why: Vec<String>,
    leave: Vec<String>,
    online: Vec<String>,
    senders: Vec<String>,
    no_reply: Vec<String>,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading::compile(&BTreeMap::new()).expect("the shipped reading rules compile")
    }
}

impl Reading {
    /// The patterns that are compiled into the binary.
    pub fn shipped() -> Arc<Reading> {
        Arc::clone(&SHIPPED)
    }

    /// Compiles the reading files of a rules folder (path below `rules/` → text); other files are ignored, and a file
    /// that is not there is read from the shipped ones.
    pub fn compile(files: &BTreeMap<String, String>) -> Result<Reading, Vec<Fault>> {
        let mut texts: BTreeMap<&str, &str> = SHIPPED_FILES.into_iter().collect();
        for (path, text) in files {
            if path == "forms.toml"
                || path == "screening.toml"
                || (path.starts_with("reading/") && path.ends_with(".toml"))
            {
                texts.insert(path, text);
            }
        }
        let mut faults = Vec::new();
        let mut languages: Vec<(&str, LanguageFile)> = Vec::new();
        let mut forms: Option<FormsFile> = None;
        let mut screening: Option<ScreeningFile> = None;
        for (path, text) in &texts {
            match *path {
                "forms.toml" => forms = parse(path, text, &mut faults),
                "screening.toml" => screening = parse(path, text, &mut faults),
                _ => languages.extend(parse(path, text, &mut faults).map(|file| (*path, file))),
            }
        }
        let mobile = match mobile_lines(&languages) {
            Ok(mobile) => mobile,
            Err(faulty) => {
                faults.extend(faulty.into_iter().map(|(path, pattern, message)| Fault {
                    file: path.to_owned(),
                    line: line_of(texts.get(path).copied().unwrap_or_default(), pattern),
                    message: format!("the pattern {pattern:?} {message}"),
                    remedy: "mend the regular expression; look-around and back references do not exist here".into(),
                }));
                RegexSet::empty()
            }
        };
        let (Some(forms), Some(screening)) = (forms, screening) else { return Err(faults) };
        if !faults.is_empty() {
            return Err(faults);
        }
        assemble(&languages, &forms, &screening, mobile).map_err(|message| {
            vec![Fault {
                file: "reading".into(),
                line: 0,
                message: format!("the lists are too large to compile: {message}"),
                remedy: "shorten them".into(),
            }]
        })
    }
}

fn parse<T: DeserializeOwned>(path: &str, text: &str, faults: &mut Vec<Fault>) -> Option<T> {
    toml::from_str(text)
        .map_err(|error| {
            let line =
                error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            faults.push(Fault {
                file: path.to_owned(),
                line,
                message: error.message().to_owned(),
                remedy: "see the shipped file of this name for the keys and their types".into(),
            });
        })
        .ok()
}

fn pattern_of(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(PATTERN_BYTES).build()
}

/// The lines that mail programs add, as one set: quicker to build than its patterns one by one, which are looked at only
/// when the set fails. Gives the faulty patterns, each with its file and what is wrong with it.
fn mobile_lines<'l>(languages: &'l [(&'l str, LanguageFile)]) -> Result<RegexSet, Vec<(&'l str, &'l str, String)>> {
    let patterns = languages.iter().flat_map(|(path, file)| file.mobile.iter().map(move |pattern| (*path, pattern)));
    let whole = patterns.clone().map(|(_, pattern)| format!("^(?:{pattern})[.!]?$"));
    let capitals = |pattern: &str| {
        Some("has capitals: lines are compared in lower case".to_owned()).filter(|_| has_capitals(pattern))
    };
    match RegexSetBuilder::new(whole).size_limit(SET_BYTES).dfa_size_limit(SET_BYTES).build() {
        Ok(set) => {
            let faulty: Vec<_> =
                patterns.filter_map(|(path, pattern)| Some((path, pattern.as_str(), capitals(pattern)?))).collect();
            if faulty.is_empty() { Ok(set) } else { Err(faulty) }
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

/// The line on which a pattern stands, as well as can be told.
fn line_of(text: &str, pattern: &str) -> usize {
    text.lines().position(|line| line.contains(pattern)).map_or(0, |at| at + 1)
}

fn assemble(
    languages: &[(&str, LanguageFile)],
    forms: &FormsFile,
    screening: &ScreeningFile,
    mobile: RegexSet,
) -> Result<Reading, String> {
    let all = |list: fn(&LanguageFile) -> &Vec<String>| languages.iter().flat_map(move |(_, file)| list(file));
    let set =
        |list: fn(&LanguageFile) -> &Vec<String>| all(list).map(|word| word.to_lowercase()).collect::<HashSet<_>>();
    let starters: Vec<String> = all(|f| &f.starters).map(|word| regex::escape(word.trim())).collect();
    let starter =
        pattern_of(&format!(r"^\W{{0,3}}(?:{})\s.{{0,80}}?[0-9]", starters.join("|"))).map_err(|e| e.to_string())?;
    let mut labels = HashMap::new();
    // `A:` is To in Italian and nothing else; where two languages disagree the first meaning in this order stands.
    for (label, list) in [
        (Label::From, (|f| &f.from) as fn(&LanguageFile) -> &Vec<String>),
        (Label::Sent, |f| &f.sent),
        (Label::To, |f| &f.to),
        (Label::Cc, |f| &f.cc),
        (Label::Subject, |f| &f.subject),
        (Label::Other, |f| &f.other),
    ] {
        for word in all(list) {
            labels.entry(word.to_lowercase()).or_insert(label);
        }
    }
    let mut form_labels = HashMap::new();
    for (key, words) in &forms.labels {
        for word in words {
            form_labels.insert(super::form::normalised(word), *key);
        }
    }
    let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>();
    Ok(Reading {
        starter,
        verbs: Finder::new(all(|f| &f.verbs))?,
        labels,
        original: set(|f| &f.original),
        forwarded: set(|f| &f.forwarded),
        forward_prefixes: set(|f| &f.forward_prefixes),
        reply_prefixes: set(|f| &f.reply_prefixes),
        reply_above: Finder::new(all(|f| &f.reply_above))?,
        mobile,
        closings: set(|f| &f.closings),
        thanks: set(|f| &f.thanks),
        disclaimers: Finder::new(all(|f| &f.disclaimers))?,
        contact: set(|f| &f.contact),
        content: set(|f| &f.content),
        forms: Forms {
            labels: form_labels,
            robots: Finder::new(&forms.robots)?,
            subjects: Finder::new(&forms.subjects)?,
            footers: Finder::new(&forms.footers)?,
            empty: lower(&forms.empty).into_iter().collect(),
        },
        headers: vec![],
        screening: Screening {
            auto_headers: screening.auto_headers.clone(),
            bulk_headers: screening.bulk_headers.clone(),
            auto_subjects: Finder::new(&screening.auto_subjects)?,
            absence: Finder::new(&screening.absence)?,
            machine: Finder::new(&screening.machine)?,
            acknowledged: Finder::new(&screening.acknowledged)?,
            request: Finder::new(&screening.request)?,
            bounce_senders: Finder::new(&screening.bounce_senders)?,
            bounce_subjects: Finder::new(&screening.bounce_subjects)?,
            bounce_words: Finder::new(&screening.bounce_words)?,
            why: Finder::new(&screening.why)?,
            leave: Finder::new(&screening.leave)?,
            online: Finder::new(&screening.online)?,
            senders: Finder::new(&screening.senders)?,
            no_reply: lower(&screening.no_reply).into_iter().collect(),
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check_fault(path: &str, text: &str, line: usize) {
        let files = BTreeMap::from([(path.to_owned(), text.to_owned())]);
        let faults = Reading::compile(&files).err().unwrap_or_default();
        assert_eq!(faults.first().map(|fault| (fault.file.as_str(), fault.line)), Some((path, line)), "{faults:?}");
    }

    #[test]
    fn the_shipped_files_compile_and_cover_the_languages() {
        let reading = Reading::compile(&BTreeMap::new()).unwrap();
        for label in ["from", "von", "de", "da", "van", "od", "от", "från", "lähettäjä", "发件人"] {
            assert_eq!(reading.labels.get(label), Some(&Label::From), "{label}");
        }
    }

    #[test]
    fn faults_name_file_and_line() {
        check_fault("reading/xx.toml", "language = \"xx\"\nmobile = ['a(']\n", 2);
        check_fault("reading/xx.toml", "language = \"xx\"\nmobile = ['(?:a{1000}){1000}']\n", 2);
        check_fault("reading/de.toml", "language = \"de\"\nstarter = [\"Am\"]\n", 2);
        check_fault("forms.toml", "labels = 3\n", 1);
    }
}
