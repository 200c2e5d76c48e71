//! PNG through the `png` crate, row by row, with the colours of Pillow's `convert("RGB")`: transparency is dropped, 16-bit
//! grey is clipped, other 16-bit samples lose their low byte. An animation gives its first frame.

use crate::images::decode::palette::Palette;
use crate::images::decode::raw::{Kind, Number, Raw};
use crate::images::decode::size::checked_size;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster};
use png::{DecodeOptions, Decoder, DecodingError, InterlaceInfo, Limits, Reader};
use std::io::{Cursor, ErrorKind};

/// What the decoder may keep of chunks without pixels.
const CHUNK_BYTES: usize = 16 << 20;

/// Rows in memory at once: the decoder keeps four before it drops the oldest, its buffer grows by doubling, one is handed out.
const ROWS: usize = 9;

/// What rows may take without being counted; only those of very wide images take more.
const UNCOUNTED_BYTES: usize = 1 << 20;

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// Decodes into `image`.
///
/// # Errors
/// A bad checksum up to the end of the pixels, pixels that are broken or end early. What follows them is not looked at.
pub fn decode(data: &[u8], image: &mut Raster) -> Result<()> {
    let mut options = DecodeOptions::default();
    options.set_ignore_adler32(false); // where a chunk is cut short its checksum is not there
    options.set_skip_ancillary_crc_failures(false);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(data), options);
    let header = decoder.read_header_info().map_err(refused)?;
    let (width, height) = checked_size(u64::from(header.width), u64::from(header.height))?;
    let raw = row_format(header.color_type as u8, header.bit_depth as u8).ok_or(
        ImageError::Unsupported("PNG without a known colour type and depth"),
    )?;
    let row_bytes = raw.row_bytes(width) + 1;
    let wide = (ROWS * row_bytes).saturating_sub(UNCOUNTED_BYTES);
    image.admit_with(width, height, BYTES, wide)?;
    decoder.set_limits(Limits {
        bytes: row_bytes + CHUNK_BYTES,
    });
    let mut reader = decoder.read_info().map_err(refused)?;
    let palette = palette(&reader, raw)?;
    image.reset(width, height);
    read_rows(&mut reader, raw, &palette, image)
}

fn palette(reader: &Reader<Cursor<&[u8]>>, raw: Raw) -> Result<Palette> {
    match (raw, &reader.info().palette) {
        (Raw::Index { .. }, Some(entries)) => {
            Palette::rgb(entries).ok_or(ImageError::Corrupt("PNG palette too long"))
        }
        (Raw::Index { .. }, None) => Err(ImageError::Corrupt("a PNG without its palette")),
        _ => Ok(Palette::default()),
    }
}

/// Fills `image`, and goes one step further: the checksum of the last row is checked after it.
fn read_rows(
    reader: &mut Reader<Cursor<&[u8]>>,
    raw: Raw,
    palette: &Palette,
    image: &mut Raster,
) -> Result<()> {
    let (width, height) = (image.width(), image.height());
    let mut rgb = vec![0; width * BYTES];
    let mut left = if reader.info().interlaced {
        interlaced_rows(width, height)
    } else {
        height
    };
    loop {
        let row = match reader.next_interlaced_row() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(DecodingError::IoError(error))
                if left == 0 && error.kind() == ErrorKind::UnexpectedEof =>
            {
                return Ok(());
            }
            Err(error) => return Err(refused(error)),
        };
        match row.interlace() {
            InterlaceInfo::Null(_) => raw.unpack(row.data(), palette, image.row_mut(height - left)),
            InterlaceInfo::Adam7(pass) => {
                // As many as its bytes hold: the decoder takes what belongs to the pass.
                let held = row.data().len() * 8 / raw.bits_per_pixel();
                let rgb = &mut rgb[..held.min(width) * BYTES];
                raw.unpack(row.data(), palette, rgb);
                png::expand_interlaced_row(image.pixels_mut(), width * BYTES, rgb, pass, 24);
            }
        }
        left -= 1;
    }
}

/// How many rows Adam7 makes of an image.
fn interlaced_rows(width: usize, height: usize) -> usize {
    // First column, first row, step from row to row.
    const PASSES: [[usize; 3]; 7] = [
        [0, 0, 8],
        [4, 0, 8],
        [0, 4, 8],
        [2, 0, 4],
        [0, 2, 4],
        [1, 0, 2],
        [0, 1, 2],
    ];
    let passes = PASSES.iter().filter(|[x, ..]| *x < width);
    passes
        .map(|[_, y, step]| height.saturating_sub(*y).div_ceil(*step))
        .sum()
}

/// The row format of a colour type and a depth, as in `IHDR`. `None` if they do not go together.
fn row_format(colour_type: u8, depth: u8) -> Option<Raw> {
    let bits = usize::from(depth);
    let bytes = |bytes, rgb| Raw::Bytes { bytes, rgb };
    Some(match (colour_type, depth) {
        (0, 1 | 2 | 4 | 8) => Raw::Grey {
            bits,
            inverted: false,
        },
        (0, 16) => Raw::Number(Number {
            kind: Kind::U16,
            big_endian: true,
        }),
        (2, 8) => Raw::RGB,
        (2, 16) => bytes(6, [0, 2, 4]),
        (3, 1 | 2 | 4 | 8) => Raw::Index { bits, extra: 0 },
        (4, 8) => bytes(2, [0; 3]),
        (4, 16) => bytes(4, [0; 3]),
        (6, 8) => bytes(4, [0, 1, 2]),
        (6, 16) => bytes(8, [0, 2, 4]),
        _ => return None,
    })
}

fn refused(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageError::Truncated
        }
        DecodingError::LimitsExceeded => {
            ImageError::Unsupported("PNG with more than 16 MiB beside its pixels")
        }
        _ => ImageError::Corrupt("broken PNG data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlaced_rows_are_those_of_the_passes() {
        assert_eq!(interlaced_rows(1, 1), 1);
        assert_eq!(interlaced_rows(2, 2), 3);
        assert_eq!(interlaced_rows(4, 8), 1 + 1 + 2 + 2 + 4 + 4);
        assert_eq!(interlaced_rows(8, 8), 1 + 1 + 1 + 2 + 2 + 4 + 4);
    }

    #[test]
    fn only_the_standards_combinations() {
        let bits: Vec<usize> = (0..=6)
            .flat_map(|colour| (0..=16).filter_map(move |depth| row_format(colour, depth)))
            .map(Raw::bits_per_pixel)
            .collect();
        assert_eq!(bits, [1, 2, 4, 8, 16, 24, 48, 1, 2, 4, 8, 16, 32, 32, 64]);
    }
}
