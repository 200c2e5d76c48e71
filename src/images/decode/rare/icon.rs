//! Icons and cursors: a directory of pictures, each a PNG or a BMP, which have their own decoders. The `image` crate does not
//! fit: of several pictures it takes another one than Pillow, it takes no PNG without alpha, and it makes other colours of
//! 5 bits.

use crate::images::decode::bytes::Bytes;
use crate::images::decode::{bmp, png};
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::Raster;
use std::cmp::Reverse;

/// Where the directory has the number of its entries, and the bytes of an entry.
const COUNT_AT: usize = 4;
const ENTRY: usize = 16;

/// Bytes of a bitmap's header up to its bits a pixel.
const BITS_AT: usize = 14;

/// An entry of the directory.
struct Entry<'a>(&'a [u8]);

impl Entry<'_> {
    fn offset(&self) -> usize {
        u32::from_le_bytes([12, 13, 14, 15].map(|at| self.0[at])) as usize
    }

    fn area(&self) -> u32 {
        let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
        side(self.0[0]) * side(self.0[1])
    }

    /// `color_depth` of Pillow's `IcoImagePlugin.py`.
    fn depth(&self) -> u32 {
        let bits = u16::from_le_bytes([self.0[6], self.0[7]]);
        match (bits, self.0[2]) {
            (0, 0 | 1) => 256,
            (0, colours) => u32::from(colours).next_power_of_two().trailing_zeros(),
            _ => u32::from(bits),
        }
    }

    /// Whether both sides are longer, as `CurImagePlugin.py` compares them: 256 is stored as 0.
    fn is_larger_than(&self, other: &Self) -> bool {
        self.0[0] > other.0[0] && self.0[1] > other.0[1]
    }
}

/// Whether there are pictures where the directory says: other files begin with the same four bytes.
pub fn is_cursor(data: &[u8]) -> bool {
    entries(data).is_ok_and(|entries| {
        !entries.is_empty() && entries.iter().all(|entry| entry.offset() < data.len())
    })
}

fn entries(data: &[u8]) -> Result<Vec<Entry<'_>>> {
    let mut bytes = Bytes::new(data, COUNT_AT);
    let count = bytes.u16_le()?;
    (0..count).map(|_| bytes.take(ENTRY).map(Entry)).collect()
}

/// The largest picture; of several, the first of the fewest colours.
pub fn decode_icon(data: &[u8], image: &mut Raster) -> Result<()> {
    let entries = entries(data)?;
    let chosen = entries
        .iter()
        .min_by_key(|entry| (Reverse(entry.area()), entry.depth()))
        .ok_or(ImageError::Corrupt("ICO without a picture"))?;
    let picture = data.get(chosen.offset()..).unwrap_or_default();
    match png::accepts(picture) {
        true => png::decode(picture, image),
        false => bmp::decode_of_icon(picture, image),
    }
}

/// The first picture, unless a later one is both wider and higher. Pictures with a palette are refused: Pillow makes black
/// what is transparent in them.
pub fn decode_cursor(data: &[u8], image: &mut Raster) -> Result<()> {
    let chosen = entries(data)?
        .into_iter()
        .reduce(|chosen, next| match next.is_larger_than(&chosen) {
            true => next,
            false => chosen,
        })
        .ok_or(ImageError::Corrupt("CUR without a picture"))?;
    let picture = data.get(chosen.offset()..).unwrap_or_default();
    match Bytes::new(picture, BITS_AT).u16_le()? {
        16 | 24 | 32 => bmp::decode_of_icon(picture, image),
        _ => Err(ImageError::Unsupported(
            "cursor of other than 16, 24 or 32 bits a pixel",
        )),
    }
}
