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
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut ranking = Vec::new();
        for index in order {
            let written = &compiled.topics[index];
            let evidence = compiled.evidence(scan, &compiled.fired(index as u16, scan));
            let words: Vec<Evidence> =
                compiled.leanings_of(index as u16, scan).into_iter().map(|(_, found)| found).collect();
            let speaks = !evidence.is_empty() || scores[index] > written.prior;
            if speaks || written.id.0 == topic.id || (written.id.0 == OTHER && !words.is_empty()) {
                ranking.push(Rank {
                    topic: written.id.0.clone(),
                    score: rounded(scores[index]),
                    threshold: if scan.names_campaign { written.threshold_named } else { written.threshold },
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
            _ => self.changes(scan, &topic, &ranking, &signalled, &scores),
        };
        if by_signals != topic.id && !matches!(pick, Pick::Topic(_)) {
            changes.push(format!("by signals alone, without words that lean, it would be `{by_signals}`"));
        }
        let routing = compiled.routing(scan, &topic.id);
        Explanation { topic, by_signals, ranking, changes, routing, rules: self.version.clone() }
    }

    fn changes(
        &self,
        scan: &Scan<'_>,
        topic: &Topic,
        ranking: &[Rank],
        signalled: &[f64],
        scores: &[f64],
    ) -> Vec<String> {
        let compiled = &self.compiled;
        let own = ranking.iter().find(|rank| rank.topic == topic.id);
        let next = ranking.iter().find(|rank| Some(&rank.topic) == topic.runner_up.as_ref());
        if topic.id == OTHER {
            // A topic of which a signal fired may be behind by what words lean to.
            let fired = || ranking.iter().find(|rank| rank.topic != OTHER && !rank.evidence.is_empty());
            return vec![match next.or_else(fired) {
                None => "no signal of any topic fired: it takes a phrase that reaches a topic's threshold".to_owned(),
                Some(best) => {
                    let to_beat = own.map_or(best.threshold, |own| own.score.max(best.threshold));
                    let lacks = to_beat - best.score;
                    match lacks > 0.0 {
                        true => format!("{lacks:.2} more points for `{}` would make it the topic", best.topic),
                        false => format!("`{}` reaches its threshold, but does not lead by its margin", best.topic),
                    }
                }
            }];
        }
        let (Some(own), Some(index)) = (own, compiled.by_id.get(&topic.id)) else { return vec![] };
        let rival = || ranking.iter().find(|rank| rank.topic != topic.id && rank.score > 0.0);
        let mut changes = vec![match next.or_else(rival) {
            Some(next) => format!("it leads `{}` by {:.2} points", next.topic, own.score - next.score),
            None => format!("no other topic has points; another one takes more than {:.2}", own.score),
        }];
        let mut decide = |scores: &[f64], what: String| {
            let instead = self.chosen(scan, scores);
            changes.extend((instead != topic.id).then(|| format!("without {what} it would be `{instead}`")));
        };
        for found in own.evidence.iter().filter(|found| found.weight > 0.0) {
            let mut scores = scores.to_vec();
            scores[usize::from(*index)] -= found.weight;
            decide(&scores, format!("`{}` (\"{}\")", found.rule, found.text));
        }
        for (word, found) in compiled.leanings_of(*index, scan).iter().filter(|(_, found)| found.weight > 0.0) {
            let leant = compiled.held(compiled.summed(scan, Some(*word)), scan, signalled);
            decide(&leaned(signalled.to_vec(), &leant), format!("the word \"{}\"", found.text));
        }
        if changes.len() == 1 && !own.evidence.is_empty() {
            changes.push("no single signal decides: without any one of them it stays".to_owned());
        }
        changes
    }

    /// The topic that these points choose.
    fn chosen(&self, scan: &Scan<'_>, scores: &[f64]) -> &str {
        self.compiled.chosen(scan, scores).map_or(OTHER, |chosen| self.compiled.topics[chosen].id.0.as_str())
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
        check("hello", &["no signal of any topic fired: it takes a phrase that reaches a topic's threshold"]);
        check("bee", &["1.00 more points for `b` would make it the topic"]);
        check(
            "apple",
            &[
                "no other topic has points; another one takes more than 2.00",
                "without `topic.a.apple` (\"apple\") it would be `other`",
            ],
        );
        check(
            "apple and pear, a bee",
            &["it leads `b` by 3.00 points", "no single signal decides: without any one of them it stays"],
        );
        check(
            "apple, pear, bear",
            &[
                "it leads `b` by 1.00 points",
                "without `topic.a.apple` (\"apple\") it would be `b`",
                "without `topic.a.pear` (\"pear\") it would be `b`",
            ],
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
                "it leads `b` by 5.00 points",
                "no single signal decides: without any one of them it stays",
                "by signals alone, without words that lean, it would be `b`"
            ]
        );
        let (_, changes) = explained("apple and bear, sweet");
        assert_eq!(
            changes,
            [
                "it leads `b` by 3.00 points",
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
                "2.00 more points for `a` would make it the topic",
                "by signals alone, without words that lean, it would be `a`"
            ]
        );
        let other = explained.ranking.iter().find(|rank| rank.topic == OTHER).unwrap();
        assert_eq!(other.words[0].text, "hello");
    }
}
