//! Sets of rows, kept as ranges: what is done, what is missing.

use std::fmt;
use std::ops::Range;

/// Rows as sorted, non-empty ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet(Vec<Range<u64>>);

impl RowSet {
    #[must_use]
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.0
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|r| r.end - r.start).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows of `within` that are not in this set.
    #[must_use]
    pub fn missing(&self, within: Range<u64>) -> Self {
        let mut gaps = Vec::new();
        let mut at = within.start;
        for range in &self.0 {
            if at < range.start.min(within.end) {
                gaps.push(at..range.start.min(within.end));
            }
            at = at.max(range.end);
        }
        if at < within.end {
            gaps.push(at..within.end);
        }
        Self(gaps)
    }

    #[must_use]
    pub fn covers(&self, rows: &Range<u64>) -> bool {
        self.missing(rows.clone()).is_empty()
    }

    /// The rows that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            let common = a.start.max(b.start)..a.end.min(b.end);
            if !common.is_empty() {
                both.push(common);
            }
            // What ends first meets no later range.
            match a.end < b.end {
                true => ours.next(),
                false => theirs.next(),
            };
        }
        // Two that touched would lie in one range of either set, and so be one.
        Self(both)
    }
}

impl From<Range<u64>> for RowSet {
    fn from(range: Range<u64>) -> Self {
        std::iter::once(range).collect()
    }
}

impl FromIterator<Range<u64>> for RowSet {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|r| !r.is_empty()).collect();
        sorted.sort_by_key(|r| r.start);
        let mut set: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match set.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => set.push(range),
            }
        }
        Self(set)
    }
}

/// `0-2688, 5376-8064 and 3 more ranges`, written as in the names of parts: the end is not counted.
impl fmt::Display for RowSet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        const SHOWN: usize = 8;
        for (i, range) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{}-{}", range.start, range.end)?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            1 => f.write_str(" and 1 more range"),
            more => write!(f, " and {more} more ranges"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_and_gaps_are_found() {
        let set: RowSet = [5..7, 0..2, 2..3, 9..9, 6..8].into_iter().collect();
        assert_eq!(set.ranges(), [0..3, 5..8]);
        assert_eq!(set.len(), 6);
        assert_eq!(set.missing(0..10).to_string(), "3-5, 8-10");
        assert_eq!(set.missing(1..6).to_string(), "3-5");
        assert!(set.covers(&(5..8)) && set.covers(&(4..4)) && !set.covers(&(4..8)));
        assert_eq!(set.missing(20..22), RowSet::from(20..22));
        let other = RowSet::from(1..6);
        assert_eq!(set.intersection(&other).ranges(), [1..3, 5..6]);
    }

    /// Every range compared with every other.
    fn slow_intersection(a: &RowSet, b: &RowSet) -> RowSet {
        let pairs = a.0.iter().flat_map(|a| b.0.iter().map(move |b| (a, b)));
        pairs
            .map(|(a, b)| a.start.max(b.start)..a.end.min(b.end))
            .collect()
    }

    #[test]
    fn intersections_are_those_of_all_pairs_of_ranges() {
        let mut state = 1u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut set = || -> RowSet {
            let ranges = random(12);
            let range = |_| {
                let start = random(60);
                start..start + random(9)
            };
            (0..ranges).map(range).collect()
        };
        for _ in 0..2000 {
            let (a, b) = (set(), set());
            let found = a.intersection(&b);
            assert_eq!(found, slow_intersection(&a, &b), "{a} and {b}");
            assert_eq!(found, b.intersection(&a));
        }
    }
}
