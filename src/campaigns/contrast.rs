//! What goes well or is settled, so that it is not what the mail is about where another campaign is stated.
//!
//! Says so of the clause that an ID or a name stands in; whether another is stated is for [`super::denial`] to settle.

use super::fold::Words;
use super::gap;
use super::hints::{Says, role};

/// "48231 is silent while 48213 runs smoothly", "48213 runs smoothly, but 48231 is silent": it goes well, in contrast to another.
pub(super) fn contrasted(words: &Words<'_>, first: usize, last: usize) -> bool {
    let tokens = &words.tokens;
    let says = |at: usize, what: Says| words.phrases_at(at).find(|(says, _)| *says == what).map(|(_, end)| end);
    let passing = role::UP_TO_ID | role::RELATION | role::STOP;
    let leads_to = |from: usize, to: usize| {
        (from..to).all(|at| tokens[at].roles & passing != 0 && !tokens[at].has_digit)
            && (from..=to).all(|at| tokens[at].gap & (gap::CLAUSE | gap::COMMA) == 0)
    };
    let ends_at = |at: usize| words.gap_after(at) & (gap::CLAUSE | gap::COMMA) != 0 || at + 1 == tokens.len();
    // "runs badly", "marche mal": the verb alone says it only at the end of its clause.
    let goes = |at: usize| {
        let end = says(at, Says::Goes);
        end.filter(|end| ends_at(end - 1) || says(*end, Says::Contrast).is_some())
    };
    let (mut well, mut behind, mut at) = (false, None, last + 1);
    while at < tokens.len().min(last + 9) && tokens[at].gap & gap::CLAUSE == 0 && !tokens[at].has_digit {
        let token = &tokens[at];
        let said = token.roles & role::PHRASE != 0;
        behind = if said { says(at, Says::Contrast) } else { None };
        if behind.is_some() || token.gap & gap::COMMA != 0 && well {
            break;
        }
        let end = if said { says(at, Says::Well).or_else(|| goes(at)) } else { None };
        let fails = token.roles & (role::DENY | role::ASIDE | role::POLAR) != 0;
        if end.is_none() && (fails || said && says(at, Says::Fails).is_some()) {
            return false;
        }
        well |= end.is_some();
        at = end.unwrap_or(at + 1);
    }
    if !well {
        return false;
    }
    let ahead =
        (first.saturating_sub(5)..first).any(|at| says(at, Says::Contrast).is_some_and(|end| leads_to(end, first)));
    ahead
        || behind.is_some_and(|from| {
            let other = (from..tokens.len().min(from + 5)).find(|at| tokens[*at].has_digit);
            other.is_some_and(|other| leads_to(from, other))
        })
}

/// "We talked about 48213 yesterday, that is settled."
pub(super) fn settled_behind(words: &Words<'_>, from: usize) -> bool {
    let mut clause = (from..words.tokens.len().min(from + 9))
        .take_while(|at| !words.tokens[*at].has_digit && words.tokens[*at].gap & gap::CLAUSE == 0);
    clause.any(|at| words.phrases_at(at).any(|(says, _)| says == Says::Settled))
}
