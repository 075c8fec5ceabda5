//! Groups of similarly named campaigns, computed when the directory is loaded.
//!
//! Within an account, names are alike when they differ by one word (a year, a number, a region, any other), by word
//! order, plural, punctuation or a typo, or share their beginning; across accounts only when their words are the same.
//! Only compares names that share a key: the cost follows the number of names, not of pairs.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::Serialize;

use super::Campaign;
use super::names::{Names, class};
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
}

const NONE: u32 = u32::MAX;
/// What the words weigh that names of several accounts must share.
const ACROSS: f32 = 1.5;
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
        // Misspelt words count as the word that they resemble: one look-up a word of the vocabulary.
        let mut alike: HashMap<u32, u32, FixedState> = HashMap::default();
        let mut everywhere: HashMap<u64, u32, FixedState> =
            HashMap::with_capacity_and_hasher(count, FixedState::default());
        let mut words: Vec<u32> = vec![];
        let mut keys: Vec<u64> = vec![];
        let mut at = 0;
        while at < accounts.len() {
            let end = at + accounts[at..].partition_point(|(account, _)| *account == accounts[at].0);
            first.clear();
            for (_, row) in &accounts[at..end] {
                words.clear();
                words.extend(
                    names
                        .entry(*row)
                        .iter()
                        .filter(|word| names.class(**word) & class::STOP == 0)
                        .map(|word| *alike.entry(*word).or_insert_with(|| nearest(*word, names))),
                );
                let head = words.first_chunk::<2>().copied();
                words.sort_unstable();
                words.dedup();
                if words.is_empty() {
                    continue;
                }
                let whole = key(words.iter());
                union.join(*everywhere.entry(whole).or_insert(*row), *row);
                keys.clear();
                keys.push(whole);
                let telling = |word: &&u32| names.class(**word) & class::VARIANT == 0;
                for left_out in &words {
                    let rest = words.iter().filter(|word| *word != left_out);
                    let says = rest.clone().filter(telling).count();
                    let weight: f32 = rest.clone().map(|word| names.weight(*word)).sum();
                    let variant = names.class(*left_out) & (class::VARIANT | class::REGION) != 0;
                    if says >= 1 && (weight >= 1.0 || variant && weight > 0.5 || words.len() == 2 && weight >= 0.7) {
                        keys.push(key(rest.clone()));
                    }
                    // Of other accounts' campaigns those of another year, number or region.
                    if says >= 2 && weight >= ACROSS && variant {
                        union.join(*everywhere.entry(key(rest)).or_insert(*row), *row);
                    }
                }
                if end - at < 2 {
                    continue;
                }
                if let Some(head) = head
                    && words.len() > 2
                    && head.iter().all(|word| names.class(*word) & (class::VARIANT | class::REGION) == 0)
                    && end - at <= 2_000
                {
                    let mut sorted = head;
                    sorted.sort_unstable();
                    keys.push(key(sorted.iter()));
                }
                for key in &keys {
                    union.join(*first.entry(*key).or_insert(*row), *row);
                }
            }
            at = end;
        }
        collect(union, &accounts)
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
    let mut similar = Similar { group: vec![NONE; count], members: vec![], starts: vec![0] };
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

/// Of a word and those one edit away, the one in the most names: misspellings fall together with it.
fn nearest(word: u32, names: &Names) -> u32 {
    if names.text(word).chars().count() < 5 || names.class(word) & class::COMMON != 0 {
        return word;
    }
    let weight = |word: u32| names.with_word(word).len();
    names
        .near(names.text(word))
        .into_iter()
        .filter(|(near, distance)| *distance <= 1 && (weight(*near), u32::MAX - near) > (weight(word), u32::MAX - word))
        .map(|(near, _)| near)
        .max_by_key(|near| (weight(*near), u32::MAX - near))
        .unwrap_or(word)
}

fn key<'a>(words: impl Iterator<Item = &'a u32>) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for word in words {
        state = (state ^ u64::from(*word)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^= state >> 32;
    }
    state
}

/// By what two names differ.
pub fn difference(a: u32, b: u32, names: &Names) -> Difference {
    let only = |of: u32, other: u32| -> Vec<u32> {
        let words = names.entry(of).iter().filter(|word| names.class(**word) & class::STOP == 0);
        words.filter(|word| !names.entry(other).contains(word)).copied().collect()
    };
    let (left, right) = (only(a, b), only(b, a));
    let all = || left.iter().chain(&right);
    if left.is_empty() && right.is_empty() {
        return Difference::Spelling;
    }
    if all().all(|word| names.class(*word) & class::YEAR != 0) {
        return Difference::Year;
    }
    if all().all(|word| names.class(*word) & class::VARIANT != 0) {
        return Difference::Number;
    }
    if all().all(|word| names.class(*word) & class::REGION != 0) {
        return Difference::Region;
    }
    if let ([x], [y]) = (&left[..], &right[..])
        && super::spelling::edits(names.text(*x), names.text(*y), 2).is_some()
        && names.text(*x).len().min(names.text(*y).len()) >= 4
    {
        return Difference::Typo;
    }
    if left.len() <= 1 && right.len() <= 1 { Difference::Word } else { Difference::Beginning }
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
