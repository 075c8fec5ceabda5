//! Proving: every example and counter-example of every topic and of the routing rules, judged by the rules they stand in.
//!
//! Says what is right and wrong a topic, what is taken for what, and which examples hang by one signal only.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Rules;
use super::example::{Example, words};
use super::judge::OTHER;
use super::routing::PRIORITIES;
use crate::request::evidence::Evidence;
use crate::request::{Request, language};

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
    /// Examples of `routing.toml`.
    pub routing: Routing,
}

/// The examples of `routing.toml`.
#[derive(Debug, Default, Serialize)]
pub struct Routing {
    /// Those that got what they should.
    pub right: usize,
    /// All of them.
    pub examples: usize,
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
    /// The signals and the words that decided it, with their points: rule, text, points.
    pub because: Vec<(String, String, f64)>,
    /// Of a topic's example: the topic by signals alone, where that is another one than judged.
    pub by_signals: Option<String>,
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
        self.routing.examples == 0 && self.topics.iter().all(|row| row.examples + row.counter_examples == 0)
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
                let request = self.request_of(example);
                let findings = self.find(&request, &[]);
                let judged = self.topic_of(&findings);
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
                    let by_signals = Some(self.explain(&findings).by_signals).filter(|topic| *topic != judged.id);
                    let wrong = wrong(&written.file, example, expected, judged.id, &judged.evidence);
                    proof.wrong.push(Wrong { by_signals, ..wrong });
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
        self.prove_routing(&mut proof);
        proof
    }

    /// The request of an example, in the language that a mail of this text would be.
    fn request_of(&self, example: &Example) -> Request {
        let request = example.request();
        Request { language: language::detect(&request.text, &self.reading), ..request }
    }

    fn prove_routing(&self, proof: &mut Proof) {
        for routed in &self.compiled.routed {
            let request = self.request_of(&routed.example);
            let findings = self.find(&request, &[]);
            let topic = routed.example.topic.clone().unwrap_or_else(|| self.topic_of(&findings).id);
            let got = self.routing_of(&topic, &findings);
            let flags = |flags: &Vec<String>| BTreeSet::from_iter(flags) == BTreeSet::from_iter(&got.flags);
            let right = routed.priority.is_none_or(|priority| got.priority == PRIORITIES[priority])
                && routed.route.as_ref().is_none_or(|route| *route == got.route)
                && routed.flags.as_ref().is_none_or(flags);
            proof.routing.examples += 1;
            proof.routing.right += usize::from(right);
            if !right {
                let judged = words(Some(&got.priority), Some(&got.route), Some(&got.flags));
                proof.wrong.push(wrong("routing.toml", &routed.example, routed.expected(), judged, &got.evidence));
            }
        }
    }
}

fn wrong(file: &str, example: &Example, expected: String, judged: String, because: &[Evidence]) -> Wrong {
    Wrong {
        file: file.to_owned(),
        line: example.line,
        text: example.beginning(),
        expected,
        judged,
        because: because.iter().map(|found| (found.rule.clone(), found.text.clone(), found.weight)).collect(),
        by_signals: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Files;
    use super::*;

    const RULES: &str = "
[[rule]]
route = \"vip\"
header = [\"X-Level: vip\"]
[[rule]]
route = \"bank\"
sender_domain = [\"bank.example\"]
[[rule]]
route = \"sheets\"
attachment_type = [\".xlsx\", \"text/csv\"]
[[rule]]
route = \"shop\"
source = [\"hook:shop\", \"shop.example\"]
[[rule]]
route = \"cost\"
field = \"Cost centre\"
regex = ['\\d{4}']
[[rule]]
topic = [\"a\"]
priority = \"high\"
flags = [\"late\"]
phrases = [\"overdue\"]
";

    fn check(example: &str, wrong: &[&str]) {
        let topic = "id = \"a\"\n[weights]\n\"apple\" = 3\n";
        let routing = format!("{RULES}[[example]]\n{example}\n");
        let files = Files::from([("topics/a.toml".into(), topic.into()), ("routing.toml".into(), routing.into())]);
        let proof = Rules::compile(&files).unwrap().prove();
        let got: Vec<String> =
            proof.wrong.iter().map(|wrong| format!("{}, is {}", wrong.expected, wrong.judged)).collect();
        assert_eq!(got, wrong, "{example}");
        assert_eq!((proof.routing.right + got.len(), proof.routing.examples), (1, 1));
    }

    #[test]
    fn an_example_of_routing_has_all_that_a_rule_may_ask_for() {
        check("route = \"vip\"\nheader = [\"X-Level: gold VIP\"]", &[]);
        check("route = \"bank\"\nfrom = \"kim@mail.bank.example\"", &[]);
        check("route = \"sheets\"\nattachment = [\"May.XLSX\"]", &[]);
        check("route = \"sheets\"\nattachment = [\"text/csv\"]", &[]);
        check("route = \"shop\"\nsource = \"hook:shop\"", &[]);
        check("route = \"shop\"\nsource = \"shop.example\"", &[]);
        check("route = \"cost\"\nfield.\"Cost centre\" = \"4711\"", &[]);
        check("route = \"vip\"\ntext = \"vip\"", &["for vip, is priority normal, for support, no flags"]);
    }

    #[test]
    fn the_topic_of_a_routing_example_is_judged_or_given() {
        check("flags = [\"late\"]\npriority = \"high\"\ntext = \"the apple is overdue\"", &[]);
        check("flags = [\"late\"]\ntopic = \"a\"\ntext = \"it is overdue\"", &[]);
        check("flags = []\ntext = \"it is overdue\"", &[]);
        check(
            "flags = []\ntopic = \"a\"\ntext = \"overdue\"",
            &["no flags, is priority high, for support, flags late"],
        );
    }
}
