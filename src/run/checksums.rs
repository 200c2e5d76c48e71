//! `checksums.txt`, or a shard's `checksums_0003.txt`: a line for each file of rows that was sealed, as `xxh128sum`
//! prints and checks it: 32 digits, two spaces, `LAYER/FILE`.
//!
//! A line is on disk before its file has its name. Only a disk without room for the line keeps rows without it. A line stays
//! even if its file never came, or was made again since. A file is right if it has the checksum of any of its lines.

use crate::rows::checksum::Checksum;
use crate::rows::durable::{directory_of, sync_directory};
use crate::rows::part::names_in;
use crate::run::log::Log;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The checksums that the files of a run had when they were written.
#[derive(Debug, Default)]
pub struct Checksums(HashMap<String, Vec<Checksum>>);

impl Checksums {
    /// Reads those of all shards. Lines that a power cut left half written are no lines.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(directory: &Path) -> Result<Self> {
        let mut kept = Self::default();
        for name in names_in(directory)?
            .iter()
            .filter(|name| Log::Checksums.is(name))
        {
            let path = directory.join(name);
            let bytes = match std::fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                bytes => bytes.with_context(|| format!("cannot read '{}'", path.display()))?,
            };
            bytes
                .split(|&byte| byte == b'\n')
                .for_each(|line| kept.add(line));
        }
        Ok(kept)
    }

    fn add(&mut self, line: &[u8]) {
        let line = std::str::from_utf8(line).unwrap_or_default();
        if let Some((digits, file)) = line.split_once("  ")
            && let Some(checksum) = Checksum::parse(digits)
        {
            self.0.entry(file.into()).or_default().push(checksum);
        }
    }

    /// The checksums of a layer's file; there are none if it was written without.
    #[must_use]
    pub fn of(&self, layer: &str, file: &str) -> Vec<Checksum> {
        let kept = self.0.get(&format!("{layer}/{file}"));
        kept.cloned().unwrap_or_default()
    }
}

/// Where one process keeps the checksums of what it seals.
#[derive(Debug)]
pub struct ChecksumLog {
    path: PathBuf,
}

impl ChecksumLog {
    /// The file is made when the first line comes.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Adds lines for files `(LAYER/FILE, checksum)`, and has them on disk.
    ///
    /// # Errors
    /// A disk that fails or is full.
    pub fn add(&self, files: &[(String, Checksum)]) -> Result<()> {
        self.append(files)
            .with_context(|| format!("cannot write '{}'", self.path.display()))
    }

    fn append(&self, files: &[(String, Checksum)]) -> Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .read(true)
            .append(true)
            .open(&self.path)?;
        let length = file.metadata()?.len();
        let mut text = match ends_a_line(&file, length)? {
            true => String::new(),
            false => "\n".into(),
        };
        for (name, checksum) in files {
            text += &format!("{checksum}  {name}\n");
        }
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        if length == 0 {
            sync_directory(directory_of(&self.path))?;
        }
        Ok(())
    }
}

/// False where a power cut left half a line.
fn ends_a_line(file: &File, length: u64) -> std::io::Result<bool> {
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last == [b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::checksum::RunningChecksum;

    #[test]
    fn what_a_power_cut_leaves_is_no_line_and_spoils_none() {
        let dir = std::env::temp_dir().join(format!("featx-checksums-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let mut sum = RunningChecksum::new();
        let first = sum.finish();
        sum.write(b"other");
        let second = sum.finish();
        let log = ChecksumLog::at(dir.join("checksums_0003.txt"));
        log.add(&[("fc/a.npy".into(), first), ("fc/b.npy".into(), first)])
            .unwrap();
        let mut text = std::fs::read(&log.path).unwrap();
        for torn in [
            &text[..30].to_vec(),
            &vec![0; 17],
            &b"no checksum  fc/c.npy"[..].to_vec(),
        ] {
            text.extend_from_slice(torn);
            std::fs::write(&log.path, &text).unwrap();
            log.add(&[("fc/a.npy".into(), second)]).unwrap();
            let kept = Checksums::read(&dir).unwrap();
            assert_eq!(kept.of("fc", "b.npy"), [first]);
            assert_eq!(kept.of("fc", "a.npy").last(), Some(&second));
            assert_eq!(kept.of("fc", "c.npy"), []);
            text = std::fs::read(&log.path).unwrap();
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
