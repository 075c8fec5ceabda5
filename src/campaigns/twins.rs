//! Campaigns that fit a text as well as the one it was found to name: theirs is the same name spelled otherwise.
//!
//! Names that differ in function words, plural, punctuation, split or joined words or British spelling only are parted by
//! no text but one that has one of them to the letter. Looks no further than the group of look-alikes.

use super::alike::{Solid, solid};
use super::fit::Fit;
use super::fold;
use super::gap;
use super::named::Finder;
use super::names::class;

/// What stands between the words of a name and is one of its letters.
const SIGNS: u32 = gap::HYPHEN | gap::AND | gap::PLUS;
/// Look-alikes that are compared with a name.
const LOOKED_AT: usize = 64;

impl Finder<'_, '_> {
    /// Adds to what fits the campaigns that fit as well.
    pub(super) fn add_twins(&self, fits: &mut Vec<Fit>) {
        self.drop_turned_about(fits);
        let found = fits.len();
        for at in 0..found {
            let fit = fits[at].clone();
            if fit.full && self.to_the_letter(&fit) {
                continue;
            }
            let name = self.names.entry(fit.entry);
            let said = solid(name, self.names, |k| fit.missing & 1 << k == 0);
            for row in self.directory.similar.others(fit.row).take(LOOKED_AT) {
                if fits.iter().all(|seen| seen.row != row) && self.says(row, said, fit.full) {
                    fits.push(Fit { entry: row, row, ..fit.clone() });
                }
            }
        }
    }

    /// "Switch & Save" is no "Save & Switch": of names of the same words only the one that is said to the letter.
    fn drop_turned_about(&self, fits: &mut Vec<Fit>) {
        if fits.len() < 2 {
            return;
        }
        let sorted = |name: &[u32]| {
            let mut words = name.to_vec();
            words.sort_unstable();
            words
        };
        let Some(said) = fits.iter().find(|fit| fit.full && self.to_the_letter(fit)) else { return };
        let said = self.names.entry(said.entry);
        let turned = |name: &[u32]| name != said && name.len() == said.len() && sorted(name) == sorted(said);
        fits.retain(|fit| !turned(self.names.entry(fit.entry)));
    }

    /// Keeps in mind where a campaign would be named, but for its year.
    pub(super) fn note_other_variant(&self, fit: &Fit, base: usize) {
        let known = fit.words >= 2 && fit.coverage >= 0.5;
        let tokens = &self.words.tokens;
        if !known || !self.other_variant(fit, base) {
            return;
        }
        let variant = tokens.get(fit.last + 1).filter(|next| next.digits && next.gap == gap::SPACE);
        let end = variant.unwrap_or(&tokens[fit.last]).end;
        let span = (tokens[fit.first].start, end);
        let mut seen = self.other_variants.borrow_mut();
        if !seen.contains(&span) && seen.len() < LOOKED_AT {
            seen.push(span);
        }
    }

    /// Whether a campaign's name is what was said of another's. Where that was not all of it (`full`), this one may have a
    /// year, a number and a word more as well.
    fn says(&self, row: u32, said: Solid, full: bool) -> bool {
        let name = self.names.entry(row);
        let variant = |k: usize| self.names.class(name[k]) & class::VARIANT != 0;
        let without = |left_out: usize| solid(name, self.names, |k| k != left_out && !variant(k)).same(said);
        self.directory.similar.solid(row).is_some_and(|all| all.same(said))
            || !full && (without(usize::MAX) || (1..name.len()).any(|k| !variant(k) && without(k)))
    }

    /// Whether the text has the campaign's name to the letter, but for case and accents.
    /// A dash or a sign in it counts.
    fn to_the_letter(&self, fit: &Fit) -> bool {
        let tokens = &self.words.tokens[fit.first..=fit.last];
        let written = fold::words(&self.directory.campaigns[fit.row as usize].name);
        let same = |(at, (name, text)): (usize, (&fold::Token, &fold::Token))| {
            written.folded(name) == self.words.folded(text) && (at == 0 || name.gap & SIGNS == text.gap & SIGNS)
        };
        written.tokens.len() == tokens.len() && written.tokens.iter().zip(tokens).enumerate().all(same)
    }
}
