//! An image file that is named itself: a source of one row.

use crate::images::{ImageError, read_file};
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its item has no name beside the source's own.
#[derive(Debug)]
pub struct ImageFile {
    path: PathBuf,
}

impl ImageFile {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }
}

impl Source for ImageFile {
    fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        listing.push(Path::new(""), 0);
        Ok(listing)
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        Ok(Box::new(ImageFileReader(self)))
    }

    /// As in a folder, it may change.
    fn file(&self) -> Option<(&Path, Stamp)> {
        None
    }

    fn is_there(&self) -> bool {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.is_dir(),
            _ => true,
        }
    }
}

struct ImageFileReader(Arc<ImageFile>);

impl Reader for ImageFileReader {
    fn read(&mut self, _: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        read_file(&self.0.path, into)?;
        Ok(Item::Encoded)
    }
}
