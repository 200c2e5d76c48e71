//! An export takes its name when all of it is on disk.

use crate::export::format::Format;
use crate::export::table::Table;
use crate::rows::durable::{directory_of, require_space};
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Writes `table` to `target`, whole or not at all, and returns the bytes of the file.
///
/// # Errors
/// What the format cannot hold; a target that exists, unless `overwrite`; a disk that fails or is full. Then nothing is
/// left, and a target that was there still is.
pub fn export(format: &dyn Format, table: &Table, target: &Path, overwrite: bool) -> Result<u64> {
    let path = target.display();
    ensure!(
        overwrite || !target.exists(),
        "'{path}' exists; pass --overwrite to replace it"
    );
    format.check(table)?;
    let directory = directory_of(target);
    ensure!(
        directory.is_dir(),
        "cannot write '{path}': '{}' is not a directory",
        directory.display()
    );
    require_space(directory, format.file_bytes(table))?;
    let unfinished = UnfinishedFile::beside(target)?;
    let named = || format!("cannot write '{path}'");
    format.write(table, &unfinished).with_context(named)?;
    let bytes = unfinished.file().metadata().with_context(named)?.len();
    unfinished.finish(target)?;
    Ok(bytes)
}
