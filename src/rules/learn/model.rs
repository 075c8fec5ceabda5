//! The model: a weight for every phrase that matters to a topic, found by a linear support vector machine a topic.
//!
//! Dual coordinate descent with squared hinge loss (Hsieh et al., ICML 2008), in one fixed order, so that the same texts give
//! the same weights everywhere. Each topic by itself says yes or no: what nobody says yes to is `other`.

use super::phrasebook::Phrasebook;

/// What a mistake costs.
const COST: f32 = 1.0;
/// Rounds over all texts, before and after thinning.
const ROUNDS: [usize; 2] = [12, 8];
/// The last rounds look at every text.
const LAST_ROUNDS: usize = 2;
/// By how much a text must be on its right side to sleep.
const ASLEEP: f32 = 0.2;
/// Phrases kept a topic: what a person may still read. Few topics may have more, for they may speak several languages.
const PHRASES: usize = 400;
/// Phrases kept in all.
const ALL_PHRASES: usize = 30_000;
/// Points that a plain yes comes to in the files, so that weights are numbers with which people count.
const POINTS: f32 = 4.0;
/// Weights below this say nothing once written with two digits.
const LEAST_WEIGHT: f32 = 0.1;

/// A text as its phrases.
#[derive(Debug, Clone, Copy)]
pub struct Text<'p> {
    /// By number.
    pub phrases: &'p [u32],
    /// Its topic.
    pub topic: usize,
}

/// Weights of phrases for topics, as they will be written.
pub struct Model {
    /// Topic → its phrases with their weights.
    pub topics: Vec<Vec<(u32, f32)>>,
    /// Phrase → the topics it speaks for or against.
    by_phrase: Vec<Vec<(u32, f32)>>,
}

/// How an unseen text came out.
struct Trial {
    points: f32,
    lead: f32,
    right: bool,
    stranger: bool,
    beaten: bool,
}

impl Model {
    /// Trains on all phrases, keeps those that matter to a topic, trains again on these.
    pub fn train(texts: &[Text<'_>], topics: usize, phrasebook: &Phrasebook) -> Model {
        let scale = scales(texts, phrasebook);
        let norms: Vec<f32> = texts
            .iter()
            .map(|text| text.phrases.iter().map(|phrase| scale[*phrase as usize].powi(2)).sum::<f32>().sqrt())
            .map(|norm| if norm > 0.0 { 1.0 / norm } else { 0.0 })
            .collect();
        let usual = norms.iter().sum::<f32>() / norms.len().max(1) as f32;
        let machine = Machine { texts, scale: &scale, norms: &norms, order: order(texts.len()) };
        let all = vec![true; phrasebook.len()];
        let mut model = Model { topics: Vec::with_capacity(topics), by_phrase: vec![vec![]; phrasebook.len()] };
        for topic in 0..topics {
            let weights = machine.learn(topic, &all, ROUNDS[0]);
            let kept = thin(&weights, &scale, &phrasebook.held, PHRASES.max(ALL_PHRASES / topics.max(1)));
            let weights = machine.learn(topic, &kept, ROUNDS[1]);
            let written = |(phrase, weight): (usize, &f32)| {
                // As it is written: two digits.
                let weight = (weight * scale[phrase] * usual * POINTS * 100.0).round() / 100.0;
                (kept[phrase] && weight.abs() >= LEAST_WEIGHT).then_some((phrase as u32, weight))
            };
            model.topics.push(weights.iter().enumerate().filter_map(written).collect());
            for (phrase, weight) in &model.topics[topic] {
                model.by_phrase[*phrase as usize].push((topic as u32, *weight));
            }
        }
        model
    }

    /// The points of every topic for a text.
    pub fn points(&self, text: Text<'_>) -> Vec<f32> {
        let mut points = vec![0.0; self.topics.len()];
        for phrase in text.phrases {
            for (topic, weight) in &self.by_phrase[*phrase as usize] {
                points[*topic as usize] += weight;
            }
        }
        points
    }

    /// Threshold and margin below which a text is `other`: found on unseen texts, with those that have no topic where some
    /// are known; else so that hardly any right verdict is lost.
    pub fn limits(&self, texts: &[Text<'_>], other: Option<usize>) -> (f32, f32) {
        let judged: Vec<Trial> = texts.iter().map(|text| self.trial(*text, other)).collect();
        let strangers = judged.iter().filter(|trial| trial.stranger).count();
        let in_scope = (judged.len() - strangers).max(1) as f32;
        let grid = |mut values: Vec<f32>| {
            values.sort_by(f32::total_cmp);
            (0..40).filter_map(|step| values.get(values.len() * step / 100).copied()).collect::<Vec<_>>()
        };
        let thresholds = grid(judged.iter().map(|trial| trial.points).collect());
        let margins = grid(judged.iter().map(|trial| trial.lead).collect());
        let mut best = (f32::MIN, -1000.0, 0.0);
        for threshold in std::iter::once(-1000.0).chain(thresholds) {
            for margin in std::iter::once(0.0).chain(margins.iter().copied()) {
                let passes = |trial: &&Trial| trial.points >= threshold && trial.lead >= margin;
                let right = judged.iter().filter(|trial| trial.right).filter(passes).count() as f32 / in_scope;
                let away = |trial: &&Trial| trial.stranger && (trial.beaten || !passes(trial));
                let away = judged.iter().filter(away).count() as f32 / strangers.max(1) as f32;
                // A share of right verdicts is worth ten times the same share of strangers kept out.
                let worth = right + 0.1 * away - 1e-6 * margin;
                if worth > best.0 {
                    best = (worth, threshold, margin);
                }
            }
        }
        ((best.1 * 100.0).floor() / 100.0, (best.2.max(0.0) * 100.0).floor() / 100.0)
    }

    fn trial(&self, text: Text<'_>, other: Option<usize>) -> Trial {
        let points = self.points(text);
        let own = |topic: &usize| Some(*topic) != other;
        let best = (0..points.len()).filter(own).max_by(|a, b| points[*a].total_cmp(&points[*b])).unwrap_or(0);
        let rest = (0..points.len()).filter(own).filter(|topic| *topic != best);
        let next = rest.map(|topic| points[topic]).fold(f32::MIN, f32::max);
        let beaten = other.is_some_and(|other| points[other] > points[best]);
        Trial {
            points: points[best],
            lead: points[best] - next,
            right: best == text.topic && !beaten,
            stranger: Some(text.topic) == other,
            beaten,
        }
    }
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

/// The phrases worth writing down: the heaviest, weighed by how many texts hold them.
fn thin(weights: &[f32], scale: &[f32], held: &[u32], most: usize) -> Vec<bool> {
    let worth = |phrase: usize| (weights[phrase] * scale[phrase]).abs() * (held[phrase] as f32).sqrt();
    let mut order: Vec<usize> = (0..weights.len()).filter(|phrase| weights[*phrase] != 0.0).collect();
    order.sort_by(|a, b| worth(*b).total_cmp(&worth(*a)).then(a.cmp(b)));
    let mut kept = vec![false; weights.len()];
    order.iter().take(most).for_each(|phrase| kept[*phrase] = true);
    kept
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
    /// The weights of one topic over the kept phrases.
    fn learn(&self, topic: usize, kept: &[bool], rounds: usize) -> Vec<f32> {
        let mut weights = vec![0.0f32; kept.len()];
        let mut alphas = vec![0.0f32; self.texts.len()];
        let slack = 0.5 / COST;
        let mut awake = self.order.clone();
        for round in 0..rounds {
            if round + LAST_ROUNDS == rounds {
                awake.clone_from(&self.order);
            }
            awake.retain(|index| {
                let at = *index as usize;
                let (text, norm) = (self.texts[at], self.norms[at]);
                let side = if text.topic == topic { 1.0 } else { -1.0 };
                let phrases = || text.phrases.iter().map(|phrase| *phrase as usize).filter(|phrase| kept[*phrase]);
                let (mut points, mut length) = (0.0, 0.0);
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
                    let step = (next - alpha) * side * norm;
                    phrases().for_each(|phrase| weights[phrase] += step * self.scale[phrase]);
                }
                // A text that is well on its right side will hardly come back: it sleeps until the last rounds.
                next > 0.0 || slope < ASLEEP
            });
        }
        weights
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
