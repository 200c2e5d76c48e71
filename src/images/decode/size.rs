//! What size an image may have, before anything is allocated for it.

use crate::images::image_error::{ImageError, Result};

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
