//! Numbers that are part of an address: postcodes and house numbers.
//!
//! Goes by the words around a number; a town of the campaign's own name is none.

use super::fold::{self, Token};
use super::gap;
use super::hints::role;
use super::spelling::singular;
use super::stated::Finder;

/// All that the name of a town may be; some are spelled as a phrase begins.
const TOWN: u64 = role::REGION | role::PLACE | role::PHRASE;

impl Finder<'_, '_> {
    /// ", AZ 88120": a state and its postcode.
    pub(super) fn postcode(&self, i: usize, last: usize) -> bool {
        let (Some(state), Some(code)) = (self.token(i), self.token(last)) else { return false };
        let two = state.capitals && state.end - state.start == 2 && state.gap & gap::COMMA != 0;
        two && last == i + 1 && code.digits && code.end - code.start == 5 && code.gap == gap::SPACE
    }

    /// Whether this word is one of the campaign's name.
    pub(super) fn of_name(&self, at: usize, row: Option<u32>) -> bool {
        let Some(row) = row else { return false };
        let word = singular(self.words.word(at));
        let name = fold::words(&self.campaigns[row as usize].name);
        name.tokens.iter().any(|token| singular(name.folded(token)) == word)
    }

    /// "in 10115 Berlin", "Berlin (10115)", ", AZ 88120": the postcode of a town.
    pub(super) fn of_place(&self, i: usize, row: Option<u32>, listed: bool) -> bool {
        let Some(token) = self.token(i).filter(|token| matches!(token.end - token.start, 4 | 5) && !listed) else {
            return false;
        };
        let five = token.end - token.start == 5;
        let previous = i.checked_sub(1).and_then(|at| self.token(at));
        if let Some(next) = self.token(i + 1)
            && next.capital
            && !next.capitals
            && matches!(next.gap, gap::SPACE | gap::HYPHEN)
            && next.roles & !TOWN == 0
        {
            let inside = previous.is_some_and(|before| before.roles & role::INSIDE != 0);
            let located = five && (token.gap & gap::COMMA != 0 || inside) || next.roles & role::PLACE != 0;
            if located && (five && inside || !self.of_name(i + 1, row)) {
                return true;
            }
        }
        let Some(previous) = previous else { return false };
        // "our ad in Berlin (48213)" speaks of the ad.
        let of_one = || {
            let before = &self.words.tokens[i.saturating_sub(6)..i];
            let clause = before.iter().rposition(|token| token.gap & (gap::END | gap::PARAGRAPH) != 0).unwrap_or(0);
            let campaign = role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT;
            before[clause..].iter().any(|token| token.roles & campaign != 0)
        };
        let bracket = token.gap & gap::OPEN != 0 && self.words.gap_after(i) & gap::CLOSE != 0 && !of_one();
        let state = previous.capitals && previous.end - previous.start == 2;
        let placed = match () {
            () if state => previous.gap & gap::COMMA != 0 && token.gap == gap::SPACE,
            () if previous.roles & role::PLACE != 0 => {
                // "12 Lake St, Chicago, 60601"
                let listed = previous.gap & token.gap & gap::COMMA != 0;
                previous.capital && (token.gap == gap::SPACE || bracket || listed)
            }
            () => {
                let inside = i.checked_sub(2).is_some_and(|at| self.words.tokens[at].roles & role::INSIDE != 0);
                bracket && previous.capital && inside && previous.roles == 0
            }
        };
        placed && five && !self.of_name(i - 1, row)
    }

    /// "12 Main St, 5150 Wels", "Seeweg 3" and below it "90340 Nürnberg": behind a street and its number.
    pub(super) fn of_address(&self, i: usize, row: Option<u32>) -> bool {
        let (Some(token), Some(before)) = (self.token(i), i.checked_sub(1).and_then(|at| self.token(at))) else {
            return false;
        };
        let behind = token.gap & (gap::COMMA | gap::LINE) != 0 && token.gap & (gap::PARAGRAPH | gap::END) == 0;
        let town =
            self.token(i + 1).is_some_and(|next| next.capital && next.gap == gap::SPACE && next.roles & !TOWN == 0);
        let named = i.checked_sub(2).is_some_and(|at| self.words.tokens[at].capital);
        let house = before.digits && before.end - before.start <= 4 && named && before.gap == gap::SPACE;
        let length = token.end - token.start;
        behind
            && town
            && (4..=6).contains(&length)
            && (house || before.roles & role::STREET != 0 || self.below_street(i))
            && !self.of_name(i + 1, row)
    }

    /// "Avda. del Pinar, 12" and below it "74310 Sierra Clara": a line of a number and a town under one with a house number.
    fn below_street(&self, i: usize) -> bool {
        const LINE: usize = 8;
        let tokens = &self.words.tokens;
        let begins = |at: &usize| *at == 0 || tokens[*at].gap & (gap::LINE | gap::PARAGRAPH) != 0;
        let Some(from) = (i.saturating_sub(LINE)..i).rev().find(begins) else { return false };
        let end = (i + 1..tokens.len()).find(begins).unwrap_or(tokens.len());
        let named = |at: usize| tokens[at].capital || tokens[at].roles & role::STOP != 0;
        let town = end - i <= 5 && (i + 1..end).all(named);
        let above = &tokens[from..i];
        let house = |token: &Token| token.has_digit && token.end - token.start <= 4 && token.gap & gap::HASH == 0;
        let label = role::CAMPAIGN | role::CAMPAIGNS | role::LABEL | role::IDENTIFIER;
        tokens[i].gap & gap::LINE != 0
            && town
            && above[0].capital
            && above.iter().skip(1).any(house)
            && above.iter().all(|token| token.roles & label == 0 && !token.link)
    }

    /// "71904 Oak Avenue": a house number.
    pub(super) fn of_street(&self, i: usize, row: Option<u32>) -> bool {
        let street = |at: usize| self.token(at).is_some_and(|token| token.roles & role::STREET != 0);
        let short = self.token(i).is_some_and(|token| token.end - token.start == 4);
        if short && (i + 1..i + 4).any(street) {
            return true;
        }
        let named = |at: &usize| self.token(*at).is_some_and(|token| token.capital && token.gap == gap::SPACE);
        (i + 1..i + 4).take_while(named).any(|at| at > i + 1 && street(at) && !self.of_name(at, row))
    }
}
