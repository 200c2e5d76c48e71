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

/// Indices as Slurm's `--array=` takes them: `3,7,12-15`, `0-30:2`. Without `%`: how many run at once is the user's.
///
/// `indices` ascend strictly.
#[must_use]
pub fn array_expression(indices: &[u64]) -> String {
    let mut terms = Vec::new();
    let mut rest = indices;
    while let [first, tail @ ..] = rest {
        let step = tail.first().map_or(1, |next| next - first);
        let steps = rest.windows(2).take_while(|pair| pair[1] - pair[0] == step);
        let length = 1 + steps.count();
        // Two or three numbers with gaps read better as a list, and may begin a longer range.
        let least = if step == 1 { 3 } else { 4 };
        let taken = if length >= least { length } else { 1 };
        let last = rest[taken - 1];
        terms.push(match (taken, step) {
            (1, _) => format!("{first}"),
            (_, 1) => format!("{first}-{last}"),
            _ => format!("{first}-{last}:{step}"),
        });
        rest = &rest[taken..];
    }
    terms.join(",")
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

    #[test]
    fn array_expressions_say_the_same_indices() {
        for (indices, expected) in [
            (vec![], ""),
            (vec![5], "5"),
            (vec![3, 7, 12, 13, 14, 15], "3,7,12-15"),
            (vec![0, 1, 4, 5], "0,1,4,5"),
            (vec![0, 2, 4, 6, 7, 8, 9], "0-6:2,7-9"),
            (vec![1, 3, 4, 5, 6], "1,3-6"),
        ] {
            assert_eq!(array_expression(&indices), expected);
        }
        for bits in 0u64..4096 {
            let indices: Vec<u64> = (0..12).filter(|i| bits >> i & 1 == 1).collect();
            assert_eq!(expand(&array_expression(&indices)), indices);
        }
    }

    /// As Slurm reads it.
    fn expand(expression: &str) -> Vec<u64> {
        let terms = expression.split(',').filter(|term| !term.is_empty());
        let expand = |term: &str| {
            let (range, step) = term.split_once(':').unwrap_or((term, "1"));
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
            (first..=last)
                .step_by(step.parse().unwrap())
                .collect::<Vec<u64>>()
        };
        terms.flat_map(expand).collect()
    }
}
