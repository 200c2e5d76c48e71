//! Checksums of files of rows: XXH3 of 128 bits over every byte of a file, as `xxh128sum` prints them.

use anyhow::{Context, Result};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use twox_hash::XxHash3_128;

use crate::rows::copy::{FilePosition, read_through};

/// The checksum of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(u128);

impl Checksum {
    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u128::from_str_radix(digits, 16).ok().map(Self))?
    }

    /// Reads a whole file; `advance` is told of its bytes.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_file(path: &Path, advance: &dyn Fn(u64)) -> Result<Self> {
        let read = || -> std::io::Result<Self> {
            let file = File::open(path)?;
            let mut sum = RunningChecksum::new();
            read_through(
                FilePosition(&file, 0),
                file.metadata()?.len(),
                &mut |bytes| {
                    sum.write(bytes);
                    advance(bytes.len() as u64);
                },
            )?;
            Ok(sum.finish())
        };
        read().with_context(|| format!("cannot read '{}'", path.display()))
    }

    /// Compares what was found in a file with the checksums that were kept of it. If none was kept, any content passes.
    ///
    /// # Errors
    /// It is none of them.
    pub fn ensure_one_of(self, kept: &[Self], path: &Path) -> Result<(), DamagedFile> {
        match kept {
            [.., expected] if !kept.contains(&self) => Err(DamagedFile {
                path: path.into(),
                expected: *expected,
                found: self,
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The checksum of bytes that come one after the other.
#[derive(Clone)]
pub struct RunningChecksum(XxHash3_128);

impl RunningChecksum {
    #[must_use]
    pub fn new() -> Self {
        Self(XxHash3_128::new())
    }

    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = Self::new();
        sum.write(bytes);
        sum
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    #[must_use]
    pub fn finish(&self) -> Checksum {
        Checksum(self.0.finish_128())
    }
}

impl Default for RunningChecksum {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RunningChecksum {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.finish().fmt(f)
    }
}

/// A file whose bytes are not those that were written.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is damaged: its checksum is {found}, but {expected} was kept when it was written", path.display())]
pub struct DamagedFile {
    pub path: PathBuf,
    pub expected: Checksum,
    pub found: Checksum,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_xxh128sum() {
        // `printf abc | xxh128sum`, and of nothing.
        let mut sum = RunningChecksum::new();
        let empty = "99aa06d3014798d86001c324468d497f";
        assert_eq!(sum.finish().to_string(), empty);
        sum.write(b"a");
        sum.write(b"bc");
        let abc = "06b05ab6733a618578af5f94892f3950";
        assert_eq!(sum.finish().to_string(), abc);
        assert_eq!(Checksum::parse(abc), Some(sum.finish()));
        for digits in ["", "06b0", &abc.replace('f', "+"), &abc.replace('f', "g")] {
            assert_eq!(Checksum::parse(digits), None, "{digits}");
        }
    }
}
