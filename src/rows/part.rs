//! Parts: files of consecutive rows, and the names that say which.

use crate::rows::checksum::{Checksum, RunningChecksum};
use crate::rows::npy::Header;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What `merge` makes of a layer's parts.
pub const MERGED: &str = "features.npy";

/// What [`MERGED`] ends in while `merge --remove-parts` makes it.
pub const MERGING: &str = ".merging";

/// What a file's name ends in while it is under construction.
pub const PARTIAL: &str = ".partial";

/// What the name of a part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartName {
    /// `features_0000000000-0000002688.npy`, or thingsvision's `features_0-2688.npy`: rows `start` to `end - 1`.
    Rows(Range<u64>),
    /// thingsvision's `features_01.npy`: the number of the part, counted from 1.
    Number(u64),
}

impl PartName {
    /// Reads a file's name; `None` for everything that is not a finished part.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let middle = name.strip_prefix("features_")?.strip_suffix(".npy")?;
        match middle.split_once('-') {
            None => number(middle).map(Self::Number),
            Some((start, end)) => {
                let (start, end) = (number(start)?, number(end)?);
                (start <= end).then_some(Self::Rows(start..end))
            }
        }
    }
}

/// The name of the part that holds `rows`: `features_0000000000-0000002688.npy`.
#[must_use]
pub fn part_name(rows: &Range<u64>) -> String {
    format!("features_{:010}-{:010}.npy", rows.start, rows.end)
}

/// The name of a part under construction that starts at row `start`; [`PartName::parse`] never takes it for a part.
#[must_use]
pub fn partial_name(start: u64) -> String {
    format!("features_{start:010}{PARTIAL}")
}

/// The first row of a part under construction, from its name.
#[must_use]
pub fn partial_start(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("features_")?.strip_suffix(PARTIAL)?;
    let start = digits.parse().ok()?;
    (partial_name(start) == name).then_some(start)
}

fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

/// A finished part.
#[derive(Clone, Debug)]
pub struct Part {
    pub path: PathBuf,
    pub rows: Range<u64>,
    pub header: Header,
    /// The checksums of the file that the run has kept. The file is right if it has any one of them. Empty if nothing is known.
    pub checksums: Vec<Checksum>,
}

impl Part {
    /// The file's name, for messages about several parts of one folder.
    #[must_use]
    pub fn name(&self) -> String {
        file_name(&self.path)
    }

    /// The number of bytes of data.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.header.data_bytes()
    }

    /// The checksum of the open file's header, to which its data is to be added. `None` where no checksum
    /// is known.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn begin_checking(&self, file: &File) -> std::io::Result<Option<RunningChecksum>> {
        if self.checksums.is_empty() {
            return Ok(None);
        }
        let mut header = vec![0; self.header.data_offset as usize];
        file.read_exact_at(&mut header, 0)?;
        Ok(Some(RunningChecksum::of(&header)))
    }

    /// Compares the checksum of the whole file, as it was read, with those that are known of it.
    ///
    /// # Errors
    /// [`crate::rows::checksum::DamagedFile`]
    pub fn check(&self, read: &RunningChecksum) -> Result<()> {
        Ok(read.finish().ensure_one_of(&self.checksums, &self.path)?)
    }
}

/// Reads the header of a file whose rows can be moved.
///
/// # Errors
/// As [`Header::read`]; a single number, or Fortran order: neither has rows that lie one after the other.
pub fn read_rows_header(path: &Path) -> Result<Header> {
    let header = Header::read(path)?;
    let path = path.display();
    ensure!(
        header.rows().is_some(),
        "'{path}' holds a single number, which has no rows"
    );
    ensure!(
        !header.fortran_order,
        "'{path}' is in Fortran order, so its rows do not lie one after the other; \
         save it again with np.ascontiguousarray"
    );
    Ok(header)
}

/// The last component of a path, as text.
#[must_use]
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// The names of what a directory holds, sorted by bytes.
///
/// # Errors
/// The directory does not exist or cannot be read.
pub fn names_in(directory: &Path) -> Result<Vec<String>> {
    let named = || format!("cannot read directory '{}'", directory.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(named)? {
        // A name that is not UTF-8 is no name of ours.
        names.extend(entry.with_context(named)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_their_rows_and_others_are_not_parts() {
        assert_eq!(part_name(&(0..2688)), "features_0000000000-0000002688.npy");
        assert_eq!(
            PartName::parse(&part_name(&(0..2688))),
            Some(PartName::Rows(0..2688))
        );
        assert_eq!(
            PartName::parse("features_0-2688.npy"),
            Some(PartName::Rows(0..2688))
        );
        assert_eq!(
            PartName::parse("features_08.npy"),
            Some(PartName::Number(8))
        );
        for name in [
            MERGED,
            &partial_name(0),
            "features_0-10.npy.partial",
            "features_10-0.npy",
            "features_-1-2.npy",
            "features_+1.npy",
            "features_.npy",
            "features_1-.npy",
            "features_99999999999999999999.npy",
            "features_0-1.pt",
        ] {
            assert_eq!(PartName::parse(name), None, "{name}");
        }
    }
}
