//! A test waits for what it waits for, not for a time; and for no more than a minute.

use std::thread::sleep;
use std::time::{Duration, Instant};
#[cfg(feature = "torch")]
use {crate::support::workdir::Workdir, featx::rows::npy::Header, std::fs, std::path::Path};

/// Waits until `is_so`; fails with `what` where that never comes.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(60), "no {what}");
        sleep(Duration::from_millis(1));
    }
}

/// Waits until a part, in the making or finished, holds so many rows. A row that is not written yet is all zeros.
#[cfg(feature = "torch")]
#[track_caller]
pub fn wait_for_rows(dir: &Workdir, part: &str, rows: u64) {
    let path = dir.path(part);
    wait_until(&format!("{rows} rows in {part}"), || {
        has_row(&path, rows - 1).unwrap_or(false)
    });
}

/// None where there is no file yet, or no whole header.
#[cfg(feature = "torch")]
fn has_row(part: &Path, row: u64) -> Option<bool> {
    let header = Header::read(part).ok()?;
    let bytes = fs::read(part).ok()?;
    let start = (header.data_offset + row * header.row_bytes()) as usize;
    let row = bytes.get(start..start + header.row_bytes() as usize)?;
    Some(row.iter().any(|&byte| byte != 0))
}
