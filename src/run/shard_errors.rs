//! `errors.csv` of a run in shards, each of which wrote its own.

use crate::rows::durable::write_whole;
use crate::run::directory::RunDir;
use crate::run::slice::Log;
use anyhow::{Context, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Joins the shards' files into `errors.csv`, in the order of the rows; does nothing for a directory that holds no run
/// in shards. They stay, for shards that are computed again.
///
/// # Errors
/// A file that cannot be read or written.
pub fn join_errors(directory: &Path) -> Result<()> {
    if !RunDir::is_at(directory) {
        return Ok(());
    }
    let shards = RunDir::open(directory)?.run.shards;
    let mut joined = Vec::new();
    for shard in (0..shards).filter(|_| shards > 1) {
        let path = directory.join(Log::Errors.of_shard(shard));
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            bytes => bytes.with_context(|| format!("cannot read '{}'", path.display()))?,
        };
        // Each begins with the same line of heads.
        let heads = bytes.iter().position(|&byte| byte == b'\n');
        let from = match joined.is_empty() {
            true => 0,
            false => heads.map_or(bytes.len(), |at| at + 1),
        };
        joined.extend_from_slice(&bytes[from..]);
    }
    match joined.is_empty() {
        true => Ok(()),
        false => write_whole(&directory.join(Log::Errors.of_run()), &joined),
    }
}
