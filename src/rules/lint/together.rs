//! What several signals, rules and topics show together.

use std::collections::HashMap;

use super::{Findings, Weight, covers, words_of};
use crate::rules::compile::{Compiled, Owner, Signal, Written, usual_places};
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

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn shadowed_routing_rules_are_named() {
        let rule = |name: &str, rest: &str| format!("[[rule]]\nname = \"{name}\"\n{rest}\n");
        let first = rule("a", "priority = \"high\"\nflags = [\"f\"]\nphrases = [\"lawyer\", \"court\"]");
        let shadow = ["routing.toml:6: `routing.b` changes nothing: `routing.a` on line 1 does it all before"];
        let later = |rest: &str, expected: &[&str]| check("", "", &(first.clone() + &rule("b", rest)), expected);
        later("priority = \"high\"\nphrases = [\"our lawyer\"]", &shadow);
        later("flags = [\"f\"]\nphrases = [\"in court\", \"lawyer\"]", &shadow);
        later("priority = \"urgent\"\nphrases = [\"our lawyer\"]", &[]);
        later("route = \"support\"\nphrases = [\"our lawyer\"]", &[]);
        let lower = [
            "routing.toml:6: `routing.b` never makes it low: `routing.a` on line 1 makes it high wherever this one fires",
        ];
        later("priority = \"low\"\nflags = [\"g\"]\nphrases = [\"our lawyer\"]", &lower);
        check(
            "",
            "",
            &(rule("b", "priority = \"low\"\nphrases = [\"our lawyer\"]") + &first),
            &[
                "routing.toml:1: `routing.b` never makes it low: `routing.a` on line 5 makes it high wherever this one fires",
            ],
        );
        later("phrases = [\"our lawyer\"]", &["routing.toml:6: `routing.b` sets nothing"]);
        later("priority = \"high\"\nphrases = [\"our lawyer\", \"judge\"]", &[]);
        let vip = |rest: &str| rule("a", "route = \"gold\"\nsender_domain = [\"vip.example\"]") + &rule("b", rest);
        let team = ["routing.toml:5: `routing.b` never chooses the team: `routing.a` on line 1 does so before"];
        let vip = |rest: &str, expected: &[&str]| check("team = \"gold\"\n", "team = \"red\"\n", &vip(rest), expected);
        vip("route = \"red\"\nflags = [\"f\"]\nsender_domain = [\"vip.example\"]", &team);
        vip("flags = [\"f\"]\nsender_domain = [\"vip.example\"]", &[]);
        vip("route = \"red\"\nsender_domain = [\"other.example\"]", &[]);
    }
}
