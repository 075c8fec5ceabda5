//! How a topic stands in one request: its points, and what it had to reach. Judges nothing.

use super::judge::rounded;
use super::{Findings, Rules};

/// How a topic stands.
#[derive(Debug)]
pub struct Standing {
    /// Points that signals and words that lean give it.
    pub signs: f64,
    /// Points before anything was read, and for naming a campaign.
    pub prior: f64,
    /// Points it has to reach.
    pub threshold: f64,
    /// Points by which it has to lead.
    pub margin: f64,
    /// Of all others but `other` the best, and the points by which this one leads it.
    pub next: Option<(String, f64)>,
}

impl Standing {
    /// All its points.
    pub fn score(&self) -> f64 {
        self.prior + self.signs
    }
}

impl Rules {
    /// How a topic stands; `None`: there is no such topic.
    pub fn standing(&self, findings: &Findings<'_>, topic: &str) -> Option<Standing> {
        let (compiled, scan) = (&self.compiled, &findings.scan);
        let index = usize::from(*compiled.by_id.get(topic)?);
        let scores = compiled.scores(scan);
        let (best, next) = compiled.best(&scores);
        let next = if best == Some(index) { next } else { best };
        let prior = compiled.prior(index, scan);
        Some(Standing {
            signs: scores[index] - prior,
            prior,
            threshold: compiled.threshold(index, scan),
            margin: compiled.topics[index].margin,
            next: next.map(|next| (compiled.topics[next].id.0.clone(), scores[index] - scores[next])),
        })
    }
}

/// Points for people, to a hundredth.
pub fn shown(points: f64) -> String {
    rounded(points).to_string()
}
