//! The shapes of a directory's ids as people read them: `99999`, `CMP-9999999`, `uuid`.
//!
//! Shown, never matched against: what an ID looks like to a text is for [`super::ids`] to say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Campaign;
use super::ids::{Ids, compacted, form, opening};

/// A shape of ids, as `campaigns check` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shape {
    /// The readable pattern.
    pub pattern: String,
    /// How many ids of the directory have it.
    pub count: usize,
    /// Which share of the directory that is, 0 to 1.
    pub share: f64,
    /// An id that has it.
    pub example: String,
}

impl Ids {
    /// The shapes of the ids, most frequent first.
    pub fn shapes(&self, campaigns: &[Campaign]) -> Vec<Shape> {
        let mut counts: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for campaign in campaigns {
            let entry = counts.entry(self.pattern(&campaign.id)).or_insert((0, &campaign.id));
            entry.0 += 1;
        }
        let all = campaigns.len().max(1) as f64;
        let shape = |(pattern, (count, example)): (String, (usize, &str))| Shape {
            pattern,
            count,
            share: count as f64 / all,
            example: example.to_owned(),
        };
        let mut shapes: Vec<Shape> = counts.into_iter().map(shape).collect();
        shapes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.pattern.cmp(&b.pattern)));
        shapes
    }

    /// The readable pattern of an id: letters in front stay themselves when the shape's ids open with few.
    fn pattern(&self, id: &str) -> String {
        let compact = compacted(id);
        if form(&compact, &mut [0; 192]) == "uuid" {
            return "uuid".into();
        }
        let keep = self
            .form(&compact)
            .is_some_and(|form| !form.many && form.prefixes.len() <= 12 && form.count > form.prefixes.len());
        let opening = opening(&compact).chars().count();
        let mut seen = 0;
        id.chars()
            .map(|c| {
                seen += usize::from(c.is_alphanumeric());
                match c {
                    c if c.is_ascii_digit() => '9',
                    c if c.is_alphabetic() && !(keep && seen <= opening) => 'A',
                    c => c,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_shapes() {
        let ids = ["48213", "48231", "ACQ-2024-0117", "ACQ-2024-0118", "550e8400-e29b-41d4-a716-446655440000"];
        let campaigns: Vec<Campaign> =
            ids.iter().map(|id| Campaign { id: (*id).into(), ..Campaign::default() }).collect();
        let shapes = Ids::build(&campaigns).shapes(&campaigns);
        let patterns: Vec<&str> = shapes.iter().map(|shape| shape.pattern.as_str()).collect();
        assert_eq!(patterns, ["99999", "ACQ-9999-9999", "uuid"]);
    }
}
