//! Campaign names in a text: which campaigns of the directory it names, how well, and where.
//!
//! A few words lead through the index to candidates; only those are compared with the text. A name counts when enough
//! of it stands there and the text treats it as one; a loose likeness, or a name with foreign parts, is none.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Campaign;
use super::fold::{self, NO_WORD, Token, Words, edits, gap, singular};
use super::hints::{Hints, Says, role};
use super::names::{Names, class};
use super::stated::{Zone, denied};
use crate::request::evidence::Where;

/// Index rows looked at for one group of words.
const ROWS: usize = 1_200;
/// Names looked at for a word that stands alone.
const ALONE: usize = 200;
/// Names that a word may be in, to lead to them without its neighbours.
const TELLING: usize = 100;
/// Candidates of one group of words that are compared with the text.
const COMPARED: usize = 250;
/// Index rows looked at for one zone.
const ROWS_PER_ZONE: usize = 8_000;
/// Words of one group.
const GROUP: usize = 40;
/// Words looked at in one zone.
const WORDS_PER_ZONE: usize = 20_000;

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
    /// The text denies it.
    pub denied: bool,
}

/// A word of the text that stands in some name, or a few words that mean one.
#[derive(Debug, Clone)]
struct Hit {
    first: usize,
    last: usize,
    /// Vocabulary words that it may be, with quality.
    words: Vec<(u32, f32)>,
    /// It is a function word.
    stop: bool,
}

/// A candidate compared with the text.
#[derive(Debug, Clone)]
struct Fit {
    row: u32,
    /// What of the text it explains.
    explained: f32,
    coverage: f32,
    /// No word of weight is left over in the name.
    full: bool,
    /// Words of weight of the name that the text has.
    words: usize,
    /// Matched words of the text: bit i is token `base + i`.
    text: u64,
    first: usize,
    last: usize,
}

/// Looks the words of a zone up in the directory's vocabulary.
pub fn mark(words: &mut Words<'_>, names: &Names) {
    for i in 0..words.tokens.len().min(WORDS_PER_ZONE) {
        let token = words.tokens[i];
        if !token.link {
            words.tokens[i].word = names.find(singular(words.folded(&token))).unwrap_or(NO_WORD);
        }
    }
}

/// Finds the names in a zone whose words are marked. `taken` says of a token that it is part of an ID.
pub fn find(
    zone: &Zone<'_>,
    at: usize,
    names: &Names,
    campaigns: &[Campaign],
    hints: &Hints,
    taken: &[(usize, usize)],
) -> Vec<Mention> {
    let finder = Finder { zone, words: &zone.words, names, campaigns, hints };
    let mut mentions = vec![];
    let mut rows_left = ROWS_PER_ZONE;
    for group in finder.groups(taken) {
        finder.mentions(at, group, &mut rows_left, &mut mentions);
    }
    mentions
}

struct Finder<'a, 'z> {
    zone: &'a Zone<'z>,
    words: &'a Words<'z>,
    names: &'a Names,
    campaigns: &'a [Campaign],
    hints: &'a Hints,
}

const NAMES_FIELD: u32 = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL;

impl Finder<'_, '_> {
    fn field(&self) -> bool {
        self.zone.id_field || self.zone.name_field
    }

    /// Words that stand in names, in groups that stand together in the text.
    fn groups(&self, taken: &[(usize, usize)]) -> Vec<Vec<Hit>> {
        let tokens = &self.words.tokens;
        let count = tokens.len().min(WORDS_PER_ZONE);
        let is_taken = |i: usize| taken.iter().any(|(first, last)| (*first..=*last).contains(&i));
        let mut groups: Vec<Vec<Hit>> = vec![];
        let mut group: Vec<Hit> = vec![];
        let mut solid_last: Option<usize> = None;
        let mut flush = |group: &mut Vec<Hit>| {
            let hits = std::mem::take(group);
            if self.worth_a_look(&hits) {
                groups.push(hits);
            }
        };
        for (i, token) in tokens.iter().enumerate().take(count) {
            // What a denial parts is not one name.
            let denies = token.roles & role::DENY != 0;
            let cut = denies || token.gap & (gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::QUERY) != 0;
            let far = solid_last.is_some_and(|last| i - last > 4);
            if !group.is_empty() && ((cut && !self.field()) || far || group.len() >= GROUP || i - group[0].first >= 60)
            {
                flush(&mut group);
                solid_last = None;
            }
            if token.link || is_taken(i) {
                continue;
            }
            if let Some(hit) = self.hit(i) {
                if !hit.stop {
                    solid_last = Some(hit.last);
                }
                if !hit.stop || !group.is_empty() {
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

    /// One word of the text, exactly, otherwise spelled, misspelt, joined or split.
    fn hit(&self, i: usize) -> Option<Hit> {
        let token = &self.words.tokens[i];
        let word = self.words.folded(token);
        let mut words: Vec<(u32, f32)> = vec![];
        if token.word != NO_WORD {
            words.push((token.word, 1.0));
        }
        if token.roles & role::SAME != 0 {
            for other in self.hints.spelled_otherwise(word) {
                if let Some(id) = self.names.find(other)
                    && words.iter().all(|(seen, _)| *seen != id)
                    && words.len() < 6
                {
                    words.push((id, 0.93));
                }
            }
        }
        let stop =
            token.roles & role::STOP != 0 && !(token.capitals && word.len() <= 3 && token.roles & role::REGION != 0);
        if words.is_empty() && token.roles & (role::STOP | NAMES_FIELD) == 0 && word.len() >= 4 && !token.has_digit {
            let joined = if word.len() >= 7 { self.names.with_pair(singular(word)) } else { &[] };
            if joined.iter().take(4).any(|entry| self.joined_in(*entry, singular(word)).is_some()) {
                return Some(Hit { first: i, last: i, words: vec![], stop: false });
            }
            if self.plausible(i) {
                let near = self.names.near(singular(word));
                words.extend(near.into_iter().map(|(id, distance)| (id, if distance == 1 { 0.85 } else { 0.7 })));
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
                let mut joined = word.to_owned();
                joined.push_str(singular(self.words.folded(next)));
                let id = self.names.find(&joined)?;
                return Some(Hit { first: i, last: i + 1, words: vec![(id, 0.95)], stop: false });
            }
            return None;
        }
        Some(Hit { first: i, last: i, words, stop })
    }

    /// "New York" for NY and NYC.
    fn phrase(&self, i: usize) -> Option<Hit> {
        let mut words: Vec<(u32, f32)> = vec![];
        let mut last = i;
        for (says, end) in self.hints.phrases_at(self.words, i) {
            if let Says::Same(index) = says {
                for other in self.hints.spellings(index) {
                    if let Some(id) = self.names.find(other)
                        && words.iter().all(|(seen, _)| *seen != id)
                    {
                        words.push((id, 0.93));
                        last = end - 1;
                    }
                }
            }
        }
        (!words.is_empty()).then_some(Hit { first: i, last, words, stop: false })
    }

    /// Where an entry has two neighbouring words that, joined, are this one.
    fn joined_in(&self, entry: u32, word: &str) -> Option<usize> {
        self.names.entry(entry).windows(2).position(|pair| {
            let first = self.names.text(pair[0]);
            word.strip_prefix(first).is_some_and(|rest| rest == self.names.text(pair[1]))
        })
    }

    /// Whether an unknown word may be a misspelt part of a name: where names stand, or beside one.
    fn plausible(&self, i: usize) -> bool {
        let tokens = &self.words.tokens;
        let token = &tokens[i];
        if self.field() || self.zone.place == Where::Subject {
            return true;
        }
        let opens_sentence = i == 0 || token.gap & (gap::END | gap::LINE | gap::PARAGRAPH) != 0;
        if token.capital && !opens_sentence || token.gap & gap::QUOTE != 0 {
            return true;
        }
        let around = i.saturating_sub(3)..(i + 4).min(tokens.len());
        around.into_iter().any(|at| {
            let near = &tokens[at];
            if near.roles & NAMES_FIELD != 0 {
                return true;
            }
            at.abs_diff(i) <= 2 && at != i && near.word != NO_WORD && near.roles & (role::STOP | role::COMMON) == 0 && {
                near.capital || self.names.with_word(near.word).len() <= 64
            }
        })
    }

    /// Whether a group may hold a name: two words, or one that the text treats as a name.
    fn worth_a_look(&self, hits: &[Hit]) -> bool {
        let mut solid = hits.iter().filter(|hit| !hit.stop);
        let Some(first) = solid.next() else { return self.field() && !hits.is_empty() };
        if solid.next().is_some() || first.last > first.first || first.words.is_empty() || self.field() {
            return true;
        }
        let token = &self.words.tokens[first.first];
        token.capital || self.quoted(first.first, first.last) || self.beside_campaign(first.first, first.last)
    }

    fn quoted(&self, first: usize, last: usize) -> bool {
        let opens = self.words.tokens.get(first).is_some_and(|token| token.gap & (gap::QUOTE | gap::APOSTROPHE) != 0);
        opens && self.words.gap_after(last) & (gap::QUOTE | gap::APOSTROPHE) != 0
    }

    /// A word for a campaign stands directly before or behind.
    fn beside_campaign(&self, first: usize, last: usize) -> bool {
        let tokens = &self.words.tokens;
        let is = |at: usize| tokens.get(at).is_some_and(|token| token.roles & (NAMES_FIELD | role::ADVERT) != 0);
        let near = |token: &Token| token.gap & (gap::END | gap::PARAGRAPH | gap::COMMA) == 0;
        let skips = |at: usize| {
            tokens.get(at).is_some_and(|token| token.roles & (role::FILL | role::NUMBER | role::IDENTIFIER) != 0)
        };
        let mut before = first;
        for _ in 0..3 {
            if before == 0 || !tokens.get(before).is_some_and(near) {
                break;
            }
            before -= 1;
            if is(before) {
                return true;
            }
            if !skips(before) {
                break;
            }
        }
        let mut after = last + 1;
        while after <= last + 2 && tokens.get(after).is_some_and(near) {
            if is(after) {
                return true;
            }
            if !skips(after) {
                break;
            }
            after += 1;
        }
        false
    }

    /// The mentions of one group: the best first, then what is named by the words that it leaves.
    fn mentions(&self, zone: usize, hits: Vec<Hit>, rows_left: &mut usize, out: &mut Vec<Mention>) {
        let base = hits.iter().map(|hit| hit.first).min().unwrap_or(0).saturating_sub(2);
        let mut used = 0u64;
        for _ in 0..4 {
            let left: Vec<&Hit> = hits.iter().filter(|hit| used & bits(base, hit.first, hit.last) == 0).collect();
            if left.iter().all(|hit| hit.stop) && !(used == 0 && self.field()) {
                return;
            }
            let fits = self.best(&left, base, used, rows_left);
            let Some(first) = fits.iter().map(|fit| fit.first).min() else { return };
            let last = fits.iter().map(|fit| fit.last).max().unwrap_or(first);
            for fit in &fits {
                used |= fit.text;
            }
            let (Some(start), Some(end)) = (self.words.tokens.get(first), self.words.tokens.get(last)) else { return };
            let mut rows: Vec<(u32, f64)> = vec![];
            for fit in &fits {
                if rows.iter().all(|(row, _)| *row != fit.row) {
                    let matched = fit.text.count_ones().max(1) as f32;
                    let score = f64::from((fit.coverage * (fit.explained / matched).min(1.0)).clamp(0.0, 1.0));
                    rows.push((fit.row, (score * 100.0).round() / 100.0));
                }
            }
            rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            out.push(Mention {
                rows,
                span: (start.start, end.end),
                tokens: (first, last),
                zone,
                denied: denied(self.words, self.hints, first, last),
            });
        }
    }

    /// The campaigns that explain the words best.
    fn best(&self, hits: &[&Hit], base: usize, used: u64, rows_left: &mut usize) -> Vec<Fit> {
        let entries = self.candidates(hits, rows_left);
        if entries.is_empty() {
            return vec![];
        }
        let mut fuzzy: HashMap<(u32, usize), f32, FixedState> = HashMap::default();
        let mut fits: Vec<Fit> = vec![];
        for entry in entries {
            if let Some(fit) = self.fit(entry, hits, base, used, &mut fuzzy)
                && self.accepts(entry, &fit, base)
            {
                fits.push(fit);
            }
        }
        let best = fits.iter().map(|fit| fit.explained).fold(0.0, f32::max);
        fits.retain(|fit| fit.explained >= best - 0.05);
        if fits.iter().any(|fit| fit.full) {
            fits.retain(|fit| fit.full);
        }
        // Names that stand at different places are different mentions.
        if let Some(first) = fits.iter().map(|fit| fit.first).min() {
            let together = fits.iter().filter(|fit| fit.first == first).fold(0, |all, fit| all | fit.text);
            fits.retain(|fit| fit.text & together != 0);
        }
        fits
    }

    /// Entries that share the rarest of these words or pairs, with more of them first.
    fn candidates(&self, hits: &[&Hit], rows_left: &mut usize) -> Vec<u32> {
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
                lists.push(self.names.with_pair(singular(self.words.word(hit.first))));
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
        rows.sort_unstable();
        rows.dedup();
        // A first look: how much of the text each explains exactly.
        let mut filter = 0u64;
        let mut words: Vec<(u32, usize, f32)> = vec![];
        for (index, hit) in hits.iter().enumerate() {
            for (word, quality) in &hit.words {
                filter |= 1 << (word & 63);
                words.push((*word, index, *quality));
            }
        }
        let mut scored: Vec<(f32, u32)> = rows
            .into_iter()
            .map(|entry| {
                let mut seen = 0u64;
                let mut sum = 0.0;
                for word in self.names.entry(entry) {
                    if filter & 1 << (word & 63) == 0 {
                        continue;
                    }
                    for (_, index, quality) in words.iter().filter(|(id, ..)| id == word) {
                        let bit = 1u64 << (index & 63);
                        if seen & bit == 0 {
                            seen |= bit;
                            sum += if hits[*index].stop { 0.1 } else { *quality };
                        }
                    }
                }
                (sum, entry)
            })
            .collect();
        if scored.len() > COMPARED {
            scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            scored.truncate(COMPARED);
        }
        let best = scored.iter().map(|(sum, _)| *sum).fold(0.0, f32::max);
        // What lies two words behind the best is no rival of it, even with misspellings counted.
        scored.retain(|(sum, _)| *sum > best - 2.1);
        scored.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Compares an entry with the text around the hits.
    fn fit(
        &self,
        entry: u32,
        hits: &[&Hit],
        base: usize,
        used: u64,
        fuzzy: &mut HashMap<(u32, usize), f32, FixedState>,
    ) -> Option<Fit> {
        let name = self.names.entry(entry);
        // For every word of the name, where it stands in the text and how well it matches.
        let mut matched: [Option<(usize, usize, f32)>; 24] = [None; 24];
        let mut text = 0u64;
        for (k, word) in name.iter().enumerate() {
            let mut best: Option<(usize, usize, f32)> = None;
            for hit in hits {
                let Some((_, quality)) = hit.words.iter().find(|(id, _)| id == word) else { continue };
                let mask = bits(base, hit.first, hit.last);
                let single = self.names.class(*word) & class::VARIANT != 0 && self.names.text(*word).len() == 1;
                if mask == 0 || text & mask != 0 || single && !self.single_fits(hit.first, k, &matched) {
                    continue;
                }
                if best.is_none_or(|(.., seen)| *quality > seen) {
                    best = Some((hit.first, hit.last, *quality));
                }
            }
            if let Some((first, last, _)) = best {
                text |= bits(base, first, last);
            }
            matched[k] = best;
        }
        // Words joined in the text.
        for hit in hits.iter().filter(|hit| hit.words.is_empty()) {
            if let Some(k) = self.joined_in(entry, singular(self.words.word(hit.first)))
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
        self.dense(&mut matched, base, &mut text);
        let (mut have, mut all, mut full, mut solid) = (0.0f32, 0.0f32, true, 0);
        let mut explained = 0.0f32;
        let mut counted = 0u64;
        for (k, word) in name.iter().enumerate() {
            let weight = self.names.weight(*word);
            all += weight;
            match matched[k] {
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
                None if self.names.class(*word) & class::STOP == 0 => {
                    full = false;
                }
                None => {}
            }
        }
        let first = matched.iter().flatten().map(|(first, ..)| *first).min()?;
        let last = matched.iter().flatten().map(|(_, last, _)| *last).max()?;
        if explained <= 0.1 && !self.field() {
            return None;
        }
        Some(Fit {
            row: self.names.row(entry),
            explained,
            coverage: have / all.max(0.01),
            full,
            words: solid,
            text,
            first,
            last,
        })
    }

    /// The words around a match that may belong to it: not beyond the sentence, nor beyond a denial.
    fn window(&self, first: usize, last: usize) -> std::ops::Range<usize> {
        let tokens = &self.words.tokens;
        let cut = |at: usize| {
            !self.field() && tokens[at].gap & (gap::END | gap::PARAGRAPH | gap::SEMICOLON | gap::QUERY) != 0
        };
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

    /// A single letter or digit is part of a name only beside the rest of it, a letter only as a capital.
    fn single_fits(&self, at: usize, k: usize, matched: &[Option<(usize, usize, f32)>; 24]) -> bool {
        let token = &self.words.tokens[at];
        let beside = |other: Option<(usize, usize, f32)>| {
            other.is_some_and(|(first, last, _)| at == last + 1 || at + 1 == first || at == last + 2)
        };
        let near = (0..k).any(|before| beside(matched[before])) || k == 0;
        near && (token.digits
            || token.capital
            || token.end - token.start > 1
            || self.field()
            || self.zone.place == Where::Subject && token.roles & role::STOP == 0)
            && token.gap & (gap::COMMA | gap::MONEY) == 0
    }

    /// How well an unmatched word of the text stands for a word of a name: shortened or misspelt.
    fn resembles(&self, at: usize, word: u32) -> f32 {
        let token = &self.words.tokens[at];
        let name = self.names.text(word);
        let text = singular(self.words.folded(token));
        if text == name {
            return 1.0;
        }
        if text.len() < 3 || token.has_digit || name.bytes().any(|b| b.is_ascii_digit()) {
            return 0.0;
        }
        if name.len() > text.len() + 1 && name.starts_with(text) {
            return 0.8;
        }
        if text.len() > name.len() + 1 && name.len() >= 5 && text.starts_with(name) {
            return 0.75;
        }
        let long = name.chars().count().min(text.chars().count());
        let alike = text.chars().next() == name.chars().next();
        match long {
            0..=3 => 0.0,
            4..=6 if token.word == NO_WORD || alike => {
                edits(text, name, 1).map_or(0.0, |_| if token.word == NO_WORD { 0.85 } else { 0.7 })
            }
            7.. => edits(text, name, 2).map_or(0.0, |distance| if distance == 1 { 0.85 } else { 0.7 }),
            _ => 0.0,
        }
    }

    /// Keeps the run of matches in which no more than three words of the text lie between two.
    fn dense(&self, matched: &mut [Option<(usize, usize, f32)>; 24], base: usize, text: &mut u64) {
        let mut places: Vec<(usize, usize, f32)> = matched.iter().flatten().copied().collect();
        places.sort_by_key(|(first, ..)| *first);
        let (mut best, mut run): ((usize, usize, f32), (usize, usize, f32)) = ((0, 0, -1.0), (0, 0, -1.0));
        for (first, last, quality) in places {
            let breaks = run.2 < 0.0 || first > run.1 + 4;
            run = if breaks { (first, last, quality) } else { (run.0, run.1.max(last), run.2 + quality) };
            if run.2 > best.2 {
                best = run;
            }
        }
        for place in matched.iter_mut() {
            if let Some((first, last, _)) = *place
                && (first < best.0 || last > best.1)
            {
                *text &= !bits(base, first, last);
                *place = None;
            }
        }
    }

    /// Whether what was matched is a mention of the campaign.
    fn accepts(&self, entry: u32, fit: &Fit, base: usize) -> bool {
        let name = self.names.entry(entry);
        let solid = |word: &&u32| self.names.class(**word) & class::STOP == 0;
        let total = name.iter().filter(solid).count();
        let tokens = &self.words.tokens;
        let matched: Vec<usize> = (fit.first..=fit.last).filter(|at| fit.text & bits(base, *at, *at) != 0).collect();
        let speaks = |at: &&usize| tokens[**at].roles & role::STOP == 0 || tokens[**at].capital && **at > fit.first;
        let spoken: Vec<&Token> = matched.iter().filter(speaks).map(|at| &tokens[*at]).collect();
        let count = spoken.len();
        if count == 0 && !self.field() {
            return false;
        }
        let letters = spoken.iter().filter(|token| !token.digits).count();
        if letters == 0 && !(self.field() && fit.full) {
            return false;
        }
        let opens_sentence = |at: usize| at == 0 || tokens[at].gap & (gap::END | gap::PARAGRAPH) != 0;
        let capitals = spoken.iter().filter(|token| token.capital && !token.digits).count();
        let capitalised = capitals * 2 > letters;
        let quoted = self.quoted(fit.first, fit.last);
        let beside = self.beside_campaign(fit.first, fit.last);
        let subject = self.zone.place == Where::Subject;
        let field = self.field();
        let strange = self.strangers(fit, base);
        let extra = if strange == 0 { 0 } else { strange - self.in_account(fit, base).min(strange) };
        let precision = fit.explained / (fit.explained + extra as f32);
        if !fit.full && self.other_variant(fit, base) {
            return false;
        }
        let common =
            |at: &usize| tokens[*at].roles & (role::COMMON | role::MONTH | role::REGION) != 0 || tokens[*at].digits;
        let all_common = matched.iter().all(common);
        if total <= 1 && fit.full {
            let at = fit.first;
            let named = tokens[at].capital && !opens_sentence(at);
            return match () {
                () if field => true,
                () if precision < 0.6 => false,
                () if all_common => quoted || beside && named,
                () => quoted || beside || named && (self.words.folded(&tokens[at]).len() >= 4 || tokens[at].capitals),
            };
        }
        if fit.full && (count >= 2 || letters >= 1 && (matched.len() >= 2 || fit.words >= 2)) {
            return precision >= 0.5
                && (field || quoted || beside || subject || capitalised || count >= 3 || !all_common);
        }
        let part = (count >= 2 && matched.len() >= 2)
            || tokens[fit.first].word == NO_WORD && count == 1 && fit.coverage >= 0.5;
        if part {
            let head = name.iter().zip(0..2).all(|(word, _)| matched.iter().any(|at| tokens[*at].word == *word));
            let enough = if field {
                0.3
            } else if head && (quoted || beside || capitalised || subject) {
                0.33
            } else {
                0.42
            };
            let solid = spoken.iter().filter(|token| token.roles & role::STOP == 0).count();
            let together = fit.last + 1 - fit.first <= matched.len() + 1;
            let exact = together && fit.coverage >= 0.6 && fit.explained >= 0.9 * solid as f32;
            let spoken_of = fit.first > 0 && tokens[fit.first - 1].roles & role::OWN != 0;
            let treated =
                field || quoted || capitalised || exact && (!all_common || spoken_of || subject || count >= 3);
            let treated = treated || !all_common && (beside || subject || count >= 3);
            return fit.coverage >= enough && precision >= 0.6 && treated && letters >= 1;
        }
        // One word of several: only where the text treats it as a campaign, and when it is telling.
        let at = fit.first;
        let telling = (!common(&at) || tokens[at].capital && beside && !tokens[at].digits)
            && self.words.folded(&tokens[at]).len() >= 4;
        let sure = fit.explained >= 0.9;
        let few = tokens[at].word == NO_WORD || self.names.with_word(tokens[at].word).len() <= 20;
        sure && precision >= 0.6
            && fit.coverage >= 0.3
            && telling
            && (field || (quoted || beside) && (tokens[at].capital || few))
    }

    /// Words inside or beside a mention that look like parts of another name.
    fn strangers(&self, fit: &Fit, base: usize) -> usize {
        let tokens = &self.words.tokens;
        let ordinary = role::STOP
            | role::TITLE
            | role::CAMPAIGN
            | role::CAMPAIGNS
            | role::LABEL
            | role::MONTH
            | role::ADVERT
            | role::IDENTIFIER
            | role::NUMBER
            | role::FILL
            | role::AND;
        let foreign = |at: usize| {
            let token = &tokens[at];
            let named = token.capital || self.field();
            named && token.roles & ordinary == 0 && !token.digits && fit.text & bits(base, at, at) == 0
        };
        let touching = |token: &Token| {
            token.gap & !(gap::SPACE | gap::HYPHEN | gap::AND | gap::SLASH) == 0 && token.gap_chars <= 3
        };
        let mut count = (fit.first..=fit.last).filter(|at| foreign(*at)).count();
        if self.quoted(fit.first, fit.last) {
            return count;
        }
        let mut at = fit.first;
        while at > 0 && touching(&tokens[at]) && count < 6 {
            at -= 1;
            // A capital at the start of a sentence says nothing.
            let opens = at == 0 || tokens[at].gap & (gap::END | gap::PARAGRAPH | gap::LINE) != 0;
            if !foreign(at) || opens && !self.field() {
                break;
            }
            count += 1;
        }
        let mut at = fit.last + 1;
        while at < tokens.len() && touching(&tokens[at]) && count < 6 && foreign(at) {
            count += 1;
            at += 1;
        }
        count
    }

    /// How many of the words around the mention are of the account's name.
    fn in_account(&self, fit: &Fit, base: usize) -> usize {
        let Some(campaign) = self.campaigns.get(fit.row as usize) else { return 0 };
        let account = fold::words(&campaign.account);
        let of_account = |word: &str| account.tokens.iter().any(|token| account.folded(token) == word);
        (fit.first.saturating_sub(4)..(fit.last + 5).min(self.words.tokens.len()))
            .filter(|at| fit.text & bits(base, *at, *at) == 0 && of_account(self.words.word(*at)))
            .count()
    }

    /// A year or quarter stands beside the mention that the name has not: another campaign is meant.
    fn other_variant(&self, fit: &Fit, base: usize) -> bool {
        let tokens = &self.words.tokens;
        let variant = |at: usize| {
            let Some(token) = tokens.get(at) else { return false };
            let word = self.words.folded(token);
            let year = token.digits && word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
            let quarter = matches!(word.as_bytes(), [b'q', b'1'..=b'4']);
            let alone = token.gap & !gap::SPACE == 0 && self.words.gap_after(at) & (gap::HYPHEN | gap::SLASH) == 0;
            (year || quarter) && alone && fit.text & bits(base, at, at) == 0
        };
        let skips = |at: usize| {
            tokens
                .get(at)
                .is_some_and(|token| token.roles & (role::CAMPAIGN | role::LABEL) != 0 && token.gap & !gap::SPACE == 0)
        };
        let after = fit.last + 1;
        variant(after) || skips(after) && variant(after + 1) || (fit.first..fit.last).any(variant)
    }
}

/// The bits of these tokens in a window that begins at `base`; none when they lie outside.
fn bits(base: usize, first: usize, last: usize) -> u64 {
    if first < base || last >= base + 64 || last < first {
        return 0;
    }
    let width = last - first + 1;
    let ones = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    ones << (first - base)
}
