//! An answer to the question which is right, the ID or the name: "the name is right, the number was a typo".
//!
//! Never guesses: who is in doubt, asks back, or says both of one side has not said which.

use super::said::Token;
use super::{Answers, Class, List};

/// What of an ID and a name that do not belong together is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The campaign of the ID.
    Id,
    /// The campaign of the name.
    Name,
}

impl Answers {
    /// Which side this text says is right. `None`: it does not say.
    pub fn side(&self, text: &str) -> Option<Side> {
        let clauses = self.clauses(text, &List::of(&[], self));
        let (mut right, mut wrong) = (vec![], vec![]);
        for clause in clauses.iter().filter(|clause| clause.strange() == 0) {
            let has = |class| clause.tokens.contains(&Token::Word(class));
            let said = match (has(Class::IdWord) || has(Class::Number), has(Class::NameWord)) {
                (true, false) => Side::Id,
                (false, true) => Side::Name,
                (true, true) => return None,
                (false, false) => continue,
            };
            if clause.question || has(Class::Unsure) || has(Class::Indifferent) {
                return None;
            }
            let denied = [Class::Not, Class::No, Class::Wrong].into_iter().any(has) || clause.turns_down();
            if denied { wrong.push(said) } else { right.push(said) }
        }
        let one = |side: Side, other: Side| {
            let meant = right.contains(&side) || wrong.contains(&other);
            meant && !wrong.contains(&side) && !right.contains(&other)
        };
        match (one(Side::Id, Side::Name), one(Side::Name, Side::Id)) {
            (true, false) => Some(Side::Id),
            (false, true) => Some(Side::Name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Rules;
    use super::Side::{Id, Name};

    #[test]
    fn the_id_or_the_name_is_right() {
        let rules = Rules::shipped();
        for (text, expected) in [
            ("the name is right, the number was a typo", Some(Name)),
            ("The ID is right.", Some(Id)),
            ("The ID, please", Some(Id)),
            ("Wrong ID, sorry!", Some(Name)),
            ("The name was wrong", Some(Id)),
            ("The campaign ID is correct, not the name.", Some(Id)),
            ("Die ID stimmt", Some(Id)),
            ("Der Name ist richtig, die Nummer war ein Tippfehler", Some(Name)),
            ("Le nom est correct, l'identifiant est faux", Some(Name)),
            ("C'est l'identifiant qui est bon", Some(Id)),
            ("El nombre es correcto", Some(Name)),
            ("El ID es correcto, gracias", Some(Id)),
            ("O nome está certo, o número está errado", Some(Name)),
            ("O ID está correto", Some(Id)),
            ("Is the ID right?", None),
            ("the ID or the name, I am not sure", None),
            ("The name of our contact is Tom Brown", None),
            ("The ID is right, the name is right", None),
            ("Thanks!", None),
        ] {
            assert_eq!(rules.answers.side(text), expected, "{text}");
        }
    }
}
