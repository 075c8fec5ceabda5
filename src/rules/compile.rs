//! Compiling: a folder of rule files into one set that judges. All faults at once; a faulty folder compiles to nothing.
//!
//! Equal phrases of different rules become one phrase of the automaton; each rule keeps only its number.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::mem;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Match, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::description::Description;
use super::lexicon::{Fnv, Lexicon, MOST_WORDS};
use super::scan::{bit, pack};
use super::topic::{self, Phrase};
use super::{Files, fold, routing};
use crate::config::fault::Fault;
use crate::request::evidence::Where;

/// Bytes that one compiled regex may take: a bomb such as `(?:a{1000}){1000}` is refused.
const REGEX_BYTES: usize = 256 * 1024;
/// Languages that write compounds as one word.
const GLUING: [&str; 7] = ["de", "nl", "sv", "da", "no", "nb", "fi"];
/// Places that count unless a signal names its own.
pub const USUAL_PLACES: [Where; 4] = [Where::Subject, Where::Text, Where::Form, Where::Forwarded];

/// Whom a signal speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A topic, by its index.
    Topic(u16),
    /// A rule of `routing.toml`, by its index.
    Routing(u16),
    /// A detail of a topic: index of the topic, of the detail, and of the group of signals that must all fire.
    Detail(u16, u16, u16),
    /// Says that a request of this topic is not about one campaign.
    NotOneCampaign(u16),
}

/// A compiled signal.
#[derive(Debug)]
pub struct Signal {
    /// Whom it speaks for.
    pub owner: Owner,
    /// Its stable, readable name: `topic.reporting.open-rate`.
    pub name: String,
    /// As written.
    pub written: topic::Signal,
    /// Its file.
    pub file: String,
    /// Phrases, any of which makes it fire.
    pub phrases: Vec<u32>,
    /// The numbers of the written phrases, in their order.
    pub numbered: Vec<u32>,
    /// Regexes, likewise.
    pub regexes: Vec<u32>,
    /// Phrases that must stand near.
    pub near: Vec<u32>,
    /// Phrases that must not stand in the same places.
    pub unless: Vec<u32>,
    /// The places it looks at, as bits.
    pub places: u16,
    /// Whether phrases alone decide, in the usual places.
    pub simple: bool,
}

impl Signal {
    /// The phrases as written, each with its number.
    pub fn as_written(&self) -> impl Iterator<Item = (u32, &Phrase)> {
        self.numbered.iter().copied().zip(&self.written.phrases)
    }
}

/// The one net through which every request is drawn.
#[derive(Debug, Default)]
pub struct Net {
    /// The words.
    pub lexicon: Lexicon,
    /// All parts of all phrases.
    pub automaton: Option<AhoCorasick>,
    /// Node → the phrase that ends there. Nodes are how far a phrase has come: its first part is the node of that number.
    pub ends: Vec<Option<u32>>,
    /// Node → whether a longer phrase goes on there, after a gap.
    pub opens: Vec<bool>,
    /// Node and next part → next node.
    pub follows: HashMap<(u32, u32), u32, BuildHasherDefault<Fnv>>,
    /// Part → its words, three bytes each.
    pub patterns: Vec<Vec<u8>>,
    /// Phrase → its parts.
    pub parts: Vec<Vec<u32>>,
    /// All regexes in one pass.
    pub regex_set: RegexSet,
    /// Each of them, for its span.
    pub regexes: Vec<Pattern>,
    /// The places that any signal looks at, as bits.
    pub places: u16,
}

/// A regex that gives spans, compiled when the set first finds it: most of them never match, and each takes memory.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Its first match.
    pub fn find<'t>(&self, text: &'t str) -> Option<Match<'t>> {
        // It was compiled once to see that it can be.
        self.regex.get_or_init(|| build(&self.text).ok()).as_ref()?.find(text)
    }
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(true).multi_line(true).size_limit(REGEX_BYTES).nest_limit(50).build()
}

/// A compiled folder.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The net.
    pub net: Net,
    /// The topics, in the order of their files.
    pub topics: Vec<topic::Topic>,
    /// Topic id → index.
    pub by_id: HashMap<String, u16>,
    /// All signals.
    pub signals: Vec<Signal>,
    /// Phrase → topic, weight and number of the simple signals that are this phrase alone.
    pub plain: Vec<Vec<(u16, f32, u32)>>,
    /// Phrase → signals that need a closer look.
    pub by_phrase: Vec<Vec<u32>>,
    /// Regex → signals.
    pub by_regex: Vec<Vec<u32>>,
    /// Signals that fire by a condition alone.
    pub unprompted: Vec<u32>,
    /// Owner → its signals, but for those of topics, which the hits lead to.
    pub owned: HashMap<Owner, Vec<u32>>,
    /// The rules of routing.toml.
    pub routing: Vec<routing::Rule>,
    /// Words that say nothing.
    pub description: Description,
}

/// Compiles all topic, word, routing and description files of a folder; others are not looked at.
pub fn compile(files: &Files) -> Result<Compiled, Vec<Fault>> {
    let mut faults = Vec::new();
    let (lexicon, found) = Lexicon::new(files.get("words.toml").map(String::as_str));
    faults.extend(found);
    let mut topics = Vec::new();
    let mut unread = Vec::new();
    for (path, text) in files.range("topics/".to_owned()..).take_while(|(path, _)| path.starts_with("topics/")) {
        if path.ends_with(".toml") {
            match topic::read(path, text) {
                Ok(topic) => topics.push(topic),
                Err(found) => {
                    faults.extend(found);
                    unread.push(supposed_id(path, text));
                }
            }
        }
    }
    let (mut routing, found) = routing::read(files.get("routing.toml").map(String::as_str));
    faults.extend(found);
    let (vague, found) = super::description::read(files.get("description.toml").map(String::as_str));
    faults.extend(found);
    faults.extend(references(&topics, &unread, &routing));

    let mut weaver = Weaver { net: Net { lexicon, ..Net::default() }, ..Weaver::default() };
    let mut signals = Vec::new();
    let mut add = |owner, file: &str, prefix: &str, written: topic::Signal, weaver: &mut Weaver| {
        signals.push(weaver.signal(owner, file, prefix, written));
    };
    // The compiled signals take over what was written: thousands of phrases are kept once.
    for (index, topic) in topics.iter_mut().enumerate() {
        let at = index as u16;
        for signal in mem::take(&mut topic.signals) {
            add(Owner::Topic(at), &topic.file, &format!("topic.{}", topic.id.0), signal, &mut weaver);
        }
        for (nth, detail) in topic.details.iter_mut().enumerate() {
            let prefix = format!("detail.{}.{}", topic.id.0, detail.id);
            for (group, signals) in detail.known.iter_mut().enumerate() {
                for signal in mem::take(signals) {
                    add(Owner::Detail(at, nth as u16, group as u16), &topic.file, &prefix, signal, &mut weaver);
                }
            }
        }
        if !topic.campaign_unless.is_empty() {
            let written = topic::Signal {
                line: topic.campaign_unless[0].line,
                name: "not-one-campaign".into(),
                phrases: mem::take(&mut topic.campaign_unless),
                ..topic::Signal::default()
            };
            add(Owner::NotOneCampaign(at), &topic.file, &format!("topic.{}", topic.id.0), written, &mut weaver);
        }
    }
    for (index, rule) in routing.iter_mut().enumerate() {
        add(Owner::Routing(index as u16), "routing.toml", "routing", mem::take(&mut rule.signal), &mut weaver);
    }
    let description = Description::new(vague, &mut weaver.net.lexicon);
    faults.extend(mem::take(&mut weaver.faults));
    let net = match weaver.finish() {
        Ok(net) => net,
        Err(fault) => {
            faults.push(fault);
            Net::default()
        }
    };
    if !faults.is_empty() {
        faults.sort();
        faults.dedup();
        return Err(faults);
    }
    let by_id = topics.iter().enumerate().map(|(index, topic)| (topic.id.0.clone(), index as u16)).collect();
    let mut compiled = Compiled { net, topics, by_id, signals, routing, description, ..Compiled::default() };
    compiled.index();
    Ok(compiled)
}

impl Compiled {
    /// Fills the tables that lead from a hit to the signals it concerns.
    fn index(&mut self) {
        self.plain = vec![vec![]; self.net.parts.len()];
        self.by_phrase = vec![vec![]; self.net.parts.len()];
        self.by_regex = vec![vec![]; self.net.regexes.len()];
        let mut places = 0;
        for (number, signal) in self.signals.iter().enumerate() {
            let number = number as u32;
            places |= signal.places;
            if !matches!(signal.owner, Owner::Topic(_)) {
                self.owned.entry(signal.owner).or_default().push(number);
            }
            if let (Owner::Topic(topic), [phrase], true) = (signal.owner, signal.phrases.as_slice(), signal.simple) {
                self.plain[*phrase as usize].push((topic, signal.written.weight as f32, number));
                continue;
            }
            signal.phrases.iter().for_each(|phrase| self.by_phrase[*phrase as usize].push(number));
            signal.regexes.iter().for_each(|regex| self.by_regex[*regex as usize].push(number));
            if signal.phrases.is_empty() && signal.regexes.is_empty() {
                self.unprompted.push(number);
            }
        }
        self.net.places = places | USUAL_PLACES.iter().fold(0, |bits, place| bits | bit(*place));
    }
}

impl Compiled {
    /// The names of all headers that some rule looks at, each once.
    pub fn headers(&self) -> Vec<String> {
        let named = self.signals.iter().flat_map(|signal| &signal.written.headers);
        named.map(|header| header.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The id that a topic file with faults seems to have: that of its line `id = "…"`, else the file's name.
fn supposed_id(path: &str, text: &str) -> String {
    let written = text.lines().find_map(|line| line.trim().strip_prefix("id")?.trim_start().strip_prefix('='));
    let written = written.map(|value| value.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']));
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".toml");
    written.filter(|id| !id.is_empty()).unwrap_or(name).to_owned()
}

/// Faults of files that speak of each other. `unread`: topics whose files have faults of their own, said already; that others
/// name them is none.
fn references(topics: &[topic::Topic], unread: &[String], routing: &[routing::Rule]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |file: &str, line, message: String, remedy: String| {
        faults.push(Fault { file: file.into(), line, message, remedy });
    };
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for topic in topics {
        let (id, line) = (&topic.id.0, topic.id.1);
        if let Some(other) = seen.insert(id, &topic.file) {
            fault(&topic.file, line, format!("the topic `{id}` stands in {other} too"), "rename one of them".into());
        }
    }
    let ids: Vec<&str> = seen.keys().copied().chain(unread.iter().map(String::as_str)).collect();
    let unknown = |id: &str| {
        let remedy = match super::sheet::nearest(id, &ids) {
            Some(right) => format!("write \"{right}\""),
            None => format!("the topics are {}", ids.join(", ")),
        };
        (format!("there is no topic `{id}`"), remedy)
    };
    for topic in topics {
        for example in &topic.examples {
            if let Some(id) = example.topic.as_deref().filter(|id| *id != "other" && !ids.contains(id)) {
                let (message, remedy) = unknown(id);
                fault(&topic.file, example.line, message, remedy);
            }
        }
    }
    for rule in routing {
        for (id, line) in &rule.topics {
            if !ids.contains(&id.as_str()) {
                let (message, remedy) = unknown(id);
                fault("routing.toml", *line, message, remedy);
            }
        }
    }
    faults
}

/// Gathers phrases and regexes while signals are compiled.
#[derive(Default)]
struct Weaver {
    net: Net,
    patterns: Vec<Vec<u8>>,
    part_numbers: HashMap<Vec<u8>, u32>,
    phrase_numbers: HashMap<Vec<u32>, u32>,
    regex_numbers: HashMap<String, u32>,
    faults: Vec<Fault>,
}

impl Weaver {
    fn signal(&mut self, owner: Owner, file: &str, prefix: &str, written: topic::Signal) -> Signal {
        // A phrase without words is a fault, and with a fault nothing is compiled: numbers and phrases run in step.
        let numbered: Vec<u32> = written.phrases.iter().filter_map(|phrase| self.phrase(file, phrase)).collect();
        let mut phrases = numbered.clone();
        phrases.sort_unstable();
        phrases.dedup();
        let regexes = written.regexes.iter().filter_map(|(text, line)| self.regex(file, text, *line)).collect();
        let near = written.near.iter().filter_map(|phrase| self.phrase(file, phrase)).collect();
        let unless = written.unless.iter().filter_map(|phrase| self.phrase(file, phrase)).collect();
        let places = match (&written.field, written.places.is_empty()) {
            (Some(_), true) => bit(Where::Form),
            (_, true) => USUAL_PLACES.iter().fold(0, |bits, place| bits | bit(*place)),
            _ => written.places.iter().fold(0, |bits, place| bits | bit(*place)),
        };
        let conditions = [&written.lang, &written.sender_domains, &written.attachment_types, &written.sources];
        let simple = written.regexes.is_empty()
            && written.near.is_empty()
            && written.unless.is_empty()
            && written.places.is_empty()
            && written.field.is_none()
            && written.headers.is_empty()
            && conditions.iter().all(|list| list.is_empty());
        Signal {
            owner,
            name: format!("{prefix}.{}", written.name),
            written,
            file: file.into(),
            phrases,
            numbered,
            regexes,
            near,
            unless,
            places,
            simple,
        }
    }

    /// The number of a phrase: its parts are what stands between `...`.
    fn phrase(&mut self, file: &str, phrase: &Phrase) -> Option<u32> {
        let glues = phrase.language.as_deref().is_some_and(|language| GLUING.contains(&language));
        let mut parts = Vec::new();
        let dots = phrase.text.replace('…', "...");
        for part in dots.split("...").filter(|part| !part.trim().is_empty()) {
            let pattern: Vec<u8> = self.net.lexicon.intern(part, glues).into_iter().flat_map(pack).collect();
            if pattern.is_empty() {
                continue;
            }
            let next = self.patterns.len() as u32;
            let number = *self.part_numbers.entry(pattern).or_insert_with_key(|pattern| {
                self.patterns.push(pattern.clone());
                next
            });
            parts.push(number);
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
        let next = self.net.parts.len() as u32;
        let number = *self.phrase_numbers.entry(parts).or_insert_with_key(|parts| {
            self.net.parts.push(parts.clone());
            next
        });
        Some(number)
    }

    fn regex(&mut self, file: &str, text: &str, line: usize) -> Option<u32> {
        if let Some(number) = self.regex_numbers.get(text) {
            return Some(*number);
        }
        let quick = ascii_boundaries(text);
        match build(&quick) {
            Ok(regex) if regex.is_match("") => {
                self.fault(file, line, format!("the regex {text:?} matches everything"), "make it ask for some text");
                None
            }
            Ok(_) => {
                let number = self.net.regexes.len() as u32;
                self.net.regexes.push(Pattern { text: quick, regex: OnceLock::new() });
                self.regex_numbers.insert(text.into(), number);
                Some(number)
            }
            Err(regex::Error::CompiledTooBig(bound)) => {
                let message = format!("the regex {text:?} compiles to more than {bound} bytes");
                self.fault(file, line, message, "lower its repeat counts, or use phrases");
                None
            }
            Err(error) => {
                let error = error.to_string();
                let why =
                    error.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it is malformed");
                self.fault(file, line, format!("the regex {text:?} is wrong: {why}"), "correct it, or use phrases");
                None
            }
        }
    }

    fn fault(&mut self, file: &str, line: usize, message: String, remedy: &str) {
        self.faults.push(Fault { file: file.into(), line, message, remedy: remedy.into() });
    }

    fn finish(mut self) -> Result<Net, Fault> {
        let whole =
            |message: String, remedy: &str| Fault { file: "rules".into(), line: 0, message, remedy: remedy.into() };
        if self.net.lexicon.len() as u32 >= MOST_WORDS {
            return Err(whole("the phrases use too many different words".into(), "use fewer phrases"));
        }
        self.net.lexicon.seal();
        self.net.ends = vec![None; self.patterns.len()];
        for (phrase, parts) in (0..).zip(&self.net.parts) {
            let Some((first, rest)) = parts.split_first() else { continue };
            let mut node = *first;
            for part in rest {
                let next = self.net.ends.len() as u32;
                node = *self.net.follows.entry((node, *part)).or_insert(next);
                if node == next {
                    self.net.ends.push(None);
                }
            }
            self.net.ends[node as usize] = Some(phrase);
        }
        self.net.opens = vec![false; self.net.ends.len()];
        self.net.follows.keys().for_each(|(node, _)| self.net.opens[*node as usize] = true);
        if !self.patterns.is_empty() {
            // Dense states near the root would cost 4 MB for what a scan of word numbers never notices; and where every
            // pattern begins with the same byte, a prefilter finds nothing to skip.
            let built = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .dense_depth(0)
                .prefilter(false)
                .build(&self.patterns);
            self.net.automaton = Some(built.map_err(|error| whole(error.to_string(), "use fewer phrases"))?);
        }
        self.net.patterns = self.patterns;
        self.net.regex_set = RegexSetBuilder::new(self.net.regexes.iter().map(|pattern| &pattern.text))
            .case_insensitive(true)
            .multi_line(true)
            .size_limit(REGEX_BYTES * 64)
            .build()
            .map_err(|error| whole(format!("the regexes together: {error}"), "use fewer of them, or phrases"))?;
        Ok(self.net)
    }
}

/// The regex with `\b` and `\B` looking at ASCII letters only: a boundary that knows all of Unicode makes the engine leave
/// its fast path at the first accent, forty times slower.
fn ascii_boundaries(regex: &str) -> String {
    let mut quick = String::with_capacity(regex.len() + 16);
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        quick.push(c);
        if c != '\\' {
            continue;
        }
        match chars.next() {
            Some(kind @ ('b' | 'B')) if chars.peek() != Some(&'{') => {
                quick.pop();
                quick.push_str("(?-u:\\");
                quick.push(kind);
                quick.push(')');
            }
            next => quick.extend(next),
        }
    }
    quick
}

/// A label as compared: folded words without the little ones between.
pub fn label_words(label: &str) -> Vec<String> {
    let mut words = Vec::new();
    fold::fold(label, |piece| {
        if let fold::Piece::Word(word, ..) = piece
            && !matches!(word, "and" | "und" | "et" | "y" | "e" | "or" | "oder" | "ou" | "o" | "the" | "a")
        {
            words.push(word.to_owned());
        }
    });
    let mut seen = HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}

#[cfg(test)]
mod tests {
    use super::ascii_boundaries;

    fn check(regex: &str, expected: &str) {
        assert_eq!(ascii_boundaries(regex), expected);
    }

    #[test]
    fn only_boundaries_are_rewritten() {
        check(r"\bcafé\B", r"(?-u:\b)café(?-u:\B)");
        check(r"\\b \d \b{start}x", r"\\b \d \b{start}x");
    }
}
