//! Parquet files with images in a column, as Hugging Face's `datasets` writes them: a struct of `bytes` and `path`, or
//! bytes.

use crate::images::ImageError;
use crate::sources::parquet_column::{Column, find};
use crate::sources::parquet_file::ParquetFile;
use crate::sources::shared_handle::SharedHandle;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use crate::text::contained::contained;
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, ByteArrayType};
use ::parquet::errors::{ParquetError, Result as ParquetResult};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use anyhow::{Context, Error, Result};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows that are kept after they were read: decoders ask for rows in another order than the file has.
const KEPT: u64 = 64;
/// Reading begins this number of rows before the first row that is asked for: another decoder will ask for one of them.
const BEFORE: u64 = 8;

#[derive(Debug)]
pub struct Parquet {
    path: PathBuf,
    stamp: Stamp,
    /// The column that the user names.
    inside: Option<String>,
    open: SharedHandle<OpenFile>,
    /// Bytes that reading takes, once the file was opened.
    buffers: AtomicU64,
}

impl Parquet {
    /// # Errors
    /// The file cannot be looked at.
    pub fn new(path: &Path, inside: Option<&str>) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            stamp: Stamp::of(path)?,
            inside: inside.map(str::to_owned),
            open: SharedHandle::new(),
            buffers: AtomicU64::new(0),
        })
    }

    fn open(&self) -> Result<Arc<OpenFile>> {
        self.open.get(|| {
            let open = || OpenFile::open(&self.path, self.inside.as_deref());
            let table =
                contained(open).unwrap_or_else(|| Err(Error::msg(not_whole(&self.path))))?;
            self.buffers
                .store(table.column.bytes_to_read(KEPT), Ordering::Relaxed);
            Ok(table)
        })
    }
}

impl Source for Parquet {
    fn list(&self) -> Result<Listing> {
        Listing::numbered(self.open()?.rows(), &self.path, self.stamp)
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        let open = self.open().map_err(ImageError::of_source)?;
        Ok(Box::new(ParquetReader(open)))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        Some((&self.path, self.stamp))
    }

    fn buffers(&self, _readers: u64) -> u64 {
        self.buffers.load(Ordering::Relaxed)
    }
}

struct ParquetReader(Arc<OpenFile>);

impl Reader for ParquetReader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let row = self.0.row(item.at).map_err(|error| {
            ImageError::of_source(format_args!("its row group is damaged: {error}"))
        })?;
        let Some(bytes) = row else {
            return Err(ImageError::Source(
                "is null: the column holds no bytes in this row".to_owned(),
            ));
        };
        Item::encoded(bytes.data(), into)
    }
}

/// An open file. All decoders read through one, so that each row group is read once, in order.
struct OpenFile {
    file: SerializedFileReader<ParquetFile>,
    column: Column,
    ahead: Mutex<ReadAhead>,
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenFile({:?})", self.column)
    }
}

/// How far the file is read.
#[derive(Default)]
struct ReadAhead {
    /// Reads the row group that `next` lies in. `None` before the first row, and after an error.
    reader: Option<ColumnReaderImpl<ByteArrayType>>,
    next: u64,
    /// The rows before `next`.
    kept: VecDeque<Option<ByteArray>>,
}

fn not_whole(path: &Path) -> String {
    format!(
        "'{}' is not a complete Parquet file; make or download it again",
        path.display()
    )
}

impl OpenFile {
    /// # Errors
    /// No whole Parquet file; no such column.
    fn open(path: &Path, inside: Option<&str>) -> Result<Self> {
        let named = || format!("cannot read '{}'", path.display());
        let file = SerializedFileReader::new(ParquetFile::open(path).with_context(named)?)
            .with_context(|| not_whole(path))?;
        let column = find(file.metadata(), path, inside)?;
        Ok(Self {
            file,
            column,
            ahead: Mutex::default(),
        })
    }

    fn rows(&self) -> u64 {
        self.column.rows()
    }

    /// The bytes of a row. `None` if they are null.
    fn row(&self, row: u64) -> ParquetResult<Option<ByteArray>> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = ahead.next - ahead.kept.len() as u64;
        if row < oldest || row >= ahead.next + KEPT {
            let start = row
                .saturating_sub(BEFORE)
                .max(self.column.start_of_group(row));
            *ahead = ReadAhead {
                reader: None,
                next: start,
                kept: VecDeque::new(),
            };
        }
        while ahead.next <= row {
            let read = contained(|| self.read_next(&mut ahead));
            let value = read.unwrap_or_else(|| {
                Err(ParquetError::General("it makes the decoder fail".into()))
            })?;
            ahead.kept.push_back(value);
            ahead.next += 1;
            if ahead.kept.len() as u64 > KEPT {
                ahead.kept.pop_front();
            }
        }
        let place = ahead.kept.len() as u64 - (ahead.next - row);
        Ok(ahead.kept[place as usize].clone())
    }

    /// After an error the reader is gone, and is opened again for the next row.
    fn read_next(&self, ahead: &mut ReadAhead) -> ParquetResult<Option<ByteArray>> {
        let start = self.column.start_of_group(ahead.next);
        let mut reader = match ahead.reader.take().filter(|_| ahead.next != start) {
            Some(reader) => reader,
            None => self.reader_at(ahead.next)?,
        };
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let (records, ..) = reader.read_records(1, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::EOF(
                "it has fewer rows than it says".to_owned(),
            ));
        }
        ahead.reader = Some(reader);
        Ok(values.pop())
    }

    /// A reader whose next row is this one. After it come the other rows of its group.
    fn reader_at(&self, row: u64) -> ParquetResult<ColumnReaderImpl<ByteArrayType>> {
        let group = self.file.get_row_group(self.column.group(row))?;
        let ColumnReader::ByteArrayColumnReader(mut reader) =
            group.get_column_reader(self.column.leaf)?
        else {
            return Err(ParquetError::General(
                "its column holds no bytes".to_owned(),
            ));
        };
        reader.skip_records((row - self.column.start_of_group(row)) as usize)?;
        Ok(reader)
    }
}
