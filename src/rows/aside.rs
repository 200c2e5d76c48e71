//! Putting files of rows aside that cannot be trusted: their rows count as missing then.

use crate::rows::durable::{directory_of, sync_directory, with_ending};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// What such a file is renamed to.
pub const BROKEN_ENDING: &str = ".broken";

/// Renames a file so that its rows count as missing; its new path.
///
/// # Errors
/// It cannot be renamed.
pub fn put_aside(path: &Path) -> Result<PathBuf> {
    let aside = with_ending(path, BROKEN_ENDING);
    std::fs::rename(path, &aside).with_context(|| format!("cannot rename '{}'", path.display()))?;
    // Without this, a power cut may bring it back beside the parts that are computed in its place.
    sync_directory(directory_of(path))?;
    Ok(aside)
}
