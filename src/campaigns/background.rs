//! What a mail only mentions: the campaign of last year, the model, the one that somebody else has written about.
//!
//! Looks at the clause that a campaign stands in, and at nothing else; whether another is meant is for [`super::denial`] to
//! settle.

use super::contrast::DENIES;
use super::fold::Words;
use super::gap;
use super::hints::{Says, role};

/// Words of a clause that are looked at on either side.
const REACH: usize = 14;

/// Opens what somebody says.
const THAT: [&str; 7] = ["that", "dass", "que", "che", "dat", "ze", "att"];

/// "Thanks for 48231 last week", "(see also our older 48231)": what the clause says is said of something that is over, serves
/// as a model, or is somebody else's, and nothing in it is wrong or wanted.
pub(super) fn mentioned(words: &Words<'_>, first: usize, last: usize) -> bool {
    if !words.says_within(first.saturating_sub(REACH), last + 1 + REACH, Says::Background) {
        return false;
    }
    let (start, end) = clause(words, first, last);
    let says = |at: usize, what: &dyn Fn(Says) -> bool| words.phrases_at(at).any(|(says, to)| what(says) && to <= end);
    let wanted = |at: usize| {
        words.tokens[at].roles & DENIES != 0
            || says(at, &|says| matches!(says, Says::Asks | Says::Fails | Says::Trouble | Says::Likewise))
    };
    // "48213 is a copy of 48231": what stands between two is said of the second.
    let numbered = |at: &usize| words.tokens[*at].has_digit && words.tokens[*at].end - words.tokens[*at].start >= 3;
    let end = (last + 1..end).find(numbered).map_or(end, |_| last + 1);
    let beside = (start..first).chain(last + 1..end).filter(|at| !words.tokens[*at].link);
    let mut background =
        beside.clone().filter(|at| says(*at, &|says| says == Says::Background) && !of_else(words, *at, first, last));
    background.next().is_some() && !beside.into_iter().any(wanted)
}

/// Whether what is mentioned at this token is not the campaign: "the neighbours tell us that the link of 48213 is dead" has
/// them say so, "48213: the old one out, the new one in" is of what the campaign has.
fn of_else(words: &Words<'_>, at: usize, first: usize, last: usize) -> bool {
    let tokens = &words.tokens;
    if at < first {
        // "my partner says that it is 48213"
        let light = role::UP_TO_ID | role::STOP;
        let that = (at + 1..first).find(|at| THAT.contains(&words.word(*at)));
        return that.is_some_and(|that| tokens[that + 1..first].iter().any(|token| token.roles & light == 0));
    }
    let article = at > last + 1 && tokens[at - 1].roles & (role::OWN | role::STOP) != 0;
    article && (words.says_within(last + 1, at - 1, Says::OneOf) || words.says_within(at + 1, at + 6, Says::OneOf))
}

/// "only for 48213", "48213 alone": no other campaign is meant.
pub(super) fn exclusive(words: &Words<'_>, first: usize, last: usize) -> bool {
    let passing = role::UP_TO_ID | role::RELATION;
    let denied = |at: usize| at.checked_sub(1).is_some_and(|not| words.tokens[not].roles & DENIES != 0);
    let ahead = (first.saturating_sub(6)..first).any(|at| {
        let mut said = words.phrases_at(at);
        let end = said.find(|(says, end)| *says == Says::Only && *end <= first).map(|(_, end)| end);
        let near = |end: usize| {
            (end..first).all(|at| words.tokens[at].roles & passing != 0)
                && (at + 1..=first).all(|at| words.tokens[at].gap & (gap::CLAUSE | gap::COMMA) == 0)
        };
        !denied(at) && end.is_some_and(near)
    });
    // "Leave 48213 alone"
    let left = |at: usize| words.phrases_at(at).any(|(says, end)| says == Says::AsideAfter && end <= first);
    // "48213 only once": of something else that its clause goes on with.
    let closes = |end: usize| {
        const ENDS: u32 = gap::CLAUSE | gap::COMMA | gap::LINE | gap::CLOSE | gap::HYPHEN;
        let light = role::AND | role::BUT;
        words.gap_after(end - 1) & ENDS != 0 || words.tokens.get(end).is_none_or(|next| next.roles & light != 0)
    };
    let behind = words.tokens.get(last + 1).is_some_and(|next| next.gap == gap::SPACE)
        && !(first.saturating_sub(4)..first).any(left)
        && words.phrases_at(last + 1).any(|(says, end)| says == Says::OnlyBefore && closes(end));
    ahead || behind
}

/// The clause of these tokens; where it is nothing but them, the sentence as far as the next pauses.
fn clause(words: &Words<'_>, first: usize, last: usize) -> (usize, usize) {
    const PAUSE: u32 = gap::COMMA | gap::COLON | gap::OPEN | gap::CLOSE;
    let tokens = &words.tokens;
    let least = first.saturating_sub(REACH);
    let most = tokens.len().min(last + 1 + REACH);
    // "startet aber nicht": within its clause.
    let particle = |at: usize| words.word(at) == "aber" && tokens[at].gap == gap::SPACE;
    let ends = |at: usize, pauses: u32| {
        let token = &tokens[at];
        let dash = token.gap & gap::HYPHEN != 0 && token.gap & gap::SPACE != 0;
        token.gap & (gap::CLAUSE | gap::LINE | pauses) != 0
            || pauses != 0 && (dash || !particle(at) && words.phrases_at(at).any(|(says, _)| says == Says::Contrast))
    };
    let but = |at: usize| tokens[at].roles & role::BUT != 0 && tokens[at].roles & role::FILL == 0 && !particle(at);
    let around = |pauses: u32| {
        let joins = |at: usize| pauses != 0 && but(at);
        let start = (least..=first).rev().find(|at| *at == least || ends(*at, pauses) || joins(*at)).unwrap_or(first);
        let end = (last + 1..most).find(|at| ends(*at, pauses) || joins(*at)).unwrap_or(most);
        (start, end)
    };
    let (start, end) = around(PAUSE);
    let light = |at: usize| tokens[at].roles & (role::UP_TO_ID | role::STOP) != 0;
    match (start..first).chain(last + 1..end).all(light) {
        true => around(0),
        false => (start, end),
    }
}
