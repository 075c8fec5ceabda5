//! Learning what single words lean to (`leanings.csv`), beside the signals that people wrote: of labelled texts only what the
//! signals do not say already.
//!
//! Multinomial logistic regression over a text's words, with the points of its signals as a fixed offset, by Adam over all
//! texts at once (Kingma & Ba, ICLR 2015): the same texts give the same file. The examples of the rules are learned from,
//! too, so that they hold. No I/O.

use std::collections::{BTreeMap, HashMap};

use super::Labelled;
use super::labels::{self, Labels};
use super::model::rarity;
use crate::config::fault::Fault;
use crate::request::Request;
use crate::rules::Files;
use crate::rules::compile::{self, Compiled};
use crate::rules::fold::{Piece, fold};
use crate::rules::judge::{OTHER, Pick};
use crate::rules::leanings::{self, Row};
use crate::rules::lexicon::STOP;

pub use crate::rules::leanings::FILE as LEANINGS;

/// Texts that must have a word: what is said once may be chance.
const LEAST_TEXTS: u32 = 2;
/// What a point is in the model's units: signals of three points leave room for doubt.
const POINT: f32 = 0.3;
/// How much a word says before anything is learned, by its rarity.
const STEP: f32 = 0.3;
/// How much a large weight costs.
const COST: f32 = 1.5;
/// Fewer points than these are not worth a cell.
const LEAST_POINTS: f32 = 0.4;
/// Rounds over all texts: with all cells, and with those that are kept.
const ROUNDS: [usize; 2] = [120, 50];

/// The file, and how much stands in it.
#[derive(Debug)]
pub struct Leant {
    /// The text of `leanings.csv`.
    pub file: String,
    /// Its words.
    pub words: usize,
    /// Its cells that are not empty.
    pub cells: usize,
}

/// A text as the model sees it.
struct Seen {
    words: Vec<u32>,
    offset: Vec<f32>,
    topic: usize,
}

/// Learns the leanings for these rules from labelled texts. `Err`: the rules' faults, or labels that name no topic of theirs.
pub fn lean(files: &Files, samples: &[Labelled]) -> Result<Leant, Vec<Fault>> {
    let mut files = files.clone();
    files.remove(leanings::FILE);
    let mut requests: Vec<(Request, String)> =
        super::in_order(samples).into_iter().map(|sample| (super::request(sample), sample.topic.clone())).collect();
    let bare = compile::compile(&files)?;
    let labels = named(&bare, samples)?;
    for topic in &bare.topics {
        for example in topic.examples.iter().filter(|example| example.pick.is_none()) {
            let of = if example.belongs { Some(&topic.id.0) } else { example.topic.as_ref() };
            requests.extend(of.map(|of| (example.request(), of.clone())));
        }
    }
    // First all words that there are, saying nothing: so each text is read as it will be in the end.
    let surfaces = surfaces(&requests);
    let all: String = surfaces.keys().flat_map(|word| [word.as_str(), "\n"]).collect();
    files.insert(leanings::FILE.into(), format!("word\n{all}").into());
    let compiled = compile::compile(&files)?;

    let ids: Vec<&str> = compiled.topics.iter().map(|topic| topic.id.0.as_str()).collect();
    let other = ids.iter().position(|id| *id == OTHER);
    let threshold = compiled.topics.iter().map(|topic| topic.threshold as f32).sum::<f32>() / ids.len().max(1) as f32;
    let mut seen: Vec<Seen> = Vec::with_capacity(requests.len());
    for (request, label) in &requests {
        let id = labels.get(label).unwrap_or(label);
        let Some(topic) = ids.iter().position(|known| known == id) else { continue };
        let scan = compiled.scan(request, Pick::None);
        let mut offset: Vec<f32> = compiled.signalled(&scan).into_iter().map(|points| points as f32 * POINT).collect();
        // What reaches no threshold is `other`.
        if let Some(other) = other {
            offset[other] += threshold * POINT;
        }
        let mut words: Vec<u32> = scan.words.iter().map(|word| word.id).filter(|id| *id > STOP).collect();
        words.sort_unstable();
        words.dedup();
        seen.push(Seen { words, offset, topic });
    }
    let written = written(&compiled, &surfaces);
    let mut held: HashMap<u32, u32> = HashMap::new();
    seen.iter().flat_map(|text| &text.words).for_each(|word| *held.entry(*word).or_default() += 1);
    let mut kept: Vec<u32> = held
        .iter()
        .filter(|(word, held)| **held >= LEAST_TEXTS && written.contains_key(*word))
        .map(|(word, _)| *word)
        .collect();
    kept.sort_unstable();
    let numbers: HashMap<u32, u32> = (0..).zip(&kept).map(|(number, word)| (*word, number)).collect();
    for text in &mut seen {
        text.words = text.words.iter().filter_map(|word| numbers.get(word).copied()).collect();
    }
    let scale: Vec<f32> = kept.iter().map(|word| STEP * rarity(seen.len(), held[word])).collect();
    let mut model = Model { weights: vec![0.0; kept.len() * ids.len()], scale, topics: ids.len() };
    model.learn(&seen, None, ROUNDS[0]);
    let keep: Vec<bool> = (0..model.weights.len()).map(|cell| model.points(cell).abs() >= LEAST_POINTS).collect();
    model.learn(&seen, Some(&keep), ROUNDS[1]);

    let mut rows = vec![];
    for (number, word) in kept.iter().enumerate() {
        let points =
            |topic: usize| model.points(number * ids.len() + topic).clamp(-leanings::MOST_SAID, leanings::MOST_SAID);
        let cell = |topic: usize| (topic as u16, (points(topic) * 10.0).round() / 10.0);
        let points: Vec<(u16, f32)> = (0..ids.len()).map(cell).filter(|(_, points)| *points != 0.0).collect();
        if !points.is_empty() {
            rows.push(Row { word: written[word].clone(), line: 0, points });
        }
    }
    let (words, cells) = (rows.len(), rows.iter().map(|row| row.points.len()).sum());
    Ok(Leant { file: leanings::write(rows, &ids), words, cells })
}

/// Label → the id of the topic that it names, by id or by a label of it.
pub(super) fn named(compiled: &Compiled, samples: &[Labelled]) -> Result<BTreeMap<String, String>, Vec<Fault>> {
    let labels = Labels::of(samples);
    let (mut known, mut strangers) = (BTreeMap::new(), vec![]);
    for sample in samples {
        let id = labels.id(&sample.topic);
        let words = compile::label_words(&sample.topic);
        let is = |topic: &&crate::rules::topic::Topic| {
            topic.id.0 == id
                || topic
                    .labels
                    .iter()
                    .map(|label| &label.text)
                    .chain([&topic.label, &topic.id.0])
                    .any(|label| compile::label_words(label) == words)
        };
        match compiled.topics.iter().find(is) {
            Some(topic) => drop(known.insert(sample.topic.clone(), topic.id.0.clone())),
            None => strangers.push(sample),
        }
    }
    let ids: Vec<&str> = compiled.topics.iter().map(|topic| topic.id.0.as_str()).collect();
    let faults = labels::unknown(strangers.into_iter(), "none of these rules", &ids);
    if faults.is_empty() { Ok(known) } else { Err(faults) }
}

/// The words of all texts as people write them, small, each with how often.
fn surfaces(requests: &[(Request, String)]) -> BTreeMap<String, u32> {
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for text in requests.iter().flat_map(|(request, _)| [&request.subject, &request.text]) {
        fold(text, |piece| {
            if let Piece::Word(_, start, end) = piece {
                let word = text[start..end].to_lowercase();
                if word.chars().all(char::is_alphabetic) {
                    *found.entry(word).or_default() += 1;
                }
            }
        });
    }
    found
}

/// Word number → the commonest way to write it alone.
fn written(compiled: &Compiled, surfaces: &BTreeMap<String, u32>) -> HashMap<u32, String> {
    let mut best: HashMap<u32, (u32, &str)> = HashMap::new();
    let mut words = Vec::new();
    for (surface, times) in surfaces {
        words.clear();
        compiled.net.lexicon.read(surface, &mut words);
        if let [word] = words.as_slice()
            && word.id > STOP
            && best.get(&word.id).is_none_or(|(most, _)| most < times)
        {
            best.insert(word.id, (*times, surface));
        }
    }
    best.into_iter().map(|(id, (_, surface))| (id, surface.to_owned())).collect()
}

/// A weight for every word and topic.
struct Model {
    /// Word after word, a weight a topic.
    weights: Vec<f32>,
    /// Word → its value where it stands.
    scale: Vec<f32>,
    topics: usize,
}

impl Model {
    /// The points of a cell, as they will be written.
    fn points(&self, cell: usize) -> f32 {
        self.weights[cell] * self.scale[cell / self.topics] / POINT
    }

    /// Learns on; with `keep` only those cells, and the others become nothing.
    fn learn(&mut self, texts: &[Seen], keep: Option<&[bool]>, rounds: usize) {
        const FADING: [f32; 2] = [0.9, 0.99];
        let cells = self.weights.len();
        let (mut mean, mut spread, mut slope) = (vec![0.0f32; cells], vec![0.0f32; cells], vec![0.0f32; cells]);
        let mut faded = [1.0f32; 2];
        if let Some(keep) = keep {
            self.weights.iter_mut().zip(keep).filter(|(_, keep)| !**keep).for_each(|(weight, _)| *weight = 0.0);
        }
        let mut points = vec![0.0f32; self.topics];
        for round in 0..rounds {
            slope.iter_mut().zip(&self.weights).for_each(|(slope, weight)| *slope = COST * weight);
            for text in texts {
                points.copy_from_slice(&text.offset);
                for word in &text.words {
                    let (at, value) = (*word as usize * self.topics, self.scale[*word as usize]);
                    let weights = &self.weights[at..at + self.topics];
                    points.iter_mut().zip(weights).for_each(|(points, weight)| *points += weight * value);
                }
                shares(&mut points);
                points[text.topic] -= 1.0;
                for word in &text.words {
                    let (at, value) = (*word as usize * self.topics, self.scale[*word as usize]);
                    let slopes = &mut slope[at..at + self.topics];
                    slopes.iter_mut().zip(&points).for_each(|(slope, share)| *slope += share * value);
                }
            }
            faded = [faded[0] * FADING[0], faded[1] * FADING[1]];
            let pace = 0.1 * (1.0 - round as f32 / rounds as f32);
            for cell in 0..cells {
                if keep.is_some_and(|keep| !keep[cell]) {
                    continue;
                }
                mean[cell] = FADING[0] * mean[cell] + (1.0 - FADING[0]) * slope[cell];
                spread[cell] = FADING[1] * spread[cell] + (1.0 - FADING[1]) * slope[cell] * slope[cell];
                let (mean, spread) = (mean[cell] / (1.0 - faded[0]), spread[cell] / (1.0 - faded[1]));
                self.weights[cell] -= pace * mean / (spread.sqrt() + 1e-6);
            }
        }
    }
}

/// Points as shares of one (softmax).
fn shares(points: &mut [f32]) {
    let most = points.iter().copied().fold(f32::MIN, f32::max);
    points.iter_mut().for_each(|points| *points = (*points - most).exp());
    let all: f32 = points.iter().sum();
    points.iter_mut().for_each(|points| *points /= all);
}
