//! A part under construction: rows written through a memory map over blocks that the disk has already given.

use crate::rows::checksum::{Checksum, RunningChecksum};
use crate::rows::dtype::Dtype;
use crate::rows::durable::require_space;
use crate::rows::npy::Header;
use crate::rows::part::{part_name, partial_name};
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, ensure};
use memmap2::{Advice, MmapMut};
use rustix::io::Errno;
use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Bytes of rows that are sent to the disk at a time. Fewer cost more of the processor.
const SENT_AT_ONCE: u64 = 8 << 20;
/// Bytes of a huge page.
const HUGE: u64 = 2 << 20;
/// Bytes of a part that is written through huge pages, where kernel and filesystem have them. In a smaller
/// one, too much of that memory would wait for its rows.
const LARGE: u64 = 16 * HUGE;

/// One layer's rows `start..`, written in their order, then sealed.
#[derive(Debug)]
pub struct PartWriter {
    unfinished: UnfinishedFile,
    map: MmapMut,
    folder: PathBuf,
    header: Header,
    start: u64,
    /// Bytes of the file that are on their way to the disk.
    sent: u64,
    /// The checksum of the file so far, with the header of a part that becomes full.
    sum: RunningChecksum,
}

impl PartWriter {
    /// Makes a part of at most `rows` rows in `folder`, all of its blocks allocated: a store into it cannot meet a
    /// full disk (which would be SIGBUS, not an error).
    ///
    /// # Errors
    /// No space, no permission, another process that writes the same part.
    pub fn create(
        folder: &Path,
        start: u64,
        rows: u64,
        row_shape: &[u64],
        dtype: Dtype,
    ) -> Result<Self> {
        let shape = [&[rows], row_shape].concat();
        let header = Header::new(dtype, shape)?;
        let unfinished = UnfinishedFile::create(folder.join(partial_name(start)))?;
        let named = || format!("cannot write '{}'", unfinished.path().display());
        allocate(
            unfinished.file(),
            header.data_offset + header.data_bytes(),
            folder,
        )
        .with_context(named)?;
        // SAFETY: this process holds the file's lock, and nothing else of it maps or truncates the file: readers wait
        // for its final name, and `seal` unmaps before it shortens.
        let mut map = unsafe { MmapMut::map_mut(unfinished.file()) }.with_context(named)?;
        if header.data_bytes() >= LARGE {
            let _ = map.advise(Advice::HugePage); // before the first page is touched
        }
        let first = header.to_bytes();
        map[..first.len()].copy_from_slice(&first);
        let sum = RunningChecksum::of(&first);
        Ok(Self {
            unfinished,
            map,
            folder: folder.to_owned(),
            header,
            start,
            sent: 0,
            sum,
        })
    }

    /// Lets `fill` write the next rows, numbered as in the whole run, into their memory, in C order. Meanwhile
    /// bytes are sent to the disk as soon as there are enough, so that little is left to wait for at the end.
    ///
    /// # Errors
    /// The errors of `fill`.
    ///
    /// # Panics
    /// Where the part does not hold those rows.
    pub fn write(
        &mut self,
        rows: Range<u64>,
        fill: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let bytes = self.place(rows.start)..self.place(rows.end);
        let end = bytes.end as u64;
        // All pages at once take half the time that they take one by one, which is how they come where the kernel cannot.
        let _ = self
            .map
            .advise_range(Advice::PopulateWrite, bytes.start, bytes.len());
        fill(&mut self.map[bytes.clone()])?;
        self.sum.write(&self.map[bytes]);
        // Whole huge pages only: the kernel takes one apart that is written to after it was sent.
        let whole = end / HUGE * HUGE;
        if whole >= self.sent + SENT_AT_ONCE {
            start_writing(self.unfinished.file(), self.sent..whole);
            self.sent = whole;
        }
        Ok(())
    }

    /// Where a row begins in the file.
    fn place(&self, row: u64) -> usize {
        (self.header.data_offset + (row - self.start) * self.header.row_bytes()) as usize
    }

    /// The checksum of the file that [`PartWriter::seal`] makes of the rows up to `end`, all of them written.
    ///
    /// # Errors
    /// As [`Header::with_rows`].
    pub fn checksum(&self, end: u64) -> Result<Checksum> {
        let header = self.header.with_rows(end - self.start)?;
        if header == self.header {
            return Ok(self.sum.finish());
        }
        // Sealed early: its header is another one.
        let mut sum = RunningChecksum::of(&header.to_bytes());
        sum.write(&self.map[self.place(self.start)..self.place(end)]);
        Ok(sum.finish())
    }

    /// Gives the part its name, holding the rows up to `end`; the rest of it is cut off. Without rows it disappears.
    /// Returns its size, bytes.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn seal(mut self, end: u64) -> Result<u64> {
        if end == self.start {
            return Ok(0);
        }
        let header = self.header.with_rows(end - self.start)?;
        let bytes = header.to_bytes();
        ensure!(
            bytes.len() as u64 == self.header.data_offset,
            "a header cannot change its length"
        );
        self.map[..bytes.len()].copy_from_slice(&bytes);
        drop(self.map);
        let allocated = self.header.data_offset + self.header.data_bytes();
        let length = header.data_offset + header.data_bytes();
        let target = self.folder.join(part_name(&(self.start..end)));
        let named = || format!("cannot write '{}'", target.display());
        let metadata = self.unfinished.file().metadata().with_context(named)?;
        let found = metadata.len();
        ensure!(
            found == allocated,
            "'{}' was changed by another program: it has {found} bytes, expected {allocated}",
            self.unfinished.path().display()
        );
        let cut = self.unfinished.file().set_len(length);
        cut.with_context(named)?;
        self.unfinished.finish(&target)?;
        Ok(length)
    }
}

/// Reserves `bytes` of disk for the file. On a filesystem that cannot promise blocks, zeros are written instead, as
/// glibc's `posix_fallocate` does.
fn allocate(file: &File, bytes: u64, folder: &Path) -> Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        Err(Errno::NOSPC) => {
            require_space(folder, bytes)?;
            Err(Errno::NOSPC.into())
        }
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            std::io::copy(
                &mut std::io::Read::take(std::io::repeat(0), bytes),
                &mut &*file,
            )?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the disk start to write these bytes; `fsync` tells whether it could.
fn start_writing(file: &File, bytes: Range<u64>) {
    let (start, length) = (bytes.start as i64, (bytes.end - bytes.start) as i64);
    // SAFETY: no memory is passed, and the file is open.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), start, length, libc::SYNC_FILE_RANGE_WRITE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::row_type::RowType;
    use std::fs;

    #[test]
    fn a_part_of_huge_pages_has_every_row_and_no_more() {
        let folder = std::env::temp_dir().join(format!("featx-large-part-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let (rows, width, batch) = (60, 150_000, 7); // 36 MB; rows and batches end within pages
        assert!(rows * width * 4 >= LARGE);
        let mut part = PartWriter::create(&folder, 5, rows, &[width], RowType::F32.into()).unwrap();
        let value = |row: u64, at: u64| (row * 1_000_003 + at) as u32;
        for start in (5..54).step_by(batch as usize) {
            let fill = |memory: &mut [u8]| {
                let values =
                    (start..start + batch).flat_map(|row| (0..width).map(move |at| value(row, at)));
                let bytes = values.flat_map(u32::to_le_bytes);
                memory
                    .iter_mut()
                    .zip(bytes)
                    .for_each(|(to, byte)| *to = byte);
                Ok(())
            };
            part.write(start..start + batch, fill).unwrap();
        }
        let sum = part.checksum(54).unwrap();
        let length = part.seal(54).unwrap();
        let sealed = folder.join(part_name(&(5..54)));
        assert_eq!(Checksum::of_file(&sealed, &|_| {}).unwrap(), sum);
        let file = fs::read(sealed).unwrap();
        fs::remove_dir_all(folder).unwrap();
        let data = file.len() - (49 * width * 4) as usize;
        assert_eq!((file.len() as u64, data % 64), (length, 0));
        let expected = (5..54).flat_map(|row| (0..width).map(move |at| value(row, at)));
        assert!(
            file[data..]
                .chunks(4)
                .zip(expected)
                .all(|(found, value)| found == value.to_le_bytes())
        );
    }
}
