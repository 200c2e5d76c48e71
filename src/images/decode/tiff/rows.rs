//! A TIFF's rows that are not compressed, in strips or tiles, with samples together or in planes of their own: the tiles that
//! `TiffImageFile._setup` makes and `ImageFile.load` reads.

use crate::images::decode::palette::Palette;
use crate::images::decode::raw::{Kind, Raw};
use crate::images::decode::raw_rows::{self, Direction};
use crate::images::decode::tiff::directory::{Directory, tag};
use crate::images::decode::tiff::planes::Planes;
use crate::images::decode::tiff::setup::Setup;
use crate::images::decode::tile::Tile;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::Raster;

/// A strip or tile.
#[derive(Debug, Clone, Copy)]
struct Part {
    offset: usize,
    tile: Tile,
    /// Bytes from row to row, 0 where they touch.
    stride: usize,
    plane: usize,
}

/// Fills `image`.
///
/// # Errors
/// Rows that are missing, parts outside the image. Parts that are missing leave it black.
pub fn decode(
    data: &[u8],
    directory: &Directory<'_>,
    setup: &Setup,
    image: &mut Raster,
) -> Result<()> {
    let reversed: Vec<u8>;
    let data = if setup.reversed {
        reversed = data.iter().map(|byte| byte.reverse_bits()).collect();
        &reversed
    } else {
        data
    };
    if setup.reversed
        && matches!(
            setup.format.raw,
            Raw::Index { bits: 1..8, .. }
                | Raw::Grey {
                    bits: 8,
                    inverted: true
                }
        )
    {
        return Err(ImageError::Unsupported(
            "TIFF of reversed bits of this kind",
        ));
    }
    let mut parts = parts(directory, setup)?;
    // In file order. Of neighbours that differ only in their offset the last counts, as in ImageFile.load.
    parts.sort_by_key(|part| part.offset);
    let mut last = parts.clone();
    last.dedup_by(|next, kept| {
        let same = (next.tile, next.stride, next.plane) == (kept.tile, kept.stride, kept.plane);
        if same {
            kept.offset = next.offset;
        }
        same
    });
    let part_raw = if setup.planar {
        plane_format(setup)?
    } else {
        setup.format.raw
    };
    for part in &last {
        raw_rows::check(rows_of(data, part), part.stride, part_raw, &part.tile)?;
    }
    image.reset(setup.width, setup.height);
    if !setup.planar || setup.format.bands == 1 {
        return fill(data, &last, part_raw, &setup.palette, image);
    }
    let mut planes = Planes::new(setup.width, setup.height, setup.format.bands);
    for part in &last {
        if part.plane >= setup.format.bands {
            return Err(ImageError::Corrupt("more TIFF planes than samples"));
        }
        planes.fill(part.plane, &part.tile, rows_of(data, part), part.stride, 1);
    }
    planes.unpack(plain(setup)?, image);
    Ok(())
}

fn fill(
    data: &[u8],
    parts: &[Part],
    raw: Raw,
    palette: &Palette,
    image: &mut Raster,
) -> Result<()> {
    for part in parts {
        raw_rows::decode(
            rows_of(data, part),
            part.stride,
            Direction::Down,
            raw,
            palette,
            &part.tile,
            image,
        )?;
    }
    Ok(())
}

fn rows_of<'a>(data: &'a [u8], part: &Part) -> &'a [u8] {
    data.get(part.offset..).unwrap_or_default()
}

fn parts(directory: &Directory<'_>, setup: &Setup) -> Result<Vec<Part>> {
    let (mut offsets, width, height) =
        if let Some(offsets) = directory.numbers(tag::STRIP_OFFSETS)? {
            let rows = directory
                .number(tag::ROWS_PER_STRIP)?
                .unwrap_or(setup.height as i64);
            (offsets, setup.width as i64, rows)
        } else {
            let missing = || ImageError::Corrupt("a TIFF without pixels");
            let offsets = directory.numbers(tag::TILE_OFFSETS)?.ok_or_else(missing)?;
            let width = directory.number(tag::TILE_WIDTH)?.ok_or_else(missing)?;
            (
                offsets,
                width,
                directory.number(tag::TILE_HEIGHT)?.ok_or_else(missing)?,
            )
        };
    if width <= 0 || height <= 0 {
        return Err(ImageError::Corrupt("empty TIFF strips or tiles"));
    }
    let (width, height) = (width as usize, height as usize);
    if width == setup.width && height == setup.height && !setup.planar {
        offsets.drain(..offsets.len().saturating_sub(1));
    }
    let (mut x, mut y, mut plane) = (0, 0, 0);
    let mut parts = Vec::with_capacity(offsets.len());
    for offset in offsets {
        let inner = [
            x,
            y,
            width.min(setup.width - x),
            height.min(setup.height - y),
        ];
        let tile = Tile::within(inner, setup.width, setup.height)?;
        let stride = if x + width > setup.width {
            row_bytes(width, setup)
        } else {
            0
        };
        parts.push(Part {
            offset: usize::try_from(offset).unwrap_or(usize::MAX),
            tile,
            stride,
            plane,
        });
        x += width;
        if x >= setup.width {
            (x, y) = (0, y + height);
            if y >= setup.height {
                (y, plane) = (0, plane + 1);
            }
        }
    }
    Ok(parts)
}

/// Bytes of a tile's row, a plane's where the samples are apart; Python's truncation.
fn row_bytes(width: usize, setup: &Setup) -> usize {
    let all = width * setup.samples * setup.bits as usize;
    if setup.planar {
        all / setup.samples / 8
    } else {
        all / 8
    }
}

/// A plane's row: a byte for each sample, whatever the depth, since Pillow takes the first letter of the raw mode for it.
fn plane_format(setup: &Setup) -> Result<Raw> {
    match setup.format.raw {
        Raw::Grey { bits: 1, .. } => Ok(Raw::Grey {
            bits: 1,
            inverted: false,
        }),
        Raw::Grey { bits: 8, .. } | Raw::Bytes { .. } | Raw::Cmyk { .. } => Ok(Raw::GREY),
        Raw::Index { bits: 8, .. } => Ok(Raw::INDEX),
        raw @ Raw::Number(number) if number.kind == Kind::F32 && !number.big_endian => Ok(raw),
        _ => Err(ImageError::Unsupported("TIFF planes of this kind")),
    }
}

/// The planes put together.
fn plain(setup: &Setup) -> Result<Raw> {
    match setup.format.raw {
        Raw::Bytes { .. } if setup.format.bands == 2 => Ok(Raw::Bytes {
            bytes: 2,
            rgb: [0; 3],
        }),
        Raw::Bytes { .. } => Ok(Raw::Bytes {
            bytes: setup.format.bands,
            rgb: [0, 1, 2],
        }),
        Raw::Cmyk { .. } => Ok(Raw::Cmyk {
            bytes: 4,
            inks: [0, 1, 2, 3],
        }),
        _ => Err(ImageError::Unsupported("TIFF planes of this kind")),
    }
}
