//! `.npy` files: uint8 pixels, (N, H, W, 3), (N, 3, H, W) or (N, H, W), preprocessed as decoded images are; or float32,
//! (N, 3, H, W), which the model is given as it is.

use crate::images::ImageError;
use crate::rows::dtype::ByteOrder;
use crate::rows::npy::Header;
use crate::rows::number::Number;
use crate::sources::layout::Layout;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use anyhow::{Result, bail};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug)]
pub struct Array {
    path: PathBuf,
    stamp: Stamp,
    rows: u64,
    /// Where the first row begins, from the file's start.
    offset: u64,
    layout: Layout,
}

impl Array {
    /// # Errors
    /// No `.npy` file, or one whose rows are no images.
    pub fn new(path: &Path) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        let (header, _) = Header::open(path)?;
        let dtype = &header.dtype;
        let layout = match (dtype.number(), dtype.order()) {
            _ if header.fortran_order => None,
            (Some(Number::U8), _) => Layout::of(&header.shape),
            (Some(Number::F32), ByteOrder::Little) => Layout::of_values(&header.shape),
            _ => None,
        };
        let order = if header.fortran_order {
            ", Fortran order"
        } else {
            ""
        };
        let Some(layout) = layout.filter(|_| header.shape[0] > 0) else {
            bail!(
                "'{}' holds {dtype} of shape {:?}{order}; expected images as uint8 in C order, (N, H, W, 3), (N, 3, H, W) or \
                 (N, H, W), or a model's input as float32, (N, 3, H, W)",
                path.display(),
                header.shape
            );
        };
        Ok(Self {
            path: path.to_owned(),
            stamp,
            rows: header.shape[0],
            offset: header.data_offset,
            layout,
        })
    }
}

impl Source for Array {
    fn list(&self) -> Result<Listing> {
        Listing::numbered(self.rows, &self.path, self.stamp)
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        Ok(Box::new(ArrayReader {
            file: File::open(&self.path)?,
            array: self,
            planes: Vec::new(),
        }))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        Some((&self.path, self.stamp))
    }

    fn values(&self) -> Option<(u32, u32)> {
        self.layout.values()
    }

    fn buffers(&self, readers: u64) -> u64 {
        match self.layout.is_planar() {
            true => readers * self.layout.bytes(),
            false => 0,
        }
    }
}

struct ArrayReader {
    array: Arc<Array>,
    file: File,
    planes: Vec<u8>,
}

impl Reader for ArrayReader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let layout = self.array.layout;
        let bytes = layout.bytes();
        let at = self.array.offset + item.at * bytes;
        if !layout.is_planar() {
            into.resize(bytes as usize, 0);
            self.file.read_exact_at(into, at)?;
            return Ok(layout.item());
        }
        self.planes.resize(bytes as usize, 0);
        self.file.read_exact_at(&mut self.planes, at)?;
        Ok(layout.unfold(&self.planes, into))
    }
}
