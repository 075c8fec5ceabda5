//! Which ids of the directory an unknown one may be a slip for: those one edit or transposition away.
//!
//! Proposes only; an unknown ID is never taken for another.

use super::Campaign;
use super::ids::{Ids, has};

impl Ids {
    /// The directory's ids one edit or transposition away from an unknown one.
    pub fn near(&self, unknown: &str, campaigns: &[Campaign]) -> Vec<u32> {
        let chars: Vec<char> = unknown.chars().collect();
        if chars.is_empty() || chars.len() > 40 {
            return vec![];
        }
        let digits = chars.iter().all(char::is_ascii_digit);
        let alphabet: &str = if digits { "0123456789" } else { "0123456789abcdefghijklmnopqrstuvwxyz" };
        let mut found: Vec<u32> = vec![];
        let mut compact = String::new();
        let mut look = |candidate: &[char]| {
            compact.clear();
            compact.extend(candidate);
            if let Some(row) = self.find(&compact, &compact, campaigns)
                && !found.contains(&row)
            {
                found.push(row);
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
                look(&edited);
                edited.swap(i, i + 1);
            }
            for c in alphabet.chars().filter(|_| as_long && i < chars.len()) {
                edited[i] = c;
                look(&edited);
                edited[i] = chars[i];
            }
            for c in alphabet.chars().filter(|_| longer) {
                edited.insert(i, c);
                look(&edited);
                edited.remove(i);
            }
            if shorter && i < chars.len() {
                edited.remove(i);
                look(&edited);
            }
        }
        found.sort_unstable();
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
        assert_eq!(ids.near("48123", &campaigns), [0]);
        assert_eq!(ids.near("4821", &campaigns), [0, 1]);
        assert_eq!(ids.near("482313", &campaigns), [0, 1]);
        assert!(ids.near("", &campaigns).is_empty());
    }
}
