//! What the examples of all topics show: signals that pull those of another topic away, and examples that say one thing here
//! and another there. Never judges whether an example comes out right; `prove` does.

use std::collections::HashMap;

use super::{Findings, Weight};
use crate::rules::compile::Compiled;
use crate::rules::example::{Example, Routed};
use crate::rules::fold::{Piece, fold};
use crate::rules::judge::{OTHER, Pick};

impl Findings {
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

    /// Examples that stand twice in a file: the second proves nothing more.
    pub(super) fn of_repeated_examples(&mut self, compiled: &Compiled) {
        let unplaced = |example: &Example| Example { line: 0, ..example.clone() };
        let of_topics = compiled.topics.iter().flat_map(|topic| {
            topic.examples.iter().map(|example| (&*topic.file, format!("{:?}", unplaced(example)), example.line))
        });
        let routed = compiled.routed.iter().map(|routed| {
            let alike = Routed { example: unplaced(&routed.example), ..routed.clone() };
            ("routing.toml", format!("{alike:?}"), routed.example.line)
        });
        let mut seen: HashMap<(&str, String), usize> = HashMap::new();
        for (file, example, line) in of_topics.chain(routed) {
            let first = *seen.entry((file, example)).or_insert(line);
            if first != line {
                let message = format!("this example stands on line {first} too");
                self.add(Weight::Warning, file, line, message, "delete one of them");
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

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use crate::rules::Files;
    use crate::rules::lint::lint;

    /// Of labels only the keys are looked at.
    #[test]
    fn a_key_of_labels_is_the_code_of_a_language() {
        check(
            "[labels]\nde = [\"Rechnung\"]\nengl = [\"Bill\"]\nit = [\"Conto\"]\n",
            "",
            "",
            &["topics/x.toml:4: `engl` in [labels] is the code of no language"],
        );
    }

    #[test]
    fn an_example_that_stands_twice_is_named() {
        let one = "[[example]]\ntext = \"late\"\n";
        let signal = "[weights]\n\"late\" = 2\n";
        check(&format!("{signal}{one}{one}"), "", "", &["topics/x.toml:6: this example stands on line 4 too"]);
        check(&format!("{signal}{one}{one}subject = \"b\"\n"), "", "", &[]);
    }

    #[test]
    fn examples_that_contradict_one_another_are_named() {
        let example = |kind: &str, text: &str| format!("[[{kind}]]\ntext = \"{text}\"\n");
        let (own, counter) = (example("example", "late"), example("counter_example", "Late!"));
        let signal = "[weights]\n\"late\" = 2\n";
        check(
            &format!("{signal}{own}{counter}"),
            "",
            "",
            &["topics/x.toml:6: this counter-example of `x` is the example of `x` in topics/x.toml:4"],
        );
        check(&own, &own, "", &["topics/y.toml:2: this example of `y` is the example of `x` in topics/x.toml:2"]);
        check(&own, &counter, "", &[]);
        let elsewhere = format!("{counter}topic = \"z\"\n");
        let found = lint(&Files::from([
            ("topics/x.toml".to_owned(), format!("id = \"x\"\n{own}").into()),
            ("topics/y.toml".to_owned(), format!("id = \"y\"\n{elsewhere}").into()),
            ("topics/z.toml".to_owned(), "id = \"z\"\n".into()),
        ]));
        let said: Vec<&str> = found.iter().map(|finding| &*finding.fault.message).collect();
        assert_eq!(said, ["this counter-example of `y` is the example of `x` in topics/x.toml:2"]);
    }

    #[test]
    fn signals_that_fire_on_other_topics_examples_are_noted() {
        let own = "[weights]\n\"invoice\" = 9\n[[example]]\ntext = \"invoice for the link\"\n";
        check(
            own,
            "[weights]\n\"link\" = 2\n",
            "",
            &[
                "topics/y.toml:3: `topic.y.link` fires on 1 examples of other topics (first topics/x.toml:4) and on 0 of its own",
            ],
        );
        // Learned topics have no threshold: there it decides what `other` begins with.
        let learned = |prior: f64| format!("prior = {prior}\nthreshold = -1000\n[weights]\n\"link\" = 2\n");
        let other = ("topics/other.toml".to_owned(), "id = \"other\"\nprior = -0.5\n".into());
        for (prior, told) in [(-3.0, 0), (-2.0, 1)] {
            let files = Files::from([
                ("topics/x.toml".to_owned(), format!("id = \"x\"\n{own}").into()),
                ("topics/y.toml".to_owned(), format!("id = \"y\"\n{}", learned(prior)).into()),
                other.clone(),
            ]);
            assert_eq!(lint(&files).len(), told, "{prior}");
        }
    }
}
