//! Shards: contiguous slices of a run's rows, cut at batch multiples, so that every batch is the same one that a
//! single process would have made.

use std::ops::Range;

/// The rows of shard `index` of `shards`, of `rows` rows in batches of `batch`.
///
/// Shards differ by at most one batch; with more shards than batches some are empty.
#[must_use]
pub fn shard_rows(rows: u64, batch: u64, shards: u64, index: u64) -> Range<u64> {
    let (batch, shards) = (batch.max(1), shards.max(1));
    let batches = u128::from(rows.div_ceil(batch));
    let cut = |i: u64| {
        let before = batches * u128::from(i.min(shards)) / u128::from(shards);
        (before * u128::from(batch)).min(u128::from(rows)) as u64
    };
    cut(index)..cut(index.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_tile_the_rows_at_batch_multiples() {
        for (rows, batch, shards) in [
            (1000, 32, 7),
            (5, 32, 4),
            (0, 8, 3),
            (64, 1, 64),
            (u64::MAX, 3, 5),
        ] {
            let mut at = 0;
            for index in 0..shards {
                let slice = shard_rows(rows, batch, shards, index);
                assert_eq!(slice.start, at);
                assert!(slice.end == rows || slice.end.is_multiple_of(batch));
                at = slice.end;
            }
            assert_eq!(at, rows);
        }
    }
}
