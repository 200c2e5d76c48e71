//! What of a run one process does, and the files of the run directory that are that process's own: on a shared filesystem
//! a file has one writer.

use crate::rows::part::names_in;
use crate::run::lock::owner::Found;
use crate::run::record::Run;
use crate::run::shards::shard_rows;
use anyhow::Result;
use std::ops::Range;
use std::path::Path;

/// The NaN rows of a whole run, and why.
pub const ERRORS: &str = "errors.csv";
const MEMORY: &str = "memory.csv";
pub const STAGES: &str = "stages.csv";
/// What the files of a whole run were when they were written, and those that `merge` made.
pub const CHECKSUMS: &str = "checksums.txt";

/// A whole run, or one shard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub rows: Range<u64>,
    /// None: the whole run.
    pub shard: Option<u64>,
}

impl Slice {
    #[must_use]
    pub fn whole(run: &Run) -> Self {
        Self {
            rows: 0..run.images,
            shard: None,
        }
    }

    #[must_use]
    pub fn shard(run: &Run, index: u64) -> Self {
        Self {
            rows: shard_rows(run.images, run.batch_size, run.shards, index),
            shard: Some(index),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.rows.end - self.rows.start
    }

    /// True for a shard beyond the last batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// `errors.csv`, or `errors_0003.csv`, which `merge` joins.
    #[must_use]
    pub fn errors_file(&self) -> String {
        self.own(ERRORS, errors_name)
    }

    /// `memory.csv`, or `memory_0003.csv`.
    #[must_use]
    pub fn memory_file(&self) -> String {
        self.own(MEMORY, |shard| format!("memory_{shard:04}.csv"))
    }

    /// `stages.csv`, or `stages_0003.csv`.
    #[must_use]
    pub fn stages_file(&self) -> String {
        self.own(STAGES, |shard| format!("stages_{shard:04}.csv"))
    }

    /// `checksums.txt`, or `checksums_0003.txt`.
    #[must_use]
    pub fn checksums_file(&self) -> String {
        self.own(CHECKSUMS, |shard| format!("checksums_{shard:04}.txt"))
    }

    fn own(&self, whole: &str, name: impl FnOnce(u64) -> String) -> String {
        self.shard.map_or_else(|| whole.to_owned(), name)
    }
}

/// The lock of a shard: `shard_0003.lock`.
#[must_use]
pub fn lock_name(shard: u64) -> String {
    format!("shard_{shard:04}.lock")
}

/// The NaN rows of a shard: `errors_0003.csv`.
#[must_use]
pub fn errors_name(shard: u64) -> String {
    format!("errors_{shard:04}.csv")
}

/// True for `checksums.txt` and those of shards.
#[must_use]
pub fn is_checksums(name: &str) -> bool {
    name == CHECKSUMS || number(name, "checksums_", ".txt").is_some()
}

/// True for `errors.csv` and those of shards.
#[must_use]
pub fn is_errors(name: &str) -> bool {
    name == ERRORS || number(name, "errors_", ".csv").is_some()
}

/// True for `memory.csv` and those of shards.
#[must_use]
pub fn is_memory(name: &str) -> bool {
    name == MEMORY || number(name, "memory_", ".csv").is_some()
}

/// True for `stages.csv` and those of shards.
#[must_use]
pub fn is_stages(name: &str) -> bool {
    name == STAGES || number(name, "stages_", ".csv").is_some()
}

/// True for a file that a shard wrote, or holds as its lock.
#[must_use]
pub fn is_of_a_shard(name: &str) -> bool {
    let name = name.strip_suffix(".partial").unwrap_or(name);
    [
        ("errors_", ".csv"),
        ("memory_", ".csv"),
        ("stages_", ".csv"),
        ("checksums_", ".txt"),
        ("shard_", ".lock"),
    ]
    .iter()
    .any(|(before, after)| number(name, before, after).is_some())
}

/// The shards that a process seems to be computing, by their locks, ascending.
///
/// # Errors
/// A directory or a lock that cannot be read.
pub fn running_shards(directory: &Path) -> Result<Vec<u64>> {
    let mut running = Vec::new();
    for name in names_in(directory)? {
        if let Some(shard) = number(&name, "shard_", ".lock")
            && Found::read(&directory.join(name))?.is_some_and(|found| found.seems_alive())
        {
            running.push(shard);
        }
    }
    running.sort_unstable();
    Ok(running)
}

/// As [`lock_name`] and the others write it, and not otherwise.
fn number(name: &str, before: &str, after: &str) -> Option<u64> {
    let digits = name.strip_prefix(before)?.strip_suffix(after)?;
    let number = digits.parse().ok()?;
    (format!("{number:04}") == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_shards_are_known_by_their_names() {
        for name in [
            "shard_0003.lock",
            "errors_12345.csv",
            "memory_0000.csv",
            "checksums_0000.txt",
            "errors_0001.csv.partial",
        ] {
            assert!(is_of_a_shard(name), "{name}");
        }
        for name in [
            "shard_3.lock",
            "errors.csv",
            "memory_.csv",
            "errors_0001.csv.bak",
            "shard_00003.lock",
        ] {
            assert!(!is_of_a_shard(name), "{name}");
        }
    }
}
