//! The ways to read an ID at a word: over how many words it goes, with look-alike letters, with its label glued to it.
//!
//! Says what stands there; whether it is meant as an ID is for [`super::stated`] to judge.

use std::borrow::Cow;

use super::fold::{Token, compact};
use super::gap;
use super::hints::role;
use super::label::Label;
use super::stated::Finder;
use crate::request::evidence::Where;

/// One way to read an ID at a token.
#[derive(Default)]
pub(super) struct Reading<'w> {
    pub(super) last: usize,
    pub(super) start: usize,
    pub(super) compact: Cow<'w, str>,
    pub(super) row: Option<u32>,
    /// The label is glued to it.
    pub(super) glued: bool,
    pub(super) look_alike: bool,
    /// More stands behind an ID than that: "CMP-20417-DE".
    pub(super) continued: bool,
}

/// The most tokens that an ID is spread over: a UUID has five, a long number in groups of two more.
pub(super) const SPREAD: usize = 8;

impl Finder<'_, '_> {
    /// Whether an ID may go on over this gap; a long one, and one that its separator ends, goes on in the next line. Where
    /// nothing stands between, another script begins.
    fn joins(&self, token: &Token) -> bool {
        if token.gap == 0 {
            return false;
        }
        const JOINTS: u32 = gap::SPACE | gap::DOT | gap::HYPHEN | gap::UNDERSCORE | gap::APOSTROPHE | gap::SLASH;
        const ENDS: u32 = gap::HYPHEN | gap::SLASH;
        let broken = token.gap & !(ENDS | gap::LINE) == 0 && token.gap & gap::LINE != 0;
        match broken {
            true => token.gap_chars <= 3 && (token.gap & ENDS != 0 || self.ids.longest >= 32),
            false => token.gap_chars <= 1 && token.gap & !JOINTS == 0,
        }
    }

    /// "K25%2F1047" in a URL: what stands behind a separator that is written as such a code.
    fn escaped(&self, token: &Token) -> Option<&str> {
        let code = token.link && token.gap == gap::PERCENT;
        let word = code.then(|| self.words.folded(token))?;
        let (hex, rest) = word.split_at_checked(2)?;
        hex.bytes().all(|b| b.is_ascii_hexdigit()).then_some(rest)
    }

    /// "UF25 - 040", "REQ: 8851": what may part an ID that opens with letters, where the directory has such an ID.
    fn parts(&self, first: usize, last: usize) -> bool {
        const WIDE: u32 = gap::SPACE | gap::DOT | gap::HYPHEN | gap::UNDERSCORE | gap::SLASH;
        const MARKS: u32 = gap::COLON | gap::HASH;
        let (Some(head), Some(part)) = (self.token(first), self.token(last)) else { return false };
        // "campaign 2025 / 0212"
        let number = head.digits && part.digits && part.gap & (gap::SLASH | gap::HYPHEN) != 0 && last == first + 1;
        // "M - 31 155": a letter that IDs open with.
        let letter = part.gap & gap::HYPHEN != 0 && self.ids.opens(self.words.folded(head));
        let opening = number || !head.digits && (head.has_digit || head.end - head.start >= 2 || letter);
        let marked = part.gap & MARKS != 0;
        let mark_fits = !marked || last == first + 1 && !head.has_digit && part.gap & !(MARKS | gap::SPACE) == 0;
        // "UNI - Q 2 V 6 K"
        let sign = part.has_digit || part.end - part.start == 1 && part.gap & gap::HYPHEN != 0;
        opening && sign && part.gap_chars <= 3 && part.gap & !(WIDE | MARKS) == 0 && mark_fits
    }

    /// Whether the campaign's ID has the same two numbers, parted by the same sign.
    fn parted_alike(&self, row: u32, first: usize, last: usize) -> bool {
        let written = self.written(first, last);
        let sign = |c: &char| !c.is_whitespace();
        written.chars().filter(sign).eq(self.campaigns[row as usize].id.chars())
    }

    /// Whether this is a further group of three digits, as in "20,417".
    fn grouped(&self, first: usize, last: usize) -> bool {
        let Some((head, groups)) = self.words.tokens.get(first..=last).and_then(<[Token]>::split_first) else {
            return false;
        };
        let length = |token: &Token| self.words.folded(token).len();
        let group =
            |token: &Token| token.digits && token.gap == gap::COMMA && token.gap_chars == 1 && length(token) == 3;
        head.digits && length(head) <= 3 && groups.iter().all(group) && self.said_to_be_one(first)
    }

    /// Whether words for an ID or a number introduce this word: "Campaign ID: ", "campaign no. ". In English, counts have
    /// commas, and "Campaign: EURO-2028" may be a name.
    fn said_to_be_one(&self, i: usize) -> bool {
        let open = self.token(i).is_none_or(|token| token.gap & gap::OPEN != 0);
        let before = i.checked_sub(1).and_then(|before| self.token(before));
        !open
            && before.is_some_and(|token| token.roles & (role::IDENTIFIER | role::NUMBER | role::LABEL) != 0)
            && self.label(i, None) == Label::Full
    }

    /// The best way to read an ID that begins at this token. `spelled`: a text to write on, so that not every number of a
    /// mail needs one of its own.
    pub(super) fn read(&self, i: usize, spelled: &mut String) -> Option<Reading<'_>> {
        let token = self.token(i).filter(|token| !token.address)?;
        let word = self.words.folded(token);
        let next_glued = self.token(i + 1).is_some_and(|next| {
            next.has_digit && next.gap_chars <= 1 && next.gap & !(gap::HYPHEN | gap::UNDERSCORE | gap::SPACE) == 0
        });
        let opens = token.has_digit
            || token.strange
            || !self.ids.openings_empty() && word.len() <= self.ids.longest_opening && self.ids.opens(word);
        // "Q R 1 1 0 1"
        let sign = |at: usize| self.token(at).is_some_and(|token| token.end - token.start == 1);
        let spelled_out = sign(i) && sign(i + 1) && self.joins(&self.words.tokens[i + 1]);
        let opens = opens || spelled_out && !token.digits;
        let mistyped = next_glued && word.len() <= 6;
        if !(opens || mistyped || self.ids.letters_only) {
            return self.foreign(i);
        }
        let reading = |last: usize, compact: String, row| Reading {
            last,
            start: token.start,
            compact: Cow::Owned(compact),
            row,
            ..Reading::default()
        };
        // The longest spelling that the directory knows.
        spelled.clear();
        let mut known = None;
        let mut fitting = None;
        let mut core = None;
        let mut parted = false;
        let spread = if spelled_out { self.ids.longest.max(SPREAD) } else { SPREAD };
        for last in i..(i + spread).min(self.words.tokens.len()) {
            let part = &self.words.tokens[last];
            let escaped = if last > i { self.escaped(part) } else { None };
            if last > i && escaped.is_none() && !self.joins(part) && !self.grouped(i, last) {
                if !self.parts(i, last) {
                    break;
                }
                parted = true;
            }
            spelled.push_str(escaped.unwrap_or(self.words.folded(part)));
            if spelled.len() > self.ids.longest + 2 {
                break;
            }
            let parted_so = |row: u32| !parted || !token.digits || self.parted_alike(row, i, last);
            if self.ids.may_be(spelled)
                && let Some(row) =
                    self.ids.find(spelled, self.written(i, last), self.campaigns).filter(|row| parted_so(*row))
            {
                known = Some((last, spelled.len(), row));
            } else if !parted && spelled.bytes().any(|b| b.is_ascii_digit()) && self.ids.fits(spelled) {
                fitting = Some((last, spelled.len()));
            } else if last > i && part.digits && part.gap & gap::WHITE == 0 {
                // "88-104" for "PRJ-88-104", "KR-119" for "2025-KR-119"
                core = self.ids.by_core(spelled, self.campaigns).map(|row| (last, spelled.len(), row)).or(core);
            }
        }
        if let Some((last, length, row)) = known {
            let known = reading(last, spelled[..length].to_owned(), Some(row));
            return Some(self.continued(i, known));
        }
        if let Some((last, length, row)) = core {
            return Some(reading(last, spelled[..length].to_owned(), Some(row)));
        }
        if let Some(found) = self.look_alike(i) {
            return Some(found);
        }
        if let Some(found) = self.glued(i) {
            return Some(found);
        }
        if let Some((last, length)) = fitting {
            return Some(self.continued(i, reading(last, spelled[..length].to_owned(), None)));
        }
        // An opening of the directory, then digits: one too many or too few.
        let tight = || self.token(i + 1).is_some_and(|next| next.gap & gap::WHITE == 0);
        let opened = || match token.has_digit {
            true => !token.digits && tight(),
            false => word.len() >= 2 || tight(),
        };
        let head = || word.trim_end_matches(|c: char| c.is_ascii_digit());
        if next_glued && opened() && self.ids.opens(head()) {
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
        if !token.digits && (next_glued || opens && tight()) && !self.ids.openings_empty() {
            let mut spelled = word.to_owned();
            for last in i + 1..(i + SPREAD).min(self.words.tokens.len()) {
                let part = &self.words.tokens[last];
                if !self.joins(part) || part.gap & gap::SPACE != 0 {
                    break;
                }
                spelled.push_str(self.words.folded(part));
                let near = || spelled.len() >= 6 && !self.ids.near(&spelled, self.campaigns).is_empty();
                if self.ids.form_known(&spelled) || near() {
                    return Some(reading(last, spelled, None));
                }
            }
        }
        if let Some(found) = self.glued_opening(i) {
            return Some(found);
        }
        let foreign = self.foreign(i);
        if foreign.is_some() || !token.has_digit {
            return foreign;
        }
        Some(Reading { last: i, start: token.start, compact: Cow::Borrowed(word), ..Reading::default() })
    }

    /// "Campaign ID: CMP/20417", in a shape that no id of the directory has: it is said to be one all the same. Otherwise it
    /// may be a name, a date or a file.
    fn foreign(&self, i: usize) -> Option<Reading<'_>> {
        const JOINTS: u32 = gap::HYPHEN | gap::UNDERSCORE | gap::SLASH | gap::DOT;
        let tokens = &self.words.tokens;
        let joined = |at: &usize| {
            let part = tokens.get(*at);
            part.is_some_and(|part| part.gap_chars == 1 && part.gap & !JOINTS == 0 && !part.address)
        };
        let last = (i + 1..i + SPREAD).take_while(joined).last()?;
        let field = self.zone.id_field && i == 0 && last + 1 == tokens.len();
        if !field && !self.said_to_be_one(i) {
            return None;
        }
        let parts = &tokens[i..=last];
        let written = self.written(i, last);
        let digits = written.bytes().filter(u8::is_ascii_digit).count();
        let letters = |part: &Token| !part.has_digit && part.end - part.start <= 8 && part.roles & role::MONTH == 0;
        let plain = parts.iter().all(|part| (part.has_digit || letters(part)) && !part.link && !part.strange);
        let mixed = parts.iter().any(|part| !part.digits);
        // In "ID-48213" and "C-48213" the label reaches the number itself.
        let labels = role::LABEL | role::IDENTIFIER | role::NUMBER | role::CAMPAIGN | role::CAMPAIGNS | role::LINK;
        let (first, word) = (&parts[0], self.words.folded(&parts[0]));
        let letter = word.len() == 1 && first.roles & role::FILL != 0;
        let label = first.roles & labels != 0 || letter || self.hints.negative(word, first.roles);
        let apart = first.has_digit || !label;
        if digits < 3 || !plain || !mixed || !apart {
            return None;
        }
        // "Campaign ID: web-AB-1234": what is known behind other words is read for itself.
        let known = |from: usize| {
            let mut tail = String::new();
            tokens[from..=last].iter().for_each(|part| tail.push_str(self.words.folded(part)));
            last > from && self.ids.find(&tail, self.written(from, last), self.campaigns).is_some()
        };
        if (i + 1..=last).any(known) {
            return None;
        }
        let mut spelled = String::new();
        parts.iter().for_each(|part| spelled.push_str(self.words.folded(part)));
        Some(Reading {
            last,
            start: parts[0].start,
            compact: Cow::Owned(spelled),
            continued: true,
            ..Reading::default()
        })
    }

    /// With what its own separator adds behind it: "CMP-20417-DE" is no CMP-20417. A word, a year or a file's ending is no
    /// part of an ID.
    fn continued<'r>(&self, i: usize, reading: Reading<'r>) -> Reading<'r> {
        let tokens = &self.words.tokens;
        let at = reading.last + 1;
        let own = |gap: u32| tokens[i + 1..=reading.last].iter().any(|part| part.gap == gap);
        let Some(part) = tokens.get(at).filter(|part| part.gap_chars == 1 && part.gap & gap::WHITE == 0) else {
            return reading;
        };
        let ends = self.words.gap_after(at);
        let ends = at + 1 == tokens.len() || ends & (gap::WHITE | gap::OPEN | gap::CLOSE | gap::QUOTE) != 0;
        let length = part.end - part.start;
        let short = if part.digits { length <= 2 } else { part.capitals && length <= 4 };
        let other = role::TITLE | role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::UNIT | role::ADVERT;
        let text = matches!(self.zone.place, Where::Form | Where::Subject | Where::Text) && !part.link;
        let telling = own(part.gap) && part.gap != gap::SLASH && !reading.compact.bytes().all(|b| b.is_ascii_digit());
        if !(telling && text && short && ends && part.roles & other == 0) {
            return reading;
        }
        let compact = Cow::Owned(format!("{}{}", reading.compact, self.words.folded(part)));
        Reading { last: at, compact, row: None, continued: true, ..reading }
    }

    /// An ID with letters of other scripts, or with letters for digits: UTS 39 skeletons, and O for 0.
    fn look_alike(&self, i: usize) -> Option<Reading<'_>> {
        let parts = self.words.tokens.get(i..(i + 4).min(self.words.tokens.len()))?;
        let joined = parts.iter().skip(1).take_while(|part| part.gap & gap::SPACE == 0 && self.joins(part)).count();
        // Most words of other scripts end here.
        let parts = parts.get(..=joined).filter(|parts| parts.iter().any(|part| part.has_digit))?;
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
                    let (start, compact) = (parts[0].start, Cow::Owned(candidate.clone()));
                    return Some(Reading {
                        last: i + at,
                        start,
                        compact,
                        row: Some(row),
                        look_alike: true,
                        ..Reading::default()
                    });
                }
            }
        }
        None
    }

    /// "ID48213", "campaign48213", "campaignCMP104233": label and ID in one word; "48213is": the ID and the next word.
    fn glued(&self, i: usize) -> Option<Reading<'_>> {
        let token = self.token(i)?;
        let word = self.words.folded(token);
        if token.digits || !token.has_digit {
            return None;
        }
        // "the 48213s report", "die 48213er", "CMP104233is".
        let id = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let behind = &word[id.len()..];
        let (numeric, roles) = (id.bytes().all(|b| b.is_ascii_digit()), self.hints.roles(behind));
        let marked = token.gap & gap::HASH != 0 && id.len() >= 5;
        let word_behind = role::FILL | role::STOP | role::CAMPAIGN | role::TITLE;
        let runs_on = behind.len() >= 2 && (marked || roles & word_behind != 0) && roles & role::UNIT == 0;
        if id.len() >= 4 && (runs_on || numeric && matches!(behind, "s" | "er")) {
            let row = Some(self.ids.find(id, id, self.campaigns)?);
            let (start, compact) = (token.start, Cow::Borrowed(id));
            return Some(Reading { last: i, start, compact, row, ..Reading::default() });
        }
        let at = word.find(|c: char| c.is_ascii_digit())?;
        let labelled = |id: &usize| {
            let label = self.hints.roles(&word[..*id]) & (role::CAMPAIGN | role::LABEL | role::IDENTIFIER) != 0;
            label && self.ids.find(&word[*id..], &word[*id..], self.campaigns).is_some()
        };
        if let Some(id) = (2..at).filter(|id| word.is_char_boundary(*id)).find(labelled) {
            let row = self.ids.find(&word[id..], &word[id..], self.campaigns);
            let (start, compact) = (token.start + id, Cow::Borrowed(&word[id..]));
            return Some(Reading { last: i, start, compact, row, glued: true, ..Reading::default() });
        }
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
        Some(Reading { last: i, start, compact: Cow::Borrowed(rest), row, glued: true, ..Reading::default() })
    }

    /// "IDACQ-2024-0117": the label glued to what the ID opens with.
    fn glued_opening(&self, i: usize) -> Option<Reading<'_>> {
        let token = self.token(i).filter(|token| !token.has_digit)?;
        let word = self.words.folded(token);
        let labels = role::CAMPAIGN | role::LABEL | role::IDENTIFIER;
        let opens = |at: &usize| self.hints.roles(&word[..*at]) & labels != 0 && self.ids.opens(&word[*at..]);
        let at = (2..word.len()).filter(|at| word.is_char_boundary(*at)).find(opens)?;
        let mut spelled = word[at..].to_owned();
        for last in i + 1..(i + SPREAD).min(self.words.tokens.len()) {
            let part = self.token(last).filter(|part| self.joins(part) && part.gap & gap::WHITE == 0)?;
            spelled.push_str(self.words.folded(part));
            if let Some(row) = self.ids.find(&spelled, &spelled, self.campaigns) {
                let start = token.end.saturating_sub(word.len() - at);
                let compact = Cow::Owned(spelled);
                return Some(Reading { last, start, compact, row: Some(row), glued: true, ..Reading::default() });
            }
        }
        None
    }

    fn known(&self, digits: &str) -> Option<u32> {
        self.ids.find(digits, digits, self.campaigns).or_else(|| self.ids.by_core(digits, self.campaigns))
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
