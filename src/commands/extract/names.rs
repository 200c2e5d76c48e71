//! The names of a shard's images: its lines of the run's `file_names.txt`. The sources are not searched again.

use crate::run::record::{FILE_NAMES, Run};
use crate::sources::{FileNames, unquoted};
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

/// Reads the names of some rows of the run in `directory`, in memory for them alone; none where the list is not, or no
/// longer, the one that the run began with.
///
/// # Errors
/// The list cannot be read.
pub fn read(directory: &Path, run: &Run, rows: &Range<u64>) -> Result<Option<FileNames>> {
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
