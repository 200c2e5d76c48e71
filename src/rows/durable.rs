//! Directories whose names outlive a power cut, and the space that is left in them.

use crate::text::figures;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Makes a directory and those above it, where they are missing. Their names are durable then: without
/// that, a power cut could take them, and with them what was written and synced below them.
///
/// # Errors
/// It cannot be made.
pub fn make_directory(directory: &Path) -> std::io::Result<()> {
    let above = directory.ancestors().filter(|path| *path != Path::new(""));
    let made: Vec<&Path> = above.take_while(|path| !path.exists()).collect();
    fs::create_dir_all(directory)?;
    for made in made {
        // The directory above may be one that this user may not read, and so not sync.
        let _ = sync_directory(directory_of(made));
    }
    Ok(())
}

/// Makes the names in a directory durable.
///
/// # Errors
/// The directory cannot be read, or the disk fails.
pub fn sync_directory(directory: &Path) -> Result<()> {
    let named = || format!("cannot sync directory '{}'", directory.display());
    match File::open(directory).with_context(named)?.sync_all() {
        // Filesystems that cannot sync a directory say so with EINVAL; there is then no more to be done.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        result => result.with_context(named),
    }
}

/// The directory that holds `path`: `.` for a bare name.
#[must_use]
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The directory itself, or the nearest one above it that exists: on the same filesystem as it will be.
#[must_use]
pub fn existing_above(directory: &Path) -> &Path {
    let mut above = directory;
    while !above.is_dir() && above != directory_of(above) {
        above = directory_of(above);
    }
    above
}

/// `path` with `ending` after its whole name.
#[must_use]
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Bytes that this user may still write where `directory` lies.
///
/// # Errors
/// The directory does not exist.
pub fn free_space(directory: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(directory)
        .with_context(|| format!("cannot read the free space at '{}'", directory.display()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Refuses what cannot fit.
///
/// # Errors
/// `needs 34.5 GB at 'dir', 12.1 GB free`.
pub fn require_space(directory: &Path, needed: u64) -> Result<()> {
    let free = free_space(directory)?;
    if needed > free {
        bail!(
            "needs {} at '{}', {} free",
            figures::bytes(needed),
            directory.display(),
            figures::bytes(free)
        );
    }
    Ok(())
}
