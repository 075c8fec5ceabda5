//! A stretch of Chinese characters, parted anew: the fewest words that it can be made of.
//!
//! The dictionary takes the longest word from the left: 研究生|命|科学 ("graduate") for 研究|生命|科学 ("life science"). Here all
//! its words count, and those of one sign, which is mostly what is left over, twice. Knows texts only.

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;

/// No word is looked for that has more signs.
const MOST_SIGNS: usize = 6;

/// The words that a stretch may be made of.
pub struct Stretch {
    /// Where its signs begin, and where the last one ends, in bytes.
    signs: Vec<usize>,
    /// From each sign on, how many signs its words have.
    words: Vec<Vec<usize>>,
}

impl Stretch {
    /// Those of a text of a few signs.
    pub fn of(text: &str) -> Stretch {
        let signs: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let segmenter = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default());
        // The longest word among so many signs, of two and more.
        let longest = |from: usize, most: usize| {
            let to = signs.get(from + most).copied().unwrap_or(text.len());
            let word = segmenter.segment_str(&text[signs[from]..to]).nth(1)?;
            signs.binary_search(&(signs[from] + word)).ok().map(|end| end - from).filter(|length| *length > 1)
        };
        let words = (0..signs.len() - 1).map(|from| {
            let mut words = vec![1];
            let mut most = MOST_SIGNS;
            while let Some(length) = longest(from, most) {
                words.push(length);
                most = length - 1;
            }
            words
        });
        let words = words.collect();
        Stretch { signs, words }
    }

    /// What the best parting costs in which words end at all these places, in bytes: a point a word, two where it is one sign.
    pub fn least(&self, cuts: &[usize]) -> usize {
        let mut costs = vec![usize::MAX; self.signs.len()];
        costs[0] = 0;
        for (from, words) in self.words.iter().enumerate() {
            for signs in words {
                let to = from + signs;
                let (begin, end) = (self.signs[from], self.signs[to]);
                if !cuts.iter().any(|cut| begin < *cut && *cut < end) {
                    costs[to] = costs[to].min(costs[from].saturating_add(if *signs == 1 { 2 } else { 1 }));
                }
            }
        }
        costs[self.signs.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::Stretch;

    #[test]
    fn all_words_of_the_dictionary_count() {
        let check = |text: &str, cuts: &[usize], expected: usize| {
            let cuts: Vec<usize> = cuts.iter().map(|signs| signs * "票".len()).collect();
            assert_eq!(Stretch::of(text).least(&cuts), expected, "{text} {cuts:?}");
        };
        check("研究生命科学", &[], 3);
        check("研究生命科学", &[3], 4);
        check("开发票", &[1], 3);
        check("开发票", &[2], 3);
        check("开发票", &[1, 2], 6);
        check("", &[], 0);
    }
}
