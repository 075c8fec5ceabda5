//! Groups of similarly named campaigns, computed when the directory is loaded.
//!
//! Within an account, names are alike when they differ by one word (a year, a number, a region, any other), by word
//! order, plural, punctuation, split or joined words or a typo, or share their beginning; across accounts when their letters
//! are the same, or all but a year, a number or a place beside words that say enough.
//! Only compares names that share a key: the cost follows the number of names, not of pairs.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::Serialize;

use super::Campaign;
use super::alike::{Keys, Nearest, Solid, difference, solid};
use super::names::Names;
use super::table::hash;

/// By what the names of a group differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// By case, punctuation, plural or word order, or not at all.
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
    /// They begin alike.
    Beginning,
}

impl Difference {
    /// How easily such names are mixed up, 0 to 1.
    fn likeness(self) -> f64 {
        match self {
            Difference::Spelling | Difference::Typo => 1.0,
            Difference::Number | Difference::Year => 0.9,
            Difference::Region => 0.8,
            Difference::Word => 0.6,
            Difference::Beginning => 0.4,
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

/// A group, as `campaigns similar` lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// How much mix-up it invites: the number of its campaigns times the likeness of their names, which counts half
    /// between accounts.
    pub risk: f64,
    /// By what its names differ mostly.
    pub differ_by: Difference,
    /// The account, when all are of one.
    pub account: Option<String>,
    /// Its campaigns, in the directory's order.
    pub campaigns: Vec<Member>,
}

/// A campaign of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub account: String,
}

/// The groups over a directory's rows.
#[derive(Debug, Default)]
pub struct Similar {
    /// The group of each row, or `NONE`.
    group: Vec<u32>,
    /// Rows by group; within it those of one account together, in the directory's order.
    members: Vec<u32>,
    starts: Vec<u32>,
    /// What each row's name has in common with others that are the same but for spelling.
    solids: Vec<Solid>,
}

const NONE: u32 = u32::MAX;
/// In an account of more campaigns, names that begin alike are too many to be mixed up for that.
const BEGINNINGS: usize = 2_000;
/// What a likeness to a campaign of another account counts beside one within the account.
const OTHER_ACCOUNT: f64 = 0.5;

/// Joins rows into groups.
struct Union(Vec<u32>);

impl Union {
    fn root(&mut self, mut row: u32) -> u32 {
        while self.0[row as usize] != row {
            let parent = self.0[row as usize];
            self.0[row as usize] = self.0[parent as usize];
            row = parent;
        }
        row
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

impl Similar {
    /// Groups the campaigns. The first `campaigns.len()` entries of `names` must be their names.
    pub fn build(campaigns: &[Campaign], names: &Names) -> Similar {
        let count = campaigns.len();
        let mut union = Union((0..count as u32).collect());
        let mut accounts: Vec<(u64, u32)> = campaigns
            .iter()
            .enumerate()
            .map(|(row, campaign)| (hash(campaign.account.as_bytes()), row as u32))
            .collect();
        accounts.sort_unstable();
        let mut first: HashMap<u64, u32, FixedState> = HashMap::default();
        let mut nearest = Nearest::default();
        let mut everywhere: HashMap<u64, u32, FixedState> =
            HashMap::with_capacity_and_hasher(count, FixedState::default());
        let mut keys = Keys::default();
        let mut at = 0;
        while at < accounts.len() {
            let end = at + accounts[at..].partition_point(|(account, _)| *account == accounts[at].0);
            first.clear();
            for (_, row) in &accounts[at..end] {
                keys.read(*row, names, &mut nearest, end - at <= BEGINNINGS);
                for key in &keys.any {
                    union.join(*everywhere.entry(*key).or_insert(*row), *row);
                }
                for key in keys.own.iter().filter(|_| end - at > 1) {
                    union.join(*first.entry(*key).or_insert(*row), *row);
                }
            }
            at = end;
        }
        let solids = (0..count as u32).map(|row| solid(names.entry(row), names, |_| true)).collect();
        Similar { solids, ..collect(union, &accounts) }
    }

    /// What this row's name has in common with others that are the same but for spelling.
    pub fn solid(&self, row: u32) -> Option<Solid> {
        self.solids.get(row as usize).copied()
    }

    /// The other rows of the group that this row is in, those of its account first. The first costs no more in a
    /// group of a hundred thousand than in a pair.
    pub fn others<'a>(&'a self, row: u32, campaigns: &'a [Campaign]) -> impl Iterator<Item = u32> + 'a {
        let group = self.group.get(row as usize).filter(|group| **group != NONE);
        let rows = group.map_or(&[][..], |group| self.group_rows(*group as usize));
        let account = |row: u32| hash(campaigns[row as usize].account.as_bytes());
        let (start, end) = match rows {
            [] => (0, 0),
            rows => {
                let own = account(row);
                let start = rows.partition_point(|other| account(*other) < own);
                (start, start + rows[start..].partition_point(|other| account(*other) == own))
            }
        };
        let all = rows[start..end].iter().chain(&rows[..start]).chain(&rows[end..]);
        all.copied().filter(move |other| *other != row)
    }

    fn group_rows(&self, group: usize) -> &[u32] {
        match (self.starts.get(group), self.starts.get(group + 1)) {
            (Some(start), Some(end)) => &self.members[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// All groups, the largest risk first.
    pub fn groups(&self, campaigns: &[Campaign], names: &Names) -> Vec<Group> {
        let mut groups: Vec<Group> = (0..self.starts.len().saturating_sub(1))
            .map(|group| {
                let mut rows = self.group_rows(group).to_vec();
                rows.sort_unstable();
                let account = |row: u32| &campaigns[row as usize].account;
                let mut counts: HashMap<Difference, usize> = HashMap::new();
                // Neighbours in a sorted list are the likest: enough to say by what they differ.
                let mut sorted = rows.clone();
                sorted.sort_by(|a, b| names.entry(*a).cmp(names.entry(*b)).then(a.cmp(b)));
                let mut likeness = 0.0;
                for pair in sorted.windows(2) {
                    let differ_by = difference(pair[0], pair[1], names);
                    *counts.entry(differ_by).or_default() += 1;
                    let own = account(pair[0]) == account(pair[1]);
                    likeness += differ_by.likeness() * if own { 1.0 } else { OTHER_ACCOUNT };
                }
                let likeness = likeness / (sorted.len() - 1).max(1) as f64;
                let most = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
                let one = rows.iter().all(|row| account(*row) == account(rows[0]));
                let member = |row: &u32| {
                    let Campaign { id, name, account, .. } = campaigns[*row as usize].clone();
                    Member { id, name, account }
                };
                Group {
                    risk: (rows.len() as f64 * likeness * 10.0).round() / 10.0,
                    differ_by: most.map_or(Difference::Spelling, |(difference, _)| difference),
                    account: one.then(|| account(rows[0]).clone()),
                    campaigns: rows.iter().map(member).collect(),
                }
            })
            .collect();
        groups.sort_by(|a, b| b.risk.total_cmp(&a.risk).then_with(|| a.campaigns[0].id.cmp(&b.campaigns[0].id)));
        groups
    }
}

/// `accounts` holds every row, those of one account together.
fn collect(mut union: Union, accounts: &[(u64, u32)]) -> Similar {
    let count = accounts.len();
    let mut sizes = vec![0u32; count];
    for row in 0..count as u32 {
        sizes[union.root(row) as usize] += 1;
    }
    let mut similar = Similar { group: vec![NONE; count], members: vec![], starts: vec![0], solids: vec![] };
    let mut number = vec![NONE; count];
    let mut next = vec![];
    for row in 0..count {
        if sizes[row] > 1 {
            number[row] = next.len() as u32;
            let start = similar.starts.last().copied().unwrap_or(0);
            next.push(start);
            similar.starts.push(start + sizes[row]);
        }
    }
    similar.members = vec![0; similar.starts.last().copied().unwrap_or(0) as usize];
    for row in accounts.iter().map(|(_, row)| *row) {
        let group = number[union.root(row) as usize];
        if group != NONE {
            similar.group[row as usize] = group;
            let at = &mut next[group as usize];
            similar.members[*at as usize] = row;
            *at += 1;
        }
    }
    similar
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Directory;
    use super::*;

    /// A directory of (account, name); ids are the rows.
    fn directory(list: &[(&str, &str)]) -> Directory {
        let campaign = |(row, (account, name)): (usize, &(&str, &str))| Campaign {
            id: row.to_string(),
            name: (*name).into(),
            account: (*account).into(),
            ..Campaign::default()
        };
        Directory::build(list.iter().enumerate().map(campaign).collect())
    }

    /// The groups as "difference: ids", in their order.
    fn groups(list: &[(&str, &str)]) -> Vec<String> {
        let groups = directory(list).similar_groups().into_iter();
        groups
            .map(|group| {
                let ids: Vec<&str> = group.campaigns.iter().map(|campaign| campaign.id.as_str()).collect();
                format!("{}: {}", group.differ_by.word(), ids.join(" "))
            })
            .collect()
    }

    /// Whether two names of one account are alike, and by what they differ.
    fn check(a: &str, b: &str, expected: &str) {
        let other = ("Acme", "Something Else Entirely");
        let expected = if expected.is_empty() { vec![] } else { vec![format!("{expected}: 0 1")] };
        assert_eq!(groups(&[("Acme", a), ("Acme", b), other]), expected, "{a} / {b}");
    }

    #[test]
    fn alike_within_an_account() {
        check("Spring Sale 2024", "Spring Sale 2025", "year");
        check("Spring Sale", "Spring Sale 2025", "year");
        check("Welcome Series 1", "Welcome Series 2", "number");
        check("Welcome Series A", "Welcome Series B", "number");
        check("Onboarding Checklist v1", "Onboarding Checklist v2", "number");
        check("Roof Repair Texas", "Roof Repair Florida", "region");
        check("Roof Repair - North", "Roof Repair - South", "region");
        check("Donor Thank You", "Thank You Donor", "spelling");
        check("Donor Call", "Donors Calls", "spelling");
        check("Win-Back: Members!", "win back members", "spelling");
        check("Été à Lyon", "Ete a Lyon", "spelling");
        check("Restaurant Week Lunch", "Restaurnat Week Lunch", "typo");
        check("Garden Furniture Outlet", "Garden Furniture Clearance", "word");
        check("Fundraising Bingo", "Fund-Raising Bingo", "spelling");
        check("L.A. Openings", "LA Openings", "spelling");
        check("Winter-Schlussverkauf", "Winterschlussverkauf", "spelling");
        check("Back to Nature Drive", "BacktoNature Drive", "spelling");
        check("Sommerschlussverkauf 2024", "Sommer Schlussverkauf 2024", "spelling");
        check("Donor Thank You 2024", "ThankYou Donors 2025", "year");
        check("Spring2024 Promo", "Promo Spring 2024", "spelling");
        check("Winter Coats", "Summer Boats", "");
        check("Newsletter", "Retargeting", "");
        check("Brand Awareness Search", "Lead Gen Search", "");
    }

    #[test]
    fn accounts_part_what_is_only_alike() {
        let apart = [("Acme", "Spring Sale 2024"), ("Bolt", "Spring Sale 2025")];
        assert_eq!(groups(&apart), Vec::<String>::new());
        // The same words are mixed up whoever they belong to.
        let same = directory(&[("Acme", "Spring Sale"), ("Bolt", "spring sale"), ("Acme", "Gift Guide")]);
        let found = same.similar_groups();
        assert_eq!((found.len(), found[0].account.as_deref(), found[0].campaigns.len()), (1, None, 2));
        let others: Vec<String> = same.similar("0").into_iter().map(|campaign| campaign.id).collect();
        assert_eq!(others, ["1"]);
        assert!(same.similar("2").is_empty() && same.similar("nope").is_empty());
    }

    /// A likeness between accounts: the words that both have must say which campaign is meant.
    #[test]
    fn alike_across_accounts() {
        let across = |list: &[&str]| {
            let list: Vec<(String, &str)> = list.iter().enumerate().map(|(at, name)| (at.to_string(), *name)).collect();
            groups(&list.iter().map(|(account, name)| (account.as_str(), *name)).collect::<Vec<_>>())
        };
        assert_eq!(across(&["Blood Drivers Wanted", "Blood Drvers Wanted", "Blood Drive", "Drive On"]), ["typo: 0 1"]);
        assert_eq!(across(&["Kitchen Refit Dublin", "Kitchen Refit London"]), ["word: 0 1"]);
        let dental = ["Dental Checkup Berlin", "Dental Check-up Berlin", "Dental Checkup Munich"];
        assert_eq!(across(&dental), ["region: 0 1 2"]);
        assert_eq!(across(&["Dental Check-up 2024", "Dental Checkup 2025"]), ["year: 0 1"]);
        assert_eq!(across(&["Spring Sale Shoes", "Spring Sale Books"]), Vec::<String>::new());
        // Words of many campaigns say nothing: these are of three.
        let words = ["Alpha", "Bravo", "Carlo", "Delta", "Echos", "Foxes", "Golfs", "Hotel", "Indie", "Juliet"];
        let of = |n: usize| format!("{} {} {}", words[n / 100], words[n / 10 % 10], words[n % 10]);
        let names: Vec<String> = (0..1000).filter(|n| n % 7 == 0).map(of).collect();
        let groups = across(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(groups.iter().all(|group| group.split(' ').count() < 20), "{groups:?}");
    }

    #[test]
    fn the_largest_risk_comes_first() {
        let list = [
            ("Acme", "Garden Furniture Outlet"),
            ("Acme", "Garden Furniture Clearance"),
            ("Bolt", "Spring Sale 2023"),
            ("Bolt", "Spring Sale 2024"),
            ("Bolt", "Spring Sale 2025"),
            ("Cord", "Donor Call"),
            ("Cord", "Donor Calls"),
        ];
        assert_eq!(groups(&list), ["year: 2 3 4", "spelling: 5 6", "word: 0 1"]);
        let risks: Vec<f64> = directory(&list).similar_groups().iter().map(|group| group.risk).collect();
        assert!(risks.is_sorted_by(|a, b| a >= b), "{risks:?}");
    }

    #[test]
    fn an_accounts_own_campaigns_stand_first() {
        let list = [
            ("Other", "Spring Sale"),
            ("Acme", "Spring Sale"),
            ("Acme", "Spring Sale 2025"),
            ("Acme", "Spring Sale 2024"),
        ];
        let others: Vec<String> = directory(&list).similar("1").into_iter().map(|campaign| campaign.id).collect();
        assert_eq!(others, ["2", "3", "0"]);
    }
}
