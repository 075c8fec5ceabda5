//! When two names are alike: the keys that they share, and by what they differ.
//!
//! A key is made of a name's letters, whichever words they are split into or joined to and in whatever order those stand.
//! Knows nothing of accounts or groups; compares names only, never texts.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::hints::{Hints, role};
use super::names::{Names, class};
use super::similar::Difference;
use super::spelling::{dropped_in_american, edits};
use super::table::hash;

/// What the words weigh that names of several accounts must share.
const ACROSS: f32 = 1.5;
/// Words of no more names than this say which campaign is meant, however small the directory.
const RARE: usize = 20;
/// Letters by which names are known again when their words are split otherwise; of fewer the words themselves are asked.
const LETTERS: usize = 6;

/// What names that are alike have in common.
#[derive(Debug, Default)]
pub struct Keys {
    /// Of campaigns of one account.
    pub own: Vec<u64>,
    /// Of any two.
    pub any: Vec<u64>,
    words: Vec<u32>,
    letters: Vec<(u64, usize)>,
}

/// Misspelt words count as the word that they resemble: one look-up a word of the vocabulary.
pub type Nearest = HashMap<u32, u32, FixedState>;

impl Keys {
    /// Reads the keys of an entry. `beginning`: names of one account that begin alike are alike.
    pub fn read(&mut self, entry: u32, names: &Names, nearest: &mut Nearest, beginning: bool) {
        self.own.clear();
        self.any.clear();
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
        if !beginning {
            return;
        }
        let mut head = name.iter().enumerate().filter(counts).map(|(_, word)| meant(*word, names, nearest));
        let variant = |word: u32| names.class(word) & (class::VARIANT | class::REGION) != 0;
        if let (Some(first), Some(second), Some(_)) = (head.next(), head.next(), head.next())
            && !variant(first)
            && !variant(second)
        {
            self.own.push(key([first.min(second), first.max(second)].into_iter()));
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
        self.own.push(whole);
        self.any.push(whole);
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
                self.own.push(rest());
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
                self.any.push(rest());
            }
        }
    }
}

/// The word that this one may be a misspelling of, or itself.
fn meant(word: u32, names: &Names, nearest: &mut Nearest) -> u32 {
    *nearest.entry(word).or_insert_with(|| likeliest(word, names))
}

/// Of a word and those one edit away, the one in the most names: misspellings fall together with it.
fn likeliest(word: u32, names: &Names) -> u32 {
    if names.text(word).chars().count() < 5 || names.class(word) & class::COMMON != 0 {
        return word;
    }
    let weight = |word: u32| names.with_word(word).len();
    names
        .near(names.text(word))
        .into_iter()
        .filter(|(near, distance)| *distance <= 1 && (weight(*near), u32::MAX - near) > (weight(word), u32::MAX - word))
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

/// By what two names differ.
pub fn difference(a: u32, b: u32, names: &Names) -> Difference {
    let only = |of: u32, other: u32| -> Vec<u32> {
        names.entry(of).iter().filter(|word| !names.entry(other).contains(word)).copied().collect()
    };
    let (mut left, mut right) = (only(a, b), only(b, a));
    let place = |word: &u32| Hints::shipped().roles(names.text(*word)) & role::PLACE != 0;
    let is = |word: &u32, what: u8| names.class(*word) & what != 0 || what == class::REGION && place(word);
    // "Donor Thank You 2024", "ThankYou Donors 2025": what is only split otherwise is the same, unlike two words of the same
    // letters.
    let solid = |words: &[u32], passes: u8| {
        let words = words.iter().filter(|word| !is(word, passes)).map(|word| letters(names.text(*word)).0);
        words.fold((0u64, 0), |(sum, count), word| (sum.wrapping_add(word), count + 1))
    };
    let split = |passes: &u8| {
        let (left, right) = (solid(&left, *passes), solid(&right, *passes));
        left.0 == right.0 && (left.1, right.1) != (1, 1)
    };
    if let Some(passes) = [0, class::YEAR, class::VARIANT, class::REGION].into_iter().find(split) {
        left.retain(|word| is(word, passes));
        right.retain(|word| is(word, passes));
    }
    left.retain(|word| !is(word, class::STOP));
    right.retain(|word| !is(word, class::STOP));
    let all = || left.iter().chain(&right);
    if all().next().is_none() {
        return Difference::Spelling;
    }
    for (what, difference) in
        [(class::YEAR, Difference::Year), (class::VARIANT, Difference::Number), (class::REGION, Difference::Region)]
    {
        if all().all(|word| is(word, what)) {
            return difference;
        }
    }
    if let ([x], [y]) = (&left[..], &right[..])
        && edits(names.text(*x), names.text(*y), 2).is_some()
        && names.text(*x).len().min(names.text(*y).len()) >= 4
    {
        return Difference::Typo;
    }
    if left.len() <= 1 && right.len() <= 1 { Difference::Word } else { Difference::Beginning }
}
