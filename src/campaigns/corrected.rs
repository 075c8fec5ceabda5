//! What the text corrects: "48213, sorry, I meant 48231", "the dogs one, I mean the cats one".
//!
//! What is corrected is turned down as what is denied is; a correction reaches no further than its paragraph.

use super::Directory;
use super::contrast::vouched;
use super::denial::{Denial, affirmed, turn_down};
use super::fold::{NO_WORD, Token, Words};
use super::gap;
use super::hints::{Says, role};
use super::named::Mention;
use super::stated::{Finder, Stated};
use super::verdict::Found;

/// Words between what is mixed up and what is meant.
const REACH: usize = 12;
/// Words from a sentence that takes something back to what is meant instead.
const RETRACTION: usize = 30;
/// Look-alikes that a corrected name is looked for in.
const LOOK_ALIKES: usize = 200;

impl Finder<'_, '_> {
    /// Turns down the IDs that the text corrects.
    pub(super) fn correct(&self, found: &mut [Stated]) {
        for at in 1..found.len() {
            if found[at - 1].weight > 0.0 && found[at].weight > 0.0 && self.corrects(&found[at - 1], &found[at]) {
                turn_down(&mut found[at - 1], Denial::Yes);
                found[at].denial = Denial::No;
            }
            // "I mixed up 48213 and 48231. I meant 48231."
            let (earlier, [meant, ..]) = found.split_at_mut(at) else { return };
            let earlier = &mut earlier[at.saturating_sub(REACH)..];
            let first = meant.tokens.0;
            if let Some(wrong) = earlier
                .last_mut()
                .filter(|id| {
                    let wrong = id.tokens.1;
                    meant.weight > 0.0
                        && (self.opens_correction(meant.tokens)
                            || self.retracted(wrong, first)
                            || self.stopped_short(wrong, first))
                })
                .filter(|id| id.compact != meant.compact)
            {
                turn_down(wrong, Denial::Yes);
                continue;
            }
            if meant.weight <= 0.0 || !affirmed(self.words, first) {
                continue;
            }
            if earlier.iter().any(|id| id.compact == meant.compact && first - id.tokens.1 <= REACH) {
                let near = |id: &&mut Stated| {
                    first - id.tokens.1 <= REACH
                        && self.words.tokens[id.tokens.1 + 1..=first]
                            .iter()
                            .all(|token| token.gap & gap::PARAGRAPH == 0)
                };
                let mixed = earlier.iter_mut().filter(|id| id.compact != meant.compact);
                mixed.filter(near).for_each(|id| turn_down(id, Denial::Yes));
            }
        }
    }

    /// "Sorry, typo: 48231", "Correction: campaign 48231": a sentence that begins so corrects what was said before it.
    fn opens_correction(&self, (first, last): (usize, usize)) -> bool {
        let tokens = &self.words.tokens;
        let passing = role::FILL | role::OWN | role::CAMPAIGN | role::IDENTIFIER | role::NUMBER;
        let begins = |at: usize| at > 0 && tokens[at].gap & (gap::END | gap::QUERY | gap::LINE | gap::PARAGRAPH) != 0;
        let Some(start) = (first.saturating_sub(REACH)..first).rev().find(|at| begins(*at)) else { return false };
        let (mut at, mut words) = (start, 0);
        while let Some((_, end)) = self.words.phrases_at(at).find(|(says, _)| *says == Says::Corrected) {
            words += end - at;
            at = end;
        }
        // "Ay, no, que es la 48231."
        let exclaimed =
            words == 0 && tokens[start].end - tokens[start].start <= 3 && tokens[start + 1].gap & gap::COMMA != 0;
        let no = if exclaimed { start + 1 } else { start };
        if self.nothing_but(no, first, last) {
            return true;
        }
        let marked = tokens.get(at).is_some_and(|token| token.gap & gap::COLON != 0);
        // "Nonsense, 48231 I mean"
        let behind = |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Corrected && end >= at + 2);
        let marked = marked || behind(last + 1);
        at <= first && (words >= 2 || words == 1 && marked) && (at..first).all(|at| tokens[at].roles & passing != 0)
    }

    /// "Sorry, brain fog: 48231.", "Nein, Blödsinn, in 48231!", "Actually hang on, wrong glasses: 48231.": a sentence of an apology,
    /// a halt or a "no", some words, a pause and the ID, none of which tells of one more.
    fn nothing_but(&self, start: usize, first: usize, last: usize) -> bool {
        const SOME: usize = 8;
        const PAUSE: u32 = gap::COMMA | gap::COLON | gap::HYPHEN;
        let tokens = &self.words.tokens;
        let light = role::UP_TO_ID | role::STOP | role::RELATION;
        let opens = |at: usize| {
            let mut said = self.words.phrases_at(at);
            let found = said.find(|(says, end)| matches!(says, Says::Corrected | Says::Halt) && *end <= first);
            found.map(|(_, end)| end).filter(|end| tokens[*end].gap & PAUSE != 0)
        };
        let Some(end) = opens(start).or_else(|| opens(start + 1)).filter(|_| self.ends_behind(last)) else {
            return false;
        };
        let Some(pause) = (end..=first).rev().find(|at| tokens[*at].gap & PAUSE != 0) else { return false };
        pause - end <= SOME
            && (pause..first).all(|at| tokens[at].roles & light != 0)
            && !tokens[start..first].iter().any(|token| token.has_digit)
            && tokens[start + 1..=first].iter().all(|token| token.gap & gap::PARAGRAPH == 0)
            && !self.words.says_within(start, last + 2, Says::Adds)
            && !self.words.says_within(start, last + 2, Says::Likewise)
    }

    /// Whether a sentence ends behind this token, or behind one word more: "48231, of course".
    fn ends_behind(&self, last: usize) -> bool {
        let ends = |at: usize| at + 1 >= self.words.tokens.len() || self.words.gap_after(at) & gap::CLAUSE != 0;
        ends(last) || self.words.gap_after(last) & gap::SPACE != 0 && ends(last + 1)
    }

    /// "Actually no, scratch that, I was in the wrong row. It is 48231": between the two a sentence begins that takes back what
    /// was said.
    fn retracted(&self, wrong: usize, first: usize) -> bool {
        let tokens = &self.words.tokens;
        let begins = |at: usize| tokens[at].gap & (gap::END | gap::LINE | gap::PARAGRAPH) != 0;
        let starts = (first.saturating_sub(RETRACTION).max(wrong + 1)..first).filter(|at| begins(*at));
        let passing = role::STOP | role::FILL | role::AND | role::BUT | role::POLAR;
        starts.into_iter().any(|start| {
            let (mut at, mut taken_back) = (start, false);
            while at < first && (at == start || !begins(at)) {
                match self.words.phrases_at(at).find(|(says, _)| *says == Says::Corrected) {
                    Some((_, end)) => {
                        // One word is an apology: "Sorry, I forgot the report of 48213".
                        let whole =
                            self.words.gap_after(end - 1) & (gap::CLAUSE | gap::COMMA | gap::COLON | gap::HYPHEN) != 0;
                        taken_back |= end >= at + 2 && (whole || self.took_another(end, first));
                        at = end;
                    }
                    None if tokens[at].roles & passing != 0 || at == start => at += 1,
                    None => break,
                }
            }
            let paragraph = |at: usize| at > start && tokens[at].gap & gap::PARAGRAPH != 0;
            // "Silly me, I forgot one. Pause 48231 too."
            let one_more = || self.words.says_within(start, first, Says::Adds);
            taken_back && !(start..=first).any(paragraph) && !one_more()
        })
    }

    /// "Me equivoqué de línea en mi Excel: es la 48231": from here it is told in what somebody was mistaken, and behind a pause
    /// nothing but which is meant.
    fn took_another(&self, from: usize, first: usize) -> bool {
        const COMPLEMENT: usize = 8;
        const PAUSE: u32 = gap::CLAUSE | gap::COMMA | gap::COLON | gap::HYPHEN;
        let tokens = &self.words.tokens;
        let related = tokens.get(from).is_some_and(|token| token.roles & role::RELATION != 0);
        let pauses = |at: &usize| tokens[*at].gap & PAUSE != 0;
        let Some(pause) = (from..first + 1).take(COMPLEMENT).find(pauses).filter(|_| related) else { return false };
        let light = role::STOP | role::UP_TO_ID;
        !tokens[from..pause].iter().any(|token| token.has_digit)
            && (pause..first).all(|at| tokens[at].roles & light != 0 && (at == pause || !pauses(&at)))
            && !self.words.says_within(pause, first, Says::Likewise)
    }

    /// "Hang on, I am reading off the wrong tab. It is 48231": between the two somebody stops short, or apologises, and calls
    /// something wrong; what follows says nothing but which is meant.
    fn stopped_short(&self, wrong: usize, first: usize) -> bool {
        let tokens = &self.words.tokens;
        let within = first.saturating_sub(RETRACTION).max(wrong + 1)..first;
        let opens = |at: usize| {
            // "Ugh, hang on": after an exclamation.
            let begins = |at: usize| tokens[at].gap & (gap::END | gap::LINE | gap::PARAGRAPH | gap::HYPHEN) != 0;
            let exclaimed = || tokens[at].gap & gap::COMMA != 0 || tokens[at - 1].end - tokens[at - 1].start <= 3;
            let begun = begins(at) || begins(at - 1) && exclaimed();
            begun && self.words.phrases_at(at).any(|(says, _)| matches!(says, Says::Halt | Says::Corrected))
        };
        let Some(halt) = within.clone().find(|at| opens(*at)) else { return false };
        let parts = gap::CLAUSE | gap::COMMA | gap::COLON | gap::HYPHEN;
        let Some(meant) = (halt + 1..=first).rev().find(|at| tokens[*at].gap & parts != 0) else { return false };
        let passing = role::STOP | role::FILL | role::UP_TO_ID;
        // "it is also in 48231" says of one more.
        let passes = |at: usize| {
            let roles = tokens[at].roles;
            roles & passing != 0 && (roles & role::INSIDE == 0 || self.words.word(at) == "a")
        };
        // "Sorry, wrong number: I mean 48231"
        let means = |at: usize| {
            let mut said = self.words.phrases_at(at);
            said.any(|(says, end)| says == Says::Corrected && end >= at + 2 && end == first)
        };
        let stated = (meant..first).find(|at| means(*at)).unwrap_or(first);
        // "Correction before I send this: not that one, it is 48231"
        let taken_back =
            |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Corrected && end >= at + 2);
        // "I've just checked, 4533 ended weeks ago"
        let other = |token: &Token| token.has_digit && token.hash != tokens[wrong].hash;
        (self.words.says_within(halt, meant, Says::Wrong) || (halt + 1..meant).any(taken_back))
            && (meant..stated).all(passes)
            && !tokens[halt..first].iter().any(other)
            && !self.words.says_within(meant, first + 4, Says::Likewise)
            && tokens[halt + 1..=first].iter().all(|token| token.gap & gap::PARAGRAPH == 0)
    }

    /// "Wrong ID in my last mail (48213). The campaign is 48231.": what is called wrong, with another behind it.
    pub(super) fn called_wrong(&self, found: &mut [Stated]) {
        for at in 0..found.len().saturating_sub(1) {
            let first = found[at].tokens.0;
            let other = at.checked_sub(1).is_none_or(|before| found[before].compact == found[at].compact);
            if other
                && found[at].compact != found[at + 1].compact
                && found[at + 1].weight > 0.0
                && self.after_wrong(first)
            {
                turn_down(&mut found[at], Denial::Yes);
            }
        }
    }

    /// Whether a noun of the same clause before this token is called wrong: "the wrong number (48213)", "the wrong ID, 48213".
    fn after_wrong(&self, first: usize) -> bool {
        let tokens = &self.words.tokens;
        let from = first.saturating_sub(9);
        let begins = |at: &usize| tokens[*at].gap & (gap::CLAUSE | gap::LINE | gap::COLON) != 0;
        let from = (from..=first).rev().find(begins).unwrap_or(from);
        let noun = |at: usize| {
            let said = self.words.phrases_at(at).find(|(says, _)| *says == Says::Wrong);
            let noun = role::IDENTIFIER | role::NUMBER | role::LABEL | role::CAMPAIGN;
            let near =
                |at: Option<usize>| at.and_then(|at| tokens.get(at)).is_some_and(|token| token.roles & noun != 0);
            said.is_some_and(|(_, end)| near(Some(end)) || near(at.checked_sub(1)))
        };
        // "the wrong number, it is 48231" says which is right.
        let copula = |token: &Token| token.gap & (gap::COMMA | gap::HYPHEN) != 0 && token.roles & role::IDENTIFIER == 0;
        (from..first).any(noun) && !tokens[from + 1..first].iter().any(copula)
    }

    /// "48213 -> 48231, I typed the wrong one": some words behind these it is said that they correct.
    fn said_behind(&self, last: usize) -> bool {
        let near = self.words.tokens.iter().enumerate().skip(last + 1).take(8);
        near.take_while(|(_, token)| token.gap & gap::PARAGRAPH == 0)
            .any(|(at, _)| self.words.phrases_at(at).any(|(says, end)| says == Says::Corrected && end > at + 1))
    }

    /// "48213, sorry, I meant 48231", "48213 → 48231 (correction)".
    fn corrects(&self, wrong: &Stated, right: &Stated) -> bool {
        let words = self.words;
        let says = |at: usize| words.phrases_at(at).find(|(says, _)| *says == Says::Corrected).map(|(_, end)| end);
        let (from, to) = (wrong.tokens.1 + 1, right.tokens.0);
        if from == to {
            let arrow = words.tokens[to].gap & (gap::OTHER | gap::HYPHEN | gap::EQUALS) != 0;
            let ahead = wrong.tokens.0.checked_sub(1).is_some_and(|at| says(at).is_some());
            return arrow && (ahead || says(right.tokens.1 + 1).is_some() || self.said_behind(right.tokens.1));
        }
        if self.apologised(from, to, right.tokens.1)
            || right.compact.len() == wrong.compact.len() && self.broke_off(from, to)
        {
            return true;
        }
        // "I said 48213 on the phone this morning, I should have said 48231"
        let stands = |at: usize| says(at).is_some_and(|end| end == to && end >= at + 4);
        let unbroken =
            |at: usize| words.tokens[at].gap & gap::CLAUSE == 0 && (at == from || !words.tokens[at - 1].has_digit);
        if to - from <= RETRACTION && (from..to).any(stands) && (from..=to).all(unbroken) {
            return true;
        }
        if to - from > 8 || (from + 1..=to).any(|at| words.tokens[at].gap & gap::PARAGRAPH != 0) {
            return false;
        }
        let passing = role::UP_TO_ID | role::BUT | role::AND | role::STOP;
        // "I typed 48213 in the form but it should have been 48231", "I had written 48213, meant was 48231": so plain that
        // other words may stand before it.
        let clause = |at: usize| words.tokens[at].gap & (gap::COMMA | gap::SEMICOLON | gap::HYPHEN | gap::OTHER) != 0;
        let plain = |at: usize| says(at).is_some_and(|end| end == to && end >= at + if clause(at) { 2 } else { 3 });
        let numbered = (from..to).any(|at| words.tokens[at].has_digit);
        if !numbered && (from..to).any(plain) && words.tokens[from..=to].iter().all(|token| token.gap & gap::END == 0) {
            return true;
        }
        // "About 48213, it was 48231 that I meant"
        let light = |at: usize| words.tokens[at].roles & (passing | role::IS) != 0;
        let mut behind = words.phrases_at(right.tokens.1 + 1);
        let meant = behind.any(|(says, end)| says == Says::Corrected && end >= right.tokens.1 + 4);
        if meant && words.tokens[from].gap & (gap::COMMA | gap::END) != 0 && (from..to).all(light) {
            return true;
        }
        let (mut at, mut said) = (from, false);
        while at < to {
            // "no" alone corrects only with a pause behind it: in Spanish "60471, no 60417" is a denial.
            let pause = |end: usize| {
                let gap = words.tokens[end].gap;
                end > at + 1
                    || says(end).is_some()
                    || words.word(at).len() > 4
                    || gap & (gap::COMMA | gap::OTHER | gap::HYPHEN) != 0
            };
            // "48213 should be like that of 48231" corrects nothing.
            let passing =
                if said { passing & !(role::STOP | role::AND) | role::RELATION | role::POLAR } else { passing };
            if let Some(end) = says(at).filter(|end| *end <= to && pause(*end)) {
                (at, said) = (end, true);
            } else if words.tokens[at].roles & passing != 0 {
                at += 1;
            } else {
                return false;
            }
        }
        said
    }
}

impl Finder<'_, '_> {
    /// "campaign 48213 is - no, let me look again - 48231": somebody breaks off with a "no" between two pauses.
    fn broke_off(&self, from: usize, to: usize) -> bool {
        const BEGUN: usize = 3;
        const LOOKS: usize = 10;
        let tokens = &self.words.tokens;
        let pauses = |at: usize| {
            let token = &tokens[at];
            let trails_off = token.gap & gap::DOT != 0 && token.gap_chars >= 3 || token.gap & gap::OTHER != 0;
            token.gap & (gap::COMMA | gap::HYPHEN | gap::OPEN | gap::CLOSE) != 0 || trails_off
        };
        let ends = |at: usize| tokens[at].gap & gap::CLAUSE != 0 && !pauses(at);
        // "48213... oups non, je confonds toujours, c'est la 48231"
        let exclaimed = |at: usize| at > from && pauses(at - 1) && tokens[at - 1].end - tokens[at - 1].start <= 5;
        let no = |at: &usize| {
            let corrects = self.words.phrases_at(*at).any(|(says, _)| says == Says::Corrected);
            let begins = pauses(*at) || exclaimed(*at);
            corrects && tokens[*at].roles & (role::POLAR | role::DENY) != 0 && begins && pauses(at + 1)
        };
        let Some(no) = (from..to.min(from + BEGUN)).find(no).filter(|no| to - no <= LOOKS) else { return false };
        let Some(last) = (no + 1..=to).rev().find(|at| pauses(*at)) else { return false };
        let light = role::STOP | role::UP_TO_ID;
        !(from..=to).any(ends)
            && !(from..to).any(|at| tokens[at].has_digit)
            && (last..to).all(|at| tokens[at].roles & light != 0)
            && !self.words.says_within(last, to + 3, Says::Likewise)
    }

    /// "of 48213, I beg your pardon, I was in the wrong line, of 48231": taken back between two commas of one sentence. One word
    /// does so where the other is said to be right: "48213, sorry, as I see on the poster: 48231 is the right one".
    fn apologised(&self, from: usize, to: usize, last: usize) -> bool {
        let tokens = &self.words.tokens;
        let pauses = gap::COMMA | gap::COLON | gap::HYPHEN | gap::OPEN | gap::CLOSE;
        let within = to - from <= RETRACTION && !tokens[from..=to].iter().any(|token| token.gap & gap::CLAUSE != 0);
        let Some(pause) = (from + 1..=to).rev().find(|at| tokens[*at].gap & pauses != 0).filter(|_| within) else {
            return false;
        };
        let passing = role::UP_TO_ID | role::RELATION | role::BUT | role::STOP;
        let right = || {
            let is = tokens.get(last + 1).is_some_and(|next| next.roles & role::IS != 0);
            let mut behind = self.words.phrases_at(last + 1);
            is && vouched(self.words, last) || behind.any(|(says, end)| says == Says::Corrected && end >= last + 3)
        };
        let taken_back = |at: usize| {
            let mut said = self.words.phrases_at(at);
            said.any(|(says, end)| {
                // "sorry, the wrong line of my sheet: it is 48231"
                let whole = self.words.gap_after(end - 1) & pauses != 0 || self.took_another(end, to);
                // "the link in 48213 is dead, nonsense, 48231 of course"
                let alone = || end == pause && self.ends_behind(last) && tokens[at - 1].roles & role::AND == 0;
                let added =
                    || [Says::Adds, Says::Likewise].iter().any(|says| self.words.says_within(at, last + 2, *says));
                says == Says::Corrected
                    && whole
                    && (end >= at + 2 || tokens[at].roles & role::POLAR == 0 && (right() || alone() && !added()))
            })
        };
        (pause..to).all(|at| tokens[at].roles & passing != 0)
            && !(from..to).any(|at| tokens[at].has_digit)
            && (from..pause).any(|at| tokens[at].gap & pauses != 0 && taken_back(at))
    }
}

/// "Pet Insurance Dogs, sorry, I meant Cats", "not Pet Insurance Dogs but the cats one": the look-alike that has the word of the
/// correction takes the place of the name.
pub(super) fn correct_names(
    zones: &[Found<'_>],
    mentions: &mut [Mention],
    directory: &Directory,
    sees: &dyn Fn(u32) -> bool,
) {
    for mention in mentions {
        let words = &zones[mention.zone].zone.words;
        // "Kite Week North - no, sorry, South!" names both, and takes one of them back.
        if let Some(word) = corrected_within(words, mention.tokens).filter(|_| mention.rows.len() > 1) {
            let meant = |(row, _): &(u32, f64)| directory.names.entry(*row).contains(&word);
            if mention.rows.iter().any(meant) {
                mention.rows.retain(meant);
            }
        }
        let Some((row, score)) = mention.rows.first().copied() else { continue };
        let corrected = corrected_word(words, mention.tokens.1).filter(|_| mention.rows.len() == 1);
        let denied = mention.denial != Denial::No;
        let offered =
            corrected.into_iter().chain(denied.then(|| offered_words(words, mention.tokens)).into_iter().flatten());
        for word in offered {
            let has = |row: u32| directory.names.entry(row).contains(&word);
            if mention.rows.iter().all(|(row, _)| has(*row)) {
                continue;
            }
            let others = directory.similar.others(row).take(LOOK_ALIKES);
            let all = mention.rows.iter().map(|(row, _)| *row).chain(others.filter(|row| sees(*row)));
            let mut meant: Vec<(u32, f64)> = all.filter(|row| has(*row)).map(|row| (row, score)).collect();
            meant.sort_by_key(|(row, _)| *row);
            meant.dedup_by_key(|(row, _)| *row);
            if !meant.is_empty() {
                (mention.rows, mention.denial) = (meant, Denial::No);
                break;
            }
        }
    }
}

/// "Please stop Kite Week North. Sorry, I meant Kite Week South": what was named before is replaced.
pub(super) fn replace_names(zones: &[Found<'_>], mentions: &mut [Mention]) {
    let meant = |mention: &Mention| {
        let (words, first) = (&zones[mention.zone].zone.words, mention.tokens.0);
        let passes = |at: usize| words.tokens[at].roles & (role::OWN | role::FILL) != 0;
        (first.saturating_sub(5)..first).any(|start| {
            words.phrases_at(start).any(|(says, end)| {
                says == Says::Corrected && end >= start + 2 && (end == first || end + 1 == first && passes(end))
            })
        })
    };
    for right in 0..mentions.len() {
        if mentions[right].denial != Denial::No || !meant(&mentions[right]) {
            continue;
        }
        let (zone, first, rows) = (mentions[right].zone, mentions[right].tokens.0, mentions[right].rows.clone());
        let apart = |mention: &Mention| mention.rows.iter().all(|(row, _)| rows.iter().all(|(other, _)| row != other));
        let before = |mention: &&mut Mention| mention.zone == zone && mention.tokens.1 < first && apart(mention);
        for wrong in mentions.iter_mut().filter(before).filter(|mention| mention.denial == Denial::No) {
            wrong.denial = Denial::Replaced;
        }
    }
}

/// The words of some names that stand where a text offers something instead of the name that it turns down.
fn offered_words(words: &Words<'_>, (first, last): (usize, usize)) -> Vec<u32> {
    let tokens = &words.tokens;
    let passing = role::FILL | role::OWN | role::STOP | role::RELATION | role::BUT | role::POLAR | role::CAMPAIGN;
    let light = |at: usize| {
        tokens[at].roles & passing != 0 && tokens[at].roles & (role::REGION | role::PLACE) == 0
            || tokens[at].word == NO_WORD
    };
    let but = |at: usize| tokens[at].roles & role::BUT != 0;
    let parts = |at: usize| tokens[at].gap & (gap::COMMA | gap::END) != 0;
    let mut offered = vec![];
    // "not Kite Week North but the South one", "not Kite Week North, it is South"
    let end = tokens.len().min(last + 7);
    let sentence = |at: &usize| tokens[*at].gap & (gap::PARAGRAPH | gap::QUERY | gap::SEMICOLON) == 0;
    if let Some(from) = (first + 1..end).take_while(sentence).find(|at| but(*at) || parts(*at)) {
        let near = (from..tokens.len().min(from + 7)).take_while(|at| *at == from || !parts(*at));
        offered.extend(near.filter(|at| !light(*at)).map(|at| tokens[at].word));
    }
    // "I mean the South one, not Kite Week North"
    let denies = |at: &usize| tokens[*at].roles & role::DENY != 0 && parts(*at);
    if let Some(to) = (first.saturating_sub(5)..first).rev().find(denies) {
        let before = (to.saturating_sub(8)..to).rev();
        let clause = before.take_while(|at| *at + 1 == to || tokens[*at + 1].gap & gap::CLAUSE == 0);
        offered.extend(clause.filter(|at| !light(*at)).map(|at| tokens[at].word));
    }
    offered
}

/// The word of some name that a correction between these tokens says.
fn corrected_within(words: &Words<'_>, (first, last): (usize, usize)) -> Option<u32> {
    let corrected = |at: usize| words.phrases_at(at).find(|(says, _)| *says == Says::Corrected);
    let paused = |at: &usize| words.tokens[*at].gap & (gap::COMMA | gap::HYPHEN | gap::OPEN | gap::OTHER) != 0;
    let (_, end) = (first + 1..last).filter(paused).find_map(corrected)?;
    words.tokens.get(end..=last)?.iter().map(|token| token.word).find(|word| *word != NO_WORD)
}

/// The word of some name that a correction close behind this token says.
fn corrected_word(words: &Words<'_>, last: usize) -> Option<u32> {
    let reach = words.tokens.len().min(last + 6);
    let near = (last + 1..reach).take_while(|at| words.tokens[*at].gap & (gap::END | gap::PARAGRAPH) == 0);
    let end = near.filter_map(|at| words.phrases_at(at).find(|(says, _)| *says == Says::Corrected)).last()?.1;
    let passing = role::FILL | role::OWN | role::STOP | role::CAMPAIGN;
    let mut behind = words.tokens.iter().skip(end).take(3);
    let meant = behind.find(|token| token.word != NO_WORD || token.roles & passing == 0)?;
    (meant.word != NO_WORD && meant.gap & (gap::END | gap::PARAGRAPH) == 0).then_some(meant.word)
}
