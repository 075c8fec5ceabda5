//! The automaton: many sequences of bytes, found in one pass over a text, each wherever it stands.
//!
//! Knows nothing of words or regexes.

use std::fmt;

use daachorse::DoubleArrayAhoCorasick;

/// An Aho-Corasick automaton over sequences that are numbered in their order.
#[derive(Default)]
pub struct Automaton(Option<DoubleArrayAhoCorasick<u32>>);

/// A sequence that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub number: u32,
    /// Its first byte.
    pub start: usize,
    /// After its last.
    pub end: usize,
}

impl Automaton {
    /// All of these, no two alike. The error says why there can be none: there are more than 16 million, or they are too long.
    pub fn of(sequences: impl Iterator<Item = impl AsRef<[u8]>>) -> Result<Automaton, String> {
        let mut sequences = sequences.peekable();
        if sequences.peek().is_none() {
            return Ok(Automaton(None));
        }
        let built = DoubleArrayAhoCorasick::new(sequences).map_err(|error| error.to_string())?;
        Ok(Automaton(Some(built)))
    }

    /// Where they stand, by their ends; one may stand in another.
    pub fn find_in(&self, text: &[u8]) -> impl Iterator<Item = Found> {
        let found = self.0.iter().flat_map(move |automaton| automaton.find_overlapping_iter(text));
        found.map(|found| Found { number: found.value(), start: found.start(), end: found.end() })
    }
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Automaton of {} states", self.0.as_ref().map_or(0, DoubleArrayAhoCorasick::num_states))
    }
}
