//! How well a campaign's name fits the words of a text: which of them stand where, exactly, shortened or misspelt.
//!
//! Measures only; whether the text treats the words as a campaign's name is for [`super::treated`] to say.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::alike;
use super::fold::NO_WORD;
use super::hints::{Says, role};
use super::named::{Finder, Hit, bits};
use super::names::class;
use super::places::Places;
use super::spelling::{declines, edits, singular};
use super::table::hash;

/// Index rows looked at for one group of words.
const ROWS: usize = 1_200;
/// Names looked at for a word that stands alone.
const ALONE: usize = 200;
/// Names that a word may be in, to lead to them without its neighbours.
const TELLING: usize = 100;
/// Candidates of one group of words that are compared with the text.
const COMPARED: usize = 250;

/// What two joined words explain.
const JOINED: f32 = 0.95;
/// What a misspelt word explains at best.
const FUZZY: f32 = 0.85;
/// What a function word of a name weighs.
const JOINING: f32 = 0.08;
/// Campaigns that explain this much less of the text than another fit as well.
pub(super) const CLOSE: f32 = 0.05;

/// An entry that may fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) entry: u32,
    /// What of the text it explains exactly.
    sum: f32,
    /// No more than this can it explain with misspellings counted.
    pub(super) upper: f32,
}

/// A candidate compared with the text.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub(super) entry: u32,
    pub(super) row: u32,
    /// What of the text it explains.
    pub(super) explained: f32,
    pub(super) coverage: f32,
    /// No word of weight is left over in the name.
    pub(super) full: bool,
    /// What is left over in the name is years and numbers only.
    pub(super) variants: bool,
    /// The words of the name that the text has not: bit k is its word k.
    pub(super) missing: u32,
    /// Words of weight of the name that the text has.
    pub(super) words: usize,
    /// Matched words of the text: bit i is token `base + i`.
    pub(super) text: u64,
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Finder<'_, '_> {
    /// Entries that share the rarest of these words or pairs, with more of them first.
    pub(super) fn candidates(&self, hits: &[&Hit], rows_left: &mut usize) -> Vec<Candidate> {
        let solid: Vec<&&Hit> = hits.iter().filter(|hit| !hit.stop || self.field()).collect();
        let mut lists: Vec<&[u32]> = vec![];
        let mut joined = String::new();
        for (i, hit) in solid.iter().enumerate() {
            for next in solid.iter().skip(i + 1).take(2) {
                for (a, _) in hit.words.iter().take(3) {
                    for (b, _) in next.words.iter().take(3) {
                        for (a, b) in [(*a, *b), (*b, *a)] {
                            joined.clear();
                            joined.push_str(self.names.text(a));
                            joined.push_str(self.names.text(b));
                            lists.push(self.names.with_pair(&joined));
                        }
                    }
                }
            }
            for (word, _) in &hit.words {
                let list = self.names.with_word(*word);
                // Alone, a word of many names tells only when it is a name by itself: those stand first.
                let most = if solid.len() == 1 { ALONE } else { TELLING };
                if list.len() <= most || solid.len() == 1 {
                    lists.push(&list[..list.len().min(most)]);
                }
            }
            if hit.words.is_empty() {
                let word = self.written_as_one(hit);
                lists.push(self.joined(word, hash(word.as_bytes()), true));
            }
        }
        lists.retain(|list| !list.is_empty());
        lists.sort_by_key(|list| list.len());
        lists.dedup_by_key(|list| (list.as_ptr(), list.len()));
        let mut rows: Vec<u32> = vec![];
        let mut left = ROWS.min(*rows_left);
        for list in lists {
            // When rarer pairs have led somewhere, a list that must be cut adds nothing but work.
            if list.len() > left && !rows.is_empty() {
                break;
            }
            let take = list.len().min(left);
            rows.extend_from_slice(&list[..take]);
            left -= take;
            *rows_left -= take;
            if left == 0 {
                break;
            }
        }
        self.scored(rows, hits)
    }

    /// Entries that have the rarest of these words, and how much of the text one would have to explain so that no entry
    /// without that word could explain more. `None` when all of the words are common.
    pub(super) fn telling(&self, hits: &[&Hit], rows_left: &mut usize) -> Option<(Vec<Candidate>, f32)> {
        let rows_of = |hit: &&&Hit| {
            let exact = !hit.stop && hit.words.first().is_some_and(|(_, quality)| *quality >= 1.0);
            let count: usize = hit.words.iter().map(|(word, _)| self.names.with_word(*word).len()).sum();
            (exact && count <= TELLING.min(*rows_left)).then_some(count)
        };
        let rarest = hits.iter().filter(|hit| rows_of(hit).is_some()).min_by_key(rows_of)?;
        let rows: Vec<u32> = rarest.words.iter().flat_map(|(word, _)| self.names.with_word(*word)).copied().collect();
        *rows_left -= rows.len();
        // Without the word itself an entry has at best one that it may be a misspelling of.
        let all: f32 = hits.iter().map(|hit| self.best_quality(hit)).sum();
        Some((self.scored(rows, hits), all - (1.0 - FUZZY) + CLOSE))
    }

    /// The most that a word of the text can explain.
    fn best_quality(&self, hit: &Hit) -> f32 {
        let counts = |word: u32| self.names.class(word) & class::STOP == 0;
        let words = hit.words.iter().filter(|(word, _)| counts(*word));
        words.map(|(_, quality)| *quality).fold(if hit.words.is_empty() { JOINED } else { 0.0 }, f32::max)
    }

    /// A first look at entries: how much of the text each explains exactly, and how much it could at best. Those that
    /// lie far behind are left out; the best come first.
    fn scored(&self, mut rows: Vec<u32>, hits: &[&Hit]) -> Vec<Candidate> {
        rows.sort_unstable();
        rows.dedup();
        let mut filter = 0u64;
        let mut words: Vec<(u32, usize, f32)> = vec![];
        for (index, hit) in hits.iter().enumerate() {
            for (word, quality) in &hit.words {
                filter |= 1 << (word & 63);
                words.push((*word, index, *quality));
            }
        }
        let joined = JOINED * hits.iter().filter(|hit| hit.words.is_empty()).count() as f32;
        let loosely = if self.exact_beside(hits) { 1.0 } else { FUZZY };
        let mut scored: Vec<Candidate> = rows
            .into_iter()
            .map(|entry| {
                let mut seen = 0u64;
                let (mut sum, mut upper) = (0.0, joined);
                for word in self.names.entry(entry) {
                    let mut found = false;
                    if filter & 1 << (word & 63) != 0 {
                        for (_, index, quality) in words.iter().filter(|(id, ..)| id == word) {
                            found = true;
                            let bit = 1u64 << (index & 63);
                            if seen & bit == 0 {
                                seen |= bit;
                                sum += if hits[*index].stop { 0.1 } else { *quality };
                            }
                        }
                    }
                    let class = self.names.class(*word);
                    upper += match found {
                        true if class & class::STOP == 0 => 1.0,
                        true => 0.1,
                        false if class & (class::STOP | class::VARIANT) == 0 => loosely,
                        // It may be attached to the rest.
                        false if class & class::STOP != 0 => 0.1,
                        false => 0.0,
                    };
                }
                Candidate { entry, sum, upper }
            })
            .collect();
        scored.sort_by(|a, b| b.sum.total_cmp(&a.sum).then(a.entry.cmp(&b.entry)));
        scored.truncate(COMPARED);
        // What lies two words behind the best is no rival of it, even with misspellings counted.
        let best = scored.first().map_or(0.0, |candidate| candidate.sum);
        scored.retain(|candidate| candidate.sum > best - 2.1);
        scored
    }

    /// Whether a word of some name stands beside these without being one of them.
    fn exact_beside(&self, hits: &[&Hit]) -> bool {
        let (Some(first), Some(last)) = (hits.iter().map(|hit| hit.first).min(), hits.iter().map(|hit| hit.last).max())
        else {
            return true;
        };
        let among = |at: usize| hits.iter().any(|hit| (hit.first..=hit.last).contains(&at));
        let tokens = self.words.tokens.iter().enumerate().take(last + 4).skip(first.saturating_sub(3));
        tokens.filter(|(_, token)| token.word != NO_WORD && !token.link).any(|(at, _)| !among(at))
    }

    /// Compares an entry with the text around the hits.
    pub(super) fn fit(
        &self,
        entry: u32,
        hits: &[&Hit],
        base: usize,
        used: u64,
        fuzzy: &mut HashMap<(u32, usize), f32, FixedState>,
    ) -> Option<Fit> {
        let name = self.names.entry(entry);
        // For every word of the name, where it stands in the text and how well it matches.
        let mut matched: Places = [None; 24];
        let mut text = 0u64;
        let mut again = false;
        for (k, word) in name.iter().enumerate() {
            let mut best: Option<(usize, usize, f32)> = None;
            for hit in hits {
                let Some((_, quality)) = hit.words.iter().find(|(id, _)| id == word) else { continue };
                let mask = bits(base, hit.first, hit.last);
                let single = self.names.class(*word) & class::VARIANT != 0 && self.names.text(*word).len() == 1;
                if mask == 0 || text & mask != 0 && !hit.several || single && !self.single_fits(hit.first, k, &matched)
                {
                    continue;
                }
                again |= best.is_some_and(|(.., seen)| *quality == seen);
                if best.is_none_or(|(.., seen)| *quality > seen) {
                    best = Some((hit.first, hit.last, *quality));
                }
            }
            if let Some((first, last, _)) = best {
                text |= bits(base, first, last);
            }
            matched[k] = best;
        }
        if again {
            self.gather(name, hits, base, &mut matched, &mut text);
        }
        // Words joined in the text.
        for hit in hits.iter().filter(|hit| hit.words.is_empty()) {
            if let Some(k) = self.joined_in(entry, self.written_as_one(hit))
                && matched[k].is_none()
                && matched[k + 1].is_none()
            {
                matched[k] = Some((hit.first, hit.last, 0.95));
                matched[k + 1] = Some((hit.first, hit.last, 0.95));
                text |= bits(base, hit.first, hit.last);
            }
        }
        let seen_first = matched.iter().flatten().map(|(first, ..)| *first).min()?;
        let seen_last = matched.iter().flatten().map(|(_, last, _)| *last).max()?;
        let window = self.window(seen_first, seen_last);
        for (k, word) in name.iter().enumerate() {
            let class = self.names.class(*word);
            if matched[k].is_some() || class & (class::STOP | class::VARIANT) != 0 {
                continue;
            }
            let mut best: Option<(usize, f32)> = None;
            for at in window.clone() {
                let mask = bits(base, at, at);
                if mask == 0
                    || (text | used) & mask != 0
                    || self.words.tokens[at].link
                    || self.words.tokens[at].roles & role::STOP != 0
                {
                    continue;
                }
                let quality = *fuzzy.entry((*word, at)).or_insert_with(|| self.resembles(at, *word));
                if quality > 0.0 && best.is_none_or(|(_, seen)| quality > seen) {
                    best = Some((at, quality));
                }
            }
            if let Some((at, quality)) = best {
                matched[k] = Some((at, at, quality));
                text |= bits(base, at, at);
            }
        }
        self.initials(name, &mut matched, (base, used), &mut text);
        self.attach(entry, &mut matched, base, &mut text);
        self.dense(&mut matched, base, &mut text);
        let (mut have, mut all, mut full, mut solid) = (0.0f32, 0.0f32, true, 0);
        let (mut variants, mut missing) = (true, 0u32);
        let mut explained = 0.0f32;
        let mut counted = 0u64;
        for (k, word) in name.iter().enumerate() {
            let joins = matched[k].is_none() && self.only_joins(name, k);
            let weight = if joins { JOINING } else { self.names.weight(*word) };
            all += weight;
            match matched[k] {
                None if joins => missing |= 1 << k,
                Some((first, last, quality)) => {
                    have += weight * quality;
                    solid += usize::from(self.names.class(*word) & class::STOP == 0);
                    let mask = bits(base, first, last);
                    if counted & mask == 0 {
                        counted |= mask;
                        let stop = self.names.class(*word) & class::STOP != 0;
                        // Two words of the text that mean one count as two: they are what the name explains.
                        explained += if stop { 0.1 } else { quality };
                    }
                }
                // No name ends with a function word: "Doors" is none, whatever "door" is in Dutch.
                None => {
                    missing |= 1 << k;
                    variants &= self.names.class(*word) & (class::VARIANT | class::STOP) != 0;
                    let ends = k + 1 == name.len() && self.names.text(*word).len() >= 4;
                    full &= self.names.class(*word) & class::STOP != 0 && !ends;
                }
            }
        }
        let first = matched.iter().flatten().map(|(first, ..)| *first).min()?;
        let last = matched.iter().flatten().map(|(_, last, _)| *last).max()?;
        if explained <= 0.1 && !self.field() {
            return None;
        }
        Some(Fit {
            entry,
            row: self.names.row(entry),
            explained,
            coverage: have / all.max(0.01),
            full,
            variants,
            missing,
            words: solid,
            text,
            first,
            last,
        })
    }

    /// A word of a name that only joins others; "A" and "O" that open "A Minha Horta" are articles, no variants.
    pub(super) fn only_joins(&self, name: &[u32], k: usize) -> bool {
        let text = self.names.text(name[k]);
        let opens = k == 0 && name.len() > 1 && text.len() == 1 && self.hints.roles(text) & role::STOP != 0;
        opens || alike::joins(name, k, self.names)
    }

    /// The words around a match that may belong to it: not beyond the sentence, nor beyond a denial.
    pub(super) fn window(&self, first: usize, last: usize) -> std::ops::Range<usize> {
        let tokens = &self.words.tokens;
        let cut = |at: usize| !self.field() && self.cuts(at);
        let denies = |at: usize| tokens[at].roles & role::DENY != 0;
        let (mut start, mut end) = (first, last + 1);
        while start > 0 && first - start < 3 && !cut(start) && !denies(start - 1) {
            start -= 1;
        }
        while end < tokens.len() && end - last <= 3 && !cut(end) && !denies(end) {
            end += 1;
        }
        start..end
    }

    /// "shows" is no misspelt "Shots": a word that says what something does.
    pub(super) fn is_verb(&self, at: usize) -> bool {
        let does = |says| matches!(says, Says::Acts | Says::Modal);
        self.words.phrases_at(at).any(|(says, end)| end == at + 1 && does(says))
    }

    /// How well an unmatched word of the text stands for a word of a name: shortened or misspelt.
    pub(super) fn resembles(&self, at: usize, word: u32) -> f32 {
        let likeness = self.likeness(at, word);
        if likeness > 0.0 && likeness < 1.0 && self.is_verb(at) { 0.0 } else { likeness }
    }

    /// The same, whatever the word does in its sentence.
    fn likeness(&self, at: usize, word: u32) -> f32 {
        let token = &self.words.tokens[at];
        let name = self.names.text(word);
        let text = singular(self.words.folded(token));
        if text == name {
            return 1.0;
        }
        // "da campanha" is no misspelt "Campinas".
        let campaign = token.roles & (role::CAMPAIGN | role::CAMPAIGNS) != 0;
        // "la semana pasada" is no misspelt "Semanal".
        let occasion = token.roles & role::OCCASION != 0;
        if text.len() < 3 || campaign || occasion || token.has_digit || name.bytes().any(|b| b.is_ascii_digit()) {
            return 0.0;
        }
        if name.len() > text.len() + 1 && name.starts_with(text) {
            return 0.8;
        }
        if text.len() > name.len() + 1 && name.len() >= 5 && text.starts_with(name) {
            return 0.75;
        }
        if text.len() >= 3 && name.len() > text.len() && only_consonants(text, name) {
            return 0.8;
        }
        // "пятницей" is a case of "пятница": other endings behind a common stem.
        let inflects = |word: &str| !word.is_ascii() && word.chars().all(|c| c < '\u{590}');
        if inflects(text) && inflects(name) {
            let stem = text.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
            let ending = |word: &str| word.chars().count() - stem;
            if stem >= 4 && ending(text) <= 3 && ending(name) <= 3 && ending(text).max(ending(name)) <= stem / 2 {
                return 0.85;
            }
        }
        // "Listów" is a case of "Listy", in Latin letters.
        if text.is_ascii() && name.is_ascii() && declines(text, name, self.endings) {
            return 0.85;
        }
        let long = name.chars().count().min(text.chars().count());
        let alike = text.chars().next() == name.chars().next();
        match long {
            0..=3 => 0.0,
            4..=6 if alike || token.word == NO_WORD && long > 4 => {
                edits(text, name, 1).map_or(0.0, |_| if token.word == NO_WORD { 0.85 } else { 0.7 })
            }
            7.. => edits(text, name, 2).map_or(0.0, |distance| if distance == 1 { 0.85 } else { 0.7 }),
            _ => 0.0,
        }
    }
}

/// "lvl" for "level", "wrkshp" for "workshop": a word without its vowels.
fn only_consonants(text: &str, name: &str) -> bool {
    let vowel = |c: &char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
    let first = name.chars().next();
    text.is_ascii()
        && text.chars().next() == first
        && !text.chars().skip(1).any(|c| vowel(&c))
        && name.chars().skip(1).filter(|c| !vowel(c)).eq(text.chars().skip(1))
}
