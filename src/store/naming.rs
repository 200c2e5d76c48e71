//! Which rows a folder's parts hold, from their names and their row counts.
//!
//! Three namings are met. Ours, and thingsvision's for one layer, say `START-END`. thingsvision's `split_features`
//! counts `features_01.npy`, `features_02.npy`, …. And from its second layer on, `extract_features` (2.7.3, where
//! `last_image_ct = image_ct` stands inside the loop over layers) calls a part that ends at row N `features_N-N.npy`:
//! its start is the end of the part before. That is certain when every part's row count agrees with it.

use super::npy::Header;
use super::parts::{Part, PartName, file_name};
use crate::figures::counted;
use anyhow::{Result, bail, ensure};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file that its name takes for a part.
pub struct Named {
    pub path: PathBuf,
    pub name: PartName,
    pub header: Header,
}

impl Named {
    fn count(&self) -> u64 {
        self.header.rows().unwrap_or_default()
    }

    fn place(self, rows: Range<u64>) -> Part {
        Part {
            path: self.path,
            rows,
            header: self.header,
        }
    }

    /// thingsvision's name for a part of a second layer, whose start it lost.
    fn is_misnamed(&self) -> bool {
        matches!(&self.name, PartName::Rows(rows) if rows.is_empty() && self.count() > 0)
    }
}

/// Gives every file of `folder` its rows, in row order. `complete` says that every file could be read.
///
/// # Errors
/// Names of several kinds, names that contradict the row counts, numbers that are missing.
pub fn place(folder: &Path, mut files: Vec<Named>, complete: bool) -> Result<Vec<Part>> {
    let numbered = files
        .iter()
        .filter(|f| matches!(f.name, PartName::Number(_)))
        .count();
    let misnamed = files.iter().any(Named::is_misnamed);
    ensure!(
        numbered == 0 || numbered == files.len(),
        "'{}' holds parts of two kinds, '{}' and '{}'; expected one run's parts; move one kind elsewhere",
        folder.display(),
        name_of_kind(&files, true),
        name_of_kind(&files, false)
    );
    ensure!(
        complete || (numbered == 0 && !misnamed),
        "'{}' holds parts whose rows follow only from the row counts of all of them, and one cannot be read",
        folder.display()
    );
    files.sort_by_key(|file| match &file.name {
        PartName::Rows(rows) => (rows.start, rows.end),
        PartName::Number(number) => (*number, 0),
    });
    match (numbered > 0, misnamed) {
        (true, _) => place_numbered(folder, files),
        (_, true) => place_misnamed(folder, files),
        _ => files.into_iter().map(place_named).collect(),
    }
}

fn name_of_kind(files: &[Named], numbered: bool) -> String {
    let is_kind = |f: &&Named| matches!(f.name, PartName::Number(_)) == numbered;
    files
        .iter()
        .find(is_kind)
        .map(|f| file_name(&f.path))
        .unwrap_or_default()
}

fn place_named(file: Named) -> Result<Part> {
    let PartName::Rows(rows) = file.name.clone() else {
        bail!("'{}' has no row range in its name", file.path.display());
    };
    let (said, found) = (rows.end - rows.start, file.count());
    ensure!(
        said == found,
        "'{}' holds {}, its name says {said}; delete it and extract again",
        file.path.display(),
        counted(found, "row")
    );
    Ok(file.place(rows))
}

fn place_numbered(folder: &Path, files: Vec<Named>) -> Result<Vec<Part>> {
    let mut end = 0u64;
    let mut place = |(i, file): (usize, Named)| {
        let PartName::Number(number) = file.name else {
            bail!("'{}' has no number in its name", file.path.display());
        };
        let expected = i as u64 + 1;
        ensure!(
            number >= expected,
            "'{}' holds part {number} twice, as '{}' too; move one elsewhere",
            folder.display(),
            file_name(&file.path)
        );
        ensure!(
            number == expected,
            "'{}' lacks part {expected}: expected 'features_{expected:02}.npy', found '{}'",
            folder.display(),
            file_name(&file.path)
        );
        let start = end;
        end += file.count();
        Ok(file.place(start..end))
    };
    files.into_iter().enumerate().map(&mut place).collect()
}

fn place_misnamed(folder: &Path, files: Vec<Named>) -> Result<Vec<Part>> {
    let mut start = 0u64;
    let mut place = |file: Named| {
        let end = match &file.name {
            PartName::Rows(rows) if rows.is_empty() => rows.end,
            _ => bail!(
                "'{}' holds parts of two kinds: '{}' names its rows, others are named as thingsvision names a second \
                 layer's; move one kind elsewhere",
                folder.display(),
                file_name(&file.path)
            ),
        };
        ensure!(
            end - start == file.count(),
            "'{}' is named as thingsvision names a second layer's parts, by their last row alone; \
             after row {start} it should hold {}, it holds {}, so its rows are not certain; extract this layer again",
            file.path.display(),
            counted(end - start, "row"),
            file.count()
        );
        Ok(file.place(std::mem::replace(&mut start, end)..end))
    };
    files.into_iter().map(&mut place).collect()
}
