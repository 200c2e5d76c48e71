//! Rows that are not compressed: Pillow's `RawDecode.c`.

use crate::images::decode::palette::Palette;
use crate::images::decode::raw::Raw;
use crate::images::decode::tile::Tile;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::Raster;

/// Which row of the tile the first stored one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The highest.
    Down,
    /// The lowest.
    Up,
}

/// Whether all rows are there: asked before the image is allocated. `stride` as for [`decode`].
///
/// # Errors
/// Where they are not, or a row is longer than the stride.
pub fn check(rows: &[u8], stride: usize, raw: Raw, tile: &Tile) -> Result<()> {
    let row = raw.row_bytes(tile.width);
    if stride != 0 && stride < row {
        return Err(ImageError::Corrupt(
            "rows longer than the space between them",
        ));
    }
    // The last row needs no padding.
    let needed = (tile.height - 1)
        .checked_mul(stride.max(row))
        .and_then(|n| n.checked_add(row));
    if needed.is_none_or(|needed| rows.len() < needed) {
        Err(ImageError::Truncated)
    } else {
        Ok(())
    }
}

/// Fills `tile` of `image`. `stride`: bytes from row to row, 0 where they touch.
///
/// # Errors
/// As [`check`].
pub fn decode(
    rows: &[u8],
    stride: usize,
    direction: Direction,
    raw: Raw,
    palette: &Palette,
    tile: &Tile,
    image: &mut Raster,
) -> Result<()> {
    check(rows, stride, raw, tile)?;
    let bytes = raw.row_bytes(tile.width);
    for (i, row) in rows.chunks(stride.max(bytes)).take(tile.height).enumerate() {
        let y = if direction == Direction::Down {
            i
        } else {
            tile.height - 1 - i
        };
        let line = &mut image.row_mut(tile.y + y)[tile.x * 3..(tile.x + tile.width) * 3];
        raw.unpack(&row[..bytes], palette, line);
    }
    Ok(())
}
