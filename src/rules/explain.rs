//! Explaining a judgement: every topic's points and signals, what would have changed the verdict, and the rules that route it.

use serde::Serialize;

use super::judge::{OTHER, Pick, leaned, rounded};
use super::scan::Scan;
use super::{Findings, Routing, Rules, Topic};
use crate::request::evidence::Evidence;

/// A judgement with its reasons.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The verdict.
    pub topic: Topic,
    /// The topic by points of signals alone, whatever words lean to and whoever picked.
    pub by_signals: String,
    /// Topics that got or lost points, best first.
    pub ranking: Vec<Rank>,
    /// The topic over which it won, `other` among them.
    pub rival: Option<String>,
    /// What would have changed the verdict, a sentence each.
    pub changes: Vec<String>,
    /// Priority, team and flags of this topic, and the rules that set them.
    pub routing: Routing,
    /// The version of the rules.
    pub rules: String,
}

/// One topic's points: prior, signals and leanings add up to the score.
#[derive(Debug, Serialize)]
pub struct Rank {
    /// The topic.
    pub topic: String,
    /// Its points.
    pub score: f64,
    /// What it had to reach.
    pub threshold: f64,
    /// What it had before anything was read, and for naming a campaign.
    pub prior: f64,
    /// The signals that gave or took points.
    pub evidence: Vec<Evidence>,
    /// What all words that lean gave or took together, as far as it counts and beside what they say for `other`.
    pub leanings: f64,
    /// The words among them that lean most, with their points.
    pub words: Vec<Evidence>,
}

impl Rules {
    /// Says why a request is judged as it is.
    pub fn explain(&self, findings: &Findings<'_>) -> Explanation {
        let compiled = &self.compiled;
        let Findings { scan, pick, .. } = findings;
        let signalled = compiled.signalled(scan);
        let leant = compiled.leant(scan, &signalled);
        let scores = leaned(signalled.clone(), &leant);
        let topic = compiled.topic(scan, *pick);
        let index = compiled.by_id.get(&topic.id).map(|index| usize::from(*index));
        let rival = self.rival(index, &scores);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut ranking = Vec::new();
        for index in order {
            let written = &compiled.topics[index];
            let evidence = compiled.evidence(scan, &compiled.fired(index as u16, scan));
            let words: Vec<Evidence> =
                compiled.leanings_of(index as u16, scan).into_iter().map(|(_, found)| found).collect();
            let speaks = !evidence.is_empty() || scores[index] > written.prior;
            if speaks || written.id.0 == topic.id || written.id.0 == OTHER || Some(index) == rival {
                ranking.push(Rank {
                    topic: written.id.0.clone(),
                    score: rounded(scores[index]),
                    threshold: compiled.threshold(index, scan),
                    prior: rounded(compiled.prior(index, scan)),
                    evidence,
                    leanings: rounded(leant[index]),
                    words,
                });
            }
        }
        let by_signals = self.chosen(scan, &signalled).to_owned();
        let mut changes = match pick {
            Pick::Topic(_) => {
                let by_points = self.chosen(scan, &scores);
                vec![format!("the customer picked this topic; by points it would be `{by_points}`")]
            }
            _ => {
                let trial = Trial { rules: self, scan, signalled: &signalled, scores: &scores };
                match index.filter(|_| topic.id != OTHER) {
                    Some(own) => trial.of_winner(own, rival),
                    None => trial.of_other(rival),
                }
            }
        };
        if by_signals != topic.id && !matches!(pick, Pick::Topic(_)) {
            changes.push(format!("by signals alone, without words that lean, it would be `{by_signals}`"));
        }
        let routing = compiled.routing(scan, &topic.id);
        let rival = rival.map(|rival| compiled.topics[rival].id.0.clone());
        Explanation { topic, by_signals, ranking, rival, changes, routing, rules: self.version.clone() }
    }

    /// The topic that comes next to the verdict: of others the best, `other` among them.
    fn rival(&self, verdict: Option<usize>, scores: &[f64]) -> Option<usize> {
        let other = self.compiled.other();
        let (best, next) = self.compiled.best(scores);
        let topic = if best == verdict { next } else { best };
        let other = other.filter(|other| Some(*other) != verdict);
        match (topic, other) {
            // `other` loses at equal points.
            (Some(topic), Some(other)) if scores[other] > scores[topic] => Some(other),
            (topic, other) => topic.or(other),
        }
    }

    /// The topic that these points choose.
    fn chosen(&self, scan: &Scan<'_>, scores: &[f64]) -> &str {
        self.compiled.chosen(scan, scores).map_or(OTHER, |chosen| self.compiled.topics[chosen].id.0.as_str())
    }
}

/// A judgement to be tried with less.
struct Trial<'a> {
    rules: &'a Rules,
    scan: &'a Scan<'a>,
    signalled: &'a [f64],
    scores: &'a [f64],
}

impl Trial<'_> {
    /// What holds a topic up that won, and over whom.
    fn of_winner(&self, own: usize, rival: Option<usize>) -> Vec<String> {
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
    fn of_other(&self, best: Option<usize>) -> Vec<String> {
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
        let instead = |scores: &[f64]| Some(self.rules.chosen(self.scan, scores)).filter(|now| *now != verdict);
        let mut said = vec![];
        for (topic, found) in &found {
            let mut scores = self.scores.to_vec();
            scores[*topic] -= found.weight;
            let now = instead(&scores);
            said.extend(now.map(|now| format!("without `{}` (\"{}\") it would be `{now}`", found.rule, found.text)));
        }
        let words = own.into_iter().flat_map(|own| compiled.leanings_of(own as u16, self.scan));
        for (word, found) in words.filter(|(_, found)| found.weight > 0.0) {
            let leant = compiled.held(compiled.summed(self.scan, Some(word)), self.scan, self.signalled);
            let now = instead(&leaned(self.signalled.to_vec(), &leant));
            said.extend(now.map(|now| format!("without the word \"{}\" it would be `{now}`", found.text)));
        }
        if said.is_empty() && together && !found.is_empty() {
            let mut scores = self.scores.to_vec();
            let fall = found.iter().position(|(topic, found)| {
                scores[*topic] -= found.weight;
                instead(&scores).is_some()
            });
            said.push(match fall {
                Some(last) => {
                    let texts: Vec<String> =
                        found[..=last].iter().map(|(_, found)| format!("\"{}\"", found.text)).collect();
                    let now = self.rules.chosen(self.scan, &scores);
                    format!("no single signal decides: without {} together it would be `{now}`", texts.join(", "))
                }
                None => "no signal decides: without all of them it stays".to_owned(),
            });
        }
        said
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::request::Request;
    use crate::rules::Files;

    fn check(text: &str, expected: &[&str]) {
        let topic = |id: &str, weights: &str| {
            (format!("topics/{id}.toml"), format!("id = \"{id}\"\nthreshold = 2\n[weights]\n{weights}").into())
        };
        let files = Files::from([topic("a", "\"apple\" = 2\n\"pear\" = 2\n"), topic("b", "\"bear\" = 3\n\"bee\" = 1")]);
        let rules = Rules::compile(&files).unwrap();
        let request = Request { text: text.into(), ..Request::default() };
        assert_eq!(rules.explain(&rules.find(&request, &[])).changes, expected, "{text}");
    }

    #[test]
    fn it_says_what_would_have_changed_the_verdict() {
        check(
            "hello",
            &[
                "no signal of any topic fired: it takes a phrase of one",
                "`a` (0.00) lacks 2.00 points to its threshold of 2.00",
                "2.00 more points for `a` would make it the topic",
            ],
        );
        check(
            "bee",
            &[
                "`b` (1.00) lacks 1.00 points to its threshold of 2.00",
                "1.00 more points for `b` would make it the topic",
            ],
        );
        check(
            "apple",
            &[
                "it leads `b` (0.00) by 2.00 points, which nothing speaks for",
                "it has 0.00 points more than its threshold of 2.00",
                "without `topic.a.apple` (\"apple\") it would be `other`",
            ],
        );
        check(
            "apple and pear, a bee",
            &[
                "it leads `b` (1.00) by 3.00 points",
                "it has 2.00 points more than its threshold of 2.00",
                "no single signal decides: without \"apple\", \"pear\" together it would be `other`",
            ],
        );
        check(
            "apple, pear, bear",
            &[
                "it leads `b` (3.00) by 1.00 points",
                "without `topic.a.apple` (\"apple\") it would be `b`",
                "without `topic.a.pear` (\"pear\") it would be `b`",
            ],
        );
    }

    /// As `rules learn` writes them: no threshold, priors below zero, and `other` a rival like any.
    #[test]
    fn other_is_told_where_it_is_the_rival() {
        let topic = |id: &str, prior: f64, weights: &str| {
            let head = format!("id = \"{id}\"\nprior = {prior}\nthreshold = -1000\n[weights]\n{weights}");
            (format!("topics/{id}.toml"), head.into())
        };
        let files = Files::from([
            topic("a", -3.0, "\"apple\" = 2\n\"pear\" = 1.5\n\"green\" = -1\n"),
            topic("b", -3.5, "\"bear\" = 3\n"),
            topic("other", -2.0, "\"joke\" = 1\n"),
        ]);
        let rules = Rules::compile(&files).unwrap();
        let check = |text: &str, rival: &str, expected: &[&str]| {
            let request = Request { text: text.into(), ..Request::default() };
            let explained = rules.explain(&rules.find(&request, &[]));
            assert_eq!(explained.changes, expected, "{text}");
            assert_eq!(explained.rival.as_deref(), Some(rival), "{text}");
            assert!(explained.ranking.iter().any(|rank| rank.topic == rival), "{text}");
        };
        check(
            "an apple",
            "other",
            &[
                "it leads `other` (-2.00) by 1.00 points, which nothing speaks for",
                "with a prior of `other` over -1.00 it would be `other`",
                "without `topic.a.apple` (\"apple\") it would be `other`",
            ],
        );
        check(
            "apple and pear",
            "other",
            &[
                "it leads `other` (-2.00) by 2.50 points, which nothing speaks for",
                "with a prior of `other` over 0.50 it would be `other`",
                "no single signal decides: without \"apple\", \"pear\" together it would be `other`",
            ],
        );
        check(
            "a green pear",
            "a",
            &[
                "`other` leads `a` (-2.50) by 0.50 points",
                "0.50 more points for `a` would make it the topic",
                "with a prior of `other` of -2.50 or less it would be `a`",
                "without `topic.a.green` (\"green\") it would be `a`",
            ],
        );
        check(
            "hello",
            "a",
            &[
                "no signal of any topic fired: it takes a phrase of one",
                "`other` leads `a` (-3.00) by 1.00 points",
                "1.00 more points for `a` would make it the topic",
                "with a prior of `other` of -3.00 or less it would be `a`",
            ],
        );
        check(
            "a bear, an apple",
            "a",
            &["it leads `a` (-1.00) by 0.50 points", "without `topic.b.bear` (\"bear\") it would be `a`"],
        );
    }

    #[test]
    fn a_word_that_leans_is_weighed_as_it_counts() {
        let topic = |id: &str, weights: &str| {
            (format!("topics/{id}.toml"), format!("id = \"{id}\"\nthreshold = 1\n[weights]\n{weights}").into())
        };
        let files = Files::from([
            topic("a", "\"apple\" = 2\n"),
            topic("b", "\"bear\" = 3\n"),
            ("leanings.csv".into(), "word,a,b\nred,4,-4\nround,3,-3\nsweet,2,-2\n".into()),
        ]);
        let rules = Rules::compile(&files).unwrap();
        let explained = |text: &str| {
            let request = Request { text: text.into(), ..Request::default() };
            let explained = rules.explain(&rules.find(&request, &[]));
            (explained.topic.id, explained.changes)
        };
        // All three come to 18 points, of which 6 count: without the heaviest they still do.
        let (topic, changes) = explained("apple and bear, red, round, sweet");
        assert_eq!(topic, "a");
        assert_eq!(
            changes,
            [
                "it leads `b` (3.00) by 5.00 points",
                "no signal decides: without all of them it stays",
                "by signals alone, without words that lean, it would be `b`"
            ]
        );
        let (_, changes) = explained("apple and bear, sweet");
        assert_eq!(
            changes,
            [
                "it leads `b` (1.00) by 3.00 points",
                "without the word \"sweet\" it would be `b`",
                "by signals alone, without words that lean, it would be `b`"
            ]
        );
    }

    #[test]
    fn a_signal_that_words_put_behind_other_is_told() {
        let files = Files::from([
            ("topics/a.toml".into(), "id = \"a\"\nthreshold = 2\n[weights]\n\"apple\" = 3\n".into()),
            ("topics/other.toml".into(), "id = \"other\"\n".into()),
            ("leanings.csv".into(), "word,a,other\nhello,-1,9\n".into()),
        ]);
        let rules = Rules::compile(&files).unwrap();
        let request = Request { text: "hello, an apple".into(), ..Request::default() };
        let explained = rules.explain(&rules.find(&request, &[]));
        assert_eq!(
            explained.changes,
            [
                "`a` (0.00) lacks 2.00 points to its threshold of 2.00",
                "2.00 more points for `a` would make it the topic",
                "without the word \"hello\" it would be `a`",
                "by signals alone, without words that lean, it would be `a`"
            ]
        );
        let other = explained.ranking.iter().find(|rank| rank.topic == OTHER).unwrap();
        assert_eq!(other.words[0].text, "hello");
    }
}
