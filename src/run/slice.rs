//! What of a run one process does, and the files of the run directory that are that process's own: on a shared filesystem
//! a file has one writer.

use crate::rows::part::{PARTIAL, names_in};
use crate::run::lock::owner::Found;
use crate::run::record::Run;
use crate::run::shards::shard_rows;
use anyhow::Result;
use std::ops::Range;
use std::path::Path;

/// A file that each process of a run adds lines to: `errors.csv` is that of a whole run, `errors_0003.csv` a shard's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// The NaN rows, and why.
    Errors,
    /// How RAM, part sizes and pace went.
    Memory,
    /// What the stages were busy for.
    Stages,
    /// What files were when they were written; that of a whole run has those that `merge` made too.
    Checksums,
}

impl Log {
    pub const ALL: [Self; 4] = [Self::Errors, Self::Memory, Self::Stages, Self::Checksums];

    fn stem_and_ending(self) -> (&'static str, &'static str) {
        match self {
            Self::Errors => ("errors", ".csv"),
            Self::Memory => ("memory", ".csv"),
            Self::Stages => ("stages", ".csv"),
            Self::Checksums => ("checksums", ".txt"),
        }
    }

    #[must_use]
    pub fn of_run(self) -> String {
        let (stem, ending) = self.stem_and_ending();
        format!("{stem}{ending}")
    }

    #[must_use]
    pub fn of_shard(self, shard: u64) -> String {
        let (stem, ending) = self.stem_and_ending();
        format!("{stem}_{shard:04}{ending}")
    }

    /// True for the name of a whole run's, and for those of shards.
    #[must_use]
    pub fn is(self, name: &str) -> bool {
        name == self.of_run() || self.is_of_a_shard(name)
    }

    fn is_of_a_shard(self, name: &str) -> bool {
        let (stem, ending) = self.stem_and_ending();
        number(name, stem, ending).is_some()
    }
}

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

    /// The log of the process that computes it.
    #[must_use]
    pub fn file(&self, log: Log) -> String {
        self.shard
            .map_or_else(|| log.of_run(), |shard| log.of_shard(shard))
    }
}

/// The lock of a shard: `shard_0003.lock`.
#[must_use]
pub fn lock_name(shard: u64) -> String {
    format!("shard_{shard:04}.lock")
}

/// True for a file that a shard wrote, or holds as its lock.
#[must_use]
pub fn is_of_a_shard(name: &str) -> bool {
    let name = name.strip_suffix(PARTIAL).unwrap_or(name);
    shard_of_lock(name).is_some() || Log::ALL.iter().any(|log| log.is_of_a_shard(name))
}

/// The shards that a process seems to be computing, by their locks, ascending.
///
/// # Errors
/// A directory or a lock that cannot be read.
pub fn running_shards(directory: &Path) -> Result<Vec<u64>> {
    let mut running = Vec::new();
    for name in names_in(directory)? {
        if let Some(shard) = shard_of_lock(&name)
            && Found::read(&directory.join(name))?.is_some_and(|found| found.seems_alive())
        {
            running.push(shard);
        }
    }
    running.sort_unstable();
    Ok(running)
}

fn shard_of_lock(name: &str) -> Option<u64> {
    number(name, "shard", ".lock")
}

/// Of a shard's file: as [`lock_name`] and [`Log::of_shard`] write it, and not otherwise.
fn number(name: &str, stem: &str, ending: &str) -> Option<u64> {
    let digits = name
        .strip_prefix(stem)?
        .strip_prefix('_')?
        .strip_suffix(ending)?;
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

    #[test]
    fn a_log_is_known_by_its_name() {
        for log in Log::ALL {
            assert!(log.is(&log.of_run()) && log.is(&log.of_shard(12_345)));
            let others = Log::ALL.into_iter().filter(|&other| other != log);
            assert!(others.into_iter().all(|other| !other.is(&log.of_shard(3))));
        }
        assert_eq!(Log::Checksums.of_run(), "checksums.txt");
        assert_eq!(Log::Errors.of_shard(3), "errors_0003.csv");
    }
}
