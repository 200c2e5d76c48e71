//! Files take their name only when every byte of them is on disk.
//!
//! Temporary name in the same directory → fsync of the file → rename → fsync of the directory. A reader of the final
//! name, after a crash too, sees the whole file or none.

use crate::rows::durable::{directory_of, sync_directory, with_ending};
use crate::rows::part::{PARTIAL, names_in};
use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file under construction. Dropped before [`UnfinishedFile::finish`], it is removed, unless it is kept to be continued.
///
/// It is locked against another process that makes the same file. A process that died holds no lock, so the next one takes
/// over what it left.
#[derive(Debug)]
pub struct UnfinishedFile {
    file: File,
    path: PathBuf,
    keep: bool,
}

impl UnfinishedFile {
    /// Makes an empty `TARGET.partial`, or empties the one that a killed process left.
    ///
    /// # Errors
    /// It cannot be made, or another process is making it.
    pub fn beside(target: &Path) -> Result<Self> {
        Self::create(with_ending(target, PARTIAL))
    }

    /// Makes an empty file at `path`, or empties the one that a killed process left.
    ///
    /// # Errors
    /// As [`UnfinishedFile::beside`].
    pub fn create(path: PathBuf) -> Result<Self> {
        let mut this = Self::open(path)?;
        this.keep = false;
        let emptied = this.file.set_len(0);
        emptied.with_context(|| format!("cannot write '{}'", this.path.display()))?;
        Ok(this)
    }

    /// Opens the file at `path`, or makes an empty one there, and keeps it and whatever it holds unless told otherwise.
    ///
    /// # Errors
    /// It cannot be opened or made, or another process is writing it.
    pub fn open(path: PathBuf) -> Result<Self> {
        let named = || format!("cannot write '{}'", path.display());
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .with_context(named)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    bail!(
                        "another process is writing '{}'; wait for it",
                        path.display()
                    )
                }
                // Some network filesystems have no locks: then the user sees to it that there is one writer.
                Err(TryLockError::Error(_)) | Ok(()) => {}
            }
            // Its maker may have renamed it after it was opened here and before it was locked: then this is the finished file.
            if is_still_at(&file, &path).with_context(named)? {
                let keep = true;
                return Ok(Self { file, path, keep });
            }
        }
    }

    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says whether the file stays, under its temporary name, should it not come to [`UnfinishedFile::finish`].
    pub fn keep(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Gives the file its name, replacing what had it, once its bytes are on disk.
    ///
    /// # Errors
    /// A disk that fails or is full; the file is then removed (unless kept), and `target` is as it was.
    pub fn finish(mut self, target: &Path) -> Result<()> {
        let named = || format!("cannot write '{}'", target.display());
        self.file.sync_all().with_context(named)?;
        fs::rename(&self.path, target).with_context(named)?;
        self.keep = true;
        sync_directory(directory_of(target))
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        if !self.keep {
            // Nothing can be done about a failure here, and the name says that the file is not to be trusted.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a small file whole or not at all.
///
/// # Errors
/// As [`UnfinishedFile`].
pub fn write_whole(target: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = UnfinishedFile::beside(target)?;
    let named = || format!("cannot write '{}'", target.display());
    unfinished.file().write_all(bytes).with_context(named)?;
    unfinished.finish(target)
}

/// Whether a name is that of one of these files under construction.
#[must_use]
pub fn is_partial_of(files: &[&str], name: &str) -> bool {
    name.strip_suffix(PARTIAL)
        .is_some_and(|file| files.contains(&file))
}

/// Removes files under construction that killed processes left in a folder, which need not be there.
///
/// # Errors
/// The folder cannot be read.
pub fn remove_partials(folder: &Path, is_partial: impl Fn(&str) -> bool) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let names = names_in(folder)?;
    for name in names.into_iter().filter(|name| is_partial(name)) {
        // One that cannot be opened is another process's: the writer holds its lock.
        if let Ok(mut left) = UnfinishedFile::open(folder.join(name)) {
            left.keep(false);
        }
    }
    Ok(())
}

fn is_still_at(file: &File, path: &Path) -> std::io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_leaves_nothing_and_a_second_writer_is_refused() {
        let dir = std::env::temp_dir().join(format!("featx-unfinished-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let target = dir.join("a.npy");
        let first = UnfinishedFile::beside(&target).unwrap();
        let second = UnfinishedFile::beside(&target).unwrap_err().to_string();
        assert!(second.contains("another process is writing"), "{second}");
        drop(first);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        write_whole(&target, b"abc").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abc");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }
}
