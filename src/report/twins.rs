//! Rows that are equal to the last bit, in memory that does not grow with the run.

use std::collections::BTreeMap;
use twox_hash::XxHash3_64;

/// Rows that are kept with their hashes: 64 MiB of them. Where more differ, only those whose hash ends in zeros are looked
/// at, so that equal rows are looked at together.
const KEPT: usize = 4 << 20;

/// Rows of a group that are kept; the others are only counted, so that a group of millions takes no more room.
const NAMED: usize = 5;

/// Finds equal rows.
#[derive(Debug)]
pub struct Twins {
    /// Hash and row.
    seen: Vec<(u64, u64)>,
    /// How many rows of a hash were counted beside those in `seen`.
    counted: BTreeMap<u64, u64>,
    /// Ones where the hash of a row that is looked at has zeros.
    mask: u64,
    /// The most that `seen` holds.
    room: usize,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Rows that are equal to an earlier one, among those that were looked at.
    pub again: u64,
    pub looked_at: u64,
    /// The first rows of some groups, the largest first.
    pub largest: Vec<Vec<u64>>,
    /// One in this number of different rows was looked at: 1 if all were.
    pub one_in: u64,
}

impl Default for Twins {
    fn default() -> Self {
        Self::within(KEPT)
    }
}

impl Twins {
    /// Keeps at most `room` rows.
    fn within(room: usize) -> Self {
        Self {
            seen: Vec::new(),
            counted: BTreeMap::new(),
            mask: 0,
            room,
        }
    }

    pub fn add(&mut self, row: u64, bytes: &[u8]) {
        let hash = XxHash3_64::oneshot(bytes);
        if hash & self.mask == 0 {
            self.seen.push((hash, row));
        }
        if self.seen.len() > self.room {
            self.make_room();
        }
    }

    /// Frees half the room at least, so that sorting pays: of each group the first rows are kept, and where that is not
    /// enough, fewer hashes are looked at.
    fn make_room(&mut self) {
        self.seen.sort_unstable();
        let (mut last, mut rows) = (0, 0);
        self.seen.retain(|&(hash, _)| {
            rows = if hash == last { rows + 1 } else { 1 };
            last = hash;
            if rows > NAMED {
                *self.counted.entry(hash).or_default() += 1;
            }
            rows <= NAMED
        });
        while self.seen.len() > self.room / 2 {
            self.mask = self.mask << 1 | 1;
            self.seen.retain(|(hash, _)| hash & self.mask == 0);
            self.counted.retain(|hash, _| hash & self.mask == 0);
        }
    }

    /// The `shown` largest groups.
    pub fn groups(mut self, shown: usize) -> Groups {
        self.seen.sort_unstable();
        let groups = self.seen.chunk_by(|a, b| a.0 == b.0);
        let mut found = Groups {
            one_in: self.mask + 1,
            ..Groups::default()
        };
        let mut largest = BTreeMap::new();
        for group in groups {
            let counted = self.counted.get(&group[0].0).copied().unwrap_or(0);
            let count = group.len() as u64 + counted;
            found.looked_at += count;
            if count == 1 {
                continue;
            }
            found.again += count - 1;
            let rows: Vec<u64> = group.iter().take(NAMED).map(|(_, row)| *row).collect();
            largest.insert((u64::MAX - count, rows[0]), rows);
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
        assert_eq!(groups.largest, [[1, 4, 5]]);
        assert_eq!((groups.again, groups.looked_at, groups.one_in), (3, 6, 1));
    }

    #[test]
    fn a_group_may_be_larger_than_the_room() {
        let mut twins = Twins::within(32);
        for row in 0..1000 {
            twins.add(row, if row % 10 == 3 { b"few" } else { b"all" });
        }
        let groups = twins.groups(5);
        assert_eq!(groups.largest, [[0, 1, 2, 4, 5], [3, 13, 23, 33, 43]]);
        let counts = (groups.again, groups.looked_at, groups.one_in);
        assert_eq!(counts, (998, 1000, 1));
    }

    #[test]
    fn a_sample_has_all_rows_of_a_group() {
        let mut twins = Twins::within(64);
        for row in 0..2000u64 {
            twins.add(row, &(row % 1000).to_le_bytes());
        }
        let groups = twins.groups(3);
        assert!(groups.one_in > 1 && groups.again > 0, "{groups:?}");
        assert_eq!(groups.looked_at, 2 * groups.again);
        assert!(groups.largest.iter().all(|rows| rows[0] + 1000 == rows[1]));
    }
}
