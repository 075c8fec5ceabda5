//! Which ids of the directory an unknown one may be a slip for: those one edit or transposition away.
//!
//! Proposes only; an unknown ID is never taken for another.

use super::Campaign;
use super::ids::{Ids, has};

/// How likely a slip is, beside a name to the letter: two characters swapped, one for another, one lost or added.
const SWAPPED: f64 = 0.5;
const REPLACED: f64 = 0.4;
const LOST: f64 = 0.3;

impl Ids {
    /// The rows with ids one edit or transposition away from an unknown one, the likeliest slip first, and how likely it is.
    pub fn near(&self, unknown: &str, campaigns: &[Campaign]) -> Vec<(u32, f64)> {
        let chars: Vec<char> = unknown.chars().collect();
        if chars.is_empty() || chars.len() > 40 {
            return vec![];
        }
        let digits = chars.iter().all(char::is_ascii_digit);
        let alphabet: &str = if digits { "0123456789" } else { "0123456789abcdefghijklmnopqrstuvwxyz" };
        let mut found: Vec<(u32, f64)> = vec![];
        let mut compact = String::new();
        let mut look = |candidate: &[char], likely: f64| {
            compact.clear();
            compact.extend(candidate);
            if let Some(row) = self.find(&compact, &compact, campaigns)
                && found.iter().all(|(seen, _)| *seen != row)
            {
                found.push((row, likely));
            }
        };
        // Most directories have ids of one length or two: an edit to another leads nowhere.
        let some_have = |length: usize| has(self.lengths, length);
        let (shorter, as_long, longer) =
            (some_have(chars.len() - 1), some_have(chars.len()), some_have(chars.len() + 1));
        for i in 0..=chars.len() {
            let mut edited = chars.clone();
            if as_long && i + 1 < chars.len() {
                edited.swap(i, i + 1);
                look(&edited, SWAPPED);
                edited.swap(i, i + 1);
            }
            for c in alphabet.chars().filter(|_| as_long && i < chars.len()) {
                edited[i] = c;
                look(&edited, REPLACED);
                edited[i] = chars[i];
            }
            for c in alphabet.chars().filter(|_| longer) {
                edited.insert(i, c);
                look(&edited, LOST);
                edited.remove(i);
            }
            if shorter && i < chars.len() {
                edited.remove(i);
                look(&edited, LOST);
            }
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses() {
        let campaign = |id: &str| Campaign { id: id.into(), ..Campaign::default() };
        let campaigns = ["48213", "48231", "99999"].map(campaign);
        let ids = Ids::build(&campaigns);
        assert_eq!(ids.near("48123", &campaigns), [(0, SWAPPED)]);
        assert_eq!(ids.near("48233", &campaigns), [(0, REPLACED), (1, REPLACED)]);
        assert_eq!(ids.near("4821", &campaigns), [(0, LOST), (1, LOST)]);
        assert_eq!(ids.near("482313", &campaigns), [(0, LOST), (1, LOST)]);
        assert!(ids.near("", &campaigns).is_empty());
    }
}
