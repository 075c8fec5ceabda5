//! Learning: from labelled texts to rule files that a person can read and edit, in the language of all the others.
//!
//! Every text becomes the words and pairs of words that a phrase can say (`phrasebook`). A model a topic is trained over them,
//! thinned to the phrases that matter, trained again on those (`model`), and written as `[weights]`. Deterministic, no I/O;
//! the written files are judged by the same engine as any, and the figures come from that engine.

pub mod contradictions;
pub mod labels;
pub mod lean;
mod model;
mod phrasebook;
pub mod propose;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::judge::OTHER;
use super::{Files, Rules};
use crate::config::fault::Fault;
use crate::request::Request;

use labels::Labels;
use model::{Bounds, Model, Text, Trial};
use phrasebook::Phrasebook;

/// Parts that the texts fall into, each judged by a model that learned from the others.
const FOLDS: usize = 4;

/// What a reader is told of the phrases below a weight, in shares of the heaviest one.
const PARTS: [(f32, &str); 4] = [
    (2.0, "These carry most."),
    (0.5, "These point to it: several together decide."),
    (0.25, "These are hints."),
    (0.0, "These speak against it."),
];
/// Digits of a number that may be anybody's: of a year, a size, a form. Longer ones are somebody's.
const DIGITS: usize = 4;

/// A text with its topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labelled {
    /// The text; a subject stands above it.
    pub text: String,
    /// The topic's label.
    pub topic: String,
    /// Where it stands.
    pub place: Place,
}

/// Where a labelled text stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// Its line, from 1; 0 where lines say nothing.
    pub line: usize,
}

/// A labelled text as the request that it stands for.
fn request(sample: &Labelled) -> Request {
    Request { text: sample.text.clone(), ..Request::default() }
}

/// How well rules judge labelled texts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Score {
    /// Texts that have a topic.
    pub in_scope: usize,
    /// Those judged right.
    pub right: usize,
    /// Texts that have none.
    pub out_of_scope: usize,
    /// Those judged `other`.
    pub other: usize,
    /// The most frequent mistakes: expected, judged, times.
    pub confusions: Vec<(String, String, usize)>,
    /// Every text that was judged wrong.
    pub wrong: Vec<Wrong>,
}

/// A text that was judged wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Wrong {
    /// The id of its topic.
    pub expected: String,
    /// The topic that it was judged to be.
    pub judged: String,
    /// The text, its subject above it.
    pub text: String,
}

/// What was learned.
#[derive(Debug)]
pub struct Learned {
    /// The rule files.
    pub files: Files,
    /// Phrases in all of them.
    pub signals: usize,
    /// Which label became which topic.
    pub labels: Labels,
}

/// The texts with the ids of the topics that their labels name in these rules. `Err`: labels that name none.
pub fn named(rules: &Rules, mut samples: Vec<Labelled>) -> Result<Vec<Labelled>, Vec<Fault>> {
    let ids = lean::named(&rules.compiled, &samples)?;
    samples.iter_mut().for_each(|sample| sample.topic = ids[&sample.topic].clone());
    Ok(samples)
}

/// Judges labelled texts by these rules.
pub fn score(rules: &Rules, labels: &Labels, samples: &[Labelled]) -> Score {
    let mut score = Score::default();
    let mut confusions: BTreeMap<(String, String), usize> = BTreeMap::new();
    for sample in samples {
        let expected = labels.id(&sample.topic);
        let judged = rules.topic(&request(sample)).id;
        let right = usize::from(judged == expected);
        if expected == OTHER {
            (score.out_of_scope, score.other) = (score.out_of_scope + 1, score.other + right);
        } else {
            (score.in_scope, score.right) = (score.in_scope + 1, score.right + right);
        }
        if right == 0 {
            *confusions.entry((expected.clone(), judged.clone())).or_default() += 1;
            score.wrong.push(Wrong { expected, judged, text: sample.text.clone() });
        }
    }
    score.confusions = confusions.into_iter().map(|((expected, judged), times)| (expected, judged, times)).collect();
    score.confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.2));
    score.confusions.truncate(10);
    score
}

/// The texts in an order of their own, whatever order they came in: what is learned of them is the same. Topic after topic, so
/// that every part of a few has its share of each; within a topic mixed, so that texts that begin alike do not stand together.
pub fn in_order(samples: &[Labelled]) -> Vec<&Labelled> {
    let mut sorted: Vec<&Labelled> = samples.iter().collect();
    sorted.sort_by_cached_key(|sample| {
        let hash: [u8; 32] = Sha256::digest(&sample.text).into();
        (&sample.topic, hash)
    });
    sorted
}

/// Learns topic files from labelled texts. `words`: the text of `words.toml` to fold by, which is handed on. `most`: phrases
/// that a topic may have.
pub fn learn(samples: &[Labelled], words: &str, most: Option<usize>) -> Result<Learned, Vec<Fault>> {
    let labels = Labels::of(samples);
    let ids: Vec<&String> = labels.shown.keys().collect();
    if ids.iter().filter(|id| **id != OTHER).count() < 2 {
        let message = "the labelled texts name fewer than two topics".to_owned();
        let remedy = "label texts of two topics or more, `other` not counted".to_owned();
        let file = samples.first().map_or_else(String::new, |sample| sample.place.file.to_string());
        return Err(vec![Fault { file, line: 0, message, remedy }]);
    }
    let numbers: HashMap<&String, usize> = ids.iter().enumerate().map(|(number, id)| (*id, number)).collect();
    let samples = in_order(samples);
    let phrasebook = Phrasebook::new(&samples, words)?;
    let texts: Vec<Text<'_>> = (samples.iter().zip(&phrasebook.texts))
        .map(|(sample, phrases)| Text { phrases, topic: numbers[&labels.id(&sample.topic)] })
        .collect();

    let other = numbers.get(&OTHER.to_owned()).copied();
    let bounds = Bounds { topics: ids.len(), phrases: most.unwrap_or(usize::MAX), other };
    let mut model = Model::train(&texts, bounds, &phrasebook);
    // What speaks for no topic is `other`.
    let own = model.priors.iter().enumerate().filter(|(topic, _)| Some(*topic) != other);
    let silent = own.map(|(_, prior)| *prior).fold(f32::MIN, f32::max) + 0.01;
    if let Some(other) = other {
        let raised = model.priors[other] + model::raise(&trials(&texts, bounds, other, &phrasebook));
        model.priors[other] = raised.max(silent);
    }

    let mut files = Files::new();
    files.insert("words.toml".into(), words.to_owned().into());
    let mut signals = 0;
    // With its own texts `other` is a rival like any; without, it stands at its prior.
    let least = other.map_or(silent, |_| f32::MIN);
    for (number, id) in ids.iter().enumerate() {
        let weights = written(&model, number, &phrasebook);
        signals += weights.len();
        let examples = examples(&samples, &texts, &model, number, least);
        files.insert(
            format!("topics/{id}.toml"),
            sheet(id, &labels.shown[*id], model.priors[number], &weights, &examples).into(),
        );
    }
    if other.is_none() {
        files.insert("topics/other.toml".into(), sheet(OTHER, "Other", silent, &[], &[]).into());
    }
    Ok(Learned { files, signals, labels })
}

/// How every text comes out by a model that has not seen it.
fn trials(texts: &[Text<'_>], bounds: Bounds, other: usize, phrasebook: &Phrasebook) -> Vec<Trial> {
    let part = |fold: usize, unseen: bool| {
        let part = texts.iter().enumerate().filter(move |(index, _)| (index % FOLDS == fold) == unseen);
        part.map(|(_, text)| *text).collect::<Vec<_>>()
    };
    let of = |fold: usize| {
        let model = Model::train(&part(fold, false), bounds, phrasebook);
        part(fold, true).into_iter().map(|text| model.trial(text, other)).collect::<Vec<_>>()
    };
    (0..FOLDS).flat_map(of).collect()
}

/// The phrases of one topic with their weights, heaviest first.
fn written<'p>(model: &Model, topic: usize, phrasebook: &'p Phrasebook) -> Vec<(&'p str, f32)> {
    let mut found = model.topics[topic].clone();
    let held = |phrase: u32| phrasebook.held[phrase as usize];
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(held(b.0).cmp(&held(a.0))).then(a.0.cmp(&b.0)));
    found.into_iter().map(|(phrase, weight)| (phrasebook.written[phrase as usize].as_str(), weight)).collect()
}

/// Up to fifteen texts of the topic that the model judges right, and with more points than the least, spread over the surest
/// and the hardest.
fn examples(samples: &[&Labelled], texts: &[Text<'_>], model: &Model, topic: usize, least: f32) -> Vec<String> {
    let mut right = Vec::new();
    for (sample, text) in samples.iter().zip(texts).filter(|(_, text)| text.topic == topic) {
        let points = model.points(*text);
        let rest = points.iter().enumerate().filter(|(other, _)| *other != topic);
        let rest = rest.map(|(_, points)| *points).fold(least, f32::max);
        if points[topic] > rest + 0.5 {
            right.push((points[topic] - rest, sample.text.trim()));
        }
    }
    right.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let step = (right.len() / 15).max(1);
    right.iter().step_by(step).take(15).map(|(_, text)| masked(text)).collect()
}

fn sheet(id: &str, label: &str, prior: f32, weights: &[(&str, f32)], examples: &[String]) -> String {
    let mut out = String::from("# Learned from labelled texts; edit it like any other topic.\n");
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "id = {}\nlabel = {}\ncampaign = \"optional\"", quoted(id), quoted(label));
    let _ = match id {
        OTHER => {
            writeln!(out, "# What no topic beats is `other`: raise its prior to leave more to it.\nprior = {prior:.2}")
        }
        _ => writeln!(out, "prior = {prior:.2}\nthreshold = -1000"),
    };
    out.push_str("\n[weights]\n");
    let mut parts = PARTS.into_iter().peekable();
    let heaviest = weights.first().map_or(0.0, |(_, weight)| weight.max(0.0));
    for (phrase, weight) in weights {
        let mut said = None;
        while let Some((_, part)) = parts.next_if(|(share, _)| *weight < share * heaviest) {
            said = Some(part);
        }
        let _ = said.map_or(Ok(()), |part| writeln!(out, "# {part}"));
        let _ = writeln!(out, "{} = {weight:.2}", quoted(phrase));
    }
    for example in examples {
        let _ = writeln!(out, "\n[[example]]\ntext = {}", quoted(example));
    }
    out
}

/// Whether a word as it stands between spaces is somebody's own: an address, a link, a long number.
fn is_private(word: &str) -> bool {
    let digits = word.chars().filter(|c| c.is_numeric()).count();
    word.contains('@') || word.contains("://") || word.starts_with("www.") || digits > DIGITS
}

/// A text with what is somebody's own left out, as it may stand in a rule file.
fn masked(text: &str) -> String {
    let mask = |word: &str| {
        let bare = word.trim_end();
        // Where a sentence ends, it still ends.
        let end = bare.trim_end_matches(['.', '!', '?', ',', ';', ':', ')']).len();
        if is_private(bare) { format!("…{}", &word[end..]) } else { word.to_owned() }
    };
    text.split_inclusive(char::is_whitespace).map(mask).collect()
}
