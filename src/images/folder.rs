//! The images of a run: which, and in what order.

use super::list::{Outside, read_list};
use super::names::FileNames;
use super::scan::scan;
use anyhow::Result;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Row i of a run is the i-th of these.
#[derive(Debug)]
pub struct Images {
    root: PathBuf,
    names: FileNames,
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
        })
    }

    pub fn len(&self) -> u64 {
        self.names.len() as u64
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
        self.names.get(row as usize)
    }

    /// False when the whole folder has vanished.
    pub fn are_there(&self) -> bool {
        self.root.is_dir()
    }

    /// `file_names.txt`: a name a line.
    pub fn file_names(&self) -> Vec<u8> {
        let lines = self
            .names
            .iter()
            .flat_map(|name| [name.as_os_str().as_bytes(), b"\n"]);
        lines.collect::<Vec<_>>().concat()
    }
}
