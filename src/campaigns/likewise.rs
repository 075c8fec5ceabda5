//! What the text says of one more campaign: "and neither does 48231", "48231 auch nicht".
//!
//! Such an ID stands as firmly as the one that it is set beside, and is turned down or not as that one is. Finds no IDs.

use super::denial::Denial;
use super::gap;
use super::hints::{Says, role};
use super::stated::{Finder, Footing, Stated};

/// Lead to what follows them: "440231 noch nicht" says nothing likewise.
const NOR: [&str; 5] = ["nor", "noch", "ni", "nem", "ani"];
/// Say so directly behind or at the end: "48231 is too slow" does not.
const CLOSING: [&str; 2] = ["too", "either"];
/// Words between the two.
const REACH: usize = 14;

impl Finder<'_, '_> {
    /// Sets IDs beside those before them of which the same is said.
    pub(super) fn join(&self, found: &mut [Stated]) {
        for at in 1..found.len() {
            let (before, [id, ..]) = found.split_at_mut(at) else { return };
            let Some(before) = before.last_mut() else { return };
            let stand = before.weight > 0.0 && id.weight > 0.0 && before.compact != id.compact;
            if !stand || !self.likewise(before, id) {
                continue;
            }
            // "48213 is perfect now. Could you do the same for 48231?"
            let asked = self.words.says_within(before.tokens.1 + 1, id.tokens.0, Says::Asks);
            if id.denial == Denial::No && !(asked && before.denial == Denial::Instead) {
                id.denial = before.denial;
            }
            let firm = |stated: &Stated| stated.footing == Footing::Labelled;
            if firm(before) && id.footing != Footing::Beside {
                id.footing = Footing::Labelled;
            } else if firm(id) && before.footing != Footing::Beside {
                before.footing = Footing::Labelled;
            }
        }
    }

    fn likewise(&self, before: &Stated, id: &Stated) -> bool {
        let tokens = &self.words.tokens;
        let (from, first, last) = (before.tokens.1 + 1, id.tokens.0, id.tokens.1);
        let ends = tokens[from..=first].iter().filter(|token| token.gap & gap::END != 0).count();
        if first - from > REACH || ends > 1 || tokens[from..=first].iter().any(|token| token.gap & gap::PARAGRAPH != 0)
        {
            return false;
        }
        let says = |at: usize| {
            let mut said = self.words.phrases_at(at);
            said.find(|(says, _)| *says == Says::Likewise).map(|(_, end)| end)
        };
        let passing = role::UP_TO_ID | role::RELATION | role::STOP;
        // "I also cannot open 48231"
        let leads = |end: usize| {
            let content = tokens[end..first].iter().filter(|token| token.roles & passing == 0).count();
            content <= 2 && tokens[end..first].iter().all(|token| !token.has_digit)
        };
        let open = |at: usize| tokens[at].gap & (gap::CLAUSE | gap::COMMA) == 0;
        // "but also 48231"
        let ahead = (first.saturating_sub(6).max(from)..first)
            .any(|at| says(at).is_some_and(|end| end <= first && leads(end) && (at + 1..=first).all(open)));
        // "48231 does not either", "48231 has stopped, too"
        let says_behind = |at: usize| {
            let word = self.words.word(at);
            let closes = at == last + 1 || self.words.gap_after(at) != gap::SPACE;
            says(at).filter(|end| *end > at + 1 || !NOR.contains(&word) && (closes || !CLOSING.contains(&word)))
        };
        let mut behind = (last + 1..tokens.len().min(last + 7)).take_while(|at| tokens[*at].gap & gap::CLAUSE == 0);
        ahead
            || behind.find(|at| says_behind(*at).is_some() || !open(*at) || tokens[*at].has_digit).is_some_and(|at| {
                says_behind(at).is_some_and(|end| self.words.gap_after(end - 1) != gap::SPACE || open(at))
            })
    }
}
