//! The images of a shard: its lines of the run's `file_names.txt`. The folder of images is not searched again.

use crate::run::record::{FILE_NAMES, Run};
use crate::sources::{FileNames, Images};
use crate::text::figures;
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes read at a time: few requests to a file server.
const CHUNK: usize = 1 << 20;

/// Reads the images of some rows of the run in `directory`, in memory for them alone; none where the list is not, or no
/// longer, the one that the run began with.
///
/// # Errors
/// The list cannot be read, or a name leads out of `root`.
pub fn read(directory: &Path, run: &Run, rows: &Range<u64>, root: &Path) -> Result<Option<Images>> {
    let path = directory.join(FILE_NAMES);
    let named = || format!("cannot read '{}'", path.display());
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(named)?,
    };
    let mut list = BufReader::with_capacity(CHUNK, file);
    let mut digest = Sha256::new();
    let mut kept = Kept::of(rows);
    loop {
        let chunk = list.fill_buf().with_context(named)?;
        if chunk.is_empty() {
            break;
        }
        digest.update(chunk);
        kept.add(chunk);
        let length = chunk.len();
        list.consume(length);
    }
    if figures::hex(&digest.finalize()) != run.image_list {
        return Ok(None);
    }
    ensure!(
        kept.row == run.images,
        "'{}' has {} lines, but run.toml says that there are {} images",
        path.display(),
        kept.row,
        run.images
    );
    Images::of_rows(root, rows.start, kept.names)
        .with_context(|| format!("'{}'", path.display()))
        .map(Some)
}

/// The wanted lines of a text that comes in pieces.
struct Kept<'a> {
    rows: &'a Range<u64>,
    names: FileNames,
    /// That of the present line.
    row: u64,
    /// What earlier pieces had of it.
    begun: Vec<u8>,
}

impl<'a> Kept<'a> {
    fn of(rows: &'a Range<u64>) -> Self {
        Self {
            rows,
            names: FileNames::default(),
            row: 0,
            begun: Vec::new(),
        }
    }

    fn add(&mut self, piece: &[u8]) {
        for line in piece.split_inclusive(|&byte| byte == b'\n') {
            let text = line.strip_suffix(b"\n");
            if self.rows.contains(&self.row) {
                self.begun.extend_from_slice(text.unwrap_or(line));
                if text.is_some() {
                    self.names.push(Path::new(OsStr::from_bytes(&self.begun)));
                    self.begun.clear();
                }
            }
            self.row += u64::from(text.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_wherever_the_pieces_end() {
        let text = b"a\nbc\n\ndef\ng\n";
        for cut in 0..text.len() {
            let rows = 1..4;
            let mut kept = Kept::of(&rows);
            kept.add(&text[..cut]);
            kept.add(&text[cut..]);
            assert_eq!((kept.names.lines(), kept.row), (&b"bc\n\ndef\n"[..], 5));
        }
    }
}
