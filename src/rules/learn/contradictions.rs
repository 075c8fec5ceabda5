//! Contradictions: texts that people labelled with two topics. What such a text teaches is a matter of chance.
//!
//! Texts are the same when they fold to the same words. Tells them, leaves none out; no I/O.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::labels::Labels;
use super::{Labelled, Place};
use crate::rules::fold::{Piece, fold};

/// A text with two topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The text, as it stands first.
    pub text: String,
    /// The id of its topic there, and where that is.
    pub first: (String, Place),
    /// Another one, and where.
    pub second: (String, Place),
}

/// Every text that stands under another topic than where it stood first.
pub fn find(samples: &[Labelled], labels: &Labels) -> Vec<Contradiction> {
    let mut first: HashMap<String, &Labelled> = HashMap::new();
    let mut found = vec![];
    for sample in samples {
        let mut words = String::new();
        fold(&sample.text, |piece| {
            if let Piece::Word(word, ..) = piece {
                words.push_str(word);
                words.push(' ');
            }
        });
        // Signs alone are too little to compare.
        if words.is_empty() {
            continue;
        }
        match first.entry(words) {
            Entry::Vacant(free) => drop(free.insert(sample)),
            Entry::Occupied(before) => {
                let at = |sample: &Labelled| (labels.id(&sample.topic), sample.place.clone());
                let (first, second) = (at(before.get()), at(sample));
                if first.0 != second.0 {
                    found.push(Contradiction { text: before.get().text.clone(), first, second });
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_under_two_topics_is_found() {
        let rows = [
            ("My invoice!", "Billing & payments"),
            ("my invoice", "billing_payments"),
            ("My  INVOICE", "Delivery"),
            ("my invoices", "delivery"),
            ("?", "delivery"),
            ("?", "billing_payments"),
        ];
        let samples: Vec<Labelled> = (1..)
            .zip(rows)
            .map(|(line, (text, topic))| Labelled {
                text: text.into(),
                topic: topic.into(),
                place: Place { file: "l.csv".into(), line },
            })
            .collect();
        let found: Vec<_> = find(&samples, &Labels::of(&samples))
            .into_iter()
            .map(|found| (found.text, found.first.0, found.first.1.line, found.second.0, found.second.1.line))
            .collect();
        assert_eq!(found, [("My invoice!".into(), "billing_payments".into(), 1, "delivery".into(), 3)]);
    }
}
