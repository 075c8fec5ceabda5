//! What the text turns down: "not 48213 but 48231", "48213 is not affected", "not the West one".
//!
//! A denial reaches no further than its sentence. What is denied stays evidence and decides nothing. Words that deny
//! only where something else is offered ("not in 48213", "48213 works fine") are settled when all of the request is read.

use super::Directory;
use super::contrast::{contrasted, doubted, settled_behind};
use super::fold::{NO_WORD, Token, Words};
use super::gap;
use super::hints::{Says, role};
use super::named::Mention;
use super::names::Names;
use super::stated::{Finder, Footing, Stated};
use super::verdict::{CANDIDATES, Found, Group};

/// Whether something is turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It is not.
    No,
    /// Only when another campaign is meant: "except 48213", "48213 works fine".
    Instead,
    /// Only when another campaign is stated behind it: "not in 48213 but in 48231".
    InsteadBehind,
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
        self.correct(found);
    }
}

pub(super) fn turn_down(id: &mut Stated, denial: Denial) {
    if id.weight <= 0.0 || denial == Denial::No {
        return;
    }
    id.denial = denial;
    if denial == Denial::Yes {
        id.weight = -1.0;
        id.rule = "campaign-id.denied";
    }
}

/// Whether the text denies what stands from the first to the last of these tokens.
pub(super) fn denied(words: &Words<'_>, first: usize, last: usize) -> Denial {
    match denied_ahead(words, first) {
        Denial::Yes => Denial::Yes,
        ahead => match denied_behind(words, last, affirmed(words, first)) {
            Denial::No if ahead == Denial::No && contrasted(words, first, last) => Denial::Instead,
            Denial::No => ahead,
            behind => behind,
        },
    }
}

/// "not 48213", "instead of campaign 48213", "not in campaign 48213".
fn denied_ahead(words: &Words<'_>, first: usize) -> Denial {
    let passing = role::UP_TO_ID | role::ADVERT | role::RELATION;
    let mut at = first;
    let mut related = false;
    for _ in 0..7 {
        let Some(token) = words.tokens.get(at) else { return Denial::No };
        let stops = gap::END | gap::COMMA | gap::SEMICOLON | gap::PARAGRAPH | gap::COLON | gap::QUERY;
        let short = at > 0 && words.tokens[at - 1].roles & role::NUMBER != 0;
        if at == 0 || (token.gap & stops != 0 && !short) {
            return Denial::No;
        }
        at -= 1;
        let roles = words.tokens[at].roles;
        let phrase = (0..4).find_map(|back| {
            let start = at.checked_sub(back)?;
            // "48213 no, la 48231" is no "no la".
            let parted = words.tokens[start + 1..=at].iter().any(|token| token.gap & gap::COMMA != 0);
            let mut ends = words.phrases_at(start).filter(|(_, end)| *end == at + 1 && !parted);
            ends.find(|(says, _)| matches!(says, Says::DeniedAfter | Says::AsideAfter)).map(|(says, _)| (start, says))
        });
        match phrase {
            // "do not forget 48213"
            Some((start, Says::AsideAfter)) => {
                let turned =
                    start.checked_sub(1).is_some_and(|at| words.tokens[at].roles & (role::DENY | role::ASIDE) != 0);
                return if turned { Denial::No } else { Denial::Instead };
            }
            Some(_) if related => return Denial::InsteadBehind,
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
            // "48231 and not in 48213": directly behind another, whatever else "and" may be.
            let behind = at.checked_sub(2).is_some_and(|other| words.tokens[other].has_digit);
            let contrast = opens || before & (role::AND | role::BUT) != 0 && (before & role::STOP == 0 || behind);
            return match () {
                () if roles & role::ASIDE != 0 => Denial::Instead,
                () if related && contrast => Denial::Instead,
                () if related => Denial::InsteadBehind,
                // "it is not 48213", not "please not 48213 delete", which is said in German.
                () if contrast || before & role::FILL != 0 => Denial::Yes,
                () => Denial::Instead,
            };
        }
        related |= roles & role::RELATION != 0;
        if roles & role::BUT != 0 && roles & role::FILL == 0 || roles & passing == 0 {
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
    let mut apart = false;
    for at in last + 1..last + 6 {
        let Some(token) = words.tokens.get(at) else { return Denial::No };
        if token.gap & gap::CLAUSE != 0 {
            return Denial::No;
        }
        for (says, _) in words.phrases_at(at) {
            match says {
                Says::DeniedBefore => return Denial::Yes,
                Says::AsideBefore | Says::Settled if !doubted(words, at) => return Denial::Instead,
                _ => {}
            }
        }
        // "48231, the 48213 is not meant": what follows is said of the other.
        if affirmed && token.has_digit {
            return Denial::No;
        }
        apart |= token.gap & gap::COMMA != 0 && token.roles & (role::FILL | role::OWN) != 0 && !token.has_digit;
        if apart && token.has_digit {
            return Denial::No;
        }
        let passing = role::FILL | role::CAMPAIGN | role::CAMPAIGNS | role::AND | role::OWN;
        // "la 48213, qui marche bien"
        let relative = at == last + 1 && token.roles & (role::STOP | role::BUT | role::DENY) == role::STOP;
        if token.roles & passing == 0 && !token.has_digit && token.word == NO_WORD && !relative {
            return if settled_behind(words, at) { Denial::Instead } else { Denial::No };
        }
    }
    Denial::No
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
            if id.weight <= 0.0 || !(behind || id.denial == Denial::Instead) {
                continue;
            }
            let counts = |zone: usize, first: usize| !behind || zone == at && first > id.tokens.1;
            let other_id = match behind {
                true => another(id, from_behind(at, id.tokens.1)).is_some_and(|next| meant[next].0 == at),
                false => another(id, 0).is_some(),
            };
            let other_name =
                named.iter().any(|(zone, mention)| counts(*zone, mention.tokens.0) && !holds(mention, id.row));
            if other_id || other_name {
                ids_down.push((at, index));
            }
        }
    }
    let mut names_down: Vec<usize> = vec![];
    for (index, mention) in mentions.iter().enumerate() {
        let behind = mention.denial == Denial::InsteadBehind;
        if !(behind || mention.denial == Denial::Instead) {
            continue;
        }
        let counts = |zone: usize, first: usize| !behind || zone == mention.zone && first > mention.tokens.1;
        let other_id = match behind {
            true => behind_of(mention.zone, mention.tokens.1).any(|(_, other)| !holds(mention, other.row)),
            false => meant.iter().any(|(_, other)| !holds(mention, other.row)),
        };
        let apart = |other: &Mention| other.rows.iter().all(|(row, _)| !holds(mention, Some(*row)));
        let other_name = named.iter().any(|(zone, other)| counts(*zone, other.tokens.0) && apart(other));
        if other_id || other_name {
            names_down.push(index);
        }
    }
    for (at, index) in ids_down {
        turn_down(&mut zones[at].ids[index], Denial::Yes);
    }
    for index in names_down {
        mentions[index].denial = Denial::Yes;
    }
}

/// Siblings that the text turns down: "not the West one", "2024 and 2025 are not what I mean".
pub(super) struct Exclusions<'a, 'z> {
    pub(super) zones: &'a [Found<'z>],
    pub(super) directory: &'a Directory,
}

impl Exclusions<'_, '_> {
    pub(super) fn narrow(&self, mention: &Mention) -> Group {
        let rows = &mention.rows;
        if rows.len() < 2 || rows.len() > CANDIDATES {
            return rows.clone();
        }
        let names = &self.directory.names;
        // Words that some of the candidates have and others not; only a text that denies anything needs them.
        let mut apart: Option<Vec<u32>> = None;
        let mut left: Group = rows.clone();
        for found in self.zones.iter().filter(|found| found.decides && denies_anything(&found.zone.words)) {
            let apart = apart.get_or_insert_with(|| telling_apart(rows, names));
            for (at, token) in found.zone.words.tokens.iter().enumerate() {
                if token.word != NO_WORD && apart.binary_search(&token.word).is_ok() && excluded(&found.zone.words, at)
                {
                    left.retain(|(row, _)| !names.entry(*row).contains(&token.word));
                }
            }
        }
        if left.len() > 1 && left.len() < rows.len() {
            self.narrow_to_meant(apart.as_deref().unwrap_or_default(), &mut left);
        }
        if left.is_empty() { rows.clone() } else { left }
    }

    /// "not the Maths one but Physics": what is offered instead is among those that are left.
    fn narrow_to_meant(&self, apart: &[u32], left: &mut Group) {
        let names = &self.directory.names;
        for found in self.zones.iter().filter(|found| found.decides) {
            let tokens = &found.zone.words.tokens;
            for (at, token) in tokens.iter().enumerate().filter(|(_, token)| apart.binary_search(&token.word).is_ok()) {
                let passes = |before: &&Token| before.roles & (role::FILL | role::OWN | role::STOP) != 0;
                let mut before = tokens[at.saturating_sub(3)..at].iter().rev();
                let but = |before: &Token| before.roles & role::BUT != 0 && before.roles & role::FILL == 0;
                let offered = token.gap & (gap::END | gap::PARAGRAPH) == 0
                    && before.by_ref().take_while(|token| but(token) || passes(token)).any(but);
                let has = |row: u32| names.entry(row).contains(&token.word);
                if offered && left.iter().any(|(row, _)| has(*row)) {
                    left.retain(|(row, _)| has(*row));
                }
            }
        }
    }
}

fn denies_anything(words: &Words<'_>) -> bool {
    let said = |says: Says| matches!(says, Says::DeniedAfter | Says::DeniedBefore);
    words.said.iter().any(|phrase| said(phrase.says)) || words.tokens.iter().any(|token| token.roles & role::DENY != 0)
}

/// The words that some of these campaigns' names have and others not, sorted.
fn telling_apart(rows: &[(u32, f64)], names: &Names) -> Vec<u32> {
    let mut words: Vec<u32> = vec![];
    for (row, _) in rows {
        let name = names.entry(*row);
        words.extend(name.iter().enumerate().filter(|(at, word)| !name[..*at].contains(word)).map(|(_, word)| word));
    }
    words.sort_unstable();
    let runs = words.chunk_by(|a, b| a == b);
    runs.filter(|run| run.len() < rows.len()).map(|run| run[0]).collect()
}

/// Whether the word at this token is what a denial is about.
fn excluded(words: &Words<'_>, at: usize) -> bool {
    let tokens = &words.tokens;
    let ends = gap::CLAUSE;
    let mut before = at;
    for _ in 0..5 {
        if before == 0 || tokens[before].gap & (ends | gap::COMMA | gap::CLOSE) != 0 {
            break;
        }
        before -= 1;
        let roles = tokens[before].roles;
        let phrase = (0..4).any(|back| {
            before.checked_sub(back).is_some_and(|start| {
                words.phrases_at(start).any(|(says, end)| says == Says::DeniedAfter && end == before + 1)
            })
        });
        if roles & role::DENY != 0 || phrase {
            return true;
        }
        if roles & role::BUT != 0 && roles & role::FILL == 0 {
            break;
        }
        let passes = roles & (role::FILL | role::OWN | role::AND | role::CAMPAIGN | role::STOP | role::NUMBER) != 0;
        if !passes && tokens[before].word == NO_WORD {
            break;
        }
    }
    for behind in at + 1..at + 8 {
        let Some(token) = tokens.get(behind) else { return false };
        if token.gap & ends != 0 {
            return false;
        }
        if words.phrases_at(behind).any(|(says, _)| says == Says::DeniedBefore) {
            return true;
        }
        let passes =
            token.roles & (role::FILL | role::OWN | role::AND | role::CAMPAIGN | role::CAMPAIGNS | role::STOP) != 0;
        if !passes && token.word == NO_WORD {
            return false;
        }
    }
    false
}
