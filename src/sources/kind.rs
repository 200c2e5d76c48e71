//! What kind of source a path is: by what it holds, whatever its name says.

use crate::images::is_image;
use crate::sources::scan::is_image_name;
use crate::text::shell;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Folder,
    Image,
    Tar,
    Zip,
    Hdf5,
    Lmdb,
    Parquet,
    Array,
}

/// How a compressed file begins, and what decompresses it.
const COMPRESSED: [(&[u8], &str); 5] = [
    (b"\x1f\x8b", "gunzip -k"),
    (b"\x28\xb5\x2f\xfd", "zstd -d"),
    (b"\xfd7zXZ\0", "xz -dk"),
    (b"BZh", "bunzip2 -k"),
    (b"\x04\x22\x4d\x18", "lz4 -d"),
];

/// An HDF5 file may begin with something else, which ends at one of these places.
const HDF5_AT: [usize; 4] = [0, 512, 1024, 2048];
const LOOKED_AT: u64 = 2048 + 8;
const LMDB_MAGIC: &[u8] = b"\xde\xc0\xef\xbe";

impl Kind {
    /// A path that does not exist counts as a folder, whose search says what is wrong.
    ///
    /// # Errors
    /// The path cannot be read, or is of no kind that featx knows.
    pub fn of(path: &Path) -> Result<Self> {
        let named = || format!("cannot read '{}'", path.display());
        let metadata = match path.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::Folder),
            metadata => metadata.with_context(named)?,
        };
        if metadata.is_dir() {
            let is_lmdb = path.join("data.mdb").is_file();
            return Ok(if is_lmdb { Self::Lmdb } else { Self::Folder });
        }
        let mut start = Vec::new();
        if metadata.is_file() {
            let file = File::open(path).with_context(named)?;
            file.take(LOOKED_AT)
                .read_to_end(&mut start)
                .with_context(named)?;
        }
        match Self::of_bytes(&start) {
            Some(kind) => Ok(kind),
            // As in a folder: that it is broken is found when it is read.
            None if is_image_name(path) => Ok(Self::Image),
            None => bail!(unknown(path, &start)),
        }
    }

    fn of_bytes(start: &[u8]) -> Option<Self> {
        let at = |place: usize, magic: &[u8]| {
            start
                .get(place..)
                .is_some_and(|bytes| bytes.starts_with(magic))
        };
        let is_hdf5 = HDF5_AT.iter().any(|&place| at(place, b"\x89HDF\r\n\x1a\n"));
        match () {
            () if at(0, b"\x93NUMPY") => Some(Self::Array),
            () if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") => Some(Self::Zip),
            () if at(0, b"PAR1") || at(0, b"PARE") => Some(Self::Parquet),
            () if is_hdf5 => Some(Self::Hdf5),
            () if at(16, LMDB_MAGIC) => Some(Self::Lmdb),
            () if is_tar(start) => Some(Self::Tar),
            () if is_image(start) => Some(Self::Image),
            () => None,
        }
    }

    /// As `sources.toml` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Image => "image",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::Hdf5 => "hdf5",
            Self::Lmdb => "lmdb",
            Self::Parquet => "parquet",
            Self::Array => "array",
        }
    }
}

/// Old archives have no magic, but all have a checksum. One that is empty is zeros alone.
fn is_tar(start: &[u8]) -> bool {
    let Some(block) = start.get(..512) else {
        return false;
    };
    let header = tar::Header::from_byte_slice(block);
    let outside = |at: &usize| !(148..156).contains(at);
    let sum: u32 = (0..512)
        .filter(outside)
        .map(|at| u32::from(block[at]))
        .sum();
    let is_empty = block.iter().all(|&byte| byte == 0);
    is_empty
        || header
            .cksum()
            .is_ok_and(|expected| expected == sum + 8 * u32::from(b' '))
}

fn unknown(path: &Path, start: &[u8]) -> String {
    let shown = path.display();
    let compressed = COMPRESSED
        .iter()
        .find(|(magic, _)| start.starts_with(magic));
    if let Some((_, command)) = compressed {
        return format!(
            "'{shown}' is compressed, and images cannot be read where they lie in it; decompress it: {command} {}",
            shell::quoted(&shown.to_string())
        );
    }
    format!(
        "'{shown}' is not a folder, and no image, tar, zip, HDF5, LMDB, Parquet or .npy file; for chosen images use --list"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_first_bytes() {
        let mut header = tar::Header::new_gnu();
        header.set_path("a.jpg").unwrap();
        header.set_size(0);
        header.set_cksum();
        assert_eq!(Kind::of_bytes(header.as_bytes()), Some(Kind::Tar));
        assert_eq!(Kind::of_bytes(&[0; 1024]), Some(Kind::Tar));
        assert_eq!(Kind::of_bytes(b"\x93NUMPY\x01\0"), Some(Kind::Array));
        let mut with_block = vec![1; 512];
        with_block.extend(b"\x89HDF\r\n\x1a\n");
        assert_eq!(Kind::of_bytes(&with_block), Some(Kind::Hdf5));
        assert_eq!(Kind::of_bytes(b"\xff\xd8\xff\xe0"), Some(Kind::Image));
        assert_eq!(Kind::of_bytes(b""), None);
        assert_eq!(Kind::of_bytes(&[7; 2048]), None);
    }
}
