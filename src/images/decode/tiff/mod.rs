//! TIFF, the first image: Pillow's `TiffImagePlugin.py`. Rows that are not compressed follow its own reader; compressed ones
//! follow libtiff, of which the codecs LZW, deflate, PackBits, JPEG and CCITT are here. An orientation tag is applied,
//! since Pillow applies it to TIFF, and to TIFF alone, when it loads the pixels.

mod codec;
mod coded;
mod directory;
mod format;
mod lzw;
mod planes;
mod predictor;
mod rows;
mod setup;

use crate::images::image_error::Result;
use crate::images::raster::{BYTES, Raster};
use crate::images::turn::Turn;
use directory::{Directory, tag};
use setup::Setup;

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    matches!(
        data.get(..4),
        Some(b"MM\0\x2a" | b"II\x2a\0" | b"MM\x2a\0" | b"II\0\x2a" | b"MM\0\x2b" | b"II\x2b\0")
    )
}

/// Decodes into `image`.
///
/// # Errors
/// A kind that Pillow does not know, or one of those left out here (LAB; YCbCr compressed other than by JPEG;
/// old JPEG, LZMA, Zstandard, WebP, ThunderScan, SGI Log); rows that are missing or broken.
pub fn decode(data: &[u8], image: &mut Raster) -> Result<()> {
    let directory = Directory::read(data)?;
    let setup = Setup::read(&directory)?;
    let turn = Turn::of_orientation(stated_orientation(&directory)?);
    let copies = if turn.is_none() { 1 } else { 2 }; // turning makes another image
    let planes = if setup.planar { setup.samples } else { 0 };
    let bytes_per_pixel = copies * BYTES + planes;
    if setup.compression == 1 {
        image.admit(setup.width, setup.height, bytes_per_pixel)?;
        rows::decode(data, &directory, &setup, image)?;
    } else {
        coded::decode(data, &directory, &setup, bytes_per_pixel, image)?;
    }
    turn.apply(image)
}

/// The tag, or else what XMP says: `Image.getexif`.
fn stated_orientation(directory: &Directory<'_>) -> Result<i64> {
    if let Some(number) = directory.number(tag::ORIENTATION)? {
        return Ok(number);
    }
    let xmp = directory.bytes(tag::XMP).unwrap_or_default();
    let said = [b"tiff:Orientation=\"".as_slice(), b"tiff:Orientation>"]
        .iter()
        .find_map(|mark| {
            let at = xmp.windows(mark.len()).position(|window| window == *mark)?;
            xmp.get(at + mark.len())
                .filter(|byte| byte.is_ascii_digit())
                .map(|byte| i64::from(byte - b'0'))
        });
    Ok(said.unwrap_or(1))
}
