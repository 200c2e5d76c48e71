//! Rows that go straight to their places in an HDF5 file.
//!
//! The library lays the file out: it allots every dataset's space when that is made ("early allocation"), and says where
//! it is (`H5Dchunk_iter`). The rows are then written there as into any file, without a second copy in the library, which
//! need not know their type of numbers. Chunks without filters are nothing but their bytes.

use crate::export::table::Table;
use crate::rows::copy::allocate;
use crate::rows::number::Number;
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::{Context, Result, ensure};
use hdf5_metno::file::File;
use hdf5_metno::plist::dataset_create::{AllocTime, FillTime};
use hdf5_metno::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5_metno::{Dataset, Group};

/// Bytes of a chunk, unless one row has more. Readers that cache chunks (1 MB, by default) read only what they are asked
/// for of a larger one.
const CHUNK: u64 = 4 << 20;
/// The format keeps a chunk's size in 32 bits.
const LARGEST_CHUNK: u64 = u32::MAX as u64;
/// What the library's own records take, generously: a file's, and a dataset's.
const FILE_RECORDS: u64 = 1 << 16;
const LAYER_RECORD: u64 = 1 << 13;
/// The most axes of one dataset.
pub const MOST_AXES: usize = 32;

/// Where the rows of a dataset lie.
#[derive(Debug)]
pub struct Places {
    pub rows_a_chunk: u64,
    /// The place in the file of each chunk's first byte.
    chunks: Vec<u64>,
}

/// Makes an HDF5 file of the empty one that `into` is, with room for `bytes`.
///
/// The room is taken before the library writes anything, for the library does not survive a disk that fills up.
///
/// # Errors
/// It cannot be made; no space.
pub fn create(into: &UnfinishedFile, userblock: u64, bytes: u64) -> Result<File> {
    // Who made the file has locked it already, and the library would take that for another writer.
    let file = File::with_options()
        .with_fapl(|access| access.file_locking(false))
        .with_fcpl(|create| create.userblock(userblock).obj_track_times(false))
        .create(into.path())?;
    allocate(into.file(), bytes)?;
    Ok(file)
}

/// Closes the file, gives back the room that was not needed, and lets the library check that the file is whole.
///
/// # Errors
/// A disk that fails.
pub fn close(file: File, into: &UnfinishedFile) -> Result<()> {
    file.flush()?;
    let needed = file.size();
    file.close()?;
    if into.file().metadata()?.len() > needed {
        into.file().set_len(needed)?;
    }
    // It refuses a file that ends before its last record.
    File::with_options()
        .with_fapl(|access| access.file_locking(false))
        .open(into.path())?;
    Ok(())
}

/// Bytes that the library needs beside the rows themselves: for a file, a layer's record, the index of its chunks.
pub fn record_bytes(table: &Table) -> u64 {
    let layers = table.layers.iter().map(|layer| {
        let (rows, axes) = (layer.rows.rows(), layer.shape().len() as u64);
        let at_once = rows_a_chunk(layer.rows.header.row_bytes(), rows).unwrap_or(1);
        let last = (rows.next_multiple_of(at_once) - rows) * layer.rows.header.row_bytes();
        LAYER_RECORD + rows.div_ceil(at_once) * (64 + 32 * axes) + last
    });
    let facts: usize = table
        .facts
        .iter()
        .map(|(key, value)| key.len() + value.len() + 256)
        .sum();
    FILE_RECORDS + facts as u64 + layers.sum::<u64>()
}

/// How many rows a chunk has.
///
/// # Errors
/// A row that no chunk can hold.
pub fn rows_a_chunk(row_bytes: u64, rows: u64) -> Result<u64> {
    ensure!(
        row_bytes <= LARGEST_CHUNK,
        "a row of {row_bytes} bytes is larger than the {LARGEST_CHUNK} that HDF5 can keep in one piece; merge it to .npy"
    );
    let most = (CHUNK / row_bytes.max(1)).max(1);
    // As many chunks of equal size: the last one, which takes as much space, is nearly full.
    Ok(rows.div_ceil(rows.div_ceil(most).max(1)).max(1))
}

/// Makes a dataset of this shape, with space for all of it, where `axis` counts rows.
///
/// # Errors
/// The library refuses.
pub fn allot(
    group: &Group,
    name: &str,
    number: Number,
    shape: &[u64],
    axis: usize,
    rows_a_chunk: u64,
) -> Result<(Dataset, Places)> {
    let shape: Vec<usize> = shape.iter().map(|&length| length as usize).collect();
    let is_empty = shape.contains(&0);
    let mut chunk = shape.clone();
    chunk[axis] = rows_a_chunk as usize;
    let builder = group.new_dataset_builder().obj_track_times(false);
    let builder = builder.empty_as(descriptor(number));
    let builder = if is_empty {
        builder
    } else {
        builder
            .chunk(chunk)
            .alloc_time(Some(AllocTime::Early))
            .fill_time(FillTime::Never)
    };
    let dataset = builder.shape(shape.clone()).create(name)?;
    let count = if is_empty {
        0
    } else {
        (shape[axis] as u64).div_ceil(rows_a_chunk)
    };
    let mut chunks = vec![u64::MAX; count as usize];
    if !is_empty {
        dataset.chunks_visit(|chunk| {
            let index = chunk.offset[axis] / rows_a_chunk;
            match chunks.get_mut(index as usize) {
                Some(place) => *place = chunk.addr,
                None => return -1,
            }
            0
        })?;
    }
    ensure!(!chunks.contains(&u64::MAX), "HDF5 gave '{name}' no space");
    Ok((
        dataset,
        Places {
            rows_a_chunk,
            chunks,
        },
    ))
}

impl Places {
    /// Where the chunk that begins with row `row` lies.
    ///
    /// # Errors
    /// There is no such chunk.
    pub fn of(&self, row: u64) -> Result<u64> {
        let chunk = self.chunks.get((row / self.rows_a_chunk) as usize);
        chunk.copied().context("no chunk for this row")
    }
}

fn descriptor(number: Number) -> TypeDescriptor {
    match number {
        Number::Bool => TypeDescriptor::Boolean,
        Number::I8 => TypeDescriptor::Integer(IntSize::U1),
        Number::I16 => TypeDescriptor::Integer(IntSize::U2),
        Number::I32 => TypeDescriptor::Integer(IntSize::U4),
        Number::I64 => TypeDescriptor::Integer(IntSize::U8),
        Number::U8 => TypeDescriptor::Unsigned(IntSize::U1),
        Number::U16 => TypeDescriptor::Unsigned(IntSize::U2),
        Number::U32 => TypeDescriptor::Unsigned(IntSize::U4),
        Number::U64 => TypeDescriptor::Unsigned(IntSize::U8),
        Number::F16 => TypeDescriptor::Float(FloatSize::U2),
        Number::F32 => TypeDescriptor::Float(FloatSize::U4),
        Number::F64 => TypeDescriptor::Float(FloatSize::U8),
    }
}
