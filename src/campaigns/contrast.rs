//! What goes well or is settled, so that it is not what the mail is about where another campaign is stated.
//!
//! Says so of the clause that an ID or a name stands in; whether another is stated is for [`super::denial`] to settle.

use super::denial::Denial;
use super::fold::{NO_WORD, Token, Words};
use super::gap;
use super::hints::{Says, role};

/// Words over which it is looked for that something stays as it is.
const LEFT_ALONE: usize = 30;

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
    let joins = |at: usize| tokens.get(at).is_some_and(|token| token.roles & (role::AND | role::BUT) != 0);
    // "runs badly", "marche mal": the verb alone says it only at the end of its clause.
    let goes = |at: usize| {
        let end = says(at, Says::Goes);
        end.filter(|end| ends_at(end - 1) || joins(*end) || says(*end, Says::Contrast).is_some())
    };
    let (mut well, mut firm, mut behind, mut at) = (false, false, None, last + 1);
    while at < tokens.len().min(last + 9) && tokens[at].gap & gap::CLAUSE == 0 {
        let token = &tokens[at];
        if well && (token.gap & gap::COMMA != 0 || joins(at) || joins(at - 1)) && other_fails(words, at) {
            return true;
        }
        let said = token.roles & role::PHRASE != 0;
        behind = if said { says(at, Says::Contrast) } else { None };
        // "48213 läuft dagegen ganz normal": within its clause it is no conjunction.
        if let Some(end) = behind.filter(|_| token.gap == gap::SPACE && token.roles & role::BUT == 0)
            && (end..end + 2).any(|at| says(at, Says::Well).is_some())
        {
            (at, behind) = (end, None);
            continue;
        }
        if token.has_digit || behind.is_some() || token.gap & gap::COMMA != 0 && well {
            break;
        }
        let end = if said { says(at, Says::Well).or_else(|| goes(at)) } else { None };
        let fails = token.roles & DENIES != 0;
        if end.is_none() && (fails || said && says(at, Says::Fails).is_some()) {
            return false;
        }
        well |= end.is_some();
        // "is perfect now"
        firm = if end.is_some() { says(at, Says::Well).is_some() } else { firm && token.roles & role::STOP != 0 };
        at = end.unwrap_or(at + 1);
    }
    if !well {
        return false;
    }
    let ahead =
        (first.saturating_sub(5)..first).any(|at| says(at, Says::Contrast).is_some_and(|end| leads_to(end, first)));
    let parted = |at: &usize| tokens[*at].gap & gap::COMMA != 0 && tokens[*at].gap & gap::CLAUSE == 0;
    let denied = || {
        let from = (first.saturating_sub(4)..=first).rev().find(parted);
        from.is_some_and(|from| leads_to(from + 1, first) && denies(words, from))
    };
    ahead
        || behind.is_some_and(|from| {
            let other = (from..tokens.len().min(from + 5)).find(|at| tokens[*at].has_digit);
            other.is_some_and(|other| leads_to(from, other))
        })
        || denied()
        || stands_alone(words, (first, last), at).is_some_and(|from| firm || denies(words, from))
}

/// "48231 goes on as planned.": a sentence of its own that ends here, with nothing that limits it; where it begins.
fn stands_alone(words: &Words<'_>, (first, last): (usize, usize), end: usize) -> Option<usize> {
    let tokens = &words.tokens;
    // "is perfect now", "sieht super aus"
    let trails = |at: &usize| {
        let token = &tokens[*at];
        token.gap == gap::SPACE && token.roles & (role::STOP | role::BUT) == role::STOP && !token.has_digit
    };
    let end = end + (end..tokens.len().min(end + 2)).take_while(trails).count();
    let ends = tokens.get(end).map_or(gap::END, |next| next.gap);
    // "48231 is perfect. Please stop 48213"
    let asks = words.phrases_at(end).any(|(says, _)| says == Says::Asks);
    let limited = tokens.get(end).is_some_and(|next| next.roles & role::BUT != 0 && !asks)
        || words.phrases_at(end).any(|(says, _)| says == Says::Contrast);
    // "Thanks, 48231 is perfect."
    let thanked = |at: usize| at > 0 && tokens[at].gap & gap::COMMA != 0 && thanks(words, at);
    let begins = |at: &usize| *at == 0 || tokens[*at].gap & (gap::CLAUSE | gap::LINE | gap::COLON) != 0 || thanked(*at);
    let from = (first.saturating_sub(4)..=first).rev().find(begins)?;
    let modal = |at: usize| words.phrases_at(at).any(|(says, _)| says == Says::Modal);
    // "The other one, 48213, is perfect."
    let paused = |at: usize| tokens[at].gap & gap::COMMA != 0;
    let apposed = |at: usize| (at == first || at == last + 1) && paused(first) && paused(last + 1);
    let parts = |at: usize| tokens[at].gap & (gap::COMMA | gap::COLON) != 0 && !apposed(at);
    let plain = !(from + 1..end).any(|at| parts(at) || modal(at)) && !modal(from);
    // "48231 went out fine, all 1,200 delivered."
    let added = || ends & gap::COMMA != 0 && !limits_behind(words, end);
    ((ends & gap::CLAUSE != 0 || added()) && ends & gap::QUERY == 0 && !limited && plain).then_some(from)
}

/// Whether the sentence before this token is nothing but thanks.
fn thanks(words: &Words<'_>, to: usize) -> bool {
    (to.saturating_sub(3)..to).any(|at| words.phrases_at(at).any(|(says, end)| says == Says::Thanks && end == to))
}

/// Whether the sentence that goes on here takes back what was said before: "..., but the clicks are missing".
fn limits_behind(words: &Words<'_>, from: usize) -> bool {
    let rest = from..words.tokens.len().min(from + 20);
    let mut rest = rest.take_while(|at| *at == from || words.tokens[*at].gap & gap::CLAUSE == 0);
    let concludes = words.phrases_at(from).any(|(says, _)| says == Says::Therefore);
    !concludes
        && rest.any(|at| {
            let against = |says| matches!(says, Says::Contrast | Says::Fails | Says::Trouble | Says::Asks);
            words.tokens[at].roles & (DENIES | role::BUT) != 0 && words.tokens[at].roles & role::FILL == 0
                || words.phrases_at(at).any(|(says, _)| against(says))
        })
}

/// What turns down, or says that something is not so.
pub(super) const DENIES: u64 = role::DENY | role::ASIDE | role::POLAR;

/// "48213 is running, 48231 not", "celle de Lyon non", "48231 does not start": the clause that begins here says of another, or
/// of something in a word, that it is not so.
fn other_fails(words: &Words<'_>, from: usize) -> bool {
    let tokens = &words.tokens;
    let ends = |at: &usize| words.gap_after(*at) & (gap::CLAUSE | gap::COMMA) != 0 || at + 1 == tokens.len();
    let Some(last) = (from..tokens.len().min(from + 10)).find(ends) else { return false };
    let not = |at: &usize| tokens[*at].roles & DENIES != 0 || fails(words, *at);
    let Some(not) = (from..=last).find(not) else { return false };
    let function = role::STOP | role::AND | role::BUT;
    let is_function = |token: &Token| token.roles & function != 0;
    let known = |token: &Token| token.word != NO_WORD && !is_function(token);
    let other = |token: &Token| token.has_digit && token.end - token.start >= 3 || known(token);
    let before = &tokens[from..not];
    let content = before.iter().filter(|token| !token.has_digit && !known(token) && !is_function(token)).count();
    let ends_so = tokens[not + 1..=last].iter().all(is_function);
    before.iter().take(4).any(other) && content <= 1 || ends_so && content == 1
}

fn fails(words: &Words<'_>, at: usize) -> bool {
    words.phrases_at(at).any(|(says, _)| says == Says::Fails)
}

/// "48231 does not start, 48213 does": the clause that ends before this token says of another that something is not so.
fn denies(words: &Words<'_>, to: usize) -> bool {
    let parts = gap::CLAUSE | gap::COMMA;
    let from = (to.saturating_sub(12)..to).rev().find(|at| words.tokens[*at].gap & parts != 0);
    let clause = from.unwrap_or(to.saturating_sub(12))..to;
    let other = |at: usize| words.tokens[at].has_digit || words.tokens[at].word != NO_WORD;
    let not = |at: usize| {
        words.tokens[at].roles & DENIES != 0 || fails(words, at) || words.tokens[at].roles & role::NEITHER != 0
    };
    clause.clone().any(other) && clause.into_iter().any(not)
}

/// "48213 stimmt nicht": what is said from here on is denied before its clause ends.
pub(super) fn doubted(words: &Words<'_>, from: usize) -> bool {
    let parts =
        |token: &Token| token.gap & (gap::CLAUSE | gap::COMMA) != 0 || token.roles & (role::AND | role::BUT) != 0;
    let clause = words.tokens.iter().skip(from + 1).take(5).take_while(|token| !parts(token));
    clause.into_iter().any(|token| token.roles & role::DENY != 0)
}

/// "We talked about 48213 yesterday, that is settled."
pub(super) fn settled_behind(words: &Words<'_>, from: usize) -> bool {
    let mut clause = (from..words.tokens.len().min(from + 9))
        .take_while(|at| !words.tokens[*at].has_digit && words.tokens[*at].gap & gap::CLAUSE == 0);
    clause.any(|at| words.phrases_at(at).any(|(says, end)| says == Says::Settled && settles(words, at, end)))
}

/// Whether what is said from here to `end` says that something is settled. A single word may say what is to be done, as in
/// "48213 can be ended", or be of something else, as in "48213 leads to an expired page".
pub(super) fn settles(words: &Words<'_>, at: usize, end: usize) -> bool {
    let begins = |at: &usize| words.tokens[*at].gap & (gap::CLAUSE | gap::COMMA) != 0;
    let least = at.saturating_sub(12);
    let from = (least..=at).rev().find(begins).unwrap_or(least);
    let article = || at.checked_sub(1).is_some_and(|before| words.tokens[before].roles & role::INDEFINITE != 0);
    end > at + 1 || !words.says_within(from, at, Says::Modal) && !article()
}

/// "48213 is not to be stopped", "48213 darf nicht beendet werden": what is said of another is not to be done to this one.
pub(super) fn spared(words: &Words<'_>, last: usize) -> bool {
    const WITHIN: usize = 9;
    let tokens = &words.tokens;
    let (mut denied, mut obliged, mut at) = (false, false, last + 1);
    while at < tokens.len().min(last + WITHIN) {
        let token = &tokens[at];
        let said = |what: Says| words.phrases_at(at).find(|(says, _)| *says == what).map(|(_, end)| end);
        if token.gap & (gap::CLAUSE | gap::COMMA) != 0 || token.has_digit {
            return false;
        }
        if said(Says::Stops).is_some() {
            return denied && obliged;
        }
        // "under no circumstances"
        if let Some(end) = said(Says::DeniedAfter) {
            (denied, at) = (true, end);
            continue;
        }
        denied |= token.roles & DENIES != 0;
        obliged |= token.roles & role::OBLIGES != 0 || said(Says::Asks).is_some();
        let light = role::UP_TO_ID | role::STOP | role::RELATION | DENIES;
        if token.roles & role::PERFECT != 0 || token.roles & light == 0 && !obliged && said(Says::Modal).is_none() {
            return false;
        }
        at += 1;
    }
    false
}

/// "48213 has another venue and should carry on", "Pause 48231, 48213 continues": its clause begins with it, says nothing
/// against it, and ends with that it stays as it is; what only goes on does so where another is stopped.
pub(super) fn to_go_on(words: &Words<'_>, first: usize, last: usize) -> bool {
    const CLAUSE: usize = 16;
    let tokens = &words.tokens;
    let against = |says| {
        matches!(
            says,
            Says::Contrast | Says::Fails | Says::Trouble | Says::Wrong | Says::Stops | Says::Asks | Says::Likewise
        )
    };
    let ends = |end: usize| end == tokens.len() || words.gap_after(end - 1) & gap::CLAUSE != 0;
    let says = |at: usize, what: Says| words.phrases_at(at).any(|(says, end)| says == what && ends(end));
    // "Stop 48231. 48213 can run until Christmas"
    let allowed = |at: usize| {
        let says = |at: usize, what: Says| words.phrases_at(at).find(|(says, _)| *says == what).map(|(_, end)| end);
        says(at, Says::Modal).is_some_and(|end| tokens.get(end).is_some() && says(end, Says::Goes).is_some())
    };
    // "la 48213, elle, continue"
    let apart = |at: usize| tokens.get(at).is_some_and(|token| token.gap & gap::COMMA != 0);
    let pronoun = apart(last + 1) && apart(last + 2) && tokens[last + 1].roles & role::STOP != 0;
    let verb = last + if pronoun { 2 } else { 1 };
    let goes = |(says, _)| matches!(says, Says::Goes | Says::AsideBefore);
    if words.phrases_at(verb).any(goes) || allowed(verb) {
        let badly = |says| words.says_within(verb, verb + 6, says);
        return another_stopped(words, first)
            && (says(verb, Says::Goes) || !badly(Says::Fails) && !badly(Says::Trouble));
    }
    if !words.says_within(last + 1, last + CLAUSE, Says::AsideBefore) {
        return false;
    }
    let mut joined = false;
    for (at, token) in tokens.iter().enumerate().take(last + CLAUSE).skip(last + 1) {
        if token.gap & (gap::CLAUSE | gap::COMMA) != 0 || token.has_digit || token.roles & DENIES != 0 {
            return false;
        }
        // "and" is "too" in German, and an article in Portuguese.
        joined |= token.roles & (role::AND | role::STOP) == role::AND | role::STOP;
        if joined && says(at, Says::AsideBefore) {
            return begins_clause(words, first, last);
        }
        if token.roles & role::BUT != 0 && token.roles & role::STOP == 0
            || words.phrases_at(at).any(|(says, _)| against(says))
        {
            return false;
        }
    }
    false
}

/// "Stop 48231, 48213 better not": behind another that is told to stop nothing is said of it but that it is not.
pub(super) fn left_out(words: &Words<'_>, first: usize, last: usize) -> bool {
    let tokens = &words.tokens;
    let not = |at: usize| {
        let ends = words.gap_after(at) & (gap::CLAUSE | gap::COMMA) != 0 || at + 1 == tokens.len();
        ends && tokens.get(at).is_some_and(|token| token.gap == gap::SPACE && token.roles & DENIES != 0)
    };
    let adverb =
        |at: usize| tokens.get(at).is_some_and(|word| word.gap == gap::SPACE && !word.capital && !word.has_digit);
    (not(last + 1) || adverb(last + 1) && not(last + 2)) && another_stopped(words, first)
}

/// "Pause 48231, 48213": in the clause before the one that begins with this token another is told to stop.
fn another_stopped(words: &Words<'_>, first: usize) -> bool {
    const REACH: usize = 12;
    let tokens = &words.tokens;
    let parts = |at: &usize| tokens[*at].gap & (gap::COMMA | gap::SEMICOLON | gap::END) != 0;
    let Some(pause) = (first.saturating_sub(3)..=first).rev().find(parts) else { return false };
    let begins = |at: &usize| *at == 0 || tokens[*at].gap & (gap::END | gap::PARAGRAPH | gap::LINE) != 0;
    let from = (pause.saturating_sub(REACH)..pause).rev().find(begins).unwrap_or(pause.saturating_sub(REACH));
    let stops = |at: usize| words.phrases_at(at).any(|(says, _)| matches!(says, Says::Stops | Says::Orders));
    tokens[pause..first].iter().all(|token| token.roles & (role::UP_TO_ID | role::BUT) != 0)
        && (from..pause).any(|at| tokens[at].has_digit)
        && (from..pause).any(stops)
        && !tokens[from..pause].iter().any(|token| token.roles & DENIES != 0)
}

/// "In 48213 they have a fine logo. There is nothing to do there, it is just a model.": the rest of the clause, or the sentence
/// behind it, leaves it as it is.
pub(super) fn left_alone(words: &Words<'_>, last: usize) -> bool {
    if !words.says_within(last + 1, last + LEFT_ALONE, Says::Untouched) {
        return false;
    }
    let tokens = &words.tokens;
    let ends = gap::CLAUSE | gap::COMMA | gap::CLOSE | gap::LINE | gap::HYPHEN;
    let function = role::STOP | role::OWN | role::FILL | role::RELATION;
    let (mut sentences, mut rest) = (0, false);
    for at in last + 1..tokens.len().min(last + LEFT_ALONE) {
        let token = &tokens[at];
        let opens = token.gap & gap::CLAUSE != 0;
        // "Stop 48213. The rest stays as it is."
        rest = rest && !opens || words.phrases_at(at).any(|(says, _)| says == Says::Rest);
        sentences += usize::from(opens);
        let goes_on = !opens || token.gap & gap::PARAGRAPH == 0 && token.roles & (function | role::PHRASE) != 0;
        // What follows is said of another.
        let other = token.has_digit || !opens && token.capital && token.word != NO_WORD && token.roles & function == 0;
        if sentences > 1 || !goes_on || other {
            return false;
        }
        let said = |(says, end): (Says, usize)| {
            says == Says::Untouched && (end == tokens.len() || words.gap_after(end - 1) & ends != 0)
        };
        if token.roles & role::PHRASE != 0 && words.phrases_at(at).any(said) {
            return !rest;
        }
    }
    false
}

/// "the same sending time as 48213": a model, where what is the same is no trouble.
pub(super) fn likened(words: &Words<'_>, first: usize) -> bool {
    const REACH: usize = 12;
    if !words.says_within(first.saturating_sub(REACH + 5), first, Says::Alike) {
        return false;
    }
    let tokens = &words.tokens;
    let passing = role::UP_TO_ID | role::RELATION;
    let parts = |at: usize| tokens[at].gap & (gap::CLAUSE | gap::COLON | gap::COMMA) != 0;
    let says = |at: usize, what: Says| words.phrases_at(at).any(|(says, _)| says == what);
    // "as last year in 48213"
    let (mut as_, mut between) = (first, 0);
    loop {
        let Some(at) = as_.checked_sub(1).filter(|at| first - at <= 6 && !parts(as_)) else { return false };
        as_ = at;
        if words.phrases_at(as_).any(|(says, end)| says == Says::As && end <= first) {
            break;
        }
        between += usize::from(tokens[as_].roles & passing == 0);
        if between > 2 || tokens[as_].has_digit {
            return false;
        }
    }
    let before = (as_.saturating_sub(REACH)..as_).rev().take_while(|at| !parts(at + 1));
    let mut noun = false;
    for at in before {
        if says(at, Says::Trouble) || tokens[at].has_digit {
            return false;
        }
        if says(at, Says::Alike) {
            return noun;
        }
        noun |= tokens[at].roles & role::STOP == 0;
    }
    false
}

/// "48213 is the wrong campaign", "48213 is not the right one", "the ID 48213 is incorrect": said of the ID itself, with which
/// its clause begins.
pub(super) fn misjudged(words: &Words<'_>, first: usize, last: usize) -> Denial {
    let tokens = &words.tokens;
    let says = |at: usize, what: Says| words.phrases_at(at).find(|(says, _)| *says == what).map(|(_, end)| end);
    // Up to the end of the clause nothing but what is judged: "wrong by 5 %" is said of a figure.
    let whole = |end: usize| {
        let parts = gap::CLAUSE | gap::COMMA | gap::COLON | gap::HYPHEN | gap::CLOSE;
        let noun = role::UP_TO_ID | role::BUT | role::AND;
        words.gap_after(end - 1) & parts != 0
            || tokens.get(end).is_none_or(|next| next.roles & noun != 0)
            || says(end, Says::Pronoun).is_some()
    };
    const NOT: u64 = role::DENY | role::POLAR;
    let (mut article, mut denied) = (false, false);
    for (at, token) in tokens.iter().enumerate().take(last + 8).skip(last + 1) {
        if token.gap & gap::CLAUSE != 0 || token.gap & gap::COMMA != 0 && at > last + 1 || token.has_digit {
            return Denial::No;
        }
        let judged = match denied {
            false => says(at, Says::Wrong),
            true => says(at, Says::Right),
        };
        if let Some(end) = judged {
            // "48213 is it not": not said of what it is, but of whether it is the one.
            let bare = tokens[at..end].iter().all(|token| token.roles & (NOT | role::STOP | role::FILL) != 0)
                && tokens[at..end].iter().any(|token| token.roles & NOT != 0)
                && token.gap & gap::COMMA == 0;
            return match () {
                () if !whole(end) || !begins_clause(words, first, last) => Denial::No,
                () if article || bare && !denied => Denial::Yes,
                () => Denial::Replaced,
            };
        }
        // Directly behind the ID it is the verb: "está".
        article |= at > last + 1 && token.roles & role::OWN != 0;
        denied |= token.roles & NOT != 0;
        if token.roles & (role::UP_TO_ID | role::STOP | role::DENY | role::POLAR) == 0 {
            return Denial::No;
        }
    }
    Denial::No
}

/// "48231 is correct": behind this token it is said that it is the one.
pub(super) fn vouched(words: &Words<'_>, last: usize) -> bool {
    let right = |at: usize| words.phrases_at(at).any(|(says, _)| says == Says::Right);
    let passing = role::UP_TO_ID | role::STOP;
    let mut behind = (last + 1..words.tokens.len().min(last + 5)).take_while(|at| words.tokens[*at].gap == gap::SPACE);
    behind.find(|at| right(*at) || words.tokens[*at].roles & passing == 0).is_some_and(right)
}

/// "I wrote 48213 by mistake", "accidentally 48213": directly beside it an ID is called a mistake.
pub(super) fn mistaken(words: &Words<'_>, first: usize, last: usize) -> bool {
    let wrong = |at: usize, from: bool| {
        let mut said = words.phrases_at(at);
        said.any(|(says, end)| {
            says == Says::Mistake && (from || end == first) && words.tokens[at].gap & gap::CLAUSE == 0
        })
    };
    (first.saturating_sub(4)..first).any(|at| wrong(at, false)) || wrong(last + 1, true)
}

/// Whether only a label stands between these tokens and the beginning of their clause. In brackets they are not what the clause
/// speaks of: "the invitation (48213) is wrong".
fn begins_clause(words: &Words<'_>, first: usize, last: usize) -> bool {
    let begins = gap::CLAUSE | gap::COMMA | gap::COLON | gap::LINE | gap::HYPHEN;
    let begins = if words.gap_after(last) & gap::CLOSE != 0 { begins } else { begins | gap::OPEN };
    for at in (first.saturating_sub(5)..=first).rev() {
        let token = &words.tokens[at];
        if at < first && token.roles & (role::UP_TO_ID | role::AND | role::BUT) == 0 {
            return false;
        }
        if at == 0 || token.gap & begins != 0 {
            return true;
        }
    }
    false
}
