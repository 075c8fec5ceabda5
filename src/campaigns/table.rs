//! What the indexes over the directory are made of: the hash of a key, and row numbers in buckets.
//!
//! Keys come from the directory, which the operator controls; what is looked up may be hostile and only ever reads.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

/// Hashes bytes, the same in every run.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0x6465_736b).build_hasher();
    hasher.write(bytes);
    hasher.finish()
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
