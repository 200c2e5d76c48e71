//! Reading numbers and stretches of a file in memory, each read checked.

use crate::images::image_error::{ImageError, Result};

/// A place in a file. Reads move it on; a read past the end is [`ImageError::Truncated`] and moves nothing.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a> {
    data: &'a [u8],
    pub at: usize,
}

impl<'a> Bytes<'a> {
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at }
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(ImageError::Truncated)?;
        let taken = self.data.get(self.at..end).ok_or(ImageError::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    /// As many bytes as there are, up to `length`: Python's `read`.
    pub fn take_some(&mut self, length: usize) -> &'a [u8] {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let taken = &rest[..length.min(rest.len())];
        self.at += taken.len();
        taken
    }

    pub fn u16_le(&mut self) -> Result<u16> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    pub fn u32_le(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}
