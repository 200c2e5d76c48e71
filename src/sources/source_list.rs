//! The sources of a run, in the order of its rows, and where in them the items of some names are.

use crate::sources::file_names::FileNames;
use crate::sources::images::Images;
use crate::sources::kind::Kind;
use crate::sources::list::{ensure_inside, read_list};
use crate::sources::list_mistakes::ensure_plain;
use crate::sources::named_source::NamedSource;
use crate::sources::opening::{ensure_good_names, open};
use crate::sources::parallel::in_parallel;
use crate::sources::place::Place;
use crate::sources::source_path::expand;
use crate::text::figures;
use crate::text::printing::in_one_line;
use anyhow::{Result, bail};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// All sources of a run. A copy has the same sources.
#[derive(Debug, Clone)]
pub struct SourceList {
    sources: Vec<NamedSource>,
}

impl SourceList {
    /// # Errors
    /// A path that is no source; two sources whose rows would have the same names.
    pub fn new(typed: &[PathBuf]) -> Result<Self> {
        let mut sources = Vec::new();
        for path in typed {
            for typed in expand(path)? {
                sources.push(open(typed).map_err(in_one_line)?);
            }
        }
        if let [
            NamedSource {
                kind: Kind::Folder,
                front,
                ..
            },
        ] = sources.as_mut_slice()
        {
            *front = PathBuf::new();
        }
        ensure_good_names(&sources)?;
        Ok(Self { sources })
    }

    pub fn sources(&self) -> &[NamedSource] {
        &self.sources
    }

    /// The path of the only source, if that is a folder: then rows are named by their paths in it.
    pub fn only_folder(&self) -> Option<&Path> {
        match self.sources.as_slice() {
            [
                NamedSource {
                    kind: Kind::Folder,
                    path,
                    ..
                },
            ] => Some(path),
            _ => None,
        }
    }

    /// SHA-256 of the names in a list, one name per line. The names are neither looked for nor kept.
    ///
    /// # Errors
    /// As [`SourceList::each`] has them of a list, but for what lies in archives.
    pub fn digest_of(&self, list: &Path) -> Result<String> {
        let mut digest = Sha256::new();
        self.each_of_list(list, &mut |names| {
            digest.update(names.lines());
            Ok(())
        })?;
        Ok(figures::hex(&digest.finalize()))
    }

    /// Gives `take` the names in a list, some at a time.
    ///
    /// # Errors
    /// The list cannot be read, or is of another kind; what `take` fails with.
    pub(super) fn each_of_list(
        &self,
        list: &Path,
        take: &mut dyn FnMut(FileNames) -> Result<()>,
    ) -> Result<()> {
        // What paths of a list are relative to.
        let root = self.only_folder().unwrap_or(Path::new("IMAGES"));
        let head = read_list(list, root, take)?;
        match self.only_folder() {
            Some(root) => ensure_plain(&head, list, root),
            None => Ok(()),
        }
    }

    /// The images of these names, which stand in `list`. The first one is row `first`.
    ///
    /// # Errors
    /// A name that leads out of a folder, or is of no image in the sources. What lies in folders is not looked for.
    pub fn located(self, first: u64, names: FileNames, list: &Path) -> Result<Images> {
        let places = self.places_of(&names, list)?;
        self.placed(first, names, places)
    }

    /// Where the items of these names are; nothing for a folder that is the only source.
    pub(super) fn places_of(&self, names: &FileNames, list: &Path) -> Result<Vec<Place>> {
        if self.only_folder().is_some() {
            return Ok(Vec::new());
        }
        let rows = self.rows_by_source(names, list)?;
        let found = in_parallel(self.sources.len(), |i| match rows[i].is_empty() {
            true => Ok(Vec::new()),
            false => self.sources[i].places_of(names, &rows[i], list),
        })?;
        let mut places = vec![Place::new(0, 0); names.len()];
        for (source, (rows, found)) in rows.iter().zip(found).enumerate() {
            for (&row, at) in rows.iter().zip(found) {
                places[row] = Place::new(source, at);
            }
        }
        Ok(places)
    }

    /// Images whose places are known from an earlier search. The first one is row `first`. A folder alone has no places.
    ///
    /// # Errors
    /// A name that leads out of a folder.
    pub fn placed(self, first: u64, names: FileNames, places: Vec<Place>) -> Result<Images> {
        if let Some(root) = self.only_folder() {
            names
                .iter()
                .try_for_each(|name| ensure_inside(name, root))?;
        }
        Ok(Images::new(self.sources, first, names, places))
    }

    /// The rows that each source has.
    fn rows_by_source(&self, names: &FileNames, list: &Path) -> Result<Vec<Vec<usize>>> {
        let fronts: HashMap<&[u8], usize> = self
            .sources
            .iter()
            .enumerate()
            .map(|(i, named)| (named.front.as_os_str().as_bytes(), i))
            .collect();
        let mut rows = vec![Vec::new(); self.sources.len()];
        for (row, name) in names.iter().enumerate() {
            let bytes = name.as_os_str().as_bytes();
            let slashes = (0..bytes.len()).filter(|&at| bytes[at] == b'/');
            let ends = slashes.chain([bytes.len()]); // the whole name is that of a single image
            let source = ends.filter_map(|at| fronts.get(&bytes[..at])).next();
            let Some(&source) = source else {
                bail!(
                    "'{}' names '{}', which begins with no source's name; expected, as in file_names.txt, '{}/…'",
                    list.display(),
                    name.display(),
                    self.sources[0].front.display()
                );
            };
            rows[source].push(row);
        }
        Ok(rows)
    }

    pub(super) fn shown(&self) -> String {
        let paths: Vec<_> = self
            .sources
            .iter()
            .take(3)
            .map(|named| format!("'{}'", named.path.display()))
            .collect();
        let more = if self.sources.len() > 3 { ", …" } else { "" };
        paths.join(", ") + more
    }
}
