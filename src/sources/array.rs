//! `.npy` files of uint8 pixels: (N, H, W, 3), (N, 3, H, W) or (N, H, W), preprocessed as decoded images are.

use crate::images::ImageError;
use crate::rows::npy::Header;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use anyhow::{Result, ensure};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug)]
pub struct Array {
    path: PathBuf,
    stamp: Stamp,
    rows: u64,
    /// Of the first row, from the file's start.
    offset: u64,
    layout: Layout,
}

/// How the pixels of a row lie.
#[derive(Debug, Clone, Copy)]
struct Layout {
    width: u32,
    height: u32,
    channels: u8,
    /// (3, H, W): a channel after the other.
    planar: bool,
}

impl Array {
    /// # Errors
    /// No `.npy` file, or one whose rows are no pixels.
    pub fn new(path: &Path) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        let (header, _) = Header::open(path)?;
        let dtype = header.dtype.to_string();
        let layout = Layout::of(&header.shape).filter(|_| dtype == "|u1" && !header.fortran_order);
        let order = if header.fortran_order {
            ", Fortran order"
        } else {
            ""
        };
        ensure!(
            layout.is_some() && header.shape[0] > 0,
            "'{}' holds {dtype} of shape {:?}{order}; expected images as uint8 in C order: (N, H, W, 3), (N, 3, H, W) or (N, H, W)",
            path.display(),
            header.shape
        );
        Ok(Self {
            path: path.to_owned(),
            stamp,
            rows: header.shape[0],
            offset: header.data_offset,
            layout: layout.unwrap_or(Layout::NONE),
        })
    }
}

impl Layout {
    const NONE: Self = Self {
        width: 0,
        height: 0,
        channels: 0,
        planar: false,
    };

    fn of(shape: &[u64]) -> Option<Self> {
        let (height, width, channels, planar) = match *shape {
            [_, height, width] => (height, width, 1, false),
            [_, height, width, 3] => (height, width, 3, false),
            [_, 3, height, width] => (height, width, 3, true),
            _ => return None,
        };
        let side = |n: u64| u32::try_from(n).ok().filter(|&n| n > 0);
        Some(Self {
            width: side(width)?,
            height: side(height)?,
            channels,
            planar,
        })
    }

    fn bytes(self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.channels)
    }
}

impl Source for Array {
    fn list(&self) -> Result<Listing> {
        Ok(Listing::numbered(self.rows))
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        if !self.is_there() {
            return Err(ImageError::of_changed(&self.path));
        }
        Ok(Box::new(ArrayReader {
            file: File::open(&self.path)?,
            array: self,
            planes: Vec::new(),
        }))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        Some((&self.path, self.stamp))
    }

    fn buffers(&self, readers: u64) -> u64 {
        match self.layout.planar {
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
        let Layout {
            width,
            height,
            channels,
            planar,
        } = self.array.layout;
        let bytes = self.array.layout.bytes();
        let target = if planar { &mut self.planes } else { &mut *into };
        target.resize(bytes as usize, 0);
        self.file
            .read_exact_at(target, self.array.offset + item.at * bytes)?;
        if planar {
            into.resize(bytes as usize, 0);
            side_by_side(&self.planes, into);
        }
        Ok(Item::Pixels {
            width,
            height,
            channels,
        })
    }
}

/// Three planes become pixels of three values.
fn side_by_side(planes: &[u8], pixels: &mut [u8]) {
    let count = planes.len() / 3;
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        pixel.copy_from_slice(&[planes[i], planes[count + i], planes[2 * count + i]]);
    }
}
