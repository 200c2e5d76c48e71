//! `errors.csv`, or a shard's `errors_0003.csv`: the images that gave a NaN row, and why.

use crate::rows::durable::{directory_of, sync_directory};
use crate::rows::row_set::RowSet;
use crate::rows::unfinished_file::write_whole;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// An image that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    pub row: u64,
    /// As `file_names.txt` has it.
    pub path: String,
    pub reason: String,
}

/// What the file holds and will hold.
#[derive(Debug)]
pub struct ErrorLog {
    path: PathBuf,
    rows: BTreeMap<u64, Broken>,
    changed: bool,
}

impl ErrorLog {
    /// Reads what earlier processes found, without the rows that will be computed again.
    ///
    /// # Errors
    /// A file that is there but is no such table.
    pub fn open(path: &Path, again: &RowSet) -> Result<Self> {
        let path = path.to_owned();
        let mut rows = BTreeMap::new();
        let mut changed = false;
        let named = || format!("cannot read '{}'", path.display());
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            file => Some(file.with_context(named)?),
        };
        if let Some(file) = file {
            for broken in csv::Reader::from_reader(file).deserialize() {
                let broken: Broken = broken.with_context(named)?;
                if again.covers(&(broken.row..broken.row + 1)) {
                    changed = true;
                } else {
                    rows.insert(broken.row, broken);
                }
            }
        }
        Ok(Self {
            path,
            rows,
            changed,
        })
    }

    pub fn add(&mut self, broken: Broken) {
        self.changed |= self.rows.insert(broken.row, broken.clone()) != Some(broken);
    }

    /// The rows of the images that are in the log, ascending.
    pub fn rows(&self) -> impl Iterator<Item = u64> {
        self.rows.keys().copied()
    }

    /// The first image that is in the log.
    #[must_use]
    pub fn first(&self) -> Option<&Broken> {
        self.rows.values().next()
    }

    /// Images that are in the log.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Writes the whole file again, or nothing of it, if anything was added.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn save(&mut self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        self.changed = false;
        if self.rows.is_empty() {
            std::fs::remove_file(&self.path)
                .with_context(|| format!("cannot remove '{}'", self.path.display()))?;
            // Else a power cut may bring it back beside rows that are no NaN any more.
            return sync_directory(directory_of(&self.path));
        }
        let mut table = csv::Writer::from_writer(Vec::new());
        for broken in self.rows.values() {
            table.serialize(broken)?;
        }
        let bytes = table.into_inner().context("errors.csv")?;
        write_whole(&self.path, &bytes)
    }
}
