//! A source with the name that its rows bear.

use crate::sources::file_names::FileNames;
use crate::sources::kind::Kind;
use crate::sources::list::ensure_inside;
use crate::sources::source::{Listing, Source};
use crate::text::printing::in_one_line;
use anyhow::Result;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A source, and how rows name it.
#[derive(Debug, Clone)]
pub struct NamedSource {
    /// What stands before the names of its items; nothing for a folder that is the only source.
    pub front: PathBuf,
    pub path: PathBuf,
    pub kind: Kind,
    /// The column of a table, if the user names one.
    pub inside: Option<String>,
    pub source: Arc<dyn Source>,
}

impl NamedSource {
    /// The name of an item, from the name of its row.
    pub fn item<'a>(&self, row: &'a Path) -> &'a Path {
        let front = self.front.as_os_str().len();
        match front {
            0 => row,
            _ => Path::new(OsStr::from_bytes(
                row.as_os_str()
                    .as_bytes()
                    .get(front + 1..)
                    .unwrap_or_default(),
            )),
        }
    }

    /// What the source holds.
    ///
    /// # Errors
    /// As [`Source::list`], in one line.
    pub(super) fn list(&self) -> Result<Listing> {
        self.source.list().map_err(in_one_line)
    }

    /// Where the items of some rows are.
    pub(super) fn places_of(
        &self,
        names: &FileNames,
        rows: &[usize],
        list: &Path,
    ) -> Result<Vec<u64>> {
        if self.kind == Kind::Folder {
            let inside = |&row: &usize| ensure_inside(self.item(names.get(row)), &self.path);
            rows.iter().try_for_each(inside)?;
            return Ok(vec![0; rows.len()]);
        }
        let Listing { names: all, at, .. } = self.list()?;
        let order = all.order();
        let place = |&row: &usize| {
            let item = self.item(names.get(row)).as_os_str().as_bytes();
            let found =
                order.binary_search_by(|&other| all.get(other).as_os_str().as_bytes().cmp(item));
            found.map(|place| at[order[place]]).map_err(|_| row)
        };
        rows.iter()
            .map(|row| {
                place(row).map_err(|row| {
                    anyhow::anyhow!(
                        "'{}' names '{}', and there is no such image in '{}'",
                        list.display(),
                        names.get(row).display(),
                        self.path.display()
                    )
                })
            })
            .collect()
    }
}
