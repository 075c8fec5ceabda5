//! Campaign IDs stated in a text: where, introduced by what, denied or not.
//!
//! A number is an ID when a label says so, when its shape tells, or when it is an id of the directory standing in plain
//! text with nothing that makes it something else. Whatever is turned down stays visible as evidence.

use std::borrow::Cow;

use super::Campaign;
use super::denial::Denial;
use super::fold::{Token, Words};
use super::gap;
use super::hints::{Hints, Says, role};
use super::label::Label;
use super::number::Bare;
use super::reading::{Reading, SPREAD};
use super::view::{SeenIds, View};
use super::zone::Zone;
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

/// The rule of a number that is said to be something else.
pub(super) const SOMETHING_ELSE: &str = "campaign-id.something-else";

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

/// Finds the IDs of a zone, in the order of the text.
pub fn find(zone: &Zone<'_>, view: View<'_>, hints: &Hints) -> Vec<Stated> {
    let words = &zone.words;
    let endings = hints.endings(zone.language, words);
    let finder = Finder { zone, words, ids: view.ids(), campaigns: &view.directory.campaigns, hints, endings };
    let mut found: Vec<Stated> = vec![];
    // Unless some ids are of letters only, an ID has a digit, or a letter that looks like one, within reach.
    let telling = |token: &Token| finder.ids.letters_only || token.has_digit || token.strange;
    let (mut i, mut next) = (0, 0);
    let mut spelled = String::new();
    while i < words.tokens.len() {
        if next <= i {
            let Some(ahead) = words.tokens[i..].iter().position(telling) else { break };
            next = i + ahead;
            i = i.max((next + 1).saturating_sub(SPREAD));
        }
        let Some(reading) = finder.read(i, &mut spelled) else {
            i += 1;
            continue;
        };
        i += 1;
        if let Some(stated) = finder.judge(i - 1, reading, found.last()) {
            i = stated.tokens.1 + 1;
            found.push(stated);
            while let Some(more) = found.last().and_then(|before| (i..i + 4).find_map(|at| finder.goes_on(at, before)))
            {
                i = more.tokens.1 + 1;
                found.push(more);
            }
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
    pub(super) ids: SeenIds<'a>,
    pub(super) campaigns: &'a [Campaign],
    pub(super) hints: &'a Hints,
    /// The endings that the words of its language take, none where it has few.
    pub(super) endings: &'a [String],
}

impl Finder<'_, '_> {
    pub(super) fn token(&self, i: usize) -> Option<&Token> {
        self.words.tokens.get(i)
    }

    pub(super) fn written(&self, first: usize, last: usize) -> &str {
        match (self.token(first), self.token(last)) {
            (Some(first), Some(last)) => self.words.text.get(first.start..last.end).unwrap_or_default(),
            _ => "",
        }
    }

    /// "TRV-18-0442/0443", "48213/31", "31403/A and B": only the last digits, or the last letters, of the ID before stand there.
    fn goes_on(&self, i: usize, before: &Stated) -> Option<Stated> {
        let token = self.token(i).filter(|token| token.digits || token.capitals && token.end - token.start <= 2)?;
        let last = before.tokens.1;
        let listed = i > last && self.continues(last, i) && token.gap & gap::SEMICOLON == 0;
        let whole = before.compact.bytes().all(|b| b.is_ascii_digit());
        let slash = slashed(token);
        if !listed || whole && !slash || before.row.is_none() || before.weight <= 0.0 {
            return None;
        }
        let digits = self.words.folded(token);
        let ends = before.compact.len().checked_sub(digits.len())?;
        let (front, replaced) = before.compact.split_at_checked(ends)?;
        // "K/2025/31 and 32": all of the last part of the ID.
        let last_part = || {
            let part = before.id.rsplit(|c: char| !c.is_alphanumeric()).next();
            part.is_some_and(|part| part.eq_ignore_ascii_case(replaced))
        };
        let short = slash || i > last + 1 && last_part() && !self.unit_after(i);
        let fits = match token.digits {
            true => digits.len() >= if short { 2 } else { 3 } && replaced.bytes().all(|b| b.is_ascii_digit()),
            false => replaced.bytes().all(|b| b.is_ascii_alphabetic()) && last_part(),
        };
        if !fits {
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

    /// Decides whether a reading is a stated ID, and writes down why.
    fn judge<'r>(&'r self, i: usize, mut reading: Reading<'r>, before: Option<&Stated>) -> Option<Stated> {
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
        // What is said beside a number that answers our question; `None`: it is no answer.
        let beside = match label {
            Label::None if self.zone.answers && digits => self.beside_answer(i, reading.last),
            _ => None,
        };
        let alone = beside == Some(0);
        let ungrouped = matches!(label, Label::None | Label::Negative | Label::Document) && !self.zone.id_field;
        let in_parts =
            |row| self.written_in_parts(row, i, reading.last, before) || self.spoken_in_groups(i, reading.last, before);
        let parted = spread && digits && row.is_some_and(in_parts);
        if spread && digits && ungrouped && !(alone && row.is_some()) && !parted {
            reading.last = i;
            reading.compact = Cow::Borrowed(self.words.folded(token));
            row = self.ids.find(&reading.compact, &reading.compact, self.campaigns);
        } else if spread && digits && row.is_some() {
            // "118200/118201" are two; one number written in groups is no id in its parts.
            let first = self.words.folded(token);
            if let Some(single) = self.ids.find(first, first, self.campaigns) {
                reading.last = i;
                reading.compact = Cow::Borrowed(first);
                row = Some(single);
            }
        }
        let labelled = !matches!(label, Label::None | Label::Negative | Label::Document);
        // "93kd02" for "off_93kd02": letters and digits need no label to be nothing else.
        let mixed = !digits && !token.link && (self.zone.id_field || self.zone.place != Where::Form);
        if row.is_none() && (mixed || digits && (labelled || beside.is_some())) {
            row = self.ids.by_core(&reading.compact, self.campaigns);
        }
        if row.is_none() && beside.is_some() && self.ids.near(&reading.compact, self.campaigns).is_empty() {
            let completed = self.ids.completed(&reading.compact).filter(|_| !self.ids.fits(&reading.compact));
            reading.compact = completed.map_or(reading.compact, Cow::Owned);
        }
        let last = reading.last;
        let none = label == Label::None;
        if (none || label == Label::Negative)
            && !alone
            && (none && self.said_of_something_else(last) || self.follows_something_else(i))
        {
            label = Label::Document;
        }
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
                compact: reading.compact.clone().into_owned(),
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
        let footing = match self.zone.place {
            Where::Attachment => Footing::Beside,
            _ => Footing::Labelled,
        };
        if let Some(row) = row {
            // "our campaign a week ago" speaks of no campaign A.
            if token.roles & (role::STOP | role::FILL) != 0 && last == i && !token.capital && label != Label::Full {
                return None;
            }
            // "from 31.405 a 31.500": what only a space parts from it is a word of the sentence.
            let tail = &self.words.tokens[last];
            let word = spread && tail.gap == gap::SPACE && !tail.capital && tail.roles & (role::STOP | role::FILL) != 0;
            if word && label == Label::None {
                return None;
            }
            return match label {
                Label::Negative if telling => stated("campaign-id.shape", 0.9, Footing::Labelled),
                Label::Negative | Label::Document => stated(SOMETHING_ELSE, -1.0, Footing::Beside),
                _ if digits && (money || percent) => stated("campaign-id.amount", -1.0, Footing::Beside),
                Label::Listed if digits && unit && reading.compact.len() < 5 => {
                    stated("campaign-id.amount", -1.0, Footing::Beside)
                }
                Label::Campaign if self.year(&reading.compact) && !self.only_campaign(i) => None,
                Label::Full | Label::Campaign | Label::Id => stated("campaign-id.label", 1.0, Footing::Labelled),
                Label::Listed => {
                    stated("campaign-id.list", 0.95, before.map_or(Footing::Plain, |before| before.footing))
                }
                Label::None if alone && !unit => stated("campaign-id.answer", 0.8, Footing::Standing),
                Label::None if telling => stated("campaign-id.shape", 0.9, footing),
                Label::None if parted => stated("campaign-id.exact", 0.8, footing),
                Label::None if !digits => {
                    let id = &self.campaigns[row as usize].id;
                    let exact = id == self.written(i, last) || mixed && id.ends_with(self.written(i, last));
                    let has_digit = self.words.tokens[i..=last].iter().any(|part| part.has_digit);
                    // "vet 31 b" for "VET.31-B"
                    let word = role::MONTH | role::STOP | role::FILL | role::UNIT;
                    let opening = token.end - token.start >= 3 && !token.has_digit && token.roles & word == 0;
                    let numbers = reading.compact.bytes().filter(u8::is_ascii_digit).count();
                    let exact = exact || mixed && spread && opening && numbers >= 2 && reading.compact.len() >= 6;
                    let exact = exact || mixed && !spread && intermingled(&reading.compact);
                    // "X74-EF" for "x74-ef"
                    let cased = spread && numbers >= 2 && id.eq_ignore_ascii_case(self.written(i, last));
                    let exact = exact || mixed && cased && reading.compact.len() >= 5;
                    let seen = exact && (token.capitals || has_digit) && end - reading.start >= 3;
                    if seen && !token.link { stated("campaign-id.exact", 0.8, Footing::Labelled) } else { None }
                }
                Label::None if reading.look_alike && spread => None,
                Label::None => match self.bare(i, Some(row), before) {
                    Bare::Yes if footing == Footing::Beside => stated("campaign-id.bare", 0.7, Footing::Beside),
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
        let fits = self.ids.fits(&reading.compact) || labelled && self.ids.jumbled(&reading.compact);
        let near_length = digits && self.near_length(length);
        let id_like = fits || near_length || digits && length >= 4 && !self.year(&reading.compact);
        // "C-H4Q7Z" where the directory has C-B6E2K
        let headed =
            || !digits && intermingled(&reading.compact) && self.ids.headed_so(&reading.compact, self.written(i, last));
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
                        || some_digits && (self.opens_as_known(&reading) || self.ids.part_of_uuid(&reading.compact))
                        || near_length
                        || digits && length >= 4 && self.ids.digit_lengths == 0
                        || !digits
                            && some_digits
                            && (self.ids.form_known(&reading.compact)
                                || !self.ids.near(&reading.compact, self.campaigns).is_empty())
                        || headed()
                        || reading.continued)
            }
            // "id 4821", of 48213
            Label::Id if near_length && !fits => !self.ids.near(&reading.compact, self.campaigns).is_empty(),
            Label::Id | Label::Listed => (fits || reading.continued) && !self.year(&reading.compact),
            Label::None if beside.is_some() => {
                let near = !self.ids.near(&reading.compact, self.campaigns).is_empty();
                let round = reading.compact.ends_with("000") && !near;
                let meant = alone || !round && matches!(self.bare(i, None, before), Bare::Yes);
                meant && (fits || near) && !self.year(&reading.compact)
            }
            Label::None => {
                let written = || self.written(i, last);
                // "Q7K-221" for "P7K-221"
                let mistyped = || !digits && self.ids.parted_so(&reading.compact, written());
                let opens = reading.continued || self.opens_as_known(&reading) || mistyped() || headed();
                // "off_7yq1ad": so few digits tell when all of it is written as the directory would.
                let like = || {
                    telling
                        || headed()
                        || !digits
                            && (some_digits || self.ids.spelled_so(&reading.compact, written()))
                            && !self.ids.near(&reading.compact, self.campaigns).is_empty()
                };
                !token.link && opens && !(spread && self.postcode(i, last)) && (reading.continued || like())
            }
            Label::Negative | Label::Document => false,
        };
        if !counts {
            return None;
        }
        match label {
            Label::None if beside.is_some() => stated("campaign-id.answer", 0.8, Footing::Standing),
            Label::None => stated("campaign-id.shape", 0.8, Footing::Labelled),
            _ => stated("campaign-id.unknown", 0.8, Footing::Labelled),
        }
    }

    /// "2025/07/0881", "71-2040": digits in parts, to the letter as the directory has them, and no date, no amount, no part
    /// of a longer number.
    fn written_in_parts(&self, row: u32, first: usize, last: usize, before: Option<&Stated>) -> bool {
        if self.campaigns[row as usize].id != self.written(first, last) {
            return false;
        }
        let parts = &self.words.tokens[first..=last];
        let length = |part: &Token| part.end - part.start;
        let years = parts.iter().filter(|part| length(part) == 4).count();
        let date = parts.len() == 3 && years == 1 && parts.iter().all(|part| matches!(length(part), 1 | 2 | 4));
        let long = parts.iter().map(length).sum::<usize>() >= 7;
        // So few digits are as well a month of a year, a count or the end of a phone number.
        let short = || {
            let is_month = |part: &Token| (1..=12).contains(&self.words.folded(part).parse().unwrap_or(0));
            let month = parts.iter().any(is_month) && parts.iter().any(|part| self.year(self.words.folded(part)));
            let whole = parts.iter().any(|part| length(part) >= 4) && !month;
            whole && !self.unit_after(last) && !self.figure(first) && !self.goes_further(first, last, before)
        };
        !date && (long || short())
    }

    /// "It's 48 213.", "C'est la 48 213", "no. 48 213", "stop 48 213 now", "2026 0114": the groups of a known ID, and nothing is counted.
    fn spoken_in_groups(&self, first: usize, last: usize, before: Option<&Stated>) -> bool {
        const CLOSES: u32 = gap::CLAUSE | gap::COMMA | gap::LINE | gap::CLOSE;
        let tokens = &self.words.tokens;
        let groups = tokens[first + 1..=last].iter().all(|part| part.gap == gap::SPACE && part.digits);
        if !groups || self.unit_after(last) || self.figure(first) || self.goes_further(first, last, before) {
            return false;
        }
        let numbered = || first > 0 && tokens[first - 1].roles & role::NUMBER != 0;
        let closes = last + 1 == tokens.len() || self.words.gap_after(last) & CLOSES != 0;
        let begins = (1..=first).rev().find(|at| tokens[*at].gap & CLOSES != 0).unwrap_or(0);
        let said = || first > begins && tokens[begins..first].iter().all(|token| token.roles & role::FILL != 0);
        let long = || tokens[first..=last].iter().map(|part| part.end - part.start).sum::<usize>() >= 8;
        // "pls pause 48 213 right now"
        let orders = |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Orders && end == first);
        let function = || tokens[last + 1].roles & (role::STOP | role::FILL | role::COMMON | role::RELATION) != 0;
        let ordered = || (first.saturating_sub(3)..first).any(orders) && (closes || function());
        numbered() || closes && said() || long() || ordered() || self.governed(first, last)
    }

    /// "in die 48 213 eingelesen.": in German between an article with a preposition and the participle that ends the clause.
    fn governed(&self, first: usize, last: usize) -> bool {
        const CLOSES: u32 = gap::CLAUSE | gap::COMMA | gap::LINE | gap::OPEN;
        let tokens = &self.words.tokens;
        let Some(participle) = self.token(last + 1).filter(|token| token.gap == gap::SPACE && !token.capital) else {
            return false;
        };
        let word = self.words.word(last + 1);
        let form = word.contains("ge") && word.ends_with(['t', 'n']) || word.contains("zu") && word.ends_with('n');
        let ends = last + 2 == tokens.len() || self.words.gap_after(last + 1) & CLOSES != 0;
        let article =
            first > 1 && tokens[first - 1].roles & role::OWN != 0 && tokens[first - 2].roles & role::RELATION != 0;
        self.zone.capital_nouns() && participle.roles & (role::STOP | role::UNIT) == 0 && form && ends && article
    }

    /// "48213/31": behind the number at this token stand the last digits of another, and both are known.
    pub(super) fn shortened_behind(&self, i: usize) -> bool {
        let Some(next) = self.token(i + 1).filter(|next| next.digits && slashed(next)) else { return false };
        let (word, last) = (self.words.word(i), self.words.folded(next));
        let known = |id: &str| self.ids.find(id, id, self.campaigns).is_some();
        let front = word.len().checked_sub(last.len()).filter(|front| *front > 0 && last.len() >= 2);
        front.and_then(|front| word.get(..front)).is_some_and(|front| known(word) && known(&format!("{front}{last}")))
    }

    /// Whether more digits stand beside these, parted by no more than a space or a mark, that are no ID themselves.
    fn goes_further(&self, first: usize, last: usize, before: Option<&Stated>) -> bool {
        const APART: u32 = gap::END | gap::PARAGRAPH | gap::LINE | gap::COMMA | gap::OPEN | gap::QUOTE;
        let near = |token: &Token| token.gap & APART == 0 && token.gap_chars <= 2;
        let ahead = first > 0 && self.words.tokens[first - 1].has_digit && near(&self.words.tokens[first]);
        let listed = before.is_some_and(|before| before.row.is_some() && before.tokens.1 + 1 == first);
        let behind = self.token(last + 1).is_some_and(|next| next.digits && near(next) && next.gap & gap::WHITE == 0);
        ahead && !listed || behind
    }

    /// Whether it opens with letters that ids of the directory open with: one letter tells when a separator follows, none
    /// when all of it is written as the directory would.
    fn opens_as_known(&self, reading: &Reading<'_>) -> bool {
        let compact = &reading.compact;
        let letters = compact.find(|c: char| c.is_ascii_digit()).unwrap_or(compact.len());
        let written = self.words.text.get(reading.start..self.words.tokens[reading.last].end).unwrap_or_default();
        match letters {
            0 => self.ids.telling(compact) && self.ids.spelled_so(compact, written),
            1 if written.chars().nth(1).is_some_and(|c| "-_./#".contains(c)) => self.ids.opens(&compact[..1]),
            1 => self.ids.telling(compact) && self.ids.spelled_so(compact, written),
            _ => self.ids.opens(&compact[..letters]),
        }
    }
}

/// "48213/31", "48213/-31": directly behind a slash.
fn slashed(token: &Token) -> bool {
    token.gap & gap::SLASH != 0 && token.gap & !(gap::SLASH | gap::HYPHEN) == 0 && token.gap_chars <= 2
}

/// "h2w6d": letters and digits by turns are no word and no amount.
fn intermingled(compact: &str) -> bool {
    let turns = compact.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit());
    compact.len() >= 5 && turns.count() >= 3
}

/// A written ID without invisible characters and white space, digits and full-width letters as ASCII.
pub(super) fn visible(written: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    written.nfkc().filter(|c| !c.is_whitespace() && (c.is_alphanumeric() || c.is_ascii_graphic())).collect()
}
