//! What would have changed a verdict: the lead of its topic, or what the best one lacks, and the signals and words without
//! which another would have won.
//!
//! Judges again with less of what was found; scans nothing anew.

use std::collections::HashSet;

use crate::request::evidence::Evidence;
use crate::rules::Rules;
use crate::rules::judge::{OTHER, leaned};
use crate::rules::scan::Scan;

/// What speaks for a verdict, or against its rival: a signal of a topic, or a word that leans to it.
struct Part {
    topic: usize,
    word: Option<u32>,
    found: Evidence,
}

/// A judgement to be tried with less.
pub struct Trial<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// What they found.
    pub scan: &'a Scan<'a>,
    /// The points of every topic by signals.
    pub signalled: &'a [f64],
    /// And with what words lean to.
    pub scores: &'a [f64],
}

impl Trial<'_> {
    /// What holds a topic up that won, and over whom.
    pub fn of_winner(&self, own: usize, rival: Option<usize>) -> Vec<String> {
        let topic = &self.rules.compiled.topics[own];
        let over = self.scores[own] - self.threshold(own);
        let mut said = vec![];
        let mut lead = f64::INFINITY;
        match rival {
            None => said.push("there is no other topic".to_owned()),
            Some(rival) => {
                lead = self.scores[own] - self.scores[rival];
                let alone = if self.speaks(rival) { "" } else { ", which nothing speaks for" };
                said.push(format!("it leads {} by {lead:.2} points{alone}", self.shown(rival)));
                if self.is_other(rival) {
                    let prior = self.rules.compiled.topics[rival].prior + lead;
                    said.push(format!("with a prior of `{OTHER}` over {prior:.2} it would be `{OTHER}`"));
                } else {
                    lead -= topic.margin;
                }
            }
        }
        if over < lead {
            said.push(format!("it has {over:.2} points more than its threshold of {:.2}", self.threshold(own)));
        }
        said.extend(self.without(Some(own), rival, true));
        said
    }

    /// What keeps the best topic from winning over `other`.
    pub fn of_other(&self, best: Option<usize>) -> Vec<String> {
        let compiled = &self.rules.compiled;
        let Some(best) = best else { return vec!["there is no other topic".to_owned()] };
        let (topic, (_, next)) = (&compiled.topics[best], compiled.best(self.scores));
        let to_threshold = self.threshold(best) - self.scores[best];
        let to_other = compiled.other().map_or(f64::NEG_INFINITY, |other| self.scores[other] - self.scores[best]);
        let to_lead = next.map_or(f64::NEG_INFINITY, |next| self.scores[next] + topic.margin - self.scores[best]);
        let lacks = to_threshold.max(to_other).max(to_lead);
        let spoken_for = (0..compiled.topics.len()).any(|topic| !self.is_other(topic) && self.speaks(topic));
        let mut said = vec![];
        if !spoken_for {
            said.push("no signal of any topic fired: it takes a phrase of one".to_owned());
        }
        let shown = self.shown(best);
        match next {
            Some(next) if lacks == to_lead => said.push(format!(
                "{shown} leads {} by {:.2} points, less than its margin of {:.2}",
                self.shown(next),
                self.scores[best] - self.scores[next],
                topic.margin
            )),
            _ if lacks == to_other => said.push(format!("`{OTHER}` leads {shown} by {lacks:.2} points")),
            _ => said.push(format!("{shown} lacks {lacks:.2} points to its threshold of {:.2}", self.threshold(best))),
        }
        said.push(format!("{lacks:.2} more points for `{}` would make it the topic", topic.id.0));
        if let Some(other) = compiled.other().filter(|_| to_other > 0.0 && to_threshold.max(to_lead) <= 0.0) {
            let prior = compiled.topics[other].prior - to_other;
            said.push(format!("with a prior of `{OTHER}` of {prior:.2} or less it would be `{}`", topic.id.0));
        }
        said.extend(self.without(compiled.other(), Some(best), false));
        said
    }

    /// The signals and the words without which the verdict would be another: for the verdict, and against its rival.
    /// `together`: where no single one decides, those that do together.
    fn without(&self, own: Option<usize>, rival: Option<usize>, together: bool) -> Vec<String> {
        let compiled = &self.rules.compiled;
        let verdict = self.rules.chosen(self.scan, self.scores);
        let fired = |topic: Option<usize>, sign: f64| {
            let fired = topic.map(|topic| (topic, compiled.fired(topic as u16, self.scan)));
            let evidence = |(topic, fired): (usize, Vec<_>)| {
                compiled.evidence(self.scan, &fired).into_iter().map(move |found| (topic, found)).collect::<Vec<_>>()
            };
            let found = fired.map(evidence).unwrap_or_default();
            found.into_iter().filter(move |(_, found)| found.weight * sign > 0.0)
        };
        let mut found: Vec<(usize, Evidence)> = fired(own, 1.0).chain(fired(rival, -1.0)).collect();
        found.sort_by(|(_, a), (_, b)| b.weight.abs().total_cmp(&a.weight.abs()));
        let words = own.into_iter().flat_map(|own| {
            let leanings = compiled.all_leanings_of(own as u16, self.scan).into_iter();
            leanings.filter(|(_, found)| found.weight > 0.0).map(move |(word, found)| Part {
                topic: own,
                word: Some(word),
                found,
            })
        });
        let mut parts: Vec<Part> = found.into_iter().map(|(topic, found)| Part { topic, word: None, found }).collect();
        parts.extend(words);
        let instead = |gone: &[&Part]| Some(self.chosen_without(gone)).filter(|now| *now != verdict);
        let mut said: Vec<String> = vec![];
        for part in &parts {
            let what = match part.word {
                None => format!("`{}` (\"{}\")", part.found.rule, part.found.text),
                Some(_) => format!("the word \"{}\"", part.found.text),
            };
            said.extend(instead(&[part]).map(|now| format!("without {what} it would be `{now}`")));
        }
        if said.is_empty() && together && !parts.is_empty() {
            parts.sort_by(|a, b| b.found.weight.abs().total_cmp(&a.found.weight.abs()));
            let parts: Vec<&Part> = parts.iter().collect();
            let fall = (1..=parts.len()).find_map(|count| Some((count, instead(&parts[..count])?)));
            said.push(match fall {
                Some((count, now)) => {
                    let mut texts: Vec<String> =
                        parts[..count].iter().map(|part| format!("\"{}\"", part.found.text)).collect();
                    let mut seen = HashSet::new();
                    texts.retain(|text| seen.insert(text.clone()));
                    format!("nothing decides alone: without {} together it would be `{now}`", texts.join(", "))
                }
                None => "without all that is told of it, it stays".to_owned(),
            });
        }
        said
    }

    /// The verdict without these signals and words.
    fn chosen_without(&self, gone: &[&Part]) -> &str {
        let compiled = &self.rules.compiled;
        let mut signalled = self.signalled.to_vec();
        gone.iter().filter(|part| part.word.is_none()).for_each(|part| signalled[part.topic] -= part.found.weight);
        let words: Vec<u32> = gone.iter().filter_map(|part| part.word).collect();
        let leant = compiled.held(compiled.summed(self.scan, &words), self.scan, &signalled);
        self.rules.chosen(self.scan, &leaned(signalled, &leant))
    }

    fn threshold(&self, topic: usize) -> f64 {
        self.rules.compiled.threshold(topic, self.scan)
    }

    fn is_other(&self, topic: usize) -> bool {
        self.rules.compiled.other() == Some(topic)
    }

    /// Whether anything gave it points, or took them away again.
    fn speaks(&self, topic: usize) -> bool {
        let compiled = &self.rules.compiled;
        self.scores[topic] > compiled.prior(topic, self.scan) || !compiled.fired(topic as u16, self.scan).is_empty()
    }

    /// A topic with its points.
    fn shown(&self, topic: usize) -> String {
        format!("`{}` ({:.2})", self.rules.compiled.topics[topic].id.0, self.scores[topic])
    }
}
