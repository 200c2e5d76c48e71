//! The names of some rows, found in `file_names.txt` in memory that does not grow with it.

use crate::sources::unquoted;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// # Errors
/// The file cannot be read.
pub fn of_rows(file: &Path, rows: &BTreeSet<u64>) -> Result<BTreeMap<u64, PathBuf>> {
    let named = || format!("cannot read '{}'", file.display());
    let mut reader = BufReader::new(File::open(file).with_context(named)?);
    let (mut found, mut line, mut at) = (BTreeMap::new(), Vec::new(), 0);
    for &row in rows {
        while at <= row {
            line.clear();
            if reader.read_until(b'\n', &mut line).with_context(named)? == 0 {
                return Ok(found);
            }
            at += 1;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let name = OsString::from_vec(unquoted(text).into_owned());
        found.insert(row, name.into());
    }
    Ok(found)
}
