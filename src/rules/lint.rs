//! Checking: what compiles and yet is no good. Signals that cannot fire, phrases written twice or swallowed by a shorter
//! one, contradictions, and signals that pull another topic's examples away.

use std::collections::HashMap;

use serde::Serialize;

use super::compile::{Compiled, Owner, Signal, Written, compile};
use super::judge::Pick;
use super::prove::request;
use super::{Files, topic};
use crate::config::fault::Fault;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The rules cannot be used.
    Fault,
    /// Something does not do what its writer thinks.
    Warning,
    /// Worth a look.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad.
    pub weight: Weight,
    /// Where, what, and what to do about it.
    #[serde(flatten)]
    pub fault: Fault,
}

/// Checks the topics, words and routing of a folder: faults first, each list in file and line order.
pub fn lint(files: &Files) -> Vec<Finding> {
    let mut written = vec![];
    let compiled = match compile(files, |phrases| written.push(phrases)) {
        Ok(compiled) => compiled,
        Err(faults) => return faults.into_iter().map(|fault| Finding { weight: Weight::Fault, fault }).collect(),
    };
    let mut findings = Findings(vec![]);
    for (signal, phrases) in compiled.signals.iter().zip(&written) {
        findings.of_one(&compiled, signal, phrases);
    }
    findings.of_twins(&compiled, &written);
    findings.of_examples(&compiled);
    findings.0.sort();
    findings.0.dedup();
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, weight: Weight, file: &str, line: usize, message: String, remedy: impl Into<String>) {
        let fault = Fault { file: file.into(), line, message, remedy: remedy.into() };
        self.0.push(Finding { weight, fault });
    }

    /// What one signal shows by itself.
    fn of_one(&mut self, compiled: &Compiled, signal: &Signal, phrases: &Written) {
        let (file, line) = (signal.file.as_str(), signal.written.line);
        if signal.written.weight == 0.0 && matches!(signal.owner, Owner::Topic(_)) {
            let message = format!("`{}` weighs nothing", signal.name);
            self.add(Weight::Warning, file, line, message, "give it a weight, or delete it");
        }
        let texts: Vec<_> = phrases.iter().map(|(number, phrase)| (words_of(compiled, *number), phrase)).collect();
        for (index, (words, phrase)) in texts.iter().enumerate() {
            let bar = signal.unless.iter().map(|bar| words_of(compiled, *bar)).find(|bar| holds(words, bar));
            if bar.is_some() {
                let message = format!("{:?} can never fire: `unless` holds words of it", phrase.text);
                self.add(Weight::Warning, file, phrase.line, message, "take one of the two out");
            }
            for (other, (shorter, by)) in texts.iter().enumerate() {
                if other == index {
                    continue;
                }
                if words == shorter && other < index {
                    let message = format!("{:?} says the same as {:?} on line {}", phrase.text, by.text, by.line);
                    self.add(Weight::Warning, file, phrase.line, message, "delete one of them");
                    break;
                }
                if words != shorter && holds(words, shorter) && signal.near.is_empty() {
                    let message =
                        format!("{:?} adds nothing: {:?} on line {} fires first", phrase.text, by.text, by.line);
                    self.add(Weight::Note, file, phrase.line, message, "delete the longer one");
                    break;
                }
            }
        }
    }

    /// What several signals show together.
    fn of_twins(&mut self, compiled: &Compiled, written: &[Written]) {
        let mut seen: HashMap<(u32, u16), (&Signal, &topic::Phrase)> = HashMap::new();
        let mut by_name: HashMap<&str, &Signal> = HashMap::new();
        for (signal, phrases) in compiled.signals.iter().zip(written) {
            if let Some(first) = by_name.insert(&signal.name, signal).filter(|_| !signal.written.short) {
                let message = format!("`{}` is the name of the signal on line {} too", signal.name, first.written.line);
                self.add(Weight::Warning, &signal.file, signal.written.line, message, "give it a name of its own");
            }
            let Owner::Topic(topic) = signal.owner else { continue };
            for (number, phrase) in phrases.iter().filter(|_| signal.simple) {
                if let Some((other, twin)) =
                    seen.insert((*number, topic), (signal, phrase)).filter(|(other, _)| other.name != signal.name)
                {
                    let contradicts = (other.written.weight > 0.0) != (signal.written.weight > 0.0);
                    let message = match contradicts {
                        true => format!("{:?} counts against what line {} says", phrase.text, twin.line),
                        false => format!(
                            "{:?} stands in `{}` too (line {}): it counts twice",
                            phrase.text, other.name, twin.line
                        ),
                    };
                    self.add(Weight::Warning, &signal.file, phrase.line, message, "delete one of them");
                }
            }
        }
    }

    /// Signals that alone turn another topic's example.
    fn of_examples(&mut self, compiled: &Compiled) {
        for (home, written) in compiled.topics.iter().enumerate() {
            for example in written.examples.iter().filter(|example| example.belongs && example.pick.is_none()) {
                let request = request(example);
                let scan = compiled.scan(&request, Pick::None);
                let scores = compiled.scores(&scan);
                let (Some(best), next) = compiled.best(&scores) else { continue };
                if best == home || !compiled.is_plain(&scores, best, next) {
                    continue;
                }
                for fired in compiled.fired(best as u16, &scan) {
                    let signal = &compiled.signals[fired.signal as usize];
                    if scores[best] - signal.written.weight * fired.factor <= scores[home] {
                        let message = format!(
                            "`{}` takes the example on line {} of {} to `{}`",
                            signal.name, example.line, written.file, compiled.topics[best].id.0
                        );
                        let remedy = "lower its weight, add `unless`, or give the other topic a signal";
                        self.add(Weight::Warning, &signal.file, signal.written.line, message, remedy);
                    }
                }
            }
        }
    }
}

/// A phrase's words, its gaps as zeros.
fn words_of(compiled: &Compiled, phrase: u32) -> Vec<u32> {
    let mut words = Vec::new();
    for part in &compiled.net.parts[phrase as usize] {
        if !words.is_empty() {
            words.push(0);
        }
        let packed = &compiled.net.patterns[*part as usize];
        words.extend(packed.chunks(3).map(|id| u32::from_be_bytes([0, id[0], id[1], id[2]])));
    }
    words
}

/// Whether a phrase holds another one whole: then the shorter fires wherever the longer does.
fn holds(words: &[u32], shorter: &[u32]) -> bool {
    !shorter.contains(&0) && words.windows(shorter.len()).any(|window| window == shorter)
}
