//! The rows of a layer, read in order from wherever they are sealed: its parts, or the file that a merge made of them.

use crate::rows::checksum::RunningChecksum;
use crate::rows::dtype::{ByteOrder, Kind};
use crate::rows::layer_folder::LayerFolder;
use crate::rows::npy::Header;
use crate::rows::part::{MERGED, Part};
use crate::rows::row_set::RowSet;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bytes that a block of rows has at most, unless one row has more.
const BLOCK: u64 = 4 << 20;

/// All rows of a layer. Nothing of them is in memory.
#[derive(Debug)]
pub struct SealedRows {
    /// The header of the whole array, in the byte order of [`SealedRows::for_each_block`].
    pub header: Header,
    /// The files, in row order. Each row is in one file.
    files: Vec<Part>,
    /// The checksum so far of the file that is being read from its first byte to its last, if any.
    checked: Mutex<Option<CheckProgress>>,
}

/// How far a file was read without a gap.
#[derive(Debug)]
struct CheckProgress {
    file: usize,
    end: u64,
    sum: RunningChecksum,
}

fn ensure_not_merging(folder: &LayerFolder) -> Result<()> {
    folder
        .interrupted_merge()
        .map_or(Ok(()), |words| Err(anyhow!(words)))
}

impl SealedRows {
    /// Finds every one of `rows` rows (of as many as there are, if `None`) in `folder`.
    ///
    /// # Errors
    /// Files that cannot be read, differ, overlap or leave rows out.
    pub fn find(folder: &LayerFolder, rows: Option<u64>) -> Result<Self> {
        let path = folder.path.display();
        if let Some(merged) = &folder.merged
            && (rows.is_none() && folder.parts.is_empty() || merged.rows() == rows)
        {
            return Self::new(vec![Part {
                path: folder.path.join(MERGED),
                rows: 0..merged.shape[0],
                header: merged.clone(),
                checksums: folder.merged_checksums.clone(),
            }]);
        }
        ensure_not_merging(folder)?;
        if let Some(problem) = folder.problems().into_iter().next() {
            bail!("{problem}");
        }
        let files: Vec<Part> = folder.parts.clone();
        let end = files.last().map_or(0, |part| part.rows.end);
        let total = rows.unwrap_or(end);
        let done: RowSet = files.iter().map(|part| part.rows.clone()).collect();
        let missing = done.missing(0..total);
        ensure!(
            missing.is_empty(),
            "'{path}' lacks rows {missing} of {total}"
        );
        ensure!(
            end == total,
            "'{path}' holds rows up to {end}, expected {total}"
        );
        ensure!(!files.is_empty(), "'{path}' holds no parts");
        Self::new(files)
    }

    /// The rows of a layer that are there, whatever is missing. `None` if there are none.
    ///
    /// # Errors
    /// Files that differ or overlap; an interrupted merge.
    pub fn present(folder: &LayerFolder) -> Result<Option<Self>> {
        let end = folder.parts.last().map_or(0, |part| part.rows.end);
        let whole = folder.merged.as_ref().and_then(Header::rows);
        if whole.is_some_and(|rows| rows >= end) {
            return Self::find(folder, whole).map(Some);
        }
        ensure_not_merging(folder)?;
        match folder.problems().into_iter().next() {
            Some(problem) => bail!("{problem}"),
            None if folder.parts.is_empty() => Ok(None),
            None => Self::new(folder.parts.clone()).map(Some),
        }
    }

    /// The rows that are there.
    #[must_use]
    pub fn present_rows(&self) -> RowSet {
        self.files.iter().map(|file| file.rows.clone()).collect()
    }

    fn new(files: Vec<Part>) -> Result<Self> {
        let (first, last) = (&files[0].header, files[files.len() - 1].rows.end);
        let mut header = Header::new(first.dtype.clone(), first.shape.clone())?.with_rows(last)?;
        header.dtype = header.dtype.little_endian();
        let checked = Mutex::new(None);
        Ok(Self {
            header,
            files,
            checked,
        })
    }

    #[must_use]
    pub fn rows(&self) -> u64 {
        self.header.shape[0]
    }

    /// Rows that are read at once: some 4 MiB of them, at least one.
    #[must_use]
    pub fn block_rows(&self) -> u64 {
        (BLOCK / self.header.row_bytes().max(1)).max(1)
    }

    /// Hands over `rows` in order, `at_once` rows a block, as little-endian bytes in C order. A block may have fewer
    /// rows where the range ends. A file whose rows are read in order, by one call or several, is compared with its
    /// checksum at its last row.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or changed since it was found; whatever `take` fails with.
    pub fn for_each_block(
        &self,
        rows: Range<u64>,
        at_once: u64,
        mut take: impl FnMut(Range<u64>, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let row_bytes = self.header.row_bytes() as usize;
        let mut buffer = Vec::new();
        let mut open = None;
        let mut start = rows.start;
        while start < rows.end {
            let block = start..(start + at_once).min(rows.end);
            buffer.resize((block.end - block.start) as usize * row_bytes, 0);
            self.read(&block, &mut buffer, &mut open)?;
            take(block.clone(), &buffer)?;
            start = block.end;
        }
        Ok(())
    }

    /// Reads `rows` into `buffer`; `open` is the file that was read last.
    fn read(
        &self,
        rows: &Range<u64>,
        buffer: &mut [u8],
        open: &mut Option<(usize, File)>,
    ) -> Result<()> {
        let row_bytes = self.header.row_bytes();
        let first = self.files.partition_point(|f| f.rows.end <= rows.start);
        for (index, part) in self.files.iter().enumerate().skip(first) {
            let shared = rows.start.max(part.rows.start)..rows.end.min(part.rows.end);
            if part.rows.start >= rows.end {
                break;
            }
            let file = match open {
                Some((which, file)) if *which == index => file,
                _ => &open.insert((index, open_unchanged(part)?)).1,
            };
            let place = |row: u64| ((row - rows.start) * row_bytes) as usize;
            let at = part.header.data_offset + (shared.start - part.rows.start) * row_bytes;
            let bytes = &mut buffer[place(shared.start)..place(shared.end)];
            let named = || format!("cannot read '{}'", part.path.display());
            file.read_exact_at(bytes, at).with_context(named)?;
            self.check(index, file, at, bytes)?;
        }
        if self.files[0].header.dtype.order() == ByteOrder::Big {
            swap(buffer, &self.header);
        }
        Ok(())
    }

    /// Takes note of the bytes at `at` of a file.
    fn check(&self, index: usize, file: &File, at: u64, bytes: &[u8]) -> Result<()> {
        let part = &self.files[index];
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if at == part.header.data_offset {
            let sum = part
                .begin_checking(file)
                .with_context(|| format!("cannot read '{}'", part.path.display()))?;
            *checked = sum.map(|sum| CheckProgress {
                file: index,
                end: at,
                sum,
            });
        }
        let follows = |checked: &&mut CheckProgress| (checked.file, checked.end) == (index, at);
        let Some(checked) = checked.as_mut().filter(follows) else {
            return Ok(());
        };
        checked.sum.write(bytes);
        checked.end += bytes.len() as u64;
        match checked.end == part.header.data_offset + part.bytes() {
            true => part.check(&checked.sum),
            false => Ok(()),
        }
    }
}

fn open_unchanged(part: &Part) -> Result<File> {
    let (header, file) = Header::open(Path::new(&part.path))?;
    ensure!(
        header == part.header,
        "'{}' changed while it was being read",
        part.path.display()
    );
    Ok(file)
}

/// Turns every number round. A complex number is two.
fn swap(bytes: &mut [u8], header: &Header) {
    let parts = if header.dtype.kind() == Kind::Complex {
        2
    } else {
        1
    };
    let size = (header.dtype.size() / parts).max(1) as usize;
    bytes
        .chunks_exact_mut(size)
        .for_each(|number| number.reverse());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::dtype::Dtype;
    use crate::rows::part::part_name;

    #[test]
    fn blocks_cross_files_and_come_in_little_endian() {
        let dir = std::env::temp_dir().join(format!("featx-sealed-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        for rows in [0..3, 3..4, 4..9] {
            let shape = vec![rows.end - rows.start, 2];
            let mut bytes = Header::new(Dtype::parse(">i2").unwrap(), shape)
                .unwrap()
                .to_bytes();
            let numbers = rows.clone().flat_map(|row| [row as i16, -(row as i16)]);
            bytes.extend(numbers.flat_map(i16::to_be_bytes));
            std::fs::write(dir.join(part_name(&rows)), bytes).unwrap();
        }
        let folder = LayerFolder::read(&dir).unwrap();
        let sealed = SealedRows::find(&folder, Some(9)).unwrap();
        assert_eq!(sealed.header.dtype.descr(), "<i2");
        let mut found = Vec::new();
        let take = |rows: Range<u64>, bytes: &[u8]| {
            assert_eq!(bytes.len() as u64, (rows.end - rows.start) * 4);
            found.extend_from_slice(bytes);
            Ok(())
        };
        sealed.for_each_block(1..8, 2, take).unwrap();
        let expected = (1..8i16).flat_map(|row| [row, -row]);
        assert_eq!(
            found,
            expected.flat_map(i16::to_le_bytes).collect::<Vec<_>>()
        );
        let error = SealedRows::find(&folder, Some(10)).unwrap_err().to_string();
        assert!(error.contains("lacks rows 9-10 of 10"), "{error}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
