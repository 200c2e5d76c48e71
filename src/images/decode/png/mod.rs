//! PNG: Pillow's `PngImagePlugin.py`, which decides what is an error and what is not. An animation gives its first
//! frame; transparency is dropped.

mod chunks;
mod layout;
mod rows;
mod text;

use crate::images::decode::colour::Palette;
use crate::images::decode::size::{Tile, checked_size};
use crate::images::error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster};
use chunks::{Chunks, Header};

const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(MAGIC)
}

/// Decodes into `image`.
///
/// # Errors
/// As Pillow: a bad checksum before the pixels, pixels that are broken or end early, a chunk after them that is cut.
/// Checksums of the pixels and of what follows them are not looked at, nor is a missing end.
pub fn decode(data: &[u8], image: &mut Raster) -> Result<()> {
    let mut chunks = Chunks::new(data, MAGIC.len());
    chunks.read_header()?;
    let Header {
        width,
        height,
        format,
        interlaced,
        ..
    } = chunks.header;
    let format = format.ok_or(ImageError::Unsupported(
        "PNG without a known colour type and depth",
    ))?;
    let (width, height) = checked_size(u64::from(width), u64::from(height))?;
    image.admit(width, height, BYTES)?;
    if chunks.pixels_left.is_none() {
        return Err(ImageError::Corrupt("a PNG without pixels"));
    }
    let palette = Palette::rgb(chunks.palette.unwrap_or_default())
        .ok_or(ImageError::Corrupt("PNG palette too long"))?;
    let tile = match chunks.frame {
        Some([x, y, w, h]) => Tile::within([x, y, w, h].map(|n| n as usize), width, height)?,
        None => Tile::whole(width, height),
    };
    image.reset(width, height);
    rows::decode(&mut chunks, format, interlaced, &tile, &palette, image)?;
    chunks.read_trailer()
}
