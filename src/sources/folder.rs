//! A folder of image files.

use crate::images::{ImageError, read_file};
use crate::sources::scan::scan;
use crate::sources::source::{Address, Item, Listing, Reader, Source};
use crate::sources::stamp::Stamp;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its items are named by their paths below it.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }
}

impl Source for Folder {
    fn list(&self) -> Result<Listing> {
        let found = scan(&self.root)?;
        Ok(Listing {
            at: vec![0; found.names.len()],
            names: found.names,
            others: found.others,
            notes: Vec::new(),
        })
    }

    fn reader(self: Arc<Self>) -> Result<Box<dyn Reader>, ImageError> {
        Ok(Box::new(FolderReader(self)))
    }

    fn file(&self) -> Option<(&Path, Stamp)> {
        None
    }

    fn is_there(&self) -> bool {
        self.root.is_dir()
    }
}

struct FolderReader(Arc<Folder>);

impl Reader for FolderReader {
    fn read(&mut self, item: Address, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        read_file(&self.0.root.join(item.name), into)?;
        Ok(Item::Encoded)
    }
}
