//! When two names are alike: the keys that they share, and how they are spelled otherwise.
//!
//! A key is made of a name's letters, whichever words they are split into or joined to and in whatever order those stand.
//! Knows nothing of accounts or groups; compares names only, never texts.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::groups::Difference;
use super::hints::{Hints, role};
use super::names::{Names, class};
use super::spelling::{dropped_in_american, edits};
use super::table::hash;

/// What the words weigh that names of several accounts must share.
const ACROSS: f32 = 1.5;
/// Words of no more names than this say which campaign is meant, however small the directory.
const RARE: usize = 20;
/// A word of more names than this is no misspelling of another, unless that stands in many times as many.
const MISSPELT: usize = 2;
/// How many times as many.
const FREQUENT: usize = 20;
/// Letters by which names are known again when their words are split otherwise; of fewer the words themselves are asked.
const LETTERS: usize = 6;

/// The word that a key leaves out: none.
pub const WHOLE: u32 = u32::MAX;

/// What names that are alike have in common: the key of all words, and those of all but one, each with the word that it
/// leaves out or [`WHOLE`].
#[derive(Debug, Default)]
pub struct Keys {
    /// Of campaigns of one account.
    pub own: Vec<(u64, u32)>,
    /// Of any two.
    pub any: Vec<(u64, u32)>,
    /// Of campaigns of one account that begin alike.
    pub beginning: Option<u64>,
    words: Vec<u32>,
    letters: Vec<(u64, usize)>,
}

/// Misspelt words count as the word that they resemble: one look-up a word of the vocabulary.
pub type Nearest = HashMap<u32, u32, FixedState>;

impl Keys {
    /// Reads the keys of an entry.
    pub fn read(&mut self, entry: u32, names: &Names, nearest: &mut Nearest) {
        self.own.clear();
        self.any.clear();
        self.beginning = None;
        let name = names.entry(entry);
        let stops = name.iter().enumerate().fold(0u32, |stops, (k, word)| {
            let stop = names.class(*word) & class::STOP != 0 || joins(name, k, names);
            stops | u32::from(stop) << k
        });
        let counts = |(k, _): &(usize, &u32)| stops & 1 << k == 0;
        let misspelt = name.iter().fold(false, |any, word| any | (meant(*word, names, nearest) != *word));
        for (all, corrected) in [(false, true), (false, false), (true, true), (true, false)] {
            if (all && stops == 0) || (!corrected && !misspelt) {
                continue;
            }
            self.words.clear();
            for (_, word) in name.iter().enumerate().filter(|word| all || counts(word)) {
                self.words.push(if corrected { meant(*word, names, nearest) } else { *word });
            }
            self.add(names, !corrected || !misspelt);
        }
        let mut head = name.iter().enumerate().filter(counts).map(|(_, word)| meant(*word, names, nearest));
        let variant = |word: u32| names.class(word) & (class::VARIANT | class::REGION) != 0;
        if let (Some(first), Some(second), Some(_)) = (head.next(), head.next(), head.next())
            && !variant(first)
            && !variant(second)
        {
            self.beginning = Some(key([first.min(second), first.max(second)].into_iter()));
        }
    }

    /// `exact`: the words are as they are written.
    fn add(&mut self, names: &Names, exact: bool) {
        let (Some(first), Some(last)) = (self.words.first().copied(), self.words.last().copied()) else { return };
        self.words.sort_unstable();
        self.words.dedup();
        self.letters.clear();
        self.letters.extend(self.words.iter().map(|word| letters(names.text(*word))));
        let sum = |all: (u64, usize), one: &(u64, usize)| (all.0.wrapping_add(one.0), all.1 + one.1);
        let all = self.letters.iter().fold((0u64, 0), sum);
        let whole = key_of(all, self.words.iter().copied());
        self.own.push((whole, WHOLE));
        self.any.push((whole, WHOLE));
        for (left_out, (less, fewer)) in self.words.iter().zip(&self.letters) {
            let rest = || self.words.iter().filter(|word| *word != left_out).copied();
            let telling = || rest().filter(|word| names.class(*word) & (class::VARIANT | class::STOP) == 0);
            let says = telling().count();
            if says == 0 {
                continue;
            }
            let weight: f32 = rest().map(|word| names.weight(word)).sum();
            let class = names.class(*left_out);
            let variant = class & (class::VARIANT | class::REGION) != 0;
            let enough = weight >= 1.0 || variant && weight > 0.5 || self.words.len() == 2 && weight >= 0.7;
            let rest = || key_of((all.0.wrapping_sub(*less), all.1 - fewer), rest());
            if enough {
                self.own.push((rest(), *left_out));
            }
            // Of other accounts' campaigns those of another year, number or region; a town is one that no list has.
            let rare = |word: &u32| {
                let listed = names.class(*word) & (class::COMMON | class::REGION) != 0;
                !listed && names.with_word(*word).len() <= RARE
            };
            let heavy =
                || telling().map(|word| if rare(&word) { 1.0 } else { names.weight(word) }).sum::<f32>() >= ACROSS;
            let edge = exact && (*left_out == first || *left_out == last);
            if says >= 2
                && (variant && heavy() || edge && class & class::STOP == 0 && telling().all(|word| rare(&word)))
            {
                self.any.push((rest(), *left_out));
            }
        }
    }
}

/// The word that this one may be a misspelling of, or itself.
fn meant(word: u32, names: &Names, nearest: &mut Nearest) -> u32 {
    *nearest.entry(word).or_insert_with(|| likeliest(word, names))
}

/// Of a word and those one edit away, the one in the most names: misspellings fall together with it. Two words that many
/// names have each, as the towns "Leeds" and "Leeks", are two words.
fn likeliest(word: u32, names: &Names) -> u32 {
    if names.text(word).chars().count() < 5 || names.class(word) & class::COMMON != 0 {
        return word;
    }
    let weight = |word: u32| names.with_word(word).len();
    let slip = |near: u32| weight(word) <= MISSPELT || weight(word) * FREQUENT <= weight(near);
    let likelier = |near: u32| (weight(near), u32::MAX - near) > (weight(word), u32::MAX - word);
    names
        .near(names.text(word))
        .into_iter()
        .filter(|(near, distance)| *distance <= 1 && likelier(*near) && slip(*near))
        .map(|(near, _)| near)
        .max_by_key(|near| (weight(*near), u32::MAX - near))
        .unwrap_or(word)
}

/// The key of a name's words: the sum of their letters, where these are enough to know it by.
fn key_of((sum, count): (u64, usize), words: impl Iterator<Item = u32>) -> u64 {
    if count >= LETTERS { sum } else { key(words) }
}

fn key(words: impl Iterator<Item = u32>) -> u64 {
    words.fold(0x9e37_79b9_7f4a_7c15, |state, word| mixed(state ^ u64::from(word)))
}

/// The letters of a word as a sum, and their number: its parts, written apart, sum up to the same. Its numbers stay whole,
/// and "harbour" is "harbor".
pub fn letters(word: &str) -> (u64, usize) {
    let (mut sum, mut count) = (0u64, 0);
    let dropped = dropped_in_american(word);
    let mut at = 0;
    for run in word.as_bytes().chunk_by(|a, b| a.is_ascii_digit() && b.is_ascii_digit()) {
        if run[0].is_ascii_digit() {
            sum = sum.wrapping_add(hash(run));
        } else {
            let letter = match dropped {
                Some(dropped) if dropped == at && run[0] == b'u' => 0,
                Some(dropped) if dropped == at => of_letter(b'z'),
                _ => of_letter(run[0]),
            };
            count += run.len();
            sum = sum.wrapping_add(letter);
        }
        at += run.len();
    }
    (sum, count)
}

fn of_letter(byte: u8) -> u64 {
    mixed(0xd1b5_4a32_d192_ed03 ^ u64::from(byte))
}

/// What names that are the same but for spelling have in common: the letters of all of their words, and of those that say
/// something.
#[derive(Debug, Clone, Copy)]
pub struct Solid {
    all: u64,
    telling: u64,
}

impl Solid {
    /// Whether two names are the same but for spelling.
    pub fn same(self, other: Solid) -> bool {
        self.all == other.all || self.telling == other.telling && self.telling != 0
    }
}

/// The letters of the words of a name that `counts` says yes to, by their places.
pub fn solid(name: &[u32], names: &Names, counts: impl Fn(usize) -> bool) -> Solid {
    let (mut all, mut telling) = (0u64, 0u64);
    for (k, word) in name.iter().enumerate().filter(|(k, _)| counts(*k)) {
        let sum = names.sum(*word);
        all = all.wrapping_add(sum);
        if names.class(*word) & class::STOP == 0 && !joins(name, k, names) {
            telling = telling.wrapping_add(sum);
        }
    }
    Solid { all, telling }
}

/// "y" in "Vinos y Quesos", "de" and "la" in "Fête de la Musique": between other words they are no single letters that tell
/// siblings apart, no Germany and no Los Angeles.
pub fn joins(name: &[u32], k: usize, names: &Names) -> bool {
    let text = names.text(name[k]);
    if k == 0 || k + 1 == name.len() || text.len() > 2 {
        return false;
    }
    let roles = Hints::shipped().roles(text);
    let letter = text.len() == 1 && roles & role::AND != 0;
    (letter || names.class(name[k]) & class::REGION != 0) && roles & role::STOP != 0
}

fn mixed(state: u64) -> u64 {
    let state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^ state >> 32
}

/// By what two names of the same words are spelled otherwise.
pub fn spelled(a: (u32, Solid), b: (u32, Solid), names: &Names) -> Difference {
    let only = |of: u32, other: u32| -> Vec<u32> {
        names.entry(of).iter().filter(|word| !names.entry(other).contains(word)).copied().collect()
    };
    let (left, right) = (only(a.0, b.0), only(b.0, a.0));
    // Two words of the same letters are two words, or one and a slip of it.
    if let ([x], [y]) = (&left[..], &right[..]) {
        let (x, y) = (names.text(*x), names.text(*y));
        let american = dropped_in_american(x).or(dropped_in_american(y)).is_some();
        if !american && letters(x).0 == letters(y).0 {
            return if edits(x, y, 2).is_some() { Difference::Typo } else { Difference::Word };
        }
    }
    if a.1.same(b.1) { Difference::Spelling } else { Difference::Typo }
}
