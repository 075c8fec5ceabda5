//! Campaign names in a text: which campaigns of the directory it names, how well, and where.
//!
//! A few words lead through the index to candidates; only those are compared with the text. A name counts when enough
//! of it stands there and the text treats it as one; a loose likeness, or a name with foreign parts, is none.

use std::cell::RefCell;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use smallvec::{SmallVec, smallvec};

use super::Directory;
use super::background::exclusive;
use super::denial::{Denial, denied};
use super::excluded::OR;
use super::fit::{CLOSE, Candidate, Fit};
use super::fold::{NO_WORD, Token, Words};
use super::gap;
use super::hints::{Hints, Says, role};
use super::names::{Names, class};
use super::spelling::{self, declines, singular, transliterated, uninflected};
use super::table::hash;
use super::zone::{Zone, none_in_particular, says_not_specific};
use crate::request::evidence::Where;

/// Index rows looked at for one zone.
const ROWS_PER_ZONE: usize = 8_000;
/// Function words that may open a name before the words that lead to it: "Door to Door Bath".
const OPENING: usize = 3;
/// Words of one group.
const GROUP: usize = 40;
/// Words looked at in one zone.
const WORDS_PER_ZONE: usize = 20_000;
/// Fits that fell short and may be told of.
const SHORT: usize = 8;
/// How much less of its name suffices where the same words are another campaign's.
const SHARED: f32 = 0.6;

/// A place where campaigns are named.
#[derive(Debug, Clone)]
pub struct Mention {
    /// The campaigns that it may mean (rows), with scores.
    pub rows: Vec<(u32, f64)>,
    /// Bytes in the zone's text.
    pub span: (usize, usize),
    /// First and last token.
    pub tokens: (usize, usize),
    /// Index of the zone.
    pub zone: usize,
    /// Whether the text denies it.
    pub denial: Denial,
}

/// A word of the text that stands in some name, or a few words that mean one.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) first: usize,
    pub(super) last: usize,
    /// Vocabulary words that it may be, with quality; none where it is two of them, joined.
    pub(super) words: SmallVec<[(u32, f32); 4]>,
    /// Those two words as some name has them, where the text spells them otherwise.
    pub(super) joined: Option<String>,
    /// It is a function word.
    pub(super) stop: bool,
    /// It may stand for several words of a name at once: "NYC" for "New York".
    pub(super) several: bool,
}

/// Looks the words of a zone up in the directory's vocabulary.
pub fn mark(words: &mut Words<'_>, names: &Names) {
    for token in words.tokens.iter_mut().take(WORDS_PER_ZONE).filter(|token| !token.link) {
        token.word = names.find_hashed(token.hash).unwrap_or(NO_WORD);
    }
}

/// What a zone names.
#[derive(Debug, Default)]
pub struct Read {
    /// Where campaigns are named.
    pub mentions: Vec<Mention>,
    /// Bytes where a campaign would be named, but for another year or quarter than it has.
    pub other_variants: Vec<(usize, usize)>,
}

/// Finds the names in a zone whose words are marked. `taken` says of a token that it is part of an ID; `states_id`: a known ID
/// is stated, here or elsewhere.
pub fn find(
    zone: &Zone<'_>,
    at: usize,
    directory: &Directory,
    hints: &Hints,
    taken: &[(usize, usize)],
    states_id: bool,
) -> Read {
    let names = &directory.names;
    let beside = beside_names(&zone.words, names);
    let endings = hints.endings(zone.language, &zone.words);
    let near = RefCell::default();
    let other_variants = RefCell::default();
    let acronym =
        |token: &Token| token.capitals && token.word == NO_WORD && (2..=4).contains(&(token.end - token.start));
    let acronyms = zone.words.tokens.iter().any(acronym);
    let words = &zone.words;
    let opens = |token: &Token| token.gap & (gap::END | gap::LINE | gap::PARAGRAPH) != 0;
    let lowered = zone.capital_nouns() && !words.tokens.iter().skip(1).any(|token| token.capital && !opens(token));
    let finder = Finder {
        zone,
        words,
        names,
        directory,
        hints,
        beside,
        endings,
        lowered,
        acronyms,
        near,
        other_variants,
        states_id,
    };
    let mut mentions = vec![];
    let mut rows_left = ROWS_PER_ZONE;
    for group in finder.groups(taken) {
        finder.mentions(at, group, &mut rows_left, &mut mentions);
    }
    Read { mentions, other_variants: finder.other_variants.take() }
}

/// Vocabulary words, each with the number of edits to it.
type Near = Vec<(u32, usize)>;

pub(super) struct Finder<'a, 'z> {
    pub(super) zone: &'a Zone<'z>,
    pub(super) words: &'a Words<'z>,
    pub(super) names: &'a Names,
    pub(super) directory: &'a Directory,
    pub(super) hints: &'a Hints,
    /// Of every word: whether what stands around it makes it plausible that it is part of a name.
    beside: Vec<bool>,
    /// The endings that the words of its language take, none where it has few.
    pub(super) endings: &'a [String],
    /// Its language writes nouns with a capital, and nobody did.
    pub(super) lowered: bool,
    /// Some word is of a few capitals and of no name: it may be the initials of several.
    pub(super) acronyms: bool,
    /// What the words may be misspellings of that were looked up already: a text repeats its words.
    near: RefCell<HashMap<&'a str, Near, FixedState>>,
    /// See [`Read::other_variants`].
    pub(super) other_variants: RefCell<Vec<(usize, usize)>>,
    /// A known ID is stated, here or elsewhere.
    pub(super) states_id: bool,
}

/// Words near a word for a campaign, or near a telling word of some name.
fn beside_names(words: &Words<'_>, names: &Names) -> Vec<bool> {
    let mut beside = vec![false; words.tokens.len()];
    for (at, token) in words.tokens.iter().enumerate() {
        let known = |token: &Token| token.word != NO_WORD && token.roles & (role::STOP | role::COMMON) == 0;
        let reach = match token {
            token if token.roles & NAMES_FIELD != 0 => 3,
            token if known(token) && (token.capital || names.with_word(token.word).len() <= 64) => 2,
            _ => continue,
        };
        beside[at.saturating_sub(reach)..(at + reach + 1).min(words.tokens.len())].fill(true);
    }
    beside
}

/// Words that make their neighbours a campaign's name.
pub(super) const NAMES_FIELD: u64 = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL;

impl<'a> Finder<'a, '_> {
    pub(super) fn field(&self) -> bool {
        self.zone.id_field || self.zone.name_field
    }

    /// Words that stand in names, in groups that stand together in the text.
    fn groups(&self, taken: &[(usize, usize)]) -> Vec<Vec<Hit>> {
        let tokens = &self.words.tokens;
        let count = tokens.len().min(WORDS_PER_ZONE);
        // In the order of the text, as the tokens are.
        let mut ids = taken;
        let mut is_taken = |i: usize| {
            while let [(_, last), rest @ ..] = ids
                && *last < i
            {
                ids = rest;
            }
            ids.first().is_some_and(|(first, _)| *first <= i)
        };
        // "no single campaign" names no "Single Malt Club".
        let general = [says_not_specific(self.zone), none_in_particular(&self.zone.words)];
        let generalises = |i: usize| general.iter().flatten().any(|(at, end)| (*at..*end).contains(&i));
        let mut groups: Vec<Vec<Hit>> = vec![];
        let mut group: Vec<Hit> = vec![];
        let mut solid_last: Option<usize> = None;
        let mut flush = |group: &mut Vec<Hit>| {
            if self.worth_a_look(group) {
                groups.push(std::mem::take(group));
            } else {
                group.clear();
            }
        };
        for (i, token) in tokens.iter().enumerate().take(count) {
            // What a denial parts is not one name.
            let cut = || (token.roles & role::DENY != 0 || self.cuts(i)) && !self.field();
            let far = || solid_last.is_some_and(|last| i - last > 4);
            if !group.is_empty() && (far() || group.len() >= GROUP || i - group[0].first >= 60 || cut()) {
                flush(&mut group);
                solid_last = None;
            }
            // A function word that stands in no name, as most do.
            if token.word == NO_WORD && token.roles & (role::STOP | role::SAME | role::PHRASE) == role::STOP {
                continue;
            }
            if is_taken(i) || token.link || generalises(i) || self.alternative(i) {
                continue;
            }
            // Function words begin no name, but for one in quotes.
            if group.is_empty()
                && token.gap & gap::QUOTE == 0
                && !self.behind_campaign(i)
                && token.roles & (role::STOP | role::REGION | role::PHRASE | role::POLAR) == role::STOP
                && !self.of_weight(token)
            {
                continue;
            }
            if let Some(hit) = self.hit(i) {
                if !hit.stop {
                    solid_last = Some(hit.last);
                }
                if !hit.stop || !group.is_empty() || token.gap & gap::QUOTE != 0 || self.behind_campaign(i) {
                    group.push(hit);
                }
            }
            if token.roles & role::PHRASE != 0
                && let Some(hit) = self.phrase(i)
            {
                solid_last = Some(hit.last);
                group.push(hit);
            }
        }
        flush(&mut group);
        groups
    }

    /// "the old one or 2026", "2025 or the 2026": a year that is but as likely is none of the name before it.
    fn alternative(&self, i: usize) -> bool {
        let or = |at: usize| OR.contains(&self.words.word(at)) && self.words.tokens[at + 1].gap == gap::SPACE;
        let article = |at: usize| self.words.tokens[at].roles & (role::OWN | role::RELATION) != 0;
        let token = &self.words.tokens[i];
        token.digits
            && token.end - token.start == 4
            && i > 1
            && token.gap == gap::SPACE
            && (or(i - 1) || article(i - 1) && or(i - 2))
            && !self.field()
    }

    /// A function word of one language with a capital that is no such word in a name: "Tres Amigos" says nothing French.
    fn of_weight(&self, token: &Token) -> bool {
        token.capital && token.word != NO_WORD && self.names.class(token.word) & class::STOP == 0
    }

    /// One word of the text, exactly, otherwise spelled, misspelt, joined or split.
    fn hit(&self, i: usize) -> Option<Hit> {
        let token = &self.words.tokens[i];
        // A function word that stands in no name, as most do.
        let spelled = token.roles & role::SAME != 0 && (token.capital || self.field());
        if token.word == NO_WORD && token.roles & role::STOP != 0 && !spelled {
            return None;
        }
        let word = self.words.folded(token);
        let mut words: SmallVec<[(u32, f32); 4]> = smallvec![];
        // "may" is a month, "no" a side of a vote where it has a capital.
        let named =
            || token.capital || self.field() || self.zone.place == Where::Subject && token.roles & role::POLAR != 0;
        if token.roles & (role::MONTH | role::POLAR) != 0 && token.roles & role::STOP != 0 && !named() {
            return None;
        }
        if token.word != NO_WORD {
            words.push((token.word, 1.0));
        }
        let written = || self.words.text.get(token.start..token.end).unwrap_or_default();
        let may_be_spelled_out = token.umlaut && token.roles & role::STOP == 0 && !token.digits;
        let spelled_out = if may_be_spelled_out { transliterated(word, written()) } else { None };
        if let Some(id) = spelled_out.as_deref().and_then(|other| self.names.find(singular(other)))
            && words.iter().all(|(seen, _)| *seen != id)
        {
            words.push((id, 1.0));
        }
        if token.roles & role::SAME != 0 {
            for other in self.hints.spelled_otherwise(token.hash) {
                if let Some(id) = self.names.find_hashed(*other)
                    && words.iter().all(|(seen, _)| *seen != id)
                    && words.len() < 6
                {
                    // "Phase II" is "Phase 2".
                    let number = token.digits || self.names.class(id) & class::VARIANT != 0;
                    words.push((id, if number { 0.98 } else { 0.93 }));
                }
            }
        }
        // "class of 85": the end of a year that some name has.
        let counted = || self.words.tokens.get(i + 1).is_some_and(|next| next.roles & role::UNIT != 0);
        if let [tens, ones] = *word.as_bytes()
            && token.digits
            && !counted()
        {
            for [thousands, hundreds] in [*b"20", *b"19"] {
                if let Some(id) = self.names.find_hashed(hash(&[thousands, hundreds, tens, ones]))
                    && words.iter().all(|(seen, _)| *seen != id)
                {
                    words.push((id, 0.98));
                }
            }
        }
        let mut several = false;
        if token.roles & role::SAME != 0 && (token.capitals || token.roles & role::STOP == 0) {
            for other in self.hints.written_out(token.hash) {
                if let Some(id) = self.names.find_hashed(*other)
                    && words.iter().all(|(seen, _)| *seen != id)
                    && words.len() < 6
                {
                    words.push((id, 0.93));
                    several = true;
                }
            }
        }
        let stop = token.roles & role::STOP != 0
            && token.roles & (role::POLAR | role::MONTH) == 0
            && !self.of_weight(token)
            && !(token.capitals && word.len() <= 3 && token.roles & role::REGION != 0);
        // "AC" for "A/C"
        let initials = token.capitals && word.len() == 2;
        if words.is_empty()
            && token.roles & (role::STOP | NAMES_FIELD) == 0
            && (word.len() >= 4 || initials)
            && !token.has_digit
        {
            let plausible = self.plausible(i);
            if (word.len() >= 6 || initials) && !self.joined(singular(word), token.hash, plausible).is_empty() {
                return Some(Hit { first: i, last: i, words, joined: None, stop: false, several: false });
            }
            if plausible && let Some(joined) = self.joined_otherwise(i, spelled_out.as_deref()) {
                return Some(Hit { first: i, last: i, words, joined: Some(joined), stop: false, several: false });
            }
            // "BacktoNature"
            let humps = || {
                written().as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
            };
            let least = if token.capital && word.len() >= 8 && humps() { 2 } else { 3 };
            if word.len() >= 14 || least == 2 {
                let parts = self.names.segments(word, least);
                if !parts.is_empty() {
                    let words = parts.into_iter().map(|id| (id, 0.95)).collect();
                    return Some(Hit { first: i, last: i, words, joined: None, stop: false, several: true });
                }
            }
            if plausible {
                words.extend(uninflected(word).find_map(|stem| self.names.find(stem)).map(|id| (id, 0.93)));
            }
            if words.is_empty() && !self.endings.is_empty() {
                let known = |other: &str| self.names.find(singular(other));
                let other = spelling::other_case(singular(word), self.endings, known);
                words.extend(other.map(|id| (id, 0.93)));
            }
            if words.is_empty() && plausible && token.roles & role::OCCASION == 0 && !self.is_verb(i) {
                let near = self.near(singular(word));
                // "mutui" is no typo for "mutuo".
                let declined = |id: u32| word.len() >= 5 && declines(singular(word), self.names.text(id), self.endings);
                words.extend(near.into_iter().map(|(id, distance)| match distance {
                    _ if declined(id) => (id, 0.93),
                    1 if word.len() >= 9 => (id, 0.9),
                    2 if word.len() >= 14 => (id, 0.9),
                    1 => (id, 0.85),
                    _ => (id, 0.7),
                }));
            }
        }
        if words.is_empty() {
            // "sour dough" for "Sourdough".
            let next = self.words.tokens.get(i + 1)?;
            let simple = next.gap & !(gap::SPACE | gap::HYPHEN) == 0 && !next.has_digit && !token.has_digit;
            if simple
                && word.len() + next.end - next.start >= 6
                && next.roles & role::STOP == 0
                && token.roles & role::STOP == 0
            {
                let next = singular(self.words.folded(next));
                let mut buffer = [0u8; 64];
                let joined = buffer.get_mut(..word.len() + next.len())?;
                joined[..word.len()].copy_from_slice(word.as_bytes());
                joined[word.len()..].copy_from_slice(next.as_bytes());
                let id = self.names.find_hashed(hash(joined))?;
                let words = smallvec![(id, 0.95)];
                return Some(Hit { first: i, last: i + 1, words, joined: None, stop: false, several: false });
            }
            return None;
        }
        Some(Hit { first: i, last: i, words, joined: None, stop, several })
    }

    /// The words of names that this one may be a misspelling of, each with the number of edits.
    fn near(&self, word: &'a str) -> Near {
        self.near.borrow_mut().entry(word).or_insert_with(|| self.names.near(word)).clone()
    }

    /// "New York" for NY and NYC.
    fn phrase(&self, i: usize) -> Option<Hit> {
        let mut words = smallvec![];
        let mut last = i;
        for (says, end) in self.words.phrases_at(i) {
            if let Says::Same(index) = says {
                for other in self.hints.spellings(index) {
                    if let Some(id) = self.names.find_hashed(*other)
                        && words.iter().all(|(seen, _)| *seen != id)
                    {
                        words.push((id, 0.93));
                        last = end - 1;
                    }
                }
            }
        }
        (!words.is_empty()).then_some(Hit { first: i, last, words, joined: None, stop: false, several: false })
    }

    /// Where an entry has two neighbouring words that, joined, are this one; an s may join them, as in German.
    pub(super) fn joined_in(&self, entry: u32, word: &str) -> Option<usize> {
        self.names.entry(entry).windows(2).position(|pair| {
            let second = self.names.text(pair[1]);
            let rest = word.strip_prefix(self.names.text(pair[0]));
            rest.is_some_and(|rest| rest == second || word.len() >= 10 && rest.strip_prefix('s') == Some(second))
        })
    }

    /// Entries with two neighbouring words that, joined, are this one. `loosely`: an s may join them.
    pub(super) fn joined(&self, word: &str, hashed: u64, loosely: bool) -> &[u32] {
        let holds = |list: &[u32]| list.iter().take(4).any(|entry| self.joined_in(*entry, word).is_some());
        let list = self.names.with_pair_hashed(hashed);
        if holds(list) {
            return list;
        }
        let mut buffer = [0u8; 40];
        if !loosely || word.len() < 10 || word.len() > buffer.len() || !word.is_ascii() {
            return &[];
        }
        // "Hautkrebsvorsorge": without the s between "Hautkreb(s)" and "Vorsorge".
        let middle = word.bytes().enumerate().skip(4).take(word.len() - 7);
        for (at, _) in middle.filter(|(_, byte)| *byte == b's').take(3) {
            let without = &mut buffer[..word.len() - 1];
            without[..at].copy_from_slice(&word.as_bytes()[..at]);
            without[at..].copy_from_slice(&word.as_bytes()[at + 1..]);
            let list = self.names.with_pair_hashed(hash(without));
            if holds(list) {
                return list;
            }
        }
        &[]
    }

    /// The two words of a hit that are written as one, as some name has them.
    pub(super) fn written_as_one<'h>(&'h self, hit: &'h Hit) -> &'h str {
        hit.joined.as_deref().unwrap_or_else(|| singular(self.words.word(hit.first)))
    }

    /// "Depotwechselpraemie", "Depotwechselpärmie": two neighbouring words of a name, joined, with another spelling of the
    /// umlaut or one typo in one of them.
    fn joined_otherwise(&self, i: usize, spelled_out: Option<&str>) -> Option<String> {
        const LONG: usize = 10;
        const PART: usize = 4;
        let token = &self.words.tokens[i];
        let word = singular(self.words.folded(token));
        let known = |joined: &str| !self.joined(joined, hash(joined.as_bytes()), true).is_empty();
        if word.len() < LONG {
            return None;
        }
        if let Some(other) = spelled_out.map(singular).filter(|other| known(other)) {
            return Some(other.to_owned());
        }
        // What is written with a small letter among others with a capital is no noun.
        if !token.capital && !self.lowered && !self.field() {
            return None;
        }
        let split = |at: usize| word.split_at_checked(at);
        (PART..=word.len() - PART).filter_map(split).find_map(|(one, two)| {
            let spelled = |id: u32| self.names.text(id);
            let typo = |word: &'a str| self.near(word).into_iter().filter(|(_, edits)| *edits == 1).map(|(id, _)| id);
            let joined = |one: &str, two: &str| Some(format!("{one}{two}")).filter(|joined| known(joined));
            if self.names.find(one).is_some() {
                return typo(two).find_map(|id| joined(one, spelled(id)));
            }
            self.names.find(two).and_then(|_| typo(one).find_map(|id| joined(spelled(id), two)))
        })
    }

    /// Whether an unknown word may be a misspelt part of a name: where names stand, or beside one.
    fn plausible(&self, i: usize) -> bool {
        let token = &self.words.tokens[i];
        let lowered = || self.lowered && token.end - token.start >= 8;
        if self.field() || self.zone.place == Where::Subject || self.beside[i] || lowered() {
            return true;
        }
        let opens_sentence = i == 0 || token.gap & (gap::END | gap::LINE | gap::PARAGRAPH) != 0;
        token.capital && !opens_sentence || token.gap & gap::QUOTE != 0
    }

    /// Whether a group may hold a name: two words, or one that the text treats as a name.
    fn worth_a_look(&self, hits: &[Hit]) -> bool {
        let mut solid = hits.iter().filter(|hit| !hit.stop);
        let Some(first) = solid.next() else {
            return !hits.is_empty() && (self.field() || self.called(hits[0].first, hits[hits.len() - 1].last));
        };
        let opens = hits.first().map_or(first.first, |hit| hit.first);
        if hits.iter().any(|hit| self.quoted(opens, hit.last)) {
            return true;
        }
        if solid.next().is_some() || first.last > first.first || first.words.is_empty() || first.several || self.field()
        {
            return true;
        }
        let token = &self.words.tokens[first.first];
        let treated = |first: usize, last: usize| self.quoted(first, last) || self.beside_campaign(first, last);
        // "bei den rasenwochen"
        let length = token.end - token.start;
        let lowered =
            || self.zone.capital_nouns() && (length >= 9 && self.known_at(first.first) || length >= 11 && self.lowered);
        // "les chiffres de Une bière pour tous": an article with a capital within a sentence, which some name has.
        let article = first.first.checked_sub(1).map(|before| &self.words.tokens[before]);
        let opened = article.is_some_and(|before| {
            let within = before.gap == gap::SPACE && token.gap == gap::SPACE;
            within && before.capital && before.roles & role::STOP != 0 && before.word != NO_WORD
        });
        // "the pay what you can texts": what the name goes on with are function words.
        let last = hits[hits.len() - 1].last;
        let goes_on = || last >= first.first + 3 && self.known_at(first.first);
        // "the gmat one"
        let pronoun =
            || self.known_at(first.first) && self.words.phrases_at(last + 1).any(|(says, _)| says == Says::Pronoun);
        token.capital
            || opened
            || self.heads_subject(first.first)
            || treated(first.first, first.last)
            || lowered()
            || goes_on()
            || pronoun()
            || {
                // "the campaign «Тёплой зимы»": the word before it may be one of the name in another case.
                let passes = |at: &usize| self.words.tokens[*at].roles & (role::STOP | role::FILL) == 0;
                let before = (first.first.saturating_sub(2)..first.first).rev().find(passes);
                before.is_some_and(|at| {
                    let before = &self.words.tokens[at];
                    // "the campaign abo. jeunes"
                    let shortened = token.gap & gap::END != 0 && !self.cuts(first.first);
                    (before.capital || shortened) && before.word == NO_WORD && treated(at, first.last)
                })
            }
    }

    /// The mentions of one group: the best first, then what is named by the words that it leaves.
    fn mentions(&self, zone: usize, hits: Vec<Hit>, rows_left: &mut usize, out: &mut Vec<Mention>) {
        let base = hits.iter().map(|hit| hit.first).min().unwrap_or(0).saturating_sub(OPENING);
        let mut used = 0u64;
        for _ in 0..4 {
            let left: Vec<&Hit> = hits.iter().filter(|hit| used & bits(base, hit.first, hit.last) == 0).collect();
            let called = |hit: &&Hit| self.called(hit.first, hit.last);
            if left.iter().all(|hit| hit.stop) && !(used == 0 && (self.field() || left.iter().any(called))) {
                return;
            }
            let mut fits = self.best(&left, base, used, rows_left);
            // "not the hip one, the Knee Pain Seminar" denies the Hip Pain Seminar alone.
            if fits.iter().any(|fit| fit.first != fits[0].first) {
                let stands = |fit: &Fit| denied(self.words, fit.first, fit.last) != Denial::Yes;
                if fits.iter().any(stands) {
                    fits.retain(stands);
                }
            }
            let Some(first) = fits.iter().map(|fit| fit.first).min() else { return };
            let last = fits.iter().map(|fit| fit.last).max().unwrap_or(first);
            for fit in &fits {
                used |= fit.text;
            }
            let (Some(start), Some(end)) = (self.words.tokens.get(first), self.words.tokens.get(last)) else { return };
            let mut rows: Vec<(u32, f64)> = vec![];
            for fit in &fits {
                let matched = fit.text.count_ones().max(1) as f32;
                let score = f64::from((fit.coverage * (fit.explained / matched).min(1.0)).clamp(0.0, 1.0));
                let score = (score * 100.0).round() / 100.0;
                // A campaign may fit by its name and by an alias.
                match rows.iter_mut().find(|(row, _)| *row == fit.row) {
                    Some((_, seen)) => *seen = seen.max(score),
                    None => rows.push((fit.row, score)),
                }
            }
            if self.of_daily_life(first, last) || self.had_by_writer(first, last) {
                continue;
            }
            rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            out.push(Mention {
                rows,
                span: (start.start, end.end),
                tokens: (first, last),
                zone,
                denial: match denied(self.words, first, last) {
                    // "We booked the spring sale only" says which is meant.
                    Denial::No
                        if (self.takes_place(first) || self.told_of_writer(first, last))
                            && !exclusive(self.words, first, last) =>
                    {
                        Denial::Mentioned
                    }
                    denial => denial,
                },
            });
        }
    }

    /// Whether a clause ends before this word: not behind the full stop of "abo. jeunes", a short word that is none.
    pub(super) fn cuts(&self, at: usize) -> bool {
        let token = &self.words.tokens[at];
        let shortened = |before: &Token| {
            before.word == NO_WORD
                && before.roles & !role::SAME == 0
                && !before.has_digit
                && before.end - before.start <= 6
        };
        // "S. João"
        let initial = |before: &Token| before.capital && before.end - before.start == 1;
        let stop = token.gap == gap::DOT | gap::SPACE | gap::END && token.gap_chars == 2;
        let abbreviated = stop
            && at.checked_sub(1).is_some_and(|at| {
                let before = &self.words.tokens[at];
                if token.capital { initial(before) } else { shortened(before) }
            });
        token.gap & gap::CLAUSE != 0 && !abbreviated
    }

    /// The campaigns that explain the words best.
    fn best(&self, hits: &[&Hit], base: usize, used: u64, rows_left: &mut usize) -> Vec<Fit> {
        let mut fuzzy: HashMap<(u32, usize), f32, FixedState> = HashMap::default();
        let mut compare = |candidates: Vec<Candidate>| -> Vec<Fit> {
            let mut fits: Vec<Fit> = vec![];
            let mut short: Vec<Fit> = vec![];
            let mut best = 0.0f32;
            for Candidate { entry, upper, .. } in candidates {
                if upper + 0.01 >= best - CLOSE
                    && let Some(fit) = self.fit(entry, hits, base, used, &mut fuzzy)
                {
                    if self.accepts(&fit, base, 1.0) {
                        best = best.max(fit.explained);
                        fits.push(fit);
                    } else if !fit.full {
                        short.push(fit);
                    }
                }
            }
            if fits.is_empty() {
                short.iter().take(SHORT).for_each(|fit| self.note_other_variant(fit, base));
            }
            // "the mutuo campaign" is "Mutuo Giovani", and may as well be the longer "Mutuo Casa Verde".
            if fits.iter().all(|fit| !fit.full) {
                let accepted = fits.len();
                for fit in short {
                    let shared = fits[..accepted].iter().any(|seen| seen.text == fit.text);
                    if shared && self.accepts(&fit, base, SHARED) {
                        fits.push(fit);
                    }
                }
            }
            fits
        };
        // A rare word leads to few campaigns. When one of them explains all there is, those without the word are out.
        let found = self.telling(hits, rows_left).map(|(candidates, enough)| (compare(candidates), enough));
        let mut fits = match found {
            Some((fits, enough)) if fits.iter().any(|fit| fit.explained > enough) => fits,
            _ => compare(self.candidates(hits, rows_left)),
        };
        self.drop_scattered(&mut fits, base);
        let best = fits.iter().map(|fit| fit.explained).fold(0.0, f32::max);
        let close = |fit: &Fit| fit.explained >= best - CLOSE;
        // Where one name is said in full, that one is meant; where several are, so may be those that add but a year, or
        // are spelled otherwise.
        // Where only a function word is left out, a sibling that has another word in its place fits as well.
        let apart = |a: &Fit, b: &Fit| {
            let (one, other) = (self.names.entry(a.entry), self.names.entry(b.entry));
            one.len() == other.len()
                && a.missing == b.missing
                && one.iter().zip(other).enumerate().all(|(k, (one, other))| one == other || a.missing & 1 << k != 0)
        };
        let tells = |fit: &Fit| {
            fit.missing != 0 && fits.iter().any(|other| other.row != fit.row && close(other) && apart(fit, other))
        };
        let full = fits.iter().find(|fit| fit.full && close(fit) && !tells(fit)).map(|fit| fit.row);
        let several = fits.iter().any(|fit| fit.full && close(fit) && Some(fit.row) != full);
        fits.retain(|fit| match full {
            None => close(fit),
            Some(_) if several => fit.explained >= best - 2.0 * CLOSE && (fit.full || fit.variants),
            Some(_) => fit.full && close(fit),
        });
        // Names that stand at different places are different mentions.
        if let Some(first) = fits.iter().map(|fit| fit.first).min() {
            let together = fits.iter().filter(|fit| fit.first == first).fold(0, |all, fit| all | fit.text);
            fits.retain(|fit| fit.text & together != 0);
        }
        self.add_twins(&mut fits);
        fits
    }
}

impl Finder<'_, '_> {
    /// "Planetarium Giving Week stops on day three" is no "Planetarium Giving Day": where one name is said in full with nothing
    /// between its words, others that share words with it need theirs beside them, or in a list: "Giving Week and Day".
    fn drop_scattered(&self, fits: &mut Vec<Fit>, base: usize) {
        if fits.iter().filter(|fit| fit.full).count() < 2 {
            return;
        }
        let said = |fit: &Fit, at: usize| fit.text & bits(base, at, at) != 0;
        let together = |fit: &&Fit| fit.full && fit.words >= 2 && (fit.first..=fit.last).all(|at| said(fit, at));
        let Some(whole) = fits.iter().filter(together).max_by_key(|fit| fit.text.count_ones()).cloned() else { return };
        let roles = |at: usize| self.words.tokens[at].roles;
        let scattered = |fit: &Fit| {
            let between = if fit.last > whole.last { whole.last + 1..fit.last } else { fit.first + 1..whole.first };
            let mut between = between.filter(|at| !said(fit, *at)).peekable();
            let outside = fit.text & !whole.text != 0 && between.peek().is_some();
            let listed = |at: usize| roles(at) & (role::AND | role::STOP | role::RELATION) != 0;
            let mut joins = false;
            let function = between.all(|at| {
                joins |= roles(at) & role::AND != 0;
                listed(at)
            });
            outside && !(function && joins)
        };
        fits.retain(|fit| fit.text & whole.text == 0 || !scattered(fit));
    }
}

/// The bits of these tokens in a window that begins at `base`; none when they lie outside.
pub(super) fn bits(base: usize, first: usize, last: usize) -> u64 {
    if first < base || last >= base + 64 || last < first {
        return 0;
    }
    let width = last - first + 1;
    let ones = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    ones << (first - base)
}
