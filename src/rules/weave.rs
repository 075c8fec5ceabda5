//! Weaving: all phrases and regexes of a folder into the one net through which every request is drawn.
//!
//! Equal phrases of different rules become one phrase of the automaton; each rule keeps only its number.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::rc::Rc;
use std::{panic, thread};

use super::automaton::Automaton;
use super::classes::{self, Classes};
use super::compile::{Asked, Owner, Signal, Written, usual_places};
use super::knot::{Knot, Thread};
use super::lexicon::{Fnv, Lexicon, MOST_WORDS};
use super::numbering::{Lists, Numbering};
use super::scan::{Set, bit, pack};
use super::topic::{self, Phrase};
use crate::config::fault::Fault;
use crate::request::evidence::Where;

/// Stands before the parts of a phrase that is found in compounds, too: the same words without a language are another phrase.
const GLUED: u32 = u32::MAX;
/// Languages that write compounds as one word.
const GLUING: [&str; 7] = ["de", "nl", "sv", "da", "no", "nb", "fi"];

/// The one net through which every request is drawn.
#[derive(Debug, Default)]
pub struct Net {
    /// The words.
    pub lexicon: Lexicon,
    /// All parts of all phrases.
    pub automaton: Automaton,
    /// How many bytes a word has in it: two where there are so few words, else three.
    pub width: usize,
    /// Node → the phrases that end there. Nodes are how far a phrase has come: its first part is the node of that number.
    pub ends: Vec<Ends>,
    /// Node → whether a longer phrase goes on there, after a gap.
    pub opens: Vec<bool>,
    /// Part → whether it is one of several of some phrase.
    pub joins: Vec<bool>,
    /// Node and next part → next node.
    pub follows: HashMap<(u32, u32), u32, BuildHasherDefault<Fnv>>,
    /// Part → its words, three bytes each.
    pub patterns: Lists<u8>,
    /// Phrase → its parts, behind a mark where it is found in compounds.
    phrases: Lists<u32>,
    /// All regexes.
    pub regexes: Knot,
    /// The places that any signal looks at, as bits.
    pub places: u16,
    /// The form fields that signals ask for, by the words of their labels.
    pub fields: Vec<Vec<String>>,
}

/// The phrases that end at a node.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ends {
    /// That of whole words.
    pub whole: Option<u32>,
    /// That which is found in compounds, too.
    pub glued: Option<u32>,
}

impl Net {
    /// How many phrases.
    pub fn len(&self) -> usize {
        self.phrases.len()
    }

    /// The parts of a phrase: what stands between its gaps.
    pub fn parts(&self, phrase: u32) -> &[u32] {
        without_mark(&self.phrases[phrase as usize]).0
    }

    /// Whether a phrase is found in compounds, too.
    pub fn is_glued(&self, phrase: u32) -> bool {
        without_mark(&self.phrases[phrase as usize]).1
    }
}

/// The parts of a phrase, and whether it is found in compounds.
fn without_mark(parts: &[u32]) -> (&[u32], bool) {
    match parts {
        [GLUED, parts @ ..] => (parts, true),
        parts => (parts, false),
    }
}

/// Gathers phrases and regexes while signals are compiled.
#[derive(Default)]
pub struct Weaver {
    /// The words so far.
    pub lexicon: Lexicon,
    patterns: Numbering<u8>,
    phrases: Numbering<u32>,
    classes: Classes,
    /// Class → its phrases.
    of_classes: Vec<Rc<Written>>,
    /// Files whose regexes are known to be right.
    proven: HashSet<String>,
    regexes: Vec<Thread>,
    regex_numbers: HashMap<String, u32>,
    faults: Vec<Fault>,
}

impl Weaver {
    /// Nothing woven yet. `proven`: files whose regexes need not be tried one by one, which takes half of a start.
    pub fn new(lexicon: Lexicon, mut classes: Classes, proven: HashSet<String>) -> Weaver {
        let words = classes.take_words();
        let mut weaver = Weaver { lexicon, classes, proven, ..Weaver::default() };
        // First of all, so that the phrases of a class have numbers in a row: their sets are small.
        let mut woven = |phrase: Phrase| Some((weaver.phrase(classes::FILE, &phrase)?, phrase));
        let mut class = |words: Vec<Phrase>| Rc::new(words.into_iter().filter_map(&mut woven).collect());
        let of_classes = words.into_iter().map(&mut class).collect();
        Weaver { of_classes, ..weaver }
    }

    /// The classes that no signal has named so far, with their lines.
    pub fn unused_classes(&self) -> Vec<(String, usize)> {
        self.classes.unused()
    }

    /// Weaves one signal in. Its phrases as written: its own, and those of each class that it names.
    pub fn signal(
        &mut self,
        owner: Owner,
        file: &str,
        prefix: &str,
        mut written: topic::Signal,
    ) -> (Signal, Written, Vec<Rc<Written>>) {
        let named = written.phrases.iter().filter_map(|phrase| self.classes.named(phrase.text.strip_prefix('@')?).ok());
        let of_classes = named.map(|class| self.of_classes[class].clone()).collect();
        let mut phrases = self.take_classes(file, &mut written.phrases);
        let mut near_by_class = self.take_classes(file, &mut written.near);
        let mut with_by_class = self.take_classes(file, &mut written.with);
        let mut unless_by_class = self.take_classes(file, &mut written.unless);
        let numbered = |phrase: Phrase| Some((self.phrase(file, &phrase)?, phrase));
        let as_written: Written = std::mem::take(&mut written.phrases).into_iter().filter_map(numbered).collect();
        phrases.extend(as_written.iter().map(|(number, _)| *number));
        phrases.sort_unstable();
        phrases.dedup();
        let regexes = written.regexes.iter().map(|(text, line)| self.regex(file, text, *line)).collect();
        let mut all = |own: &[Phrase], by_class: &mut Vec<u32>| -> Vec<u32> {
            own.iter().filter_map(|phrase| self.phrase(file, phrase)).chain(by_class.drain(..)).collect()
        };
        let near = all(&written.near, &mut near_by_class);
        let with = all(&written.with, &mut with_by_class);
        let unless = all(&written.unless, &mut unless_by_class);
        let [all, beside, also, barred] = [&phrases, &near, &with, &unless].map(|list| Set::of(list));
        let asked = Asked { phrases: all, near: beside, with: also, unless: barred };
        let places = match (&written.field, written.places.is_empty()) {
            (Some(_), true) => bit(Where::Form),
            (_, true) => usual_places(),
            _ => written.places.iter().fold(0, |bits, place| bits | bit(*place)),
        };
        let conditions = [&written.lang, &written.sender_domains, &written.attachment_types, &written.sources];
        let simple = written.regexes.is_empty()
            && near.is_empty()
            && with.is_empty()
            && unless.is_empty()
            && written.places.is_empty()
            && written.field.is_none()
            && written.headers.is_empty()
            && conditions.iter().all(|list| list.is_empty());
        let (name, file) = (format!("{prefix}.{}", written.name), file.into());
        let signal = Signal { owner, name, written, file, phrases, regexes, near, with, unless, asked, places, simple };
        (signal, as_written, of_classes)
    }

    /// Takes the names of classes out of a list, and gives the phrases that they stand for: of the language under which
    /// the name is filed, or of all.
    fn take_classes(&mut self, file: &str, list: &mut Vec<Phrase>) -> Vec<u32> {
        let mut numbers = Vec::new();
        list.retain(|phrase| {
            let Some(name) = phrase.text.strip_prefix('@') else { return true };
            match self.classes.named(name) {
                Ok(class) => {
                    let of = |language: &Option<String>| phrase.language.is_none() || *language == phrase.language;
                    let words = self.of_classes[class].iter().filter(|(_, phrase)| of(&phrase.language));
                    let before = numbers.len();
                    numbers.extend(words.map(|(number, _)| *number));
                    // A `near` without words asks for none.
                    if let (true, Some(language)) = (numbers.len() == before, &phrase.language) {
                        let filed = self.of_classes[class].iter().filter_map(|(_, phrase)| phrase.language.as_deref());
                        let filed = Vec::from_iter(filed.collect::<BTreeSet<_>>()).join(", ");
                        let message = format!("the class `@{name}` has no words filed under `{language}`");
                        let remedy = match filed.is_empty() {
                            true => "name it in a list without a language".to_owned(),
                            false => {
                                format!("its words are filed under {filed}: name it under one of them, or without")
                            }
                        };
                        self.faults.push(Fault { file: file.into(), line: phrase.line, message, remedy });
                    }
                }
                Err((message, remedy)) => {
                    self.faults.push(Fault { file: file.into(), line: phrase.line, message, remedy });
                }
            }
            false
        });
        numbers
    }

    /// The number of a phrase: its parts are what stands between `...`.
    fn phrase(&mut self, file: &str, phrase: &Phrase) -> Option<u32> {
        let glues = phrase.language.as_deref().is_some_and(|language| GLUING.contains(&language));
        let (mut parts, mut glued) = (Vec::new(), false);
        let dots = phrase.text.replace('…', "...");
        for part in dots.split("...").filter(|part| !part.trim().is_empty()) {
            let (words, in_compounds) = self.lexicon.intern(part, glues);
            let pattern: Vec<u8> = words.into_iter().flat_map(pack).collect();
            glued |= in_compounds;
            if !pattern.is_empty() {
                parts.push(self.patterns.number(&pattern));
            }
        }
        if parts.is_empty() {
            self.faults.push(Fault {
                file: file.into(),
                line: phrase.line,
                message: format!("the phrase {:?} has no words: it can never fire", phrase.text),
                remedy: "write words, or use regex for signs".into(),
            });
            return None;
        }
        if glued {
            parts.insert(0, GLUED);
        }
        Some(self.phrases.number(&parts))
    }

    fn regex(&mut self, file: &str, written: &str, line: usize) -> u32 {
        let next = self.regexes.len() as u32;
        *self.regex_numbers.entry(written.to_owned()).or_insert_with(|| {
            self.regexes.push(Thread { file: file.into(), line, written: written.into() });
            next
        })
    }

    /// The net, and all that is wrong with phrases and regexes. Where something is, it only says which words a phrase has.
    pub fn finish(mut self) -> (Net, Vec<Fault>) {
        if self.lexicon.len() as u32 >= MOST_WORDS {
            self.faults.push(whole("the phrases use too many different words".into(), "use fewer phrases"));
        }
        let width = if self.lexicon.len() <= usize::from(u16::MAX) { 2 } else { 3 };
        // Both halves of the work take as long: the regexes on a thread of their own.
        let regexes = std::mem::take(&mut self.regexes);
        let (patterns, automaton, knotted) = thread::scope(|scope| {
            let knotting = scope.spawn(|| Knot::of(&regexes, &self.proven));
            self.lexicon.seal();
            let patterns = self.patterns.into_lists();
            let words = patterns
                .iter()
                .map(|words| Vec::from_iter(words.chunks(3).flat_map(|word| &word[3 - width..]).copied()));
            let automaton = Automaton::of(words);
            (patterns, automaton, knotting.join().unwrap_or_else(|cause| panic::resume_unwind(cause)))
        });
        let mut faults = self.faults;
        let automaton = automaton.map_err(|why| faults.push(whole(why, "use fewer phrases"))).unwrap_or_default();
        let regexes = knotted.map_err(|found| faults.extend(found)).unwrap_or_default();
        let phrases = self.phrases.into_lists();
        let mut ends = vec![Ends::default(); patterns.len()];
        let mut joins = vec![false; patterns.len()];
        let mut follows = HashMap::default();
        for (phrase, parts) in (0..).zip(phrases.iter()) {
            let (parts, glued) = without_mark(parts);
            let Some((first, rest)) = parts.split_first() else { continue };
            let mut node = *first;
            joins[*first as usize] |= !rest.is_empty();
            for part in rest {
                joins[*part as usize] = true;
                let next = ends.len() as u32;
                node = *follows.entry((node, *part)).or_insert(next);
                if node == next {
                    ends.push(Ends::default());
                }
            }
            let ends = &mut ends[node as usize];
            *(if glued { &mut ends.glued } else { &mut ends.whole }) = Some(phrase);
        }
        let mut opens = vec![false; ends.len()];
        follows.keys().for_each(|(node, _): &(u32, u32)| opens[*node as usize] = true);
        let net = Net {
            lexicon: self.lexicon,
            automaton,
            width,
            ends,
            opens,
            joins,
            follows,
            patterns,
            phrases,
            regexes,
            places: 0,
            fields: vec![],
        };
        (net, faults)
    }
}

fn whole(message: String, remedy: &str) -> Fault {
    Fault { file: "rules".into(), line: 0, message, remedy: remedy.into() }
}
