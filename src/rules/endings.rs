//! Endings: what inflection adds to a word, as `words.toml` lists it, and the word without. Those of all languages together;
//! never looks at what a word means.

use std::borrow::Cow;

/// An ending that is inflection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ending {
    written: Box<str>,
    /// The fewest letters that must remain.
    least: usize,
    /// What stands in its place: "canaux" is "canal". Mostly nothing.
    instead: Box<str>,
}

/// All endings, by their last byte.
#[derive(Debug)]
pub struct Endings(Vec<Vec<Ending>>);

impl Default for Endings {
    fn default() -> Endings {
        Endings(vec![vec![]; 256])
    }
}

impl Endings {
    /// Adds one as written: `ing/3`, `aux>al/3`. False: it is none.
    pub fn add(&mut self, written: &str) -> bool {
        let (ending, least) = written.split_once('/').unwrap_or((written, "4"));
        let (ending, instead) = ending.split_once('>').unwrap_or((ending, ""));
        let (Some(last), Ok(least)) = (ending.bytes().last(), least.parse()) else { return false };
        self.0[usize::from(last)].push(Ending { written: ending.into(), least, instead: instead.into() });
        true
    }

    /// Puts the longest first. Called once, after the last of them.
    pub fn sort(&mut self) {
        for endings in &mut self.0 {
            endings.sort_by(|a, b| b.written.len().cmp(&a.written.len()).then(a.cmp(b)));
            endings.dedup();
        }
    }

    /// The word less its endings and doubled last letter. Words with digits or other letters than a–z stay as they are.
    /// `is_whole`: what stands for itself only; "quitar" is not "quit".
    pub fn without<'w>(&self, word: &'w str, is_whole: impl Fn(&str) -> bool) -> Cow<'w, str> {
        let mut stem = Cow::Borrowed(word);
        if word.len() < 4 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
            return stem;
        }
        // Two endings at most ("registr-ad-os"), and one for another: more would melt different words of several languages
        // into one.
        let (mut taken, mut changed, mut plural) = (0, false, false);
        loop {
            let bytes = stem.as_bytes();
            let last = bytes[bytes.len() - 1];
            if bytes.len() > 4 && last == bytes[bytes.len() - 2] {
                shorten(&mut stem, 1);
                continue;
            }
            let fits = |ending: &&Ending| {
                stem.len() >= ending.written.len() + ending.least
                    && stem.ends_with(&*ending.written)
                    && !is_whole(&stem[..stem.len() - ending.written.len()])
            };
            match self.0[usize::from(last)].iter().find(fits) {
                Some(ending) if !ending.instead.is_empty() && !changed => {
                    shorten(&mut stem, ending.written.len());
                    stem.to_mut().push_str(&ending.instead);
                    changed = true;
                }
                // "screens" is "screen", "addresses" is "address": that word may have an ending of some language, too.
                Some(ending) if taken == 0 && !plural && is_plural(&stem, &ending.written) => {
                    shorten(&mut stem, ending.written.len());
                    plural = true;
                }
                Some(ending)
                    if ending.instead.is_empty()
                        && (taken == 0 || (taken == 1 && stem.len() - ending.written.len() >= 5)) =>
                {
                    shorten(&mut stem, ending.written.len());
                    taken += 1;
                }
                _ => return stem,
            }
        }
    }
}

/// Whether an ending of this word makes one of many, and nothing else, in most languages that have it.
fn is_plural(word: &str, ending: &str) -> bool {
    let rest = &word[..word.len() - ending.len()];
    let hisses = || ["ss", "x", "ch", "sh", "z"].iter().any(|end| rest.ends_with(end));
    ending == "s" && !rest.ends_with('s') || ending == "es" && hisses()
}

/// Takes the last bytes of a word off.
fn shorten(word: &mut Cow<'_, str>, bytes: usize) {
    let left = word.len() - bytes;
    match word {
        Cow::Borrowed(word) => *word = &word[..left],
        Cow::Owned(word) => word.truncate(left),
    }
}

#[cfg(test)]
mod tests {
    use super::Endings;

    #[test]
    fn endings_are_taken_off_or_stand_for_another() {
        let mut endings = Endings::default();
        for written in ["s/3", "aux>al/3", "e/3", "as/4", "ad/4"] {
            assert!(endings.add(written), "{written}");
        }
        assert!(!endings.add("/3") && !endings.add("ing/x"));
        endings.sort();
        let check = |word: &str, expected: &str| assert_eq!(endings.without(word, |word| word == "quit"), expected);
        check("canaux", "canal");
        check("taux", "taux");
        check("registradas", "registr");
        check("quits", "quits");
        check("bills", "bill");
        check("b2bs", "b2bs");
    }
}
