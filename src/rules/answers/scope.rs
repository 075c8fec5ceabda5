//! An answer to the question for the Campaign ID that names none because there is none: "no campaign", "all of them".
//!
//! Never taken from the midst of something else: "none" and "all of them" count only as a sentence of their own, before
//! any other matter.

use super::said::{Clause, Token};
use super::{Answers, Class, List};

/// What it is about, if not about one campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// About none.
    None,
    /// About all of them.
    All,
}

impl Answers {
    /// Whether this answer says that there is no campaign to name, and where (byte span). `None`: it says nothing of
    /// that. Where campaigns were `listed`, "none" and "all" speak of those.
    pub fn scope(&self, text: &str, listed: bool) -> Option<(Scope, (usize, usize))> {
        let clauses = self.clauses(text, &List::of(&[], self));
        let alone = |clause: &Clause| {
            clauses.iter().filter(|other| other.sentence <= clause.sentence).all(|other| other.strange() == 0)
        };
        let said = |clause: &Clause| {
            let has = |class| clause.tokens.contains(&Token::Word(class));
            let whole = has(Class::All) || has(Class::AllCampaigns);
            let doubt = clauses.iter().any(|other| {
                let has = |class| other.tokens.contains(&Token::Word(class));
                other.segment == clause.segment && (has(Class::Unsure) || !whole && has(Class::Indifferent))
            });
            if clause.question || doubt || clause.strange() > 0 || has(Class::Not) || has(Class::Wrong) {
                return None;
            }
            let bare = !listed && alone(clause);
            if has(Class::NoCampaign) || bare && (has(Class::Nothing) || has(Class::Neither)) {
                Some((Scope::None, clause.span))
            } else if !listed && has(Class::AllCampaigns) || bare && has(Class::All) {
                Some((Scope::All, clause.span))
            } else {
                None
            }
        };
        // "No one in particular, all of them", "in general, the whole account"
        let scopes: Vec<_> = clauses.iter().filter_map(said).collect();
        scopes.iter().find(|(scope, _)| *scope == Scope::All).or(scopes.first()).copied()
    }

    /// Whether this text, which is about no one campaign, speaks of all of them: "this affects every campaign we run".
    pub fn speaks_of_all(&self, text: &str) -> bool {
        self.clauses(text, &List::of(&[], self))
            .iter()
            .any(|clause| clause.tokens.contains(&Token::Word(Class::AllCampaigns)))
    }
}
