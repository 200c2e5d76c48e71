//! The compressed chunks of a dataset of pixels, read and unpacked beside HDF5's library, which does one thing at a time:
//! each decoder unpacks its own.
//!
//! The library says where each chunk lies. That is believed once the first chunk, unpacked here, is what the library reads.
//! The library reads what is not as expected: another filter, a chunk that was never written, or one that was written
//! without its filters.

use anyhow::{Context, Result, ensure};
use flate2::{Decompress, FlushDecompress, Status};
use hdf5_metno::Dataset;
use hdf5_metno::filters::Filter;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of a chunk, unpacked, that each decoder may hold. Larger ones the library reads, one at a time.
const LARGEST: usize = 4 << 20;

/// Where the chunks lie.
#[derive(Debug)]
pub struct Chunks {
    file: File,
    /// By the number of the chunk.
    places: Vec<ChunkPlace>,
    /// Bytes of one chunk, unpacked.
    bytes: usize,
}

/// Where a chunk lies in the file. If its length is 0, the library reads it.
#[derive(Debug, Clone, Copy, Default)]
struct ChunkPlace {
    at: u64,
    length: u32,
}

impl Chunks {
    /// `None` where the library has to read the dataset: one of whole rows of `row_bytes` bytes.
    pub fn find(dataset: &Dataset, path: &Path, row_bytes: u64) -> Option<Self> {
        let (shape, chunk) = (dataset.shape(), dataset.chunk()?);
        let filters = dataset.filters();
        let packed = filters.iter().any(|f| matches!(f, Filter::Deflate(_)));
        // To shuffle the bytes of numbers of one byte changes nothing.
        let known = |f: &Filter| matches!(f, Filter::Deflate(_) | Filter::Shuffle);
        let bytes = chunk[0].checked_mul(usize::try_from(row_bytes).ok()?)?;
        if !packed || !filters.iter().all(known) || chunk[1..] != shape[1..] || bytes > LARGEST {
            return None;
        }
        let mut places = vec![ChunkPlace::default(); shape[0].div_ceil(chunk[0])];
        let visit = |found: hdf5_metno::dataset::ChunkInfoRef| {
            let number = found.offset[0] as usize / chunk[0];
            if let (Some(place), Ok(length), 0) = (
                places.get_mut(number),
                u32::try_from(found.size),
                found.filter_mask,
            ) {
                *place = ChunkPlace {
                    at: found.addr,
                    length,
                };
            }
            0
        };
        dataset.chunks_visit(visit).ok()?;
        let file = File::open(path).ok()?;
        Some(Self {
            file,
            places,
            bytes,
        })
    }

    /// The first chunk that can be read here, and what is in it.
    pub fn first(&self) -> Option<(u64, Vec<u8>)> {
        let number = self.places.iter().position(|place| place.length > 0)? as u64;
        Some((number, self.read(number)?.ok()?))
    }

    /// A chunk's pixels, also those of rows beyond the last. `None` if the library has to read it.
    pub fn read(&self, number: u64) -> Option<Result<Vec<u8>>> {
        let place = self.places[number as usize];
        (place.length > 0).then(|| self.unpacked(place))
    }

    fn unpacked(&self, place: ChunkPlace) -> Result<Vec<u8>> {
        // Deflate makes nothing longer by more than this.
        let most = self.bytes + self.bytes / 1000 + 1024;
        ensure!(
            place.length as usize <= most,
            "a chunk of {} bytes takes {} bytes compressed",
            self.bytes,
            place.length
        );
        let mut packed = vec![0; place.length as usize];
        self.file
            .read_exact_at(&mut packed, place.at)
            .context("a chunk is cut short")?;
        let mut pixels = Vec::with_capacity(self.bytes);
        let status =
            Decompress::new(true).decompress_vec(&packed, &mut pixels, FlushDecompress::Finish);
        ensure!(
            matches!(status, Ok(Status::StreamEnd)) && pixels.len() == self.bytes,
            "a chunk cannot be unpacked"
        );
        Ok(pixels)
    }
}
