//! Putting files of rows aside that cannot be trusted: their rows count as missing then, and are computed again.

use crate::rows::checksum::DamagedFile;
use crate::rows::durable::{directory_of, sync_directory, with_ending};
use crate::rows::part::{MERGED, file_name};
use anyhow::{Context, Error, Result, anyhow};
use std::fmt;
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

/// Renames a file of a run, so that its rows count as missing. The line that says what is wrong with it, what was done,
/// and the cure.
#[must_use]
pub fn aside_with_words(path: &Path, problem: &dyn fmt::Display) -> String {
    let cure = match file_name(path) == MERGED {
        true => "merge again; rows that no part holds come from the same featx extract",
        false => "the same featx extract computes its rows again",
    };
    match put_aside(path) {
        Ok(aside) => format!("{problem}; renamed to '{}'; {cure}", aside.display()),
        Err(error) => format!("{problem}; {error:#}; once it is moved away, {cure}"),
    }
}

/// An error about a damaged file, once that is put aside; any other as it is.
#[must_use]
pub fn aside(error: Error) -> Error {
    match error.downcast_ref::<DamagedFile>() {
        Some(damaged) => anyhow!(aside_with_words(&damaged.path, damaged)),
        None => error,
    }
}
