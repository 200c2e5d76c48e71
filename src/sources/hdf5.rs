//! A dataset of an HDF5 file: pixels of 8 bits, or encoded images of variable length.
//!
//! HDF5's library does one thing at a time, for all threads together. So all decoders share what is read: one reads some rows, a
//! chunk's or about a megabyte, while the others decode those that were read before. Chunks that gzip packed are read
//! beside the library where that can be: each decoder unpacks one.

use crate::images::ImageError;
use crate::sources::damage::Damage;
use crate::sources::hdf5_chunks::Chunks;
use crate::sources::hdf5_dataset::{Content, find, open_file};
use crate::sources::shared_handle::SharedHandle;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use anyhow::{Error, Result};
use hdf5_metno::types::VarLenArray;
use hdf5_metno::{Dataset, Hyperslab, SliceOrIndex};
use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes that are read at once, where a chunk does not have more.
const AT_ONCE: u64 = 1 << 20;
/// Blocks that are kept: at the end of one its neighbour is still decoded.
const KEPT: u64 = 2;
/// Blocks that HDF5 holds while it reads one: packed, and unpacked.
const READING: u64 = 2;

#[derive(Debug)]
pub struct Hdf5 {
    path: PathBuf,
    stamp: Stamp,
    damage: Damage,
    /// The dataset's name, without a slash before it.
    name: String,
    open: SharedHandle<Table>,
    /// What reading takes, once the file was opened: bytes of a block; and its rows, where each decoder reads its own.
    block: AtomicU64,
    apart: AtomicU64,
}

impl Hdf5 {
    /// `inside`: the dataset that the user names; or else the file is searched for one.
    ///
    /// # Errors
    /// The file cannot be looked at, or has not one dataset of images.
    pub fn new(path: &Path, inside: Option<&str>) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        let damage = Damage::of(path, stamp.bytes);
        let name = match inside {
            Some(name) => name.trim_matches('/').to_owned(),
            None => damage.guarded(|| Ok::<_, Error>(find(&open_file(path)?, path, None)?.0))?,
        };
        Ok(Self {
            path: path.to_owned(),
            stamp,
            damage,
            name,
            open: SharedHandle::new(),
            block: AtomicU64::new(0),
            apart: AtomicU64::new(0),
        })
    }

    fn open(&self) -> Result<Arc<Table>> {
        self.open.get(|| {
            let table = self.damage.guarded(|| self.table())?;
            let block = table.rows_at_once.saturating_mul(table.row_bytes);
            self.block.store(block, Ordering::Relaxed);
            let apart = table.chunks.as_ref().map_or(0, |_| table.rows_at_once);
            self.apart.store(apart, Ordering::Relaxed);
            Ok(table)
        })
    }

    fn table(&self) -> Result<Table> {
        let (_, dataset, content) = find(&open_file(&self.path)?, &self.path, Some(&self.name))?;
        Ok(Table::new(dataset, content, &self.path, self.stamp.bytes))
    }
}

impl Source for Hdf5 {
    fn list(&self) -> Result<Listing> {
        Listing::numbered(self.open()?.rows, &self.path, self.stamp)
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        let open = self.open().map_err(ImageError::of_source)?;
        open.readers.fetch_add(1, Ordering::Relaxed);
        let damage = self.damage.with(self.block.load(Ordering::Relaxed));
        Ok(Box::new(Hdf5Reader { open, damage }))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        Some((&self.path, self.stamp))
    }

    fn name_within(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn buffers(&self, readers: u64) -> u64 {
        let blocks = match self.apart.load(Ordering::Relaxed) {
            0 => KEPT + READING,
            // Those that are kept; for each of them its packed form, and one that is no longer kept but that a reader still has.
            rows => 3 * kept_of_chunks(readers, rows),
        };
        self.block.load(Ordering::Relaxed).saturating_mul(blocks)
    }
}

/// Chunks that are kept, of so many rows each: readers are at rows that lie beside each other.
fn kept_of_chunks(readers: u64, rows: u64) -> u64 {
    KEPT.max(readers.div_ceil(rows) + 1)
}

struct Hdf5Reader {
    open: Arc<Table>,
    damage: Damage,
}

impl Reader for Hdf5Reader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let table = &self.open;
        let number = item.at / table.rows_at_once;
        let slot = self.damage.guarded(|| table.block(number));
        let read = || self.damage.guarded(|| table.read_chunk(number));
        let block = slot.get_or_init(read);
        let damaged = block
            .damaged
            .iter()
            .find(|(rows, _)| rows.contains(&item.at));
        if let Some((_, reason)) = damaged {
            return Err(ImageError::of_source(reason));
        }
        let within = (item.at % table.rows_at_once) as usize;
        match (&block.rows, table.content) {
            (Rows::Pixels(pixels), Content::Pixels(layout)) => {
                let bytes = layout.bytes() as usize;
                Ok(layout.unfold(&pixels[within * bytes..][..bytes], into))
            }
            (Rows::Files(files), _) => Item::encoded(&files[within], into),
            _ => Err(ImageError::DecoderFailed), // the rows are what the content is
        }
    }
}

/// An open dataset, through which all decoders read.
#[derive(Debug)]
struct Table {
    dataset: Dataset,
    content: Content,
    rows: u64,
    rows_of_chunk: u64,
    /// A multiple of those of a chunk.
    rows_at_once: u64,
    /// Of encoded images, about.
    row_bytes: u64,
    /// Where each decoder reads its own chunks: then one chunk is read at once.
    chunks: Option<Chunks>,
    readers: AtomicU64,
    /// The blocks that were read last, with their numbers; one that its reader is still unpacking is empty.
    kept: Mutex<VecDeque<(u64, Slot)>>,
}

type Slot = Arc<OnceLock<Block>>;

/// Some rows, and those of them that could not be read.
#[derive(Debug)]
struct Block {
    rows: Rows,
    damaged: Vec<(Range<u64>, String)>,
}

#[derive(Debug)]
enum Rows {
    Pixels(Vec<u8>),
    Files(Vec<Box<[u8]>>),
}

impl Table {
    fn new(dataset: Dataset, content: Content, path: &Path, file_bytes: u64) -> Self {
        let rows = dataset.shape()[0] as u64;
        let row_bytes = match content {
            Content::Pixels(layout) => layout.bytes(),
            Content::Files => file_bytes / rows.max(1) + 1,
        };
        let chunk = dataset.chunk().map_or(1, |chunk| chunk[0].max(1) as u64);
        let chunks = (AT_ONCE / chunk.saturating_mul(row_bytes).max(1)).max(1);
        let mut table = Self {
            dataset,
            content,
            rows,
            rows_of_chunk: chunk,
            rows_at_once: chunk.saturating_mul(chunks),
            row_bytes,
            chunks: None,
            readers: AtomicU64::new(0),
            kept: Mutex::default(),
        };
        if let Some(chunks) = table.chunks_apart(path) {
            table.rows_at_once = chunk;
            table.chunks = Some(chunks);
        }
        table
    }

    /// The chunks, where they can be read beside the library: the first one has proved it.
    fn chunks_apart(&self, path: &Path) -> Option<Chunks> {
        let Content::Pixels(_) = self.content else {
            return None;
        };
        let chunks = Chunks::find(&self.dataset, path, self.row_bytes)?;
        let (number, found) = chunks.first()?;
        let Rows::Pixels(wanted) = self
            .read_whole(&self.rows_of(number, self.rows_of_chunk))
            .ok()?
        else {
            return None;
        };
        found.starts_with(&wanted).then_some(chunks)
    }

    fn rows_of(&self, number: u64, at_once: u64) -> Range<u64> {
        let start = number * at_once;
        start..self.rows.min(start + at_once)
    }

    /// The rows from the `number`-th multiple of `rows_at_once` on; empty where the reader that needs it first unpacks it.
    fn block(&self, number: u64) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = kept.iter().find(|(other, _)| *other == number) {
            return block.clone();
        }
        let most = match &self.chunks {
            Some(_) => kept_of_chunks(self.readers.load(Ordering::Relaxed), self.rows_at_once),
            None => KEPT,
        };
        while kept.len() as u64 >= most {
            kept.pop_front(); // before the next takes its memory
        }
        let slot = Slot::default();
        if self.chunks.is_none() {
            let rows = self.rows_of(number, self.rows_at_once);
            slot.get_or_init(|| self.read(rows));
        }
        kept.push_back((number, slot.clone()));
        slot
    }

    fn read_chunk(&self, number: u64) -> Block {
        let rows = self.rows_of(number, self.rows_at_once);
        match self.chunks.as_ref().and_then(|chunks| chunks.read(number)) {
            Some(Ok(mut pixels)) => {
                pixels.truncate(((rows.end - rows.start) * self.row_bytes) as usize);
                Block {
                    rows: Rows::Pixels(pixels),
                    damaged: Vec::new(),
                }
            }
            Some(Err(error)) => Block {
                rows: self.blank(&rows),
                damaged: vec![(rows, format!("{error:#}"))],
            },
            None => self.read(rows),
        }
    }

    /// Where a chunk is damaged, the others are read one by one.
    fn read(&self, rows: Range<u64>) -> Block {
        let error = match self.read_whole(&rows) {
            Ok(rows) => {
                let damaged = Vec::new();
                return Block { rows, damaged };
            }
            Err(error) => error.to_string(),
        };
        if rows.end - rows.start <= self.rows_of_chunk {
            return Block {
                rows: self.blank(&rows),
                damaged: vec![(rows, error)],
            };
        }
        let starts = rows.clone().step_by(self.rows_of_chunk as usize);
        let chunks = starts.map(|start| self.read(start..rows.end.min(start + self.rows_of_chunk)));
        let mut all = Block {
            rows: self.blank(&(0..0)),
            damaged: Vec::new(),
        };
        for mut chunk in chunks {
            match (&mut all.rows, chunk.rows) {
                (Rows::Pixels(all), Rows::Pixels(mut pixels)) => all.append(&mut pixels),
                (Rows::Files(all), Rows::Files(mut files)) => all.append(&mut files),
                _ => {}
            }
            all.damaged.append(&mut chunk.damaged);
        }
        all
    }

    fn blank(&self, rows: &Range<u64>) -> Rows {
        let rows = (rows.end - rows.start) as usize;
        match self.content {
            Content::Pixels(layout) => Rows::Pixels(vec![0; rows * layout.bytes() as usize]),
            Content::Files => Rows::Files(vec![Box::default(); rows]),
        }
    }

    fn read_whole(&self, rows: &Range<u64>) -> hdf5_metno::Result<Rows> {
        let mut axes = vec![SliceOrIndex::from(rows.start as usize..rows.end as usize)];
        axes.resize(self.dataset.ndim(), SliceOrIndex::from(..));
        let rows = Hyperslab::from(axes);
        Ok(match self.content {
            Content::Pixels(_) => {
                let pixels = self.dataset.read_slice::<u8, _, ndarray::IxDyn>(rows)?;
                Rows::Pixels(pixels.into_raw_vec_and_offset().0)
            }
            Content::Files => {
                let files = self.dataset.read_slice_1d::<VarLenArray<u8>, _>(rows)?;
                Rows::Files(files.iter().map(|file| file.as_slice().into()).collect())
            }
        })
    }
}
