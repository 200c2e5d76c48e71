//! `merge --remove-parts`: the result grows as its parts go, in the space of little more than one copy.
//!
//! First every part gets a name that says its rows, if it has none, so that each can be placed without the others. The
//! unfinished result is `features.npy.merging`, an `.npy` file whose header counts the rows that are safe. For each
//! part, in row order:
//!
//! 1. append its rows after the safe ones; fsync;
//! 2. count them in the header, rewritten in place; fsync;
//! 3. remove the part. The last part alone is removed after the result has its final name.
//!
//! Proof that no row is lost, whatever instant the process or the machine stops at. Let k be the header's count as it
//! is on disk. The header is at most 512 bytes, one sector, so it is the old or the new one. It counts a row only
//! after step 1's fsync, so rows below k are on disk in the result. A part is removed only in step 3, after the
//! header that counts all of its rows is on disk, so every row from k on lies in a part that was never touched. Hence
//! each row is in the result or in a part, and a rerun knows which from k alone, having synced the file that it read k
//! from: bytes after row k are not trusted and are written again; parts below k are removed, but only after they were
//! compared with the result, byte for byte, for they might be new ones. The last part is there until the result has
//! its name, so the number of rows is known without `run.toml` too; and once the result has its name, a rerun compares
//! the parts that are left with it and removes them.

use crate::rows::checksum::{Checksum, RunningChecksum};
use crate::rows::copy::FilePosition;
use crate::rows::durable::{directory_of, sync_directory, with_ending};
use crate::rows::join::{Join, JoinListener, copy_part, holds};
use crate::rows::merging_file::read_header;
use crate::rows::npy::Header;
use crate::rows::part::{MERGING, Part, PartName, part_name};
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// A sector is written whole or not at all.
const SECTOR: u64 = 512;

impl Join {
    /// Bytes that must be free where the result goes, to write it and remove parts on the way: the largest part, or
    /// all that is still to come where the parts lie on another filesystem.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn removal_space(&self) -> Result<u64> {
        let device = |path: &Path| -> Result<u64> {
            let meta = std::fs::metadata(directory_of(path));
            Ok(meta.with_context(|| format!("'{}'", path.display()))?.dev())
        };
        let target = device(&self.target)?;
        let (mut largest, mut all) = (0, 0);
        for part in self
            .parts
            .iter()
            .filter(|part| part.rows.end > self.safe_rows)
        {
            all += part.bytes();
            largest = part.bytes().max(largest);
            if device(&part.path)? != target {
                largest = u64::MAX;
            }
        }
        Ok(largest.min(all) + self.header_bytes.len() as u64)
    }

    /// Writes the result, or what is left of it, and removes each part once its rows are safe.
    ///
    /// # Errors
    /// A full or failing disk, a part that differs from the rows that the result took from it. Every row is then
    /// still in a part or in the result, and a rerun goes on from there.
    pub fn write_and_remove(&self, listener: JoinListener) -> Result<()> {
        if self.only_remove {
            // It may be anyone's file: equal is not yet durable.
            sync_file(&self.target)?;
            return remove_all(&self.parts);
        }
        let parts = name_by_rows(&self.parts)?;
        let Some((last, before)) = parts.split_last() else {
            return Ok(());
        };
        let mut growing = GrowingFile::open(self)?;
        for part in before {
            growing.take(part, listener.advance)?;
            remove(part)?;
        }
        growing.take(last, listener.advance)?;
        if let Some(keep) = listener.keep {
            keep(growing.checksum()?)?;
        }
        growing.file.finish(&self.target)?;
        remove_all(std::slice::from_ref(last))
    }
}

/// Renames the parts whose names do not say their rows, the last rows first: stopped in between, it leaves some that
/// count from row 0 on, and others that say where they follow, which [`crate::rows::part_file`] can place.
fn name_by_rows(parts: &[Part]) -> Result<Vec<Part>> {
    let mut named = parts.to_vec();
    for part in named.iter_mut().rev() {
        if PartName::parse(&part.name()) != Some(PartName::Rows(part.rows.clone())) {
            let path = directory_of(&part.path).join(part_name(&part.rows));
            std::fs::rename(&part.path, &path)
                .with_context(|| format!("cannot rename '{}'", part.path.display()))?;
            part.path = path;
        }
    }
    if let Some(part) = parts.first() {
        sync_directory(directory_of(&part.path))?;
    }
    Ok(named)
}

/// The unfinished result. Its header on disk counts `header.rows()` rows, all of them safe.
struct GrowingFile {
    file: UnfinishedFile,
    header: Header,
    /// The checksum of what the whole file will be. `None` where an earlier merge wrote its first rows.
    sum: Option<RunningChecksum>,
}

impl GrowingFile {
    /// Continues the file that an interrupted merge left, or makes one that holds no row.
    fn open(join: &Join) -> Result<Self> {
        let mut file = UnfinishedFile::open(with_ending(&join.target, MERGING))?;
        let named = || format!("'{}'", file.path().display());
        let found = read_header(file.file()).with_context(named)?;
        let is_new = found.is_none();
        file.keep(!is_new);
        let header = found.map_or_else(|| join.header.with_rows(0), Ok)?;
        let sum = is_new.then(|| RunningChecksum::of(&join.header_bytes));
        let mut growing = Self { file, header, sum };
        growing.check(join)?;
        growing.drop_tail()?;
        growing.sync()?;
        if is_new {
            growing.count_rows(0)?;
        }
        // The name must outlive a crash before any part may go. Who began the file may have been killed before this.
        sync_directory(directory_of(&join.target))?;
        Ok(growing)
    }

    fn check(&self, join: &Join) -> Result<()> {
        ensure!(
            self.header.data_offset <= SECTOR,
            "expected a header of at most {SECTOR} bytes, found {}; merge without --remove-parts",
            self.header.data_offset
        );
        // The file has changed since the merge was planned.
        ensure!(
            self.rows() == join.safe_rows,
            "another process is merging into '{}'; wait for it",
            join.target.display()
        );
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.header.rows().unwrap_or_default()
    }

    /// Makes the rows of `part` safe.
    fn take(&mut self, part: &Part, advance: &dyn Fn(u64)) -> Result<()> {
        if part.rows.end <= self.rows() {
            ensure!(
                holds(self.file.file(), &self.header, part)?,
                "'{}' differs from the rows that '{}' took from it; expected the parts that the merge began with",
                part.path.display(),
                self.file.path().display()
            );
            return Ok(());
        }
        ensure!(
            part.rows.start == self.rows(),
            "'{}' starts at row {}, but '{}' holds {} safely",
            part.path.display(),
            part.rows.start,
            self.file.path().display(),
            self.rows()
        );
        let appended = self.append(part, advance);
        if appended.is_err() {
            // Gives back the space at once. Should that fail too, the rows are merely not trusted.
            let _ = self.drop_tail();
        }
        appended
    }

    fn append(&mut self, part: &Part, advance: &dyn Fn(u64)) -> Result<()> {
        let end = self.header.data_offset + self.header.data_bytes();
        copy_part(
            part,
            FilePosition(self.file.file(), end),
            self.sum.as_mut(),
            advance,
        )?;
        self.sync()?;
        self.count_rows(part.rows.end)
    }

    fn count_rows(&mut self, rows: u64) -> Result<()> {
        let header = self.header.with_rows(rows)?;
        let bytes = header.to_bytes_padded(header.version, header.data_offset as usize)?;
        let named = || format!("cannot write '{}'", self.file.path().display());
        self.file
            .file()
            .write_all_at(&bytes, 0)
            .with_context(named)?;
        self.sync()?;
        self.header = header;
        // A file without rows is worth nothing.
        self.file.keep(rows > 0);
        Ok(())
    }

    /// The checksum of the whole file. The file is read again where this process did not write all of it.
    fn checksum(&self) -> Result<Checksum> {
        match &self.sum {
            Some(sum) => Ok(sum.finish()),
            None => Checksum::of_file(self.file.path(), &|_| {}),
        }
    }

    fn sync(&self) -> Result<()> {
        let named = || format!("cannot write '{}'", self.file.path().display());
        self.file.file().sync_data().with_context(named)
    }

    /// Cuts off what stands after the safe rows.
    fn drop_tail(&self) -> Result<()> {
        let length = self.header.data_offset + self.header.data_bytes();
        let named = || format!("cannot write '{}'", self.file.path().display());
        self.file.file().set_len(length).with_context(named)
    }
}

fn remove(part: &Part) -> Result<()> {
    std::fs::remove_file(&part.path)
        .with_context(|| format!("cannot remove '{}'", part.path.display()))
}

fn sync_file(path: &Path) -> Result<()> {
    let named = || format!("cannot sync '{}'", path.display());
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(named)?;
    sync_directory(directory_of(path))
}

fn remove_all(parts: &[Part]) -> Result<()> {
    parts.iter().try_for_each(remove)?;
    parts
        .first()
        .map_or(Ok(()), |part| sync_directory(directory_of(&part.path)))
}
