//! An index over the names of the directory: from a few words to the campaigns that may be meant.
//!
//! Words, pairs of neighbouring words, and the words' deletion neighbourhoods lead to names; what a look-up costs
//! depends on the words asked for, never on how many names there are: long lists are cut. The index holds row numbers
//! only; no name is kept twice.

use super::Campaign;
use super::alike::letters;
use super::fold;
use super::hints::{Hints, role};
use super::number::year;
use super::spelling::{edits, singular};
use super::table::{Buckets, ByHash, Filter, hash};

/// More words than this are not indexed: a name is a name, not a text.
const WORDS_PER_NAME: usize = 24;

/// The class of a vocabulary word: a set of these bits.
pub mod class {
    /// A function word.
    pub const STOP: u8 = 1;
    /// Common in names and in mails.
    pub const COMMON: u8 = 2;
    /// A year, a number, a single letter: what siblings differ by.
    pub const VARIANT: u8 = 4;
    /// A year.
    pub const YEAR: u8 = 8;
    /// A part of the world.
    pub const REGION: u8 = 16;
}

/// The index.
#[derive(Debug, Default)]
pub struct Names {
    arena: String,
    ends: Vec<u32>,
    /// The vocabulary.
    table: ByHash<u32>,
    /// The vocabulary once more: most words of a text are in no name.
    known: Filter,
    weights: Vec<f32>,
    /// The letters of each word as a sum; see [`super::alike`].
    sums: Vec<u64>,
    classes: Vec<u8>,
    /// Words of each entry (a name or an alias), and where they start.
    words: Vec<u32>,
    starts: Vec<u32>,
    /// The row of each entry; empty when there are no aliases, so that entry and row are one.
    rows: Vec<u32>,
    by_word: Buckets,
    by_pair: Buckets,
    pair_mask: u64,
    /// The pairs once more: most words are none.
    pairs: Filter,
    by_deletion: Buckets,
    deletion_mask: u64,
}

impl Names {
    /// Builds the index over names and aliases.
    pub fn build(campaigns: &[Campaign]) -> Names {
        let mut names = Names { starts: Vec::with_capacity(campaigns.len() + 1), ..Names::default() };
        names.starts.push(0);
        for campaign in campaigns {
            names.add(&campaign.name);
        }
        if campaigns.iter().any(|campaign| !campaign.aliases.is_empty()) {
            names.rows = (0..campaigns.len() as u32).collect();
            for (row, campaign) in campaigns.iter().enumerate() {
                for alias in &campaign.aliases {
                    names.add(alias);
                    names.rows.push(row as u32);
                }
            }
        }
        names.words.shrink_to_fit();
        names.known = Filter::of(names.table.keys());
        names.index();
        names.weigh(campaigns.len());
        names
    }

    fn add(&mut self, name: &str) {
        // Most names are ASCII: those are split without the bookkeeping of spans.
        let first = self.words.len();
        if name.is_ascii() && !name.contains('\'') {
            let mut buffer = [0u8; 64];
            for part in
                name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).take(WORDS_PER_NAME)
            {
                match buffer.get_mut(..part.len()) {
                    Some(lower) => {
                        lower.copy_from_slice(part.as_bytes());
                        lower.make_ascii_lowercase();
                        let word = std::str::from_utf8(lower).unwrap_or_default();
                        let id = self.intern(singular(word));
                        self.words.push(id);
                    }
                    None => {
                        let id = self.intern(singular(&part.to_ascii_lowercase()));
                        self.words.push(id);
                    }
                }
            }
        } else {
            let end = name.char_indices().nth(400).map_or(name.len(), |(at, _)| at);
            let words = fold::words(&name[..end]);
            for token in words.tokens.iter().take(WORDS_PER_NAME) {
                let id = self.intern(singular(words.folded(token)));
                self.words.push(id);
            }
        }
        debug_assert!(self.words.len() - first <= WORDS_PER_NAME);
        self.starts.push(self.words.len() as u32);
    }

    fn intern(&mut self, word: &str) -> u32 {
        let key = hash(word.as_bytes());
        if let Some(id) = self.table.get(key) {
            return *id;
        }
        let id = self.ends.len() as u32;
        self.arena.push_str(word);
        self.ends.push(self.arena.len() as u32);
        *self.table.or_insert(key, id)
    }

    fn index(&mut self) {
        let entries = self.starts.len() - 1;
        let span = |entry: usize| self.starts[entry] as usize..self.starts[entry + 1] as usize;
        let words = &self.words;
        // Names of one word first: of a common word's long list they are what a look at its beginning must find.
        self.by_word = Buckets::build(self.ends.len(), || {
            let single = (0..entries).filter(|entry| span(*entry).len() == 1);
            let others = (0..entries).filter(|entry| span(*entry).len() != 1);
            single.chain(others).flat_map(|entry| words[span(entry)].iter().map(move |word| (*word, entry as u32)))
        });
        let buckets = (self.words.len() / 2).next_power_of_two().max(1024);
        self.pair_mask = buckets as u64 - 1;
        self.pairs = Filter::with_capacity(buckets);
        let mut keys = Vec::with_capacity(self.words.len());
        let mut buffer = String::new();
        for entry in 0..entries {
            for pair in words[span(entry)].windows(2) {
                buffer.clear();
                buffer.push_str(self.text(pair[0]));
                buffer.push_str(self.text(pair[1]));
                let hash = hash(buffer.as_bytes());
                self.pairs.insert(hash);
                keys.push((hash & self.pair_mask) as u32);
            }
        }
        self.by_pair = Buckets::build(buckets, || {
            let pairs = |entry: usize| span(entry).len().saturating_sub(1);
            (0..entries)
                .flat_map(move |entry| std::iter::repeat_n(entry as u32, pairs(entry)))
                .zip(&keys)
                .map(|(entry, key)| (*key, entry))
        });
        let mut near = vec![];
        for id in 0..self.ends.len() as u32 {
            let word = self.text(id);
            if typo_prone(word) {
                deletions(word, |bytes| near.push((hash(bytes), id)));
            }
        }
        let buckets = near.len().next_power_of_two().max(1024);
        self.deletion_mask = buckets as u64 - 1;
        let mask = self.deletion_mask;
        self.by_deletion = Buckets::build(buckets, || near.iter().map(|(key, id)| ((key & mask) as u32, *id)));
    }

    fn weigh(&mut self, campaigns: usize) {
        let hints = Hints::shipped();
        let all = (campaigns.max(2) as f32).ln();
        for id in 0..self.ends.len() as u32 {
            let word = self.text(id);
            let (sum, _) = letters(word);
            // The vocabulary has lost the s of Texas.
            let roles = hints.roles(word) | hints.roles(&format!("{word}s")) & role::REGION;
            let number = word.bytes().all(|b| b.is_ascii_digit());
            let year = number && year(word);
            let quarter = word.len() == 2 && matches!(word.as_bytes(), [b'q' | b'h' | b'v', b'0'..=b'9']);
            let single = word.len() == 1 || matches!(word, "ii" | "iii" | "iv");
            let mut class = 0;
            let mut prior = 1.0;
            if number || single || quarter {
                class = class::VARIANT | if year { class::YEAR } else { 0 };
                prior = 0.55;
            } else if roles & role::STOP != 0
                && word.len() <= 4
                && roles & (role::REGION | role::MONTH | role::POLAR) == 0
                && !hints.means_another(word)
            {
                class = class::STOP;
                prior = 0.08;
            } else if roles & role::COMMON != 0 {
                class = class::COMMON;
                prior = 0.8;
            }
            if roles & role::REGION != 0 {
                class |= class::REGION;
                prior = 0.6;
            }
            let rows = self.by_word.get(id as usize).len().max(1) as f32;
            let rarity = 1.0 - (rows.ln() / all).min(1.0);
            self.classes.push(class);
            self.weights.push(prior * (0.6 + 0.4 * rarity));
            self.sums.push(sum);
        }
    }

    /// The vocabulary word, if some name has it. `word` is folded and singular.
    pub fn find(&self, word: &str) -> Option<u32> {
        self.find_hashed(hash(word.as_bytes()))
    }

    /// The vocabulary word that has this hash.
    #[inline]
    pub(super) fn find_hashed(&self, hash: u64) -> Option<u32> {
        if self.known.may_hold(hash) { self.table.get(hash).copied() } else { None }
    }

    /// The words of the vocabulary that, written as one, are this: three or more, each of `least` letters or more.
    pub fn segments(&self, word: &str, least: usize) -> Vec<u32> {
        let mut found = vec![];
        let mut looks = 400;
        if word.is_ascii() && self.segment(word, least, &mut found, &mut looks) && found.len() >= 3 {
            found
        } else {
            vec![]
        }
    }

    fn segment(&self, rest: &str, least: usize, found: &mut Vec<u32>, looks: &mut usize) -> bool {
        if rest.is_empty() {
            return true;
        }
        for end in (least..=rest.len().min(24)).rev() {
            *looks = looks.saturating_sub(1);
            if *looks == 0 || found.len() >= 8 {
                return false;
            }
            let part = if end == rest.len() { singular(rest) } else { &rest[..end] };
            if let Some(id) = self.find(part) {
                found.push(id);
                if self.segment(&rest[end..], least, found, looks) {
                    return true;
                }
                found.pop();
            }
        }
        false
    }

    /// The text of a vocabulary word.
    pub fn text(&self, id: u32) -> &str {
        let id = id as usize;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.arena[start..self.ends[id] as usize]
    }

    /// The letters of a word as a sum.
    pub fn sum(&self, id: u32) -> u64 {
        self.sums.get(id as usize).copied().unwrap_or(0)
    }

    /// How much a word says about a name, 0 to 1.
    pub fn weight(&self, id: u32) -> f32 {
        self.weights.get(id as usize).copied().unwrap_or(0.0)
    }

    /// Its class: bits of [`class`].
    #[inline]
    pub fn class(&self, id: u32) -> u8 {
        self.classes.get(id as usize).copied().unwrap_or(0)
    }

    /// The words of an entry.
    pub fn entry(&self, entry: u32) -> &[u32] {
        let entry = entry as usize;
        match (self.starts.get(entry), self.starts.get(entry + 1)) {
            (Some(start), Some(end)) => &self.words[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// The campaign of an entry.
    pub fn row(&self, entry: u32) -> u32 {
        self.rows.get(entry as usize).copied().unwrap_or(entry)
    }

    /// Entries that hold this word.
    pub fn with_word(&self, id: u32) -> &[u32] {
        self.by_word.get(id as usize)
    }

    /// Entries in which these letters are two neighbouring words, or some that only seem so.
    pub fn with_pair(&self, joined: &str) -> &[u32] {
        self.with_pair_hashed(hash(joined.as_bytes()))
    }

    /// The same for letters of which the hash is known.
    #[inline]
    pub(super) fn with_pair_hashed(&self, hash: u64) -> &[u32] {
        if self.pairs.may_hold(hash) { self.by_pair.get((hash & self.pair_mask) as usize) } else { &[] }
    }

    /// Words that this one may be a misspelling of, nearest first, with the number of edits; at most four.
    pub fn near(&self, word: &str) -> Vec<(u32, usize)> {
        let mut found: Vec<(u32, usize)> = vec![];
        if !typo_prone(word) {
            return found;
        }
        let most = if word.chars().count() >= 7 { 2 } else { 1 };
        deletions(word, |bytes| {
            let bucket = self.by_deletion.get((hash(bytes) & self.deletion_mask) as usize);
            for id in bucket.iter().take(64) {
                let near = self.text(*id);
                // A typo seldom changes both the beginning and the end; most of a bucket falls here.
                // "test" is no misspelt "west".
                let alike = near.as_bytes().first() == word.as_bytes().first()
                    || word.len() > 4 && near.as_bytes().last_chunk::<2>() == word.as_bytes().last_chunk::<2>();
                if alike
                    && found.iter().all(|(seen, _)| seen != id)
                    && let Some(distance) = edits(word, near, most)
                {
                    found.push((*id, distance));
                }
            }
        });
        found.sort_by_key(|(id, distance)| (*distance, *id));
        found.truncate(4);
        found
    }
}

/// Words long enough to be recognised when misspelt, and no numbers.
fn typo_prone(word: &str) -> bool {
    (4..=32).contains(&word.len()) && word.chars().all(char::is_alphabetic)
}

/// The word, the word without each of its characters in turn, and without what is doubled.
fn deletions(word: &str, mut each: impl FnMut(&[u8])) {
    each(word.as_bytes());
    let mut buffer = [0u8; 40];
    let mut last = None;
    for (at, c) in word.char_indices() {
        // Of doubled letters one deletion is enough.
        if last == Some(c) {
            continue;
        }
        last = Some(c);
        let rest = at + c.len_utf8();
        let length = word.len() - c.len_utf8();
        let Some(out) = buffer.get_mut(..length) else { return };
        out[..at].copy_from_slice(&word.as_bytes()[..at]);
        out[at..].copy_from_slice(&word.as_bytes()[rest..]);
        each(out);
    }
    // "karusel" for "karussell": of one doubled letter the word without it is among those above.
    let doubled = |pair: &[u8]| pair[0] == pair[1] && pair[0].is_ascii_alphabetic();
    if word.as_bytes().windows(2).filter(|pair| doubled(pair)).count() >= 2 {
        let mut length = 0;
        for (at, byte) in word.bytes().enumerate() {
            if at == 0 || !doubled(&word.as_bytes()[at - 1..=at]) {
                let Some(place) = buffer.get_mut(length) else { return };
                (*place, length) = (byte, length + 1);
            }
        }
        each(&buffer[..length]);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Names {
        let campaigns: Vec<Campaign> =
            list.iter().map(|name| Campaign { name: (*name).into(), ..Campaign::default() }).collect();
        Names::build(&campaigns)
    }

    #[test]
    fn leads_from_words_to_names() {
        let names = names(&["Spring Sale 2024", "Win-Back Members", "Morocco Desert Tours"]);
        assert_eq!(names.with_word(names.find("sale").unwrap()), [0]);
        assert_eq!(names.with_pair("winback"), [1]);
        let near = |word: &str| names.near(word).first().map(|(id, _)| names.text(*id));
        assert_eq!(
            (near("moroco"), near("dessert"), near("sping"), near("xyzzy")),
            (Some("morocco"), Some("desert"), Some("spring"), None)
        );
        let names = self::names(&["Puppentheater Karussell"]);
        assert_eq!(names.near("karusel").first().map(|(id, _)| names.text(*id)), Some("karussell"));
    }

    #[test]
    fn holds_aliases_and_survives_odd_names() {
        let campaigns = vec![
            Campaign { name: String::new(), ..Campaign::default() },
            Campaign { name: "A".repeat(100_000), aliases: vec!["Été".into()], ..Campaign::default() },
            Campaign { name: "'x' ".repeat(1000), ..Campaign::default() },
        ];
        let names = Names::build(&campaigns);
        let rows: Vec<u32> =
            names.with_word(names.find("ete").unwrap()).iter().map(|entry| names.row(*entry)).collect();
        assert_eq!(rows, [1]);
    }
}
