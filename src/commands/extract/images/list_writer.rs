//! `file_names.txt` of a run in shards, written while its images are found.

use crate::commands::extract::images::kept;
use crate::rows::unfinished_file::UnfinishedFile;
use crate::run::name_index::Index;
use crate::run::record::{FILE_NAMES, Run};
use crate::run::sources::PlacesWriter;
use crate::sources::{FileNames, Place, SourceList};
use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The list of a run in shards, and all that goes with it, under construction: names are written as they are found, and
/// not kept.
pub struct ListWriter {
    directory: PathBuf,
    names: UnfinishedFile,
    index: Index,
    places: Option<PlacesWriter>,
}

impl ListWriter {
    /// # Errors
    /// A disk that fails or is full.
    pub fn new(directory: &Path) -> Result<Self> {
        Ok(Self {
            directory: directory.to_owned(),
            names: UnfinishedFile::beside(&directory.join(FILE_NAMES))?,
            index: Index::default(),
            places: None,
        })
    }

    /// # Errors
    /// A disk that fails or is full.
    pub fn add(&mut self, names: &FileNames, places: &[Place]) -> Result<()> {
        let text = names.text();
        self.index.add(&text);
        let written = self.names.file().write_all(&text);
        written.with_context(|| format!("cannot write '{}'", self.names.path().display()))?;
        if places.is_empty() {
            return Ok(());
        }
        let writer = match self.places.take() {
            Some(writer) => writer,
            None => PlacesWriter::new(&self.directory)?,
        };
        let places = places.iter().map(|place| place.0);
        self.places.insert(writer).add(places)
    }

    /// Gives each file its name.
    ///
    /// # Errors
    /// A disk that fails or is full; a source that cannot be read.
    pub fn finish(self, run: &Run, found: &SourceList) -> Result<()> {
        self.names.finish(&self.directory.join(FILE_NAMES))?;
        self.index.write(&self.directory, &run.image_list)?;
        match self.places {
            Some(places) => {
                places.finish()?;
                kept::describe(run, found.sources())?.write(&self.directory)
            }
            None => Ok(()),
        }
    }
}
