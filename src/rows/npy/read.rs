//! Reading of headers: formats 1.0, 2.0 and 3.0, no number believed before it is checked.

use crate::rows::dtype::Dtype;
use crate::rows::npy::{Header, MAGIC, MAX_TEXT, literal};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::Read;
use std::path::Path;

impl Header {
    /// Reads the header of the file at `path` and checks the file's length against it.
    ///
    /// # Errors
    /// One line that names the file, what was expected and what was found.
    pub fn read(path: &Path) -> Result<Self> {
        Self::open(path).map(|(header, _)| header)
    }

    /// As [`Header::read`], and hands over the file, which stands at its data.
    ///
    /// # Errors
    /// As [`Header::read`].
    pub fn open(path: &Path) -> Result<(Self, File)> {
        let open = || -> Result<(Self, File)> {
            // Looked at before it is opened: opening a pipe would wait for its writer.
            let meta = std::fs::metadata(path)?;
            ensure!(
                meta.is_file(),
                "expected an .npy file, found a {}",
                file_kind(&meta)
            );
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            Ok((Self::read_from(&mut file, length)?, file))
        };
        open().with_context(|| format!("'{}'", path.display()))
    }

    /// Reads a header from the start of a file of `length` bytes and leaves `source` at the data.
    ///
    /// # Errors
    /// As [`Header::read`], without the file's name.
    pub fn read_from(source: &mut impl Read, length: u64) -> Result<Self> {
        let header = Self::read_any_length(source, length)?;
        let (expected, found) = (header.data_bytes(), length - header.data_offset);
        ensure!(
            expected <= found,
            "cut short: its header promises {expected} bytes of data, the file has {found}"
        );
        ensure!(
            expected == found,
            "too long: its header promises {expected} bytes of data, the file has {found}"
        );
        Ok(header)
    }

    /// As [`Header::read_from`], for a file that is still growing: its data may be shorter or longer than promised.
    ///
    /// # Errors
    /// As [`Header::read`], without the file's name and the check of its length.
    pub fn read_any_length(source: &mut impl Read, length: u64) -> Result<Self> {
        let mut start = [0; 12];
        let got = read_up_to(source, &mut start[..8])?;
        ensure!(
            start[..got.min(6)] == MAGIC[..got.min(6)] && got > 0,
            "not an .npy file: expected it to start with '\\x93NUMPY', found {}",
            found_bytes(&start[..got.min(6)])
        );
        ensure!(got == 8, "cut short: expected a header, found {got} bytes");
        let (version, width) = match (start[6], start[7]) {
            (1, 0) => (1, 2),
            (version @ (2 | 3), 0) => (version, 4),
            (major, minor) => bail!("expected .npy format 1.0, 2.0 or 3.0, found {major}.{minor}"),
        };
        ensure!(
            read_up_to(source, &mut start[8..8 + width])? == width,
            "cut short: expected a header, found {length} bytes"
        );
        let text_length = start[8..8 + width]
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        ensure!(
            text_length <= MAX_TEXT as u64,
            "expected a header of at most {MAX_TEXT} bytes, found one of {text_length}"
        );
        let data_offset = (8 + width) as u64 + text_length;
        ensure!(
            data_offset <= length,
            "cut short: its header ends at byte {data_offset}, the file has {length}"
        );
        let mut text = vec![0; text_length as usize];
        source.read_exact(&mut text)?;
        Self::from_text(&decode(text, version)?, version, data_offset)
    }

    fn from_text(text: &str, version: u8, data_offset: u64) -> Result<Self> {
        let fields = literal::parse(text)?;
        let header = Self {
            dtype: Dtype::parse(&fields.descr)?,
            fortran_order: fields.fortran_order && fields.shape.len() > 1,
            shape: fields.shape,
            data_offset,
            version,
        };
        header.check_size()?;
        Ok(header)
    }
}

/// Header text is Latin-1 in formats 1.0 and 2.0, UTF-8 in 3.0.
fn decode(bytes: Vec<u8>, version: u8) -> Result<String> {
    match version {
        3 => String::from_utf8(bytes)
            .ok()
            .context("expected a header in UTF-8, found other bytes"),
        _ => Ok(bytes.into_iter().map(char::from).collect()),
    }
}

/// Fills `buffer` as far as the source goes.
fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn found_bytes(bytes: &[u8]) -> String {
    match bytes {
        [] => "an empty file".into(),
        _ => format!("'{}'", bytes.escape_ascii()),
    }
}

fn file_kind(meta: &std::fs::Metadata) -> &'static str {
    if meta.is_dir() {
        "directory"
    } else {
        "device or pipe"
    }
}
