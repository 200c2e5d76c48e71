//! `extract --overwrite`: what a run directory holds of a featx run goes, and nothing else.
//!
//! `run.toml` is first renamed to `run.toml.discarded`, so that from then on nothing claims to be a run. Only then do we look
//! for the locks of shards. A shard takes its lock first, and then looks whether there is still a run: so one of the two sees
//! the other. After that the layers' files go, then the small files, and `run.toml.discarded` last. If this is stopped at any
//! instant, the directory either still holds the whole run, or holds only the order to remove one, with the names of its
//! layers. The next `extract` then finishes the removal before it begins its own run.

use crate::rows::aside::BROKEN_ENDING;
use crate::rows::durable::{sync_directory, with_ending};
use crate::rows::part::{MERGED, MERGING, PARTIAL, PartName, names_in, part_name, partial_start};
use crate::run::log::Log;
use crate::run::record::{LIST_FILES, RUN_FILE, Run};
use crate::run::shard_files::{is_of_a_shard, lock_name, running_shards};
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const ENDING: &str = ".discarded";

/// Removes the run in `directory`, if there is one.
///
/// # Errors
/// A `run.toml` that cannot be read, a file that cannot be removed, a shard that is being computed.
pub fn discard(directory: &Path) -> Result<()> {
    let run = directory.join(RUN_FILE);
    if run.exists() {
        Run::read(directory)?; // names what is to be removed
        let named = || format!("cannot remove '{}'", run.display());
        let order = with_ending(&run, ENDING);
        fs::rename(&run, &order).with_context(named)?;
        sync_directory(directory)?;
        if let [first, ..] = running_shards(directory)?[..] {
            fs::rename(&order, &run).with_context(named)?;
            bail!(
                "shard {first} of '{}' is being written by another process; wait for it, or choose another --out",
                directory.display()
            );
        }
    }
    finish_discarding(directory)
}

/// Goes on where a [`discard`] was stopped.
///
/// # Errors
/// As [`discard`].
pub fn finish_discarding(directory: &Path) -> Result<()> {
    let order = with_ending(&directory.join(RUN_FILE), ENDING);
    if !order.exists() {
        return Ok(());
    }
    for layer in Run::read_file(&order)?.layers {
        let folder = directory.join(&layer.name);
        files_of_layer(&folder)?
            .iter()
            .try_for_each(|path| remove(path))?;
        // Parts that a power cut brings back would be taken for the next run's, were the order gone.
        if folder.exists() {
            sync_directory(&folder)?;
        }
        // Stays where the user has put something into it.
        let _ = fs::remove_dir(&folder);
    }
    let living: Vec<_> = running_shards(directory)?
        .into_iter()
        .map(lock_name)
        .collect();
    for name in names_in(directory)? {
        if is_of_a_shard(&name) && !living.contains(&name) {
            remove(&directory.join(name))?;
        }
    }
    let logs = Log::ALL.map(Log::of_run);
    for name in LIST_FILES
        .into_iter()
        .chain(logs.iter().map(String::as_str))
    {
        remove(&directory.join(name))?;
        remove(&directory.join(format!("{name}{PARTIAL}")))?;
    }
    remove(&with_ending(&directory.join(RUN_FILE), PARTIAL))?;
    sync_directory(directory)?;
    remove(&order)
}

/// Bytes that [`discard`] would set free.
///
/// # Errors
/// As [`discard`].
pub fn discardable_bytes(directory: &Path) -> Result<u64> {
    if !directory.join(RUN_FILE).exists() {
        return Ok(0);
    }
    let mut bytes = 0;
    for layer in Run::read(directory)?.layers {
        let files = files_of_layer(&directory.join(&layer.name))?;
        let lengths = files.iter().filter_map(|path| fs::metadata(path).ok());
        bytes += lengths.map(|metadata| metadata.len()).sum::<u64>();
    }
    Ok(bytes)
}

/// The files of a layer's folder that featx made, by their names.
fn files_of_layer(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let names = names_in(folder)?.into_iter();
    Ok(names
        .filter(|name| is_ours(name))
        .map(|name| folder.join(name))
        .collect())
}

fn is_ours(name: &str) -> bool {
    let name = name.strip_suffix(BROKEN_ENDING).unwrap_or(name);
    let is_part = || match PartName::parse(name) {
        Some(PartName::Rows(rows)) => part_name(&rows) == name,
        _ => false,
    };
    let result = name.strip_prefix(MERGED);
    is_part()
        || partial_start(name).is_some()
        || result.is_some_and(|rest| ["", PARTIAL, MERGING].contains(&rest))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("cannot remove '{}'", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::tests::example;

    #[test]
    fn only_what_featx_made_goes_and_an_interrupted_order_is_finished() {
        let dir = std::env::temp_dir().join(format!("featx-discard-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let layer = dir.join("features.30");
        fs::create_dir_all(&layer).unwrap();
        fs::create_dir_all(dir.join("features.28")).unwrap();
        let ours = [
            "features.30/features_0000000000-0000000032.npy",
            "features.30/features_0000000032-0000000064.npy.broken",
            "features.30/features_0000000064.partial",
            "features.30/features.npy",
            "features.30/features.npy.merging",
            "errors.csv",
            "memory.csv",
            "stages.csv",
            "stages_0003.csv",
            "checksums.txt",
            "checksums_0003.txt",
            "errors_0003.csv",
            "memory_0003.csv",
            "file_names.txt",
            "file_names.npy",
            "sources.toml",
            "sources.npy",
            "run.toml.partial",
        ];
        let theirs = [
            "features.30/features_0-32.npy",
            "features.30/notes.txt",
            "features.28/features_0000000000-0000000032.npy",
            "mine.txt",
        ];
        for interrupted in [false, true] {
            for name in ours.iter().chain(&theirs) {
                fs::write(dir.join(name), name).unwrap();
            }
            example().write(&dir).unwrap();
            if interrupted {
                fs::rename(dir.join(RUN_FILE), dir.join("run.toml.discarded")).unwrap();
                fs::remove_file(dir.join(ours[0])).unwrap();
                finish_discarding(&dir).unwrap();
            } else {
                assert!(discardable_bytes(&dir).unwrap() > 0);
                discard(&dir).unwrap();
            }
            for name in theirs {
                assert!(dir.join(name).exists(), "{name}");
            }
            assert_eq!(
                names_in(&dir).unwrap(),
                ["features.28", "features.30", "mine.txt"]
            );
            assert_eq!(
                names_in(&layer).unwrap(),
                ["features_0-32.npy", "notes.txt"]
            );
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
