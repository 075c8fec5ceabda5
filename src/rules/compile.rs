//! Compiling: a folder of rule files into one set that judges. All faults at once; a faulty folder compiles to nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::mem;
use std::rc::Rc;

use super::classes::Classes;
use super::description::Description;
use super::example::{Example, Routed};
use super::leanings::{self, Idle, Leanings};
use super::lexicon::Lexicon;
use super::numbering::Lists;
use super::scan::{Set, bit};
use super::topic::{self, Phrase};
use super::weave::{Net, Weaver};
use super::{Files, fold, routing};
use crate::config::fault::Fault;
use crate::request::evidence::Where;

/// Places that count unless a signal names its own.
const USUAL_PLACES: [Where; 4] = [Where::Subject, Where::Text, Where::Form, Where::Forwarded];

/// Those places as bits.
pub fn usual_places() -> u16 {
    USUAL_PLACES.iter().fold(0, |bits, place| bits | bit(*place))
}

/// Whom a signal speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A topic, by its index.
    Topic(u16),
    /// A rule of `routing.toml`, by its index.
    Routing(u32),
    /// A detail of a topic: index of the topic, of the detail, and of the group of signals that must all fire.
    Detail(u16, u32, u32),
    /// Says that a request of this topic is not about one campaign.
    NotOneCampaign(u16),
}

/// The phrases of a signal as sets.
#[derive(Debug)]
pub struct Asked {
    /// Any of which makes it fire.
    pub phrases: Set,
    /// One of which must stand near.
    pub near: Set,
    /// One of which must stand in the same places.
    pub with: Set,
    /// None of which may stand in the same places.
    pub unless: Set,
}

/// A compiled signal.
#[derive(Debug)]
pub struct Signal {
    /// Whom it speaks for.
    pub owner: Owner,
    /// Its stable, readable name: `topic.reporting.open-rate`.
    pub name: String,
    /// As written, but for its phrases.
    pub written: topic::Signal,
    /// Its file.
    pub file: String,
    /// Phrases, any of which makes it fire.
    pub phrases: Vec<u32>,
    /// Regexes, likewise.
    pub regexes: Vec<u32>,
    /// Phrases that must stand near; those of classes last.
    pub near: Vec<u32>,
    /// Phrases of which one must stand in the same places.
    pub with: Vec<u32>,
    /// Phrases that must not stand in the same places.
    pub unless: Vec<u32>,
    /// All four as sets, in which a scan looks.
    pub asked: Asked,
    /// The places it looks at, as bits.
    pub places: u16,
    /// Whether phrases alone decide, in the usual places.
    pub simple: bool,
}

impl Signal {
    /// Whether its conditions alone make it fire.
    pub fn is_wordless(&self) -> bool {
        self.phrases.is_empty() && self.regexes.is_empty()
    }
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
    pub plain: Lists<(u16, f32, u32)>,
    /// Phrase → signals that need a closer look.
    pub by_phrase: Lists<u32>,
    /// Regex → signals.
    pub by_regex: Lists<u32>,
    /// Signals that fire by a condition alone.
    pub unprompted: Vec<u32>,
    /// Owner → its signals, but for those of topics, which the hits lead to.
    pub owned: HashMap<Owner, Vec<u32>>,
    /// The rules of routing.toml.
    pub routing: Vec<routing::Rule>,
    /// The examples of routing.toml.
    pub routed: Vec<Routed>,
    /// Words that say nothing.
    pub description: Description,
    /// What single words say of the topics.
    pub leanings: Leanings,
    /// Rows of leanings that do not count as they stand.
    pub idle: Vec<Idle>,
    /// Classes that no signal names, with their lines.
    pub unused: Vec<(String, usize)>,
}

/// A signal's phrases as they stand in its file, each with its number.
pub type Written = Vec<(u32, Phrase)>;

/// Compiles all topic, class, word, routing and description files of a folder; others are not looked at.
pub fn compile(files: &Files) -> Result<Compiled, Vec<Fault>> {
    let (compiled, faults) = gather(files, |_, _| {});
    if faults.is_empty() { Ok(compiled) } else { Err(faults) }
}

/// Likewise, with faults as well, to be looked at: what has any judges nothing. `written` is given the phrases of each signal and
/// those of the classes it names, in the order of the signals: a set that judges has no need of them.
pub fn gather(files: &Files, mut written: impl FnMut(Written, Vec<Rc<Written>>)) -> (Compiled, Vec<Fault>) {
    let mut faults = Vec::new();
    let (lexicon, found) = Lexicon::new(files.get("words.toml").map(|text| &**text));
    faults.extend(found);
    let proven = files.iter().filter(|(path, text)| super::is_shipped(path, text)).map(|(path, _)| path.clone());
    let (classes, found) = Classes::read(files.get("classes.toml").map(|text| &**text));
    faults.extend(found);
    let mut weaver = Weaver::new(lexicon, classes, proven.collect());
    let mut signals = Vec::new();
    let mut add = |owner, file: &str, prefix: &str, signal: topic::Signal, weaver: &mut Weaver| {
        let (signal, phrases, of_classes) = weaver.signal(owner, file, prefix, signal);
        signals.push(signal);
        written(phrases, of_classes);
    };
    let mut topics: Vec<topic::Topic> = Vec::new();
    let mut unread = Vec::new();
    let mut broken = HashSet::new();
    // Topics are numbered in two bytes; no folder has as many files.
    for (path, text) in files
        .range("topics/".to_owned()..)
        .take_while(|(path, _)| path.starts_with("topics/"))
        .take(usize::from(u16::MAX))
    {
        if !path.ends_with(".toml") {
            continue;
        }
        let (topic, found) = topic::read(path, text);
        if topic.as_ref().is_none_or(|topic| topic.broken) {
            unread.push(supposed_id(path, text));
            broken.extend(found.iter().map(|fault| (path.clone(), fault.line)));
        }
        faults.extend(found);
        // Also with faults its signals are compiled: one fault is not to hide another.
        let Some(mut topic) = topic else { continue };
        if topic.id.0.is_empty() {
            topic.id.0 = supposed_id(path, text);
        }
        let at = topics.len() as u16;
        let prefix = format!("topic.{}", topic.id.0);
        for signal in mem::take(&mut topic.signals) {
            add(Owner::Topic(at), path, &prefix, signal, &mut weaver);
        }
        for (nth, detail) in topic.details.iter_mut().enumerate() {
            let prefix = format!("detail.{}.{}", topic.id.0, detail.id);
            for (group, signals) in detail.known.iter_mut().enumerate() {
                for signal in mem::take(signals) {
                    add(Owner::Detail(at, nth as u32, group as u32), path, &prefix, signal, &mut weaver);
                }
            }
        }
        if !topic.campaign_unless.is_empty() {
            let signal = topic::Signal {
                line: topic.campaign_unless[0].line,
                name: "not-one-campaign".into(),
                phrases: mem::take(&mut topic.campaign_unless),
                ..topic::Signal::default()
            };
            add(Owner::NotOneCampaign(at), path, &prefix, signal, &mut weaver);
        }
        topics.push(topic);
    }
    let (mut routing, routed, found) = routing::read(files.get("routing.toml").map(|text| &**text));
    faults.extend(found);
    for (index, rule) in routing.iter_mut().enumerate() {
        add(Owner::Routing(index as u32), "routing.toml", "routing", mem::take(&mut rule.signal), &mut weaver);
    }
    let (vague, found) = super::description::read(files.get("description.toml").map(|text| &**text));
    faults.extend(found);
    // Who takes a shipped topic out deletes its file: what compares the others with it is no fault.
    let is_here = |id: &str| unread.iter().chain(topics.iter().map(|topic| &topic.id.0)).any(|here| here == id);
    let taken_out: Vec<&str> = super::shipped_topics().filter(|id| *id != "other" && !is_here(id)).collect();
    for example in topics.iter_mut().flat_map(|topic| &mut topic.examples) {
        example.topic.take_if(|topic| taken_out.contains(&topic.as_str()));
    }
    faults.extend(references(&topics, &unread, &routing, &routed));
    let description = Description::new(vague, &mut weaver.lexicon);
    let ids: Vec<&str> =
        topics.iter().map(|topic| topic.id.0.as_str()).chain(unread.iter().map(String::as_str)).collect();
    let (rows, found) = leanings::read(files.get(leanings::FILE).map(|text| &**text), &ids, &taken_out);
    faults.extend(found);
    let (leanings, idle) = Leanings::new(&rows, &mut weaver.lexicon);
    let unused = weaver.unused_classes();
    let (net, found) = weaver.finish();
    // What stands in a line that cannot be read may not be what was written.
    faults.extend(found.into_iter().filter(|fault| !broken.contains(&(fault.file.clone(), fault.line))));
    faults.sort();
    faults.dedup();
    let by_id = topics.iter().enumerate().map(|(index, topic)| (topic.id.0.clone(), index as u16)).collect();
    let mut compiled = Compiled {
        net,
        topics,
        by_id,
        signals,
        routing,
        routed,
        description,
        leanings,
        idle,
        unused,
        ..Compiled::default()
    };
    if faults.is_empty() {
        compiled.index();
    }
    (compiled, faults)
}

impl Compiled {
    /// Fills the tables that lead from a hit to the signals it concerns.
    fn index(&mut self) {
        let (mut plain, mut by_phrase, mut by_regex) = (vec![], vec![], vec![]);
        let (mut places, mut fields) = (0, vec![]);
        for (number, signal) in (0..).zip(&self.signals) {
            places |= signal.places;
            fields.extend(signal.written.field.as_deref().map(label_words));
            if !matches!(signal.owner, Owner::Topic(_)) {
                self.owned.entry(signal.owner).or_default().push(number);
            }
            if let (Owner::Topic(topic), [phrase], true) = (signal.owner, signal.phrases.as_slice(), signal.simple) {
                plain.push((*phrase, (topic, signal.written.weight as f32, number)));
                continue;
            }
            by_phrase.extend(signal.phrases.iter().map(|phrase| (*phrase, number)));
            by_regex.extend(signal.regexes.iter().map(|regex| (*regex, number)));
            if signal.is_wordless() {
                self.unprompted.push(number);
            }
        }
        self.plain = Lists::of_pairs(self.net.len(), plain);
        self.by_phrase = Lists::of_pairs(self.net.len(), by_phrase);
        self.by_regex = Lists::of_pairs(self.net.regexes.len(), by_regex);
        self.net.fields = fields;
        self.net.places = places | usual_places();
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
fn references(topics: &[topic::Topic], unread: &[String], routing: &[routing::Rule], routed: &[Routed]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |file: &str, line, message: String, remedy: String| {
        faults.push(Fault { file: file.into(), line, message, remedy });
    };
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let topics: Vec<&topic::Topic> = topics.iter().filter(|topic| !topic.broken).collect();
    for topic in &topics {
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
    for topic in &topics {
        let itself = |example: &&Example| example.topic.as_ref() == Some(&topic.id.0);
        for example in topic.examples.iter().filter(itself) {
            let message = format!("a counter-example of `{0}` names `{0}` itself", topic.id.0);
            fault(
                &topic.file,
                example.line,
                message,
                "name the topic that it belongs to, or make it an [[example]]".into(),
            );
        }
    }
    let proven = topics.iter().flat_map(|topic| topic.examples.iter().map(|example| (topic.file.as_str(), example)));
    for (file, example) in proven.chain(routed.iter().map(|routed| ("routing.toml", &routed.example))) {
        if let Some(id) = example.topic.as_deref().filter(|id| *id != "other" && !ids.contains(id)) {
            let (message, remedy) = unknown(id);
            fault(file, example.line, message, remedy);
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
