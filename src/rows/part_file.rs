//! Which rows a folder's parts hold, from their names and their row counts.
//!
//! Three namings are met. Ours, and thingsvision's for one layer, say `START-END`. thingsvision's `split_features`
//! counts `features_01.npy`, `features_02.npy`, …. And from its second layer on, `extract_features` (2.7.3, where
//! `last_image_ct = image_ct` stands inside the loop over layers) calls a part that ends at row N `features_N-N.npy`:
//! its start is the end of the part before. That is certain when every part's row count agrees with it.

use crate::rows::npy::Header;
use crate::rows::part::{Part, PartName, file_name};
use crate::text::figures::counted;
use anyhow::{Result, bail, ensure};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file whose name is that of a part.
pub struct PartFile {
    pub path: PathBuf,
    pub name: PartName,
    pub header: Header,
}

impl PartFile {
    fn count(&self) -> u64 {
        self.header.rows().unwrap_or_default()
    }

    fn place(self, rows: Range<u64>) -> Part {
        Part {
            path: self.path,
            rows,
            header: self.header,
            checksums: Vec::new(),
        }
    }

    /// thingsvision's name for a part of a second layer, whose start it lost.
    fn is_misnamed(&self) -> bool {
        matches!(&self.name, PartName::Rows(rows) if rows.is_empty() && self.count() > 0)
    }
}

/// Gives every file of `folder` its rows, in row order. `complete` says that every file could be read.
///
/// Files whose names say their rows may follow files whose names do not, if they begin at the row where those end: that is
/// how they stand while `merge --remove-parts` renames them.
///
/// # Errors
/// Names of several kinds, names that contradict the row counts, numbers that are missing.
pub fn place(folder: &Path, files: Vec<PartFile>, complete: bool) -> Result<Vec<Part>> {
    let (numbered, others): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|file| matches!(file.name, PartName::Number(_)));
    let (misnamed, named): (Vec<_>, Vec<_>) = others.into_iter().partition(PartFile::is_misnamed);
    ensure!(
        complete || (numbered.is_empty() && misnamed.is_empty()),
        "'{}' holds parts whose rows follow only from the row counts of all of them, and one cannot be read",
        folder.display()
    );
    ensure_one_kind(folder, &numbered, &misnamed)?;
    let named = sorted(named)
        .into_iter()
        .map(place_named)
        .collect::<Result<Vec<_>>>()?;
    let mut parts = place_numbered(folder, sorted(numbered))?;
    parts.extend(place_misnamed(sorted(misnamed))?);
    if let (Some(last), Some(first)) = (parts.last(), named.first()) {
        ensure!(
            last.rows.end == first.rows.start,
            two_kinds(folder, &last.path, &first.path)
        );
    }
    parts.extend(named);
    Ok(parts)
}

fn ensure_one_kind(folder: &Path, numbered: &[PartFile], misnamed: &[PartFile]) -> Result<()> {
    match (numbered.first(), misnamed.first()) {
        (Some(a), Some(b)) => bail!(two_kinds(folder, &a.path, &b.path)),
        _ => Ok(()),
    }
}

fn two_kinds(folder: &Path, a: &Path, b: &Path) -> String {
    format!(
        "'{}' holds parts named in two ways, such as '{}' and '{}', which do not follow each other; \
         expected one run's parts; move one kind elsewhere",
        folder.display(),
        file_name(a),
        file_name(b)
    )
}

fn sorted(mut files: Vec<PartFile>) -> Vec<PartFile> {
    files.sort_by_key(|file| match &file.name {
        PartName::Rows(rows) => (rows.start, rows.end),
        PartName::Number(number) => (*number, 0),
    });
    files
}

fn place_named(file: PartFile) -> Result<Part> {
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

fn place_numbered(folder: &Path, files: Vec<PartFile>) -> Result<Vec<Part>> {
    let mut end = 0u64;
    let mut place = |(i, file): (usize, PartFile)| {
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

fn place_misnamed(files: Vec<PartFile>) -> Result<Vec<Part>> {
    let mut start = 0u64;
    let mut place = |file: PartFile| {
        let PartName::Rows(Range { end, .. }) = file.name else {
            bail!("'{}' has no row in its name", file.path.display());
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
