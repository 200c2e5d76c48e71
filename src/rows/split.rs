//! Cuts an array into parts. Merged again, they give the file back byte for byte.

use crate::rows::copy::{FilePosition, copy};
use crate::rows::durable::{
    existing_above, make_directory, require_space, sync_directory, with_ending,
};
use crate::rows::npy::Header;
use crate::rows::part::{PartName, names_in, part_name, read_rows_header};
use crate::rows::unfinished_file::UnfinishedFile;
use crate::text::figures::counted;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The number of parts unless the user gives one.
const USUAL: u64 = 10;

/// How to cut.
#[derive(Clone, Copy, Debug)]
pub enum Pieces {
    /// This many files, whose rows differ by at most one.
    Parts(u64),
    /// Files of this many rows; the last may have fewer.
    Rows(u64),
    /// Ten files, or as many as there are rows.
    Usual,
}

/// A split that has passed every check.
#[derive(Debug)]
pub struct Split {
    file: PathBuf,
    directory: PathBuf,
    pub header: Header,
    pub ranges: Vec<Range<u64>>,
    /// The parts that were there before; they are removed.
    replaced: Vec<PathBuf>,
}

impl Split {
    /// # Errors
    /// A file without rows to cut, fewer rows than parts, parts that exist, no space.
    pub fn plan(file: &Path, directory: &Path, pieces: Pieces, overwrite: bool) -> Result<Self> {
        let header = read_rows_header(file)?;
        let rows = header.shape[0];
        ensure!(
            !directory.exists() || directory.is_dir(),
            "'{}' is a file; choose a directory with --out",
            directory.display()
        );
        let replaced = existing_parts(directory, file, overwrite)?;
        let ranges = cut(rows, pieces).with_context(|| {
            format!(
                "'{}' has {}; choose fewer with --parts",
                file.display(),
                counted(rows, "row")
            )
        })?;
        let needed = header.data_bytes() + header.data_offset * ranges.len() as u64;
        require_space(existing_above(directory), needed)?;
        let (file, directory) = (file.into(), directory.into());
        Ok(Self {
            file,
            directory,
            header,
            ranges,
            replaced,
        })
    }

    /// Writes the parts; `false` where the header is one that NumPy does not write, so that merging them gives other
    /// bytes before the same data.
    ///
    /// All are on disk under temporary names before the first takes its own, and the first rows come last: a crash in
    /// between leaves a directory that lacks rows from 0 on, which `merge` refuses.
    ///
    /// # Errors
    /// A full or failing disk; then nothing new is left, and the parts that were there before still are.
    pub fn write(&self, advance: &dyn Fn(u64)) -> Result<bool> {
        let made = !self.directory.exists();
        make_directory(&self.directory)
            .with_context(|| format!("cannot make directory '{}'", self.directory.display()))?;
        let written = self.write_parts(advance);
        if written.is_err() && made {
            // It is ours and empty again; if it is not, it stays.
            let _ = fs::remove_dir(&self.directory);
        }
        written
    }

    fn write_parts(&self, advance: &dyn Fn(u64)) -> Result<bool> {
        let (header, file) = Header::open(&self.file)?;
        ensure!(
            header == self.header,
            "'{}' changed while it was being split",
            self.file.display()
        );
        let mut partials = PartialFiles(Vec::new());
        for range in &self.ranges {
            partials.0.push(self.write_part(&file, range, advance)?);
        }
        self.remove_replaced()?;
        while let Some(partial) = partials.0.last() {
            if let [_] = partials.0[..] {
                sync_directory(&self.directory)?; // of the first rows, whose part says that all others are there
            }
            let target = self
                .directory
                .join(part_name(&self.ranges[partials.0.len() - 1]));
            fs::rename(partial, &target)
                .with_context(|| format!("cannot write '{}'", target.display()))?;
            partials.0.pop();
        }
        sync_directory(&self.directory)?;
        self.is_restorable(&file)
    }

    /// A power cut may undo what was not synced, in any order. So the first part is gone for good before any other goes:
    /// else what is left could pass for a shorter array. And all are gone before the first new one has its name.
    fn remove_replaced(&self) -> Result<()> {
        for old in &self.replaced {
            fs::remove_file(old).with_context(|| format!("cannot remove '{}'", old.display()))?;
            if old == &self.replaced[0] {
                sync_directory(&self.directory)?;
            }
        }
        sync_directory(&self.directory)
    }

    /// Writes one part in full, under a temporary name.
    fn write_part(&self, file: &File, rows: &Range<u64>, advance: &dyn Fn(u64)) -> Result<PathBuf> {
        let target = self.directory.join(part_name(rows));
        let mut unfinished = UnfinishedFile::beside(&target)?;
        let bytes = self.part_header(rows)?;
        let from = self.header.data_offset + rows.start * self.header.row_bytes();
        let length = (rows.end - rows.start) * self.header.row_bytes();
        let write = || {
            unfinished.file().write_all_at(&bytes, 0)?;
            copy(
                FilePosition(file, from),
                FilePosition(unfinished.file(), bytes.len() as u64),
                length,
                advance,
            )?;
            unfinished.file().sync_all()
        };
        write().with_context(|| format!("cannot write '{}'", target.display()))?;
        unfinished.keep(true);
        Ok(unfinished.path().into())
    }

    /// The header has the format and length of the array's own: by these `merge` writes the array's header again.
    fn part_header(&self, rows: &Range<u64>) -> Result<Vec<u8>> {
        let part = self.header.with_rows(rows.end - rows.start)?;
        let padded = part.to_bytes_padded(self.header.version, self.header.data_offset as usize);
        Ok(padded.unwrap_or_else(|_| part.to_bytes()))
    }

    fn is_restorable(&self, file: &File) -> Result<bool> {
        let mut found = vec![0; self.header.data_offset as usize];
        file.read_exact_at(&mut found, 0)
            .with_context(|| format!("cannot read '{}'", self.file.display()))?;
        let written = self
            .header
            .to_bytes_padded(self.header.version, found.len());
        Ok(written.is_ok_and(|written| written == found))
    }
}

/// Parts that wait for their names; those that never get one are removed.
struct PartialFiles(Vec<PathBuf>);

impl Drop for PartialFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            // The names say that they are not to be trusted.
            let _ = fs::remove_file(path);
        }
    }
}

/// Row ranges, ascending; at least one, for zero rows too.
fn cut(rows: u64, pieces: Pieces) -> Result<Vec<Range<u64>>> {
    let parts = match pieces {
        Pieces::Rows(most) => {
            let starts = (0..rows.div_ceil(most).max(1)).map(|i| i * most);
            return Ok(starts
                .map(|start| start..rows.min(start.saturating_add(most)))
                .collect());
        }
        Pieces::Usual => USUAL.min(rows).max(1),
        Pieces::Parts(parts) => parts,
    };
    ensure!(
        parts <= rows.max(1),
        "it cannot be cut into {}",
        counted(parts, "part")
    );
    let at = |i: u64| (u128::from(i) * u128::from(rows) / u128::from(parts)) as u64;
    Ok((0..parts).map(|i| at(i)..at(i + 1)).collect())
}

/// The parts that a directory holds, which only `overwrite` may replace.
fn existing_parts(directory: &Path, file: &Path, overwrite: bool) -> Result<Vec<PathBuf>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut names = names_in(directory)?;
    let merging = with_ending(
        &directory.join(crate::rows::part::MERGED),
        crate::rows::part::MERGING,
    );
    ensure!(
        !merging.exists(),
        "'{}' holds rows that an interrupted merge took from their parts; finish it with merge --remove-parts",
        merging.display()
    );
    names.retain(|name| PartName::parse(name).is_some());
    let Some(first) = names.first() else {
        return Ok(Vec::new());
    };
    ensure!(
        overwrite,
        "'{}' holds parts already, such as '{first}'; pass --overwrite to replace them",
        directory.display()
    );
    let paths: Vec<_> = names.iter().map(|name| directory.join(name)).collect();
    let file = file
        .canonicalize()
        .with_context(|| format!("'{}'", file.display()))?;
    ensure!(
        !paths
            .iter()
            .any(|path| path.canonicalize().is_ok_and(|path| path == file)),
        "'{}' is itself one of the parts that would be replaced; choose another --out",
        file.display()
    );
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_tile_the_rows() {
        let lengths = |rows, pieces| -> Vec<u64> {
            let ranges = cut(rows, pieces).unwrap();
            assert_eq!(ranges[0].start, 0);
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            ranges.iter().map(|r| r.end - r.start).collect()
        };
        assert_eq!(lengths(11, Pieces::Parts(3)), [3, 4, 4]);
        assert_eq!(lengths(11, Pieces::Rows(4)), [4, 4, 3]);
        assert_eq!(lengths(8, Pieces::Rows(4)), [4, 4]);
        assert_eq!(lengths(3, Pieces::Usual), [1, 1, 1]);
        assert_eq!(lengths(0, Pieces::Usual), [0]);
        assert_eq!(lengths(0, Pieces::Rows(4)), [0]);
        assert_eq!(lengths(5, Pieces::Rows(u64::MAX)), [5]);
        assert!(cut(3, Pieces::Parts(4)).is_err());
    }
}
