//! GIF through the `gif` crate, the first frame as Pillow has it: on a canvas that holds the screen and the frame, whose
//! other pixels have the frame's transparent colour if it names one, else the first. Transparent pixels keep the colour
//! of their index.

use crate::images::decode::palette::Palette;
use crate::images::decode::size::checked_size;
use crate::images::decode::tile::Tile;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster};
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};
use std::io::ErrorKind;
use std::num::NonZeroU64;

/// What the decoder may keep of extensions; pixels go straight into the image.
const EXTENSION_BYTES: NonZeroU64 = NonZeroU64::new(16 << 20).expect("it is not zero");

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(b"GIF87a") || data.starts_with(b"GIF89a")
}

/// Decodes into `image`.
///
/// # Errors
/// Pixels that are broken or do not fill the frame. What follows them is not looked at.
pub fn decode(data: &[u8], image: &mut Raster) -> Result<()> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Bytes(EXTENSION_BYTES));
    let mut decoder = options.read_info(data).map_err(refused)?;
    let screen = [decoder.width(), decoder.height()].map(usize::from);
    let frame = decoder.next_frame_info().map_err(refused)?;
    let frame = frame.ok_or(ImageError::Corrupt("a GIF without an image"))?;
    let (interlaced, transparent) = (frame.interlaced, frame.transparent);
    let extent = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
    let [x, y, w, h] = extent;
    let (width, height) = checked_size(screen[0].max(x + w) as u64, screen[1].max(y + h) as u64)?;
    let tile = Tile::within(extent, width, height)?;
    image.admit(width, height, BYTES)?;
    let palette = palette(decoder.palette().map_err(refused)?)?;
    image.reset(width, height);
    if tile != Tile::whole(width, height) {
        let background = palette.colour(transparent.unwrap_or(0));
        for pixel in image.pixels_mut().chunks_exact_mut(BYTES) {
            pixel.copy_from_slice(&background);
        }
    }
    read_rows(&mut decoder, interlaced, &palette, &tile, image)
}

/// Missing entries are black, and grey where all others are 0, 1, 2, …: Pillow then takes the indices for greys.
fn palette(entries: &[u8]) -> Result<Palette> {
    let is_ramp = entries
        .chunks_exact(BYTES)
        .zip(0..=255)
        .all(|(entry, value)| entry == [value; BYTES]);
    let greys: Vec<u8> = (0..=255).flat_map(|value| [value; BYTES]).collect();
    Palette::rgb(if is_ramp { &greys } else { entries })
        .ok_or(ImageError::Corrupt("GIF palette too long"))
}

fn read_rows(
    decoder: &mut Decoder<&[u8]>,
    interlaced: bool,
    palette: &Palette,
    tile: &Tile,
    image: &mut Raster,
) -> Result<()> {
    let mut indices = vec![0; tile.width];
    for y in row_order(interlaced, tile.height) {
        if !decoder.fill_buffer(&mut indices).map_err(refused)? {
            return Err(ImageError::Truncated);
        }
        let line = &mut image.row_mut(tile.y + y)[tile.x * BYTES..];
        for (pixel, &index) in line.chunks_exact_mut(BYTES).zip(&indices) {
            pixel.copy_from_slice(&palette.colour(index));
        }
    }
    Ok(())
}

/// The rows in the order of the file.
fn row_order(interlaced: bool, height: usize) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if interlaced {
        &[(0, 8), (4, 8), (2, 4), (1, 2)]
    } else {
        &[(0, 1)]
    };
    passes
        .iter()
        .flat_map(move |&(first, step)| (first..height).step_by(step))
}

fn refused(error: DecodingError) -> ImageError {
    match error {
        DecodingError::UnexpectedEof => ImageError::Truncated,
        DecodingError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageError::Truncated
        }
        DecodingError::Format(error) if error.to_string().starts_with("no color table") => {
            ImageError::Unsupported("GIF without a palette")
        }
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => {
            ImageError::Unsupported("GIF with more than 16 MiB beside its pixels")
        }
        _ => ImageError::Corrupt("broken GIF data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlaced_rows_come_once_each() {
        for height in [1, 2, 5, 8, 9, 30] {
            let mut rows: Vec<usize> = row_order(true, height).collect();
            rows.sort_unstable();
            assert_eq!(rows, (0..height).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_ramp_of_greys_goes_on() {
        let ramp = palette(&[0, 0, 0, 1, 1, 1]).unwrap();
        assert_eq!(ramp.colour(200), [200; 3]);
        let other = palette(&[0, 0, 0, 1, 1, 2]).unwrap();
        assert_eq!(other.colour(200), [0; 3]);
    }
}
