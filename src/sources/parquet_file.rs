//! What Parquet's decoder reads of a file: an error, not nothing, where the file ends before what it says it holds.
//!
//! A damaged page header says that it has thousands of millions of items. At the end of a file the decoder would read
//! nothing for each of them, which takes half a minute; and it would take memory for a page of 2 GB before it reads it.

use ::parquet::errors::Result as ParquetResult;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;
use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Result};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

pub struct ParquetFile {
    file: Arc<File>,
    length: u64,
}

impl ParquetFile {
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            file: Arc::new(file),
            length,
        })
    }
}

impl Length for ParquetFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for ParquetFile {
    type T = BufReader<Rest>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(Rest {
            file: Arc::clone(&self.file),
            at: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let left = self.length.saturating_sub(start);
        if length as u64 > left {
            return Err(ends_early().into());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// The bytes from one place on.
pub struct Rest {
    file: Arc<File>,
    at: u64,
}

impl Read for Rest {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        match self.file.read_at(into, self.at)? {
            0 if !into.is_empty() => Err(ends_early()),
            read => {
                self.at += read as u64;
                Ok(read)
            }
        }
    }
}

fn ends_early() -> Error {
    Error::new(ErrorKind::UnexpectedEof, "the file ends before its page")
}
