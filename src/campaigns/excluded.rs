//! Siblings that the text turns down by the words that tell them apart: "not the West one".
//!
//! Narrows what a name may mean; of IDs, and of names said in full, [`super::denial`] decides.

use super::Directory;
use super::fold::{NO_WORD, Token, Words};
use super::gap;
use super::hints::{Hints, Says, role};
use super::named::Mention;
use super::names::Names;
use super::verdict::{CANDIDATES, Found, Group};

/// Words of a zone in which the rest of a name is looked for.
const REST: usize = 1_000;

/// Between two of which either may be meant.
pub(super) const OR: [&str; 3] = ["or", "oder", "ou"];

/// Siblings that the text turns down: "not the West one", "2024 and 2025 are not what I mean".
pub(super) struct Exclusions<'a, 'z> {
    pub(super) zones: &'a [Found<'z>],
    pub(super) directory: &'a Directory,
    pub(super) hints: &'a Hints,
}

impl Exclusions<'_, '_> {
    pub(super) fn narrow(&self, mention: &Mention) -> Group {
        let rows = &mention.rows;
        if let [(row, score)] = rows[..] {
            return self.with_alternatives(row, score);
        }
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
        if left.is_empty() {
            left = rows.clone();
        }
        if left.len() > 1 {
            self.narrow_to_pointed(&mut left);
        }
        if left.len() > 1 {
            self.narrow_to_completed(mention, &mut left);
        }
        left
    }

    /// "Sunday Saver, the original or the 2025 one": the campaign of this row with the look-alikes whose telling word is said to
    /// be as likely.
    fn with_alternatives(&self, row: u32, score: f64) -> Group {
        const NEAR: usize = 4;
        let names = &self.directory.names;
        let mut group = vec![(row, score)];
        let mut others = self.directory.similar.others(row).take(CANDIDATES).peekable();
        if others.peek().is_none() {
            return group;
        }
        let mut offered: Vec<u32> = vec![];
        for found in self.zones.iter().filter(|found| found.decides) {
            let (words, language) = (&found.zone.words, found.zone.language);
            let or = |at: &usize| {
                let word = words.word(*at);
                OR.contains(&word) || matches!(word, "o" | "u") && language == Some("es")
            };
            for at in (0..words.tokens.len().min(REST)).filter(or) {
                let light = role::OWN | role::STOP | role::FILL | role::RELATION;
                let near = at + 1..words.tokens.len().min(at + 1 + NEAR);
                let mut near = near.take_while(|at| words.tokens[*at].gap & (gap::CLAUSE | gap::COMMA) == 0);
                let said = near.find(|at| words.tokens[*at].roles & light == 0 || words.tokens[*at].digits);
                offered.extend(said.map(|at| words.tokens[at].word).filter(|word| *word != NO_WORD));
            }
        }
        offered.retain(|word| !names.entry(row).contains(word));
        if !offered.is_empty() {
            let has = |other: &u32| offered.iter().any(|word| names.entry(*other).contains(word));
            group.extend(others.filter(has).map(|other| (other, score)));
        }
        group
    }

    /// "Jazz Camp" in the subject, "It is Week 2", "it is about 2026" or "the autumn one" below: elsewhere the rest of one name
    /// stands as it stands in the name, or what tells it apart behind "about" or before a pronoun.
    fn narrow_to_completed(&self, mention: &Mention, left: &mut Group) {
        let names = &self.directory.names;
        let apart = telling_apart(left, names);
        let mut completed: Vec<u32> = vec![];
        for (zone, found) in self.zones.iter().enumerate().filter(|(_, found)| found.decides) {
            let words = &found.zone.words;
            let tokens = &words.tokens;
            let said = |at: usize| zone == mention.zone && (mention.tokens.0..=mention.tokens.1).contains(&at);
            let telling = |at: &usize| apart.binary_search(&tokens[*at].word).is_ok() && !said(*at);
            let other = |at: &usize| !excluded(words, *at) && at.checked_sub(1).is_none_or(|before| !said(before));
            for at in (0..tokens.len().min(REST)).filter(telling).filter(other) {
                let before = at.checked_sub(1).map(|before| &tokens[before]);
                let pair = [before.map_or(NO_WORD, |before| before.word), tokens[at].word];
                let joined = matches!(tokens[at].gap, gap::SPACE | gap::HYPHEN) && !pair.contains(&NO_WORD);
                let pronoun = before.is_some_and(|before| before.roles & role::OWN != 0)
                    && tokens.get(at + 1).is_some_and(|next| next.gap == gap::SPACE)
                    && words.phrases_at(at + 1).any(|(says, _)| says == Says::Pronoun)
                    && !words.says_within(at + 2, at + 5, Says::Untouched)
                    && !words.says_within(at + 2, at + 5, Says::AsideBefore);
                // "It is about 2026"
                let about = || {
                    let spoken =
                        |start: usize| words.phrases_at(start).any(|(says, end)| says == Says::About && end == at);
                    tokens[at].gap == gap::SPACE && (at.saturating_sub(4)..at).any(spoken)
                };
                let ends = words.gap_after(at) & gap::CLAUSE != 0 || at + 1 == tokens.len();
                let pointed = pronoun || (tokens[at].digits || ends) && about() || heads(words, at);
                let has = |row: u32| {
                    let name = names.entry(row);
                    joined && name.windows(2).any(|words| words == pair) || pointed && name.contains(&pair[1])
                };
                completed.extend(left.iter().map(|(row, _)| *row).filter(|row| has(*row)));
            }
        }
        completed.sort_unstable();
        completed.dedup();
        if let [row] = completed[..] {
            left.retain(|(other, _)| *other == row);
        }
    }

    /// "Implants: the one in Sevilla does not start": a pronoun points to some of them by the word that tells them apart.
    fn narrow_to_pointed(&self, left: &mut Group) {
        let names = &self.directory.names;
        let mut apart: Option<Vec<u32>> = None;
        let mut pointed: Vec<u32> = vec![];
        for found in self.zones.iter().filter(|found| found.decides) {
            let words = &found.zone.words;
            for pronoun in words.said.iter().filter(|said| said.says == Says::Pronoun) {
                let apart = apart.get_or_insert_with(|| telling_apart(left, names));
                let passes = |at: &usize| {
                    let token = &words.tokens[*at];
                    // "the autumn one and the winter one"
                    let joins = token.roles & role::AND != 0 && token.roles & role::RELATION == 0;
                    let light = role::FILL | role::RELATION | role::STOP;
                    token.gap == gap::SPACE && token.roles & light != 0 && !joins
                };
                let at = (pronoun.end..words.tokens.len()).find(|at| !passes(at)).unwrap_or(pronoun.end);
                let Some(token) = words.tokens.get(at).filter(|token| token.gap == gap::SPACE && at - pronoun.end <= 2)
                else {
                    continue;
                };
                // "this year's or the one of 2026": nobody knows which.
                let or = |at: usize| OR.contains(&words.word(at)) || at > 0 && OR.contains(&words.word(at - 1));
                if pointed.is_empty() && pronoun.at.checked_sub(1).is_some_and(or) {
                    return;
                }
                let denied =
                    (pronoun.at.saturating_sub(2)..pronoun.at).any(|at| words.tokens[at].roles & role::DENY != 0);
                // "the Spanish version stays as it is"
                let untouched = words.says_within(at, at + 4, Says::Untouched);
                // "the English version" of a name that has "EN".
                let other = self.hints.spelled_otherwise(token.hash).iter();
                let meant = [token.word].into_iter().chain(other.filter_map(|hash| names.find_hashed(*hash)));
                if !denied && !untouched {
                    pointed.extend(meant.filter(|word| *word != NO_WORD && apart.binary_search(word).is_ok()));
                }
            }
        }
        if !pointed.is_empty() {
            left.retain(|(row, _)| pointed.iter().any(|word| names.entry(*row).contains(word)));
        }
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

/// "For Boston: drop the bid cap", "Boston - no clicks", "Boston" as all of the subject, "This is for Boston.": this word is the
/// heading of what follows, or all that a sentence says.
fn heads(words: &Words<'_>, at: usize) -> bool {
    let tokens = &words.tokens;
    let light = role::RELATION | role::STOP | role::FILL | role::OWN;
    let begins = |at: &usize| *at == 0 || tokens[*at].gap & (gap::CLAUSE | gap::LINE) != 0;
    let from = (at.saturating_sub(4)..=at).rev().find(begins);
    let behind = words.gap_after(at);
    let dash = behind & gap::HYPHEN != 0 && behind & gap::SPACE != 0;
    // "Boston only."
    let only = words.phrases_at(at + 1).find(|(says, _)| *says == Says::OnlyBefore).map(|(_, end)| end);
    let end = only.unwrap_or(at + 1);
    let alone = words.gap_after(end - 1) & gap::CLAUSE != 0 || end == tokens.len();
    // "Boston needs a new map"
    let acts = |(says, _)| matches!(says, Says::Acts | Says::Fails);
    let alone = alone || from == Some(at) && tokens[at].capital && words.phrases_at(at + 1).any(acts);
    let headed = behind & gap::COLON != 0 || dash || alone;
    headed && from.is_some_and(|from| tokens[from..at].iter().all(|token| token.roles & light != 0))
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
