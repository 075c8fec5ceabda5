//! `answers.toml`: how people pick from a list that was put before them, by rank or by a telling word, and how they deny.
//!
//! Never guesses: two ranks, a rank beyond the list, or a rank that is only part of a sentence pick nothing.

use super::sheet::Sheet;
use crate::config::fault::Fault;

/// Ranks that have words of their own; the last one of a list has, too.
const RANKS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];
/// Words of an answer that picks by rank, at most: a longer one tells a story in which ranks mean other things.
const MOST_WORDS: usize = 20;

/// The words, compiled.
#[derive(Debug, Default)]
pub struct Answers {
    not: Vec<String>,
    but: Vec<String>,
    after: Vec<String>,
    ranks: [Vec<String>; 6],
    last: Vec<String>,
}

impl Answers {
    /// Reads `answers.toml`. No file: nothing is picked by rank, nothing is taken for a denial.
    pub fn read(text: Option<&str>) -> (Answers, Vec<Fault>) {
        let mut answers = Answers::default();
        let Some(text) = text else { return (answers, vec![]) };
        let faults = Sheet::new("answers.toml", text).read(|sheet, mut root| {
            let mut words = |key| {
                let listed = sheet.texts(&mut root, key);
                listed.into_iter().map(|(word, _)| word.to_lowercase()).collect::<Vec<_>>()
            };
            answers.not = words("not");
            answers.but = words("but");
            answers.after = words("after");
            for (rank, key) in RANKS.into_iter().enumerate() {
                answers.ranks[rank] = words(key);
            }
            answers.last = words("last");
            sheet.finish(root);
        });
        (answers, faults)
    }

    /// The words of an answer in lower case, without those that it denies ("not the 2024 one"). An empty word stands
    /// where a clause ends.
    pub fn affirmed(&self, text: &str) -> Vec<String> {
        let mut words: Vec<String> = vec![];
        let mut denied = false;
        let mut word = String::new();
        for c in text.chars().chain(['.']) {
            if c.is_alphanumeric() || matches!(c, 'ª' | 'º') {
                word.extend(c.to_lowercase());
                continue;
            }
            let found = std::mem::take(&mut word);
            if self.not.contains(&found) {
                denied = true;
                words.push(String::new());
            } else if self.but.contains(&found) {
                denied = false;
            } else if !found.is_empty() && !denied {
                words.push(found);
            }
            if ",;.:!?()\n".contains(c) {
                denied = false;
                words.push(String::new());
            }
        }
        words
    }

    /// The place in a list of `length` that an answer of these affirmed words picks by rank.
    pub fn rank(&self, affirmed: &[String], length: usize) -> Option<usize> {
        if affirmed.iter().filter(|word| !word.is_empty()).count() > MOST_WORDS {
            return None;
        }
        let mut picked = None;
        for (at, word) in affirmed.iter().enumerate() {
            let rank = self.ranks.iter().position(|words| words.contains(word));
            let Some(rank) = rank.or_else(|| self.last.contains(word).then(|| length.saturating_sub(1))) else {
                continue;
            };
            let next = affirmed.get(at + 1).map_or("", String::as_str);
            if !next.is_empty() && !self.after.iter().any(|after| after == next) {
                continue;
            }
            if picked.is_some_and(|other| other != rank) {
                return None;
            }
            picked = Some(rank);
        }
        picked.filter(|rank| *rank < length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    /// Of a list of three; `expected` counts from 1.
    fn check(answer: &str, expected: Option<usize>) {
        let files = Rules::shipped_files();
        let (answers, faults) = Answers::read(files.get("answers.toml").map(|text| &**text));
        assert_eq!(faults, vec![]);
        assert_eq!(answers.rank(&answers.affirmed(answer), 3), expected.map(|place| place - 1), "{answer}");
    }

    #[test]
    fn a_rank_picks_in_every_language() {
        check("the second one", Some(2));
        check("First, please.", Some(1));
        check("I mean the 3rd campaign, thanks", Some(3));
        check("It's the last one", Some(3));
        check("Die zweite bitte, vielen Dank!", Some(2));
        check("die letzte", Some(3));
        check("La deuxième, s'il vous plaît.", Some(2));
        check("c'est la première campagne", Some(1));
        check("La segunda, por favor", Some(2));
        check("la última campaña", Some(3));
        check("A primeira, obrigada", Some(1));
        check("é a 2ª", Some(2));
    }

    #[test]
    fn denied_unclear_or_told_ranks_pick_nothing() {
        check("not the first one", None);
        check("not the first one, the second one", Some(2));
        check("nicht die erste sondern die zweite", Some(2));
        check("the first one or the second one", None);
        check("the fourth one", None);
        check("This is the first time it happens", None);
        check("seit der zweiten Woche läuft nichts", None);
        check("just a second ago it broke", None);
        check("", None);
        check(&format!("{} the second one", "the report shows nothing at all ".repeat(4)), None);
    }

    #[test]
    fn what_is_denied_is_no_word_of_the_answer() {
        let files = Rules::shipped_files();
        let (answers, _) = Answers::read(files.get("answers.toml").map(|text| &**text));
        let words =
            |text: &str| answers.affirmed(text).into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        assert_eq!(words("2025, not 2024"), "2025");
        assert_eq!(words("2025 not 2024"), "2025");
        assert_eq!(words("Nicht die Herbstaktion, die Frühjahrsaktion!"), "die frühjahrsaktion");
        assert_eq!(words("not 2024 but 2025"), "2025");
    }
}
