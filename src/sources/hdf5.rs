//! A dataset of an HDF5 file: pixels of 8 bits, or encoded images of variable length.
//!
//! HDF5's library does one thing at a time, for all threads together. So all decoders share what is read: one reads some
//! rows, a chunk's or about a megabyte, while the others decode those that were read before. Chunks that gzip packed are
//! read beside the library where that can be: each decoder unpacks one.

use crate::images::ImageError;
use crate::sources::damage::Damage;
use crate::sources::hdf5_dataset::{Content, find, open_file};
use crate::sources::hdf5_open_dataset::{KEPT, OpenDataset, Rows, kept_of_chunks};
use crate::sources::shared_handle::SharedHandle;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use anyhow::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Blocks that HDF5 holds while it reads one: packed, and unpacked.
const READING: u64 = 2;

#[derive(Debug)]
pub struct Hdf5 {
    path: PathBuf,
    stamp: Stamp,
    damage: Damage,
    /// The dataset's name, without a slash before it.
    name: String,
    open: SharedHandle<OpenDataset>,
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

    fn open(&self) -> Result<Arc<OpenDataset>> {
        self.open.get(|| {
            let dataset = self.damage.guarded(|| self.dataset())?;
            let block = dataset.rows_at_once.saturating_mul(dataset.row_bytes);
            self.block.store(block, Ordering::Relaxed);
            let apart = dataset.chunks.as_ref().map_or(0, |_| dataset.rows_at_once);
            self.apart.store(apart, Ordering::Relaxed);
            Ok(dataset)
        })
    }

    fn dataset(&self) -> Result<OpenDataset> {
        let (_, dataset, content) = find(&open_file(&self.path)?, &self.path, Some(&self.name))?;
        Ok(OpenDataset::new(
            dataset,
            content,
            &self.path,
            self.stamp.bytes,
        ))
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
            // Those that are kept; for each its packed form, and one that is no longer kept but that a reader still has.
            rows => 3 * kept_of_chunks(readers, rows),
        };
        self.block.load(Ordering::Relaxed).saturating_mul(blocks)
    }
}

struct Hdf5Reader {
    open: Arc<OpenDataset>,
    damage: Damage,
}

impl Reader for Hdf5Reader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let dataset = &self.open;
        let number = item.at / dataset.rows_at_once;
        let slot = self.damage.guarded(|| dataset.block(number));
        let read = || self.damage.guarded(|| dataset.read_chunk(number));
        let block = slot.get_or_init(read);
        let damaged = block
            .damaged
            .iter()
            .find(|(rows, _)| rows.contains(&item.at));
        if let Some((_, reason)) = damaged {
            return Err(ImageError::of_source(reason));
        }
        let within = (item.at % dataset.rows_at_once) as usize;
        match (&block.rows, dataset.content) {
            (Rows::Pixels(pixels), Content::Pixels(layout)) => {
                let bytes = layout.bytes() as usize;
                Ok(layout.unfold(&pixels[within * bytes..][..bytes], into))
            }
            (Rows::Files(files), _) => Item::encoded(&files[within], into),
            _ => Err(ImageError::DecoderFailed), // the rows are what the content is
        }
    }
}
