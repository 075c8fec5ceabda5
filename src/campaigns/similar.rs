//! Which campaigns are named similarly, computed when the directory is loaded.
//!
//! Alike are names that have the same words, however spelled or in whatever order, and names that differ in one place: one
//! group a name with that place left blank. Within an account any word may stand there, and names may begin alike; across
//! accounts a year, a number, a place or a rare word, beside words that say enough. No group is joined to another for a
//! campaign that both hold. Only compares names that share a key: the cost follows the number of names, not of pairs.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::Campaign;
use super::alike::{Keys, Nearest, Solid, WHOLE, solid};
use super::groups::{Group, Reasons};
use super::names::Names;
use super::table::{Buckets, hash};

/// The groups over a directory's rows.
#[derive(Debug, Default)]
pub struct Similar {
    /// Group by group, those of one account together.
    members: Vec<Member>,
    starts: Vec<u32>,
    bonds: Vec<Bond>,
    reasons: Vec<Reasons>,
    /// The groups of each row: those of its account first, then the likest.
    of_row: Buckets,
    /// Rows that stand in a group of the same name, or of their account's names with one place left blank.
    placed: Vec<bool>,
    /// The groups that are listed, the largest risk first.
    listed: Vec<u32>,
    /// What each row's name has in common with others that are the same but for spelling.
    solids: Vec<Solid>,
}

/// A row of a group, and the word that stands in its name where the others have another, or `WHOLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    pub(super) row: u32,
    pub(super) word: u32,
}

/// What the names of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    pub(super) shares: Shares,
    /// Whether they are of several accounts.
    pub(super) across: bool,
}

/// What names share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shares {
    /// All words.
    Words,
    /// All but one.
    AllButOne,
    /// The first words.
    Beginning,
}

/// In an account of more campaigns, names that begin alike are too many to be mixed up for that.
const BEGINNINGS: usize = 2_000;

/// A row that has a key.
type Keyed = (u64, Member);

impl Similar {
    /// Groups the campaigns. The first `campaigns.len()` entries of `names` must be their names.
    pub fn build(campaigns: &[Campaign], names: &Names) -> Similar {
        let solids = (0..campaigns.len() as u32).map(|row| solid(names.entry(row), names, |_| true)).collect();
        let placed = vec![false; campaigns.len()];
        let mut similar = Similar { solids, placed, starts: vec![0], ..Similar::default() };
        let mut accounts: Vec<(u64, u32)> = campaigns
            .iter()
            .enumerate()
            .map(|(row, campaign)| (hash(campaign.account.as_bytes()), row as u32))
            .collect();
        accounts.sort_unstable();
        let mut nearest = Nearest::default();
        let mut keys = Keys::default();
        let (mut own, mut beginnings, mut everywhere) = (vec![], vec![], vec![]);
        for account in accounts.chunk_by(|a, b| a.0 == b.0) {
            for row in account.iter().map(|(_, row)| *row) {
                keys.read(row, names, &mut nearest);
                let keyed = |(key, word): &(u64, u32)| (*key, Member { row, word: *word });
                everywhere.extend(keys.any.iter().map(keyed));
                if account.len() > 1 {
                    own.extend(keys.own.iter().map(keyed));
                    let beginning = keys.beginning.filter(|_| account.len() <= BEGINNINGS);
                    beginnings.extend(beginning.map(|key| keyed(&(key, WHOLE))));
                }
            }
            similar.add(&mut own, &mut beginnings, None);
        }
        similar.add(&mut everywhere, &mut vec![], Some(campaigns));
        similar.rank(campaigns, names);
        similar
    }

    /// Adds the groups of rows that share a key; `across`: those of several accounts. Empties both lists.
    fn add(&mut self, keyed: &mut Vec<Keyed>, beginnings: &mut Vec<Keyed>, across: Option<&[Campaign]>) {
        // One key may be of all words of a name and of all but one: the former stands last, and counts.
        for list in [&mut *keyed, &mut *beginnings] {
            list.sort_unstable();
            list.dedup_by(|next, kept| {
                let same = (next.0, next.1.row) == (kept.0, kept.1.row);
                kept.1.word = if same { next.1.word } else { kept.1.word };
                same
            });
        }
        let mut seen: HashSet<u64, FixedState> = HashSet::default();
        let mut group: Vec<Member> = vec![];
        for (list, shares) in
            [(&*keyed, Shares::Words), (&*keyed, Shares::AllButOne), (&*beginnings, Shares::Beginning)]
        {
            for run in list.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
                group.clear();
                group.extend(run.iter().map(|(_, member)| *member));
                match shares {
                    Shares::Words => group.retain(|member| member.word == WHOLE),
                    // The same word left out of all says no more than all words do.
                    Shares::AllButOne if group.iter().all(|member| member.word == group[0].word) => continue,
                    _ => {}
                }
                if let Some(campaigns) = across {
                    let account = |member: &Member| &campaigns[member.row as usize].account;
                    group.sort_by(|a, b| account(a).cmp(account(b)).then(a.cmp(b)));
                    if group.first().map(account) == group.last().map(account) {
                        continue;
                    }
                }
                let rows: Vec<u8> = group.iter().flat_map(|member| member.row.to_le_bytes()).collect();
                if group.len() > 1 && seen.insert(hash(&rows)) {
                    self.push(&group, Bond { shares, across: across.is_some() });
                }
            }
        }
        keyed.clear();
        beginnings.clear();
    }

    fn push(&mut self, group: &[Member], bond: Bond) {
        self.members.extend(group);
        self.starts.push(self.members.len() as u32);
        self.bonds.push(bond);
        if bond.shares == Shares::Words || bond == (Bond { shares: Shares::AllButOne, across: false }) {
            group.iter().for_each(|member| self.placed[member.row as usize] = true);
        }
    }

    /// Says by what the groups differ, and in which order they are listed and stand beside a row.
    fn rank(&mut self, campaigns: &[Campaign], names: &Names) {
        let groups = 0..self.bonds.len() as u32;
        self.reasons = groups
            .clone()
            .map(|group| Reasons::of(self.members(group), self.bonds[group as usize], campaigns, names, &self.solids))
            .collect();
        let mut near: Vec<u32> = groups.clone().collect();
        let likeness = |group: u32| self.reasons[group as usize].likeness();
        let across = |group: u32| self.bonds[group as usize].across;
        near.sort_by(|a, b| across(*a).cmp(&across(*b)).then(likeness(*b).total_cmp(&likeness(*a))));
        self.of_row = Buckets::build(campaigns.len(), || {
            near.iter().flat_map(|group| self.members(*group).iter().map(move |member| (member.row, *group)))
        });
        let mut listed: Vec<(f64, u32, u32)> = groups
            .filter_map(|group| {
                let shown = self.shown(group);
                let first = shown.iter().map(|member| member.row).min()?;
                Some((self.risk(group, shown.len()), first, group))
            })
            .collect();
        listed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        self.listed = listed.into_iter().map(|(_, _, group)| group).collect();
    }

    /// The rows of a group that its listing shows; empty: it is not listed. Names that only begin alike, or that only those
    /// of another account are like, are listed where they have no closer relatives.
    fn shown(&self, group: u32) -> Vec<Member> {
        let members = self.members(group);
        let alone = |member: &&Member| !self.placed[member.row as usize];
        match self.bonds[group as usize] {
            Bond { shares: Shares::Beginning, .. } => {
                let alone: Vec<Member> = members.iter().filter(alone).copied().collect();
                if alone.len() > 1 { alone } else { vec![] }
            }
            Bond { shares: Shares::AllButOne, across: true } if members.iter().find(alone).is_none() => vec![],
            _ => members.to_vec(),
        }
    }

    fn risk(&self, group: u32, size: usize) -> f64 {
        self.reasons[group as usize].risk(size, self.bonds[group as usize].across)
    }

    fn members(&self, group: u32) -> &[Member] {
        let group = group as usize;
        match (self.starts.get(group), self.starts.get(group + 1)) {
            (Some(start), Some(end)) => &self.members[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// What this row's name has in common with others that are the same but for spelling.
    pub fn solid(&self, row: u32) -> Option<Solid> {
        self.solids.get(row as usize).copied()
    }

    /// The other rows of the groups that this row is in, those of its account first, then the likest. The first costs no
    /// more in a group of a hundred thousand than in a pair.
    pub fn others(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        let mut seen: HashSet<u32, FixedState> = HashSet::default();
        seen.insert(row);
        let groups = self.of_row.get(row as usize).iter();
        let rows = groups.flat_map(|group| self.members(*group).iter().map(|member| member.row));
        rows.filter(move |other| seen.insert(*other))
    }

    /// How many groups are listed.
    pub fn count(&self) -> usize {
        self.listed.len()
    }

    /// The groups, the largest risk first: all, or those that show this row.
    pub fn listed(&self, of: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        let shows = move |group: &u32| {
            of.is_none_or(|row| {
                self.of_row.get(row as usize).contains(group)
                    && self.shown(*group).iter().any(|member| member.row == row)
            })
        };
        self.listed.iter().copied().filter(shows)
    }

    /// A listed group, to be read.
    pub fn group(&self, group: u32, campaigns: &[Campaign], names: &Names) -> Group {
        let shown = self.shown(group);
        let risk = self.risk(group, shown.len());
        Group::read(&shown, risk, self.reasons[group as usize], campaigns, names)
    }
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
        let told = |group: Group| {
            let ids: Vec<&str> = group.campaigns.iter().map(|campaign| campaign.id.as_str()).collect();
            format!("{}: {}", group.reasons(), ids.join(" "))
        };
        directory(list).similar_groups(None, 0).map(told).collect()
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
        let found: Vec<Group> = same.similar_groups(None, 0).collect();
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
        assert_eq!(across(&["Kitchen Refit Dublin", "Kitchen Refit London"]), ["region: 0 1"]);
        let dental = ["Dental Checkup Berlin", "Dental Check-up Berlin", "Dental Checkup Munich"];
        assert_eq!(across(&dental), ["spelling: 0 1", "region: 0 1 2"]);
        assert_eq!(across(&["Dental Check-up 2024", "Dental Checkup 2025"]), ["year: 0 1"]);
        assert_eq!(across(&["Spring Sale Shoes", "Spring Sale Books"]), Vec::<String>::new());
        // Words of many campaigns say nothing: these are of three.
        let words = ["Alpha", "Bravo", "Carlo", "Delta", "Echos", "Foxes", "Golfs", "Hotel", "Indie", "Juliet"];
        let of = |n: usize| format!("{} {} {}", words[n / 100], words[n / 10 % 10], words[n % 10]);
        let names: Vec<String> = (0..1000).filter(|n| n % 7 == 0).map(of).collect();
        let groups = across(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(groups.iter().all(|group| group.split(' ').count() < 20), "{groups:?}");
    }

    /// In a directory of services by town by year each group has one reason, and none is chained to another.
    #[test]
    fn a_regular_directory_falls_into_small_groups() {
        let mut list = vec![];
        for account in ["Acme", "Bolt"] {
            for service in ["Roof Repair", "Gutter Cleaning"] {
                for town in ["Boise", "Tampa", "Salem", "Selem"] {
                    list.extend([2023, 2024, 2025].map(|year| (account, format!("{service} {town} {year}"))));
                }
            }
        }
        let list: Vec<(&str, &str)> = list.iter().map(|(account, name)| (*account, name.as_str())).collect();
        let directory = directory(&list);
        let mut reasons: Vec<String> = directory
            .similar_groups(None, 0)
            .map(|group| format!("{} {} {:?}", group.campaigns.len(), group.reasons(), group.words))
            .collect();
        reasons.dedup();
        let years = r#"3 year ["2023", "2024", "2025"]"#;
        assert_eq!(reasons, [years, r#"4 word ["Boise", "Tampa", "Salem", "Selem"]"#, "2 nothing []"]);
        let of: Vec<usize> = directory.similar_groups(Some("0"), 1).map(|group| group.campaigns.len()).collect();
        assert_eq!(of, [4, 2]);
        assert_eq!(directory.similar_groups(None, 0).count(), directory.similar_groups_count());
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
        let risks: Vec<f64> = directory(&list).similar_groups(None, 0).map(|group| group.risk).collect();
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
