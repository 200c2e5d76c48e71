//! Which of how many shards.

use std::str::FromStr;

/// More than any cluster runs; each has a file while it runs.
const MOST_SHARDS: u64 = 1_000_000;

/// One of the contiguous slices of a run's rows; as text, `I/N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u64,
    pub count: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("expected I/N, such as 3/64, with I from 0 to N - 1; found '{text}'");
        let (index, count) = text.split_once('/').ok_or_else(expected)?;
        let (index, count) = (index.trim().parse(), count.trim().parse());
        match (index, count) {
            (Ok(index), Ok(count)) if index < count && count <= MOST_SHARDS => {
                Ok(Self { index, count })
            }
            (Ok(_), Ok(count)) if count > MOST_SHARDS => Err(format!(
                "expected at most {MOST_SHARDS} shards, found {count}"
            )),
            _ => Err(expected()),
        }
    }
}
