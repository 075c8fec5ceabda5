//! The patterns by which mail is read: attribution lines, header blocks, signatures, form labels, screening words.
//! They are data (`rules/reading/*.toml`, `rules/forms.toml`, `rules/screening.toml`), compiled here; never hard-coded.
//!
//! A rules folder that lacks one of these files reads with the shipped one: no set-up can leave the desk unable to read.

mod file;
mod mobile;
mod phrases;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use foldhash::fast::FixedState;

use super::FieldKey;
use super::finder::{Finder, Stems, lowered};
use super::language::Everyday;
use crate::config::fault::Fault;
use file::{FormsFile, LanguageFile, SHIPPED_FILES, ScreeningFile, line_of, parse};
use mobile::{Lines, mobile_lines};
use phrases::assemble;

/// Words of the longest starter of an attribution line.
const STARTER_WORDS: usize = 4;

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
    /// The words that open an attribution line, lower case: `on`, `am`, `en date du`.
    pub(super) starters: Set,
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
    /// How people say that their answers stand inside what they quote, lower case.
    pub(super) answers_below: Finder,
    /// Whole lines that mail programs add, lower case.
    pub(super) mobile: Lines,
    /// Likewise, where the line names one of the devices.
    pub(super) sent_from: Lines,
    /// Devices and mail programs: beginnings of words.
    pub(super) devices: Stems,
    /// Closings that only ever end a mail, lower case.
    pub(super) closings: Set,
    /// Thanks, which close a mail only when a signature follows.
    pub(super) thanks: Set,
    /// The first words of closings and thanks, lower case: cheap to look for.
    pub(super) openers: Set,
    /// With what a postscript begins, lower case.
    pub(super) postscripts: Set,
    /// How legal notices begin, lower case.
    pub(super) disclaimers: Finder,
    /// Likewise, where words of the law stand in the same paragraph.
    pub(super) notices: Finder,
    /// The words of the law: beginnings of words.
    pub(super) legal: Stems,
    /// How the banners begin that stand above a mail.
    pub(super) banners: Finder,
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
    /// Words in local parts of the robots that send forms.
    pub(super) robots: Finder,
    /// Names of such robots, whole.
    pub(super) robot_names: Set,
    /// Those of several words: part of a name suffices.
    pub(super) robots_called: Finder,
    /// Local parts of addresses from which people write, too.
    pub(super) sites: Set,
    /// Subjects of form mail.
    pub(super) subjects: Finder,
    /// Lines that forms add, which are nobody's words.
    pub(super) footers: Finder,
    /// Values that mean "nothing given".
    pub(super) empty: Set,
    /// Labels of first names, normalised.
    pub(super) first_names: Set,
    /// Labels of last names, normalised.
    pub(super) last_names: Set,
    /// Labels that name the customer where an address stands behind them, normalised.
    pub(super) senders: Set,
    /// How labels begin that ask, normalised, the longest first.
    pub(super) questions: Vec<String>,
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
    /// Words of what is to be done until somebody reads the mail.
    pub(super) meanwhile: Finder,
    pub(super) instead: Finder,
    pub(super) away_subjects: Finder,
    pub(super) courtesy: Finder,
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
    /// "Where do I find".
    pub(super) asks_where: Finder,
    /// "The ID", beside these.
    pub(super) asks_where_of: Finder,
    /// Local parts that are never answered.
    pub(super) no_reply: Set,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading::compile(&BTreeMap::new()).expect("the shipped reading rules compile")
    }
}

impl Reading {
    /// Whether a line opens as attribution lines do: with one of the starters, behind three signs at most, and a digit
    /// within 80 characters of it.
    pub(super) fn starts_attribution(&self, line: &str) -> bool {
        if !line.bytes().any(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let sign = |c: char| !c.is_alphanumeric() && c != '_';
        let Some(line) = line.char_indices().take(4).find(|(_, c)| !sign(*c)).map(|(at, _)| &line[at..]) else {
            return false;
        };
        let mut buffer = String::new();
        let opens = |at: &usize| self.starters.contains(lowered(&line[..*at], &mut buffer));
        let dated = |at: usize| line[at..].chars().skip(1).take(81).any(|c| c.is_ascii_digit());
        let spaces = line.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at).take(STARTER_WORDS);
        spaces.filter(opens).any(dated)
    }

    /// Whether a line opens with a starter of three words or more, which nobody but a program begins with; its date may
    /// stand in the next line.
    pub(super) fn opens_attribution(&self, line: &str) -> bool {
        let Some((third, _)) = line.match_indices(' ').nth(2) else { return false };
        !line.ends_with(['.', '!', '?']) && self.starters.contains(lowered(&line[..third], &mut String::new()))
    }

    /// The patterns that are compiled into the binary.
    pub fn shipped() -> Arc<Reading> {
        Arc::clone(&SHIPPED)
    }

    /// Compiles the reading files of a rules folder (path below `rules/` → text); other files are ignored, and a file
    /// that is not there is read from the shipped ones.
    pub fn compile(files: &BTreeMap<String, Cow<'static, str>>) -> Result<Reading, Vec<Fault>> {
        let shipped: BTreeMap<&str, &str> = SHIPPED_FILES.into_iter().collect();
        let mut texts = shipped.clone();
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
        let proven = texts.iter().map(|(path, text)| (*path, *text)).eq(shipped);
        let lists: [fn(&LanguageFile) -> &Vec<String>; 2] = [|file| &file.mobile, |file| &file.sent_from];
        let whole_lines = lists.map(|list| match mobile_lines(&languages, list, proven) {
            Ok(lines) => lines,
            Err(faulty) => {
                faults.extend(faulty.into_iter().map(|(path, pattern, message)| Fault {
                    file: path.to_owned(),
                    line: line_of(texts.get(path).copied().unwrap_or_default(), pattern),
                    message: format!("the pattern {pattern:?} {message}"),
                    remedy: "mend the regular expression; look-around and back references do not exist here".into(),
                }));
                Lines::default()
            }
        });
        let (Some(forms), Some(screening)) = (forms, screening) else { return Err(faults) };
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(assemble(&languages, &forms, &screening, whole_lines))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check_fault(path: &str, text: &str, line: usize) {
        let files = BTreeMap::from([(path.to_owned(), text.to_owned().into())]);
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
    fn attribution_lines_open_with_a_starter_and_a_date() {
        let reading = Reading::shipped();
        let check = |line: &str, expected: bool| assert_eq!(reading.starts_attribution(line), expected, "{line}");
        check("On Mon, Apr 7, 2025 at 9:12 AM Jane Roe wrote:", true);
        check("** EN DATE DU 3 avril 2025, Jane Roe a écrit :", true);
        check("D. 3. april 2025", true);
        check("---- On 3 April", false);
        check("On Monday we meet", false);
        check("Once 3 of them", false);
        check("On", false);
    }

    #[test]
    fn faults_name_file_and_line() {
        check_fault("reading/xx.toml", "language = \"xx\"\nmobile = ['a(']\n", 2);
        check_fault("reading/xx.toml", "language = \"xx\"\nmobile = ['(?:a{1000}){1000}']\n", 2);
        check_fault("reading/de.toml", "language = \"de\"\nstarter = [\"Am\"]\n", 2);
        check_fault("forms.toml", "labels = 3\n", 1);
    }
}
