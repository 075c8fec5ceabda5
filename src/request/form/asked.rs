//! Labels that ask in words of their own: "Hi Carla, what's your email address?", "Please describe the issue".
//!
//! Looked at only where the mail is known to be a form's: people ask, too. A question in which somebody speaks of
//! himself ("Why is my campaign off?") is no label.

use std::collections::BTreeMap;

use super::label::LONGEST_LABEL;
use crate::request::FieldKey;
use crate::request::finder::{lower, lowered};
use crate::request::reading::Reading;

/// Where labels hold the words of several keys, the first of these.
const ORDER: [FieldKey; 7] = [
    FieldKey::CampaignId,
    FieldKey::Email,
    FieldKey::Phone,
    FieldKey::Description,
    FieldKey::CampaignName,
    FieldKey::Name,
    FieldKey::HelpTopic,
];

/// The words of the phrases, those of the most words first.
pub(in crate::request) fn compiled(phrases: &BTreeMap<FieldKey, Vec<String>>) -> Vec<(FieldKey, Vec<String>)> {
    let mut out: Vec<(FieldKey, Vec<String>)> = Vec::new();
    for (key, phrases) in phrases {
        out.extend(phrases.iter().map(|phrase| (*key, words(&lower(phrase)).map(str::to_owned).collect())));
    }
    let rank = |key: &FieldKey| ORDER.iter().position(|other| other == key).unwrap_or(ORDER.len());
    out.sort_by_key(|(key, words)| (std::cmp::Reverse(words.len()), rank(key)));
    out
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether a label begins like one that asks: "Please describe", "Which campaign".
pub(super) fn asks(label: &str, reading: &Reading) -> bool {
    let mut all = words(label);
    let first = all.next().is_some_and(|word| reading.forms.askers.contains(lowered(word, &mut String::new())));
    first && (1..=9).contains(&all.count()) && !label.ends_with(['.', '!', ','])
}

/// Whether somebody speaks of himself.
pub(super) fn own(line: &str, reading: &Reading) -> bool {
    words(line).any(|word| reading.forms.own.contains(lowered(word, &mut String::new())))
}

/// What a label asks for, by its words.
pub(super) fn asked(label: &str, reading: &Reading) -> Option<FieldKey> {
    if label.chars().nth(LONGEST_LABEL).is_some() || own(label, reading) {
        return None;
    }
    let label = lower(label);
    let words: Vec<&str> = words(&label).collect();
    let holds = |phrase: &[String]| phrase.iter().all(|word| words.contains(&word.as_str()));
    reading.forms.asked.iter().find(|(_, phrase)| holds(phrase)).map(|(key, _)| *key)
}
