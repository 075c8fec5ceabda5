//! What the indexes over the directory are made of: the hash of a key, values and filters by it, row numbers in buckets.
//!
//! Keys come from the directory, which the operator controls; what is looked up may be hostile and only ever reads.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Hashes bytes, the same in every run.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0x6465_736b).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

/// Values by the hash of their keys; the keys are not kept. Who finds a word that has another's 64 bits gains nothing that
/// the other word would not have given him.
#[derive(Debug, Clone, Default)]
pub struct ByHash<T>(HashTable<(u64, T)>);

impl<T> ByHash<T> {
    /// The value of a key.
    #[inline]
    pub fn get(&self, hash: u64) -> Option<&T> {
        self.0.find(hash, |(known, _)| *known == hash).map(|(_, value)| value)
    }

    /// The value of a key, the first time this one.
    pub fn or_insert(&mut self, hash: u64, value: T) -> &mut T {
        let entry = self.0.entry(hash, |(known, _)| *known == hash, |(known, _)| *known);
        &mut entry.or_insert((hash, value)).into_mut().1
    }

    /// The hashes of all keys, in no order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.0.iter().map(|(hash, _)| *hash)
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

/// Which hashes are among some: says so of all that are, and of few others. Most looks for a key that is not there end
/// here, at one bit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    bits: Vec<u64>,
}

impl Filter {
    /// An empty filter for so many keys.
    pub fn with_capacity(keys: usize) -> Filter {
        Filter { bits: vec![0; (keys / 8).next_power_of_two()] }
    }

    /// The filter of these keys.
    pub fn of(keys: impl ExactSizeIterator<Item = u64>) -> Filter {
        let mut filter = Filter::with_capacity(keys.len());
        keys.for_each(|key| filter.insert(key));
        filter
    }

    /// Adds a key.
    pub fn insert(&mut self, hash: u64) {
        let (at, bit) = self.place(hash);
        self.bits[at] |= bit;
    }

    /// Whether this may be one of the keys.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let (at, bit) = self.place(hash);
        self.bits.get(at).is_some_and(|bits| bits & bit != 0)
    }

    /// Where a key's bit is: by other bits of the hash than those that buckets go by.
    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        ((hash >> 32) as usize & self.bits.len().wrapping_sub(1), 1 << (hash >> 26 & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
