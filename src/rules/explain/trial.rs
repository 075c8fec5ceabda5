//! What would have changed a verdict: the lead of its topic, or what the best one lacks, and the words without which
//! another would have won.
//!
//! What it says of words is tried: the request is judged again without them. Never changes the request itself.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde::Serialize;

use crate::request::evidence::{Evidence, Where};
use crate::request::{Field, Request};
use crate::rules::judge::{OTHER, leaned};
use crate::rules::scan::Scan;
use crate::rules::{Findings, Rules};

/// Words or conditions that are tried at most, the heaviest.
const MOST_TRIED: usize = 60;
/// Words that are told to decide together at most; of more the strongest so many.
const MOST_TOGETHER: usize = 8;
/// How often what comes to count only where other words are gone is looked for.
const MOST_ROUNDS: usize = 4;

/// Words and conditions, all of them, without which the verdict would be another.
#[derive(Debug, Serialize)]
pub struct Without {
    /// The words as they stand in the request; of a condition, what fulfils it.
    pub words: Vec<String>,
    /// The topic that it would be.
    pub topic: String,
}

/// What speaks for a verdict, or against its rival: words, or a condition such as the sender's domain.
struct Part {
    /// The words, in lower case; of a condition, nothing.
    words: String,
    /// What finds these words.
    pattern: Option<Regex>,
    /// Where they stand.
    found: Vec<Evidence>,
    /// Index of the topic that a condition gives points.
    topic: usize,
    /// An everyday word that only leans: nothing that a person could write or leave out.
    everyday: bool,
}

impl Part {
    /// Everyday words behind all others, else the heaviest first.
    fn order(&self, other: &Part) -> Ordering {
        self.everyday.cmp(&other.everyday).then(other.weight().total_cmp(&self.weight()))
    }

    fn weight(&self) -> f64 {
        self.found.iter().map(|found| found.weight.abs()).sum()
    }

    fn shown(&self) -> String {
        let found = &self.found[0];
        if self.words.is_empty() {
            format!("`{}` (\"{}\")", found.rule, found.text)
        } else {
            format!("\"{}\"", found.text)
        }
    }
}

/// A judgement to be tried with less.
pub struct Trial<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// What they found.
    pub findings: &'a Findings<'a>,
    /// The points of every topic.
    pub scores: &'a [f64],
    /// Whether words that lean say something of the matter.
    pub tells: &'a dyn Fn(&Evidence) -> bool,
}

impl Trial<'_> {
    /// What holds a topic up that won, and over whom.
    pub fn of_winner(&self, own: usize, rival: Option<usize>) -> (Vec<String>, Vec<Without>) {
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
        let (without, tried) = self.without(Some(own), rival, Some(over.min(lead)));
        said.extend(without);
        (said, tried)
    }

    /// What keeps the best topic from winning over `other`.
    pub fn of_other(&self, best: Option<usize>) -> (Vec<String>, Vec<Without>) {
        let compiled = &self.rules.compiled;
        let Some(best) = best else { return (vec!["there is no other topic".to_owned()], vec![]) };
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
        let (without, tried) = self.without(compiled.other(), Some(best), None);
        said.extend(without);
        (said, tried)
    }

    /// The words and conditions without which the verdict would be another: for the verdict, and against its rival.
    /// `together`: where no single one decides, those that do together; the points that they hold it up by.
    fn without(&self, own: Option<usize>, rival: Option<usize>, together: Option<f64>) -> (Vec<String>, Vec<Without>) {
        let scan = &self.findings.scan;
        let verdict = self.rules.chosen(scan, self.scores);
        let mut parts = self.parts(own, rival, scan);
        let instead = |gone: &[&Part]| Some(self.chosen_without(gone)).filter(|now| *now != verdict);
        let tried = |gone: &[&Part], now: &str| Without {
            words: gone.iter().map(|part| part.found[0].text.clone()).collect(),
            topic: now.to_owned(),
        };
        let singles = parts.iter().filter(|part| !part.everyday);
        let alone: Vec<(&Part, &str)> = singles.filter_map(|part| Some((part, instead(&[part])?))).collect();
        let Some(points) = together.filter(|_| alone.is_empty() && !parts.is_empty()) else {
            let said = |(part, now): &(&Part, &str)| format!("without {} it would be `{now}`", part.shown());
            return (alone.iter().map(said).collect(), alone.iter().map(|(part, now)| tried(&[part], now)).collect());
        };
        // A signal is told in its strongest place: without it, another one may keep it alive.
        for _ in 0..MOST_ROUNDS {
            let gone: Vec<&Part> = parts.iter().collect();
            if instead(&gone).is_some() {
                break;
            }
            let request = blanked(scan, &gone);
            let mut more = self.parts(own, rival, &self.scan_anew(&request));
            more.retain(|part| !parts.iter().any(|known| known.words == part.words));
            if more.is_empty() {
                break;
            }
            parts.extend(more);
        }
        parts.sort_by(Part::order);
        let parts: Vec<&Part> = parts.iter().collect();
        let Some(count) = (1..=parts.len()).find(|count| instead(&parts[..*count]).is_some()) else {
            return (vec!["without all that is told of it, it stays".to_owned()], vec![]);
        };
        // Not all that are heavier are needed.
        let mut needed = parts[..count].to_vec();
        for at in (0..count).rev() {
            let one = needed.remove(at);
            if instead(&needed).is_none() {
                needed.insert(at, one);
            }
        }
        let now = instead(&needed).unwrap_or_default();
        let tried = vec![tried(&needed, now)];
        let everyday = needed.iter().filter(|part| part.everyday).count();
        needed.retain(|part| !part.everyday);
        let words = if everyday == 1 { "everyday word" } else { "everyday words" };
        if needed.is_empty() {
            return (vec![format!("without {everyday} {words} together, which only lean, it would be `{now}`")], tried);
        }
        let and_more = if everyday == 0 { String::new() } else { format!(" and {everyday} {words}") };
        let shown: Vec<String> = needed.iter().take(MOST_TOGETHER).map(|part| part.shown()).collect();
        let shown = shown.join(", ");
        let said = match needed.len().saturating_sub(MOST_TOGETHER) {
            0 => format!("nothing decides alone: without {shown}{and_more} together it would be `{now}`"),
            rest => format!(
                "nothing decides alone: {points:.2} points away it would be `{now}`, without {} words{and_more} together, the strongest {shown}, and {rest} more (`--format json` has all)",
                needed.len()
            ),
        };
        (vec![said], tried)
    }

    /// What gives a topic its points, and takes them from its rival, the heaviest first, everyday words behind all others.
    fn parts(&self, own: Option<usize>, rival: Option<usize>, scan: &Scan<'_>) -> Vec<Part> {
        let compiled = &self.rules.compiled;
        let mut parts: Vec<Part> = vec![];
        let mut add = |topic: usize, in_words: bool, everyday: bool, found: Evidence| {
            let words = if in_words { found.text.to_lowercase() } else { String::new() };
            match parts.iter_mut().find(|part| in_words && part.words == words) {
                Some(part) => {
                    part.everyday &= everyday;
                    part.found.push(found);
                }
                None => {
                    let pattern = RegexBuilder::new(&regex::escape(&found.text)).case_insensitive(true).build();
                    let pattern = pattern.ok().filter(|_| in_words);
                    parts.push(Part { words, pattern, found: vec![found], topic, everyday });
                }
            }
        };
        for (topic, sign) in own.map(|own| (own, 1.0)).into_iter().chain(rival.map(|rival| (rival, -1.0))) {
            for fired in compiled.fired(topic as u16, scan) {
                let found = compiled.evidence(scan, &[fired]).into_iter().filter(|found| found.weight * sign > 0.0);
                found.for_each(|found| add(topic, fired.spot.is_some(), false, found));
            }
            let leanings = compiled.all_leanings_of(topic as u16, scan).into_iter();
            let leanings = leanings.filter(|found| found.weight * sign > 0.0);
            leanings.for_each(|found| add(topic, true, !(self.tells)(&found), found));
        }
        parts.sort_by(Part::order);
        parts.truncate(MOST_TRIED);
        parts
    }

    /// One pass over a request that is this one but for some words.
    fn scan_anew<'r>(&self, request: &'r Request) -> Scan<'r> {
        let Findings { scan, pick } = self.findings;
        let mut anew = self.rules.compiled.scan(request, *pick);
        anew.mark_named(&self.rules.compiled.net, scan.named.clone());
        anew
    }

    /// The verdict on the request without these words, wherever they stand, and without these conditions.
    fn chosen_without(&self, gone: &[&Part]) -> &str {
        let compiled = &self.rules.compiled;
        let request = blanked(&self.findings.scan, gone);
        let scan = self.scan_anew(&request);
        let mut signalled = compiled.signalled(&scan);
        for part in gone.iter().filter(|part| part.words.is_empty()) {
            signalled[part.topic] -= part.found.iter().map(|found| found.weight).sum::<f64>();
        }
        let leant = compiled.leant(&scan, &compiled.leaning(&scan), &signalled);
        let by_signals = compiled.chosen(&scan, &signalled);
        let decided = compiled.decided(&scan, by_signals, &signalled, &leaned(signalled.clone(), &leant));
        decided.map_or(OTHER, |topic| compiled.topics[topic].id.0.as_str())
    }

    fn threshold(&self, topic: usize) -> f64 {
        self.rules.compiled.threshold(topic, &self.findings.scan)
    }

    fn is_other(&self, topic: usize) -> bool {
        self.rules.compiled.other() == Some(topic)
    }

    /// Whether anything gave it points, or took them away again.
    fn speaks(&self, topic: usize) -> bool {
        let compiled = &self.rules.compiled;
        self.scores[topic] > compiled.prior(topic, &self.findings.scan)
            || !compiled.fired(topic as u16, &self.findings.scan).is_empty()
    }

    /// A topic with its points.
    fn shown(&self, topic: usize) -> String {
        format!("`{}` ({:.2})", self.rules.compiled.topics[topic].id.0, self.scores[topic])
    }
}

/// A request with spaces in place of these words, wherever they stand as words.
fn blanked(scan: &Scan<'_>, gone: &[&Part]) -> Request {
    let mut request = scan.request.clone();
    for (at, zone) in scan.zones.iter().enumerate() {
        let read = scan.words_of(at);
        let mut text = zone.text.to_owned();
        for part in gone {
            let told = |start: usize, end: usize| {
                part.found.iter().any(|found| found.place == zone.place && (found.start, found.end) == (start, end))
            };
            for found in part.pattern.iter().flat_map(|pattern| pattern.find_iter(zone.text)) {
                let begins = read.iter().any(|word| word.start as usize == found.start());
                let ends = read.iter().any(|word| word.end as usize == found.end());
                if begins && ends || told(found.start(), found.end()) {
                    text.replace_range(found.range(), &" ".repeat(found.len()));
                }
            }
        }
        let place = match zone.place {
            Where::Subject => Some(&mut request.subject),
            Where::Text => Some(&mut request.text),
            Where::Forwarded => Some(&mut request.forwarded),
            Where::Quoted => Some(&mut request.quoted),
            Where::Signature => Some(&mut request.signature),
            Where::Attachment => request.attachments.get_mut(zone.index).map(|attachment| &mut attachment.name),
            Where::Link => request.links.get_mut(zone.index),
            Where::Form => {
                let this = |field: &&mut Field| Some(field.label.as_str()) == zone.field && field.value == zone.text;
                request.fields.iter_mut().find(this).map(|field| &mut field.value)
            }
            Where::Header => None,
        };
        if let Some(place) = place {
            *place = text;
        }
    }
    request
}
