//! The rows that layers lack, in segments.

use crate::rows::row_set::RowSet;
use crate::run::writer::Segment;
use std::ops::Range;

/// Cuts the missing rows so that each segment is missing in the same layers throughout.
pub fn segments(missing: &[RowSet]) -> Vec<Segment> {
    let mut cuts: Vec<u64> = missing
        .iter()
        .flat_map(|rows| rows.ranges())
        .flat_map(|r| [r.start, r.end])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let between = cuts.windows(2).map(|cut| cut[0]..cut[1]);
    let segment = |rows: Range<u64>| Segment {
        layers: (0..missing.len())
            .filter(|&layer| missing[layer].covers(&rows))
            .collect(),
        rows,
    };
    between
        .map(segment)
        .filter(|segment| !segment.layers.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_missing_in_the_same_layers_throughout() {
        let missing = [RowSet::from(0..10), RowSet::from(4..12)];
        let segment = |rows, layers: &[usize]| Segment {
            rows,
            layers: layers.to_vec(),
        };
        assert_eq!(
            segments(&missing),
            [
                segment(0..4, &[0]),
                segment(4..10, &[0, 1]),
                segment(10..12, &[1])
            ]
        );
        assert_eq!(segments(&[RowSet::default()]), []);
    }
}
