//! Campaign IDs stated in a text: where, introduced by what, denied or not.
//!
//! A number is an ID when a label says so, when its shape tells, or when it is an id of the directory standing in plain
//! text with nothing that makes it something else. Whatever is turned down stays visible as evidence.

use super::denial::Denial;
use super::fold::{Token, Words, compact};
use super::gap;
use super::hints::{Hints, role};
use super::ids::Ids;
use super::label::Label;
use super::number::Bare;
use super::zone::Zone;
use super::{Campaign, Directory};
use crate::request::evidence::Where;

/// An ID found in a zone.
#[derive(Debug, Clone)]
pub struct Stated {
    /// The campaign, when the directory knows it.
    pub row: Option<u32>,
    /// The ID as the directory spells it, or would.
    pub id: String,
    /// It without case and separators.
    pub compact: String,
    /// Why it was taken for an ID, or not: the evidence's rule.
    pub rule: &'static str,
    /// How sure; zero or less when it was turned down.
    pub weight: f64,
    /// Bytes in the zone's text.
    pub span: (usize, usize),
    /// First and last token.
    pub tokens: (usize, usize),
    /// How firmly it stands beside others.
    pub footing: Footing,
    /// Whether the text turns it down.
    pub denial: Denial,
    /// It stands in a URL.
    pub link: bool,
}

/// How firmly an ID stands beside others that are stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// A label or its shape says what it is.
    Labelled,
    /// A number without a label, spoken of as something known: "the 48213", or what a sentence begins with.
    Standing,
    /// Another number without a label: beside a labelled ID it is a figure.
    Plain,
    /// It counts only when nothing else is stated.
    Beside,
}

/// One way to read an ID at a token.
struct Reading {
    last: usize,
    start: usize,
    compact: String,
    row: Option<u32>,
    /// The label is glued to it.
    glued: bool,
    look_alike: bool,
}

/// Finds the IDs of a zone, in the order of the text.
pub fn find(zone: &Zone<'_>, directory: &Directory, hints: &Hints) -> Vec<Stated> {
    let words = &zone.words;
    let finder = Finder { zone, words, ids: &directory.ids, campaigns: &directory.campaigns, hints };
    let mut found: Vec<Stated> = vec![];
    let mut i = 0;
    while i < words.tokens.len() {
        if let Some(stated) = found.last().and_then(|before| finder.goes_on(i, before)) {
            found.push(stated);
            i += 1;
            continue;
        }
        let Some(reading) = finder.read(i) else {
            i += 1;
            continue;
        };
        i += 1;
        if let Some(stated) = finder.judge(i - 1, reading, found.last()) {
            i = stated.tokens.1 + 1;
            found.push(stated);
        }
    }
    if !found.is_empty() {
        finder.deny(&mut found);
    }
    found
}

pub(super) struct Finder<'a, 'z> {
    pub(super) zone: &'a Zone<'z>,
    pub(super) words: &'a Words<'z>,
    pub(super) ids: &'a Ids,
    pub(super) campaigns: &'a [Campaign],
    pub(super) hints: &'a Hints,
}

/// The most tokens that an ID is spread over: a UUID has five, a long number in groups of two more.
const SPREAD: usize = 8;

impl Finder<'_, '_> {
    pub(super) fn token(&self, i: usize) -> Option<&Token> {
        self.words.tokens.get(i)
    }

    fn written(&self, first: usize, last: usize) -> &str {
        match (self.token(first), self.token(last)) {
            (Some(first), Some(last)) => self.words.text.get(first.start..last.end).unwrap_or_default(),
            _ => "",
        }
    }

    /// Whether an ID may go on over this gap; a long one goes on in the next line.
    fn joins(&self, token: &Token) -> bool {
        const JOINTS: u32 = gap::SPACE | gap::DOT | gap::HYPHEN | gap::UNDERSCORE | gap::APOSTROPHE | gap::SLASH;
        let broken = token.gap & !(gap::HYPHEN | gap::LINE) == 0 && token.gap & gap::LINE != 0;
        match broken {
            true => token.gap_chars <= 3 && self.ids.longest >= 32,
            false => token.gap_chars <= 1 && token.gap & !JOINTS == 0,
        }
    }

    /// "TRV-18-0442/0443": only the last digits of the ID before stand there.
    fn goes_on(&self, i: usize, before: &Stated) -> Option<Stated> {
        let token = self.token(i).filter(|token| token.digits)?;
        let last = before.tokens.1;
        let listed = i > last && self.continues(last, i) && token.gap & gap::SEMICOLON == 0;
        let whole = before.compact.bytes().all(|b| b.is_ascii_digit());
        if !listed || whole || before.row.is_none() || before.weight <= 0.0 {
            return None;
        }
        let digits = self.words.folded(token);
        let ends = before.compact.len().checked_sub(digits.len())?;
        let (front, replaced) = before.compact.split_at_checked(ends)?;
        if digits.len() < 3 || !replaced.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let compact = format!("{front}{digits}");
        let row = self.ids.find(&compact, &compact, self.campaigns)?;
        Some(Stated {
            row: Some(row),
            id: self.campaigns[row as usize].id.clone(),
            compact,
            rule: "campaign-id.list",
            weight: 0.95,
            span: (token.start, token.end),
            tokens: (i, i),
            ..before.clone()
        })
    }

    /// The best way to read an ID that begins at this token.
    fn read(&self, i: usize) -> Option<Reading> {
        let token = self.token(i).filter(|token| !token.address)?;
        let word = self.words.folded(token);
        let next_glued = self.token(i + 1).is_some_and(|next| {
            next.has_digit && next.gap_chars <= 1 && next.gap & !(gap::HYPHEN | gap::UNDERSCORE | gap::SPACE) == 0
        });
        let opens = token.has_digit
            || token.strange
            || !self.ids.openings_empty() && word.len() <= self.ids.longest_opening && self.ids.opens(word);
        let mistyped = next_glued && word.len() <= 6;
        if !(opens || mistyped || self.ids.letters_only) {
            return None;
        }
        let reading = |last: usize, compact: String, row| Reading {
            last,
            start: token.start,
            compact,
            row,
            glued: false,
            look_alike: false,
        };
        // The longest spelling that the directory knows.
        let mut spelled = String::new();
        let mut known = None;
        let mut fitting = None;
        for last in i..(i + SPREAD).min(self.words.tokens.len()) {
            let part = &self.words.tokens[last];
            if last > i && !self.joins(part) {
                break;
            }
            spelled.push_str(self.words.folded(part));
            if spelled.len() > self.ids.longest + 2 {
                break;
            }
            if let Some(row) = self.ids.find(&spelled, self.written(i, last), self.campaigns) {
                known = Some((last, spelled.len(), row));
            } else if spelled.bytes().any(|b| b.is_ascii_digit()) && self.ids.fits(&spelled) {
                fitting = Some((last, spelled.len()));
            }
        }
        if let Some((last, length, row)) = known {
            spelled.truncate(length);
            return Some(reading(last, spelled, Some(row)));
        }
        if let Some(found) = self.look_alike(i) {
            return Some(found);
        }
        if let Some(found) = self.glued(i) {
            return Some(found);
        }
        if let Some((last, length)) = fitting {
            spelled.truncate(length);
            return Some(reading(last, spelled, None));
        }
        if token.has_digit {
            return Some(reading(i, word.to_owned(), None));
        }
        // An opening of the directory, then digits: one too many or too few.
        if next_glued && word.len() >= 2 && self.ids.opens(word) {
            let parts = &self.words.tokens[i + 1..(i + SPREAD).min(self.words.tokens.len())];
            let joined = |part: &&Token| part.has_digit && self.joins(part) && part.gap & gap::WHITE == 0;
            let count = parts.iter().take_while(joined).count();
            if count > 0 {
                let mut spelled = word.to_owned();
                parts[..count].iter().for_each(|part| spelled.push_str(self.words.folded(part)));
                return Some(reading(i + count, spelled, None));
            }
        }
        // Letters that are not of the directory, then digits: a mistyped opening, in a shape that is known.
        if next_glued && !self.ids.openings_empty() {
            let mut spelled = word.to_owned();
            for last in i + 1..(i + SPREAD).min(self.words.tokens.len()) {
                let part = &self.words.tokens[last];
                if !self.joins(part) || part.gap & gap::SPACE != 0 {
                    break;
                }
                spelled.push_str(self.words.folded(part));
                if self.ids.form_known(&spelled) {
                    return Some(reading(last, spelled, None));
                }
            }
        }
        None
    }

    /// An ID with letters of other scripts, or with letters for digits: UTS 39 skeletons, and O for 0.
    fn look_alike(&self, i: usize) -> Option<Reading> {
        let parts = self.words.tokens.get(i..(i + 4).min(self.words.tokens.len()))?;
        let joined = parts.iter().skip(1).take_while(|part| self.joins(part) && part.gap & gap::SPACE == 0).count();
        let parts = parts.get(..=joined)?;
        let odd = |part: &Token| part.strange || part.has_digit && !part.digits;
        let from = parts.iter().position(odd)?;
        let (mut spelled, mut behind, mut loose) = (String::new(), String::new(), String::new());
        for (at, part) in parts.iter().enumerate() {
            let written = self.words.text.get(part.start..part.end)?;
            let mut digits = false;
            for c in written.chars().filter(|c| part.strange || c.is_ascii_alphanumeric()) {
                let c = if c.is_ascii() { c } else { prototype(c) }.to_ascii_lowercase();
                let number = match c {
                    'o' => '0',
                    'l' | 'i' | '|' => '1',
                    c => c,
                };
                digits |= c.is_ascii_digit();
                spelled.push(c);
                // Letters for digits: anywhere, or only behind a digit of the same word.
                behind.push(if digits { number } else { c });
                loose.push(number);
            }
            if at < from {
                continue;
            }
            let mut clean = String::new();
            compact(&spelled, &mut clean);
            for candidate in [&clean, &behind, &loose] {
                let digits = candidate.bytes().filter(u8::is_ascii_digit).count();
                if digits >= 3
                    && let Some(row) = self.ids.find(candidate, candidate, self.campaigns)
                {
                    let (start, compact) = (parts[0].start, candidate.clone());
                    return Some(Reading {
                        last: i + at,
                        start,
                        compact,
                        row: Some(row),
                        glued: false,
                        look_alike: true,
                    });
                }
            }
        }
        None
    }

    /// "ID48213", "campaign48213": label and ID in one word.
    fn glued(&self, i: usize) -> Option<Reading> {
        let token = self.token(i)?;
        let word = self.words.folded(token);
        if token.digits || !token.has_digit {
            return None;
        }
        // "the 48213s report", "die 48213er".
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if digits.len() >= 4
            && digits.bytes().all(|b| b.is_ascii_digit())
            && matches!(&word[digits.len()..], "s" | "er")
        {
            let row = Some(self.ids.find(digits, digits, self.campaigns)?);
            let (start, compact) = (token.start, digits.to_owned());
            return Some(Reading { last: i, start, compact, row, glued: false, look_alike: false });
        }
        let at = word.find(|c: char| c.is_ascii_digit())?;
        let (label, rest) = word.split_at(at);
        if rest.len() < 3 || !rest.bytes().all(|b| b.is_ascii_digit()) || label.is_empty() {
            return None;
        }
        let roles = self.hints.roles(label);
        let labels = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::IDENTIFIER | role::NUMBER;
        if roles & labels == 0 || roles & role::NEGATIVE != 0 && roles & (role::CAMPAIGN | role::LABEL) == 0 {
            return None;
        }
        let row = self.known(rest);
        let fits = self.ids.fits(rest);
        if row.is_none() && !(fits && roles & (role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::IDENTIFIER) != 0)
        {
            return None;
        }
        let written = self.words.text.get(token.start..token.end)?;
        let skip = written.char_indices().find(|(_, c)| c.is_numeric()).map_or(0, |(at, _)| at);
        let start = token.start + skip;
        Some(Reading { last: i, start, compact: rest.to_owned(), row, glued: true, look_alike: false })
    }

    fn known(&self, digits: &str) -> Option<u32> {
        self.ids.find(digits, digits, self.campaigns).or_else(|| self.ids.by_core(digits, self.campaigns))
    }

    /// Decides whether a reading is a stated ID, and writes down why.
    fn judge(&self, i: usize, mut reading: Reading, before: Option<&Stated>) -> Option<Stated> {
        let token = self.token(i)?;
        let digits = reading.compact.bytes().all(|b| b.is_ascii_digit());
        let telling = !digits && self.ids.telling(&reading.compact);
        let spread = reading.last > i;
        let money = |last: usize| (token.gap | self.words.gap_after(last)) & gap::MONEY != 0 && self.money(i, last);
        let percent = |last: usize| self.words.gap_after(last) & gap::PERCENT != 0;
        // Most numbers of a text are amounts, dates and parts of longer ones: those need no look at their label.
        let unknown = !spread && reading.row.is_none() && self.ids.by_core(&reading.compact, self.campaigns).is_none();
        if unknown && (money(i) || percent(i) || !self.stands_alone(i, i)) {
            return None;
        }
        let mut label = if reading.glued { Label::Full } else { self.label(i, before) };
        // "campaign 80 125": groups are one number only when a label says so; else the first group stands alone.
        let mut row = reading.row;
        if spread && digits && matches!(label, Label::None | Label::Negative | Label::Document) && !self.zone.id_field {
            reading.last = i;
            reading.compact = self.words.folded(token).to_owned();
            row = self.ids.find(&reading.compact, &reading.compact, self.campaigns);
        } else if spread && digits && row.is_some() {
            // "118200/118201" are two; one number written in groups is no id in its parts.
            let first = self.words.folded(token);
            if let Some(single) = self.ids.find(first, first, self.campaigns) {
                reading.last = i;
                reading.compact = first.to_owned();
                row = Some(single);
            }
        }
        if row.is_none() && digits && !matches!(label, Label::None | Label::Negative | Label::Document) {
            row = self.ids.by_core(&reading.compact, self.campaigns);
        }
        let last = reading.last;
        if self.zone.id_field && !matches!(label, Label::Negative | Label::Document) {
            label = Label::Full;
        }
        let end = self.token(last)?.end;
        let stated = |rule: &'static str, weight: f64, footing: Footing| {
            let written = self.words.text.get(reading.start..end).unwrap_or_default();
            let id = match row {
                Some(row) => self.campaigns[row as usize].id.clone(),
                None => self.ids.spelled(&reading.compact, &visible(written)),
            };
            Some(Stated {
                row,
                id,
                compact: reading.compact.clone(),
                rule: if reading.look_alike && weight > 0.0 { "campaign-id.look-alike" } else { rule },
                weight,
                span: (reading.start, end),
                tokens: (i, last),
                footing,
                denial: Denial::No,
                link: token.link,
            })
        };
        let (money, percent) = (money(last), percent(last));
        let unit = self.unit_after(last);
        // Of an attachment's name only what a label introduces stands by itself.
        let alone = match self.zone.place {
            Where::Attachment => Footing::Beside,
            _ => Footing::Labelled,
        };
        if let Some(row) = row {
            return match label {
                Label::Negative if telling => stated("campaign-id.shape", 0.9, Footing::Labelled),
                Label::Negative | Label::Document => stated("campaign-id.something-else", -1.0, Footing::Beside),
                _ if digits && (money || percent) => stated("campaign-id.amount", -1.0, Footing::Beside),
                Label::Listed if digits && unit && reading.compact.len() < 5 => {
                    stated("campaign-id.amount", -1.0, Footing::Beside)
                }
                Label::Campaign if self.year(&reading.compact) && !self.only_campaign(i) => None,
                Label::Full | Label::Campaign | Label::Id => stated("campaign-id.label", 1.0, Footing::Labelled),
                Label::Listed => {
                    stated("campaign-id.list", 0.95, before.map_or(Footing::Plain, |before| before.footing))
                }
                Label::None if telling => stated("campaign-id.shape", 0.9, alone),
                Label::None if !digits => {
                    let exact = self.campaigns[row as usize].id == self.written(i, last);
                    let seen = exact && (token.capitals || token.has_digit) && end - reading.start >= 3;
                    if seen && !token.link { stated("campaign-id.exact", 0.8, Footing::Labelled) } else { None }
                }
                Label::None if reading.look_alike && spread => None,
                Label::None => match self.bare(i, row, before) {
                    Bare::Yes if alone == Footing::Beside => stated("campaign-id.bare", 0.7, Footing::Beside),
                    Bare::Yes if self.stands(i) => stated("campaign-id.bare", 0.7, Footing::Standing),
                    Bare::Yes => stated("campaign-id.bare", 0.7, Footing::Plain),
                    Bare::No(rule) => stated(rule, -0.5, Footing::Beside),
                    Bare::Nothing => None,
                },
            };
        }
        if money || percent || (unit && !matches!(label, Label::Full | Label::Campaign)) || !self.stands_alone(i, last)
        {
            return None;
        }
        let length = reading.compact.chars().count();
        let fits = self.ids.fits(&reading.compact);
        let near_length = digits && self.near_length(length);
        let id_like = fits || near_length || digits && length >= 4 && !self.year(&reading.compact);
        let some_digits = reading.compact.bytes().filter(u8::is_ascii_digit).count() >= 3;
        let counts = match label {
            Label::Full if self.zone.id_field => fits || some_digits,
            Label::Full => {
                fits || id_like || some_digits && length >= 4 && !self.year(&reading.compact) || digits && length >= 3
            }
            Label::Campaign if unit => fits && !self.year(&reading.compact),
            Label::Campaign => {
                !self.year(&reading.compact)
                    && (fits
                        || some_digits
                            && (self.known_opening(&reading.compact) || self.ids.part_of_uuid(&reading.compact))
                        || near_length
                        || digits && length >= 4 && self.ids.digit_lengths == 0
                        || !digits && some_digits && self.ids.form_known(&reading.compact))
            }
            Label::Id | Label::Listed => fits && !self.year(&reading.compact),
            Label::None => {
                let like =
                    telling || some_digits && !digits && !self.ids.near(&reading.compact, self.campaigns).is_empty();
                !token.link && self.known_opening(&reading.compact) && !(spread && self.postcode(i, last)) && like
            }
            Label::Negative | Label::Document => false,
        };
        if !counts {
            return None;
        }
        stated(if label == Label::None { "campaign-id.shape" } else { "campaign-id.unknown" }, 0.8, Footing::Labelled)
    }

    fn known_opening(&self, compact: &str) -> bool {
        let end = compact.find(|c: char| c.is_ascii_digit()).unwrap_or(compact.len());
        end >= 2 && self.ids.opens(&compact[..end])
    }
}

/// The ASCII character that this one is easily taken for (UTS 39), or itself.
fn prototype(c: char) -> char {
    let mut buffer = [0; 4];
    let mut skeleton = unicode_security::skeleton(c.encode_utf8(&mut buffer));
    match (skeleton.next(), skeleton.next()) {
        (Some(single), None) if single.is_ascii_alphanumeric() => single,
        _ => c,
    }
}

/// A written ID without invisible characters and white space, digits and full-width letters as ASCII.
fn visible(written: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    written.nfkc().filter(|c| !c.is_whitespace() && (c.is_alphanumeric() || c.is_ascii_graphic())).collect()
}
