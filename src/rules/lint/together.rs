//! What several signals, rules and topics show together.

use std::collections::HashMap;
use std::ptr;

use super::{Findings, Weight, covers, words_of};
use crate::rules::compile::{Compiled, Owner, Signal, Written, usual_places};
use crate::rules::knot::as_written;
use crate::rules::routing::{self, NORMAL};
use crate::rules::topic::NEAR_WORDS;

/// Signals that share words and are looked at, at most; the latest first.
const MOST_TWINS: usize = 100;

/// What signals look at: words, or a regex, and the conditions beside them but for languages.
type Sights<'c, K> = HashMap<(K, String), Vec<Sight<'c>>>;

/// One signal that does, with the line of the words.
#[derive(Clone, Copy)]
struct Sight<'c> {
    signal: &'c Signal,
    topic: u16,
    line: usize,
}

/// A signal's regex that is only words, with its line.
type Plain<'c> = (&'c Signal, &'c str, usize);

impl Sight<'_> {
    fn counts_against(&self, other: &Sight<'_>) -> bool {
        (self.signal.written.weight > 0.0) != (other.signal.written.weight > 0.0)
    }
}

impl Findings {
    /// The same words in several signals.
    pub(super) fn of_twins(&mut self, compiled: &Compiled, written: &[Written]) {
        let mut by_words: Sights<'_, &[u32]> = HashMap::new();
        let mut by_regex: Sights<'_, u32> = HashMap::new();
        let mut by_name: HashMap<&str, &Signal> = HashMap::new();
        for (signal, phrases) in compiled.signals.iter().zip(written) {
            // A phrase with a weight has no other name; its evidence shows the phrase.
            if let Some(first) = by_name.insert(&signal.name, signal).filter(|_| !signal.written.short) {
                let message = format!("`{}` is the name of the signal on line {} too", signal.name, first.written.line);
                self.add(Weight::Warning, &signal.file, signal.written.line, message, "give it a name of its own");
            }
            let Owner::Topic(topic) = signal.owner else { continue };
            let conditions = conditions(signal);
            for (number, phrase) in phrases {
                let (sight, what) = (Sight { signal, topic, line: phrase.line }, format!("{:?}", phrase.text));
                // The same words, found in compounds or not.
                let twins = by_words.entry((compiled.net.parts(*number), conditions.clone())).or_default();
                self.of_sights(twins, sight, &what);
                if conditions.is_empty() {
                    self.of_rivals(compiled, twins, sight, &what);
                }
                twins.push(sight);
            }
            for (number, (regex, line)) in signal.regexes.iter().zip(&signal.written.regexes) {
                let sight = Sight { signal, topic, line: *line };
                let twins = by_regex.entry((*number, conditions.clone())).or_default();
                self.of_sights(twins, sight, &format!("the regex {}", as_written(regex)));
                twins.push(sight);
            }
        }
    }

    /// Regexes that are only words, which a phrase of another signal of the topic has too: both count.
    pub(super) fn of_words_as_regexes(&mut self, compiled: &Compiled, written: &[Written]) {
        let mut plain: HashMap<(Owner, Vec<u32>), Vec<Plain<'_>>> = HashMap::new();
        for signal in compiled.signals.iter().filter(|signal| matches!(signal.owner, Owner::Topic(_))) {
            for (regex, line) in &signal.written.regexes {
                let Some(words) = words_meant(regex) else { continue };
                let mut read = vec![];
                compiled.net.lexicon.read(words, &mut read);
                let words = read.iter().map(|word| word.id).collect();
                plain.entry((signal.owner, words)).or_default().push((signal, regex.as_str(), *line));
            }
        }
        if plain.is_empty() {
            return;
        }
        let all = compiled.signals.iter().zip(written);
        for (twin, (number, phrase)) in all.flat_map(|(twin, phrases)| phrases.iter().map(move |one| (twin, one))) {
            let alike = plain.get(&(twin.owner, words_of(compiled, *number))).into_iter().flatten();
            let counts_twice = |(signal, ..): &&Plain<'_>| {
                !ptr::eq(twin, *signal) && shared(twin, signal).is_some() && conditions(twin) == conditions(signal)
            };
            let Some((signal, regex, line)) = alike.take(MOST_TWINS).find(counts_twice) else { continue };
            let message = format!(
                "the regex {} is the phrase {:?} of `{}` (line {}): where both fire it counts twice",
                as_written(regex),
                phrase.text,
                twin.name,
                phrase.line
            );
            self.add(Weight::Warning, &signal.file, *line, message, "delete one of them");
        }
    }

    /// What counts twice within a topic, or against itself, in the languages of both signals.
    fn of_sights(&mut self, twins: &[Sight<'_>], sight: Sight<'_>, what: &str) {
        for against in [false, true] {
            let alike = |twin: &&Sight<'_>| {
                twin.topic == sight.topic
                    && !ptr::eq(twin.signal, sight.signal)
                    && twin.counts_against(&sight) == against
                    && shared(twin.signal, sight.signal).is_some()
            };
            let Some(twin) = twins.iter().rev().take(MOST_TWINS).find(alike) else { continue };
            let (where_both, remedy) = meeting(twin.signal, sight.signal);
            let (line, name) = (twin.line, &twin.signal.name);
            let message = match against {
                true => format!("{what} counts against what line {line} says{where_both}"),
                false => format!("{what} stands in `{name}` too (line {line}): it counts twice{where_both}"),
            };
            // That a word weighs more in one language is often meant.
            let weight = if against || where_both.is_empty() { Weight::Warning } else { Weight::Note };
            self.add(weight, &sight.signal.file, sight.line, message, remedy);
        }
    }

    /// Words that alone decide for two topics, in the languages of both signals.
    fn of_rivals(&mut self, compiled: &Compiled, twins: &[Sight<'_>], sight: Sight<'_>, what: &str) {
        let decides = |sight: &Sight<'_>| {
            let threshold = compiled.topics[usize::from(sight.topic)].threshold;
            sight.signal.written.regexes.is_empty() && sight.signal.written.weight >= threshold.max(2.0)
        };
        let rival = |twin: &&Sight<'_>| {
            twin.topic != sight.topic && decides(twin) && shared(twin.signal, sight.signal).is_some()
        };
        let Some(twin) = twins.iter().rev().take(MOST_TWINS).find(rival).filter(|_| decides(&sight)) else { return };
        let (name, file, line) = (&twin.signal.name, &twin.signal.file, twin.line);
        let (where_both, _) = meeting(twin.signal, sight.signal);
        let message = format!("{what} decides for `{name}` too ({file}:{line}){where_both}");
        let remedy = "keep it where it belongs, or let it weigh less in both";
        self.add(Weight::Warning, &sight.signal.file, sight.line, message, remedy);
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
            } else if signal.regexes.is_empty() && conditions(signal).is_empty() {
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
        let any_low = compiled.routing.iter().any(|rule| rule.priority.is_some_and(|priority| priority < NORMAL));
        for (index, rule) in compiled.routing.iter().enumerate() {
            let Some(signal) = signal_of(index) else { continue };
            let usual = rule.priority == Some(NORMAL) && !any_low;
            if (rule.priority.is_none() || usual) && rule.route.is_none() && rule.flags.is_empty() {
                let why = if usual { ": requests are of priority normal without it" } else { "" };
                let message = format!("`{}` sets nothing{why}", signal.name);
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
                    && in_all_of(by, signal)
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

/// The languages in which both signals apply; none: in all. `None`: in no language.
fn shared(one: &Signal, other: &Signal) -> Option<Vec<String>> {
    let (mut shared, other) = (one.written.lang.clone(), &other.written.lang);
    if shared.is_empty() || other.is_empty() {
        return Some(if shared.is_empty() { other.clone() } else { shared });
    }
    shared.retain(|language| other.contains(language));
    (!shared.is_empty()).then_some(shared)
}

/// The languages in which two signals meet, where one of them applies in others, too; and what to do about it.
fn meeting(one: &Signal, other: &Signal) -> (String, &'static str) {
    let mut shared = shared(one, other).unwrap_or_default();
    if in_all_of(one, other) && in_all_of(other, one) {
        return (String::new(), "delete one of them");
    }
    shared.sort_unstable();
    shared.dedup();
    let languages = if shared.len() == 1 { "the language" } else { "the languages" };
    let remedy = "delete one of them, or let their `lang` name languages that do not meet";
    (format!(" in requests in {languages} {}", shared.join(", ")), remedy)
}

/// Whether a signal applies in all languages in which another one does.
fn in_all_of(first: &Signal, later: &Signal) -> bool {
    let (first, later) = (&first.written.lang, &later.written.lang);
    first.is_empty() || (!later.is_empty() && later.iter().all(|language| first.contains(language)))
}

/// All that decides beside words and languages whether a signal fires, the same however it is written; nothing where only the
/// usual places do.
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
    let texts = [&written.sender_domains, &written.sources, &written.attachment_types];
    let (texts, headers) = (texts.map(|list| sorted(list)), sorted(&headers));
    let within = if signal.near.is_empty() { 0 } else { written.within.unwrap_or(NEAR_WORDS) };
    let usual = signal.places == usual_places() && written.field.is_none() && headers.is_empty();
    if usual && numbers.iter().all(Vec::is_empty) && texts.iter().all(Vec::is_empty) {
        return String::new();
    }
    format!("{:?}", (signal.places, &written.field, numbers, within, texts, headers))
}

/// The words of a regex that is nothing else: `comet`, `(?i)COMET`, `\bcomet\b`.
fn words_meant(regex: &str) -> Option<&str> {
    let regex = regex.trim().trim_start_matches("(?i)");
    let regex = regex.strip_prefix(r"\b").unwrap_or(regex);
    let words = regex.strip_suffix(r"\b").unwrap_or(regex);
    let plain = |c: char| c.is_alphanumeric() || c == ' ';
    (!words.trim().is_empty() && words.chars().all(plain)).then_some(words)
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
    fn a_phrase_written_as_a_regex_is_named() {
        let twice = |regex: &str| format!("[weights]\n\"comet\" = 2\n[[signal]]\nname = \"b\"\nregex = ['{regex}']\n");
        let message = |regex: &str| {
            format!(
                "topics/x.toml:6: the regex '{regex}' is the phrase \"comet\" of `topic.x.comet` (line 3): where both fire it counts twice"
            )
        };
        for regex in ["comet", "(?i)COMET", r"\bcomet\b"] {
            check(&twice(regex), "", "", &[&message(regex)]);
        }
        check(&twice(r"comet\d"), "", "", &[]);
    }

    #[test]
    fn what_stands_twice_is_named() {
        let twice = "[[signal]]\nname = \"a\"\nregex = ['x1']\nin = [\"subject\"]\nphrases = [\"late\"]\n\
                     [[signal]]\nname = \"b\"\nregex = ['x1']\nin = [\"subject\"]\nphrases = [\"late\"]\n";
        check(
            twice,
            "",
            "",
            &[
                "topics/x.toml:9: the regex 'x1' stands in `topic.x.a` too (line 4): it counts twice",
                "topics/x.toml:11: \"late\" stands in `topic.x.a` too (line 6): it counts twice",
            ],
        );
        check(
            "[weights]\n\"late\" = 2\n[[signal]]\nname = \"b\"\nphrases = [\"late\"]\nweight = -1\n",
            "",
            "",
            &["topics/x.toml:3: \"late\" counts against what line 6 says"],
        );
        let named = "[[signal]]\nname = \"so late\"\nphrases = [\"late\"]\n";
        let again = named.replace("\"late\"", "\"soon\"");
        let told =
            |line: usize| format!("topics/x.toml:{line}: `topic.x.so-late` is the name of the signal on line 2 too");
        check(&format!("{named}{again}"), "", "", &[&told(5)]);
        check(&format!("{named}[weights]\n\"so late\" = 1\n"), "", "", &[]);
        let placed = |first: &str, second: &str| {
            format!(
                "[[signal]]\nname = \"a\"\nphrases = [\"late\"]\n{first}\n[[signal]]\nname = \"b\"\nphrases = [\"late\"]\nweight = -1\n{second}\n"
            )
        };
        let against = ["topics/x.toml:8: \"late\" counts against what line 4 says"];
        let usual = "in = [\"form\", \"text\", \"forwarded\", \"subject\"]";
        check(&placed("in = [\"text\", \"subject\"]", "in = [\"subject\", \"text\"]"), "", "", &against);
        check(&placed("", usual), "", "", &against);
        let near = "near = [\"bill\", \"invoice\"]\nlang = [\"en\", \"de\"]";
        let turned = format!("near = [\"invoice\", \"bill\"]\nwithin = 8\nlang = [\"de\", \"en\"]\n{usual}");
        check(&placed(&turned, near), "", "", &["topics/x.toml:11: \"late\" counts against what line 4 says"]);
        check(&placed("in = [\"text\"]", "in = [\"subject\"]"), "", "", &[]);
        let german = ["topics/x.toml:8: \"late\" counts against what line 4 says in requests in the language de"];
        check(&placed("", "lang = [\"de\"]"), "", "", &german);
        check(&placed("lang = [\"en\", \"de\"]", "lang = [\"de\", \"fr\"]"), "", "", &german);
        check(&placed("lang = [\"en\"]", "lang = [\"de\", \"fr\"]"), "", "", &[]);
        let three = |languages: [&str; 3], weights: [i32; 3]| {
            let one = |at: usize| {
                let (weight, languages) = (weights[at], languages[at]);
                format!("[[signal]]\nname = \"s{at}\"\nphrases = [\"late\"]\nweight = {weight}\nlang = [{languages}]\n")
            };
            (0..3).map(one).collect::<String>()
        };
        check(
            &three(["", "\"de\"", "\"fr\", \"de\""], [3, 3, -3]),
            "",
            "",
            &[
                "topics/x.toml:14: \"late\" counts against what line 9 says in requests in the language de",
                "topics/x.toml:9: \"late\" stands in `topic.x.s0` too (line 4): it counts twice in requests in the language de",
            ],
        );
        check(
            &three(["\"en\"", "\"de\"", "\"fr\", \"de\", \"en\""], [3, 3, -3]),
            "",
            "",
            &["topics/x.toml:14: \"late\" counts against what line 9 says in requests in the language de"],
        );
        check(
            "[weights]\n\"Rechnung\" = 1\n[[signal]]\nname = \"b\"\nphrases.de = [\"Rechnung\"]\n",
            "",
            "",
            &["topics/x.toml:3: \"Rechnung\" stands in `topic.x.b` too (line 6): it counts twice"],
        );
        let late = "[weights]\n\"late\" = 3\n";
        check(late, late, "", &["topics/y.toml:3: \"late\" decides for `topic.x.late` too (topics/x.toml:3)"]);
        let spoken =
            |languages: &str| format!("[[signal]]\nname = \"s\"\nphrases = [\"late\"]\nlang = [{languages}]\n");
        check(&spoken("\"de\", \"nl\""), &spoken("\"en\""), "", &[]);
        check(
            &spoken("\"de\", \"nl\""),
            &spoken("\"nl\""),
            "",
            &["topics/y.toml:4: \"late\" decides for `topic.x.s` too (topics/x.toml:4) in requests in the language nl"],
        );
        check(
            "prior = 0.1\nthreshold = 0\n",
            "",
            "",
            &["topics/x.toml:1: `x` reaches its threshold of 0 without any sign"],
        );
    }

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
        later("priority = \"high\"\nphrases = [\"our lawyer\", \"judge\"]", &[]);
        let spoken = |first: &str, second: &str, expected: &[&str]| {
            let one = |name, lang| rule(name, &format!("priority = \"high\"\nphrases = [\"lawyer\"]\nlang = [{lang}]"));
            check("", "", &(one("a", first) + &one("b", second)), expected);
        };
        let shadow = ["routing.toml:6: `routing.b` changes nothing: `routing.a` on line 1 does it all before"];
        spoken("\"de\", \"fr\"", "\"de\"", &shadow);
        spoken("", "\"de\"", &shadow);
        spoken("\"de\"", "\"de\", \"fr\"", &[]);
        spoken("\"de\"", "", &[]);
        let vip = |rest: &str| rule("a", "route = \"gold\"\nsender_domain = [\"vip.example\"]") + &rule("b", rest);
        let team = ["routing.toml:5: `routing.b` never chooses the team: `routing.a` on line 1 does so before"];
        let vip = |rest: &str, expected: &[&str]| check("team = \"gold\"\n", "team = \"red\"\n", &vip(rest), expected);
        vip("route = \"red\"\nflags = [\"f\"]\nsender_domain = [\"vip.example\"]", &team);
        vip("flags = [\"f\"]\nsender_domain = [\"vip.example\"]", &[]);
        vip("route = \"red\"\nsender_domain = [\"other.example\"]", &[]);
    }
}
