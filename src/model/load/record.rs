//! A record of a model's archive.

use anyhow::{Context, Result};
use std::io::{Read, Seek};
use std::path::Path;
use zip::ZipArchive;

/// One uncompressed record: a tensor's storage.
#[derive(Debug, Clone)]
pub struct Record {
    pub name: String,
    /// Where its bytes start in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    pub crc32: u32,
}

/// A record's name without the archive's own name, which it begins with.
pub fn inner_name(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, inner)| inner)
}

/// Its bytes. Their CRC-32 is checked against the directory.
pub fn read_record(
    path: &Path,
    archive: &mut ZipArchive<impl Read + Seek>,
    name: &str,
) -> Result<Vec<u8>> {
    let damaged = || {
        format!(
            "'{}' is damaged: record '{name}'; copy or export the file again",
            path.display()
        )
    };
    let mut bytes = Vec::new();
    let mut entry = archive.by_name(name).with_context(damaged)?;
    entry.read_to_end(&mut bytes).with_context(damaged)?;
    Ok(bytes)
}
