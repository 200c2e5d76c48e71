//! `sources.toml` and `sources.npy`: where the images of a run lie, if they are not all in one folder.
//!
//! A search of archives takes a while, so the place of each row is kept, for every shard and every resume. `sources.npy`
//! has three numbers a row: that of its source, and two that the source understands.

use crate::rows::dtype::Dtype;
use crate::rows::npy::Header;
use crate::rows::unfinished_file::{UnfinishedFile, write_whole};
use crate::run::record::{SOURCES, SOURCES_INDEX};
use crate::text::figures;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes of each piece of a file that [`sample`] reads, and the number of pieces.
const PIECE: u64 = 4096;
const PIECES: u64 = 4;
/// Bytes of a row's place.
const PLACE: usize = 12;
/// Bytes of places that are read or written at once.
const AT_ONCE: usize = 1 << 16;

/// `sources.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSources {
    /// SHA-256 of the `file_names.txt` that `sources.npy` belongs to.
    pub image_list: String,
    /// In the order of the rows.
    pub source: Vec<KeptSource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSource {
    /// What the names of its rows begin with.
    pub name: String,
    /// `folder`, `tar`, …
    pub kind: String,
    /// As it was typed; not compared, for a file may move.
    pub path: String,
    /// The column of a table, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// Absent for a folder, whose images may come and go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<KeptFile>,
}

/// How a file was when the run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified: i64,
    /// As [`sample`] gives it.
    pub sample: String,
}

impl KeptSources {
    /// What a run directory holds. `None` if it has no such file, or none that this featx understands.
    pub fn read(directory: &Path) -> Option<Self> {
        let text = fs::read_to_string(directory.join(SOURCES)).ok()?;
        toml::from_str(&text).ok()
    }

    /// Writes `sources.toml`, after `sources.npy`.
    ///
    /// # Errors
    /// A disk that fails or is full.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let text = toml::to_string(self).context(SOURCES)?;
        write_whole(&directory.join(SOURCES), text.as_bytes())
    }
}

/// `sources.npy` under construction.
#[derive(Debug)]
pub struct PlacesWriter {
    path: PathBuf,
    file: UnfinishedFile,
    rows: u64,
}

impl PlacesWriter {
    /// # Errors
    /// A disk that fails or is full.
    pub fn new(directory: &Path) -> Result<Self> {
        let path = directory.join(SOURCES_INDEX);
        let file = UnfinishedFile::beside(&path)?;
        let this = Self {
            path,
            file,
            rows: 0,
        };
        // The header tells the number of rows, and is as long for each of them.
        let length = this.header()?.len() as u64;
        let moved = this.file.file().seek(SeekFrom::Start(length));
        moved.with_context(|| this.named())?;
        Ok(this)
    }

    /// # Errors
    /// A disk that fails or is full.
    pub fn add(&mut self, places: impl Iterator<Item = [u32; 3]>) -> Result<()> {
        let mut to = BufWriter::with_capacity(AT_ONCE, self.file.file());
        for place in places {
            for number in place {
                to.write_all(&number.to_le_bytes())
                    .with_context(|| self.named())?;
            }
            self.rows += 1;
        }
        to.flush().with_context(|| self.named())
    }

    /// # Errors
    /// A disk that fails or is full.
    pub fn finish(self) -> Result<()> {
        let written = self.file.file().write_all_at(&self.header()?, 0);
        written.with_context(|| self.named())?;
        self.file.finish(&self.path)
    }

    fn header(&self) -> Result<Vec<u8>> {
        Ok(Header::new(dtype()?, vec![self.rows, 3])?.to_bytes())
    }

    fn named(&self) -> String {
        format!("cannot write '{}'", self.path.display())
    }
}

/// The places of some of a run's rows. `None` if the file is missing or not whole.
pub fn read_places(directory: &Path, images: u64, rows: &Range<u64>) -> Option<Vec<[u32; 3]>> {
    let (header, file) = Header::open(&directory.join(SOURCES_INDEX)).ok()?;
    if header.dtype != dtype().ok()? || header.shape != [images, 3] || rows.end > images {
        return None;
    }
    let count = (rows.end - rows.start) as usize;
    let mut places = Vec::with_capacity(count);
    let mut bytes = vec![0; AT_ONCE / PLACE * PLACE];
    let mut at = header.data_offset + rows.start * PLACE as u64;
    while places.len() < count {
        let left = (count - places.len()).saturating_mul(PLACE);
        let piece = &mut bytes[..AT_ONCE.min(left) / PLACE * PLACE];
        file.read_exact_at(piece, at).ok()?;
        at += piece.len() as u64;
        let (numbers, _) = piece.as_chunks::<4>();
        let (some, _) = numbers.as_chunks::<3>();
        places.extend(some.iter().map(|place| place.map(u32::from_le_bytes)));
    }
    Some(places)
}

/// SHA-256 of a few pieces of a file, in hexadecimal: tells a copy from a file that was written again.
///
/// # Errors
/// The file cannot be read.
pub fn sample(path: &Path, bytes: u64) -> Result<String> {
    let named = || format!("cannot read '{}'", path.display());
    let file = File::open(path).with_context(named)?;
    let last = bytes.saturating_sub(PIECE);
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE.min(bytes) as usize];
    for i in 0..PIECES {
        let at = (last as u128 * u128::from(i) / u128::from(PIECES - 1)) as u64;
        file.read_exact_at(&mut piece, at).with_context(named)?;
        digest.update(&piece);
    }
    Ok(figures::hex(&digest.finalize()))
}

fn dtype() -> Result<Dtype> {
    Dtype::parse("<u4")
}
