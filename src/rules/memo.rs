//! The memo: how the words of the last texts were read. Most words of a text stood in one before, and to fold a word, take its
//! endings off and mend its typos takes ten times as long as to look it up.
//!
//! It may forget at any time, and never says anything that reading would not say.

use std::sync::{Mutex, MutexGuard};

/// Texts that are read at the same time with a memo; more are read without.
const AT_ONCE: usize = 4;
/// Words that are remembered: 256 KB.
const WORDS: usize = 1 << 14;
/// Bits of a word's number.
const NUMBER_BITS: u32 = 24;
/// Bytes of the longest word that is remembered: with its number it fills 128 bits.
const MOST_BYTES: usize = 13;

/// Words as written with their numbers: pairs of places by their hash, the word of the two that was asked for last in the first.
#[derive(Debug, Default)]
pub struct Memo(Vec<u128>);

/// One for each text that is read at the same time.
#[derive(Debug, Default)]
pub struct Memos([Mutex<Memo>; AT_ONCE]);

/// A word as written that may be remembered, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Written(u128);

impl Memos {
    /// One that nobody else uses.
    pub fn take(&self) -> Option<MutexGuard<'_, Memo>> {
        self.0.iter().find_map(|memo| memo.try_lock().ok())
    }
}

impl Written {
    /// `None`: too long, or of a script in which one character may stand for several words.
    pub fn of(word: &str) -> Option<Written> {
        let bytes = word.as_bytes();
        let fits = bytes.len() <= MOST_BYTES && bytes.iter().all(|byte| (1..0xe0).contains(byte));
        fits.then(|| {
            let mut all = [0; 16];
            all[..bytes.len()].copy_from_slice(bytes);
            Written(u128::from_le_bytes(all) << NUMBER_BITS)
        })
    }

    fn place(self) -> usize {
        let folded = (self.0 as u64 ^ (self.0 >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((folded >> 32) as usize % WORDS) & !1
    }
}

impl Memo {
    /// The number as which it was read.
    pub fn get(&mut self, word: Written) -> Option<u32> {
        let place = word.place();
        let number = |kept: u128| kept as u32 & ((1 << NUMBER_BITS) - 1);
        let is = |kept: u128| kept ^ u128::from(number(kept)) == word.0;
        let [first, second] = self.0.get_mut(place..place + 2)? else { return None };
        if !is(*first) && is(*second) {
            std::mem::swap(first, second);
        }
        is(*first).then(|| number(*first))
    }

    /// Remembers it.
    pub fn keep(&mut self, word: Written, number: u32) {
        self.0.resize(WORDS, 0);
        let place = word.place();
        self.0[place + 1] = self.0[place];
        self.0[place] = word.0 | u128::from(number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::array;

    use super::*;

    #[test]
    fn what_was_kept_is_found() {
        let memos = Memos::default();
        let mut memo = memos.take().unwrap();
        let words = ["Anzeigen", "anzeigen", "a", "für", "budget2025", "thirteenbytes"];
        for (word, number) in words.iter().zip(0..) {
            memo.keep(Written::of(word).unwrap(), number);
        }
        for (word, number) in words.iter().zip(0..) {
            assert_eq!(memo.get(Written::of(word).unwrap()), Some(number), "{word}");
        }
        assert_eq!(memo.get(Written::of("Budget2025").unwrap()), None);
        memo.keep(Written::of("für").unwrap(), (1 << NUMBER_BITS) - 1);
        assert_eq!(memo.get(Written::of("für").unwrap()), Some((1 << NUMBER_BITS) - 1));
    }

    #[test]
    fn some_words_are_read_anew() {
        for word in ["fourteen bytes", "広告", "a\0"] {
            assert!(Written::of(word).is_none(), "{word}");
        }
        let memos = Memos::default();
        let taken: [_; AT_ONCE] = array::from_fn(|_| memos.take().unwrap());
        assert!(memos.take().is_none());
        drop(taken);
        assert!(memos.take().is_some());
    }
}
