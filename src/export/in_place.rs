//! Rows that go straight to their places in an HDF5 file.
//!
//! The library lays the file out: it allots every dataset's space when that is made ("early allocation"), and says where
//! it is (`H5Dchunk_iter`). The rows are then written there as into any file, with no second copy in the library, and no
//! type of numbers that it would have to know. Chunks without filters are nothing but their bytes.

use crate::export::number::Number;
use anyhow::{Context, Result, ensure};
use hdf5_metno::file::File;
use hdf5_metno::plist::dataset_create::{AllocTime, FillTime};
use hdf5_metno::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5_metno::{Dataset, Group};
use std::path::Path;

/// Bytes of a chunk, unless one row has more. Readers that cache chunks (1 MB, by default) read only what they are asked
/// for of a larger one.
const CHUNK: u64 = 4 << 20;
/// The format keeps a chunk's size in 32 bits.
const LARGEST_CHUNK: u64 = u32::MAX as u64;
/// Of one dataset.
pub const MOST_AXES: usize = 32;

/// Where the rows of a dataset lie.
#[derive(Debug)]
pub struct Places {
    pub rows_a_chunk: u64,
    /// Of each chunk, its first byte's place in the file.
    chunks: Vec<u64>,
}

/// Makes an empty file in place of the one that is there.
///
/// # Errors
/// It cannot be made.
pub fn create(path: &Path, userblock: u64) -> Result<File> {
    // Who made the file has locked it already, and the library would take that for another writer.
    let made = File::with_options()
        .with_fapl(|access| access.file_locking(false))
        .with_fcpl(|create| create.userblock(userblock))
        .create(path);
    Ok(made?)
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
    let builder = group.new_dataset_builder().empty_as(&descriptor(number));
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
