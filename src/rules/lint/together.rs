//! What several signals, rules and topics show together.

use std::collections::HashMap;

use super::{Findings, Weight, covers, words_of};
use crate::rules::compile::{Compiled, Owner, Signal, Written, usual_places};
use crate::rules::example::Example;
use crate::rules::fold::{Piece, fold};
use crate::rules::judge::{OTHER, Pick};
use crate::rules::routing;
use crate::rules::topic::{NEAR_WORDS, Phrase};

/// What makes two signals look at the same: topic, and the conditions beside their words.
type Sight = (u16, String);

impl Findings {
    /// The same words in several signals.
    pub(super) fn of_twins(&mut self, compiled: &Compiled, written: &[Written]) {
        let mut phrases_seen: HashMap<(&[u32], Sight), (&Signal, &Phrase)> = HashMap::new();
        let mut regexes_seen: HashMap<(u32, Sight), (&Signal, usize)> = HashMap::new();
        let mut deciding: HashMap<&[u32], (u16, &Signal, &Phrase)> = HashMap::new();
        let mut by_name: HashMap<&str, &Signal> = HashMap::new();
        for (signal, phrases) in compiled.signals.iter().zip(written) {
            // A phrase with a weight has no other name; its evidence shows the phrase.
            if let Some(first) = by_name.insert(&signal.name, signal).filter(|_| !signal.written.short) {
                let message = format!("`{}` is the name of the signal on line {} too", signal.name, first.written.line);
                self.add(Weight::Warning, &signal.file, signal.written.line, message, "give it a name of its own");
            }
            let Owner::Topic(topic) = signal.owner else { continue };
            let sight = (topic, conditions(signal));
            for (number, phrase) in phrases {
                // The same words, found in compounds or not.
                let parts = compiled.net.parts(*number);
                let twin = phrases_seen.insert((parts, sight.clone()), (signal, phrase));
                if let Some((other, twin)) = twin.filter(|(other, _)| !std::ptr::eq(*other, signal)) {
                    self.twice(signal, &format!("{:?}", phrase.text), phrase.line, other, twin.line);
                }
                let threshold = compiled.topics[usize::from(topic)].threshold;
                if signal.simple && signal.written.weight >= threshold.max(2.0) {
                    let rival = deciding.insert(parts, (topic, signal, phrase));
                    if let Some((_, other, twin)) = rival.filter(|(rival, ..)| *rival != topic) {
                        let message = format!(
                            "{:?} decides for `{}` too ({}:{})",
                            phrase.text, other.name, other.file, twin.line
                        );
                        let remedy = "keep it where it belongs, or let it weigh less in both";
                        self.add(Weight::Warning, &signal.file, phrase.line, message, remedy);
                    }
                }
            }
            for (number, (regex, line)) in signal.regexes.iter().zip(&signal.written.regexes) {
                let twin = regexes_seen.insert((*number, sight.clone()), (signal, *line));
                if let Some((other, twin)) = twin.filter(|(other, _)| !std::ptr::eq(*other, signal)) {
                    self.twice(signal, &format!("the regex {regex:?}"), *line, other, twin);
                }
            }
        }
    }

    fn twice(&mut self, signal: &Signal, what: &str, line: usize, other: &Signal, first: usize) {
        let contradicts = (other.written.weight > 0.0) != (signal.written.weight > 0.0);
        let message = match contradicts {
            true => format!("{what} counts against what line {first} says"),
            false => format!("{what} stands in `{}` too (line {first}): it counts twice", other.name),
        };
        self.add(Weight::Warning, &signal.file, line, message, "delete one of them");
    }

    /// Routing rules that set nothing, and those that an earlier one makes needless: whatever fires them fires it, and it
    /// sets all that they set, or their team.
    pub(super) fn of_shadows(&mut self, compiled: &Compiled) {
        let signal_of = |index: usize| {
            let owned = compiled.owned.get(&Owner::Routing(index as u32))?;
            Some(&compiled.signals[*owned.first()? as usize])
        };
        // Rules by each of their words, or by their conditions alone: only those are looked at.
        let mut by_word: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut by_condition: HashMap<String, Vec<usize>> = HashMap::new();
        for index in 0..compiled.routing.len() {
            let Some(signal) = signal_of(index) else { continue };
            if signal.is_wordless() {
                by_condition.entry(conditions(signal)).or_default().push(index);
            } else if signal.simple {
                let mut words: Vec<u32> =
                    signal.phrases.iter().flat_map(|phrase| words_of(compiled, *phrase)).collect();
                words.sort_unstable();
                words.dedup();
                words
                    .into_iter()
                    .filter(|word| *word != 0)
                    .for_each(|word| by_word.entry(word).or_default().push(index));
            }
        }
        for (index, rule) in compiled.routing.iter().enumerate() {
            let Some(signal) = signal_of(index) else { continue };
            if rule.priority.is_none() && rule.route.is_none() && rule.flags.is_empty() {
                let message = format!("`{}` sets nothing", signal.name);
                let remedy = "give it a priority, a route or flags, or delete it";
                self.add(Weight::Warning, &signal.file, signal.written.line, message, remedy);
                continue;
            }
            let words: Vec<Vec<u32>> = signal.phrases.iter().map(|phrase| words_of(compiled, *phrase)).collect();
            let wordless = signal.is_wordless();
            let mut others: Vec<usize> = if wordless {
                by_condition.get(&conditions(signal)).cloned().unwrap_or_default()
            } else {
                words.first().into_iter().flatten().filter_map(|word| by_word.get(word)).flatten().copied().collect()
            };
            others.sort_unstable();
            others.dedup();
            others.retain(|other| *other != index);
            others.truncate(100);
            others.retain(|other| {
                let Some(by) = signal_of(*other) else { return false };
                let shadowed = |phrase: &u32| by.phrases.iter().any(|shorter| covers(compiled, *phrase, *shorter));
                signal.regexes.is_empty()
                    && is_for_all_of(&compiled.routing[*other], rule)
                    && signal.phrases.iter().all(shadowed)
            });
            let (earlier, _) = others.split_at(others.partition_point(|other| *other < index));
            let higher = others
                .iter()
                .find(|other| rule.priority.is_some() && compiled.routing[**other].priority > rule.priority);
            let all = earlier.iter().find(|earlier| sets_all(&compiled.routing[**earlier], rule));
            let team =
                earlier.iter().find(|earlier| rule.route.is_some() && compiled.routing[**earlier].route.is_some());
            if let Some(by) = all.and_then(|by| signal_of(*by)) {
                let message = format!(
                    "`{}` changes nothing: `{}` on line {} does it all before",
                    signal.name, by.name, by.written.line
                );
                self.add(Weight::Warning, &signal.file, signal.written.line, message, "delete one of them");
            } else if let Some(by) = team.and_then(|by| signal_of(*by)) {
                let message = format!(
                    "`{}` never chooses the team: `{}` on line {} does so before",
                    signal.name, by.name, by.written.line
                );
                let remedy = "put it above, or take its `route` out";
                self.add(Weight::Warning, &signal.file, signal.written.line, message, remedy);
            }
            if let Some((by, higher)) =
                higher.filter(|_| all.is_none()).and_then(|higher| Some((signal_of(*higher)?, *higher)))
            {
                let (own, other) = (rule.priority, compiled.routing[higher].priority);
                let name = |priority: Option<usize>| priority.map_or("", |priority| routing::PRIORITIES[priority]);
                let message = format!(
                    "`{}` never makes it {}: `{}` on line {} makes it {} wherever this one fires",
                    signal.name,
                    name(own),
                    by.name,
                    by.written.line,
                    name(other)
                );
                let remedy = "take its `priority` out, or give the other one an `unless`";
                self.add(Weight::Warning, &signal.file, signal.written.line, message, remedy);
            }
        }
    }

    /// Examples that say one thing here and another there.
    pub(super) fn of_contradictory_examples(&mut self, compiled: &Compiled) {
        let folded = |text: &str| {
            let mut words = String::new();
            fold(text, |piece| match piece {
                Piece::Word(word, ..) => words.extend([word, " "]),
                Piece::Stop => {}
            });
            words
        };
        let mut seen: HashMap<String, Vec<(usize, &Example)>> = HashMap::new();
        for (at, topic) in compiled.topics.iter().enumerate() {
            for example in &topic.examples {
                let (subject, text) = (folded(&example.subject), folded(&example.text));
                // All that comes in, and nothing of what should come of it.
                let request = Example { line: 0, belongs: true, topic: None, subject, text, ..example.clone() };
                let others = seen.entry(format!("{request:?}")).or_default();
                let named = |at: usize, example: &Example| match example.belongs {
                    true => Some(compiled.topics[at].id.0.clone()),
                    false => example.topic.clone(),
                };
                let id = |at: usize| compiled.topics[at].id.0.as_str();
                let contradicts = |(other_at, other): &&(usize, &Example)| {
                    let (own, others) = (named(at, example), named(*other_at, other));
                    match (&own, &others) {
                        (Some(own), Some(others)) => own != others,
                        (Some(own), None) => own == id(*other_at),
                        (None, Some(others)) => others == id(at),
                        (None, None) => false,
                    }
                };
                if let Some((other_at, other)) = others.iter().find(contradicts) {
                    let kind = |example: &Example| if example.belongs { "example" } else { "counter-example" };
                    let message = format!(
                        "this {} of `{}` is the {} of `{}` in {}:{}",
                        kind(example),
                        id(at),
                        kind(other),
                        id(*other_at),
                        compiled.topics[*other_at].file,
                        other.line
                    );
                    self.add(Weight::Warning, &topic.file, example.line, message, "one of the two is wrong: delete it");
                }
                others.push((at, example));
            }
        }
    }

    /// Signals that fire on another topic's examples: those that alone turn one, and the rest.
    pub(super) fn of_examples(&mut self, compiled: &Compiled) {
        let mut at_home: HashMap<u32, usize> = HashMap::new();
        let mut elsewhere: HashMap<u32, (usize, String)> = HashMap::new();
        let other = compiled.other().map_or(f64::NEG_INFINITY, |other| compiled.topics[other].prior);
        for (home, written) in compiled.topics.iter().enumerate() {
            for example in written.examples.iter().filter(|example| example.belongs && example.pick.is_none()) {
                let request = example.request();
                let scan = compiled.scan(&request, Pick::None);
                let scores = compiled.scores(&scan);
                let turned = compiled.chosen(&scan, &scores).filter(|chosen| *chosen != home);
                for fired in compiled.fired(home as u16, &scan) {
                    *at_home.entry(fired.signal).or_default() += 1;
                }
                let pointing = (0..compiled.topics.len())
                    .filter(|topic| *topic != home && scores[*topic] > compiled.topics[*topic].prior);
                for topic in pointing.filter(|topic| compiled.topics[*topic].id.0 != OTHER) {
                    for fired in compiled.fired(topic as u16, &scan) {
                        let signal = &compiled.signals[fired.signal as usize];
                        let weight = signal.written.weight * fired.factor;
                        if turned == Some(topic) && scores[topic] - weight <= scores[home] {
                            let message = format!(
                                "`{}` takes the example on line {} of {} to `{}`",
                                signal.name, example.line, written.file, compiled.topics[topic].id.0
                            );
                            let remedy = "lower its weight, add `unless`, or give the other topic a signal";
                            self.add(Weight::Warning, &signal.file, signal.written.line, message, remedy);
                        } else if weight >= compiled.topics[topic].threshold.max(other - compiled.topics[topic].prior) {
                            let place = format!("{}:{}", written.file, example.line);
                            elsewhere.entry(fired.signal).or_insert((0, place)).0 += 1;
                        }
                    }
                }
            }
        }
        for (number, (times, place)) in elsewhere {
            let signal = &compiled.signals[number as usize];
            let own = at_home.get(&number).copied().unwrap_or_default();
            let message = format!(
                "`{}` fires on {times} examples of other topics (first {place}) and on {own} of its own",
                signal.name
            );
            let (weight, remedy) = match times > 2 * own.max(1) {
                true => (Weight::Warning, "let it weigh less, name it more narrowly, or add examples that need it"),
                false => (Weight::Note, "see that it does not weigh too much"),
            };
            self.add(weight, &signal.file, signal.written.line, message, remedy);
        }
    }
}

/// All that decides beside the words whether a signal fires, the same however it is written; nothing where only the usual places
/// do.
fn conditions(signal: &Signal) -> String {
    if signal.simple {
        return String::new();
    }
    fn sorted<T: Clone + Ord>(list: &[T]) -> Vec<T> {
        let mut list = list.to_vec();
        list.sort_unstable();
        list.dedup();
        list
    }
    let written = &signal.written;
    let headers: Vec<_> = written.headers.iter().map(|header| (&header.name, &header.value)).collect();
    let numbers = [&signal.near, &signal.with, &signal.unless].map(|list| sorted(list));
    let texts = [&written.lang, &written.sender_domains, &written.sources, &written.attachment_types];
    let (texts, headers) = (texts.map(|list| sorted(list)), sorted(&headers));
    let within = if signal.near.is_empty() { 0 } else { written.within.unwrap_or(NEAR_WORDS) };
    let usual = signal.places == usual_places() && written.field.is_none() && headers.is_empty();
    if usual && numbers.iter().all(Vec::is_empty) && texts.iter().all(Vec::is_empty) {
        return String::new();
    }
    format!("{:?}", (signal.places, &written.field, numbers, within, texts, headers))
}

/// Whether a rule holds for every topic for which a later one does.
fn is_for_all_of(first: &routing::Rule, later: &routing::Rule) -> bool {
    first.topics.is_empty()
        || (!later.topics.is_empty()
            && later.topics.iter().all(|(id, _)| first.topics.iter().any(|(own, _)| own == id)))
}

/// Whether a rule sets all that a later one could.
fn sets_all(first: &routing::Rule, later: &routing::Rule) -> bool {
    later.priority <= first.priority
        && (later.route.is_none() || first.route.is_some())
        && later.flags.iter().all(|flag| first.flags.contains(flag))
}
