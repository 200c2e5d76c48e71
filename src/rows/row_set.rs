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

    /// Number of rows.
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
        let both = other.0.iter().flat_map(|theirs| {
            let clip = |ours: &Range<u64>| ours.start.max(theirs.start)..ours.end.min(theirs.end);
            self.0.iter().map(clip)
        });
        both.collect()
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
}
