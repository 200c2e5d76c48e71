//! The files of shards, and the shards that are being computed, by their locks.

use crate::rows::part::{PARTIAL, names_in};
use crate::run::lock::snapshot::LockSnapshot;
use crate::run::log::{Log, number};
use anyhow::Result;
use std::path::Path;

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
            && LockSnapshot::read(&directory.join(name))?.is_some_and(|found| found.seems_alive())
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
