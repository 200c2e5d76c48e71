//! `file_names.npy`: where every [`BLOCK`]th line of `file_names.txt` begins, and the SHA-256 of the lines up to the
//! next of these. With it a shard reads and checks its own lines only, however long the list is.
//!
//! Five numbers per block: the byte, and the hash. The last five are the list's bytes and the hash of what the run's
//! `image_list` says, so that the index of another list is recognised.

use crate::rows::dtype::Dtype;
use crate::rows::npy::Header;
use crate::rows::unfinished_file::write_whole;
use crate::run::record::{FILE_NAMES, NAMES_INDEX};
use anyhow::Result;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Lines of a block.
const BLOCK: u64 = 4096;
/// Bytes of an entry: eight of the place, 32 of the hash.
const ENTRY: usize = 40;

/// The index of a list under construction.
#[derive(Debug, Default)]
pub struct Index {
    /// Of the blocks that are whole.
    entries: Vec<u8>,
    /// Of the block that is not: its place, its lines, their hash.
    start: u64,
    lines: u64,
    block: Sha256,
    /// Bytes of the list.
    bytes: u64,
}

impl Index {
    /// Whole lines with their ends, which follow those before.
    pub fn add(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            let lines = text.split_inclusive(|&byte| byte == b'\n');
            let (mut length, mut count) = (0, 0);
            for line in lines.take((BLOCK - self.lines) as usize) {
                length += line.len();
                count += 1;
            }
            let (some, rest) = text.split_at(length);
            self.block.update(some);
            self.bytes += length as u64;
            self.lines += count;
            if self.lines == BLOCK {
                self.end_block();
            }
            text = rest;
        }
    }

    fn end_block(&mut self) {
        let hash = std::mem::take(&mut self.block).finalize();
        self.push(self.start, &hash);
        self.start = self.bytes;
        self.lines = 0;
    }

    fn push(&mut self, start: u64, hash: &[u8]) {
        self.entries.extend_from_slice(&start.to_le_bytes());
        self.entries.extend_from_slice(hash);
    }

    /// # Errors
    /// A disk that fails or is full.
    pub fn write(mut self, directory: &Path, image_list: &str) -> Result<()> {
        if self.lines > 0 {
            self.end_block();
        }
        self.push(self.bytes, &Sha256::digest(image_list));
        let count = (self.entries.len() / ENTRY) as u64;
        let mut bytes = Header::new(dtype()?, vec![count, 5])?.to_bytes();
        bytes.append(&mut self.entries);
        write_whole(&directory.join(NAMES_INDEX), &bytes)
    }
}

/// Some lines of `file_names.txt`, in whole blocks, of which one at a time is read.
#[derive(Debug)]
pub struct Lines {
    /// The row of the first of them.
    pub first: u64,
    list: File,
    list_bytes: u64,
    /// The entries of the blocks, and the one that follows.
    entries: Vec<[u8; ENTRY]>,
}

impl Lines {
    /// The lines of these rows, at least one, of a run of `images` images. `None` if there is no index, or if it belongs to
    /// another list than the run began with.
    #[must_use]
    pub fn open(
        directory: &Path,
        image_list: &str,
        images: u64,
        rows: &Range<u64>,
    ) -> Option<Self> {
        let (header, index) = Header::open(&directory.join(NAMES_INDEX)).ok()?;
        let blocks = images.div_ceil(BLOCK);
        if header.dtype != dtype().ok()?
            || header.shape != [blocks + 1, 5]
            || rows.is_empty()
            || rows.end > images
        {
            return None;
        }
        let entry = |block: u64| header.data_offset + block * ENTRY as u64;
        let (first, end) = (rows.start / BLOCK, rows.end.div_ceil(BLOCK));
        let mut entries = vec![[0; ENTRY]; (end - first + 1) as usize];
        index
            .read_exact_at(entries.as_flattened_mut(), entry(first))
            .ok()?;
        let mut last = [0; ENTRY];
        index.read_exact_at(&mut last, entry(blocks)).ok()?;
        let (list_bytes, of_list) = parts(&last);
        let list = File::open(directory.join(FILE_NAMES)).ok()?;
        let is_ours =
            of_list == &*Sha256::digest(image_list) && list.metadata().ok()?.len() == list_bytes;
        is_ours.then_some(Self {
            first: first * BLOCK,
            list,
            list_bytes,
            entries,
        })
    }

    /// Gives `take` each block's place in the list and its text, until it says `false`. Returns false then, and if a block is
    /// not what the run began with.
    pub fn each_block(&self, mut take: impl FnMut(u64, &[u8]) -> bool) -> bool {
        let mut text = Vec::new();
        self.entries.windows(2).all(|pair| {
            let ((start, hash), (end, _)) = (parts(&pair[0]), parts(&pair[1]));
            let Some(length) = end.checked_sub(start).filter(|_| end <= self.list_bytes) else {
                return false; // the index is damaged
            };
            text.resize(length as usize, 0);
            self.list.read_exact_at(&mut text, start).is_ok()
                && *Sha256::digest(&text) == *hash
                && take(start, &text)
        })
    }

    /// True if another file, which must not be a pipe, is as long as the list and has the same lines in the same place.
    #[must_use]
    pub fn are_in(&self, other: &Path) -> bool {
        let Ok(other) = File::open(other) else {
            return false;
        };
        let bytes = other.metadata().map(|metadata| metadata.len());
        if bytes.ok() != Some(self.list_bytes) {
            return false;
        }
        let mut theirs = Vec::new();
        self.each_block(|start, text| {
            theirs.resize(text.len(), 0);
            other.read_exact_at(&mut theirs, start).is_ok() && theirs == text
        })
    }
}

/// Place and hash of an entry.
fn parts(entry: &[u8; ENTRY]) -> (u64, &[u8]) {
    let (place, hash) = entry.split_at(8);
    let mut number = [0; 8];
    number.copy_from_slice(place);
    (u64::from_le_bytes(number), hash)
}

fn dtype() -> Result<Dtype> {
    Dtype::parse("<u8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn lines_come_back_or_none() {
        let directory = std::env::temp_dir().join(format!("featx-names-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let images = 2 * BLOCK + 10;
        let text: String = (0..images).map(|row| format!("{row}.jpg\n")).collect();
        let list = directory.join(FILE_NAMES);
        fs::write(&list, &text).unwrap();
        let mut index = Index::default();
        // However it comes.
        for some in text
            .as_bytes()
            .chunk_by(|byte, next| *byte != b'\n' || *next != b'5')
        {
            index.add(some);
        }
        index.write(&directory, "abc").unwrap();
        let read = |image_list: &str, rows| {
            let lines = Lines::open(&directory, image_list, images, &rows)?;
            let mut text = Vec::new();
            let is_whole = lines.each_block(|_, block| {
                text.extend_from_slice(block);
                true
            });
            is_whole.then_some((lines, String::from_utf8(text).unwrap()))
        };
        for rows in [0..1, 4095..4097, 8192..images, 0..images, 4096..8192] {
            let (lines, found) = read("abc", rows.clone()).unwrap();
            let all: Vec<_> = text.lines().collect();
            let found: Vec<_> = found.lines().collect();
            let first = lines.first as usize;
            assert!(first as u64 <= rows.start && (first + found.len()) as u64 >= rows.end);
            assert_eq!(found, all[first..first + found.len()]);
            assert!(lines.are_in(&list));
        }
        assert!(read("another run", 0..1).is_none());
        assert!(read("abc", 0..images + 1).is_none());
        // A byte of the second block.
        let mut changed = text.clone().into_bytes();
        let at = text.find("5000.jpg").unwrap();
        changed[at] = b'6';
        fs::write(&list, &changed).unwrap();
        assert!(read("abc", 0..10).is_some());
        assert!(read("abc", 5001..5002).is_none());
        fs::write(&list, &text[1..]).unwrap();
        assert!(read("abc", 0..10).is_none());
        fs::remove_dir_all(&directory).unwrap();
    }
}
