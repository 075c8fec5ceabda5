//! What a line could be in a signature: a contact, a few words, or words about the matter.
//!
//! A line with a number and a word such as "campaign" is always about the matter.

use crate::request::finder::{lower, lowered};
use crate::request::reading::Reading;

/// How long a line of a signature may be, notices apart.
const LONGEST_LINE: usize = 140;

/// What a line could be in a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    /// Phone, address, web: only signatures look so.
    Contact,
    /// A few words: a name, a title, a company.
    Short,
    /// Words about the matter.
    Content,
}

/// The words of a name and of an address's local part, lower case.
pub(super) fn names(sender: &str) -> Vec<String> {
    let local = sender.split('@').next().unwrap_or_default();
    local.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 2).map(lower).collect()
}

/// The words that lines are judged by.
pub(super) struct Words<'a> {
    pub(super) reading: &'a Reading,
    /// The words of the sender's name and address, lower case.
    pub(super) names: Vec<String>,
}

impl Words<'_> {
    pub(super) fn is_name(&self, line: &str) -> bool {
        let line = line.trim_matches(|c: char| !c.is_alphanumeric() && c != '.');
        let mut words = 0;
        let mut hit = false;
        for word in line.split(|c: char| c.is_whitespace() || c == '.' || c == '-').filter(|word| !word.is_empty()) {
            words += 1;
            if words > 4 || !word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '’' || c == ',') {
                return false;
            }
            let lower = lower(word.trim_end_matches(','));
            hit |= self.names.contains(&lower);
        }
        hit
    }

    /// The line holds a number and a word of the matter.
    pub(super) fn about(&self, line: &str) -> bool {
        line.bytes().any(|b| b.is_ascii_digit()) && self.content_word(line)
    }

    pub(super) fn content_word(&self, line: &str) -> bool {
        let mut buffer = String::new();
        line.split(|c: char| !c.is_alphanumeric() && c != '.' && c != '-')
            .map(|word| word.trim_matches(['.', '-']))
            .any(|word| !word.is_empty() && self.reading.content.contains(lowered(word, &mut buffer)))
    }

    /// A postscript, an attachment's name, or a label of the matter with its value: `Campaign: Orchard Box`.
    fn added(&self, line: &str) -> bool {
        let mut buffer = String::new();
        let first = line.split_whitespace().next().unwrap_or_default().trim_start_matches(['[', '(', '<']);
        if self.reading.postscripts.contains(lowered(first, &mut buffer)) && first.len() < line.len() {
            return true;
        }
        line.split_once([':', '：']).is_some_and(|(label, value)| {
            !value.trim().is_empty() && label.split_whitespace().count() <= 3 && self.content_word(label)
        })
    }

    pub(super) fn look(&self, line: &str) -> Look {
        let line = line.trim_start_matches(|c: char| "*•·|-– ".contains(c));
        if is_picture(line) {
            return Look::Short;
        }
        let characters = line.chars().count();
        let digits = line.bytes().filter(u8::is_ascii_digit).count();
        // A number alone may be anything; one that begins like a phone number and is as long, hardly.
        let phone = line.starts_with('0') && (9..=12).contains(&digits);
        if line.ends_with('?') || (digits > 0 && digits == characters && !phone) {
            return Look::Content;
        }
        if characters > LONGEST_LINE || (digits > 0 && self.content_word(line)) || self.added(line) {
            return Look::Content;
        }
        if self.contact(line, digits, characters) {
            return Look::Contact;
        }
        let words = line.split_whitespace().count();
        if digits == 0 {
            let spoken = line.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
            let sentence = spoken > 3 && line.ends_with(['.', '!', ':', ';', ',']);
            let brief = words <= 8 && characters <= 70;
            return if brief && !sentence && !(self.content_word(line) && line.ends_with(['.', '!', ':'])) {
                Look::Short
            } else {
                Look::Content
            };
        }
        // Streets, postcodes, registers; a whole address is longer: "Acme Museum of Design, 12 High Lane, London E2 8QF".
        let address = || {
            let mut longer = line.split_whitespace().filter(|word| word.chars().count() > 3);
            words <= 14 && line.contains([',', '·', '|', '•']) && longer.all(proper)
        };
        let placed = place(line) && (!line.ends_with(['.', '!', ':']) || abbreviated(line));
        if placed && (words <= 9 || address()) { Look::Short } else { Look::Content }
    }

    fn contact(&self, line: &str, digits: usize, characters: usize) -> bool {
        if characters <= 90
            && !line.contains(' ')
            && (line.contains('@') || line.starts_with("www.") || line.starts_with("http"))
        {
            return true;
        }
        let divided = line.contains(['|', '·', '•']) || line.contains(" - ") || line.contains("//");
        let mut buffer = String::new();
        let labelled = line.split(['|', '·', '•', ',', ';']).any(|part| {
            let part = part.trim();
            let label = part.split([':', '.', ' ', '+', '(']).next().unwrap_or_default();
            let rest = &part[label.len()..];
            !label.is_empty()
                && self.reading.contact.contains(lowered(label, &mut buffer))
                && (rest.starts_with([':', '.', '+', '('])
                    || rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || "+(".contains(c)))
        });
        if labelled
            && (digits >= 4 || line.contains('@') || line.contains("www") || line.contains('.'))
            && characters <= 120
        {
            return true;
        }
        let phone = digits >= 7 && phone_like(line);
        let words = line.split_whitespace().count();
        phone && (divided || words <= 8) && !line.ends_with(['.', '!', ':']) && (divided || starts_like_contact(line))
    }
}

/// `[image: photo]`, `[cid:image001.png@01DB]<https://acme.example>`: where pictures stood, nothing else in the line.
pub(super) fn is_picture(line: &str) -> bool {
    let mut rest = line;
    while let Some(piece) = rest.strip_prefix('[') {
        let Some((inner, after)) = piece.split_once(']') else { return false };
        if !(inner.starts_with("image: ") || inner.starts_with("cid:") || inner == "image") {
            return false;
        }
        rest = after.trim_start();
        let link = rest.strip_prefix('<').filter(|link| link.starts_with("http")).and_then(|link| link.split_once('>'));
        rest = link.map_or(rest, |(_, after)| after.trim_start());
    }
    rest.is_empty() && !line.is_empty()
}

/// `*** Meet us at the fair ***`, `~ * ~ New season tickets ~ * ~`: framed as no sentence is.
pub(super) fn framed(line: &str) -> bool {
    let mark = |c: &char| "*+=~#>_-•<|:".contains(*c);
    let edge = |c: &char| mark(c) || *c == ' ';
    let before = line.chars().take_while(edge).filter(mark).count();
    let behind = line.chars().rev().take_while(edge).filter(mark).count();
    before >= 2 && behind >= 2 && line.chars().any(char::is_alphabetic)
}

/// The last word is shortened: "e.V.", "Inc.".
fn abbreviated(line: &str) -> bool {
    let word = line.split_whitespace().next_back().and_then(|word| word.strip_suffix('.')).unwrap_or_default();
    word.contains('.')
        || proper(word) && (2..=4).contains(&word.chars().count()) && word.chars().all(char::is_alphabetic)
}

/// Words and a phone number, the number at one end.
fn starts_like_contact(line: &str) -> bool {
    let trimmed = line.trim();
    let before: usize = trimmed
        .split(|c: char| c.is_ascii_digit() || c == '+' || c == '(')
        .next()
        .map_or(0, |head| head.split_whitespace().count());
    before <= 4
}

/// A run of digits with the separators of a phone number: at least seven digits, not one bare number.
fn phone_like(line: &str) -> bool {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_digit() || bytes[at] == b'+' || bytes[at] == b'(') {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit() || b" +-./()".contains(b)).count();
        let run = &bytes[at..end];
        let digits = run.iter().filter(|b| b.is_ascii_digit()).count();
        let marked = run.iter().any(|b| b" -./()".contains(b)) || matches!(run[0], b'+' | b'0');
        if (7..=17).contains(&digits) && marked {
            return true;
        }
        at = end.max(at + 1);
    }
    false
}

/// A line that may be a street, a postcode and town, or a register number: words with capitals around short numbers.
fn place(line: &str) -> bool {
    !long_run(line, 8)
        && line.chars().filter(|c| c.is_alphabetic()).count() >= 3
        && (proper(line) || line.starts_with(|c: char| c.is_ascii_digit()))
        && line.split(|c: char| !c.is_alphanumeric()).any(|word| {
            word.chars().next().is_some_and(|c| c.is_uppercase() || (c.is_alphabetic() && !c.is_lowercase()))
        })
}

/// The first letter is a capital, or of a script without them.
pub(super) fn proper(line: &str) -> bool {
    line.chars().find(|c| c.is_alphanumeric()).is_some_and(|c| !c.is_lowercase())
}

pub(super) fn long_number(line: &str) -> bool {
    long_run(line, 4)
}

fn long_run(line: &str, least: usize) -> bool {
    line.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= least)
}
