//! Campaign IDs stated in a text: where, introduced by what, denied or not.
//!
//! A number is an ID when a label says so, when its shape tells, or when it is an id of the directory standing in plain
//! text with nothing that makes it something else. Whatever is turned down stays visible as evidence.

use super::fold::{NO_WORD, Token, Words, compact, gap};
use super::hints::{Hints, Says, role};
use super::ids::Ids;
use super::{Campaign, Directory};
use crate::request::evidence::Where;

/// A text in which campaigns are looked for.
#[derive(Debug)]
pub struct Zone<'a> {
    /// Which part of the request.
    pub place: Where,
    /// The field's label, or the index of link or attachment.
    pub field: Option<String>,
    /// The value of a field that holds Campaign IDs.
    pub id_field: bool,
    /// The value of a field that holds a campaign's name.
    pub name_field: bool,
    /// Its words, with their roles.
    pub words: Words<'a>,
}

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
    /// It counts only when nothing stronger is stated.
    pub weak: bool,
    /// Written with look-alike or invisible characters.
    pub look_alike: bool,
}

/// How an ID is introduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// By the campaign and a word for ID or number, or a mark such as `#`; or by its form field.
    Full,
    /// By the word for a campaign alone.
    Campaign,
    /// By a word for ID alone.
    Id,
    /// As a member of a list that a label introduced.
    Listed,
    /// It is said to be something else.
    Negative,
    /// By nothing.
    None,
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
        let Some(reading) = finder.read(i) else {
            i += 1;
            continue;
        };
        let last = reading.last;
        match finder.judge(i, reading, found.last()) {
            Some(stated) => {
                i = last + 1;
                found.push(stated);
            }
            None => i += 1,
        }
    }
    if !found.is_empty() {
        finder.deny(&mut found);
    }
    found
}

struct Finder<'a, 'z> {
    zone: &'a Zone<'z>,
    words: &'a Words<'z>,
    ids: &'a Ids,
    campaigns: &'a [Campaign],
    hints: &'a Hints,
}

/// The most tokens that an ID is spread over: a UUID has five, a long number in groups of two more.
const SPREAD: usize = 8;

impl Finder<'_, '_> {
    fn token(&self, i: usize) -> Option<&Token> {
        self.words.tokens.get(i)
    }

    fn written(&self, first: usize, last: usize) -> &str {
        match (self.token(first), self.token(last)) {
            (Some(first), Some(last)) => self.words.text.get(first.start..last.end).unwrap_or_default(),
            _ => "",
        }
    }

    /// Whether an ID may go on over this gap.
    fn joins(&self, token: &Token) -> bool {
        const JOINTS: u32 = gap::SPACE | gap::DOT | gap::HYPHEN | gap::UNDERSCORE | gap::APOSTROPHE | gap::SLASH;
        token.gap_chars <= 1 && token.gap & !JOINTS == 0
    }

    /// The best way to read an ID that begins at this token.
    fn read(&self, i: usize) -> Option<Reading> {
        let token = self.token(i).filter(|token| !token.address)?;
        let word = self.words.folded(token);
        let next_glued = self.token(i + 1).is_some_and(|next| {
            next.has_digit && next.gap_chars <= 1 && next.gap & !(gap::HYPHEN | gap::UNDERSCORE | gap::SPACE) == 0
        });
        let opens = token.has_digit || token.strange || word.len() <= self.ids.longest_opening && self.ids.opens(word);
        let mistyped = next_glued && word.len() <= 6;
        if !(opens || mistyped || self.ids.letters_only) {
            return None;
        }
        let reading = |last: usize, compact: String, row, look_alike| Reading {
            last,
            start: token.start,
            compact,
            row,
            glued: false,
            look_alike,
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
                known = Some((last, spelled.clone(), row));
            } else if spelled.bytes().any(|b| b.is_ascii_digit()) && self.ids.fits(&spelled) {
                fitting = Some((last, spelled.clone()));
            }
        }
        if let Some((last, compact, row)) = known {
            return Some(reading(last, compact, Some(row), (i..=last).any(|at| self.words.tokens[at].strange)));
        }
        if let Some(found) = self.look_alike(i) {
            return Some(found);
        }
        if let Some(found) = self.glued(i) {
            return Some(found);
        }
        if let Some((last, compact)) = fitting {
            return Some(reading(last, compact, None, false));
        }
        if token.has_digit {
            return Some(reading(i, word.to_owned(), None, false));
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
                    return Some(reading(last, spelled, None, false));
                }
            }
        }
        None
    }

    /// An ID with letters of other scripts, or with letters for digits: UTS 39 skeletons, and O for 0.
    fn look_alike(&self, i: usize) -> Option<Reading> {
        let mut spelled = String::new();
        let mut loose = String::new();
        for last in i..(i + 4).min(self.words.tokens.len()) {
            let part = &self.words.tokens[last];
            if last > i && (!self.joins(part) || part.gap & gap::SPACE != 0) {
                break;
            }
            let written = self.words.text.get(part.start..part.end)?;
            let mixed = part.has_digit && !part.digits;
            if !(part.strange || mixed) && spelled.is_empty() {
                return None;
            }
            for c in written.chars() {
                let c = if c.is_ascii() { c } else { prototype(c) };
                let c = c.to_ascii_lowercase();
                spelled.push(c);
                loose.push(match c {
                    'o' => '0',
                    'l' | 'i' | '|' => '1',
                    c => c,
                });
            }
            let mut clean = String::new();
            compact(&spelled, &mut clean);
            for candidate in [&clean, &loose] {
                let digits = candidate.bytes().filter(u8::is_ascii_digit).count();
                if digits >= 3
                    && let Some(row) = self.ids.find(candidate, candidate, self.campaigns)
                {
                    let start = self.words.tokens[i].start;
                    let compact = candidate.clone();
                    return Some(Reading { last, start, compact, row: Some(row), glued: false, look_alike: true });
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
        Some(Reading { last: i, start, compact: rest.to_owned(), row, glued: true, look_alike: token.strange })
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
        let mut label = if reading.glued { Label::Full } else { self.label(i, before) };
        // "campaign 80 125": groups are one number only when a label says so; else the first group stands alone.
        let mut row = reading.row;
        if spread && digits && matches!(label, Label::None | Label::Negative) && !self.zone.id_field {
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
        if row.is_none() && digits && !matches!(label, Label::None | Label::Negative) {
            row = self.ids.by_core(&reading.compact, self.campaigns);
        }
        let last = reading.last;
        if self.zone.id_field && label != Label::Negative {
            label = Label::Full;
        }
        let end = self.token(last)?.end;
        let stated = |rule: &'static str, weight: f64, weak: bool| {
            let written = self.words.text.get(reading.start..end).unwrap_or_default();
            let id = match row {
                Some(row) => self.campaigns[row as usize].id.clone(),
                None => self.ids.spelled(&reading.compact, &visible(written)),
            };
            Some(Stated {
                row,
                id,
                compact: reading.compact.clone(),
                rule: if reading.look_alike && weight > 0.0 && !digits { "campaign-id.look-alike" } else { rule },
                weight,
                span: (reading.start, end),
                tokens: (i, last),
                weak,
                look_alike: reading.look_alike,
            })
        };
        let money = (token.gap | self.words.gap_after(last)) & gap::MONEY != 0 && self.money(i, last);
        let percent = self.words.gap_after(last) & gap::PERCENT != 0;
        let unit = self.unit_after(last);
        if row.is_some() {
            return match label {
                Label::Negative if telling => stated("campaign-id.shape", 0.9, false),
                Label::Negative => stated("campaign-id.something-else", -1.0, true),
                _ if digits && (money || percent) => stated("campaign-id.amount", -1.0, true),
                Label::Campaign | Label::Listed if digits && unit && reading.compact.len() < 5 => {
                    stated("campaign-id.amount", -1.0, true)
                }
                Label::Campaign if self.year(&reading.compact) => None,
                Label::Full | Label::Campaign | Label::Id => stated("campaign-id.label", 1.0, false),
                Label::Listed => stated("campaign-id.list", 0.95, false),
                Label::None if telling => stated("campaign-id.shape", 0.9, self.zone.place == Where::Attachment),
                Label::None if !digits => {
                    let exact = row.is_some_and(|row| self.campaigns[row as usize].id == self.written(i, last));
                    let seen = exact && (token.capitals || token.has_digit) && end - reading.start >= 3;
                    if seen && !token.link { stated("campaign-id.exact", 0.8, false) } else { None }
                }
                Label::None if reading.look_alike && spread => None,
                Label::None => match self.bare(i, before) {
                    Bare::Yes => stated("campaign-id.bare", 0.7, self.zone.place == Where::Attachment),
                    Bare::No(rule) => stated(rule, -0.5, true),
                    Bare::Nothing => None,
                },
            };
        }
        if money || percent || (unit && label != Label::Full) || !self.stands_alone(i, last) {
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
            Label::Campaign => {
                !self.year(&reading.compact)
                    && (fits
                        || near_length
                        || digits && length >= 4 && self.ids.digit_lengths == 0
                        || !digits && some_digits && self.ids.form_known(&reading.compact))
            }
            Label::Id | Label::Listed => fits && !self.year(&reading.compact),
            Label::None => telling && !token.link && self.known_opening(&reading.compact),
            Label::Negative => false,
        };
        if !counts {
            return None;
        }
        stated(if label == Label::None { "campaign-id.shape" } else { "campaign-id.unknown" }, 0.8, false)
    }

    fn known_opening(&self, compact: &str) -> bool {
        let end = compact.find(|c: char| c.is_ascii_digit()).unwrap_or(compact.len());
        end >= 2 && self.ids.opens(&compact[..end])
    }

    fn near_length(&self, length: usize) -> bool {
        let around = 0b111u64 << length.clamp(1, 60).saturating_sub(1);
        length >= 3 && self.ids.digit_lengths & around != 0
    }

    fn year(&self, compact: &str) -> bool {
        compact.len() == 4 && (compact.starts_with("19") || compact.starts_with("20"))
    }

    /// Whether the currency sign stands beside this number, not beside another one.
    fn money(&self, i: usize, last: usize) -> bool {
        let (Some(token), Some(end)) = (self.token(i), self.token(last)) else { return false };
        let before = self.words.text.get(..token.start).unwrap_or_default().trim_end();
        let after = self.words.text.get(end.end..).unwrap_or_default().trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺');
        let ahead = after.strip_prefix(sign).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
        before.ends_with(sign) || ahead
    }

    fn unit_after(&self, last: usize) -> bool {
        self.token(last + 1).is_some_and(|next| next.roles & role::UNIT != 0 && next.gap & !gap::SPACE == 0)
    }

    /// Whether a number without a known id is one by itself: no part of a date, a decimal number, a phone number.
    fn stands_alone(&self, first: usize, last: usize) -> bool {
        let tight = |token: &Token| token.gap & gap::WHITE == 0;
        let cuts = gap::DOT | gap::COMMA | gap::COLON | gap::SLASH | gap::HYPHEN | gap::APOSTROPHE | gap::AT;
        let before = self.token(first).is_some_and(|token| {
            first > 0 && tight(token) && token.gap & cuts != 0 && self.words.tokens[first - 1].digits
        });
        let after = self.token(last + 1).is_some_and(|next| {
            let same_length = next.end - next.start == self.words.tokens[last].end - self.words.tokens[last].start;
            let list = next.gap & (gap::SLASH | gap::COMMA) != 0 && same_length;
            tight(next) && next.gap & cuts != 0 && next.has_digit && !list
        });
        // URLs may go on behind a slash.
        !before && (!after || self.token(first).is_some_and(|token| token.link))
    }

    /// By what the ID at this token is introduced.
    fn label(&self, i: usize, before: Option<&Stated>) -> Label {
        let (mut ident, mut number, mut filled, mut negative) = (false, false, 0, false);
        let mut k = i;
        let Some(token) = self.token(i) else { return Label::None };
        let link = token.link;
        let mut mark = token.gap & gap::HASH != 0;
        for step in 0..8 {
            let Some(token) = self.token(k) else { break };
            let stops = gap::PARAGRAPH | gap::SEMICOLON | gap::CLOSE;
            if k == 0 || token.gap & stops != 0 || (token.gap & gap::COMMA != 0 && step > 0) {
                break;
            }
            let previous = &self.words.tokens[k - 1];
            let roles = previous.roles;
            let word = self.words.folded(previous);
            let short = roles & (role::NUMBER | role::CAMPAIGN) != 0 && token.gap & gap::DOT != 0;
            if token.gap & (gap::END | gap::QUERY) != 0 && !short || token.gap & gap::COMMA != 0 {
                break;
            }
            if link && token.gap & gap::WHITE != 0 {
                break;
            }
            mark |= token.gap & (gap::HASH | gap::COLON | gap::EQUALS) != 0 && !link;
            k -= 1;
            if roles & role::LABEL != 0 {
                return if negative { Label::Campaign } else { Label::Full };
            }
            if roles & (role::CAMPAIGN | role::CAMPAIGNS) != 0 {
                let marked = ident || number || mark;
                return match () {
                    () if marked && filled <= 3 => Label::Full,
                    () if filled == 0 => Label::Campaign,
                    () if filled <= 3 && !ident => Label::None,
                    () => Label::Full,
                };
            }
            if link {
                if roles & role::LINK != 0 && token.gap & (gap::SLASH | gap::EQUALS) != 0 {
                    return Label::Id;
                }
                if roles & role::IDENTIFIER != 0 {
                    ident = true;
                    continue;
                }
                break;
            }
            if roles & role::IDENTIFIER != 0 {
                ident = true;
                continue;
            }
            if roles & role::NUMBER != 0 && !previous.has_digit {
                number = true;
                // "code" and "reference" are labels behind "campaign" only.
                negative |= self.hints.negative(word, roles);
                continue;
            }
            if !previous.has_digit && self.hints.negative(word, roles) {
                // "of the invoice for 48213": another word between makes it no invoice number.
                let far = filled > 1 && !ident && !number && !mark;
                return if far { Label::None } else { Label::Negative };
            }
            if roles & role::FILL != 0 {
                filled += 1;
                continue;
            }
            if token.gap & gap::OPEN != 0 && !ident && !number && step == 0 {
                return if self.negative_phrase(k) { Label::Negative } else { Label::None };
            }
            break;
        }
        if negative && !ident {
            return Label::Negative;
        }
        if ident {
            return Label::Id;
        }
        if let Some(before) = before
            && before.weight > 0.0
            && before.rule != "campaign-id.shape"
            && self.continues(before.tokens.1, i)
        {
            return Label::Listed;
        }
        if self.label_after(i) { Label::Campaign } else { Label::None }
    }

    /// "the code you texted me (104882)": the noun that a bracket speaks of.
    fn negative_phrase(&self, from: usize) -> bool {
        for back in 0..5 {
            let Some(at) = from.checked_sub(back) else { return false };
            let token = &self.words.tokens[at];
            if token.roles & (role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT) != 0 {
                return false;
            }
            if self.hints.negative(self.words.folded(token), token.roles) {
                return true;
            }
            if token.gap & (gap::END | gap::COMMA | gap::PARAGRAPH | gap::COLON) != 0 {
                return false;
            }
        }
        false
    }

    /// Whether what stands between an ID and this token only lists: ", ", " and ", "/", " & campaign ".
    fn continues(&self, last: usize, i: usize) -> bool {
        if i <= last || i - last > 4 {
            return false;
        }
        let Some(token) = self.token(i) else { return false };
        let separators = gap::COMMA | gap::SLASH | gap::PLUS | gap::AND | gap::SEMICOLON;
        if i == last + 1 {
            return token.gap & separators != 0 && token.gap & (gap::END | gap::PARAGRAPH) == 0;
        }
        let passing = role::AND | role::CAMPAIGN | role::CAMPAIGNS | role::IDENTIFIER | role::NUMBER | role::FILL;
        let joined = (last + 1..i).any(|at| self.words.tokens[at].roles & role::AND != 0);
        joined
            && (last + 1..i).all(|at| self.words.tokens[at].roles & passing != 0)
            && (last + 1..=i).all(|at| self.words.tokens[at].gap & (gap::END | gap::PARAGRAPH) == 0)
    }

    /// "the 48213 campaign".
    fn label_after(&self, i: usize) -> bool {
        self.token(i + 1)
            .is_some_and(|next| next.gap & !(gap::SPACE | gap::HYPHEN) == 0 && next.roles & role::CAMPAIGN != 0)
            && i > 0
            && self.words.tokens[i - 1].roles & (role::OWN | role::FILL) != 0
    }

    /// Whether a number of the directory, standing there without a label, is meant as an ID.
    fn bare(&self, i: usize, before: Option<&Stated>) -> Bare {
        let Some(token) = self.token(i) else { return Bare::Nothing };
        let word = self.words.folded(token);
        let listed = before.is_some_and(|before| before.row.is_some() && self.continues(before.tokens.1, i));
        let attachment = self.zone.place == Where::Attachment;
        if token.link || self.zone.place == Where::Link {
            return Bare::No("campaign-id.in-link");
        }
        let enough = word.len() >= 5 || word.len() == 4 && !self.year(word) || self.answers(i);
        if !enough {
            return Bare::Nothing;
        }
        let known = |at: Option<usize>| {
            at.and_then(|at| self.token(at)).is_some_and(|token| {
                let word = self.words.folded(token);
                token.digits && self.ids.find(word, word, self.campaigns).is_some()
            })
        };
        let previous = i.checked_sub(1).and_then(|at| self.token(at));
        let tight = |gap: u32| gap & (gap::WHITE | gap::OPEN | gap::QUOTE | gap::HASH | gap::CLOSE) == 0 && gap != 0;
        if let Some(previous) = previous
            && tight(token.gap)
            && !(known(Some(i - 1)) && token.gap & (gap::SLASH | gap::COMMA | gap::PLUS | gap::AND | gap::HYPHEN) != 0)
        {
            let file = attachment && !self.hints.negative(self.words.folded(previous), previous.roles);
            if !file || previous.has_digit {
                return Bare::No("campaign-id.part-of-something");
            }
        }
        if token.gap & gap::PLUS != 0 && !listed {
            return Bare::No("campaign-id.phone");
        }
        if let Some(next) = self.token(i + 1) {
            let file = attachment && !next.has_digit;
            if tight(next.gap) && !known(Some(i + 1)) && !file {
                return Bare::No("campaign-id.part-of-something");
            }
            if next.roles & role::UNIT != 0 && next.gap & !gap::SPACE == 0 {
                return Bare::No("campaign-id.amount");
            }
            if next.digits && next.gap == gap::SPACE && next.gap_chars == 1 && !known(Some(i + 1)) {
                return Bare::No("campaign-id.phone");
            }
            let place = next.capital && !next.capitals && next.gap == gap::SPACE && word.len() == 5;
            if place && token.gap & gap::COMMA != 0 && !listed && next.roles == 0 {
                return Bare::No("campaign-id.zip");
            }
        }
        if let Some(previous) = previous {
            let spaced = token.gap & !(gap::SPACE | gap::CLOSE | gap::HYPHEN) == 0 && token.gap_chars <= 2;
            if previous.digits && spaced && !known(Some(i - 1)) {
                return Bare::No("campaign-id.phone");
            }
            let state = previous.capitals && previous.end - previous.start == 2 && previous.gap & gap::COMMA != 0;
            if state && token.gap == gap::SPACE && word.len() == 5 {
                return Bare::No("campaign-id.zip");
            }
        }
        let street = |at: usize| self.token(at).is_some_and(|token| token.roles & role::STREET != 0);
        if word.len() == 4 && (i + 1..i + 4).any(street) {
            return Bare::No("campaign-id.something-else");
        }
        if self.said_of_something_else(i) {
            return Bare::No("campaign-id.something-else");
        }
        Bare::Yes
    }

    /// "It is 412.", or nothing but the number: the answer to our question.
    fn answers(&self, i: usize) -> bool {
        let alone = self.words.tokens.len() <= 2;
        let copula = i > 0
            && self.words.tokens[i - 1].roles & role::FILL != 0
            && self.words.gap_after(i) & (gap::DOT | gap::COMMA | gap::LINE | gap::END) != 0
            && i <= 4
            && (0..i).all(|at| self.words.tokens[at].roles & role::FILL != 0);
        alone || copula
    }

    /// "48213 is our invoice number".
    fn said_of_something_else(&self, i: usize) -> bool {
        for at in i + 1..i + 5 {
            let Some(token) = self.token(at) else { return false };
            if token.gap & !gap::SPACE != 0 {
                return false;
            }
            if self.hints.negative(self.words.folded(token), token.roles) {
                return at > i + 1 || token.roles & role::UNIT != 0;
            }
            if token.roles & (role::FILL | role::OWN) == 0 {
                return false;
            }
        }
        false
    }

    /// Turns down what the text denies.
    fn deny(&self, found: &mut [Stated]) {
        let mut previous_denied = false;
        let mut previous: Option<usize> = None;
        for id in found.iter_mut() {
            let (first, last) = id.tokens;
            let listed = previous_denied
                && previous.is_some_and(|previous| {
                    self.continues(previous, first)
                        && (previous + 1..first).any(|at| self.words.tokens[at].roles & role::AND != 0)
                        && (previous + 1..=first).all(|at| self.words.tokens[at].gap & gap::COMMA == 0)
                });
            let denied = denied(self.words, self.hints, first, last) || listed;
            if denied && id.weight > 0.0 {
                id.weight = -1.0;
                id.rule = "campaign-id.denied";
            }
            previous_denied = denied;
            previous = Some(last);
        }
        // "104882 and 104883 are not affected": the list shares what is said behind it.
        for at in (1..found.len()).rev() {
            let shares = found[at].rule == "campaign-id.denied"
                && denied_behind(self.words, self.hints, found[at].tokens.1)
                && self.continues(found[at - 1].tokens.1, found[at].tokens.0);
            if shares && found[at - 1].weight > 0.0 {
                found[at - 1].weight = -1.0;
                found[at - 1].rule = "campaign-id.denied";
            }
        }
    }
}

enum Bare {
    Yes,
    No(&'static str),
    Nothing,
}

/// Whether the text denies what stands from the first to the last of these tokens.
pub fn denied(words: &Words<'_>, hints: &Hints, first: usize, last: usize) -> bool {
    denied_ahead(words, hints, first) || denied_behind(words, hints, last)
}

/// "not 48213", "instead of campaign 48213".
fn denied_ahead(words: &Words<'_>, hints: &Hints, first: usize) -> bool {
    let passing =
        role::FILL | role::CAMPAIGN | role::CAMPAIGNS | role::IDENTIFIER | role::NUMBER | role::OWN | role::ADVERT;
    let mut at = first;
    for _ in 0..7 {
        let Some(token) = words.tokens.get(at) else { return false };
        let stops = gap::END | gap::COMMA | gap::SEMICOLON | gap::PARAGRAPH | gap::COLON | gap::QUERY;
        let short = at > 0 && words.tokens[at - 1].roles & role::NUMBER != 0;
        if at == 0 || (token.gap & stops != 0 && !short) {
            return false;
        }
        at -= 1;
        let roles = words.tokens[at].roles;
        if roles & role::DENY != 0 {
            // "not only 48213" denies nothing.
            return words.tokens.get(at + 1).is_none_or(|next| next.roles & role::BUT == 0);
        }
        let phrase = (0..4).any(|back| {
            let Some(start) = at.checked_sub(back) else { return false };
            hints.phrases_at(words, start).any(|(says, end)| says == Says::DeniedAfter && end == at + 1)
        });
        if phrase {
            return true;
        }
        if roles & role::BUT != 0 && roles & role::FILL == 0 || roles & passing == 0 {
            return false;
        }
    }
    false
}

/// "48213 is not affected", "leave that one alone".
fn denied_behind(words: &Words<'_>, hints: &Hints, last: usize) -> bool {
    for at in last + 1..last + 6 {
        let Some(token) = words.tokens.get(at) else { return false };
        if token.gap & (gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::QUERY) != 0 {
            return false;
        }
        if hints.phrases_at(words, at).any(|(says, _)| says == Says::DeniedBefore) {
            return true;
        }
        let passing = role::FILL | role::CAMPAIGN | role::CAMPAIGNS | role::AND | role::OWN;
        if token.roles & passing == 0 && !token.has_digit && token.word == NO_WORD {
            return false;
        }
    }
    false
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
