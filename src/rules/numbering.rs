//! Numbering: sequences (words, patterns, phrases) that get a number each, the same one whenever they are given again.
//!
//! All of them lie in one block. There are tens of thousands, most of a few bytes: a vector each would take more for its
//! head than for what it holds.

use std::hash::{BuildHasher, Hash};
use std::ops::Index;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Many short lists in one block, by number.
#[derive(Debug, Clone)]
pub struct Lists<T> {
    /// Where each list ends; one begins where the one before ends.
    ends: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Lists { ends: vec![], items: vec![] }
    }
}

impl<T: Copy> Lists<T> {
    /// `count` lists out of pairs of list number and item; within a list the items keep their order.
    pub fn of_pairs(count: usize, mut pairs: Vec<(u32, T)>) -> Lists<T> {
        pairs.sort_by_key(|(list, _)| *list);
        let ends = (0..count as u32).map(|list| pairs.partition_point(|pair| pair.0 <= list) as u32).collect();
        Lists { ends, items: pairs.into_iter().map(|(_, item)| item).collect() }
    }

    /// How many lists.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The lists, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        (0..self.len()).map(|list| &self[list])
    }

    fn push(&mut self, list: &[T]) {
        self.items.extend_from_slice(list);
        self.ends.push(self.items.len() as u32);
    }

    fn shrink(&mut self) {
        self.ends.shrink_to_fit();
        self.items.shrink_to_fit();
    }
}

impl<T> Index<usize> for Lists<T> {
    type Output = [T];

    fn index(&self, list: usize) -> &[T] {
        let from = if list == 0 { 0 } else { self.ends[list - 1] };
        &self.items[from as usize..self.ends[list] as usize]
    }
}

/// Lists without doubles, each found again by what it holds.
#[derive(Debug, Clone)]
pub struct Numbering<T> {
    lists: Lists<T>,
    numbers: HashTable<u32>,
}

impl<T> Default for Numbering<T> {
    fn default() -> Self {
        Numbering { lists: Lists::default(), numbers: HashTable::new() }
    }
}

impl<T: Copy + Eq + Hash> Numbering<T> {
    /// The number of this list; a new one gets the next.
    pub fn number(&mut self, list: &[T]) -> u32 {
        let Numbering { lists, numbers } = self;
        let same = |number: &u32| lists[*number as usize] == *list;
        if let Some(number) = numbers.find(hash(list), same) {
            return *number;
        }
        let next = lists.len() as u32;
        lists.push(list);
        numbers.insert_unique(hash(list), next, |number| hash(&lists[*number as usize]));
        next
    }

    /// The number that this list was given.
    pub fn get(&self, list: &[T]) -> Option<u32> {
        self.numbers.find(hash(list), |number| self.lists[*number as usize] == *list).copied()
    }

    /// The lists, by number.
    pub fn lists(&self) -> &Lists<T> {
        &self.lists
    }

    /// Gives back what room was kept for more.
    pub fn seal(&mut self) {
        self.lists.shrink();
        let lists = &self.lists;
        self.numbers.shrink_to_fit(|number| hash(&lists[*number as usize]));
    }

    /// The lists alone.
    pub fn into_lists(mut self) -> Lists<T> {
        self.lists.shrink();
        self.lists
    }
}

/// Only rule files put lists in, so no stranger can crowd a bucket.
fn hash<T: Hash>(list: &[T]) -> u64 {
    FixedState::with_seed(0).hash_one(list)
}

#[cfg(test)]
mod tests {
    use super::{Lists, Numbering};

    #[test]
    fn equal_lists_have_one_number() {
        let mut numbering = Numbering::default();
        let given: Vec<u32> =
            ["ab", "", "abc", "ab", "", "c"].iter().map(|list| numbering.number(list.as_bytes())).collect();
        assert_eq!(given, [0, 1, 2, 0, 1, 3]);
        numbering.seal();
        assert_eq!(numbering.get(b"abc"), Some(2));
        assert_eq!(numbering.get(b"bc"), None);
        assert_eq!(numbering.into_lists().iter().collect::<Vec<_>>(), [&b"ab"[..], b"", b"abc", b"c"]);
    }

    #[test]
    fn pairs_become_lists() {
        let lists = Lists::of_pairs(4, vec![(2, 'x'), (0, 'a'), (2, 'b')]);
        assert_eq!(lists.iter().collect::<Vec<_>>(), [&['a'][..], &[], &['x', 'b'], &[]]);
    }
}
