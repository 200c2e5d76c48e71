//! The file of an interrupted `merge --remove-parts`: `features.npy.merging`. [`super::removal`] says how it grows.

use crate::rows::durable::with_ending;
use crate::rows::npy::Header;
use crate::rows::part::MERGING;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The header of an interrupted `merge --remove-parts` towards `target`, whose rows count those that are safe.
///
/// # Errors
/// It is there, but is not such a file.
pub fn read_merging(target: &Path) -> Result<Option<Header>> {
    let path = with_ending(target, MERGING);
    let read = || match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        file => read_header(&file?),
    };
    read().with_context(|| format!("'{}'", path.display()))
}

/// The header of an unfinished result. `None` while it holds no row that could be trusted: a crash before the first
/// fsync leaves it empty or full of zeros.
///
/// # Errors
/// It is not such a file, or holds fewer rows than it counts.
pub fn read_header(mut file: &File) -> Result<Option<Header>> {
    let length = file.metadata()?.len();
    let mut first = [0];
    if length == 0 || (file.read_exact_at(&mut first, 0).is_ok() && first == [0]) {
        return Ok(None);
    }
    let header = Header::read_any_length(&mut file, length)?;
    let (expected, found) = (header.data_bytes(), length - header.data_offset);
    ensure!(
        expected <= found,
        "cut short: its header promises {expected} bytes of data, the file has {found}"
    );
    Ok(Some(header))
}
