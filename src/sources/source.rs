//! The door through which images come: what a place that holds them has to offer.

use crate::images::{ImageError, Preprocessor, ensure_readable};
use crate::sources::file_names::FileNames;
use crate::sources::others::Others;
use crate::sources::stamp::Stamp;
use crate::text::figures;
use anyhow::{Result, ensure};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// A place that holds images. It is shared by all threads; each decoder has a [`Reader`] of its own.
pub trait Source: Send + Sync + Debug {
    /// Finds all items, in their order.
    ///
    /// # Errors
    /// A source that cannot be read, or holds items that no rows can be made of.
    fn list(&self) -> Result<Listing>;

    /// A reader for one thread. It opens what it needs now, or when it first reads. [`Source::file`] was looked at before.
    ///
    /// # Errors
    /// What concerns the file system.
    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError>;

    /// The file that all items lie in, as it was when it was opened. `None` if each item is a file.
    fn file(&self) -> Option<(&Path, Stamp)>;

    /// False where the whole source has vanished or changed: then an item that cannot be read is not at fault.
    fn is_there(&self) -> bool {
        self.file()
            .is_none_or(|(path, stamp)| stamp.still_fits(path))
    }

    /// Which part of its file it reads, if the names of rows have that in them: a file may hold several such sources.
    fn name_within(&self) -> Option<&str> {
        None
    }

    /// Height and width of items that are [`Item::Values`]. `None` if items are images.
    fn values(&self) -> Option<(u32, u32)> {
        None
    }

    /// Bytes that this number of readers take together, besides the item that each has read.
    fn buffers(&self, _readers: u64) -> u64 {
        0
    }
}

/// Reads items, one at a time.
pub trait Reader {
    /// Replaces the content of `into` by an item, and says what the item is.
    ///
    /// # Errors
    /// What is wrong with the item, or with the source: [`Source::is_there`] tells which.
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError>;
}

/// Where an item lies, as [`Source::list`] said.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// Its name within the source.
    pub name: &'a Path,
    /// What the source wants to know beside the name; 0 in a folder.
    pub at: u64,
}

/// What a reader has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// The bytes of an image file.
    Encoded,
    /// Decoded pixels: rows of 8-bit values, the channels (1 or 3) of a pixel side by side.
    Pixels {
        width: u32,
        height: u32,
        channels: u8,
    },
    /// What the model takes, f32: rows of pixels, the channels (3) of each side by side.
    Values,
}

impl Item {
    /// An image file whose bytes the source has: puts them into `into`.
    ///
    /// # Errors
    /// More bytes than are read.
    pub fn encoded(bytes: &[u8], into: &mut Vec<u8>) -> Result<Self, ImageError> {
        ensure_readable(bytes.len() as u64)?;
        into.clear();
        into.extend_from_slice(bytes);
        Ok(Self::Encoded)
    }

    /// The crop of an item that was read into `bytes`, or its values: `Images::item_bytes` of them.
    ///
    /// # Errors
    /// What is wrong with the image.
    pub fn decode(
        self,
        bytes: &[u8],
        preprocessor: &mut Preprocessor,
        out: &mut [u8],
    ) -> Result<(), ImageError> {
        match self {
            Self::Encoded => preprocessor.decode_into(bytes, out),
            Self::Pixels {
                width,
                height,
                channels,
            } => {
                let size = (width as usize, height as usize);
                preprocessor.resize_into(bytes, size, usize::from(channels), out)
            }
            Self::Values => {
                out.copy_from_slice(bytes); // their shape was looked at before the run
                Ok(())
            }
        }
    }
}

/// The items of a source, in their order.
#[derive(Debug, Default)]
pub struct Listing {
    pub names: FileNames,
    /// [`Address::at`] of each.
    pub at: Vec<u64>,
    /// Files that are not images.
    pub others: Others,
    /// Lines for the user.
    pub notes: Vec<String>,
}

impl Listing {
    pub fn push(&mut self, name: &Path, at: u64) {
        self.names.push(name);
        self.at.push(at);
    }

    /// Items that are named by their numbers, in a file.
    ///
    /// # Errors
    /// More of them than the file has bytes: they would fill the memory before the first could not be read.
    pub fn numbered(count: u64, path: &Path, file: Stamp) -> Result<Self> {
        ensure!(
            count <= file.bytes,
            "'{}' is damaged: it says that it has {} rows, and it has {} bytes; make or download it again",
            path.display(),
            figures::count(count),
            figures::count(file.bytes)
        );
        let mut listing = Self::default();
        for number in 0..count {
            listing.push(Path::new(&number.to_string()), number);
        }
        Ok(listing)
    }
}
