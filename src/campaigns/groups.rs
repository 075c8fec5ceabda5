//! Groups of similarly named campaigns as `campaigns similar` lists them: by what their names differ, and how much mix-up
//! that invites.
//!
//! Reads groups that [`super::similar`] has found; finds none.

use serde::Serialize;

use super::Campaign;
use super::alike::{Solid, WHOLE, spelled};
use super::fold;
use super::hints::{Hints, role};
use super::names::{Names, class};
use super::similar::{Bond, Member, Shares};

/// By what the names of a group differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// By case, punctuation, plural or word order, or by words split or joined.
    Spelling,
    /// By a typo or two.
    Typo,
    /// By a number or a single letter.
    Number,
    /// By a year.
    Year,
    /// By a part of the world.
    Region,
    /// By one word.
    Word,
    /// By all but their beginning.
    Beginning,
}

impl Difference {
    const ALL: [Difference; 7] = [
        Difference::Spelling,
        Difference::Typo,
        Difference::Number,
        Difference::Year,
        Difference::Region,
        Difference::Word,
        Difference::Beginning,
    ];

    /// How easily such names are mixed up, 0 to 1.
    fn likeness(self) -> f64 {
        match self {
            Difference::Spelling | Difference::Typo => 1.0,
            Difference::Number | Difference::Year => 0.9,
            Difference::Region => 0.6,
            Difference::Word => 0.4,
            Difference::Beginning => 0.2,
        }
    }

    /// The word for it, as tables show it.
    pub fn word(self) -> &'static str {
        match self {
            Difference::Spelling => "spelling",
            Difference::Typo => "typo",
            Difference::Number => "number",
            Difference::Year => "year",
            Difference::Region => "region",
            Difference::Word => "word",
            Difference::Beginning => "beginning",
        }
    }
}

/// A set of differences; none where all names are the same to the letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasons(u8);

/// What a likeness to a campaign of another account counts beside one within the account.
const OTHER_ACCOUNT: f64 = 0.5;
/// Words that a group tells of those that its names differ in.
const WORDS: usize = 20;

impl Reasons {
    /// By what the names of these rows differ.
    pub fn of(members: &[Member], bond: Bond, campaigns: &[Campaign], names: &Names, solids: &[Solid]) -> Reasons {
        let mut reasons = Reasons::default();
        let Some((first, others)) = members.split_first() else { return reasons };
        match bond.shares {
            Shares::Words => {
                let name = |row: u32| campaigns[row as usize].name.trim();
                let solid = |row: u32| (row, solids[row as usize]);
                for other in others.iter().filter(|other| name(other.row) != name(first.row)) {
                    reasons.add(spelled(solid(first.row), solid(other.row), names));
                }
            }
            Shares::AllButOne => {
                let (mut regions, mut words) = (0, 0);
                for word in members.iter().map(|member| member.word).filter(|word| *word != WHOLE) {
                    match by(word, names) {
                        Difference::Region => regions += 1,
                        Difference::Word => words += 1,
                        other => reasons.add(other),
                    }
                }
                // Of the towns in one place some are on no list.
                match (regions, words) {
                    (0, 0) => {}
                    (regions, words) if regions >= words => reasons.add(Difference::Region),
                    _ => reasons.add(Difference::Word),
                }
            }
            Shares::Beginning => {
                let mut common = names.entry(first.row).to_vec();
                for other in others {
                    common.retain(|word| names.entry(other.row).contains(word));
                }
                let rows = members.iter().flat_map(|member| names.entry(member.row));
                for word in rows.filter(|word| !common.contains(word)) {
                    reasons.add(by(*word, names));
                }
                if reasons.contains(Difference::Word) {
                    reasons = Reasons::default();
                    reasons.add(Difference::Beginning);
                }
            }
        }
        reasons
    }

    fn add(&mut self, difference: Difference) {
        self.0 |= 1 << difference as u8;
    }

    fn contains(self, difference: Difference) -> bool {
        self.0 & 1 << difference as u8 != 0
    }

    fn list(self) -> impl Iterator<Item = Difference> {
        Difference::ALL.into_iter().filter(move |difference| self.contains(*difference))
    }

    /// How easily such names are mixed up, 0 to 1.
    pub fn likeness(self) -> f64 {
        match self.list().count() {
            0 => 1.0,
            count => self.list().map(Difference::likeness).sum::<f64>() / count as f64,
        }
    }

    /// How much mix-up so many names invite.
    pub fn risk(self, size: usize, across: bool) -> f64 {
        let risk = self.likeness() * (1.0 + (size as f64).log2()) * if across { OTHER_ACCOUNT } else { 1.0 };
        (risk * 10.0).round() / 10.0
    }
}

/// By what names differ that have this word and another in one place.
fn by(word: u32, names: &Names) -> Difference {
    match names.class(word) {
        class if class & class::YEAR != 0 => Difference::Year,
        class if class & class::VARIANT != 0 => Difference::Number,
        class if class & class::REGION != 0 => Difference::Region,
        class if class & class::STOP != 0 => Difference::Spelling,
        _ if Hints::shipped().roles(names.text(word)) & role::PLACE != 0 => Difference::Region,
        _ => Difference::Word,
    }
}

/// A group, as `campaigns similar` lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// How much mix-up it invites: the likeness of its names, once more for each doubling of their number; half of that
    /// between accounts.
    pub risk: f64,
    /// By what its names differ; empty: they are the same.
    pub differ_by: Vec<Difference>,
    /// The words that stand where they differ, when that is one place.
    pub words: Vec<String>,
    /// The account, when all are of one.
    pub account: Option<String>,
    /// Its campaigns: those of one account together, in the directory's order.
    pub campaigns: Vec<InGroup>,
}

/// A campaign of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InGroup {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub account: String,
}

impl Group {
    pub(super) fn read(shown: &[Member], risk: f64, reasons: Reasons, campaigns: &[Campaign], names: &Names) -> Group {
        let campaign = |member: &Member| &campaigns[member.row as usize];
        let mut words: Vec<(u32, String)> = vec![];
        for member in shown.iter().filter(|member| member.word != WHOLE) {
            if words.len() < WORDS && words.iter().all(|(word, _)| *word != member.word) {
                words.push((member.word, written(&campaign(member).name, *member, names)));
            }
        }
        let account = shown.first().map(|first| &campaign(first).account);
        let one = shown.iter().all(|member| Some(&campaign(member).account) == account);
        let in_group = |member: &Member| {
            let Campaign { id, name, account, .. } = campaign(member).clone();
            InGroup { id, name, account }
        };
        Group {
            risk,
            differ_by: reasons.list().collect(),
            words: words.into_iter().map(|(_, word)| word).collect(),
            account: account.filter(|_| one).cloned(),
            campaigns: shown.iter().map(in_group).collect(),
        }
    }

    /// By what its names differ, in words: "year", "region and year"; "nothing".
    pub fn reasons(&self) -> String {
        let reasons: Vec<&str> = self.differ_by.iter().map(|difference| difference.word()).collect();
        if reasons.is_empty() { "nothing".into() } else { reasons.join(" and ") }
    }
}

/// The word of a member as its name writes it.
fn written(name: &str, member: Member, names: &Names) -> String {
    let entry = names.entry(member.row);
    let words = fold::words(name);
    let at = entry.iter().position(|word| *word == member.word);
    let token = at.filter(|_| words.tokens.len() == entry.len()).and_then(|at| words.tokens.get(at));
    let written = token.and_then(|token| name.get(token.start..token.end));
    written.unwrap_or(names.text(member.word)).to_owned()
}
