//! The model: a weight for every phrase that matters to a topic, found by a linear support vector machine a topic.
//!
//! Dual coordinate descent with squared hinge loss (Hsieh et al., ICML 2008), in one fixed order, so that the same texts give
//! the same weights everywhere. Each topic by itself says yes or no, from its prior on: what no topic says more for than
//! `other` is `other`. Knows phrases by number, never words; no I/O.

use super::phrasebook::Phrasebook;

/// What a mistake costs.
const COST: f32 = 2.0;
/// Rounds over all texts, before and after thinning.
const ROUNDS: [usize; 2] = [30, 20];
/// So many times these rounds for `other`: its prior stands against all topics, and is not to hang by the order of the texts.
const OTHER_ROUNDS: usize = 5;
/// After so many of these every text is looked at again.
const WAKING: usize = 10;
/// The last rounds look at every text.
const LAST_ROUNDS: usize = 2;
/// By how much a text must be on its right side to sleep.
const ASLEEP: f32 = 0.2;
/// What the share of texts without a topic that come to `other` is worth, beside the share of right verdicts.
const STRANGER: f32 = 0.075;
/// Points by which the same may be said with more or with less.
const SWING: f32 = 0.5;
/// Points that a plain yes comes to in the files, so that weights are numbers with which people count.
const POINTS: f32 = 4.0;
/// Fewer points than these are not worth a line.
const LEAST_WEIGHT: f32 = 0.1;

/// A text as its phrases.
#[derive(Debug, Clone, Copy)]
pub struct Text<'p> {
    /// By number.
    pub phrases: &'p [u32],
    /// Its topic.
    pub topic: usize,
}

/// How much a model may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many topics there are.
    pub topics: usize,
    /// Phrases that each may have.
    pub phrases: usize,
    /// Which of them is `other`.
    pub other: Option<usize>,
}

/// Weights of phrases for topics, as they will be written.
pub struct Model {
    /// Topic → its phrases with their weights.
    pub topics: Vec<Vec<(u32, f32)>>,
    /// Topic → the points that it has before anything is said.
    pub priors: Vec<f32>,
    /// Phrase → the topics it speaks for or against.
    by_phrase: Vec<Vec<(u32, f32)>>,
}

/// How an unseen text came out.
pub struct Trial {
    /// The points of the best topic over those of `other`.
    lead: f32,
    /// Whether the best topic is its own.
    right: bool,
    /// Whether it has none.
    stranger: bool,
}

impl Model {
    /// Trains on all phrases, keeps those that matter to a topic, trains again on these.
    pub fn train(texts: &[Text<'_>], bounds: Bounds, phrasebook: &Phrasebook) -> Model {
        let scale = scales(texts, phrasebook);
        let norms: Vec<f32> = texts
            .iter()
            .map(|text| text.phrases.iter().map(|phrase| scale[*phrase as usize].powi(2)).sum::<f32>().sqrt())
            .map(|norm| if norm > 0.0 { 1.0 / norm } else { 0.0 })
            .collect();
        let usual = norms.iter().sum::<f32>() / norms.len().max(1) as f32;
        let machine = Machine { texts, scale: &scale, norms: &norms, order: order(texts.len()) };
        let all = vec![true; phrasebook.len()];
        let mut model = Model { topics: vec![], priors: vec![], by_phrase: vec![vec![]; phrasebook.len()] };
        for topic in 0..bounds.topics {
            let rounds = ROUNDS.map(|rounds| if Some(topic) == bounds.other { rounds * OTHER_ROUNDS } else { rounds });
            let (weights, _) = machine.learn(topic, &all, rounds[0]);
            let points = |phrase: usize, weight: f32| hundredths(weight * scale[phrase] * usual * POINTS);
            let all = weights.iter().enumerate().map(|(phrase, weight)| (phrase, points(phrase, *weight).abs()));
            let mut telling: Vec<(usize, f32)> = all.filter(|(_, points)| *points >= LEAST_WEIGHT).collect();
            if telling.len() > bounds.phrases {
                telling.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                telling.truncate(bounds.phrases);
            }
            let mut kept = vec![false; phrasebook.len()];
            telling.iter().for_each(|(phrase, _)| kept[*phrase] = true);
            let (weights, prior) = machine.learn(topic, &kept, rounds[1]);
            model.priors.push(hundredths(prior * POINTS));
            let written = weights.iter().enumerate().filter(|(phrase, _)| kept[*phrase]);
            let written = written.map(|(phrase, weight)| (phrase as u32, points(phrase, *weight)));
            model.topics.push(written.filter(|(_, points)| *points != 0.0).collect());
            for (phrase, weight) in &model.topics[topic] {
                model.by_phrase[*phrase as usize].push((topic as u32, *weight));
            }
        }
        model
    }

    /// The points of every topic for a text.
    pub fn points(&self, text: Text<'_>) -> Vec<f32> {
        let mut points = self.priors.clone();
        for phrase in text.phrases {
            for (topic, weight) in &self.by_phrase[*phrase as usize] {
                points[*topic as usize] += weight;
            }
        }
        points
    }

    /// How the points of `other` come out for a text that the model has not seen.
    pub fn trial(&self, text: Text<'_>, other: usize) -> Trial {
        let points = self.points(text);
        let own = (0..points.len()).filter(|topic| *topic != other);
        let best = own.max_by(|a, b| points[*a].total_cmp(&points[*b])).unwrap_or(0);
        Trial { lead: points[best] - points[other], right: best == text.topic, stranger: text.topic == other }
    }
}

/// What is added to the prior of `other`, so that unseen texts without a topic come to it and few others do.
pub fn raise(trials: &[Trial]) -> f32 {
    let strangers = trials.iter().filter(|trial| trial.stranger).count().max(1) as f32;
    let in_scope = (trials.len() as f32 - strangers).max(1.0);
    let worth = |raise: f32| -> f32 {
        let away = |trial: &Trial| 1.0 / (1.0 + ((trial.lead - raise) / SWING).exp());
        let worth = |trial: &Trial| match trial {
            Trial { stranger: true, .. } => STRANGER / strangers * away(trial),
            Trial { right: true, .. } => -away(trial) / in_scope,
            _ => 0.0,
        };
        trials.iter().map(worth).sum()
    };
    let tried = (0..=80).map(|step| step as f32 * 0.1).map(|raise| (worth(raise), raise));
    tried.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, raise)| raise)
}

/// As it is written: two digits.
fn hundredths(points: f32) -> f32 {
    (points * 100.0).round() / 100.0
}

/// What each phrase says before anything is learned: by its kind, and the more, the fewer texts hold it.
fn scales(texts: &[Text<'_>], phrasebook: &Phrasebook) -> Vec<f32> {
    let mut held = vec![0u32; phrasebook.len()];
    texts.iter().flat_map(|text| text.phrases).for_each(|phrase| held[*phrase as usize] += 1);
    held.iter().zip(&phrasebook.says).map(|(held, says)| says * rarity(texts.len(), *held)).collect()
}

/// How much a word says that so many texts of all hold.
pub fn rarity(texts: usize, held: u32) -> f32 {
    ((1.0 + texts as f32) / (1.0 + held as f32)).ln() + 1.0
}

/// Finds the weights of one topic after the other.
struct Machine<'t> {
    texts: &'t [Text<'t>],
    scale: &'t [f32],
    /// One by the length of each text, as a vector of its phrases.
    norms: &'t [f32],
    order: Vec<u32>,
}

impl Machine<'_> {
    /// The weights of one topic over the kept phrases, and its prior: the weight of what every text says.
    fn learn(&self, topic: usize, kept: &[bool], rounds: usize) -> (Vec<f32>, f32) {
        let (mut weights, mut prior) = (vec![0.0f32; kept.len()], 0.0);
        let mut alphas = vec![0.0f32; self.texts.len()];
        let slack = 0.5 / COST;
        let mut awake = self.order.clone();
        for round in 0..rounds {
            if round + LAST_ROUNDS == rounds || rounds > ROUNDS[0] && (round + LAST_ROUNDS).is_multiple_of(WAKING) {
                awake.clone_from(&self.order);
            }
            awake.retain(|index| {
                let at = *index as usize;
                let (text, norm) = (self.texts[at], self.norms[at]);
                let side = if text.topic == topic { 1.0 } else { -1.0 };
                let phrases = || text.phrases.iter().map(|phrase| *phrase as usize).filter(|phrase| kept[*phrase]);
                let (mut points, mut length) = (prior, 1.0);
                for phrase in phrases() {
                    let value = self.scale[phrase] * norm;
                    points += weights[phrase] * value;
                    length += value * value;
                }
                let alpha = alphas[at];
                let slope = side * points - 1.0 + slack * alpha;
                let next = (alpha - slope / (length + slack)).max(0.0);
                if next != alpha {
                    alphas[at] = next;
                    let step = (next - alpha) * side;
                    prior += step;
                    phrases().for_each(|phrase| weights[phrase] += step * norm * self.scale[phrase]);
                }
                // A text that is well on its right side will hardly come back: it sleeps until the last rounds.
                next > 0.0 || slope < ASLEEP
            });
        }
        (weights, prior)
    }
}

/// The same mixed order, everywhere.
fn order(length: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..length as u32).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..length).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (state >> 33) as usize % (at + 1));
    }
    order
}
