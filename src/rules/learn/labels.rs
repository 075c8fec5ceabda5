//! Labels: what labelled texts call their topics, and the id that each topic gets.
//!
//! Two labels are one topic when they have the same letters and digits, whatever stands between: `Billing & payments` and
//! `billing_payments`. Every other two stay apart, whatever their script.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::{Labelled, Place};
use crate::config::fault::Fault;
use crate::rules::judge::OTHER;

/// Labels that mean that no topic fits, as compared: those that customers may read, and those of people who label.
const OTHERS: [&str; 13] = [
    "other",
    "others",
    "something else",
    "sonstiges",
    "sonstige",
    "anderes",
    "autre",
    "autres",
    "otro",
    "otros",
    "outro",
    "outros",
    "miscellaneous",
];
const NO_TOPIC: [&str; 7] = ["oos", "out of scope", "none", "no topic", "unknown", "misc", "n a"];
/// Characters of an id.
const ID_CHARS: usize = 64;

/// The topics of labelled texts.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Label as compared → id.
    ids: BTreeMap<String, String>,
    /// Id → the label for people.
    pub shown: BTreeMap<String, String>,
    /// Labels that became one topic, a list each.
    pub merged: Vec<Vec<String>>,
}

impl Labels {
    /// The topics that these texts are labelled with.
    pub fn of(samples: &[Labelled]) -> Labels {
        let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let labels = samples.iter().map(|sample| sample.topic.trim());
        for label in labels.filter(|label| !label.is_empty()) {
            groups.entry(compared(label)).or_default().insert(label);
        }
        let mut found = Labels::default();
        for (key, group) in groups {
            let as_written = group.iter().copied().find(|label| is_id(label));
            let mut id = as_written.map_or_else(|| id_of(&key), str::to_owned);
            if is_other(&key) {
                id = OTHER.to_owned();
            } else if id == OTHER || found.shown.contains_key(&id) {
                id = marked(&id, &key);
            }
            let shown = group.iter().find(|label| !is_id(label)).or(group.first()).copied().unwrap_or_default();
            let shown = if NO_TOPIC.contains(&key.as_str()) { "Other".to_owned() } else { readable(shown) };
            // "oos" stands beside "Sonstiges".
            if id != OTHER || OTHERS.contains(&key.as_str()) || !found.shown.contains_key(OTHER) {
                found.shown.insert(id.clone(), shown);
            }
            found.ids.insert(key, id);
            if group.len() > 1 {
                found.merged.push(group.into_iter().map(str::to_owned).collect());
            }
        }
        found
    }

    /// The id of the topic with this label, also of one that was not among them.
    pub fn id(&self, label: &str) -> String {
        let key = compared(label);
        match self.ids.get(&key) {
            Some(id) => id.clone(),
            None if is_other(&key) => OTHER.to_owned(),
            None => id_of(&key),
        }
    }

    /// The texts whose topic is none of these: a fault a label.
    pub fn strangers(&self, samples: &[Labelled]) -> Vec<Fault> {
        let known = |sample: &&Labelled| {
            let id = self.id(&sample.topic);
            id == OTHER || self.shown.contains_key(&id)
        };
        let ids: Vec<&str> = self.shown.keys().map(String::as_str).collect();
        unknown(samples.iter().filter(|sample| !known(sample)), "none of those that are learned", &ids)
    }
}

/// A fault for every label of these texts, at the first of them.
pub fn unknown<'s>(samples: impl Iterator<Item = &'s Labelled>, what: &str, ids: &[&str]) -> Vec<Fault> {
    let mut found: BTreeMap<&str, (usize, &Place)> = BTreeMap::new();
    for sample in samples {
        found.entry(&sample.topic).or_insert((0, &sample.place)).0 += 1;
    }
    let fault = |(label, (times, place)): (&str, (usize, &Place))| Fault {
        file: place.file.to_string(),
        line: place.line,
        message: format!("the topic `{label}` is {what} (texts with it: {times}, the first one here)"),
        remedy: format!("label them with one of {}", ids.join(", ")),
    };
    found.into_iter().map(fault).collect()
}

fn is_other(key: &str) -> bool {
    OTHERS.contains(&key) || NO_TOPIC.contains(&key)
}

/// A label as a customer may read it: one that is written as an id gets spaces and a capital.
fn readable(label: &str) -> String {
    if !is_id(label) {
        return label.to_owned();
    }
    let spaced = label.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The letters and digits, small, with one space for all that stands between.
fn compared(label: &str) -> String {
    let small: String = label.nfkc().flat_map(char::to_lowercase).collect();
    let words: Vec<&str> =
        small.split(|c: char| !(c.is_alphanumeric() || is_mark(c))).filter(|word| !word.is_empty()).collect();
    match words.is_empty() {
        // Signs alone are a label too: "👍", "👎".
        true => small.trim().to_owned(),
        false => words.join(" "),
    }
}

/// Vowel signs and accents stand within a word, as in Thai and Hindi.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

fn is_id(label: &str) -> bool {
    label.len() <= ID_CHARS && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
}

/// An id that no other label as compared has: what cannot stand in one is told apart by a mark.
fn id_of(key: &str) -> String {
    let unaccented: String = key.replace('ß', "ss").nfd().filter(|c| !is_mark(*c)).collect();
    let slug = unaccented.replace(' ', "-");
    if is_id(&slug) {
        return slug;
    }
    let plain: String = key.nfkd().filter(|c| c.is_ascii_alphanumeric() || *c == ' ').collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join("-");
    marked(if plain.is_empty() { "topic" } else { &plain }, key)
}

/// An id with the beginning of the label's hash.
fn marked(id: &str, key: &str) -> String {
    let mark = &hex::encode(Sha256::digest(key.as_bytes()))[..6];
    let head: String = id.chars().take(ID_CHARS - 7).collect();
    format!("{head}-{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[&str], expected: &[&str]) {
        let labelled = |label: &&str| Labelled { topic: (*label).to_owned(), ..Labelled::default() };
        let found = Labels::of(&labels.iter().map(labelled).collect::<Vec<_>>());
        let ids: Vec<String> = labels.iter().map(|label| found.id(label)).collect();
        assert_eq!(ids, expected, "{labels:?}");
    }

    #[test]
    fn every_label_has_a_topic_of_its_own() {
        check(&["card_arrival", "Card arrival"], &["card_arrival", "card_arrival"]);
        check(&["Billing & payments", "billing_payments"], &["billing_payments", "billing_payments"]);
        check(&["Billing & payments", "BILLING  PAYMENTS"], &["billing-payments", "billing-payments"]);
        check(&["out_of_scope", "OOS", "Other"], &["other", "other", "other"]);
        check(&["Sonstiges", "n/a"], &["other", "other"]);
        check(&["Kundigung", "Kündigung", "Straße"], &["kundigung", "kundigung-affc30", "strasse"]);
        check(&["計費", "登入", "../../etc/x"], &["topic-e2f536", "topic-92fc48", "etc-x"]);
        check(&["👍", "👎"], &["topic-5d57d3", "topic-770738"]);
    }

    /// What stands in forms and mails, not what those who label call it among themselves.
    #[test]
    fn labels_are_for_customers() {
        let shown = |labels: &[&str]| -> Vec<String> {
            let labelled = |label: &&str| Labelled { topic: (*label).to_owned(), ..Labelled::default() };
            Labels::of(&labels.iter().map(labelled).collect::<Vec<_>>()).shown.into_values().collect()
        };
        assert_eq!(shown(&["oos"]), ["Other"]);
        assert_eq!(shown(&["Unknown", "none"]), ["Other"]);
        assert_eq!(shown(&["oos", "Sonstiges"]), ["Sonstiges"]);
        assert_eq!(shown(&["Sonstiges", "unknown"]), ["Sonstiges"]);
        assert_eq!(shown(&["card_arrival", "e-mail", "Geld & mehr"]), ["Card arrival", "E-mail", "Geld & mehr"]);
        assert_eq!(shown(&["billing_payments", "Billing & payments"]), ["Billing & payments"]);
    }
}
