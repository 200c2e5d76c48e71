//! The rows of a PNG: inflated, unfiltered, put in their places. Follows Pillow's `ZipDecode.c`, which inflates row by
//! row, so that damage after the last row goes unseen.

use crate::images::decode::colour::Palette;
use crate::images::decode::png::chunks::Chunks;
use crate::images::decode::raw::Raw;
use crate::images::decode::size::Tile;
use crate::images::error::{ImageError, Result};
use crate::images::raster::Raster;
use flate2::{Decompress, FlushDecompress, Status};

/// Adam7: first column and row of each pass, and the steps between them.
const PASSES: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// Where a row's pixels go in the image.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    step: usize,
    pixels: usize,
    /// Whether filters see a row above it.
    follows: bool,
}

/// Fills `tile` of `image`.
///
/// # Errors
/// Data that is broken, or that ends before the last row.
pub fn decode(
    chunks: &mut Chunks<'_>,
    format: Raw,
    interlaced: bool,
    tile: &Tile,
    palette: &Palette,
    image: &mut Raster,
) -> Result<()> {
    let bits = format.bits_per_pixel();
    let mut inflater = Inflater::new();
    let mut row = Vec::new();
    let mut above = Vec::new();
    let mut rgb = Vec::new();
    for place in places(interlaced, tile) {
        row.resize((place.pixels * bits).div_ceil(8) + 1, 0);
        if !place.follows {
            above.clear();
        }
        above.resize(row.len(), 0);
        inflater.fill(chunks, &mut row)?;
        unfilter(&mut row, &above, bits.div_ceil(8))?;
        let line = &mut image.row_mut(place.y)[place.x * 3..];
        if place.step == 1 {
            format.unpack(&row[1..], palette, &mut line[..place.pixels * 3]);
        } else {
            rgb.resize(place.pixels * 3, 0);
            format.unpack(&row[1..], palette, &mut rgb);
            scatter(&rgb, place.step, line);
        }
        if inflater.ended {
            return Ok(());
        }
        std::mem::swap(&mut row, &mut above);
    }
    Ok(())
}

/// The rows in the order of the file. Pillow places an interlaced frame of an animation at the image's corner.
fn places(interlaced: bool, tile: &Tile) -> Box<dyn Iterator<Item = Place>> {
    let Tile {
        x,
        y,
        width,
        height,
    } = *tile;
    if !interlaced {
        return Box::new((0..height).map(move |row| Place {
            x,
            y: y + row,
            step: 1,
            pixels: width,
            follows: row > 0,
        }));
    }
    Box::new(
        PASSES
            .into_iter()
            .flat_map(move |[x, top, step, step_down]| {
                let pixels = width.saturating_sub(x).div_ceil(step);
                let rows = if pixels == 0 { 0..0 } else { top..height };
                rows.step_by(step_down).map(move |y| Place {
                    x,
                    y,
                    step,
                    pixels,
                    follows: y > top,
                })
            }),
    )
}

fn scatter(rgb: &[u8], step: usize, line: &mut [u8]) {
    for (pixel, to) in rgb.chunks_exact(3).zip(line.chunks_mut(step * 3)) {
        to[..3].copy_from_slice(pixel);
    }
}

struct Inflater<'a> {
    stream: Decompress,
    input: &'a [u8],
    /// The stream's end has been seen: what rows are missing stay black, as in Pillow.
    ended: bool,
}

impl<'a> Inflater<'a> {
    fn new() -> Self {
        Self {
            stream: Decompress::new(true),
            input: &[],
            ended: false,
        }
    }

    /// Inflates exactly one row.
    fn fill(&mut self, chunks: &mut Chunks<'a>, row: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        while filled < row.len() {
            if self.input.is_empty() {
                self.input = chunks.next_pixels()?;
                if self.input.is_empty() {
                    return Err(ImageError::Truncated);
                }
            }
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(self.input, &mut row[filled..], FlushDecompress::None)
                .map_err(|_| ImageError::Corrupt("broken PNG data"))?;
            filled += (self.stream.total_out() - written) as usize;
            self.input = &self.input[(self.stream.total_in() - read) as usize..];
            if status == Status::StreamEnd {
                self.ended = true;
                if filled < row.len() {
                    // Pillow drops the rest of the block and asks for another: it fails where none follows.
                    self.input = &[];
                }
            }
        }
        Ok(())
    }
}

/// Undoes the filter that the row's first byte names; `above` is the row before it, or zeros.
fn unfilter(row: &mut [u8], above: &[u8], bpp: usize) -> Result<()> {
    let (filter, row) = row.split_first_mut().ok_or(ImageError::Truncated)?;
    let above = &above[1..];
    match filter {
        0 => {}
        1 => (bpp..row.len()).for_each(|i| row[i] = row[i].wrapping_add(row[i - bpp])),
        2 => row
            .iter_mut()
            .zip(above)
            .for_each(|(value, up)| *value = value.wrapping_add(*up)),
        3 => average(row, above, bpp),
        4 => match bpp {
            3 => paeth(row, above, 3),
            4 => paeth(row, above, 4),
            _ => paeth(row, above, bpp),
        },
        _ => return Err(ImageError::Corrupt("unknown PNG filter")),
    }
    Ok(())
}

fn average(row: &mut [u8], above: &[u8], bpp: usize) {
    for i in 0..row.len() {
        let left = if i < bpp { 0 } else { u16::from(row[i - bpp]) };
        row[i] = row[i].wrapping_add(((left + u16::from(above[i])) / 2) as u8);
    }
}

#[inline(always)]
fn paeth(row: &mut [u8], above: &[u8], bpp: usize) {
    for i in 0..bpp.min(row.len()) {
        row[i] = row[i].wrapping_add(above[i]);
    }
    for i in bpp..row.len() {
        let (a, b, c) = (row[i - bpp], above[i], above[i - bpp]);
        row[i] = row[i].wrapping_add(nearest(a, b, c));
    }
}

/// The neighbour nearest to `left + up - corner`.
#[inline(always)]
fn nearest(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let (pa, pb, pc) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if pa <= pb && pa <= pc {
        left
    } else if pb <= pc {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlaced_rows_cover_every_pixel_once() {
        for (width, height) in [(1, 1), (2, 3), (5, 4), (8, 8), (9, 17)] {
            let mut seen = vec![0; width * height];
            for place in places(
                true,
                &Tile {
                    x: 0,
                    y: 0,
                    width,
                    height,
                },
            ) {
                for i in 0..place.pixels {
                    seen[place.y * width + place.x + i * place.step] += 1;
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{width} x {height}");
        }
    }

    #[test]
    fn filters_are_undone() {
        let above = [0, 10, 20, 30];
        for (filter, expected) in [
            (0, [1, 2, 3]),
            (1, [1, 3, 6]),
            (2, [11, 22, 33]),
            (3, [6, 15, 25]),
            (4, [11, 22, 33]),
        ] {
            let mut row = [filter, 1, 2, 3];
            unfilter(&mut row, &above, 1).unwrap();
            assert_eq!(row[1..], expected, "filter {filter}");
        }
        assert!(unfilter(&mut [5, 0], &[0, 0], 1).is_err());
    }
}
