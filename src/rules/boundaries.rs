//! Boundaries: where words begin and end in scripts written without spaces (UAX #29 §4.1, by dictionaries and learned models).
//!
//! Folding makes a word of each character there, so that a phrase is found whatever stands around it: 京都 in 東京都, มา in
//! มาก. What is found is looked at here: it counts where it is made of whole words, or of whole parts of a compound. Knows
//! texts only, no rules.

use std::cell::{Cell, OnceCell};
use std::ops::Range;

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;

use super::stretch::Stretch;

/// Texts up to so many bytes are parted by learned models where there are any.
const LEARNED_BYTES: usize = 8 * 1024;

/// Phrases of a text around which it is parted anew.
const MOST_ANEW: usize = 500;
/// What stands around them is looked at so far: four signs.
const BYTES_AROUND: usize = 12;
/// Signs that are words by themselves or stand before some: 开|发票, 周|报告, 再|発行. Others are what is left of a word, and
/// stand behind one: 東京|都, 线上|门|店.
const BEFORE_WORDS: &str = "开把没被将给对从向请不未已再每各该此周月季年日新旧子总分副主全单双补收寄退改查用买和与或及跟的\
                            前本当毎別同他非無最総元要御";

/// Signs that stand by themselves behind most words: none is left of another.
const BEHIND_WORDS: &str = "了的是在有都会要给就也很吗の";

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
    /// Those of a dictionary, where the others are those of a learned model.
    by_dictionary: OnceCell<Vec<usize>>,
    /// How many more times it may be parted anew.
    anew: Cell<usize>,
}

impl<'t> Boundaries<'t> {
    /// Those of a text, in bytes; `None` when it has no letter of these scripts. They are looked for when first asked for.
    pub fn of(text: &'t str) -> Option<Boundaries<'t>> {
        let first_bytes = |byte: u8| matches!(byte, 0xe0 | 0xe1 | 0xe3..=0xe9 | 0xef);
        (!text.is_ascii() && text.bytes().any(first_bytes)).then(|| Boundaries {
            text,
            at: OnceCell::new(),
            by_dictionary: OnceCell::new(),
            anew: Cell::new(MOST_ANEW),
        })
    }

    /// Whether words begin and end where this span does, or at least parts of compounds.
    pub fn are_at(&self, start: usize, end: usize) -> bool {
        // What of a word lies in the span must reach to the end of the word, or begin with it.
        let found = self.parts(start, |word| (end >= word.end).then_some(start..word.end))
            && self.parts(end, |word| (start <= word.start).then_some(word.start..end));
        match self.script_at(start) {
            Some(Script::Han) => self.reads_so(start, end, found),
            Some(Script::SouthEastAsian) if !found => {
                let boundaries = self.by_dictionary.get_or_init(|| segment(self.text, false));
                [start, end].iter().all(|at| boundaries.binary_search(at).is_ok())
            }
            _ => found,
        }
    }

    /// Whether Chinese characters are best read so that this span is words of its own. `found`: they are parted so.
    fn reads_so(&self, start: usize, end: usize, found: bool) -> bool {
        let words = self.words_around(start, end);
        let (from, to) = (words[0], words[words.len() - 1]);
        let left_over = |word: &str| word.chars().nth(1).is_none() && !BEHIND_WORDS.contains(word);
        // In doubt is what has a sign behind it that is left over.
        if found && !words.windows(2).any(|word| word[0] == end && left_over(&self.text[end..word[1]])) {
            return true;
        }
        let Some(anew) = self.anew.get().checked_sub(1) else { return found };
        self.anew.set(anew);
        let stretch = Stretch::of(&self.text[from..to]);
        let cuts = |at: &[usize]| at.iter().map(|at| at - from).collect::<Vec<_>>();
        let (so, best) = (stretch.least(&cuts(&[start, end])), stretch.least(&[]));
        let before_words = |c: Option<char>| c.filter(|c| BEFORE_WORDS.contains(*c)).map(char::len_utf8);
        // Of two readings that are as good it is the one in which such a sign is a word.
        if found {
            let first = before_words(self.text[start..end].chars().next());
            return so <= best && first.is_none_or(|first| stretch.least(&cuts(&[start, start + first])) > so);
        }
        let headed = words.contains(&end) && before_words(self.text[from..start].chars().next_back()).is_some();
        so <= best && (headed || so < stretch.least(&cuts(words)))
    }

    /// Where the words begin and end in which this span lies, and those of some signs around it.
    fn words_around(&self, start: usize, end: usize) -> &[usize] {
        let at = self.at();
        let mut from = at.partition_point(|at| *at <= start).saturating_sub(1);
        let mut to = at.partition_point(|at| *at < end).min(at.len() - 1);
        let han = |word: Range<usize>| self.text[word].chars().all(|c| Script::of(c) == Some(Script::Han));
        while from > 0 && start - at[from - 1] <= BYTES_AROUND && han(at[from - 1]..at[from]) {
            from -= 1;
        }
        while to + 1 < at.len() && at[to + 1] - end <= BYTES_AROUND && han(at[to]..at[to + 1]) {
            to += 1;
        }
        &at[from..=to]
    }

    fn script_at(&self, at: usize) -> Option<Script> {
        self.text[at..].chars().next().and_then(Script::of)
    }

    /// Where words begin and end.
    fn at(&self) -> &[usize] {
        self.at.get_or_init(|| segment(self.text, self.text.len() <= LEARNED_BYTES))
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
        let boundaries = self.at();
        let next = boundaries.binary_search(&at).err()?;
        Some(*boundaries.get(next.checked_sub(1)?)?..*boundaries.get(next)?)
    }
}

/// Whether a folded word is of a script in which words may reach further.
pub fn is_apart(word: &str) -> bool {
    word.chars().any(|c| Script::of(c).is_some())
}

/// Where words begin and end. The learned models for Thai and its neighbours are a hundred times as slow as a dictionary and
/// take fewer letters for words.
fn segment(text: &str, learned: bool) -> Vec<usize> {
    let segmenter = if learned { WordSegmenter::new_auto } else { WordSegmenter::new_dictionary };
    let found: Vec<usize> = segmenter(WordBreakInvariantOptions::default()).segment_str(text).collect();
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
