//! What is said of a campaign that turns it down, in four kinds: it is not the one, not ours, an error, or to be let be; and where
//! campaigns are to be halted, that it is to go on.
//!
//! Never turns down what is denied itself: "do not forget 20471", "20471 was not a typo".

use std::collections::BTreeSet;

use super::Class;
use super::said::{Clause, Token};

/// Words that may name whose a campaign is: "belongs to our sister company in Leeds".
const OWNER: usize = 6;

/// How a campaign is turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// "Has nothing to do with it".
    NotTheOne,
    /// "Belongs to another team".
    NotOurs,
    /// "Was a typo".
    Error,
    /// "Forget it".
    LetBe,
    /// "Strike it": likewise, where it is not what is to be done with the campaign.
    Strike,
    /// "Keep it running": where to halt it is what is to be done with others.
    Keep,
}

impl Kind {
    /// Whether it may as well be what a mail that answers nothing is about: "20471 is not ours, and you charge us for it".
    pub(super) fn may_be_the_matter(self) -> bool {
        matches!(self, Kind::NotOurs | Kind::Error | Kind::Strike | Kind::Keep)
    }
}

/// Takes what is to be done with campaigns for another matter, and what is to go on likewise, where the same sentence says
/// what is to be done with it: "please don't cancel 20471, just pause it", "pause 20471, don't cancel it".
pub(super) fn read_halts(clauses: &mut [Clause], length: usize) {
    use Class::*;
    let names = |clause: &Clause| !clause.mentions(length, true).is_empty();
    let halts = |clause: &&Clause| clause.tokens.contains(&Token::Word(Halt));
    let bare =
        |clause: &Clause| clause.tokens.iter().all(|token| matches!(token, Token::Word(Halt | Filler | Polite | And)));
    let halted = |at: usize| match names(&clauses[at]) {
        true => clauses[at + 1..].iter().filter(halts).any(bare),
        false => clauses.iter().filter(halts).any(names),
    };
    let halted: Vec<bool> = (0..clauses.len()).map(halted).collect();
    for (clause, halted) in clauses.iter_mut().zip(halted) {
        let other = |token: &&mut Token| match token {
            Token::Word(Down(Kind::Keep)) => halted,
            token => **token == Token::Word(Halt),
        };
        clause.tokens.iter_mut().filter(other).for_each(|token| *token = Token::Unknown);
    }
}

impl Clause {
    /// Whether it says only what is to be left alone, and names it behind a colon: "do not touch: 20471".
    pub(super) fn announces(&self) -> bool {
        use Class::*;
        let has = |class| self.tokens.contains(&Token::Word(class));
        let light = |token: &Token| {
            matches!(token, Token::Word(Not | Deed | Halt | Down(Kind::Keep) | Polite | Filler | Copula))
        };
        (has(Down(Kind::Keep)) || has(Not) && (has(Deed) || has(Halt))) && self.tokens.iter().all(light)
    }

    /// Whether it says so of anything.
    pub(super) fn turns_down(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Word(Class::Down(_))))
    }

    /// Takes whoever something belongs to for others, and what is denied for nothing said.
    pub(super) fn read_down(&mut self) {
        use Class::*;
        if let Some(at) = self.tokens.iter().position(|token| *token == Token::Word(Belongs)) {
            self.tokens[at] = Token::Word(Down(Kind::NotOurs));
            let owner = |token: &&mut Token| !matches!(token, Token::Telling(_) | Token::Word(And));
            let behind = self.tokens[at + 1..].iter_mut().take_while(owner).take(OWNER);
            behind.filter(|token| **token == Token::Unknown).for_each(|token| *token = Token::Word(Filler));
        }
        // The others deny by themselves: "no tiene nada que ver".
        let down = |token: &Token| matches!(token, Token::Word(Halt | Down(Kind::Error | Kind::LetBe | Kind::Strike)));
        let said = |token: &Token| matches!(token, Token::Word(Copula | Down(_)) | Token::Telling(_) | Token::Unknown);
        for at in (0..self.tokens.len()).filter(|at| down(&self.tokens[*at])).collect::<Vec<_>>() {
            let not = |at: &usize| self.tokens[*at] == Token::Word(Not);
            let before = (0..at).rev().take_while(|near| !said(&self.tokens[*near])).find(not);
            // "N'oubliez pas la 20471", "Vergessen Sie die 20471 nicht"
            let last = self.tokens.len() - 1;
            let imperative = matches!(self.tokens[at], Token::Word(Halt | Down(Kind::LetBe | Kind::Strike)));
            let fresh = !self.tokens[at..].contains(&Token::Word(Copula));
            let behind = || [at + 1, last].into_iter().find(|near| *near > at && *near <= last && not(near));
            if let Some(not) = before.or_else(|| behind().filter(|_| imperative && fresh)) {
                self.tokens[not] = Token::Word(Filler);
                let halt = self.tokens[at] == Token::Word(Halt);
                self.tokens[at] = Token::Word(if halt { Down(Kind::Keep) } else { Filler });
            }
        }
    }

    /// Where those of the mentions stand that are turned down so: the one that it is said of, with those that are listed beside
    /// it. Never reaches across words of another matter.
    pub(super) fn turned_down(&self, mentions: &[(usize, Option<usize>)]) -> BTreeSet<usize> {
        use Class::*;
        let tokens = &self.tokens;
        let places: Vec<usize> = mentions.iter().map(|(at, _)| *at).collect();
        let mut out = BTreeSet::new();
        for (at, token) in tokens.iter().enumerate() {
            let Token::Word(Down(down)) = *token else { continue };
            let clear = |from: usize, to: usize| {
                !tokens[from..to].iter().any(|token| matches!(token, Token::Unknown | Token::Word(Deed | Down(_))))
            };
            let before = places.iter().rposition(|place| *place < at).filter(|near| clear(places[*near] + 1, at));
            let behind = places.iter().position(|place| *place > at).filter(|near| clear(at + 1, places[*near]));
            // "20471 vergessen es ist 20417"
            let anew = |near: &usize| tokens[at + 1..places[*near]].contains(&Token::Word(Copula));
            // "20471 must stay live and 20933 can go": it is not said across an "and".
            let apart = |from: usize, to: usize| tokens[from..to].contains(&Token::Word(And));
            let before = before.filter(|near| down != Kind::Keep || !apart(places[*near] + 1, at));
            let behind = behind.filter(|near| down != Kind::Keep || !apart(at + 1, places[*near]));
            let imperative = matches!(down, Kind::LetBe | Kind::Strike | Kind::Keep);
            let Some(near) = (match imperative {
                true => behind.filter(|near| before.is_none() || !anew(near)).or(before),
                false => before.or(behind),
            }) else {
                continue;
            };
            out.insert(places[near]);
            // "20417 and 20471 are not ours"; "20417 and 20471 is not ours" says it of the last. Both words of "the farm shop" are
            // one campaign's.
            let listed = |one: usize, other: usize| {
                // "The first two" stand at one place.
                let between = tokens.get(places[one] + 1..places[other]).unwrap_or_default();
                let light =
                    |token: &Token| matches!(token, Token::Word(And | Or | Filler | Noun | Number | IdWord | Polite));
                let joined = || between.iter().any(|token| matches!(token, Token::Word(And | Or)));
                let same = places[one] == places[other] || mentions[one].1 == mentions[other].1;
                between.iter().all(light) && (same || joined())
            };
            let anew = |from: usize, to: usize| tokens[from..to].contains(&Token::Word(Copula));
            if places[near] < at && !anew(0, at) {
                let joined = (0..near).rev().take_while(|one| listed(*one, one + 1));
                out.extend(joined.map(|one| places[one]));
            } else if places[near] > at && !anew(places[near], tokens.len()) {
                let joined = (near + 1..places.len()).take_while(|one| listed(one - 1, *one));
                out.extend(joined.map(|one| places[one]));
            }
        }
        out
    }
}
