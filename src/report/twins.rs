//! Rows that are equal to the last bit, in memory that does not grow with the run.

use std::collections::BTreeMap;
use twox_hash::XxHash3_64;

/// Hashes that are kept: 64 MiB of them. Of longer runs only rows whose hash ends in zeros are looked at, so that equal
/// rows are looked at together.
const KEPT: usize = 4 << 20;

/// Finds equal rows.
#[derive(Debug, Default)]
pub struct Twins {
    /// Hash and row.
    seen: Vec<(u64, u64)>,
    /// Ones where the hash of a row that is looked at has zeros.
    mask: u64,
    rows: u64,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Rows that are equal to an earlier one, among those that were looked at.
    pub again: u64,
    /// The rows of some groups, the largest first.
    pub largest: Vec<Vec<u64>>,
    /// How many of one row that is looked at there are: 1 where all are.
    pub one_in: u64,
}

impl Twins {
    pub fn add(&mut self, row: u64, bytes: &[u8]) {
        let hash = XxHash3_64::oneshot(bytes);
        self.rows += 1;
        if hash & self.mask == 0 {
            self.seen.push((hash, row));
        }
        while self.seen.len() > KEPT {
            self.mask = self.mask << 1 | 1;
            self.seen.retain(|(hash, _)| hash & self.mask == 0);
        }
    }

    /// The `shown` largest groups, with as many rows of each.
    pub fn groups(mut self, shown: usize) -> Groups {
        self.seen.sort_unstable();
        let groups = self.seen.chunk_by(|a, b| a.0 == b.0);
        let mut found = Groups {
            one_in: self.mask + 1,
            ..Groups::default()
        };
        let mut largest = BTreeMap::new();
        for group in groups.filter(|group| group.len() > 1) {
            found.again += group.len() as u64 - 1;
            let rows: Vec<u64> = group.iter().take(shown).map(|(_, row)| *row).collect();
            largest.insert((usize::MAX - group.len(), rows[0]), rows);
            if largest.len() > shown {
                largest.pop_last();
            }
        }
        found.largest = largest.into_values().collect();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_come_together_the_largest_group_first() {
        let mut twins = Twins::default();
        for (row, bytes) in [b"a", b"b", b"a", b"c", b"b", b"b"].iter().enumerate() {
            twins.add(row as u64, *bytes);
        }
        let groups = twins.groups(1);
        assert_eq!(
            groups.largest,
            [[1, 4, 5]; 1].map(|rows| rows[..1].to_vec())
        );
        assert_eq!((groups.again, groups.one_in), (3, 1));
    }
}
