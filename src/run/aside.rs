//! A damaged file of a run is put aside, and its user is told how its rows come back.

use crate::rows::aside::put_aside;
use crate::rows::checksum::DamagedFile;
use crate::rows::part::{MERGED, file_name};
use anyhow::{Error, anyhow};
use std::fmt;
use std::path::Path;

/// Renames a file so that its rows count as missing. Returns the line that says what is wrong with it, what was done, and
/// the cure.
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

/// An error about a damaged file, which is put aside first; any other error as it is.
#[must_use]
pub fn aside(error: Error) -> Error {
    match error.downcast_ref::<DamagedFile>() {
        Some(damaged) => anyhow!(aside_with_words(&damaged.path, damaged)),
        None => error,
    }
}
