//! What the text turns down: "not 48213 but 48231", "48213 is not affected".
//!
//! A denial reaches no further than its sentence. What is denied stays evidence and decides nothing. Words that deny
//! only where something else is offered ("not in 48213", "48213 works fine") are settled when all of the request is read.

use super::background::{exclusive, mentioned};
use super::contrast::{
    contrasted, doubted, left_alone, left_out, likened, misjudged, mistaken, settled_behind, settles, spared, to_go_on,
    vouched,
};
use super::fold::{NO_WORD, Token, Words};
use super::gap;
use super::hints::{Says, role};
use super::named::Mention;
use super::stated::{Finder, Footing, Stated};
use super::verdict::Found;
use super::zone::{Zone, says_not_specific};
use crate::request::evidence::Where;

/// The rule of an ID that is turned down.
pub const DENIED: &str = "campaign-id.denied";

/// Whether something is turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It is not.
    No,
    /// Only when another campaign is meant: "except 48213", "48213 works fine".
    Instead,
    /// Only when the ID of another campaign is stated, for it is but mentioned; a name also when another is meant.
    Mentioned,
    /// Only when another campaign is stated behind it: "not in 48213 but in 48231".
    InsteadBehind,
    /// Only when another campaign is meant, but then wherever it was said: "48213 is the wrong number".
    Replaced,
    /// It is.
    Yes,
}

impl Finder<'_, '_> {
    /// Turns down what the text denies.
    pub(super) fn deny(&self, found: &mut [Stated]) {
        let mut previous: Option<(usize, Denial)> = None;
        let mut meant: Option<usize> = None;
        for id in found.iter_mut() {
            let (first, last) = id.tokens;
            let mut denial = denied(self.words, first, last);
            if let Some((before, inherited)) = previous
                && denial == Denial::No
                && self.continues(before, first)
                && (before + 1..first).any(|at| self.words.tokens[at].roles & role::AND != 0)
                && (before + 1..=first).all(|at| self.words.tokens[at].gap & gap::COMMA == 0)
            {
                denial = inherited;
            }
            // "I mean 48213 and not in 48231"
            let ends = |at: usize| self.words.tokens[at].gap & (gap::END | gap::PARAGRAPH) != 0;
            if affirmed(self.words, first) {
                meant = Some(last);
            } else if matches!(denial, Denial::Instead | Denial::InsteadBehind)
                && meant.is_some_and(|meant| !(meant + 1..=first).any(ends))
            {
                denial = Denial::Yes;
            }
            turn_down(id, denial);
            previous = Some((last, denial));
        }
        // "104882 and 104883 are not affected": the list shares what is said behind it.
        for at in (1..found.len()).rev() {
            let behind = denied_behind(self.words, found[at].tokens.1, false);
            if affirmed(self.words, found[at - 1].tokens.0) {
                continue;
            }
            if behind != Denial::No && self.continues(found[at - 1].tokens.1, found[at].tokens.0) {
                turn_down(&mut found[at - 1], behind);
            }
        }
        // "48213 is wrong, 48231 is correct"
        if found.iter().any(|id| id.denial == Denial::Replaced) {
            for id in found.iter_mut().filter(|id| id.denial == Denial::Instead && vouched(self.words, id.tokens.1)) {
                id.denial = Denial::No;
            }
        }
        for at in 1..found.len() {
            let (wrong, right) = (&found[at - 1], &found[at]);
            let apart = wrong.compact != right.compact && right.denial == Denial::No && wrong.denial != Denial::Yes;
            if apart && (self.offered_instead(wrong, right) || self.done_to_another(wrong, right)) {
                turn_down(&mut found[at - 1], Denial::Yes);
            }
        }
        self.join(found);
        self.called_wrong(found);
        self.correct(found);
        self.leave_only(found);
        self.deny_unknown(found);
        deny_before(found);
    }

    /// "48213 runs again, I ask for 48231 only": where one is said to be the only one, the others are but mentioned.
    fn leave_only(&self, found: &mut [Stated]) {
        let counts = |id: &Stated| id.weight > 0.0 && id.denial == Denial::No;
        if found.len() < 2 {
            return;
        }
        let only = found.iter().filter(|id| counts(id) && exclusive(self.words, id.tokens.0, id.tokens.1));
        let only: Vec<String> = only.map(|id| id.compact.clone()).take(2).collect();
        let [only] = only.as_slice() else { return };
        found.iter_mut().filter(|id| counts(id) && id.compact != *only).for_each(|id| id.denial = Denial::Mentioned);
    }

    /// "Right is 48231, not 48219": the number that a label introduced elsewhere, denied without one.
    fn deny_unknown(&self, found: &mut [Stated]) {
        let unknown = |id: &Stated| id.row.is_none() && id.weight > 0.0;
        let mut stated: Vec<&str> = found.iter().filter(|id| unknown(id)).map(|id| id.compact.as_str()).collect();
        if stated.is_empty() {
            return;
        }
        stated.sort_unstable();
        let mut taken = found.iter().map(|id| id.tokens).peekable();
        let mut denied_here: Vec<String> = vec![];
        for (at, token) in self.words.tokens.iter().enumerate().filter(|(_, token)| token.has_digit) {
            while taken.next_if(|(_, last)| *last < at).is_some() {}
            let word = self.words.folded(token);
            let free = taken.peek().is_none_or(|(first, _)| at < *first);
            if free && stated.binary_search(&word).is_ok() && denied(self.words, at, at) == Denial::Yes {
                denied_here.push(word.to_owned());
            }
        }
        for id in found.iter_mut().filter(|id| denied_here.contains(&id.compact)) {
            turn_down(id, Denial::Yes);
        }
    }

    /// "Don't stop 48213, stop 48231": the same is denied of one and said of the other.
    fn done_to_another(&self, wrong: &Stated, right: &Stated) -> bool {
        let passing = role::UP_TO_ID | role::RELATION;
        let verb = |id: &Stated| {
            let passes = |at: &usize| self.words.tokens[*at].roles & passing != 0;
            (id.tokens.0.saturating_sub(3)..id.tokens.0).rev().find(|at| !passes(at))
        };
        let (Some(denied), Some(said)) = (verb(wrong), verb(right)) else { return false };
        let not = denied.checked_sub(1).is_some_and(|at| {
            let token = &self.words.tokens[at];
            token.roles & (role::DENY | role::ASIDE) != 0 && self.words.tokens[denied].gap == gap::SPACE
        });
        let row = heads_row(self.words, wrong.tokens.0, wrong.tokens.1);
        not && !row && said > wrong.tokens.1 && self.words.tokens[denied].hash == self.words.tokens[said].hash
    }

    /// "Die 48213 nicht, die 48231.": nothing is said of the one but that it is not, and of the other nothing at all.
    fn said_no_to(&self, wrong: &Stated, right: &Stated) -> bool {
        const PAUSE: u32 = gap::COMMA | gap::SEMICOLON | gap::HYPHEN;
        let tokens = &self.words.tokens;
        let (not, to) = (wrong.tokens.1 + 1, right.tokens.0);
        let light = role::UP_TO_ID | role::STOP;
        let alone = (wrong.tokens.0.saturating_sub(4)..=wrong.tokens.0)
            .rev()
            .find(|at| *at == 0 || tokens[*at].gap & (gap::CLAUSE | gap::COMMA | gap::LINE) != 0);
        to > not + 1
            && tokens[not].gap == gap::SPACE
            && tokens[not].roles & (role::DENY | role::POLAR) != 0
            && tokens[not + 1].gap & PAUSE != 0
            && tokens[not + 2..=to].iter().all(|token| token.gap & !gap::SPACE == 0)
            && tokens[not + 1..to].iter().all(|token| token.roles & light != 0 && !token.has_digit)
            && alone.is_some_and(|from| tokens[from..wrong.tokens.0].iter().all(|token| token.roles & light != 0))
            && (right.tokens.1 + 1 == tokens.len() || self.words.gap_after(right.tokens.1) & gap::CLAUSE != 0)
    }

    /// "it is not in 48213 but in 48231", "I need not 48213, I need 48231".
    fn offered_instead(&self, wrong: &Stated, right: &Stated) -> bool {
        let tokens = &self.words.tokens;
        let (from, to) = (wrong.tokens.1 + 1, right.tokens.0);
        let parts = gap::CLAUSE | gap::COLON;
        if self.said_no_to(wrong, right) {
            return true;
        }
        // "I wrote 48213 by mistake, it is 48231"
        let by_mistake = || mistaken(self.words, wrong.tokens.0, wrong.tokens.1);
        if tokens[from..=to].iter().any(|token| token.gap & parts != 0) {
            let opens = (from..=to).rev().find(|at| tokens[*at].gap & parts != 0).unwrap_or(to);
            let near = tokens[from..=to].iter().all(|token| token.gap & gap::PARAGRAPH == 0);
            let light = role::UP_TO_ID | role::STOP;
            let plain = opens < to && tokens[opens..to].iter().all(|token| token.roles & light != 0);
            return near && plain && by_mistake() && !self.words.says_within(opens, to, Says::Likewise);
        }
        let denied = || denied_ahead(self.words, wrong.tokens.0) != Denial::No;
        let comma = (from..=to).find(|at| tokens[*at].gap & gap::COMMA != 0 && to - *at <= 4);
        let but = (from..to).find(|at| tokens[*at].roles & role::BUT != 0);
        let offered = match (comma, but) {
            (Some(comma), _) if by_mistake() => comma,
            (_, Some(but)) if denied() || by_mistake() => but,
            (Some(comma), None) if comma == from => return denied(),
            _ => return false,
        };
        let passing = role::UP_TO_ID | role::RELATION | role::STOP | role::BUT | role::POLAR;
        (offered..to).all(|at| tokens[at].roles & passing != 0 && !tokens[at].has_digit)
    }
}

/// "Stop 48231. Sorry, it is 48213, 48231 is fine": what is set aside beside another was meant no more further up.
fn deny_before(found: &mut [Stated]) {
    for at in 1..found.len() {
        let (other, last) = (&found[at - 1], &found[at]);
        let beside = other.compact != last.compact
            && other.denial == Denial::No
            && other.weight > 0.0
            && last.tokens.0 - other.tokens.1 <= 4;
        if beside && last.denial == Denial::Instead && found[at + 1..].iter().all(|id| id.compact != last.compact) {
            let compact = last.compact.clone();
            let above = found[..at - 1].iter_mut().filter(|id| id.compact == compact && id.denial == Denial::No);
            above.for_each(|id| turn_down(id, Denial::Instead));
        }
    }
}

pub(super) fn turn_down(id: &mut Stated, denial: Denial) {
    if id.weight <= 0.0 || denial == Denial::No {
        return;
    }
    id.denial = denial;
    if denial == Denial::Yes {
        id.weight = -1.0;
        id.rule = DENIED;
    }
}

/// Whether the text denies what stands from the first to the last of these tokens.
pub(super) fn denied(words: &Words<'_>, first: usize, last: usize) -> Denial {
    if all_else_is_well(words, first) {
        return Denial::No;
    }
    let ahead = if heads_row(words, first, last) { Denial::No } else { denied_ahead(words, first) };
    match ahead {
        Denial::Yes => Denial::Yes,
        ahead => match denied_behind(words, last, affirmed(words, first)) {
            Denial::No => match misjudged(words, first, last) {
                Denial::No
                    if ahead == Denial::No
                        && (contrasted(words, first, last)
                            || left_alone(words, last)
                            || likened(words, first)
                            || spared(words, last)
                            || left_out(words, first, last)
                            || to_go_on(words, first, last)) =>
                {
                    Denial::Instead
                }
                Denial::No if ahead == Denial::No && mentioned(words, first, last) => Denial::Mentioned,
                Denial::No => ahead,
                judged => judged,
            },
            behind => behind,
        },
    }
}

/// "48213: nothing", and in the next line "48231: nothing": each line is said of what it begins with, as the one before is.
fn heads_row(words: &Words<'_>, first: usize, last: usize) -> bool {
    const ROW: usize = 12;
    let tokens = &words.tokens;
    let begins = |at: usize| at == 0 || tokens[at].gap & gap::LINE != 0;
    if first == 0 || !begins(first) || tokens[first].gap & gap::PARAGRAPH != 0 {
        return false;
    }
    let Some(above) = (first.saturating_sub(ROW)..first).rev().find(|at| begins(*at)) else { return false };
    let same = tokens[above].hash == tokens[first].hash || tokens[above].has_digit && tokens[first].has_digit;
    same && (above..=above + last - first).any(|at| tokens[at].has_digit)
}

/// Words for all of them.
const ALL: [&str; 16] = [
    "all",
    "everything",
    "alle",
    "alles",
    "tout",
    "tous",
    "toute",
    "toutes",
    "todo",
    "todos",
    "toda",
    "todas",
    "tudo",
    "tutte",
    "tutti",
    "tutto",
];

/// "Everything runs fine except 48213", "alle laufen, nur 48213 nicht": that one is what the matter is.
fn all_else_is_well(words: &Words<'_>, first: usize) -> bool {
    const ONLY: [&str; 6] = ["only", "just", "nur", "seule", "solo", "apenas"];
    const BUT: [[&str; 2]; 11] = [
        ["apart", "from"],
        ["aside", "from"],
        ["other", "than"],
        ["bis", "auf"],
        ["abgesehen", "von"],
        ["a", "part"],
        ["dehors", "de"],
        ["aparte", "de"],
        ["aparte", "del"],
        ["tirando", "a"],
        ["tirando", "o"],
    ];
    let tokens = &words.tokens;
    let ends = |at: usize| tokens[at].gap & (gap::END | gap::PARAGRAPH) != 0;
    let light = |at: &usize| tokens[*at].roles & (role::UP_TO_ID | role::STOP | role::RELATION) != 0 && !ends(at + 1);
    let pair = |at: usize| at > 0 && BUT.contains(&[words.word(at - 1), words.word(at)]);
    let is_but = |at: usize| tokens[at].roles & role::ASIDE != 0 || ONLY.contains(&words.word(at)) || pair(at);
    let from = first.saturating_sub(4);
    let mut back = (from..first).rev();
    let Some(but) = back.find(|at| is_but(*at) || !light(at)).filter(|at| is_but(*at) && !ends(at + 1)) else {
        return false;
    };
    let begins = (but.saturating_sub(10)..=but).rev().find(|at| ends(*at)).unwrap_or(but.saturating_sub(10));
    let Some(all) = (begins..but).find(|at| ALL.contains(&words.word(*at))) else { return false };
    (all + 1..but).any(|at| words.phrases_at(at).any(|(says, _)| matches!(says, Says::Well | Says::Goes)))
}

/// "Pause all our campaigns except 48213", "stop everything but 48213": what is set aside here is so because the others are
/// meant, all of them.
fn all_others_are_meant(zone: &Zone<'_>, first: usize) -> bool {
    const NEAR: usize = 6;
    let tokens = &zone.words.tokens;
    let within = |from: usize, parts: u32| (from + 1..=first).all(|at| tokens[at].gap & parts == 0);
    let said =
        says_not_specific(zone).is_some_and(|(_, end)| end <= first && within(end - 1, gap::END | gap::PARAGRAPH));
    let of_campaigns = |at: usize| tokens[at + 1].roles & (role::CAMPAIGN | role::CAMPAIGNS) != 0;
    let near = |at: usize| {
        ALL.contains(&zone.words.word(at))
            && within(at, if of_campaigns(at) { gap::CLAUSE } else { gap::CLAUSE | gap::COMMA })
    };
    said || (first.saturating_sub(NEAR)..first).any(near)
}

/// "not 48213", "instead of campaign 48213", "not in campaign 48213", "but not Altena (48213)".
fn denied_ahead(words: &Words<'_>, first: usize) -> Denial {
    const NAME: usize = 4;
    let bracket = words.tokens.get(first).is_some_and(|token| token.gap & gap::OPEN != 0);
    let names = |at: &usize| {
        let (token, next) = (&words.tokens[*at], &words.tokens[*at + 1]);
        token.capital && token.roles & role::STOP == 0 && next.gap & !(gap::SPACE | gap::HYPHEN | gap::OPEN) == 0
    };
    let first = match bracket {
        true => first - (first.saturating_sub(NAME)..first).rev().take_while(names).count(),
        false => first,
    };
    let passing = role::UP_TO_ID | role::ADVERT | role::RELATION;
    let mut at = first;
    let (mut related, mut about, mut noun) = (false, false, false);
    // "Just for comparison: 48213 runs beautifully"
    let aside = |start: usize| words.phrases_at(start).any(|(says, end)| says == Says::AsideAfter && end == first);
    let colon = words.tokens.get(first).is_some_and(|token| token.gap & gap::COLON != 0);
    if colon && (first.saturating_sub(4)..first).any(aside) {
        return Denial::Instead;
    }
    for _ in 0..9 {
        let Some(token) = words.tokens.get(at) else { return Denial::No };
        let stops = gap::END | gap::COMMA | gap::SEMICOLON | gap::PARAGRAPH | gap::COLON | gap::QUERY;
        let short = at > 0 && words.tokens[at - 1].roles & role::NUMBER != 0;
        if at == 0 || (token.gap & stops != 0 && !short) {
            return Denial::No;
        }
        at -= 1;
        let roles = words.tokens[at].roles;
        // "48213 no, la 48231" is no "no la".
        let joined =
            |start: usize| words.tokens[start + 1..=at].iter().all(|token| token.gap & (gap::COMMA | gap::CLAUSE) == 0);
        let ending = |says: &dyn Fn(Says) -> bool| {
            // The longest: "do not confuse it with".
            (at.saturating_sub(7)..=at).find_map(|start| {
                let mut ends = words.phrases_at(start).filter(|(said, end)| *end == at + 1 && says(*said));
                ends.next().filter(|_| joined(start)).map(|(says, _)| (start, says))
            })
        };
        match ending(&|says| matches!(says, Says::DeniedAfter | Says::AsideAfter)) {
            // "do not forget 48213"
            Some((start, Says::AsideAfter)) => {
                // "dans la 48231 comme dans la 48213" says of both what it says.
                let as_ = words.phrases_at(start).any(|(says, _)| says == Says::As);
                let before = &words.tokens[start.saturating_sub(2)..start];
                // "in 48231 as well as in 48213"
                let likewise = (start.saturating_sub(2)..start)
                    .any(|at| words.phrases_at(at).any(|(says, end)| says == Says::Likewise && end > start));
                let turned = before.last().is_some_and(|token| token.roles & (role::DENY | role::ASIDE) != 0)
                    || likewise
                    || as_ && before.iter().any(|token| token.has_digit);
                return if turned { Denial::No } else { Denial::Instead };
            }
            // "48231 und nicht in 48213"
            Some((start, _)) if related => {
                let behind = start.checked_sub(1).is_some_and(|other| words.tokens[other].has_digit);
                return if behind { Denial::Instead } else { Denial::InsteadBehind };
            }
            Some(_) => return Denial::Yes,
            None => {}
        }
        if roles & (role::DENY | role::ASIDE) != 0 {
            // "not only 48213" denies nothing.
            if words.tokens.get(at + 1).is_some_and(|next| next.roles & role::BUT != 0 && next.roles & role::FILL == 0)
            {
                return Denial::No;
            }
            let opens = words.tokens[at].gap & (stops | gap::OPEN) != 0;
            let before = at.checked_sub(1).map_or(role::BUT, |before| words.tokens[before].roles);
            // "das betrifft nicht 48213"
            let spoken_of = |at: usize| {
                (at.saturating_sub(3)..at)
                    .any(|start| words.phrases_at(start).any(|(says, end)| says == Says::About && end == at))
            };
            // "48231 and not in 48213": directly behind another, whatever else "and" may be.
            let behind = at.checked_sub(2).is_some_and(|other| words.tokens[other].has_digit);
            let contrast = opens || before & (role::AND | role::BUT) != 0 && (before & role::STOP == 0 || behind);
            // "not the report of 48213"
            if noun && !(contrast && words.tokens[at + 1].roles & role::OWN != 0) {
                return Denial::No;
            }
            return match () {
                () if about => Denial::Yes,
                () if roles & role::ASIDE != 0 => Denial::Instead,
                () if related && contrast => Denial::Instead,
                () if related => Denial::InsteadBehind,
                // "it is not 48213", not "please not 48213 delete", which is said in German.
                () if contrast || before & role::FILL != 0 || spoken_of(at) => Denial::Yes,
                () => Denial::Instead,
            };
        }
        // "Do not shut down 48213", unless it is said until when.
        if let Some((start, _)) = ending(&|says| says == Says::Orders).filter(|_| !noun) {
            const NOT: u64 = role::DENY | role::ASIDE | role::POLAR;
            let joined = words.tokens[start].gap & !gap::SPACE == 0;
            // "under no circumstances stop 48213"
            let never = |at: usize| words.phrases_at(at).any(|(says, end)| says == Says::DeniedAfter && end == start);
            let not = start.checked_sub(1).is_some_and(|not| joined && words.tokens[not].roles & NOT != 0)
                || (start.saturating_sub(4)..start).any(never);
            return if not && !words.says_within(first, first + 8, Says::Time) { Denial::Instead } else { Denial::No };
        }
        if let Some((start, says)) = ending(&|says| matches!(says, Says::About | Says::Pronoun)) {
            about |= says == Says::About;
            at = start;
            continue;
        }
        // "não é a 48213": an article.
        let article = words.word(at) == "a" && at.checked_sub(1).is_some_and(|is| words.word(is) == "e");
        related |= roles & role::RELATION != 0 && !article;
        let passes = roles & passing != 0 || related && !std::mem::replace(&mut noun, true);
        if roles & role::BUT != 0 && roles & role::FILL == 0 || !passes {
            return Denial::No;
        }
    }
    Denial::No
}

/// "I mean 48213": directly before this token the text says what it means.
pub(super) fn affirmed(words: &Words<'_>, first: usize) -> bool {
    // "no me refiero a la 48213"
    let denies = |start: usize| {
        let before = start.checked_sub(1).and_then(|at| words.tokens.get(at));
        let joined = words.tokens[start].gap & !gap::SPACE == 0;
        joined && before.is_some_and(|before| before.roles & (role::DENY | role::POLAR) != 0)
    };
    (1..=4).filter_map(|back| first.checked_sub(back)).any(|start| {
        words.phrases_at(start).any(|(says, end)| says == Says::Corrected && end == first)
            && words.tokens[first].gap & !gap::SPACE == 0
            && !denies(start)
    })
}

/// "48213 is not affected", "leave that one alone", "48213 works fine". `affirmed`: what is said of another ID behind it is
/// said of that one only.
fn denied_behind(words: &Words<'_>, last: usize, affirmed: bool) -> Denial {
    let (mut apart, mut but) = (false, false);
    for at in last + 1..last + 6 {
        let Some(token) = words.tokens.get(at) else { return Denial::No };
        if token.gap & gap::CLAUSE != 0 {
            return Denial::No;
        }
        for (says, end) in words.phrases_at(at) {
            match says {
                Says::DeniedBefore if !joins_another(words, at, end) => return Denial::Yes,
                Says::AsideBefore if !doubted(words, end - 1) => return Denial::Instead,
                Says::Settled if !doubted(words, end - 1) && settles(words, at, end) => return Denial::Instead,
                _ => {}
            }
        }
        // "48231, the 48213 is not meant": what follows is said of the other.
        if affirmed && token.has_digit {
            return Denial::No;
        }
        // "la 48213, qui marche bien", "48213, but that number is of another campaign"
        let relative = at == last + 1 && token.roles & (role::STOP | role::DENY) == role::STOP;
        but |= relative || token.roles & role::BUT != 0;
        apart |= but || token.gap & gap::COMMA != 0 && token.roles & (role::FILL | role::OWN) != 0 && !token.has_digit;
        if apart && token.has_digit {
            return Denial::No;
        }
        let passing = role::FILL | role::CAMPAIGN | role::CAMPAIGNS | role::AND | role::OWN;
        let spoken = but
            && token.roles & (role::BUT | role::NUMBER | role::IDENTIFIER | role::STOP) != 0
            && token.roles & role::DENY == 0;
        if token.roles & passing == 0 && !token.has_digit && token.word == NO_WORD && !spoken {
            return if settled_behind(words, at) { Denial::Instead } else { Denial::No };
        }
    }
    Denial::No
}

/// "48213 e outra": without its accent the word is no "is", and one more is spoken of.
fn joins_another(words: &Words<'_>, at: usize, end: usize) -> bool {
    let token = &words.tokens[at];
    end == at + 2 && words.text.get(token.start..token.end) == Some("e")
}

/// "Re: Winter Sun Lanzarote", and below: "Lanzarote is perfect now, thanks": what the text says of a telling word of a name
/// that only the subject has, it says of that campaign.
pub(super) fn settle_subject(zones: &[Found<'_>], mentions: &mut [Mention]) {
    const FUNCTION: u64 = role::STOP | role::COMMON | role::CAMPAIGN | role::CAMPAIGNS | role::ADVERT;
    let Some(text) = zones.iter().find(|found| found.zone.place == Where::Text) else { return };
    let words = &text.zone.words;
    let sure = |id: &Stated| id.weight > 0.0 && id.denial == Denial::No;
    if !text.ids.iter().any(sure) {
        return;
    }
    let subject = |mention: &&mut Mention| zones[mention.zone].zone.place == Where::Subject;
    for mention in mentions.iter_mut().filter(subject).filter(|mention| mention.denial == Denial::No) {
        let said = &zones[mention.zone].zone.words.tokens[mention.tokens.0..=mention.tokens.1];
        let telling = |token: &Token| token.word != NO_WORD && token.roles & FUNCTION == 0;
        let said: Vec<u32> = said.iter().filter(|token| telling(token)).map(|token| token.word).collect();
        let again = words.tokens.iter().enumerate().filter(|(_, token)| said.contains(&token.word));
        let again = again.map(|(at, _)| if thanked(words, at) { Denial::Mentioned } else { denied(words, at, at) });
        let mut again = again.peekable();
        if again.peek().is_some() && again.all(|denial| denial != Denial::No) {
            mention.denial = Denial::Mentioned;
        }
    }
}

/// "All good for Lanzarote, thanks!": the sentence of this token thanks, and says that nothing is wrong or wanted.
fn thanked(words: &Words<'_>, at: usize) -> bool {
    const SENTENCE: usize = 12;
    let tokens = &words.tokens;
    let begins = |at: &usize| *at == 0 || tokens[*at].gap & gap::CLAUSE != 0;
    let least = at.saturating_sub(SENTENCE);
    let from = (least..=at).rev().find(begins).unwrap_or(least);
    let most = tokens.len().min(at + SENTENCE);
    let end = (at + 1..most).find(begins).unwrap_or(most);
    let says = |says| words.says_within(from, end, says);
    let wanted = [Says::Asks, Says::Fails, Says::Trouble, Says::Wrong].into_iter().any(says);
    says(Says::Thanks) && !wanted && tokens[from..end].iter().all(|token| token.roles & role::DENY == 0)
}

/// Settles what is turned down only when something else is meant, now that all of it is known.
pub(super) fn settle(zones: &mut [Found<'_>], mentions: &mut [Mention]) {
    let doubted = zones.iter().any(|found| found.ids.iter().any(|id| id.weight > 0.0 && id.denial != Denial::No))
        || mentions.iter().any(|mention| mention.denial != Denial::No);
    if !doubted {
        return;
    }
    let same = |a: &Stated, b: &Stated| a.compact == b.compact || a.row.is_some() && a.row == b.row;
    // In the order of the text, so that what stands behind an ID is found at once.
    let sure = |id: &&Stated| id.weight > 0.0 && id.denial == Denial::No && id.footing != Footing::Beside;
    let deciding = zones.iter().enumerate().filter(|(_, found)| found.decides);
    let meant: Vec<(usize, &Stated)> =
        deciding.flat_map(|(at, found)| found.ids.iter().filter(sure).map(move |id| (at, id))).collect();
    let from_behind = |at: usize, last: usize| meant.partition_point(|(zone, id)| (*zone, id.tokens.0) <= (at, last));
    let behind_of =
        |at: usize, last: usize| meant[from_behind(at, last)..].iter().take_while(move |(zone, _)| *zone == at);
    // Of each: where the next other one stands. A text that says one ID ten thousand times must not cost the square of that.
    let mut other_at = vec![meant.len(); meant.len()];
    for at in (1..meant.len()).rev() {
        other_at[at - 1] = if same(meant[at - 1].1, meant[at].1) { other_at[at] } else { at };
    }
    let another = |id: &Stated, from: usize| match meant.get(from) {
        Some((_, first)) if same(id, first) => Some(other_at[from]).filter(|at| *at < meant.len()),
        Some(_) => Some(from),
        None => None,
    };
    let named: Vec<(usize, &Mention)> =
        mentions.iter().filter(|mention| mention.denial == Denial::No).map(|mention| (mention.zone, mention)).collect();
    let holds =
        |mention: &Mention, row: Option<u32>| row.is_some_and(|row| mention.rows.iter().any(|(r, _)| *r == row));
    let mut ids_down: Vec<(usize, usize)> = vec![];
    for (at, found) in zones.iter().enumerate() {
        for (index, id) in found.ids.iter().enumerate() {
            let behind = id.denial == Denial::InsteadBehind;
            let set_aside = matches!(id.denial, Denial::Instead | Denial::Replaced | Denial::Mentioned);
            if id.weight <= 0.0 || !(behind || set_aside) {
                continue;
            }
            let counts = |zone: usize, first: usize| !behind || zone == at && first > id.tokens.1;
            let other_id = match behind {
                true => another(id, from_behind(at, id.tokens.1)).is_some_and(|next| meant[next].0 == at),
                false => another(id, 0).is_some(),
            };
            let other_name = id.denial != Denial::Mentioned
                && named.iter().any(|(zone, mention)| counts(*zone, mention.tokens.0) && !holds(mention, id.row));
            let all_others = || id.denial == Denial::Instead && all_others_are_meant(&found.zone, id.tokens.0);
            if other_id || other_name || all_others() {
                ids_down.push((at, index));
            }
        }
    }
    let mut names_down: Vec<usize> = vec![];
    for (index, mention) in mentions.iter().enumerate() {
        let behind = mention.denial == Denial::InsteadBehind;
        if !(behind || matches!(mention.denial, Denial::Instead | Denial::Replaced | Denial::Mentioned)) {
            continue;
        }
        let counts = |zone: usize, first: usize| !behind || zone == mention.zone && first > mention.tokens.1;
        let other_id = match behind {
            true => behind_of(mention.zone, mention.tokens.1).any(|(_, other)| !holds(mention, other.row)),
            false => meant.iter().any(|(_, other)| !holds(mention, other.row)),
        };
        let apart = |other: &Mention| other.rows.iter().all(|(row, _)| !holds(mention, Some(*row)));
        let other_name = named.iter().any(|(zone, other)| counts(*zone, other.tokens.0) && apart(other));
        let all_others =
            || mention.denial == Denial::Instead && all_others_are_meant(&zones[mention.zone].zone, mention.tokens.0);
        if other_id || other_name || all_others() {
            names_down.push(index);
        }
    }
    for (at, index) in ids_down {
        // What is only set aside may be meant where a label introduces it.
        let id = &mut zones[at].ids[index];
        let denial = id.denial;
        turn_down(id, Denial::Yes);
        if denial != Denial::Replaced {
            id.denial = denial;
        }
    }
    for index in names_down {
        mentions[index].denial = Denial::Yes;
    }
}
