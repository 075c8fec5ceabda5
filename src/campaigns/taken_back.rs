//! What the text takes back of what stands elsewhere: in the subject, in the form, further up.
//!
//! Turns down IDs only where the text states another; names are left as they are.

use super::denial::{Denial, turn_down};
use super::fold::Words;
use super::gap;
use super::hints::{Said, Says, role};
use super::stated::{Footing, Stated};
use super::verdict::Found;

/// Words between an ID and what is said of the other.
const NEAR: usize = 8;

/// "The subject is wrong, it is 48231": the IDs of the subject are not meant where the text states another.
pub(super) fn take_back_subject(subject: &mut Found<'_>, text: &Found<'_>) {
    let words = &text.zone.words;
    let wrong = |from: usize| {
        let near = (from.saturating_sub(8)..words.tokens.len().min(from + 9)).skip_while(|at| {
            *at < from && words.tokens[*at + 1..=from].iter().any(|token| token.gap & gap::CLAUSE != 0)
        });
        let mut near = near.take_while(|at| *at <= from || words.tokens[*at].gap & gap::CLAUSE == 0);
        near.any(|at| {
            // One word is an apology.
            let mut said = words.phrases_at(at);
            said.any(|(says, end)| match says {
                Says::Wrong => true,
                Says::Corrected => end > at + 1,
                // "ignore the subject"
                Says::DeniedAfter => end == at + 1,
                _ => false,
            })
        })
    };
    // "Ignore the number in the subject": wherever else it is said.
    let ignored = |at: usize| {
        let from = (at.saturating_sub(8)..=at).rev().find(|at| words.tokens[*at].gap & gap::CLAUSE != 0);
        let from = from.unwrap_or(at.saturating_sub(8));
        let number = |at: usize| words.tokens[at].roles & (role::IDENTIFIER | role::NUMBER | role::LABEL) != 0;
        let verb = |at: usize| words.phrases_at(at).any(|(says, end)| says == Says::DeniedAfter && end == at + 1);
        // "bitte die ID im Betreff ignorieren"
        let behind = (at + 1..words.tokens.len().min(at + 3)).take_while(|at| words.tokens[*at].gap == gap::SPACE);
        (from..at).any(number) && ((from..at).any(verb) || behind.into_iter().any(verb))
    };
    let subjects = || words.said.iter().filter(|said| said.says == Says::Subject).map(|said| said.at);
    let everywhere = subjects().any(ignored);
    if everywhere || subjects().any(wrong) {
        for id in subject.ids.iter_mut() {
            if everywhere || text.ids.iter().all(|other| other.compact != id.compact) {
                turn_down(id, Denial::Replaced);
            }
        }
    }
}

/// "The one in the subject and 48231": what the subject states counts as what the text states beside it, with a label or without.
pub(super) fn vouch_for_subject(subject: &mut Found<'_>, text: &Found<'_>) {
    const LIGHT: u64 = role::UP_TO_ID | role::STOP | role::RELATION | role::AND;
    let tokens = &text.zone.words.tokens;
    let joined = |from: usize, to: usize| {
        from < to
            && to - from <= NEAR
            && tokens[from..=to].iter().all(|token| token.gap & gap::CLAUSE == 0)
            && tokens[from..to].iter().all(|token| token.roles & LIGHT != 0)
            && tokens[from..to].iter().any(|token| token.roles & role::AND != 0)
    };
    let beside = |said: &&Said| {
        let counts = |id: &&Stated| id.weight > 0.0 && id.denial == Denial::No;
        let mut ids = text.ids.iter().filter(counts);
        ids.any(|id| joined(said.end, id.tokens.0) || joined(id.tokens.1 + 1, said.at))
    };
    if text.zone.words.said.iter().filter(|said| said.says == Says::Subject).any(|said| beside(&said)) {
        let plain = subject.ids.iter_mut().filter(|id| id.weight > 0.0 && id.footing == Footing::Plain);
        plain.for_each(|id| id.footing = Footing::Labelled);
    }
}

/// "Please ignore the one above, this is about 48231": what the form, the subject and the text before it state is not meant
/// where the text states another behind it, or directly before: "It is 48231. Ignore the first one." The last of these zones
/// is the text.
pub(super) fn take_back_above(zones: &mut [Found<'_>]) {
    let Some((text, before)) = zones.split_last_mut() else { return };
    let words = &text.zone.words;
    let above = |said: &&Said| said.says == Says::Above && ignored(words, said.at);
    let Some(at) = words.said.iter().filter(above).map(|said| said.at).next_back() else { return };
    let mut meant: Vec<String> = text.ids.iter().filter(|id| id.tokens.0 > at).map(|id| id.compact.clone()).collect();
    if meant.is_empty() {
        let near = |id: &&Stated| id.tokens.1 < at && at - id.tokens.1 <= NEAR && id.weight > 0.0;
        meant.extend(text.ids.iter().rev().find(near).map(|id| id.compact.clone()));
    }
    let above = before.iter_mut().flat_map(|found| found.ids.iter_mut());
    for id in above.chain(text.ids.iter_mut().filter(|id| id.tokens.0 < at)) {
        if !meant.is_empty() && !meant.contains(&id.compact) {
            turn_down(id, Denial::Replaced);
        }
    }
}

/// "It is 48231, please forget the other one": of all that is stated only the ID before these words is meant.
pub(super) fn take_back_other(zones: &mut [Found<'_>]) {
    let Some((text, before)) = zones.split_last_mut() else { return };
    let words = &text.zone.words;
    let meant = words.said.iter().filter(|said| said.says == Says::Other && ignored(words, said.at)).find_map(|said| {
        let near = |id: &&Stated| id.tokens.1 < said.at && said.at - id.tokens.1 <= NEAR;
        text.ids.iter().rev().find(near).map(|id| id.compact.clone())
    });
    let Some(meant) = meant else { return };
    for id in before.iter_mut().flat_map(|found| found.ids.iter_mut()).chain(text.ids.iter_mut()) {
        if id.compact != meant {
            turn_down(id, Denial::Replaced);
        }
    }
}

/// Whether what begins at this word is turned down: "ignore ...", "not ...".
fn ignored(words: &Words<'_>, at: usize) -> bool {
    let turned = |start: usize| {
        // "ignorieren Sie die erste"
        let reaches = |end: usize| end == at || end + 1 == at && words.tokens[end].roles & role::STOP != 0;
        words.phrases_at(start).any(|(says, end)| matches!(says, Says::DeniedAfter | Says::AsideAfter) && reaches(end))
    };
    at.checked_sub(1).is_some_and(|not| words.tokens[not].roles & role::DENY != 0)
        || (at.saturating_sub(4)..at).any(turned)
}
