//! Explaining a judgement: every topic's points and signals, and what would have changed the verdict.

use serde::Serialize;

use super::judge::{OTHER, Pick};
use super::scan::Scan;
use super::{Findings, Rules, Topic};
use crate::request::evidence::Evidence;

/// A judgement with its reasons.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The verdict.
    pub topic: Topic,
    /// Topics that got or lost points, best first.
    pub ranking: Vec<Rank>,
    /// What would have changed the verdict, a sentence each.
    pub changes: Vec<String>,
    /// The version of the rules.
    pub rules: String,
}

/// One topic's points.
#[derive(Debug, Serialize)]
pub struct Rank {
    /// The topic.
    pub topic: String,
    /// Its points.
    pub score: f64,
    /// What it had to reach.
    pub threshold: f64,
    /// The signals that gave or took them, and the words that lean most.
    pub evidence: Vec<Evidence>,
    /// What all words that lean gave or took together.
    pub leanings: f64,
}

impl Rules {
    /// Says why a request is judged as it is.
    pub fn explain(&self, findings: &Findings<'_>) -> Explanation {
        let compiled = &self.compiled;
        let Findings { scan, pick, .. } = findings;
        let (scores, leant) = (compiled.scores(scan), compiled.leant(scan));
        let topic = compiled.topic(scan, *pick);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut ranking = Vec::new();
        for index in order {
            let mut evidence = compiled.evidence(scan, &compiled.fired(index as u16, scan));
            evidence.extend(compiled.leanings_of(index as u16, scan));
            let written = &compiled.topics[index];
            if !evidence.is_empty() || written.id.0 == topic.id {
                ranking.push(Rank {
                    topic: written.id.0.clone(),
                    score: scores[index],
                    threshold: if scan.names_campaign { written.threshold_named } else { written.threshold },
                    evidence,
                    leanings: leant[index],
                });
            }
        }
        let changes = self.changes(scan, &topic, &ranking, &scores, *pick);
        Explanation { topic, ranking, changes, rules: self.version.clone() }
    }

    fn changes(&self, scan: &Scan<'_>, topic: &Topic, ranking: &[Rank], scores: &[f64], pick: Pick) -> Vec<String> {
        let mut changes = Vec::new();
        if matches!(pick, Pick::Topic(_)) {
            changes.push("the customer picked this topic; without the pick the points below decide".to_owned());
        }
        let own = ranking.iter().find(|rank| rank.topic == topic.id);
        let best_other = ranking.iter().find(|rank| rank.topic != topic.id && rank.topic != OTHER);
        if topic.id == OTHER {
            changes.push(match best_other {
                None => "no signal of any topic fired: it takes a phrase that reaches a topic's threshold".to_owned(),
                Some(best) => {
                    let to_beat = own.map_or(best.threshold, |own| own.score.max(best.threshold));
                    let lacks = to_beat - best.score;
                    match lacks > 0.0 {
                        true => format!("{lacks:.2} more points for `{}` would make it the topic", best.topic),
                        false => format!("`{}` reaches its threshold, but does not lead by its margin", best.topic),
                    }
                }
            });
            return changes;
        }
        let Some(own) = own else { return changes };
        changes.push(match best_other {
            Some(best) => format!("it leads `{}` by {:.2} points", best.topic, own.score - best.score),
            None => format!("no other topic has points; another one takes more than {:.2}", own.score),
        });
        let single = own.evidence.iter().filter(|found| found.weight > 0.0);
        let decisive = single.filter_map(|found| {
            let instead = self.without(scan, topic, scores, found.weight);
            let said = || format!("without `{}` (\"{}\") it would be `{instead}`", found.rule, found.text);
            (instead != topic.id).then(said)
        });
        let before = changes.len();
        changes.extend(decisive);
        if changes.len() == before && !own.evidence.is_empty() {
            changes.push("no single signal decides: without any one of them it stays".to_owned());
        }
        changes
    }

    /// The topic by points alone if this one had so many fewer.
    fn without(&self, scan: &Scan<'_>, topic: &Topic, scores: &[f64], weight: f64) -> &str {
        let compiled = &self.compiled;
        let mut scores = scores.to_vec();
        if let Some(index) = compiled.by_id.get(&topic.id) {
            scores[usize::from(*index)] -= weight;
        }
        let (best, next) = compiled.best(&scores);
        let plain = best.filter(|best| compiled.is_plain(scan, &scores, *best, next));
        plain.map_or(OTHER, |best| compiled.topics[best].id.0.as_str())
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
}
