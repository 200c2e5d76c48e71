//! Rows on their way into the parts of a run: one part for each layer at a time, all of the same rows.

use crate::rows::checksum::Checksum;
use crate::rows::dtype::Dtype;
use crate::rows::durable::sync_directory;
use crate::rows::part::part_name;
use crate::rows::part_writer::PartWriter;
use crate::rows::row_set::RowSet;
use crate::rows::row_type::RowType;
use crate::run::checksums::ChecksumLog;
use crate::run::errors::{Broken, ErrorLog};
use crate::run::log::Log;
use crate::run::record::Layer;
use crate::run::slice::Slice;
use crate::text::figures;
use anyhow::{Context, Error, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::cmp::Reverse;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Rows to be computed, of the same layers throughout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub rows: Range<u64>,
    /// Indices of the layers that lack these rows.
    pub layers: Vec<usize>,
}

/// Writes rows, in ascending order, into parts.
pub struct RunWriter {
    folders: Vec<PathBuf>,
    layers: Vec<Layer>,
    open: Option<OpenParts>,
    errors: ErrorLog,
    checksums: ChecksumLog,
    before_first_part: Option<Box<Task>>,
    /// Parts finished.
    pub parts: u64,
    /// Their size, bytes, of each layer.
    bytes: Vec<u64>,
}

/// At most this many layers are named with their sizes.
const LAYERS_SHOWN: usize = 3;

/// What is to be done once.
type Task = dyn FnOnce() + Send;

/// One part of each layer of a segment.
#[derive(Debug)]
struct OpenParts {
    rows: Range<u64>,
    next: u64,
    parts: Vec<(usize, PartWriter)>,
}

impl RunWriter {
    /// Makes the layers' folders in `directory`, for writing the rows `todo` of a slice. The files of
    /// that slice get what is broken, and the checksums of its parts.
    ///
    /// # Errors
    /// A folder that cannot be made, an `errors.csv` that cannot be read.
    pub fn new(directory: &Path, layers: Vec<Layer>, todo: &RowSet, slice: &Slice) -> Result<Self> {
        // Each layer has a file open at a time, and '*' is a thousand layers in some models.
        allow_open_files();
        let folders: Vec<PathBuf> = layers
            .iter()
            .map(|layer| directory.join(&layer.name))
            .collect();
        for folder in &folders {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create '{}'", folder.display()))?;
        }
        sync_directory(directory)?; // once, for the names of all of them
        let errors = ErrorLog::open(&directory.join(slice.file(Log::Errors)), todo)?;
        let checksums = ChecksumLog::at(directory.join(slice.file(Log::Checksums)));
        Ok(Self {
            bytes: vec![0; layers.len()],
            folders,
            layers,
            open: None,
            errors,
            checksums,
            before_first_part: None,
            parts: 0,
        })
    }

    /// Sets a task for when the first rows are computed, before any part of this process has its name.
    pub fn before_first_part(&mut self, task: impl FnOnce() + Send + 'static) {
        self.before_first_part = Some(Box::new(task));
    }

    /// True where the next row needs a new part.
    #[must_use]
    pub fn needs_part(&self) -> bool {
        self.open.is_none()
    }

    /// Opens a part of each of the segment's layers, for `rows`.
    ///
    /// # Errors
    /// As [`PartWriter::create`].
    pub fn open(&mut self, rows: Range<u64>, layers: &[usize]) -> Result<()> {
        let part = |&index: &usize| -> Result<(usize, PartWriter)> {
            let layer = &self.layers[index];
            let dtype = Dtype::from(layer.dtype);
            let count = rows.end - rows.start;
            Ok((
                index,
                PartWriter::create(&self.folders[index], rows.start, count, &layer.shape, dtype)?,
            ))
        };
        let parts = layers.iter().map(part).collect::<Result<_>>()?;
        self.open = Some(OpenParts {
            next: rows.start,
            rows,
            parts,
        });
        Ok(())
    }

    /// Writes rows that lie in the open parts: `fill(layer, memory)` gives each layer's bytes, then the rows of broken
    /// images become NaN and are logged. Seals the parts when they are full.
    ///
    /// # Errors
    /// Those of `fill`, and a disk that fails.
    pub fn write(
        &mut self,
        rows: Range<u64>,
        broken: Vec<Broken>,
        mut fill: impl FnMut(usize, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let open = self.open.as_mut().context("rows without an open part")?;
        for (layer, part) in &mut open.parts {
            part.write(rows.clone(), |memory| {
                fill(*layer, memory)?;
                let row_bytes = memory.len() / (rows.end - rows.start) as usize;
                for Broken { row, .. } in &broken {
                    let at = (row - rows.start) as usize * row_bytes;
                    fill_with_nan(&mut memory[at..][..row_bytes], self.layers[*layer].dtype);
                }
                Ok(())
            })?;
        }
        broken
            .into_iter()
            .for_each(|broken| self.errors.add(broken));
        open.next = rows.end;
        if open.next == open.rows.end {
            self.seal()?;
        }
        Ok(())
    }

    /// NaN rows of the whole run so far, or of the shard.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.errors.count()
    }

    /// The first image that gave one.
    #[must_use]
    pub fn first_skipped(&self) -> Option<&Broken> {
        self.errors.first()
    }

    /// Bytes of the parts that are finished.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// How much of which layers is in finished parts.
    #[must_use]
    pub fn written(&self) -> String {
        let names = self.layers.iter().map(|layer| layer.name.as_str());
        in_words(self.bytes.iter().copied().zip(names).collect())
    }

    /// Finishes the open parts with the rows that they have.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn seal(&mut self) -> Result<()> {
        let Some(open) = self.open.take().filter(|open| open.next > open.rows.start) else {
            return Ok(()); // parts without rows disappear
        };
        if let Some(task) = self.before_first_part.take() {
            task();
        }
        self.errors.save()?; // before the rows, so that no NaN row is ever without its reason
        // Before their files, so that every part has one; but a disk that is full of rows keeps the rows.
        let kept = self.checksums.add(&open.checksums(&self.layers)?);
        if kept.as_ref().is_err_and(|error| !is_full(error)) {
            return kept; // a disk that fails is not one to keep rows on unchecked
        }
        for (layer, part) in open.parts {
            let bytes = part.seal(open.next)?;
            self.bytes[layer] += bytes;
            self.parts += u64::from(bytes > 0);
        }
        kept
    }
}

/// `1.2 GB written: features.30 1.1 GB, classifier.3 82.0 MB`: the largest layers, where there are several.
fn in_words(mut layers: Vec<(u64, &str)>) -> String {
    let bytes = layers.iter().map(|(bytes, _)| bytes).sum();
    let all = format!("{} written", figures::bytes(bytes));
    if layers.len() == 1 || bytes == 0 {
        return all;
    }
    layers.sort_by_key(|(bytes, _)| Reverse(*bytes));
    let shown: Vec<String> = layers
        .iter()
        .take(LAYERS_SHOWN)
        .map(|(bytes, layer)| format!("{layer} {}", figures::bytes(*bytes)))
        .collect();
    let more = if layers.len() > LAYERS_SHOWN {
        ", …"
    } else {
        ""
    };
    format!("{all}: {}{more}", shown.join(", "))
}

impl OpenParts {
    /// Those of the files that its parts become, and their names: `(LAYER/FILE, checksum)`.
    fn checksums(&self, layers: &[Layer]) -> Result<Vec<(String, Checksum)>> {
        let file = part_name(&(self.rows.start..self.next));
        let name = |layer: &usize| format!("{}/{file}", layers[*layer].name);
        let parts = self.parts.iter();
        parts
            .map(|(layer, part)| Ok((name(layer), part.checksum(self.next)?)))
            .collect()
    }
}

/// Whether a disk has no room, or this user no more of it.
fn is_full(error: &Error) -> bool {
    let kind = error
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    matches!(
        kind,
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    )
}

/// As many as the system lets this user have.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    // A refusal shows when a file cannot be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
}

/// A row without an image.
fn fill_with_nan(row: &mut [u8], dtype: RowType) {
    let nan = dtype.nan();
    for element in row.chunks_exact_mut(nan.len()) {
        element.copy_from_slice(nan);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_one_that_fails() {
        let error =
            |errno: i32| Err(std::io::Error::from_raw_os_error(errno)) as std::io::Result<()>;
        let named = |errno| {
            error(errno)
                .context("cannot write 'checksums.txt'")
                .unwrap_err()
        };
        let full = [libc::ENOSPC, libc::EDQUOT, libc::EIO, libc::ESTALE]
            .map(|errno| is_full(&named(errno)));
        assert_eq!(full, [true, true, false, false]);
    }

    #[test]
    fn the_largest_layers_are_told() {
        let told =
            |bytes: &[u64]| in_words(bytes.iter().copied().zip(["a", "b", "c", "d"]).collect());
        assert_eq!(told(&[2000]), "2.0 kB written");
        assert_eq!(told(&[0, 0]), "0 B written");
        assert_eq!(told(&[1000, 2000]), "3.0 kB written: b 2.0 kB, a 1.0 kB");
        let many = "10.0 kB written: c 4.0 kB, b 3.0 kB, d 2.0 kB, …";
        assert_eq!(told(&[1000, 3000, 4000, 2000]), many);
    }
}
