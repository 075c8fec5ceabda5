//! The patterns by which mail is read: attribution lines, header blocks, signatures, form labels, screening words.
//! They are data (`rules/reading/*.toml`, `rules/forms.toml`, `rules/screening.toml`), compiled here; never hard-coded.
//!
//! A rules folder that lacks one of these files reads with the shipped one: no set-up can leave the desk unable to read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use foldhash::fast::FixedState;
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use unicode_normalization::UnicodeNormalization;

use super::FieldKey;
use super::finder::Finder;
use super::language::Everyday;
use crate::config::fault::Fault;

/// The shipped files, by path below `rules/`.
const SHIPPED_FILES: [(&str, &str); 26] = [
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
    ("reading/hu.toml", include_str!("../../rules/reading/hu.toml")),
    ("reading/it.toml", include_str!("../../rules/reading/it.toml")),
    ("reading/ja.toml", include_str!("../../rules/reading/ja.toml")),
    ("reading/ko.toml", include_str!("../../rules/reading/ko.toml")),
    ("reading/nl.toml", include_str!("../../rules/reading/nl.toml")),
    ("reading/no.toml", include_str!("../../rules/reading/no.toml")),
    ("reading/pl.toml", include_str!("../../rules/reading/pl.toml")),
    ("reading/pt.toml", include_str!("../../rules/reading/pt.toml")),
    ("reading/ro.toml", include_str!("../../rules/reading/ro.toml")),
    ("reading/ru.toml", include_str!("../../rules/reading/ru.toml")),
    ("reading/sk.toml", include_str!("../../rules/reading/sk.toml")),
    ("reading/sv.toml", include_str!("../../rules/reading/sv.toml")),
    ("reading/tr.toml", include_str!("../../rules/reading/tr.toml")),
    ("reading/uk.toml", include_str!("../../rules/reading/uk.toml")),
    ("reading/vi.toml", include_str!("../../rules/reading/vi.toml")),
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

/// Words from the rules. Their hashing needs no chance: whoever writes rules attacks nobody by them.
pub(super) type Set = HashSet<String, FixedState>;
/// Words from the rules and what they mean.
pub(super) type Map<V> = HashMap<String, V, FixedState>;

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
    /// Likewise, but also used when somebody tells of it himself.
    pub(super) said: Finder,
    /// Labels of header blocks, lower case.
    pub(super) labels: Map<Label>,
    /// Words between dashes above quoted mail, lower case.
    pub(super) original: Set,
    /// Words between dashes above forwarded mail, lower case.
    pub(super) forwarded: Set,
    /// Subject prefixes of forwarded mail, lower case, without colon.
    pub(super) forward_prefixes: Set,
    /// Subject prefixes of replies, lower case, without colon.
    pub(super) reply_prefixes: Set,
    /// Phrases of reply-above lines, lower case.
    pub(super) reply_above: Finder,
    /// Whole lines that mail programs add, lower case.
    pub(super) mobile: RegexSet,
    /// Closings that only ever end a mail, lower case.
    pub(super) closings: Set,
    /// Thanks, which close a mail only when a signature follows.
    pub(super) thanks: Set,
    /// The first words of closings and thanks, lower case: cheap to look for.
    pub(super) openers: Set,
    /// How legal notices begin, lower case.
    pub(super) disclaimers: Finder,
    /// Labels of signature lines, lower case.
    pub(super) contact: Set,
    /// Words of the matter, lower case.
    pub(super) content: Set,
    /// Everyday words, by language.
    pub(super) everyday: Everyday,
    /// Form labels.
    pub(super) forms: Forms,
    /// Screening data.
    pub(super) screening: Screening,
    /// Names of headers that the rules look at: these, and no others, are kept with a request.
    pub headers: Vec<String>,
}

/// What `forms.toml` holds, compiled.
#[derive(Debug)]
pub(super) struct Forms {
    /// Labels, normalised, and what they mean.
    pub(super) labels: Map<FieldKey>,
    /// The first words of the labels: cheap to look for.
    pub(super) openers: Set,
    /// Local parts and names of the robots that send forms.
    pub(super) robots: Finder,
    /// Subjects of form mail.
    pub(super) subjects: Finder,
    /// Lines that forms add, which are nobody's words.
    pub(super) footers: Finder,
    /// Values that mean "nothing given".
    pub(super) empty: Set,
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
    pub(super) no_reply: Set,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    language: String,
    #[serde(default)]
    starters: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    said: Vec<String>,
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
    #[serde(default)]
    common: Vec<String>,
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

/// A phrase in lower case, and as people write it who leave out its accents.
fn spellings(phrase: &str) -> impl Iterator<Item = String> + use<> {
    let lower = phrase.to_lowercase();
    let bare: String = lower
        .nfc()
        .map(|c| match c {
            'ł' => 'l',
            'ø' => 'o',
            'đ' => 'd',
            // Other scripts keep their marks: there they are letters of their own.
            '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => std::iter::once(c).nfd().next().unwrap_or(c),
            _ => c,
        })
        .collect();
    let bare = (bare != lower).then_some(bare);
    std::iter::once(lower).chain(bare)
}

/// The first words of phrases.
fn openers<'a>(phrases: impl Iterator<Item = &'a String>) -> Set {
    phrases
        .filter_map(|phrase| phrase.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()))
        .map(str::to_owned)
        .collect()
}

fn assemble(
    languages: &[(&str, LanguageFile)],
    forms: &FormsFile,
    screening: &ScreeningFile,
    mobile: RegexSet,
) -> Result<Reading, String> {
    let all = |list: fn(&LanguageFile) -> &Vec<String>| languages.iter().flat_map(move |(_, file)| list(file));
    let set = |list: fn(&LanguageFile) -> &Vec<String>| all(list).flat_map(|word| spellings(word)).collect::<Set>();
    let starters: Vec<String> = all(|f| &f.starters).map(|word| regex::escape(word.trim())).collect();
    let starter =
        pattern_of(&format!(r"^\W{{0,3}}(?:{})\s.{{0,80}}?[0-9]", starters.join("|"))).map_err(|e| e.to_string())?;
    let mut labels = Map::default();
    // `A:` is To in Italian and nothing else; where two languages disagree the first meaning in this order stands.
    for (label, list) in [
        (Label::From, (|f| &f.from) as fn(&LanguageFile) -> &Vec<String>),
        (Label::Sent, |f| &f.sent),
        (Label::To, |f| &f.to),
        (Label::Cc, |f| &f.cc),
        (Label::Subject, |f| &f.subject),
        (Label::Other, |f| &f.other),
    ] {
        for word in all(list).flat_map(|word| spellings(word)) {
            labels.entry(word).or_insert(label);
        }
    }
    let mut form_labels = Map::default();
    for (key, words) in &forms.labels {
        for word in words {
            form_labels.insert(super::form::label::normalised(word), *key);
        }
    }
    let mut everyday = Everyday::default();
    for (_, file) in languages {
        everyday.add(&file.language, file.common.iter());
    }
    let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>();
    Ok(Reading {
        starter,
        verbs: Finder::new(all(|f| &f.verbs)),
        said: Finder::new(all(|f| &f.said)),
        labels,
        original: set(|f| &f.original),
        forwarded: set(|f| &f.forwarded),
        forward_prefixes: set(|f| &f.forward_prefixes),
        reply_prefixes: set(|f| &f.reply_prefixes),
        reply_above: Finder::new(all(|f| &f.reply_above)),
        mobile,
        closings: set(|f| &f.closings),
        thanks: set(|f| &f.thanks),
        openers: openers(set(|f| &f.closings).iter().chain(&set(|f| &f.thanks))),
        disclaimers: Finder::new(all(|f| &f.disclaimers)),
        contact: set(|f| &f.contact),
        content: set(|f| &f.content),
        everyday,
        forms: Forms {
            openers: openers(form_labels.keys()),
            labels: form_labels,
            robots: Finder::new(&forms.robots),
            subjects: Finder::new(&forms.subjects),
            footers: Finder::new(&forms.footers),
            empty: lower(&forms.empty).into_iter().collect(),
        },
        headers: vec![],
        screening: Screening {
            auto_headers: screening.auto_headers.clone(),
            bulk_headers: screening.bulk_headers.clone(),
            auto_subjects: Finder::new(&screening.auto_subjects),
            absence: Finder::new(&screening.absence),
            machine: Finder::new(&screening.machine),
            acknowledged: Finder::new(&screening.acknowledged),
            request: Finder::new(&screening.request),
            bounce_senders: Finder::new(&screening.bounce_senders),
            bounce_subjects: Finder::new(&screening.bounce_subjects),
            bounce_words: Finder::new(&screening.bounce_words),
            why: Finder::new(&screening.why),
            leave: Finder::new(&screening.leave),
            online: Finder::new(&screening.online),
            senders: Finder::new(&screening.senders),
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
