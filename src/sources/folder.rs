//! The images of a run: which, and in what order.

use crate::sources::list::{Outside, ensure_inside, read_list};
use crate::sources::names::FileNames;
use crate::sources::scan::scan;
use anyhow::Result;
use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Row i of a run is the i-th of these.
#[derive(Debug)]
pub struct Images {
    root: PathBuf,
    names: FileNames,
    /// The row of the first of them: not 0 for a shard, which has the names of its own rows alone.
    first: u64,
}

impl Images {
    /// All images below `root`, sorted. A line about files that are left out goes to `say`.
    ///
    /// # Errors
    /// As [`scan`].
    pub fn scan(root: &Path, say: impl FnOnce(&str)) -> Result<Self> {
        let found = scan(root)?;
        if let Some(line) = found.others.line() {
            say(&line);
        }
        Ok(Self {
            root: root.to_owned(),
            names: found.names,
            first: 0,
        })
    }

    /// The images that a list names, in its order.
    ///
    /// # Errors
    /// As [`read_list`].
    pub fn from_list(root: &Path, list: &Path) -> Result<Self> {
        let names = read_list(list, root, Outside::Refused)?;
        Ok(Self {
            root: root.to_owned(),
            names,
            first: 0,
        })
    }

    /// The images of some rows of a run, the first of which is `first`.
    ///
    /// # Errors
    /// A name that leads out of `root`.
    pub fn of_rows(root: &Path, first: u64, names: FileNames) -> Result<Self> {
        names
            .iter()
            .try_for_each(|name| ensure_inside(name, root))?;
        let root = root.to_owned();
        Ok(Self { root, names, first })
    }

    /// The same, without the images of other rows than these.
    pub fn within(self, rows: &Range<u64>) -> Self {
        let mut names = FileNames::default();
        rows.clone().for_each(|row| names.push(self.name(row)));
        Self {
            names,
            first: rows.start,
            ..self
        }
    }

    pub fn len(&self) -> u64 {
        self.names.len() as u64
    }

    /// The rows of a run that these are: not from 0 for a shard.
    pub fn rows(&self) -> Range<u64> {
        self.first..self.first + self.len()
    }

    /// False: without images there is no run.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Where the image of a row lies.
    pub fn path(&self, row: u64) -> PathBuf {
        self.root.join(self.name(row))
    }

    /// The image of a row, relative to the folder.
    pub fn name(&self, row: u64) -> &Path {
        self.names.get((row - self.first) as usize)
    }

    /// False when the whole folder has vanished.
    pub fn are_there(&self) -> bool {
        self.root.is_dir()
    }

    /// A name a line, each as it is: what the list of images is known by.
    pub fn file_names(&self) -> &[u8] {
        self.names.lines()
    }

    /// `file_names.txt`.
    pub fn file_names_text(&self) -> Cow<'_, [u8]> {
        self.names.text()
    }
}
