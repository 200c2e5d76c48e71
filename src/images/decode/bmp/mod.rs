//! BMP: Pillow's `BmpImagePlugin.py`.

mod header;
mod rle;

use crate::images::decode::bytes::Bytes;
use crate::images::decode::palette::Palette;
use crate::images::decode::raw::Raw;
use crate::images::decode::raw_rows::{self, Direction};
use crate::images::decode::size::checked_size;
use crate::images::decode::tile::Tile;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster};
use header::{Compression, Header};

const HEADER_SIZES: [u32; 7] = [12, 40, 52, 56, 64, 108, 124];

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(b"BM")
}

/// Whether this is a BMP without its file header, which Pillow reads too.
pub fn accepts_headless(data: &[u8]) -> bool {
    Bytes::new(data, 0)
        .u32_le()
        .is_ok_and(|size| HEADER_SIZES.contains(&size))
}

/// Decodes into `image`.
///
/// # Errors
/// As Pillow: a kind that it does not know, rows that are missing.
pub fn decode(data: &[u8], image: &mut Raster) -> Result<()> {
    let mut bytes = Bytes::new(data, 0);
    let stated = if accepts(data) {
        bytes.take(10)?;
        bytes.u32_le()? as usize
    } else {
        0
    };
    let header = Header::read(&mut bytes)?;
    decode_pixels(data, bytes, header, stated, image)
}

/// Decodes the picture of an icon or a cursor. It has no file header. Its stated height is doubled, because a mask follows it.
///
/// # Errors
/// As [`decode`]. The mask is not looked at.
pub fn decode_of_icon(data: &[u8], image: &mut Raster) -> Result<()> {
    let mut bytes = Bytes::new(data, 0);
    let mut header = Header::read(&mut bytes)?;
    header.height /= 2;
    decode_pixels(data, bytes, header, 0, image)
}

/// What comes after the header. `stated`: where the pixels begin, 0 where the file does not say.
fn decode_pixels(
    data: &[u8],
    mut bytes: Bytes<'_>,
    mut header: Header,
    stated: usize,
    image: &mut Raster,
) -> Result<()> {
    let (width, height) = checked_size(u64::from(header.width), header.height)?;
    let indices = match header.compression {
        Compression::Rle8 | Compression::Rle4 => 2, // a vector that grows
        _ => 0,
    };
    image.admit(width, height, BYTES + indices)?;
    let (raw, palette) = read_colours(&mut bytes, &mut header)?;
    let offset = header.pixel_offset(stated, bytes.at);
    let direction = if header.top_down {
        Direction::Down
    } else {
        Direction::Up
    };
    let tile = Tile::whole(width, height);
    match header.compression {
        Compression::None | Compression::Bitfields => {
            let stride = ((width * usize::from(header.bits) + 31) / 8) & !3;
            let rows = data.get(offset..).unwrap_or_default();
            raw_rows::check(rows, stride, raw, &tile)?;
            image.reset(width, height);
            raw_rows::decode(rows, stride, direction, raw, &palette, &tile, image)
        }
        Compression::Rle8 | Compression::Rle4 => {
            let raw = match raw {
                Raw::Grey { bits: 1, .. } => Raw::Bilevel8,
                Raw::Grey { .. } => Raw::GREY,
                Raw::Index { .. } => Raw::INDEX,
                _ => {
                    return Err(ImageError::Unsupported(
                        "a run-length BMP without a palette",
                    ));
                }
            };
            let indices = rle::expand(
                data,
                offset,
                width,
                height,
                header.compression == Compression::Rle4,
            )?;
            image.reset(width, height);
            raw_rows::decode(&indices, 0, direction, raw, &palette, &tile, image)
        }
    }
}

/// The row format, and the palette where there is one. A palette that is only a grey ramp is dropped, and with it
/// the width of its indices.
fn read_colours(bytes: &mut Bytes<'_>, header: &mut Header) -> Result<(Raw, Palette)> {
    let Some(index_bits) = header.index_bits() else {
        return Ok((header.direct_format()?, Palette::default()));
    };
    if header.compression == Compression::Bitfields {
        // In a header of OS/2 this number means Huffman coding.
        return Err(ImageError::Unsupported(
            "BMP of bit fields or Huffman coding with a palette",
        ));
    }
    if !(1..=65_536).contains(&header.colours) {
        return Err(ImageError::Unsupported("BMP palette of this size"));
    }
    let entry = header.palette_entry_bytes;
    let entries = bytes.take_some(entry * header.colours as usize);
    if is_grey_ramp(entries, entry, header.colours as usize) {
        let bits = if header.colours <= 2 { 1 } else { 8 };
        return Ok((
            Raw::Grey {
                bits,
                inverted: false,
            },
            Palette::default(),
        ));
    }
    let palette = Palette::of(entries, entry, [2, 1, 0])
        .ok_or(ImageError::Corrupt("BMP palette too long"))?;
    Ok((
        Raw::Index {
            bits: index_bits,
            extra: 0,
        },
        palette,
    ))
}

fn is_grey_ramp(entries: &[u8], entry: usize, colours: usize) -> bool {
    (0..colours).all(|i| {
        let value = if colours == 2 { i * 255 } else { i } as u8;
        entries.get(i * entry..i * entry + 3) == Some([value; 3].as_slice())
    })
}
