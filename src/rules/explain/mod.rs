//! Explaining a judgement: every topic's points and signals, what would have changed the verdict, and the rules that route it.

pub mod phrases;
mod trial;

use serde::Serialize;

use trial::{Trial, Without};

use super::judge::{OTHER, Pick, leaned, rounded};
use super::scan::{Scan, Spot};
use super::{Findings, Routing, Rules, Topic};
use crate::request::evidence::{Evidence, Where};

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
    /// The words and conditions that were tried and change it: one alone, or all that do together, everyday words as well.
    pub without: Vec<Without>,
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
    /// What all words that lean gave or took together, as far as it counts: the sum of what follows.
    pub leanings: f64,
    /// The words among them that lean most, to the topic or from it, with their points.
    pub words: Vec<Evidence>,
    /// What all other words come to, and how many they are.
    pub more_words: MoreWords,
    /// What all words say of `other`, which is taken off.
    pub to_other: f64,
    /// What was given or taken so that leanings stay within their bounds.
    pub held: f64,
}

/// Words that lean little.
#[derive(Debug, Serialize)]
pub struct MoreWords {
    /// How many.
    pub count: usize,
    /// Their points.
    pub points: f64,
}

/// How many words that lean are named.
const MOST_NAMED: usize = 8;

impl Rules {
    /// Says why a request is judged as it is.
    pub fn explain(&self, findings: &Findings<'_>) -> Explanation {
        let compiled = &self.compiled;
        let Findings { scan, pick, .. } = findings;
        let signalled = compiled.signalled(scan);
        let leant = compiled.leant(scan, &compiled.leaning(scan), &signalled);
        let scores = leaned(signalled.clone(), &leant);
        let topic = compiled.topic(scan, *pick);
        let index = compiled.by_id.get(&topic.id).map(|index| usize::from(*index));
        let rival = self.rival(index, &scores);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let telling: Vec<Spot> = compiled.description.telling(scan).collect();
        let tells = |found: &Evidence| tells(scan, &telling, found);
        let points_of = |words: &[Evidence]| words.iter().map(|word| word.weight).sum::<f64>();
        let to_other = compiled.other().map_or(0.0, |other| points_of(&compiled.all_leanings_of(other as u16, scan)));
        let mut ranking = Vec::new();
        for index in order {
            let written = &compiled.topics[index];
            let evidence = compiled.evidence(scan, &compiled.fired(index as u16, scan));
            let speaks = !evidence.is_empty() || scores[index] > written.prior;
            if speaks || written.id.0 == topic.id || written.id.0 == OTHER || Some(index) == rival {
                let mut words = compiled.all_leanings_of(index as u16, scan);
                let said = points_of(&words);
                let more = words.split_off(words.len().min(MOST_NAMED));
                ranking.push(Rank {
                    topic: written.id.0.clone(),
                    score: rounded(scores[index]),
                    threshold: compiled.threshold(index, scan),
                    prior: rounded(compiled.prior(index, scan)),
                    evidence,
                    leanings: rounded(leant[index]),
                    words,
                    more_words: MoreWords { count: more.len(), points: rounded(points_of(&more)) },
                    to_other: rounded(-to_other),
                    held: rounded(leant[index] - said + to_other),
                });
            }
        }
        let by_signals = self.chosen(scan, &signalled).to_owned();
        let (mut changes, without) = match pick {
            Pick::Topic(_) => {
                let by_points = self.chosen(scan, &scores);
                (vec![format!("the customer picked this topic; by points it would be `{by_points}`")], vec![])
            }
            _ => {
                let trial = Trial { rules: self, findings, scores: &scores, tells: &tells };
                let by_points = self.chosen(scan, &scores);
                match index.filter(|_| topic.id != OTHER) {
                    _ if by_points != topic.id => {
                        let lean = format!(
                            "words lean to `{by_points}`, but the mail does not say what is wrong or wanted: it takes a signal, or more words"
                        );
                        (vec![lean], vec![])
                    }
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
        Explanation { topic, by_signals, ranking, rival, changes, without, routing, rules: self.version.clone() }
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

/// Whether words say something of the matter. What stands in other places than the mail's own text is taken to.
fn tells(scan: &Scan<'_>, telling: &[Spot], found: &Evidence) -> bool {
    let here = |spot: &Spot| {
        let place = scan.zones[usize::from(spot.zone)].place;
        (place, spot.start as usize, spot.end as usize) == (found.place, found.start, found.end)
    };
    !matches!(found.place, Where::Subject | Where::Text | Where::Forwarded) || telling.iter().any(here)
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
                "without \"apple\" it would be `other`",
            ],
        );
        check(
            "apple and pear, a bee",
            &[
                "it leads `b` (1.00) by 3.00 points",
                "it has 2.00 points more than its threshold of 2.00",
                "nothing decides alone: without \"apple\", \"pear\" together it would be `other`",
            ],
        );
        check(
            "apple, pear, bear",
            &[
                "it leads `b` (3.00) by 1.00 points",
                "without \"apple\" it would be `b`",
                "without \"pear\" it would be `b`",
            ],
        );
    }

    #[test]
    fn of_many_words_the_strongest_are_told() {
        let explained = |count: usize| {
            let weights: String = (1..=count).map(|at| format!("\"w{at}\" = {}\n", 2.0 - at as f64 / 100.0)).collect();
            let text = format!("id = \"a\"\nthreshold = 0.5\n[weights]\n{weights}");
            let rules = Rules::compile(&Files::from([("topics/a.toml".to_owned(), text.into())])).unwrap();
            let text = (1..=count).map(|at| format!("w{at} ")).collect();
            let request = Request { text, ..Request::default() };
            rules.explain(&rules.find(&request, &[]))
        };
        assert_eq!(
            explained(8).changes.last().unwrap(),
            "nothing decides alone: without \"w1\", \"w2\", \"w3\", \"w4\", \"w5\", \"w6\", \"w7\", \"w8\" together it would be `other`"
        );
        let many = explained(10);
        assert_eq!(
            many.changes.last().unwrap(),
            "nothing decides alone: 18.95 points away it would be `other`, without 10 words together, the strongest \"w1\", \"w2\", \"w3\", \"w4\", \"w5\", \"w6\", \"w7\", \"w8\", and 2 more (`--format json` has all)"
        );
        assert_eq!((many.without[0].words.len(), &*many.without[0].topic), (10, "other"));
    }

    #[test]
    fn what_keeps_a_signal_alive_in_another_place_is_told_too() {
        let text = "id = \"a\"\nthreshold = 2\n[[signal]]\nphrases = [\"apple\", \"green pear\"]\n";
        let rules = Rules::compile(&Files::from([("topics/a.toml".to_owned(), text.into())])).unwrap();
        let request = Request { subject: "Apple".into(), text: "a green pear".into(), ..Request::default() };
        let explained = rules.explain(&rules.find(&request, &[]));
        assert_eq!(
            explained.changes.last().unwrap(),
            "nothing decides alone: without \"Apple\", \"green pear\" together it would be `other`"
        );
        assert_eq!(explained.without[0].words, ["Apple", "green pear"]);
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
                "without \"apple\" it would be `other`",
            ],
        );
        check(
            "apple and pear",
            "other",
            &[
                "it leads `other` (-2.00) by 2.50 points, which nothing speaks for",
                "with a prior of `other` over 0.50 it would be `other`",
                "nothing decides alone: without \"apple\", \"pear\" together it would be `other`",
            ],
        );
        check(
            "a green pear",
            "a",
            &[
                "`other` leads `a` (-2.50) by 0.50 points",
                "0.50 more points for `a` would make it the topic",
                "with a prior of `other` of -2.50 or less it would be `a`",
                "without \"green\" it would be `a`",
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
        check("a bear, an apple", "a", &["it leads `a` (-1.00) by 0.50 points", "without \"bear\" it would be `a`"]);
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
                "nothing decides alone: without \"red\", \"round\", \"sweet\" together it would be `b`",
                "by signals alone, without words that lean, it would be `b`"
            ]
        );
        let (_, changes) = explained("apple and bear, sweet");
        assert_eq!(
            changes,
            [
                "it leads `b` (1.00) by 3.00 points",
                "without \"sweet\" it would be `b`",
                "by signals alone, without words that lean, it would be `b`"
            ]
        );
    }

    #[test]
    fn words_that_say_nothing_are_told_last() {
        let files = Files::from([
            ("topics/a.toml".into(), "id = \"a\"\nthreshold = 2\n[weights]\n\"apple\" = 2\n".into()),
            ("topics/other.toml".into(), "id = \"other\"\n".into()),
            ("leanings.csv".into(), "word,a,other\nmy,4,-1\nthe,3,\nwaiting,3,\nred,2,\n".into()),
            ("description.toml".into(), "[vague]\nen = [\"my the waiting\"]\n".into()),
        ]);
        let rules = Rules::compile(&files).unwrap();
        let check = |text: &str, words: &[&str], expected: &str| {
            let request = Request { text: text.into(), ..Request::default() };
            let explained = rules.explain(&rules.find(&request, &[]));
            let told: Vec<&str> = explained.ranking[0].words.iter().map(|word| &*word.text).collect();
            assert_eq!(told, words, "{text}");
            assert!(explained.changes.iter().any(|change| change == expected), "{:?}", explained.changes);
        };
        check(
            "my red apple from some orchard",
            &["my", "red"],
            "nothing decides alone: without \"apple\", \"red\" and 1 everyday word together it would be `other`",
        );
        check(
            "my, the, waiting, from some orchard",
            &["my", "the", "waiting"],
            "without 3 everyday words together, which only lean, it would be `other`",
        );
        check(
            "red apple from some orchard",
            &["red"],
            "nothing decides alone: without \"apple\", \"red\" together it would be `other`",
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
                "without \"hello\" it would be `a`",
                "by signals alone, without words that lean, it would be `a`"
            ]
        );
        let other = explained.ranking.iter().find(|rank| rank.topic == OTHER).unwrap();
        assert_eq!(other.words[0].text, "hello");
    }
}
