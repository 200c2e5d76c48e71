//! An open dataset of HDF5, whose rows all decoders read in blocks.

use crate::sources::hdf5_chunks::Chunks;
use crate::sources::hdf5_dataset::Content;
use hdf5_metno::types::VarLenArray;
use hdf5_metno::{Dataset, Hyperslab, SliceOrIndex};
use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes that are read at once, where a chunk does not have more.
const AT_ONCE: u64 = 1 << 20;
/// Blocks that are kept: at the end of one its neighbour is still decoded.
pub const KEPT: u64 = 2;

/// Chunks of `rows` rows that are kept: the readers are at rows that lie beside each other.
pub fn kept_of_chunks(readers: u64, rows: u64) -> u64 {
    KEPT.max(readers.div_ceil(rows) + 1)
}

/// An open dataset, through which all decoders read.
#[derive(Debug)]
pub struct OpenDataset {
    dataset: Dataset,
    pub content: Content,
    pub rows: u64,
    rows_of_chunk: u64,
    /// A multiple of the rows of a chunk.
    pub rows_at_once: u64,
    /// Bytes of a row; of encoded images, the average.
    pub row_bytes: u64,
    /// Where each decoder reads its own chunks: then one chunk is read at once.
    pub chunks: Option<Chunks>,
    pub readers: AtomicU64,
    /// The blocks that were read last, with their numbers; one that its reader is still unpacking is empty.
    kept: Mutex<VecDeque<(u64, Slot)>>,
}

pub type Slot = Arc<OnceLock<Block>>;

/// A block of rows, and which of them could not be read.
#[derive(Debug)]
pub struct Block {
    pub rows: Rows,
    pub damaged: Vec<(Range<u64>, String)>,
}

#[derive(Debug)]
pub enum Rows {
    Pixels(Vec<u8>),
    Files(Vec<Box<[u8]>>),
}

impl OpenDataset {
    pub fn new(dataset: Dataset, content: Content, path: &Path, file_bytes: u64) -> Self {
        let rows = dataset.shape()[0] as u64;
        let row_bytes = match content {
            Content::Pixels(layout) => layout.bytes(),
            Content::Files => file_bytes / rows.max(1) + 1,
        };
        let chunk = dataset.chunk().map_or(1, |chunk| chunk[0].max(1) as u64);
        let chunks = (AT_ONCE / chunk.saturating_mul(row_bytes).max(1)).max(1);
        let mut open = Self {
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
        if let Some(chunks) = open.chunks_apart(path) {
            open.rows_at_once = chunk;
            open.chunks = Some(chunks);
        }
        open
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
    pub fn block(&self, number: u64) -> Slot {
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

    pub fn read_chunk(&self, number: u64) -> Block {
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
