//! Proving: every example and counter-example of every topic, judged by the rules they stand in.
//!
//! Says what is right and wrong a topic, what is taken for what, and which examples hang by one signal only.

use std::collections::BTreeMap;

use serde::Serialize;

use super::judge::OTHER;
use super::topic::Example;
use super::{Rules, Topic};
use crate::request::{Field, FieldKey, Request};

/// How all examples fared.
#[derive(Debug, Default, Serialize)]
pub struct Proof {
    /// A row a topic, in the order of the files.
    pub topics: Vec<Row>,
    /// Every example that came out wrong.
    pub wrong: Vec<Wrong>,
    /// Expected topic, judged topic, how often.
    pub confusions: Vec<Confusion>,
    /// Examples that only one signal carries: edit it, and they fall.
    pub thin: Vec<Thin>,
}

/// One topic's examples.
#[derive(Debug, Default, Serialize)]
pub struct Row {
    /// The topic.
    pub topic: String,
    /// Examples that came to it.
    pub right: usize,
    /// All its examples.
    pub examples: usize,
    /// Counter-examples that stayed away.
    pub kept_out: usize,
    /// All its counter-examples.
    pub counter_examples: usize,
}

/// An example that came out wrong.
#[derive(Debug, Serialize)]
pub struct Wrong {
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// Its first words.
    pub text: String,
    /// What it should be; `not x` for a counter-example.
    pub expected: String,
    /// What it was judged to be.
    pub judged: String,
    /// The signals that decided it, with their weights.
    pub because: Vec<(String, f64)>,
}

/// One topic taken for another.
#[derive(Debug, Serialize)]
pub struct Confusion {
    /// What it should be.
    pub expected: String,
    /// What it was judged to be.
    pub judged: String,
    /// How often.
    pub times: usize,
}

/// An example that hangs by one signal.
#[derive(Debug, Serialize)]
pub struct Thin {
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// The signal.
    pub signal: String,
}

impl Proof {
    /// Whether every example came out right.
    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Whether there was nothing to judge.
    pub fn is_empty(&self) -> bool {
        self.topics.iter().all(|row| row.examples + row.counter_examples == 0)
    }
}

impl Rules {
    /// Judges all examples.
    pub fn prove(&self) -> Proof {
        let mut proof = Proof::default();
        let mut confusions: BTreeMap<(String, String), usize> = BTreeMap::new();
        for written in &self.compiled.topics {
            let id = &written.id.0;
            let mut row = Row { topic: id.clone(), ..Row::default() };
            for example in &written.examples {
                let judged = self.topic(&request(example));
                let right = match (example.belongs, &example.topic) {
                    (true, _) => judged.id == *id,
                    (false, Some(topic)) => judged.id == *topic,
                    (false, None) => judged.id != *id,
                };
                match example.belongs {
                    true => (row.examples, row.right) = (row.examples + 1, row.right + usize::from(right)),
                    false => {
                        (row.counter_examples, row.kept_out) =
                            (row.counter_examples + 1, row.kept_out + usize::from(right));
                    }
                }
                if !right {
                    let expected = match (example.belongs, &example.topic) {
                        (true, _) => id.clone(),
                        (false, Some(topic)) => topic.clone(),
                        (false, None) => format!("not {id}"),
                    };
                    *confusions.entry((expected.clone(), judged.id.clone())).or_default() += 1;
                    proof.wrong.push(wrong(&written.file, example, expected, &judged));
                } else if example.belongs && id != OTHER {
                    let carriers: Vec<_> = judged.evidence.iter().filter(|found| found.weight > 0.0).collect();
                    if let [only] = carriers.as_slice() {
                        let (file, line) = (written.file.clone(), example.line);
                        proof.thin.push(Thin { file, line, signal: only.rule.clone() });
                    }
                }
            }
            proof.topics.push(row);
        }
        let row = |((expected, judged), times)| Confusion { expected, judged, times };
        proof.confusions = confusions.into_iter().map(row).collect();
        proof.confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.times));
        proof
    }
}

fn wrong(file: &str, example: &Example, expected: String, judged: &Topic) -> Wrong {
    Wrong {
        file: file.to_owned(),
        line: example.line,
        text: format!("{} {}", example.subject, example.text).trim().chars().take(80).collect(),
        expected,
        judged: judged.id.clone(),
        because: judged.evidence.iter().map(|found| (found.rule.clone(), found.weight)).collect(),
    }
}

/// An example as the request it stands for.
pub fn request(example: &Example) -> Request {
    let pick = example.pick.iter().map(|value| Field {
        key: FieldKey::HelpTopic,
        label: "Help Topic".into(),
        value: value.clone(),
    });
    Request {
        subject: example.subject.clone(),
        text: example.text.clone(),
        fields: pick.collect(),
        ..Request::default()
    }
}
