//! Reads the images of rows, for one thread.

use crate::images::ImageError;
use crate::sources::images::{Images, OPEN_READERS};
use crate::sources::named_source::NamedSource;
use crate::sources::source::{Address, Item, Reader};
use std::sync::Arc;

/// A thread's own way to the images.
pub struct RowReader {
    images: Arc<Images>,
    /// Each with the number of its source. The one at the end was used last.
    open: Vec<(usize, Box<dyn Reader>)>,
}

impl RowReader {
    pub fn new(images: &Arc<Images>) -> Self {
        Self {
            images: images.clone(),
            open: Vec::new(),
        }
    }

    /// Puts the image of a row into `into`, and says what it is.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read(&mut self, row: u64, into: &mut Vec<u8>) -> Result<Item, ImageError> {
        let place = self.images.place(row);
        let source = place.source();
        let named = &self.images.sources()[source];
        let reader = match self.open.iter().position(|(open, _)| *open == source) {
            Some(at) => self.open.remove(at).1,
            None => {
                if self.open.len() >= OPEN_READERS {
                    self.open.remove(0);
                }
                ensure_unchanged(named)?;
                named.source.clone().reader()?
            }
        };
        self.open.push((source, reader));
        let item = Address {
            name: named.item(self.images.name(row)),
            at: place.at(),
        };
        match self.open.last_mut() {
            Some((_, reader)) => reader.read(item, into),
            None => Err(ImageError::DecoderFailed), // it was pushed just now
        }
    }
}

/// # Errors
/// The file of the source has changed since it was searched.
fn ensure_unchanged(named: &NamedSource) -> Result<(), ImageError> {
    match named.source.file() {
        Some((path, stamp)) if !stamp.still_fits(path) => Err(ImageError::of_changed(&named.path)),
        _ => Ok(()),
    }
}
