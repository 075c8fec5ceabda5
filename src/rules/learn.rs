//! Learning: from labelled texts to rule files that a person can read and edit, in the language of all the others.
//!
//! Every text becomes the words and neighbouring words that a phrase can say. A logistic model a topic is trained over them,
//! thinned to the phrases that matter, trained again on those, and written as `[weights]`. Deterministic, no I/O; the written
//! files are judged by the same engine as any, and the figures come from that engine.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use serde::Serialize;

use super::judge::OTHER;
use super::lexicon::{Lexicon, STOP, UNKNOWN, Word};
use super::{Files, Rules};
use crate::config::fault::Fault;
use crate::request::Request;

/// Labels that mean that no topic fits.
const NO_TOPIC: [&str; 7] = ["other", "oos", "out_of_scope", "out-of-scope", "none", "unknown", "misc"];
/// Rounds over all texts, before and after thinning.
const ROUNDS: usize = 8;
/// Phrases kept a topic: what a person may still read.
const PHRASES: usize = 800;
/// Weights below this are noise once written with two digits.
const LEAST_WEIGHT: f32 = 0.08;

/// A text with its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The text.
    pub text: String,
    /// The topic's label.
    pub topic: String,
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
}

/// What was learned.
#[derive(Debug)]
pub struct Learned {
    /// The rule files.
    pub files: Files,
    /// Phrases in all of them.
    pub signals: usize,
}

/// The id of a topic with this label; `other` when the label says that none fits.
pub fn topic_id(label: &str) -> String {
    let mut id = String::new();
    for c in label.trim().chars().take(64) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '_') => id.push(c),
            _ if !id.ends_with('-') && !id.is_empty() => id.push('-'),
            _ => {}
        }
    }
    let id = id.trim_end_matches('-');
    if id.is_empty() || NO_TOPIC.contains(&id) { OTHER.to_owned() } else { id.to_owned() }
}

/// Judges labelled texts by these rules.
pub fn score(rules: &Rules, samples: &[Labelled]) -> Score {
    let mut score = Score::default();
    let mut confusions: BTreeMap<(String, String), usize> = BTreeMap::new();
    for sample in samples {
        let expected = topic_id(&sample.topic);
        let judged = rules.topic(&Request { text: sample.text.clone(), ..Request::default() }).id;
        let right = usize::from(judged == expected);
        if expected == OTHER {
            (score.out_of_scope, score.other) = (score.out_of_scope + 1, score.other + right);
        } else {
            (score.in_scope, score.right) = (score.in_scope + 1, score.right + right);
        }
        if right == 0 {
            *confusions.entry((expected, judged)).or_default() += 1;
        }
    }
    score.confusions = confusions.into_iter().map(|((expected, judged), times)| (expected, judged, times)).collect();
    score.confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.2));
    score.confusions.truncate(10);
    score
}

/// Learns topic files from labelled texts. `words`: the text of `words.toml` to fold by, which is handed on.
pub fn learn(samples: &[Labelled], words: &str) -> Result<Learned, Vec<Fault>> {
    let mut labels: BTreeMap<String, &str> = BTreeMap::new();
    for sample in samples {
        labels.entry(topic_id(&sample.topic)).or_insert(sample.topic.trim());
    }
    let ids: Vec<&String> = labels.keys().collect();
    if ids.iter().filter(|id| **id != OTHER).count() < 2 {
        let message = "the labelled texts name fewer than two topics".to_owned();
        let remedy = "give a column `text` and a column `topic`".to_owned();
        return Err(vec![Fault { file: "labelled texts".into(), line: 0, message, remedy }]);
    }
    let numbers: HashMap<&String, usize> = ids.iter().enumerate().map(|(number, id)| (*id, number)).collect();
    let phrasebook = Phrasebook::new(samples, words)?;
    let texts: Vec<Text> = (samples.iter().zip(&phrasebook.texts))
        .map(|(sample, phrases)| Text { phrases: phrases.clone(), topic: numbers[&topic_id(&sample.topic)] })
        .collect();

    // The threshold is found on texts that the model has not seen: every eighth.
    let (seen, unseen): (Vec<_>, Vec<_>) = (0..texts.len()).partition(|index| index % 8 != 3);
    let of = |indexes: &[usize]| indexes.iter().map(|index| texts[*index].clone()).collect::<Vec<_>>();
    let trial = Model::train(&of(&seen), ids.len(), phrasebook.len());
    let other = numbers.get(&OTHER.to_owned()).copied();
    let (threshold, margin) = trial.limits(&of(&unseen), other);
    let model = Model::train(&texts, ids.len(), phrasebook.len());

    let mut files = Files::new();
    files.insert("words.toml".into(), words.to_owned());
    let mut signals = 0;
    for (number, id) in ids.iter().enumerate() {
        let weights = model.written(number, &phrasebook);
        signals += weights.len();
        let examples = examples(samples, &texts, &model, number);
        let label = labels[*id].replace('_', " ");
        let limits = if *id == OTHER { (0.0, 0.0) } else { (threshold, margin) };
        files.insert(format!("topics/{id}.toml"), sheet(id, &label, model.bias[number], limits, &weights, &examples));
    }
    if other.is_none() {
        files.insert("topics/other.toml".into(), sheet(OTHER, "Other", -1000.0, (0.0, 0.0), &[], &[]));
    }
    Ok(Learned { files, signals })
}

/// A text as its phrases.
#[derive(Debug, Clone)]
struct Text {
    phrases: Vec<u32>,
    topic: usize,
}

/// All phrases that the texts hold often enough, numbered.
struct Phrasebook {
    /// Phrase → as a person writes it.
    written: Vec<String>,
    /// How many texts hold it.
    held: Vec<u32>,
    /// Text → its phrases.
    texts: Vec<Vec<u32>>,
}

/// What a phrase is made of: one, two or three words in a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Shape {
    Word(u32),
    Pair(u32, u32),
    Three(u32, u32, u32),
}

impl Phrasebook {
    fn new(samples: &[Labelled], words: &str) -> Result<Phrasebook, Vec<Fault>> {
        let (mut lexicon, faults) = Lexicon::new(Some(words));
        if !faults.is_empty() {
            return Err(faults);
        }
        samples.iter().for_each(|sample| drop(lexicon.intern(&sample.text, false)));
        let mut surfaces: HashMap<u32, BTreeMap<String, u32>> = HashMap::new();
        let mut shapes: Vec<Vec<Shape>> = Vec::with_capacity(samples.len());
        let mut held: HashMap<Shape, u32> = HashMap::new();
        let mut read: Vec<Word> = Vec::new();
        for sample in samples {
            read.clear();
            lexicon.read(&sample.text, &mut read);
            let mut found = Vec::with_capacity(read.len() * 6);
            for (at, word) in read.iter().enumerate() {
                if word.id == STOP || word.id == UNKNOWN {
                    continue;
                }
                let written = &sample.text[word.start as usize..word.end as usize];
                *surfaces.entry(word.id).or_default().entry(written.to_lowercase()).or_default() += 1;
                found.push(Shape::Word(word.id));
                if let Some(next) = read.get(at + 1).filter(|next| next.id != STOP) {
                    found.push(Shape::Pair(word.id, next.id));
                    if let Some(third) = read.get(at + 2).filter(|third| third.id != STOP) {
                        found.push(Shape::Three(word.id, next.id, third.id));
                    }
                }
            }
            found.sort_unstable();
            found.dedup();
            found.iter().for_each(|shape| *held.entry(*shape).or_default() += 1);
            shapes.push(found);
        }
        let says_more = |shape: &Shape, count: u32| matches!(shape, Shape::Word(_)) || count >= 2;
        let mut kept: Vec<Shape> =
            held.iter().filter(|(shape, count)| says_more(shape, **count)).map(|(shape, _)| *shape).collect();
        kept.sort_unstable();
        let numbers: HashMap<Shape, u32> =
            kept.iter().enumerate().map(|(number, shape)| (*shape, number as u32)).collect();
        let texts =
            shapes.iter().map(|found| found.iter().filter_map(|shape| numbers.get(shape).copied()).collect()).collect();
        let word = |id: u32| surface(&lexicon, id, surfaces.get(&id));
        let written = kept
            .iter()
            .map(|shape| match shape {
                Shape::Word(id) => word(*id),
                Shape::Pair(a, b) => format!("{} {}", word(*a), word(*b)),
                Shape::Three(a, b, c) => format!("{} {} {}", word(*a), word(*b), word(*c)),
            })
            .collect();
        let held = kept.iter().map(|shape| held[shape]).collect();
        Ok(Phrasebook { written, held, texts })
    }

    fn len(&self) -> usize {
        self.written.len()
    }
}

/// The commonest way to write a word that folds to this number alone; its stem when there is none.
fn surface(lexicon: &Lexicon, id: u32, seen: Option<&BTreeMap<String, u32>>) -> String {
    let mut forms: Vec<(&String, u32)> = seen.into_iter().flatten().map(|(form, count)| (form, *count)).collect();
    forms.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let alone = |form: &&(&String, u32)| {
        let mut words = Vec::new();
        lexicon.read(form.0, &mut words);
        matches!(words.as_slice(), [word] if word.id == id)
    };
    forms.iter().find(alone).map_or_else(|| lexicon.stem_of(id).to_owned(), |(form, _)| (*form).clone())
}

/// Weights of every phrase for every topic.
struct Model {
    topics: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Model {
    /// Trains on all phrases, keeps those that matter, trains again on these.
    fn train(texts: &[Text], topics: usize, phrases: usize) -> Model {
        let mut model = Model { topics, weights: vec![0.0; topics * phrases], bias: vec![0.0; topics] };
        let all = vec![true; topics * phrases];
        model.rounds(texts, &all, ROUNDS);
        let kept = model.thin(texts, phrases);
        for (weight, kept) in model.weights.iter_mut().zip(&kept) {
            *weight = if *kept { *weight } else { 0.0 };
        }
        model.rounds(texts, &kept, ROUNDS / 2);
        model
    }

    fn rounds(&mut self, texts: &[Text], kept: &[bool], rounds: usize) {
        let topics = self.topics;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        let mut points = vec![0.0f32; topics];
        for round in 0..rounds {
            shuffle(&mut order, round as u64 + 1);
            let rate = 3.0 / (1.0 + round as f32 * 0.15);
            for index in &order {
                let text = &texts[*index];
                self.points(text, &mut points);
                // Each topic by itself says yes or no: what nobody says yes to is `other`.
                points.iter_mut().for_each(|point| *point = 1.0 / (1.0 + (-*point).exp()));
                points[text.topic] -= 1.0;
                // Long texts have many phrases: each moves less, or the sum would overshoot.
                let step = rate / (1.0 + text.phrases.len() as f32).sqrt();
                for (topic, miss) in points.iter().enumerate() {
                    if miss.abs() < 1e-3 {
                        continue;
                    }
                    self.bias[topic] -= rate * 0.02 * miss;
                    for phrase in &text.phrases {
                        let at = *phrase as usize * topics + topic;
                        if kept[at] {
                            self.weights[at] -= step * miss;
                        }
                    }
                }
            }
            // What is not confirmed fades.
            self.weights.iter_mut().for_each(|weight| *weight *= 0.95);
        }
    }

    fn points(&self, text: &Text, points: &mut [f32]) {
        points.copy_from_slice(&self.bias);
        for phrase in &text.phrases {
            let at = *phrase as usize * self.topics;
            for (point, weight) in points.iter_mut().zip(&self.weights[at..at + self.topics]) {
                *point += weight;
            }
        }
    }

    /// The phrases worth writing down: the heaviest of each topic, weighed by how many texts hold them.
    fn thin(&self, texts: &[Text], phrases: usize) -> Vec<bool> {
        let mut held = vec![0u32; phrases];
        texts.iter().flat_map(|text| &text.phrases).for_each(|phrase| held[*phrase as usize] += 1);
        let mut kept = vec![false; self.weights.len()];
        for topic in 0..self.topics {
            let worth = |phrase: usize| self.weights[phrase * self.topics + topic].abs() * (held[phrase] as f32).sqrt();
            let mut order: Vec<usize> = (0..phrases).filter(|phrase| worth(*phrase) > LEAST_WEIGHT).collect();
            order.sort_by(|a, b| worth(*b).total_cmp(&worth(*a)).then(a.cmp(b)));
            order.iter().take(PHRASES).for_each(|phrase| kept[phrase * self.topics + topic] = true);
        }
        kept
    }

    /// Threshold and margin below which a text is `other`: found on unseen texts, with those that have no topic where some
    /// are known; else so that hardly any right verdict is lost.
    fn limits(&self, texts: &[Text], other: Option<usize>) -> (f32, f32) {
        let mut points = vec![0.0; self.topics];
        let mut judged = Vec::new();
        for text in texts {
            self.points(text, &mut points);
            let own = |topic: &usize| Some(*topic) != other;
            let best = (0..self.topics).filter(own).max_by(|a, b| points[*a].total_cmp(&points[*b])).unwrap_or(0);
            let rest = (0..self.topics).filter(own).filter(|topic| *topic != best);
            let next = rest.map(|topic| points[topic]).fold(f32::MIN, f32::max);
            let beaten = other.is_some_and(|other| points[other] > points[best]);
            judged.push(Trial {
                points: points[best],
                lead: points[best] - next,
                right: best == text.topic && !beaten,
                stranger: Some(text.topic) == other,
                beaten,
            });
        }
        let strangers = judged.iter().filter(|trial| trial.stranger).count();
        let in_scope = (judged.len() - strangers).max(1) as f32;
        let grid = |mut values: Vec<f32>| {
            values.sort_by(f32::total_cmp);
            (0..40).filter_map(|step| values.get(values.len() * step / 100).copied()).collect::<Vec<_>>()
        };
        let thresholds = grid(judged.iter().map(|trial| trial.points).collect());
        let margins = grid(judged.iter().map(|trial| trial.lead).collect());
        let mut best = (f32::MIN, -1000.0, 0.0);
        for threshold in std::iter::once(-1000.0).chain(thresholds) {
            for margin in std::iter::once(0.0).chain(margins.iter().copied()) {
                let passes = |trial: &&Trial| trial.points >= threshold && trial.lead >= margin;
                let right = judged.iter().filter(|trial| trial.right).filter(passes).count() as f32 / in_scope;
                let away = |trial: &&Trial| trial.stranger && (trial.beaten || !passes(trial));
                let away = judged.iter().filter(away).count() as f32 / strangers.max(1) as f32;
                // A share of right verdicts is worth six times the same share of strangers kept out.
                let worth = right + 0.16 * away - 1e-6 * margin;
                if worth > best.0 {
                    best = (worth, threshold, margin);
                }
            }
        }
        ((best.1 * 100.0).floor() / 100.0, (best.2.max(0.0) * 100.0).floor() / 100.0)
    }

    /// The phrases of one topic with their weights, heaviest first.
    fn written<'p>(&self, topic: usize, phrasebook: &'p Phrasebook) -> Vec<(&'p str, f32)> {
        let mut found: Vec<(usize, f32)> = (0..phrasebook.len())
            .map(|phrase| (phrase, self.weights[phrase * self.topics + topic]))
            .filter(|(_, weight)| weight.abs() >= LEAST_WEIGHT)
            .collect();
        found.sort_by(|a, b| {
            b.1.total_cmp(&a.1).then(phrasebook.held[b.0].cmp(&phrasebook.held[a.0])).then(a.0.cmp(&b.0))
        });
        let mut seen = BTreeMap::new();
        found
            .into_iter()
            .map(|(phrase, weight)| (phrasebook.written[phrase].as_str(), weight))
            .filter(|(phrase, _)| seen.insert(*phrase, ()).is_none())
            .collect()
    }
}

/// How an unseen text came out.
struct Trial {
    points: f32,
    lead: f32,
    right: bool,
    stranger: bool,
    beaten: bool,
}

/// The same order for the same seed, everywhere.
fn shuffle(order: &mut [usize], seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for at in (1..order.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (state >> 33) as usize % (at + 1));
    }
}

/// Up to fifteen texts of the topic that the model judges right, spread over the surest and the hardest.
fn examples<'s>(samples: &'s [Labelled], texts: &[Text], model: &Model, topic: usize) -> Vec<&'s str> {
    let mut points = vec![0.0; model.topics];
    let mut right = Vec::new();
    for (sample, text) in samples.iter().zip(texts).filter(|(_, text)| text.topic == topic) {
        model.points(text, &mut points);
        let rest =
            (0..model.topics).filter(|other| *other != topic).map(|other| points[other]).fold(f32::MIN, f32::max);
        if points[topic] > rest + 0.5 {
            right.push((points[topic] - rest, sample.text.trim()));
        }
    }
    right.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let step = (right.len() / 15).max(1);
    right.iter().step_by(step).take(15).map(|(_, text)| *text).collect()
}

fn sheet(id: &str, label: &str, prior: f32, limits: (f32, f32), weights: &[(&str, f32)], examples: &[&str]) -> String {
    let mut out = String::from("# Learned from labelled texts; edit it like any other topic.\n");
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "id = {}\nlabel = {}\ncampaign = \"optional\"", quoted(id), quoted(label));
    let _ = writeln!(out, "prior = {prior:.2}\nthreshold = {:.2}\nmargin = {:.2}\n\n[weights]", limits.0, limits.1);
    for (phrase, weight) in weights {
        let _ = writeln!(out, "{} = {weight:.2}", quoted(phrase));
    }
    for example in examples {
        let _ = writeln!(out, "\n[[example]]\ntext = {}", quoted(example));
    }
    out
}
