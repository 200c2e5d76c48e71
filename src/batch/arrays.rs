//! Arrays that compute missing shards, as Slurm takes them, and the ranges that all systems write them with.

use serde::Serialize;
use std::fmt;

/// Indices as Slurm's `--array=` takes them: `3,7,12-15`, `0-30:2`. Without `%`: how many run at once is the user's.
///
/// `indices` ascend strictly.
#[must_use]
pub fn array_expression(indices: &[u64]) -> String {
    // Two or three numbers with gaps read better as a list, and may begin a longer range.
    ranges(indices, 4).join(",")
}

/// Indices as `7`, `12-15` and `0-30:2`. At least `least_with_gaps` evenly spaced indices are a range; without gaps three are
/// enough. Fewer stand one by one.
///
/// `indices` ascend strictly.
#[must_use]
pub fn ranges(indices: &[u64], least_with_gaps: usize) -> Vec<String> {
    let mut terms = Vec::new();
    let mut rest = indices;
    while let [first, tail @ ..] = rest {
        let step = tail.first().map_or(1, |next| next - first);
        let steps = rest.windows(2).take_while(|pair| pair[1] - pair[0] == step);
        let length = 1 + steps.count();
        let least = if step == 1 {
            least_with_gaps.min(3)
        } else {
            least_with_gaps
        };
        let taken = if length >= least { length } else { 1 };
        let last = rest[taken - 1];
        terms.push(match (taken, step) {
            (1, _) => format!("{first}"),
            (_, 1) => format!("{first}-{last}"),
            _ => format!("{first}-{last}:{step}"),
        });
        rest = &rest[taken..];
    }
    terms
}

/// Slurm's default `MaxArraySize`: the largest index of an array is one less.
pub const MAX_ARRAY_SIZE: u64 = 1001;

/// An array to submit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Submission {
    /// What is to be added to `SLURM_ARRAY_TASK_ID` for the index of the shard.
    pub offset: u64,
    /// The expression for `sbatch --array=`.
    pub array: String,
    #[serde(skip)]
    shards: u64,
}

/// The arrays that compute these shards of `shards`. No index may reach `max_array_size`. `indices` ascend
/// strictly.
#[must_use]
pub fn submissions(indices: &[u64], shards: u64, max_array_size: u64) -> Vec<Submission> {
    let submission = |offset: u64, indices: &[u64]| {
        let below: Vec<u64> = indices.iter().map(|index| index - offset).collect();
        let array = array_expression(&below);
        Submission {
            offset,
            array,
            shards,
        }
    };
    match indices.last() {
        None => Vec::new(),
        Some(&last) if last < max_array_size => vec![submission(0, indices)],
        Some(_) => {
            // Of the default 1001, offsets in round thousands.
            let length = max_array_size.saturating_sub(1).max(1);
            let chunks = indices.chunk_by(|a, b| a / length == b / length);
            chunks
                .map(|chunk| submission(chunk[0] / length * length, chunk))
                .collect()
        }
    }
}

/// `--array=3,7`. If the array's indices are not those of the shards, it has the option that makes up for it.
impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "--array={}", self.array)?;
        match self.offset {
            0 => Ok(()),
            offset => write!(
                f,
                " with --shard $((SLURM_ARRAY_TASK_ID + {offset}))/{}",
                self.shards
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn indices_beyond_the_largest_array_are_offset() {
        let words = |indices: &[u64], shards| -> Vec<String> {
            let all = submissions(indices, shards, MAX_ARRAY_SIZE);
            all.iter().map(ToString::to_string).collect()
        };
        assert_eq!(words(&[], 64), [""; 0]);
        assert_eq!(words(&[3, 7], 64), ["--array=3,7"]);
        assert_eq!(words(&[1000], 1001), ["--array=1000"]);
        let beyond = [999, 1000, 1001, 1002, 2400];
        let shard = |offset| format!("with --shard $((SLURM_ARRAY_TASK_ID + {offset}))/2500");
        let expected = [
            "--array=999".to_owned(),
            format!("--array=0-2 {}", shard(1000)),
            format!("--array=400 {}", shard(2000)),
        ];
        assert_eq!(words(&beyond, 2500), expected);
        let all: Vec<u64> = (0..2500).collect();
        let again = submissions(&all, 2500, 11)
            .into_iter()
            .flat_map(|submission| {
                let offset = submission.offset;
                expand(&submission.array).into_iter().map(move |index| {
                    assert!(index < 11);
                    index + offset
                })
            });
        assert_eq!(again.collect::<Vec<_>>(), all);
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
