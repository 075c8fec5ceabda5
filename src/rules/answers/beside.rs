//! An answer that picks from the list and states a campaign beside it: which of the two is the answer.
//!
//! Never guesses: a clause that says nothing else is the answer; where both may be meant, both are told.

use std::collections::BTreeSet;

use super::said::{Clause, Token};
use super::{Answers, Class, List, Offered, heard};

/// What stands in an answer in place of a stated campaign that is none of the list: a letter that nobody writes.
pub const STATED: &str = "\u{a7fb}";

/// What a campaign is that is stated beside the one that is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Another matter: "2. By the way, the export of 20933 is broken".
    Aside,
    /// It may be meant as well: "the second, and 20933".
    Along,
    /// The answer: "It is 20933. The second one works fine".
    Instead,
}

impl Answers {
    /// What this text says of the campaigns that it states beside these places of the list, which it picks.
    pub fn beside(&self, text: &str, list: &[Offered<'_>], picked: &[usize]) -> Beside {
        let list = List::of(list, self);
        let clauses = self.clauses(text, &list);
        let said = heard(&clauses, list.ids.len());
        let picks = |clause: &&Clause| {
            let whole = [Class::Yes, Class::All, Class::Both];
            whole.iter().any(|class| clause.tokens.contains(&Token::Word(*class)))
                || !clause.mentions(list.ids.len(), false).is_empty()
        };
        let states = |clause: &&Clause| {
            clause.tokens.iter().any(|token| match token {
                Token::Stated => true,
                Token::Telling(place) => !picked.contains(place) && !said.corrected().contains(place),
                _ => false,
            })
        };
        let rules_out = [Class::Over, Class::Fine].map(Token::Word);
        let bare =
            |clause: &Clause| clause.strange() == 0 && !rules_out.iter().any(|word| clause.tokens.contains(word));
        if clauses.iter().filter(states).any(|clause| picks(&clause)) {
            return Beside::Along;
        }
        match (clauses.iter().filter(picks).any(bare), clauses.iter().filter(states).any(bare)) {
            (true, false) => Beside::Aside,
            (false, true) => Beside::Instead,
            _ => Beside::Along,
        }
    }

    /// Whether this text is in doubt of the campaign of the list that it states: "20417 I guess, or is it 20471?", "20417?"
    pub fn doubts(&self, text: &str, list: &[Offered<'_>]) -> bool {
        let list = List::of(list, self);
        let clauses = self.clauses(text, &list);
        let has = |clause: &Clause, class| clause.tokens.contains(&Token::Word(class));
        let checks = |clause: &Clause| has(clause, Class::Check);
        let unsure = |clause: &&Clause| {
            clause.asks || has(clause, Class::Unsure) || has(clause, Class::Indifferent) || checks(clause)
        };
        clauses.iter().filter(unsure).any(|unsure| {
            let same = |clause: &&Clause| {
                checks(unsure) && clause.sentence == unsure.sentence
                    || clause.segment == unsure.segment && clause.strange() == 0
            };
            let same = clauses.iter().filter(same);
            let places: BTreeSet<_> =
                same.flat_map(|clause| clause.mentions(list.ids.len(), true)).map(|(_, place)| place).collect();
            // "45002, and could you also send the invoice?" is in doubt of nothing.
            places.len() > 1 || !places.is_empty() && (checks(unsure) || unsure.strange() == 0)
        })
    }

    /// Whether this text names a campaign of the list only to rule it out: "we do not need the autumn one any more".
    pub fn rules_out(&self, text: &str, list: &[Offered<'_>]) -> bool {
        let told = |token: &Token| matches!(token, Token::Telling(_));
        let clauses = self.clauses(text, &List::of(list, self));
        clauses.iter().any(|clause| clause.tokens.contains(&Token::Word(Class::Over)) && clause.tokens.iter().any(told))
    }
}
