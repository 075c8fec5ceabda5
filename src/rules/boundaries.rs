//! Boundaries: where words begin and end in scripts written without spaces (UAX #29 §4.1, by dictionary).
//!
//! Folding makes a word of each character there, so that a phrase is found whatever stands around it: 京都 in 東京都, มา in
//! มาก. What is found is looked at here: it counts where it is made of whole words, or of whole parts of a compound. Knows
//! texts only, no rules.

use std::cell::OnceCell;
use std::ops::Range;

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;

/// Scripts in which a word may end between two letters of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Han,
    Katakana,
    /// Thai, Lao, Burmese, Khmer: no compounds, for what their words are made of is words to the dictionary, too.
    SouthEastAsian,
}

impl Script {
    /// The script of a letter; hiragana has none: endings are written in it, and dictionaries part them badly.
    fn of(c: char) -> Option<Script> {
        match c {
            '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => {
                Some(Script::Han)
            }
            '\u{30a1}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}' => Some(Script::Katakana),
            '\u{e01}'..='\u{ecd}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' => Some(Script::SouthEastAsian),
            _ => None,
        }
    }

    /// How many letters make a part of a compound, and how many must be left of it at least: 付款 in 未付款, レポート in
    /// キャンペーンレポート, but no スト in リスト.
    fn least(self) -> Option<(usize, usize)> {
        match self {
            Script::Han => Some((2, 1)),
            Script::Katakana => Some((3, 2)),
            Script::SouthEastAsian => None,
        }
    }
}

/// Where the words of one text begin.
#[derive(Debug)]
pub struct Boundaries<'t> {
    text: &'t str,
    at: OnceCell<Vec<usize>>,
}

impl<'t> Boundaries<'t> {
    /// Those of a text, in bytes; `None` when it has no letter of these scripts. They are looked for when first asked for.
    pub fn of(text: &'t str) -> Option<Boundaries<'t>> {
        let first_bytes = |byte: u8| matches!(byte, 0xe0 | 0xe1 | 0xe3..=0xe9 | 0xef);
        (!text.is_ascii() && text.bytes().any(first_bytes)).then_some(Boundaries { text, at: OnceCell::new() })
    }

    /// Whether words begin and end where this span does, or at least parts of compounds.
    pub fn are_at(&self, start: usize, end: usize) -> bool {
        let begins = |(begin, behind): (usize, usize)| (start..end.min(behind), begin..start);
        let ends = |(begin, behind): (usize, usize)| (start.max(begin)..end, end..behind);
        self.parts(start, begins) && self.parts(end, ends)
    }

    /// Whether one word reaches over this place, of letters that folding takes for words.
    pub fn reaches_over(&self, at: usize) -> bool {
        let letter = |c: char| Script::of(c).is_some() || matches!(c, '\u{3041}'..='\u{309f}');
        let (before, behind) = self.text.split_at(at);
        let both = [before.chars().next_back(), behind.chars().next()];
        both.into_iter().all(|c| c.is_some_and(letter)) && self.word_around(at).is_some()
    }

    /// Whether the text may be parted here: between words, or where what is taken of a word and what is left make a compound.
    /// `split` gives both for a word.
    fn parts(&self, at: usize, split: impl Fn((usize, usize)) -> (Range<usize>, Range<usize>)) -> bool {
        let (before, behind) = self.text.split_at(at);
        let script = behind.chars().next().and_then(Script::of);
        let same = |script: &Script| before.chars().next_back().and_then(Script::of) == Some(*script);
        let Some(script) = script.filter(same) else { return true };
        let Some(word) = self.word_around(at) else { return true };
        let Some((least, left)) = script.least() else { return false };
        let has = |span: Range<usize>, letters: usize| self.text[span].chars().take(letters).count() == letters;
        let (taken, rest) = split(word);
        has(taken, least) && has(rest, left)
    }

    /// The word that reaches over this place; `None` when one begins here.
    fn word_around(&self, at: usize) -> Option<(usize, usize)> {
        let found = self.at.get_or_init(|| segment(self.text)).binary_search(&at);
        let boundaries = self.at.get()?;
        let next = found.err()?;
        Some((*boundaries.get(next.checked_sub(1)?)?, *boundaries.get(next)?))
    }
}

/// Whether a folded word is of a script in which words may reach further.
pub fn is_apart(word: &str) -> bool {
    word.chars().any(|c| Script::of(c).is_some())
}

fn segment(text: &str) -> Vec<usize> {
    WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()).segment_str(text).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Boundaries;

    #[test]
    fn endless_words_are_looked_at_in_bounded_time() {
        for (letters, expected) in [("スト", 0), ("レポート", 2730), ("มา", 5461)] {
            let text = letters.repeat(32 * 1024 / letters.len());
            let boundaries = Boundaries::of(&text).unwrap();
            let starts = (0..text.len()).step_by(letters.len());
            let found = starts.filter(|start| boundaries.are_at(*start, start + letters.len())).count();
            assert_eq!(found, expected, "{letters}");
        }
    }

    #[test]
    fn texts_with_spaces_are_not_parted() {
        assert!(Boundaries::of("Café “Überblick” – 5 €").is_none());
    }
}
