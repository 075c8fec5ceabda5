//! Explaining a judgement: every topic's points and signals, and what would have changed the verdict.

use serde::Serialize;

use super::judge::{OTHER, Pick};
use super::{Rules, Topic};
use crate::request::Request;
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
    /// The signals that gave or took them.
    pub evidence: Vec<Evidence>,
}

impl Rules {
    /// Judges a request, and says why.
    pub fn explain(&self, request: &Request) -> Explanation {
        let compiled = &self.compiled;
        let pick = compiled.pick(request);
        let scan = compiled.scan(request, pick);
        let scores = compiled.scores(&scan);
        let topic = compiled.topic(&scan, pick);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut ranking = Vec::new();
        for index in order {
            let evidence = compiled.evidence(&scan, &compiled.fired(index as u16, &scan));
            let written = &compiled.topics[index];
            if !evidence.is_empty() || written.id.0 == topic.id {
                ranking.push(Rank {
                    topic: written.id.0.clone(),
                    score: scores[index],
                    threshold: written.threshold,
                    evidence,
                });
            }
        }
        let changes = self.changes(&topic, &ranking, pick);
        Explanation { topic, ranking, changes, rules: self.version.clone() }
    }

    fn changes(&self, topic: &Topic, ranking: &[Rank], pick: Pick) -> Vec<String> {
        let mut changes = Vec::new();
        if matches!(pick, Pick::Topic(_)) {
            changes.push("the customer picked this topic; without the pick the points below decide".to_owned());
        }
        let Some(own) = ranking.iter().find(|rank| rank.topic == topic.id) else { return changes };
        let best_other = ranking.iter().find(|rank| rank.topic != topic.id && rank.topic != OTHER);
        if topic.id == OTHER {
            if let Some(best) = best_other {
                let lacks = (best.threshold - best.score).max(own.score - best.score);
                changes.push(match lacks > 0.0 {
                    true => format!("{lacks:.2} more points for `{}` would make it the topic", best.topic),
                    false => format!("`{}` reaches its threshold, but does not lead by its margin", best.topic),
                });
            }
            return changes;
        }
        if let Some(best) = best_other {
            let lead = own.score - best.score;
            changes.push(format!("it leads `{}` by {lead:.2} points", best.topic));
        }
        for found in own.evidence.iter().filter(|found| found.weight > 0.0) {
            let without = own.score - found.weight;
            let next = best_other.map_or(f64::NEG_INFINITY, |rank| rank.score);
            if without < own.threshold || without < next {
                let instead = best_other.filter(|rank| without < rank.score && rank.score >= rank.threshold);
                let instead = instead.map_or(OTHER, |rank| rank.topic.as_str());
                changes.push(format!("without `{}` (\"{}\") it would be `{instead}`", found.rule, found.text));
            }
        }
        changes
    }
}
