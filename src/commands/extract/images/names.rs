//! The names of a run's images: `file_names.txt` is written when it begins, and a shard reads its own lines of it. The
//! sources are not searched again.

use crate::rows::unfinished_file::write_whole;
use crate::run::name_index::{Index, Lines};
use crate::run::record::{FILE_NAMES, Run};
use crate::sources::{FileNames, Images, unquoted};
use crate::text::figures;
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes read at a time: few requests to a file server.
const CHUNK: usize = 1 << 20;

/// Writes the list, and for shards its index.
///
/// # Errors
/// A disk that fails or is full.
pub fn write(directory: &Path, run: &Run, images: &Images) -> Result<()> {
    let text = images.file_names_text();
    write_whole(&directory.join(FILE_NAMES), &text)?;
    if run.shards > 1 {
        let mut index = Index::default();
        index.add(&text);
        index.write(directory, &run.image_list)?;
    }
    Ok(())
}

/// Reads the names of some rows of the run in `directory`, with memory for those rows only. `None` if the list is not the
/// one that the run began with.
///
/// # Errors
/// The list cannot be read.
pub fn read(directory: &Path, run: &Run, rows: &Range<u64>) -> Result<Option<FileNames>> {
    if rows.is_empty() {
        return Ok(Some(FileNames::default()));
    }
    let lines = Lines::open(directory, &run.image_list, run.images, rows);
    match lines.and_then(|lines| names_of(&lines, rows)) {
        None => read_all(directory, run, rows),
        names => Ok(names),
    }
}

fn names_of(lines: &Lines, rows: &Range<u64>) -> Option<FileNames> {
    let mut names = FileNames::default();
    let mut row = lines.first;
    let is_whole = lines.each_block(|_, text| {
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let name = unquoted(line.strip_suffix(b"\n").unwrap_or(line));
            if rows.contains(&row) {
                names.push(Path::new(OsStr::from_bytes(&name)));
            }
            row += 1;
        }
        true
    });
    is_whole.then_some(names)
}

/// The same, by reading the whole list.
fn read_all(directory: &Path, run: &Run, rows: &Range<u64>) -> Result<Option<FileNames>> {
    let path = directory.join(FILE_NAMES);
    let named = || format!("cannot read '{}'", path.display());
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(named)?,
    };
    let mut list = BufReader::with_capacity(CHUNK, file);
    let mut digest = Sha256::new();
    let (mut names, mut row) = (FileNames::default(), 0);
    let mut line = Vec::new();
    while list.read_until(b'\n', &mut line).with_context(named)? > 0 {
        let text = line.strip_suffix(b"\n");
        let name = text.map_or(Cow::Borrowed(&*line), unquoted);
        digest.update(&name);
        if text.is_some() {
            digest.update(b"\n");
            if rows.contains(&row) {
                names.push(Path::new(OsStr::from_bytes(&name)));
            }
            row += 1;
        }
        line.clear();
    }
    if figures::hex(&digest.finalize()) != run.image_list {
        return Ok(None);
    }
    ensure!(
        row == run.images,
        "'{}' has {} lines, but run.toml says that there are {} images",
        path.display(),
        row,
        run.images
    );
    Ok(Some(names))
}
