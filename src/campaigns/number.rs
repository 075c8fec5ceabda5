//! What else a number may be: money, an amount, a year, a phone number, a part of something longer.
//!
//! Knows nothing of labels: it is asked about numbers that none introduces, or of units that belong to one.

use super::denial::DENIED;
use super::fold::Token;
use super::gap;
use super::hints::{Says, role};
use super::stated::{Finder, SOMETHING_ELSE, Stated};
use crate::request::evidence::Where;

/// Before the campaign that something is for.
const FOR: [&str; 5] = ["for", "fur", "pour", "para", "per"];

/// Before the number under which something is kept.
const UNDER: [&str; 9] = ["als", "unter", "as", "under", "sous", "comme", "como", "bajo", "sob"];
/// Behind a noun: that it is of what was spoken of.
const THERETO: [&str; 5] = ["dazu", "dafur", "hierzu", "hierfur", "davon"];

pub(super) enum Bare {
    Yes,
    No(&'static str),
    Nothing,
}

/// Whether a number's four digits may be a year's.
pub(super) fn year(word: &str) -> bool {
    word.len() == 4 && (word.starts_with("19") || word.starts_with("20"))
}

impl Finder<'_, '_> {
    pub(super) fn near_length(&self, length: usize) -> bool {
        let around = 0b111u64 << length.clamp(1, 60).saturating_sub(1);
        length >= 3 && self.ids.digit_lengths & around != 0
    }

    pub(super) fn year(&self, compact: &str) -> bool {
        year(compact)
    }

    /// Whether the currency sign stands beside this number, not beside another one.
    pub(super) fn money(&self, i: usize, last: usize) -> bool {
        let (Some(token), Some(end)) = (self.token(i), self.token(last)) else { return false };
        let before = self.words.text.get(..token.start).unwrap_or_default().trim_end();
        let after = self.words.text.get(end.end..).unwrap_or_default().trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let sign = |c: char| matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺');
        let ahead = after.strip_prefix(sign).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
        before.ends_with(sign) || ahead
    }

    /// "48213 clicks", "48213 unique visitors".
    pub(super) fn unit_after(&self, last: usize) -> bool {
        // "48213,- EUR"
        let ends = gap::SPACE | gap::HYPHEN | gap::COMMA;
        let next = |at: usize| self.token(at).filter(|next| next.gap & !gap::SPACE == 0 || next.gap == ends);
        let said = |at: usize| self.words.phrases_at(at).any(|(says, _)| says == Says::Counted);
        // "48213 am Montag", "48213 am 3. Mai": a function word of German.
        let dated = |at: usize| {
            let day = |token: &Token| token.digits || token.roles & (role::OCCASION | role::MONTH) != 0;
            self.zone.capital_nouns() || next(at + 1).is_some_and(day)
        };
        let unit =
            |at: usize, next: &Token| next.roles & role::UNIT != 0 && !(next.roles & role::STOP != 0 && dated(at));
        let counted = |at: usize| next(at).is_some_and(|next| unit(at, next) || said(at));
        // "530140 (area code 04821)"
        let open = gap::SPACE | gap::OPEN;
        let dialled = self.token(last + 1).is_some_and(|next| next.gap & !open == 0 && next.gap & gap::OPEN != 0);
        let qualifies = next(last + 1).is_some_and(|next| next.roles & role::QUALIFIER != 0);
        counted(last + 1) || qualifies && counted(last + 2) || dialled && said(last + 1)
    }

    /// "48213 postcards", "48213 Postkarten": behind the number stands a plural that is nothing else here: no word of the
    /// campaign's own name, and nothing that a campaign does.
    pub(super) fn counts(&self, i: usize, row: Option<u32>) -> bool {
        let Some(next) = self.token(i + 1).filter(|next| next.gap == gap::SPACE && !next.has_digit) else {
            return false;
        };
        let word = self.words.folded(next);
        let function = role::STOP | role::FILL | role::AND | role::OWN | role::DENY | role::BUT | role::RELATION;
        let known =
            function | role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT | role::TITLE | role::MONTH | role::PLACE;
        let noun = match (next.capital, self.zone.capital_nouns()) {
            (false, false) => word.ends_with('s') && !word.ends_with("ss"),
            (true, true) => !next.capitals && word.ends_with(['e', 'n', 'r', 's']),
            _ => false,
        };
        let heads = self.zone.place == Where::Subject && i == 0;
        let acts = || self.words.phrases_at(i + 1).any(|(says, _)| says == Says::Acts);
        // "the webhook for 48213 posts nothing"
        let held = || {
            let other = role::AMOUNT | role::UNIT | role::NEGATIVE;
            let noun = i.checked_sub(2).map_or(0, |at| self.words.tokens[at].roles);
            i > 1 && FOR.contains(&self.words.word(i - 1)) && noun & (role::TITLE | other) == role::TITLE
        };
        noun && !heads && word.len() >= 4 && next.roles & known == 0 && !acts() && !self.of_name(i + 1, row) && !held()
    }

    /// "30490 and not 30940 kroner": the next number is as long, and its unit is that of both.
    fn shares_unit(&self, i: usize) -> bool {
        let Some(length) = self.token(i).map(|token| token.end - token.start) else { return false };
        let passing = role::AND | role::BUT | role::DENY | role::RELATION | role::FILL;
        for at in i + 1..i + 4 {
            let Some(token) = self.token(at).filter(|token| token.gap & !(gap::SPACE | gap::HYPHEN) == 0) else {
                return false;
            };
            if token.digits {
                return token.end - token.start == length && self.unit_after(at);
            }
            if token.roles & passing == 0 {
                return false;
            }
        }
        false
    }

    /// "The report says 48213 opens, the overview 48231": behind a plain word, as long as a number of the sentence with its unit.
    fn counted_before(&self, i: usize) -> bool {
        const REACH: usize = 10;
        let tokens = &self.words.tokens;
        let light = role::STOP | role::FILL | role::RELATION | role::OWN | role::AND | role::BUT;
        let known = light | role::CAMPAIGN | role::CAMPAIGNS | role::IDENTIFIER | role::NUMBER | role::LABEL;
        let plain =
            |at: usize| tokens[at].roles & known == 0 && !tokens[at].has_digit && tokens[at + 1].gap == gap::SPACE;
        let counted = |at: &usize| {
            let alike = tokens[*at].digits && self.words.word(*at).len() == self.words.word(i).len();
            let unit = || self.unit_after(*at) || self.counts(*at, None);
            alike && unit() && (at + 1..=i).all(|at| tokens[at].gap & gap::CLAUSE == 0)
        };
        i.checked_sub(1).is_some_and(plain) && (i.saturating_sub(REACH)..i).rev().any(|at| counted(&at))
    }

    /// "Campaign 2024" where no other word says which campaign of 2024.
    pub(super) fn only_campaign(&self, i: usize) -> bool {
        let Some(campaign) = i.checked_sub(1) else { return false };
        let opens = self.words.tokens[campaign].gap & (gap::END | gap::PARAGRAPH | gap::LINE | gap::COMMA) != 0;
        let passes = role::FILL | role::OWN | role::STOP | role::AND | role::RELATION;
        opens || campaign.checked_sub(1).is_none_or(|before| self.words.tokens[before].roles & passes != 0)
    }

    /// "the 48213", "the same with 48213", or the first word of what is said: spoken of as something known.
    pub(super) fn stands(&self, i: usize) -> bool {
        let Some(token) = self.token(i) else { return false };
        let Some(before) = i.checked_sub(1).and_then(|at| self.token(at)) else { return true };
        let opens = |token: &Token| token.gap & (gap::END | gap::PARAGRAPH) != 0;
        let clause = before.roles & (role::AND | role::BUT) != 0 && token.gap & !gap::SPACE == 0;
        let known = before.roles & role::OWN != 0 && before.roles & role::RELATION == 0 && token.gap & !gap::SPACE == 0;
        // "the subscribers of 48213"
        let held = |at: usize| self.words.tokens[at].roles & role::UNIT != 0 && !self.words.tokens[at].has_digit;
        let of = before.roles & role::RELATION != 0 && token.gap & !gap::SPACE == 0 && before.gap & !gap::SPACE == 0;
        let known = known || before.roles & role::BESIDE != 0 || of && i.checked_sub(2).is_some_and(held);
        let line = gap::LINE | gap::PARAGRAPH;
        let alone = token.gap & line != 0 && (i + 1 == self.words.tokens.len() || self.words.gap_after(i) & line != 0);
        opens(token) || alone || token.gap & (gap::COMMA | gap::SEMICOLON) != 0 || known || clause && opens(before)
    }

    /// Whether a number without a known id is one by itself: no part of a date, a decimal number, a phone number.
    pub(super) fn stands_alone(&self, first: usize, last: usize) -> bool {
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

    /// Whether a number, standing there without a label, is meant as an ID: one of the directory (the campaign of `row`), or
    /// one that answers our question.
    pub(super) fn bare(&self, i: usize, row: Option<u32>, before: Option<&Stated>) -> Bare {
        let Some(token) = self.token(i) else { return Bare::Nothing };
        let word = self.words.folded(token);
        let listed = before.is_some_and(|before| before.row.is_some() && self.continues(before.tokens.1, i));
        let attachment = self.zone.place == Where::Attachment;
        if token.link || self.zone.place == Where::Link {
            return Bare::No("campaign-id.in-link");
        }
        let enough = word.len() >= 5 || word.len() == 4 && !self.year(word) || self.answers(i) || self.numbered(i);
        if !enough || self.day_or_time(i, word) {
            return Bare::Nothing;
        }
        if !self.zone.speaks && self.zone.place == Where::Form && self.words.tokens.len() <= 2 {
            return Bare::No(SOMETHING_ELSE);
        }
        let known = |at: Option<usize>| {
            at.and_then(|at| self.token(at)).is_some_and(|token| {
                let word = self.words.folded(token);
                token.digits && self.ids.find(word, word, self.campaigns).is_some()
            })
        };
        if !attachment && self.in_file_name(i) {
            return Bare::Yes;
        }
        let previous = i.checked_sub(1).and_then(|at| self.token(at));
        let tight = |gap: u32| gap & (gap::WHITE | gap::OPEN | gap::QUOTE | gap::HASH | gap::CLOSE) == 0 && gap != 0;
        if let Some(previous) = previous
            && tight(token.gap)
            && !(known(Some(i - 1)) && token.gap & (gap::SLASH | gap::COMMA | gap::PLUS | gap::AND | gap::HYPHEN) != 0)
        {
            let file = attachment && !self.hints.negative(self.words.folded(previous), previous.roles);
            let noted = token.gap == gap::COLON
                || self.glues(token.gap) && !previous.capitals && previous.end - previous.start >= 4;
            let called = previous.roles & role::NUMBER != 0 && token.gap == gap::OTHER;
            if !(called || file && !previous.has_digit || noted && self.plain_word(previous)) {
                return Bare::No("campaign-id.part-of-something");
            }
        }
        if token.gap & gap::PLUS != 0 && !listed {
            return Bare::No("campaign-id.phone");
        }
        if let Some(next) = self.token(i + 1) {
            let file = attachment && !next.has_digit;
            let month = next.roles & role::MONTH != 0 && !next.has_digit;
            let possessive = next.gap == gap::APOSTROPHE && next.end - next.start == 1;
            // "a 48213-as kampány"
            let case = || self.endings.iter().any(|ending| ending == self.words.folded(next));
            let noted = possessive || self.glues(next.gap) && (month || self.plain_word(next) || case());
            if tight(next.gap) && !known(Some(i + 1)) && !file && !noted && !self.shortened_behind(i) {
                return Bare::No("campaign-id.part-of-something");
            }
            if next.digits && next.gap == gap::SPACE && next.gap_chars == 1 && !known(Some(i + 1)) {
                return Bare::No("campaign-id.phone");
            }
        }
        if self.unit_after(i)
            || self.counts(i, row)
            || self.shares_unit(i)
            || self.counted_before(i)
            || self.figure(i)
            || self.reached_under(i)
            || self.tabled(i)
        {
            return Bare::No("campaign-id.amount");
        }
        if let Some(previous) = previous {
            let spaced = token.gap & !(gap::SPACE | gap::CLOSE | gap::HYPHEN) == 0 && token.gap_chars <= 2;
            if previous.digits && spaced && !known(Some(i - 1)) {
                return Bare::No("campaign-id.phone");
            }
        }
        if self.of_place(i, row, listed) || self.of_address(i, row) {
            return Bare::No("campaign-id.zip");
        }
        // "48213 calls"
        let unit = |next: &Token| {
            let negative = || self.hints.negative(self.words.folded(next), next.roles);
            next.gap & !gap::SPACE == 0 && next.roles & role::UNIT != 0 && negative()
        };
        let unit = self.token(i + 1).is_some_and(unit);
        let otherwise = unit || self.in_bracket_of_something_else(i);
        if self.of_street(i, row) || otherwise || self.one_of_something_else(i) {
            return Bare::No(SOMETHING_ELSE);
        }
        // "90210 and 10115": the second is what the first is.
        if let Some(before) = before
            && before.weight < 0.0
            && before.rule != DENIED
            && i == before.tokens.1 + 2
            && token.gap & !gap::SPACE == 0
            && self.words.tokens[i - 1].roles & role::AND != 0
        {
            return Bare::No(before.rule);
        }
        Bare::Yes
    }

    /// "20240311", "at 1430".
    fn day_or_time(&self, i: usize, word: &str) -> bool {
        let part = |from: usize, to: usize| word.get(from..to).and_then(|part| part.parse::<u32>().ok());
        let within = |part: Option<u32>, from: u32, to: u32| part.is_some_and(|part| (from..=to).contains(&part));
        let at = || i.checked_sub(1).is_some_and(|at| ["at", "um", "à", "a", "às"].contains(&self.words.word(at)));
        match word.len() {
            8 => within(part(0, 4), 1990, 2049) && within(part(4, 6), 1, 12) && within(part(6, 8), 1, 31),
            4 => at() && within(part(0, 2), 0, 23) && within(part(2, 4), 0, 59),
            _ => false,
        }
    }

    fn glues(&self, gap: u32) -> bool {
        gap != 0 && gap & !(gap::UNDERSCORE | gap::HYPHEN | gap::SLASH | gap::COLON) == 0
    }

    /// A word that may be glued to an ID: no unit, no part of an address, no "invoice".
    fn plain_word(&self, token: &Token) -> bool {
        let other = role::UNIT | role::STREET | role::MONTH | role::AMOUNT;
        let long = token.end - token.start >= 3;
        long && !token.has_digit
            && token.roles & other == 0
            && !self.hints.negative(self.words.folded(token), token.roles)
    }

    /// "#412", "no. 412": short, yet marked as a number of something.
    fn numbered(&self, i: usize) -> bool {
        let (Some(token), Some(long)) = (self.token(i), self.token(i).map(|token| token.end - token.start >= 3)) else {
            return false;
        };
        let named = i.checked_sub(1).and_then(|at| self.token(at)).is_some_and(|before| {
            before.roles & role::NUMBER != 0
                && (token.gap & (gap::DOT | gap::OTHER | gap::COLON) != 0
                    || before.roles & (role::FILL | role::STOP) == 0)
        });
        long && (token.gap & gap::HASH != 0 || named)
    }

    /// "Budget: 48213", "our budget is 48213", "we spent 48213", "clicks went from 48213 to 48231".
    pub(super) fn figure(&self, i: usize) -> bool {
        let ends = gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::COMMA | gap::QUERY | gap::LINE;
        let passing = role::FILL | role::STOP | role::OWN | role::QUALIFIER | role::AND | role::RELATION;
        let passing = passing | role::CAMPAIGN | role::CAMPAIGNS;
        let (mut marked, mut copula, mut related) = (false, false, false);
        let mut at = i;
        for _ in 0..7 {
            let Some(token) = self.token(at).filter(|token| at > 0 && token.gap & ends == 0) else { return false };
            marked |= token.gap & (gap::COLON | gap::EQUALS) != 0;
            at -= 1;
            let before = &self.words.tokens[at];
            let said = (0..5).any(|back| {
                let start = at.checked_sub(back);
                start.is_some_and(|start| {
                    self.words.phrases_at(start).any(|(says, end)| says == Says::Number && end == at + 1)
                })
            });
            // "mais de 48213" is Portuguese for an amount, "mais de la 48213" French for a campaign.
            let article = at + 1 < i && self.words.tokens[at + 1].roles & role::OWN != 0;
            // "spent on 48213" speaks of a campaign, "went from 48213 to 48231" does not.
            if said && !article && (!related || before.roles & role::RELATION != 0) {
                return true;
            }
            // "this year 48213 has none": a time is no label.
            let time = before.roles & role::OCCASION != 0;
            let amount = before.roles & role::AMOUNT != 0;
            // "wrong row: it is 48213"
            let wrong = |at: usize| self.words.phrases_at(at).any(|(says, _)| says == Says::Wrong);
            if !amount && before.roles & role::UNIT != 0 && at.checked_sub(1).is_some_and(wrong) {
                return false;
            }
            // "I swapped two digits: it is 48213"
            let digits = |start: usize| {
                let mut said = self.words.phrases_at(start);
                said.any(|(says, end)| says == Says::Wrong && end == at + 1 && end > start + 1)
            };
            if amount && marked && (at.saturating_sub(3)..at).any(digits) {
                return false;
            }
            if before.roles & (role::UNIT | role::AMOUNT) != 0 && !before.has_digit && !time {
                let one = || at.checked_sub(1).is_some_and(|one| self.words.tokens[one].roles & role::INDEFINITE != 0);
                let of = at + 2 == i && self.words.tokens[at + 1].roles & role::RELATION != 0 && one();
                let beside = at + 1 == i && (amount || self.only_label(at)) || amount && of;
                let beside = beside && self.zone.place != Where::Subject;
                let label = beside || marked && !related && (amount || self.only_label(at));
                return label || copula && !related;
            }
            if before.roles & passing == 0 && !before.has_digit {
                return false;
            }
            related |= before.roles & role::RELATION != 0;
            copula |= !before.has_digit && before.roles & (role::OWN | role::RELATION | role::AND) == 0;
        }
        false
    }

    /// "Ich bin unter 530140 zu erreichen": German says behind a number that somebody answers it.
    fn reached_under(&self, i: usize) -> bool {
        const ADVERBS: usize = 4;
        let word = |at: usize| self.token(at).map_or("", |_| self.words.word(at));
        let under = i
            .checked_sub(1)
            .is_some_and(|at| word(at) == "unter" || at > 0 && word(at) == "der" && word(at - 1) == "unter");
        let reached = |at: usize| word(at).starts_with("erreich") || word(at) == "anzurufen";
        let joined = |at: &usize| {
            self.token(*at).is_some_and(|token| token.gap & gap::CLAUSE == 0 && token.roles & role::DENY == 0)
        };
        under && (i + 1..i + 1 + ADVERBS).take_while(joined).any(reached)
    }

    /// "Impressions 48213" above or below "Clicks 812": a row of figures.
    fn tabled(&self, i: usize) -> bool {
        let row = |at: usize| {
            let (Some(noun), Some(number)) = (at.checked_sub(1).and_then(|noun| self.token(noun)), self.token(at))
            else {
                return false;
            };
            let line = gap::LINE | gap::PARAGRAPH | gap::END;
            let opens = at == 1 || noun.gap & line != 0;
            let closes = at + 1 == self.words.tokens.len() || self.words.gap_after(at) & line != 0;
            opens && closes && number.digits && number.gap == gap::SPACE && noun.roles & role::UNIT != 0
        };
        row(i) && (row(i + 2) || i.checked_sub(2).is_some_and(row))
    }

    /// Whether a line begins with this noun, as the label of a value does.
    fn only_label(&self, noun: usize) -> bool {
        let begins = gap::END | gap::PARAGRAPH | gap::LINE | gap::COMMA | gap::SEMICOLON;
        let passing = role::OWN | role::QUALIFIER | role::UNIT | role::AMOUNT;
        let mut at = noun;
        while at > 0 && noun - at < 4 && self.words.tokens[at].gap & begins == 0 {
            at -= 1;
            if self.words.tokens[at].roles & passing == 0 {
                // "it says Missing leads: 48213": the label is quoted with its capital.
                return at + 1 < noun && self.words.tokens[at + 1].capital;
            }
        }
        at == 0 || self.words.tokens[at].gap & begins != 0
    }

    /// "It is 412.", or nothing but the number: the answer to our question.
    pub(super) fn answers(&self, i: usize) -> bool {
        let alone = self.words.tokens.len() <= 2;
        let copula = i > 0
            && self.words.tokens[i - 1].roles & role::FILL != 0
            && self.words.gap_after(i) & (gap::DOT | gap::COMMA | gap::LINE | gap::END) != 0
            && i <= 4
            && (0..i).all(|at| self.words.tokens[at].roles & role::FILL != 0);
        alone || copula
    }

    /// How many words of another matter stand in the clause of a number that answers our question for the ID: none in "It is
    /// 20418". `None`: with so many, or with words that say what else it is, it answers nothing.
    pub(super) fn beside_answer(&self, i: usize, last: usize) -> Option<usize> {
        const WORDS: usize = 3;
        let ends = gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::COMMA | gap::QUERY | gap::LINE;
        let tokens = &self.words.tokens;
        let first = (1..=i).rev().find(|at| tokens[*at].gap & ends != 0).unwrap_or(0);
        let end = (last + 1..tokens.len()).find(|at| tokens[*at].gap & ends != 0).unwrap_or(tokens.len());
        let passing =
            role::FILL | role::STOP | role::OWN | role::CAMPAIGN | role::IDENTIFIER | role::NUMBER | role::LABEL;
        let else_ = role::UNIT | role::AMOUNT | role::MONTH | role::STREET;
        // "CMP-20417": letters glued to it are no word.
        let glued = |at: usize| {
            let prefix = tokens[at].end - tokens[at].start <= 5 && at + 1 == i;
            prefix && tokens[i].gap & !(gap::HYPHEN | gap::UNDERSCORE | gap::HASH) == 0 && tokens[i].gap != 0
        };
        let mut beside = 0;
        for at in (first..i).chain(last + 1..end) {
            let token = &tokens[at];
            let known = token.roles & passing != 0 && !token.has_digit;
            let named = self.hints.negative(self.words.folded(token), token.roles) || token.roles & else_ != 0;
            if named && !known {
                return None;
            }
            beside += usize::from(!known && !glued(at));
        }
        (beside <= WORDS).then_some(beside)
    }

    /// "the meter number (e.g. 48213)", "my login code (last 48213)": some words of a bracket stand before it.
    fn in_bracket_of_something_else(&self, i: usize) -> bool {
        let tokens = &self.words.tokens;
        let opens = (i.saturating_sub(3)..i).rev().find(|at| tokens[*at].gap & gap::OPEN != 0);
        let within = |from: usize| tokens[from + 1..=i].iter().all(|token| token.gap & gap::CLOSE == 0);
        let known = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::IDENTIFIER;
        let plain = |from: usize| tokens[from..i].iter().all(|token| token.roles & known == 0 && !token.has_digit);
        opens.is_some_and(|from| from > 0 && within(from) && plain(from) && self.negative_phrase(from - 1))
    }

    /// "Two invoices are missing. The last one is no. 48213."
    fn one_of_something_else(&self, i: usize) -> bool {
        const SENTENCE: usize = 30;
        let tokens = &self.words.tokens;
        let short = |at: usize| at.checked_sub(1).is_some_and(|no| tokens[no].roles & role::NUMBER != 0);
        let parts = gap::END | gap::LINE | gap::PARAGRAPH;
        let begins = |at: &usize| tokens[*at].gap & (parts | gap::COMMA) != 0 && !short(*at);
        let campaign = |at: usize| tokens[at].roles & (role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT) != 0;
        let Some(start) = (i.saturating_sub(SENTENCE).max(1)..=i).rev().find(begins) else { return false };
        let passing = role::STOP | role::FILL | role::OWN;
        let pronoun = |at: usize| {
            let mut said = self.words.phrases_at(at);
            said.any(|(says, end)| says == Says::OneOf && end <= i && (end == i || tokens[end].roles & passing != 0))
        };
        if (start..i).any(campaign) || !(start..i.min(start + 3)).any(pronoun) {
            return false;
        }
        let before = (start.saturating_sub(SENTENCE)..start).rev();
        let noun = |at: &usize| campaign(*at) || self.hints.negative(self.words.word(*at), tokens[*at].roles);
        before.into_iter().find(noun).is_some_and(|at| !campaign(at))
    }

    /// "48213 is our invoice number", "48213 es el número de pedido".
    pub(super) fn said_of_something_else(&self, i: usize) -> bool {
        let (mut number, mut owned) = (false, false);
        for at in i + 1..i + 8 {
            let Some(token) = self.token(at) else { return false };
            let word = self.words.folded(token);
            if token.gap & !gap::SPACE != 0 {
                return false;
            }
            if at == i + 1 {
                // "48213 is our", not "48213 the": an article begins what is said of the campaign.
                // "48213 számú rendelés"
                number = token.roles & role::NUMBER != 0 && token.roles & (role::DENY | role::POLAR) == 0;
                if !number && token.roles & role::IS == 0 {
                    return false;
                }
                continue;
            }
            if self.hints.negative(word, token.roles) {
                // "48213 is our new customer welcome campaign"
                let campaign = role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT;
                let joined = |at: &usize| {
                    let function = role::STOP | role::FILL | role::AND | role::RELATION;
                    self.token(*at).is_some_and(|next| next.gap == gap::SPACE && next.roles & function == 0)
                };
                let mut behind = (at + 1..at + 4).take_while(joined);
                return (owned || number || self.hints.document(word, token.roles))
                    && !behind.any(|at| self.words.tokens[at].roles & campaign != 0);
            }
            // "is the number of the order", "is our purchase order"
            let passes = role::FILL | role::OWN | role::NUMBER | role::BUT;
            let of = number && token.roles & role::OF != 0;
            let related = token.roles & role::RELATION != 0 && !of;
            if related || token.roles & passes == 0 && !of && !(owned && self.qualifies_document(at)) {
                return false;
            }
            owned |= token.roles & (role::OWN | role::ARTICLE) != 0;
            number |= token.roles & role::NUMBER != 0;
        }
        false
    }

    /// "Our customer number with you is 48213", "the order with the printer is 48213".
    pub(super) fn follows_something_else(&self, i: usize) -> bool {
        const REACH: usize = 8;
        let tokens = &self.words.tokens;
        let near = |at: usize| tokens[at].gap & !(gap::SPACE | gap::APOSTROPHE) == 0;
        let word = |at: usize| self.words.folded(&tokens[at]);
        // "n.º": of two letters, parted by a full stop.
        let light = |at: &usize| {
            let short = *at > 0 && tokens[*at].gap == gap::DOT && tokens[at - 1].roles & role::NUMBER != 0;
            (near(*at) || short) && tokens[*at].roles & (role::NUMBER | role::ARTICLE) != 0
        };
        let articles = (i.saturating_sub(2)..i).rev().take_while(light).count();
        let Some(is) = i.checked_sub(articles + 1) else { return false };
        // "is no. 48213": the full stop of an abbreviation.
        let numbered = (is + 1..i).any(|at| tokens[at].roles & role::NUMBER != 0);
        let stop = if numbered { gap::DOT | gap::END | gap::HASH | gap::OTHER } else { 0 };
        // "the order for it has the number 48213"
        let has = || numbered && self.words.phrases_at(is).any(|(says, _)| says == Says::Bearing);
        // "our order runs here as 48213"
        let as_ = articles == 0 && UNDER.contains(&self.words.word(is));
        if tokens[i].gap & !(gap::SPACE | gap::COLON | gap::APOSTROPHE | stop) != 0
            || !near(is)
            || tokens[is].roles & role::IS == 0 && !has() && !as_
        {
            return false;
        }
        let known = role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT | role::LABEL | role::IDENTIFIER | role::DENY;
        let mut between = (is.saturating_sub(REACH)..is).rev().take_while(|at| {
            let passes = |at: usize| tokens[at].roles & known == 0 && !tokens[at].has_digit;
            passes(*at) && (*at + 1 == is || near(*at + 1))
        });
        // "Our reference is 48213" says not of what.
        let says =
            |at: &usize| tokens[*at].roles & role::NUMBER == 0 && self.hints.negative(word(*at), tokens[*at].roles);
        let Some(noun) = between.find(says) else { return false };
        if as_ {
            return self.hints.document(word(noun), tokens[noun].roles) && noun + 1 < is;
        }
        // "The campaign that it bills is 48213"
        if (noun.saturating_sub(3)..noun).any(|at| tokens[at].roles & role::CAMPAIGN != 0 && near(at + 1)) {
            return false;
        }
        let number = |at: Option<usize>| at.is_some_and(|at| tokens[at].roles & role::NUMBER != 0);
        let of = noun.checked_sub(1).filter(|of| tokens[*of].roles & role::OF != 0);
        number(Some(noun + 1))
            || number(of.and_then(|of| of.checked_sub(1)))
            || noun + 1 == is
            || tokens[noun + 1].roles & role::RELATION != 0
            || noun + 2 == is && THERETO.contains(&word(noun + 1))
            || tokens[noun + 1].roles & role::OF != 0
    }

    /// "purchase order", "own workshop job card": words before one that says what a number is of, of which their phrase ends
    /// with a noun that says so too.
    fn qualifies_document(&self, at: usize) -> bool {
        const QUALIFIERS: usize = 3;
        let known = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::IDENTIFIER | role::ADVERT | role::RELATION;
        let plain = |at: &usize| {
            self.token(*at).is_some_and(|token| token.roles & known == 0 && !token.has_digit && token.gap == gap::SPACE)
        };
        let says =
            |at: usize| self.token(at).is_some_and(|token| self.hints.negative(self.words.folded(token), token.roles));
        let document = self.token(at + 1).is_some_and(|next| self.hints.document(self.words.folded(next), next.roles));
        let number = self.token(at + 1).is_some_and(|next| next.roles & role::NUMBER != 0);
        if !plain(&at) || (document || number) && plain(&(at + 1)) {
            return document || number;
        }
        let function = role::STOP | role::FILL | role::AND | role::BUT;
        let noun = |at: &usize| plain(at) && self.token(*at).is_some_and(|token| token.roles & function == 0);
        let Some(first) = (at + 1..=at + QUALIFIERS).take_while(plain).find(|at| says(*at)) else { return false };
        (first..first + QUALIFIERS).take_while(noun).last().is_some_and(says)
    }
}
