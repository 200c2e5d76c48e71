//! What size an image may have, before anything is allocated for it.

use crate::images::error::{ImageError, Result};

/// Twice Pillow's `MAX_IMAGE_PIXELS`: above it `Image.open` raises `DecompressionBombError`.
pub const MAX_PIXELS: u64 = 2 * (1024 * 1024 * 1024 / 4 / 3);

/// # Errors
/// [`ImageError::ZeroSize`], or [`ImageError::TooManyPixels`] above Pillow's limit of 178,956,970.
pub fn checked_size(width: u64, height: u64) -> Result<(usize, usize)> {
    if width == 0 || height == 0 {
        return Err(ImageError::ZeroSize { width, height });
    }
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok((width as usize, height as usize)),
        _ => Err(ImageError::TooManyPixels {
            width,
            height,
            limit: MAX_PIXELS,
        }),
    }
}

/// A rectangle of an image that is decoded on its own, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Tile {
    pub fn whole(width: usize, height: usize) -> Self {
        Self {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    /// From left, top, width and height.
    ///
    /// # Errors
    /// Where it is empty or reaches outside the image: Pillow's "tile cannot extend outside image".
    pub fn within(
        [x, y, width, height]: [usize; 4],
        image_width: usize,
        image_height: usize,
    ) -> Result<Self> {
        let inside = |first: usize, length: usize, side: usize| {
            length > 0 && first.checked_add(length).is_some_and(|end| end <= side)
        };
        if inside(x, width, image_width) && inside(y, height, image_height) {
            Ok(Self {
                x,
                y,
                width,
                height,
            })
        } else {
            Err(ImageError::Corrupt(
                "a part that is empty or reaches outside the image",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_pillows() {
        assert_eq!(MAX_PIXELS, 178_956_970);
        assert!(checked_size(MAX_PIXELS, 1).is_ok());
        assert!(checked_size(MAX_PIXELS + 1, 1).is_err());
        assert!(checked_size(u64::MAX, 2).is_err());
        assert!(checked_size(0, 5).is_err());
    }
}
