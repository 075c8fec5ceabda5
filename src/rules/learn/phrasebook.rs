//! The phrasebook: what labelled texts say, as the words, pairs and gapped pairs that a phrase of the rule language can say.
//!
//! Every entry is written as a person would write it, and read back: what would not fold to the same words is left out, so
//! that a learned rule fires exactly where its phrase was seen. Addresses, links and long numbers are nobody's phrase, and
//! short numbers only where many texts have them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::{Labelled, is_private};
use crate::config::fault::Fault;
use crate::rules::boundaries::Boundaries;
use crate::rules::lexicon::{Lexicon, MOST_WORDS, STOP, UNKNOWN, Word};
use crate::rules::numbering::Numbering;
use crate::rules::scan::GAP_WORDS;

/// Two words must stand together in so many texts to be a phrase: what is said once may be chance.
const LEAST_TEXTS: u32 = 2;
/// So many texts must hold a phrase with a number: then it is nobody's own.
const NUMBER_TEXTS: u32 = 5;

/// All phrases that the texts hold often enough, numbered.
pub struct Phrasebook {
    /// Phrase → as a person writes it.
    pub written: Vec<String>,
    /// Phrase → how many texts hold it.
    pub held: Vec<u32>,
    /// Phrase → how much one of its kind says, before anything is learned of it.
    pub says: Vec<f32>,
    /// Text → its phrases, by number.
    pub texts: Vec<Vec<u32>>,
}

/// What a phrase is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Shape {
    Word(u32),
    /// Side by side.
    Pair(u32, u32),
    /// With up to [`GAP_WORDS`] words between.
    Gapped(u32, u32),
}

impl Shape {
    /// One word seen is worth two neighbours and three loose pairs: a long text has few of the former and many of the latter,
    /// which mostly repeat what their words say. Found on held-out texts.
    fn says(self) -> f32 {
        match self {
            Shape::Word(_) => 2.0,
            Shape::Pair(..) => 1.0,
            Shape::Gapped(..) => 0.7,
        }
    }

    fn words(self) -> Vec<u32> {
        match self {
            Shape::Word(one) => vec![one],
            Shape::Pair(one, two) | Shape::Gapped(one, two) => vec![one, two],
        }
    }
}

impl Phrasebook {
    /// Reads the texts by these `words.toml` words.
    pub fn new(samples: &[&Labelled], words: &str) -> Result<Phrasebook, Vec<Fault>> {
        let (mut lexicon, faults) = Lexicon::new(Some(words));
        if !faults.is_empty() {
            return Err(faults);
        }
        samples.iter().for_each(|sample| drop(lexicon.intern(&sample.text, false)));
        let mut surfaces: HashMap<u32, BTreeMap<String, u32>> = HashMap::new();
        let mut shapes: Vec<Vec<Shape>> = Vec::with_capacity(samples.len());
        let mut held: HashMap<Shape, u32> = HashMap::new();
        let mut read: Vec<Word> = Vec::new();
        let mut joined = Joined::default();
        for sample in samples {
            read.clear();
            lexicon.read(&sample.text, &mut read);
            joined.join(&sample.text, &mut read);
            let private = private(&sample.text);
            for word in &mut read {
                let at = word.start as usize;
                if word.id > STOP && private.iter().any(|span| span.contains(&at)) {
                    word.id = UNKNOWN;
                }
            }
            for word in read.iter().filter(|word| word.id > STOP) {
                let written = &sample.text[word.start as usize..word.end as usize];
                *surfaces.entry(word.id).or_default().entry(written.to_lowercase()).or_default() += 1;
            }
            let found = shapes_of(&read);
            found.iter().for_each(|shape| *held.entry(*shape).or_default() += 1);
            shapes.push(found);
        }
        let forms: HashMap<u32, String> = (surfaces.keys())
            .filter_map(|id| Some((*id, surface(&lexicon, &joined, *id, surfaces.get(id))?)))
            .collect();
        // Two words that never stand apart are a pair, all others a gapped pair: the same two would count twice.
        let together = |one, two| held.get(&Shape::Pair(one, two)) == held.get(&Shape::Gapped(one, two));
        let numbers: HashSet<u32> =
            (forms.iter()).filter(|(_, form)| form.chars().any(char::is_numeric)).map(|(id, _)| *id).collect();
        let own = |shape: &Shape, count| count < NUMBER_TEXTS && shape.words().iter().any(|id| numbers.contains(id));
        let says_more = |shape: &Shape, count: u32| match *shape {
            _ if own(shape, count) => false,
            Shape::Word(_) => true,
            Shape::Pair(one, two) => count >= LEAST_TEXTS && together(one, two),
            Shape::Gapped(one, two) => count >= LEAST_TEXTS && !together(one, two),
        };
        let mut kept: Vec<(Shape, String)> = (held.iter())
            .filter(|(shape, count)| says_more(shape, **count))
            .filter_map(|(shape, _)| Some((*shape, write(*shape, &forms, &lexicon, &joined)?)))
            .collect();
        kept.sort_unstable();
        let numbers: HashMap<Shape, u32> = (0..).zip(&kept).map(|(number, (shape, _))| (*shape, number)).collect();
        let texts =
            shapes.iter().map(|found| found.iter().filter_map(|shape| numbers.get(shape).copied()).collect()).collect();
        let held = kept.iter().map(|(shape, _)| held[shape]).collect();
        let says = kept.iter().map(|(shape, _)| shape.says()).collect();
        let written = kept.into_iter().map(|(_, written)| written).collect();
        Ok(Phrasebook { written, held, says, texts })
    }

    /// How many phrases.
    pub fn len(&self) -> usize {
        self.written.len()
    }
}

/// The words of scripts without spaces, which folding reads letter by letter.
#[derive(Default)]
struct Joined {
    /// Their letters, as the lexicon numbers them.
    words: Numbering<u32>,
}

impl Joined {
    /// Numbers from here on are words of several letters. The lexicon has fewer.
    const FIRST: u32 = MOST_WORDS + 1;

    /// Puts one word in the place of its letters.
    fn join(&mut self, text: &str, read: &mut Vec<Word>) {
        let Some(boundaries) = Boundaries::of(text) else { return };
        let one = |before: &Word, next: &Word| {
            before.id > STOP
                && next.id > STOP
                && before.end == next.start
                && boundaries.reaches_over(next.start as usize)
        };
        let words = read.chunk_by(one).map(|letters| match letters {
            [first, .., last] => {
                let ids: Vec<u32> = letters.iter().map(|letter| letter.id).collect();
                Word { id: Joined::FIRST + self.words.number(&ids), end: last.end, ..*first }
            }
            _ => letters[0],
        });
        *read = words.collect();
    }

    fn is_one(&self, id: u32) -> bool {
        id >= Joined::FIRST
    }

    /// What the lexicon reads where a word stands.
    fn letters<'a>(&'a self, id: &'a u32) -> &'a [u32] {
        match id.checked_sub(Joined::FIRST) {
            Some(number) => &self.words.lists()[number as usize],
            None => std::slice::from_ref(id),
        }
    }
}

/// Where what is somebody's own stands.
fn private(text: &str) -> Vec<Range<usize>> {
    let mut found = vec![];
    let mut start = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let end = start + word.len();
        if is_private(word.trim_end()) {
            found.push(start..end);
        }
        start = end;
    }
    found
}

/// The shapes of a read text, each once, in order.
fn shapes_of(read: &[Word]) -> Vec<Shape> {
    let mut found = Vec::with_capacity(read.len() * 8);
    for (at, word) in read.iter().enumerate() {
        if word.id <= STOP {
            continue;
        }
        found.push(Shape::Word(word.id));
        let reach = read[at + 1..].iter().take(GAP_WORDS as usize + 1).take_while(|next| next.id != STOP);
        for (between, next) in reach.enumerate().filter(|(_, next)| next.id != UNKNOWN) {
            if between == 0 {
                found.push(Shape::Pair(word.id, next.id));
            }
            found.push(Shape::Gapped(word.id, next.id));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// A phrase as a person writes it; `None` when it would not be read as the words that it is made of.
fn write(shape: Shape, forms: &HashMap<u32, String>, lexicon: &Lexicon, joined: &Joined) -> Option<String> {
    let words = shape.words();
    let forms: Vec<&str> = words.iter().map(|id| forms.get(id).map(String::as_str)).collect::<Option<_>>()?;
    if matches!(shape, Shape::Gapped(..)) {
        return Some(forms.join(" ... "));
    }
    let written = forms.join(" ");
    let mut read = Vec::new();
    lexicon.read(&written, &mut read);
    let words = words.iter().flat_map(|id| joined.letters(id));
    read.iter().map(|word| &word.id).eq(words).then_some(written)
}

/// The commonest way to write a word that folds to this number alone, or its stem; `None` when neither does.
fn surface(lexicon: &Lexicon, joined: &Joined, id: u32, seen: Option<&BTreeMap<String, u32>>) -> Option<String> {
    let mut forms: Vec<(&str, u32)> = seen.into_iter().flatten().map(|(form, count)| (form.as_str(), *count)).collect();
    forms.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let alone = |form: &&str| {
        let mut words = Vec::new();
        lexicon.read(form, &mut words);
        words.iter().map(|word| &word.id).eq(joined.letters(&id))
    };
    let stem = (!joined.is_one(id)).then(|| lexicon.stem_of(id));
    forms.iter().map(|(form, _)| *form).chain(stem).find(alone).map(str::to_owned)
}
