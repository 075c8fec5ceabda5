//! A hash table of row numbers: five bytes a row, for keys that the rows themselves hold.
//!
//! Keys come from the directory, which the operator controls; what is looked up may be hostile and only ever reads.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

/// The tag of a slot without a row.
const FREE: u8 = 0;

/// The tag of a row's hash: bits that the slot's place does not depend on.
fn tag(hash: u64) -> u8 {
    (hash >> 57) as u8 | 0x80
}

/// Hashes bytes, the same in every run.
pub fn hash(bytes: &[u8]) -> u64 {
    FixedState::with_seed(0x6465_736b).hash_one(bytes)
}

/// Row numbers by the hash of their key.
#[derive(Debug, Default)]
pub struct Table {
    slots: Vec<u32>,
    /// Seven bits of each row's hash, and one that says that the slot is taken: a word that is not there is known by
    /// these alone, without a look at any row's key.
    tags: Vec<u8>,
    len: usize,
}

impl Table {
    /// Room for this many rows without growing.
    pub fn with_capacity(rows: usize) -> Table {
        let slots = (rows + rows / 2 + 8).next_power_of_two();
        Table { slots: vec![0; slots], tags: vec![FREE; slots], len: 0 }
    }

    /// The row whose key this is, as `same` says.
    pub fn find(&self, hash: u64, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        let tag = tag(hash);
        while self.tags[at] != FREE {
            if self.tags[at] == tag && same(self.slots[at]) {
                return Some(self.slots[at]);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Adds a row that [`Table::find`] did not find. `rehash` gives the hash of a row's key when the table grows.
    pub fn insert(&mut self, hash: u64, row: u32, rehash: impl Fn(u32) -> u64) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            let old = std::mem::replace(self, Table::with_capacity((self.len + 1) * 2));
            for (row, _) in old.slots.into_iter().zip(old.tags).filter(|(_, tag)| *tag != FREE) {
                self.place(rehash(row), row);
            }
        }
        self.place(hash, row);
    }

    fn place(&mut self, hash: u64, row: u32) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.tags[at] != FREE {
            at = (at + 1) & mask;
        }
        self.slots[at] = row;
        self.tags[at] = tag(hash);
        self.len += 1;
    }
}

/// Row numbers in buckets: all rows of one key together, in the order in which they were given.
#[derive(Debug, Default)]
pub struct Buckets {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Buckets {
    /// Builds from pairs (key, row) that `pairs` yields twice in the same order; keys are below `keys`.
    pub fn build<I: Iterator<Item = (u32, u32)>>(keys: usize, pairs: impl Fn() -> I) -> Buckets {
        let mut starts = vec![0u32; keys + 2];
        for (key, _) in pairs() {
            starts[key as usize + 2] += 1;
        }
        for i in 2..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut rows = vec![0u32; starts[keys + 1] as usize];
        for (key, row) in pairs() {
            let at = &mut starts[key as usize + 1];
            rows[*at as usize] = row;
            *at += 1;
        }
        starts.pop();
        Buckets { starts, rows }
    }

    /// The rows of a key.
    pub fn get(&self, key: usize) -> &[u32] {
        match (self.starts.get(key), self.starts.get(key + 1)) {
            (Some(start), Some(end)) => &self.rows[*start as usize..*end as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in() {
        let keys: Vec<String> = (0..1000).map(|i| format!("key {i}")).collect();
        let mut table = Table::default();
        for (row, key) in keys.iter().enumerate() {
            table.insert(hash(key.as_bytes()), row as u32, |row| hash(keys[row as usize].as_bytes()));
        }
        for (row, key) in keys.iter().enumerate() {
            assert_eq!(table.find(hash(key.as_bytes()), |r| keys[r as usize] == *key), Some(row as u32));
        }
        assert_eq!(table.find(hash(b"none"), |_| false), None);
        assert_eq!(Table::default().find(1, |_| true), None);
    }

    #[test]
    fn buckets_keep_order() {
        let pairs = [(2, 7), (0, 1), (2, 9)];
        let buckets = Buckets::build(4, || pairs.iter().copied());
        assert_eq!(
            (buckets.get(0), buckets.get(1), buckets.get(2), buckets.get(3)),
            (&[1][..], &[][..], &[7, 9][..], &[][..])
        );
        assert_eq!(buckets.get(99), &[] as &[u32]);
    }
}
