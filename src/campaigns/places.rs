//! Where in a text the words of a name stand, when more than one place would do.
//!
//! Moves and drops matches that [`super::fit`] has found; how well they fit is not weighed here.

use super::fold::{NO_WORD, Token};
use super::gap;
use super::hints::role;
use super::named::{Finder, Hit, bits};
use super::names::class;
use crate::request::evidence::Where;

/// For every word of a name: first and last token, and how well they match.
pub(super) type Places = [Option<(usize, usize, f32)>; 24];

impl Finder<'_, '_> {
    /// "BF Early Access" for "Black Friday Early Access": capitals beside the rest of a name, for words of it side by side.
    pub(super) fn initials(&self, name: &[u32], matched: &mut Places, (base, used): (usize, u64), text: &mut u64) {
        if !self.acronyms {
            return;
        }
        let free = |k: usize, matched: &Places| {
            matched[k].is_none() && self.names.class(name[k]) & (class::STOP | class::VARIANT) == 0
        };
        if !(1..name.len()).any(|k| free(k - 1, matched) && free(k, matched)) {
            return;
        }
        let places = || matched.iter().flatten();
        let (Some(first), Some(last)) =
            (places().map(|(first, ..)| *first).min(), places().map(|(_, last, _)| *last).max())
        else {
            return;
        };
        for at in first.checked_sub(1).into_iter().chain(first + 1..=last + 1) {
            let Some(token) = self.words.tokens.get(at).filter(|token| token.capitals && token.word == NO_WORD) else {
                continue;
            };
            let letters = self.words.folded(token);
            let beside = token.gap == gap::SPACE || at < first || token.gap == 0;
            if !(2..=4).contains(&letters.len())
                || !letters.is_ascii()
                || !beside
                || (*text | used) & bits(base, at, at) != 0
            {
                continue;
            }
            let stands = |k: usize| {
                letters.bytes().enumerate().all(|(nth, letter)| {
                    name.get(k + nth).is_some_and(|word| self.names.text(*word).bytes().next() == Some(letter))
                        && free(k + nth, matched)
                })
            };
            if let Some(k) = (0..name.len()).find(|k| stands(*k)) {
                matched[k..k + letters.len()].fill(Some((at, at, 0.9)));
                *text |= bits(base, at, at);
                return;
            }
        }
    }

    /// A word that the text says twice is meant where the rest of the name stands: "my card ... the card for the young".
    pub(super) fn gather(&self, name: &[u32], hits: &[&Hit], base: usize, matched: &mut Places, text: &mut u64) {
        for (k, word) in name.iter().enumerate() {
            let Some((first, last, quality)) = matched[k] else { continue };
            let others = matched.iter().enumerate().filter(|(other, _)| *other != k);
            let others: Vec<usize> = others.filter_map(|(_, place)| place.map(|(first, ..)| first)).collect();
            let far = |at: usize| others.iter().map(|other| other.abs_diff(at)).min();
            let free = |hit: &&&Hit| *text & bits(base, hit.first, hit.last) == 0;
            let as_good = |hit: &&&Hit| hit.words.iter().any(|(id, other)| id == word && *other == quality);
            let nearest = hits.iter().filter(free).filter(as_good).min_by_key(|hit| far(hit.first));
            if let Some(hit) = nearest.filter(|hit| far(hit.first) < far(first)) {
                *text = *text & !bits(base, first, last) | bits(base, hit.first, hit.last);
                matched[k] = Some((hit.first, hit.last, quality));
            }
        }
    }

    /// A function word is one of the name only beside the rest of it: "Der Kaufmann" is not "Kaufmann fehlt der". What the
    /// name begins with may stand before the rest, where no name was looked for.
    pub(super) fn attach(&self, entry: u32, matched: &mut Places, base: usize, text: &mut u64) {
        let tokens = &self.words.tokens;
        let name = self.names.entry(entry);
        // "en un CSV" is not the "EN" at the end of a name.
        if let Some((at, end, _)) = matched[name.len().saturating_sub(1)]
            && tokens[at].roles & (role::STOP | role::REGION) == role::STOP | role::REGION
            && !tokens[at].capital
            && self.ends_in_code(entry, self.words.word(at))
        {
            *text &= !bits(base, at, end);
            matched[name.len() - 1] = None;
        }
        let function = |at: usize| tokens[at].roles & role::STOP != 0 && !tokens[at].capital;
        let beside = |at: usize| tokens[at].gap & !(gap::SPACE | gap::QUOTE | gap::APOSTROPHE) == 0;
        let solid = || matched.iter().flatten().filter(|(first, ..)| !function(*first));
        let (Some(first), Some(mut last)) =
            (solid().map(|(first, ..)| *first).min(), solid().map(|(_, last, _)| *last).max())
        else {
            return;
        };
        for place in matched.iter_mut() {
            let Some((at, end, _)) = place.filter(|(at, ..)| function(*at)) else { continue };
            if at > last + 1 || end + 1 < first {
                *text &= !bits(base, at, end);
                *place = None;
            } else if at == last + 1 && beside(at) {
                // "Toit pour tous": one function word holds the next.
                last = end;
            }
        }
        let Some(mut k) = matched.iter().position(Option::is_some) else { return };
        let mut at = matched[k].map_or(first, |(at, ..)| at);
        while k > 0
            && at > base
            && beside(at)
            && tokens[at - 1].word == name[k - 1]
            && tokens[at - 1].roles & role::STOP != 0
        {
            (k, at) = (k - 1, at - 1);
            *text |= bits(base, at, at);
            matched[k] = Some((at, at, 1.0));
        }
    }

    /// Whether the campaign's name ends with this word in capitals.
    fn ends_in_code(&self, entry: u32, word: &str) -> bool {
        let campaign = self.directory.campaigns.get(self.names.row(entry) as usize);
        campaign.is_some_and(|campaign| campaign.name.trim_end().ends_with(&word.to_ascii_uppercase()))
    }

    /// A single letter or digit is part of a name only beside the rest of it, a letter only as a capital.
    pub(super) fn single_fits(&self, at: usize, k: usize, matched: &Places) -> bool {
        let token = &self.words.tokens[at];
        let beside = |other: Option<(usize, usize, f32)>| {
            other.is_some_and(|(first, last, _)| at == last + 1 || at + 1 == first || at == last + 2)
        };
        let near = (0..k).any(|before| beside(matched[before])) || k == 0;
        // "onboarding nudge b": directly behind the word before it; "cours d'essai": elided.
        let function = role::STOP | role::FILL | role::AND | role::NUMBER;
        let behind = k > 0 && matched[k - 1].is_some_and(|(_, last, _)| at == last + 1) && token.gap == gap::SPACE;
        near && (token.digits
            || token.capital
            || behind && token.roles & function == 0
            || self.words.gap_after(at) & gap::APOSTROPHE != 0
            || token.end - token.start > 1
            || self.field()
            || self.zone.place == Where::Subject && token.roles & role::STOP == 0)
            && token.gap & (gap::COMMA | gap::MONEY) == 0
            && !self.of_figure(at)
    }

    /// The "1" of "1.890,00".
    fn of_figure(&self, at: usize) -> bool {
        let tokens = &self.words.tokens;
        let tight = |token: &Token| token.gap_chars == 1 && token.gap & (gap::DOT | gap::COMMA | gap::APOSTROPHE) != 0;
        let joins = |at: usize| tokens.get(at).is_some_and(|next| tight(next) && next.digits && tokens[at - 1].digits);
        at > 0 && joins(at) || joins(at + 1)
    }

    /// "the Starlight campaign, split by evening": behind a word for a campaign and a pause begins something else.
    fn parted(&self, last: usize, first: usize) -> bool {
        let tokens = &self.words.tokens;
        let campaign = (last + 1..first).find(|at| tokens[*at].roles & role::CAMPAIGN != 0);
        let pause = gap::COMMA | gap::COLON | gap::OPEN;
        let paused = |from: usize| tokens[from + 1..=first].iter().any(|token| token.gap & pause != 0);
        !tokens[first].capital && !tokens[first].has_digit && campaign.is_some_and(paused)
    }

    /// Keeps the run of matches in which no more than three words of the text lie between two.
    pub(super) fn dense(&self, matched: &mut Places, base: usize, text: &mut u64) {
        let mut places: Vec<(usize, usize, f32)> = matched.iter().flatten().copied().collect();
        places.sort_by_key(|(first, ..)| *first);
        let (mut best, mut run): ((usize, usize, f32), (usize, usize, f32)) = ((0, 0, -1.0), (0, 0, -1.0));
        for (first, last, quality) in places {
            let breaks = run.2 < 0.0 || first > run.1 + 4 || self.parted(run.1, first);
            run = if breaks { (first, last, quality) } else { (run.0, run.1.max(last), run.2 + quality) };
            if run.2 > best.2 {
                best = run;
            }
        }
        for place in matched.iter_mut() {
            if let Some((first, last, _)) = *place
                && (first < best.0 || last > best.1)
            {
                *text &= !bits(base, first, last);
                *place = None;
            }
        }
    }
}
