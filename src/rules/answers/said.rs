//! What the clauses of an answer say of the list, and what that comes to.

use std::collections::BTreeSet;

use super::{Class, Pick};

/// Words of another matter that a clause may have beside the one that picks, and how near a noun must stand then.
const OTHER_WORDS: usize = 5;
const NEAR: usize = 3;

/// What a word, or a phrase, of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Word(Class),
    /// It belongs to this campaign alone.
    Telling(usize),
    /// A number in the list.
    Place(usize),
    /// It belongs to several of the campaigns.
    Common,
    Unknown,
}

/// A clause: words between two marks, or up to a "but".
#[derive(Debug)]
pub(super) struct Clause {
    pub(super) tokens: Vec<Token>,
    pub(super) sentence: usize,
    /// Doubts reach as far as this.
    pub(super) segment: usize,
    /// It stands in a question.
    pub(super) question: bool,
    /// It is the end of that question.
    pub(super) asks: bool,
}

impl Clause {
    /// Words of another matter.
    fn strange(&self) -> usize {
        self.tokens.iter().filter(|token| **token == Token::Unknown).count()
    }

    /// Where it speaks of which campaign of the list; `None` is "the other". When its sentence does not speak of the list
    /// (`lively`), each must show by itself that it does.
    pub(super) fn mentions(&self, length: usize, lively: bool) -> Vec<(usize, Option<usize>)> {
        use Class::*;
        let tokens = &self.tokens;
        let strange = self.strange();
        let near = |at: usize| {
            let around = &tokens[at.saturating_sub(NEAR)..(at + NEAR + 1).min(tokens.len())];
            lively || strange == 0 || (strange <= OTHER_WORDS && around.contains(&Token::Word(Noun)))
        };
        let mention = |(at, token): (usize, &Token)| {
            // "The first time", "the second half" are no ranks. In a question, "first" alone opens a list of the customer's.
            let opens = tokens.len() == 1 && self.question && !self.asks;
            let ranks = tokens.get(at + 1) != Some(&Token::Unknown) && !opens;
            let numbered = at > 0 && tokens[at - 1] == Token::Word(Number) && strange <= OTHER_WORDS;
            match *token {
                Token::Telling(place) if near(at) => Some((at, Some(place))),
                Token::Place(place) if strange == 0 || numbered => Some((at, Some(place))),
                Token::Word(Rank(place)) if ranks && near(at) => Some((at, Some(place))),
                Token::Word(Last) if ranks && near(at) => Some((at, Some(length.saturating_sub(1)))),
                Token::Word(Other) if length == 2 && near(at) => Some((at, None)),
                _ => None,
            }
        };
        tokens.iter().enumerate().filter_map(mention).collect()
    }
}

/// What all clauses together say.
#[derive(Debug, Default)]
pub(super) struct Said {
    meant: BTreeSet<usize>,
    denied: BTreeSet<usize>,
    over: BTreeSet<usize>,
    other: bool,
    all: bool,
    nothing: bool,
    yes: bool,
    or: bool,
    and: bool,
    doubt: bool,
}

impl Said {
    /// Takes in a clause. `lively`: its sentence speaks of the list.
    pub(super) fn hear(&mut self, clause: &Clause, length: usize, unsure: bool, lively: bool) {
        use Class::*;
        let tokens = &clause.tokens;
        let has = |class| tokens.contains(&Token::Word(class));
        let strange = clause.strange();
        let mentions = clause.mentions(length, lively);
        if mentions.is_empty() {
            let about = strange == 0 && !clause.asks && !unsure;
            self.all |= about && has(All);
            self.nothing |= about && has(Nothing);
            self.yes |= about && has(Yes) && !has(Not);
            return;
        }
        self.doubt |= clause.asks || unsure;
        self.or |= has(Or);
        self.and |= has(And) || has(All);
        self.nothing |= has(Nothing);
        let over = has(Over);
        self.doubt |= mentions.iter().any(|(_, place)| place.is_some_and(|place| place >= length));
        for (index, (at, place)) in mentions.iter().enumerate() {
            let denies = |token: &Token| *token == Token::Word(Not);
            let after = mentions.get(index + 1).map_or(tokens.len(), |(next, _)| *next);
            // A denial reaches to the end of its clause; one at the end reaches back: "la primera no, la segunda".
            let denied =
                tokens[..*at].iter().any(denies) || (after == tokens.len() && tokens[at + 1..].iter().any(denies));
            match place {
                Some(place) if denied => drop(self.denied.insert(*place)),
                Some(place) if over => drop(self.over.insert(*place)),
                Some(place) => drop(self.meant.insert(*place)),
                None => self.other |= !denied && !over,
            }
        }
    }

    pub(super) fn pick(self, length: usize) -> Pick {
        let Said { meant, denied, over, other, all, nothing, yes, or, and, doubt } = self;
        let out: BTreeSet<usize> = denied.union(&over).copied().collect();
        let rest: Vec<usize> = (0..length).filter(|place| !out.contains(place)).collect();
        if doubt || meant.intersection(&denied).next().is_some() {
            return Pick::Unclear;
        }
        match meant.len() {
            0 if nothing || (denied.len() == length && length > 0) => Pick::Nothing,
            0 if all && length > 1 => Pick::Several((0..length).collect()),
            0 if yes && length == 1 => Pick::One(0),
            // What has ended may be just the one that is meant: only "the other" rules it out.
            0 if !out.is_empty() && length > 1 => match rest.as_slice() {
                [one] if other || over.is_empty() => Pick::One(*one),
                _ => Pick::Unclear,
            },
            0 if other => Pick::Unclear,
            0 => Pick::Silent,
            1 if !other => meant.first().map_or(Pick::Silent, |place| Pick::One(*place)),
            1 => Pick::Unclear,
            _ if and && !or => Pick::Several(meant.into_iter().collect()),
            _ => Pick::Unclear,
        }
    }
}
