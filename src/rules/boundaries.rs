//! Boundaries: where words begin and end in scripts written without spaces (UAX #29 §4.1, by dictionaries and learned models).
//!
//! Folding makes a word of each character there, so that a phrase is found whatever stands around it: 京都 in 東京都, มา in
//! มาก. What is found is looked at here: it counts where it is made of whole words, or of whole parts of a compound. Knows
//! texts only, no rules.

use std::cell::OnceCell;
use std::ops::Range;

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;

/// Texts up to so many bytes are parted by learned models where there are any.
const LEARNED_BYTES: usize = 8 * 1024;

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

    /// How many letters a word has at least that may be a compound, and a part of it at its beginning or end: 邮件 in
    /// 电子邮件, レポート in キャンペーンレポート, but no テスト in コンテスト.
    fn compound(self) -> Option<(usize, usize)> {
        match self {
            Script::Han => Some((4, 2)),
            Script::Katakana => Some((9, 3)),
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
        // What of a word lies in the span must reach to the end of the word, or begin with it.
        self.parts(start, |word| (end >= word.end).then_some(start..word.end))
            && self.parts(end, |word| (start <= word.start).then_some(word.start..end))
    }

    /// Whether one word reaches over this place, of letters that folding takes for words.
    pub fn reaches_over(&self, at: usize) -> bool {
        let letter = |c: char| Script::of(c).is_some() || matches!(c, '\u{3041}'..='\u{309f}');
        let (before, behind) = self.text.split_at(at);
        let both = [before.chars().next_back(), behind.chars().next()];
        both.into_iter().all(|c| c.is_some_and(letter)) && self.word_around(at).is_some()
    }

    /// Whether the text may be parted here: between words, or where a part of a compound ends, of which `part` gives the place.
    fn parts(&self, at: usize, part: impl Fn(&Range<usize>) -> Option<Range<usize>>) -> bool {
        let (before, behind) = self.text.split_at(at);
        let script = behind.chars().next().and_then(Script::of);
        let same = |script: &Script| before.chars().next_back().and_then(Script::of) == Some(*script);
        let Some(script) = script.filter(same) else { return true };
        let Some(word) = self.word_around(at) else { return true };
        let has = |span: Range<usize>, letters: usize| self.text[span].chars().take(letters).count() == letters;
        let compound =
            |(long, short): (usize, usize)| part(&word).is_some_and(|part| has(part, short)) && has(word.clone(), long);
        script.compound().is_some_and(compound)
    }

    /// The word that reaches over this place; `None` when one begins here.
    fn word_around(&self, at: usize) -> Option<Range<usize>> {
        let found = self.at.get_or_init(|| segment(self.text)).binary_search(&at);
        let boundaries = self.at.get()?;
        let next = found.err()?;
        Some(*boundaries.get(next.checked_sub(1)?)?..*boundaries.get(next)?)
    }
}

/// Whether a folded word is of a script in which words may reach further.
pub fn is_apart(word: &str) -> bool {
    word.chars().any(|c| Script::of(c).is_some())
}

/// Where words begin and end. The learned models for Thai and its neighbours are a hundred times as slow as a dictionary and
/// take fewer letters for words.
fn segment(text: &str) -> Vec<usize> {
    let found: Vec<usize> = match text.len() {
        0..=LEARNED_BYTES => WordSegmenter::new_auto(WordBreakInvariantOptions::default()).segment_str(text).collect(),
        _ => WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()).segment_str(text).collect(),
    };
    let mut boundaries = Vec::with_capacity(found.len());
    for (at, boundary) in found.iter().enumerate() {
        let word = &text[*boundary..*found.get(at + 1).unwrap_or(boundary)];
        if !is_no_word(word) {
            boundaries.push(*boundary);
        }
        // The verb before it is a word without it, too.
        if word.ends_with('了') && word.len() > '了'.len_utf8() {
            boundaries.push(boundary + word.len() - '了'.len_utf8());
        }
    }
    boundaries
}

/// Whether this is no word of Thai or Lao, but the rest of the one before: a consonant by itself, or a sign that follows one.
fn is_no_word(word: &str) -> bool {
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some('ณ'), None) => false,
        (Some('\u{e01}'..='\u{e2e}' | '\u{e81}'..='\u{eae}'), None) => true,
        (Some('\u{e30}'..='\u{e3a}' | '\u{e45}' | '\u{e47}'..='\u{e4e}'), _) => true,
        (Some('\u{eb0}'..='\u{ebc}' | '\u{ec8}'..='\u{ecd}'), _) => true,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Boundaries;

    #[test]
    fn endless_words_are_looked_at_in_bounded_time() {
        for (letters, expected) in [("スト", 0), ("レポート", 2), ("มา", 5461)] {
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
