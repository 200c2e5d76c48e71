//! The bytes of an image file.

use crate::images::image_error::{ImageError, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// No image within the pixel limit needs a larger file for its pixels.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Reads a whole file into `into`.
///
/// # Errors
/// What concerns the file system, and files that are too large.
pub fn read_file(path: &Path, into: &mut Vec<u8>) -> Result<()> {
    // Asked before it is opened: opening a pipe would wait for its other end.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(ImageError::NotAFile);
    }
    ensure_readable(metadata.len())?;
    into.clear();
    into.reserve(metadata.len() as usize + 1);
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(into)?;
    Ok(())
}

/// # Errors
/// An image file that is too large, by its bytes.
pub fn ensure_readable(bytes: u64) -> Result<()> {
    match bytes {
        0..=MAX_FILE_BYTES => Ok(()),
        _ => Err(ImageError::TooManyBytes {
            bytes,
            limit: MAX_FILE_BYTES,
        }),
    }
}
