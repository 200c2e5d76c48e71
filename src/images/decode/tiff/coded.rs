//! A TIFF's compressed strips or tiles: what Pillow's `TiffDecode.c` has libtiff do.

use crate::images::decode::raw::Raw;
use crate::images::decode::tiff::codec::{self, Shape};
use crate::images::decode::tiff::directory::{Directory, tag};
use crate::images::decode::tiff::planes::Planes;
use crate::images::decode::tiff::predictor::Predictor;
use crate::images::decode::tiff::setup::Setup;
use crate::images::decode::tile::Tile;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::Raster;

/// The parts of the image, strips (as wide as it) or tiles.
struct Layout {
    width: usize,
    height: usize,
    offsets: Vec<i64>,
    bytes: Option<Vec<i64>>,
    tiled: bool,
}

/// Fills `image`, for which `bytes_per_pixel` are needed beside the rows of a strip.
///
/// # Errors
/// A compression that is not decoded here; a strip or tile that is missing, outside the file or broken.
pub fn decode(
    data: &[u8],
    directory: &Directory<'_>,
    setup: &Setup,
    bytes_per_pixel: usize,
    image: &mut Raster,
) -> Result<()> {
    if !directory.is_whole {
        return Err(ImageError::Corrupt("broken TIFF directory"));
    }
    let codec = codec::Codec::new(directory, setup)?;
    let predictor = Predictor::new(directory, setup, codec.has_predictor())?;
    let layout = Layout::read(directory, setup)?;
    let bands = if setup.planar { setup.format.bands } else { 1 };
    let raw = row_format(setup)?;
    let samples = if bands > 1 { 1 } else { setup.samples };
    let row_bytes = (layout.width * samples * setup.bits as usize).div_ceil(8);
    let strip = (layout.height * row_bytes).div_ceil(setup.width * setup.height);
    image.admit(setup.width, setup.height, bytes_per_pixel + strip)?;
    let mut planes = (bands > 1).then(|| Planes::new(setup.width, setup.height, bands));
    if bands == 1 && row_bytes != raw.row_bytes(layout.width) {
        return Err(ImageError::Corrupt(
            "TIFF rows of another length than their pixels",
        ));
    }
    image.reset(setup.width, setup.height);
    let mut rows = Vec::new();
    for (index, (band, tile)) in layout.parts(setup, bands).enumerate() {
        let stored = if layout.tiled {
            layout.height
        } else {
            tile.height
        };
        rows.clear();
        rows.resize(stored * row_bytes, 0);
        let shape = Shape {
            width: layout.width,
            height: stored,
            samples,
            row_bytes,
        };
        codec.expand(layout.part(data, index)?, &shape, &mut rows)?;
        predictor.undo(&mut rows, row_bytes, samples);
        match &mut planes {
            Some(planes) => {
                let size = setup.bits as usize / 8;
                // The high byte of native 16-bit samples is the second.
                planes.fill(band, &tile, &rows[size - 1..], row_bytes, size);
            }
            None => unpack(&rows, row_bytes, raw, setup, &tile, image),
        }
    }
    if let Some(planes) = planes {
        planes.unpack(raw, image);
    }
    Ok(())
}

/// The format of what the codec gives, 16-bit samples in native order; with planes, of their bytes put together.
fn row_format(setup: &Setup) -> Result<Raw> {
    if setup.photometric == 6 && setup.samples == 3 {
        // libjpeg makes RGB of them.
        return Ok(Raw::RGB);
    }
    if !setup.planar || setup.format.bands == 1 {
        return Ok(setup.native);
    }
    let bands = setup.format.bands;
    if !matches!(setup.bits, 8 | 16) || setup.native.bits_per_pixel() != bands * setup.bits as usize
    {
        return Err(ImageError::Unsupported(
            "compressed TIFF planes of this kind",
        ));
    }
    match setup.native {
        Raw::Bytes { .. } if bands == 2 => Ok(Raw::Bytes {
            bytes: 2,
            rgb: [0; 3],
        }),
        // Where nothing says what the fourth plane means, Pillow gets it from libtiff as alpha, and takes the colours for
        // multiplied by it.
        Raw::Bytes { .. } if bands < 4 || setup.extra_stated => Ok(Raw::Bytes {
            bytes: bands,
            rgb: [0, 1, 2],
        }),
        Raw::Bytes { .. } | Raw::Premultiplied { .. } => Ok(Raw::Premultiplied {
            bytes: 4,
            rgb: [0, 1, 2],
            alpha: 3,
        }),
        Raw::Cmyk { .. } => Ok(Raw::Cmyk {
            bytes: 4,
            inks: [0, 1, 2, 3],
        }),
        Raw::Index { .. } => Ok(Raw::Index { bits: 8, extra: 1 }),
        _ => Err(ImageError::Unsupported(
            "compressed TIFF planes of this kind",
        )),
    }
}

fn unpack(rows: &[u8], row_bytes: usize, raw: Raw, setup: &Setup, tile: &Tile, image: &mut Raster) {
    for (y, row) in rows.chunks_exact(row_bytes).take(tile.height).enumerate() {
        let line = &mut image.row_mut(tile.y + y)[tile.x * 3..(tile.x + tile.width) * 3];
        raw.unpack(row, &setup.palette, line);
    }
}

impl Layout {
    fn read(directory: &Directory<'_>, setup: &Setup) -> Result<Self> {
        let missing = || ImageError::Corrupt("a TIFF without pixels");
        let tiled = directory.has(tag::TILE_WIDTH) || directory.has(tag::TILE_HEIGHT);
        let side = |tag| match directory.number(tag)? {
            Some(side @ 1..=0x7fff_ffff) => Ok(side as usize),
            _ => Err(ImageError::Corrupt("empty TIFF strips or tiles")),
        };
        let (width, height) = if tiled {
            (side(tag::TILE_WIDTH)?, side(tag::TILE_HEIGHT)?)
        } else if matches!(
            directory.number(tag::ROWS_PER_STRIP)?,
            None | Some(0xffff_ffff)
        ) {
            (setup.width, setup.height)
        } else {
            (setup.width, side(tag::ROWS_PER_STRIP)?.min(setup.height))
        };
        crate::images::decode::size::checked_size(width as u64, height as u64)?;
        let either = |strips, tiles| {
            Ok::<_, ImageError>(directory.numbers(tiles)?.or(directory.numbers(strips)?))
        };
        let offsets = either(tag::STRIP_OFFSETS, tag::TILE_OFFSETS)?.ok_or_else(missing)?;
        let bytes = either(tag::STRIP_BYTES, tag::TILE_BYTES)?;
        let parts = setup.width.div_ceil(width) * setup.height.div_ceil(height);
        if bytes.is_none() && parts > 1 {
            return Err(missing());
        }
        Ok(Self {
            width,
            height,
            offsets,
            bytes,
            tiled,
        })
    }

    /// The bands and places of the parts in the file's order.
    fn parts(&self, setup: &Setup, bands: usize) -> impl Iterator<Item = (usize, Tile)> {
        let (image_width, image_height) = (setup.width, setup.height);
        let (width, height) = (self.width, self.height);
        (0..bands).flat_map(move |band| {
            (0..image_height).step_by(height).flat_map(move |y| {
                (0..image_width).step_by(width).map(move |x| {
                    let tile = Tile {
                        x,
                        y,
                        width: width.min(image_width - x),
                        height: height.min(image_height - y),
                    };
                    (band, tile)
                })
            })
        })
    }

    fn part<'a>(&self, data: &'a [u8], index: usize) -> Result<&'a [u8]> {
        let side = |values: &[i64]| {
            values
                .get(index)
                .and_then(|&value| usize::try_from(value).ok())
        };
        let offset = side(&self.offsets).ok_or(ImageError::Truncated)?;
        let length = match &self.bytes {
            Some(bytes) => side(bytes).ok_or(ImageError::Truncated)?,
            // There is only one part: it may reach to the end of the file.
            None => data.len().saturating_sub(offset),
        };
        if length == 0 {
            return Err(ImageError::Corrupt("an empty TIFF strip or tile"));
        }
        offset
            .checked_add(length)
            .and_then(|end| data.get(offset..end))
            .ok_or(ImageError::Truncated)
    }
}
