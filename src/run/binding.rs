//! Whether a run directory is bound to its run. Without a sealed row of an image it holds nothing that could be lost: its
//! start failed, or all its images were broken. Then another run may take its place.

use crate::rows::row_set::RowSet;
use crate::run::directory::RunDir;
use crate::run::errors::ErrorLog;
use crate::run::lock::LOCK_FILE;
use crate::run::lock::snapshot::LockSnapshot;
use crate::run::log::Log;
use crate::run::shard_files::running_shards;
use anyhow::Result;
use std::path::Path;

/// True if some sealed row is an image's. Parts that cannot be read bind too: somebody may repair them.
///
/// # Errors
/// A run that cannot be read.
pub fn is_bound(directory: &Path) -> Result<bool> {
    let dir = RunDir::open(directory)?;
    let layers = dir.layers()?;
    let harmed = layers
        .iter()
        .any(|layer| !layer.folder.broken.is_empty() || layer.folder.broken_result.is_some());
    let done: RowSet = layers
        .iter()
        .flat_map(|layer| layer.folder.done().ranges().to_vec())
        .collect();
    if harmed || done.is_empty() {
        return Ok(harmed);
    }
    let skipped = skipped(&dir)?;
    Ok(!done.ranges().iter().all(|rows| skipped.covers(rows)))
}

/// True if a run is not bound and no process seems to write it.
///
/// # Errors
/// As [`is_bound`].
pub fn is_abandoned(directory: &Path) -> Result<bool> {
    let lives = |found: LockSnapshot| found.seems_alive();
    Ok(RunDir::is_at(directory)
        && !LockSnapshot::read(&directory.join(LOCK_FILE))?.is_some_and(lives)
        && running_shards(directory)?.is_empty()
        && !is_bound(directory)?)
}

/// The NaN rows that are logged.
fn skipped(dir: &RunDir) -> Result<RowSet> {
    let files: Vec<_> = match dir.run.shards {
        1 => vec![Log::Errors.of_run()],
        // What `merge` joined of them may be older than they are.
        shards => (0..shards)
            .map(|shard| Log::Errors.of_shard(shard))
            .collect(),
    };
    let mut rows = Vec::new();
    for file in files {
        let log = ErrorLog::open(&dir.path.join(file), &RowSet::default())?;
        rows.extend(log.rows().map(|row| row..row + 1));
    }
    Ok(rows.into_iter().collect())
}
