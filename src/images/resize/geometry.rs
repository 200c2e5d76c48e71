//! Where the pixels of the crop come from: the arithmetic of torchvision's `Resize` and `CenterCrop`.

use crate::images::error::{ImageError, Result};

/// Pillow cannot make an image with a longer side: `ImagingNewPrologue` counts a row's bytes in an `int`.
const MAX_SIDE: u64 = i32::MAX as u64 / 4 - 1;

/// One axis of an image on its way to the crop. All in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Side of the decoded image.
    pub input: usize,
    /// Side of the resized image.
    pub output: usize,
    /// First index of the resized image that the crop keeps.
    pub first: usize,
    /// How many of them it keeps.
    pub kept: usize,
    /// Zeros before them in the crop; what is missing after them is zero too.
    pub padding: usize,
}

/// Both axes of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    pub x: Axis,
    pub y: Axis,
}

impl Geometry {
    /// The shorter side becomes `resize`, the longer keeps the ratio and is truncated
    /// (`_compute_resized_output_size`); then the centre crop of `crop` × `crop` (`center_crop`).
    ///
    /// # Errors
    /// [`ImageError::TooManyPixels`] where the longer side would be longer than Pillow can make.
    pub fn new(width: usize, height: usize, resize: usize, crop: usize) -> Result<Self> {
        let (resized_width, resized_height) = if width <= height {
            (resize, longer_side(height, width, resize))
        } else {
            (longer_side(width, height, resize), resize)
        };
        if resized_width.max(resized_height) as u64 > MAX_SIDE {
            return Err(ImageError::TooManyPixels {
                width: resized_width as u64,
                height: resized_height as u64,
                limit: MAX_SIDE,
            });
        }
        Ok(Self {
            x: Axis::new(width, resized_width, crop),
            y: Axis::new(height, resized_height, crop),
        })
    }
}

impl Axis {
    fn new(input: usize, output: usize, crop: usize) -> Self {
        Self {
            input,
            output,
            first: half_to_even(output.saturating_sub(crop)),
            kept: output.min(crop),
            padding: crop.saturating_sub(output) / 2,
        }
    }
}

/// Python's `int(resize * long / short)`: an exact product, a correctly rounded quotient, truncated.
fn longer_side(long: usize, short: usize, resize: usize) -> usize {
    ((resize * long) as f64 / short as f64) as usize
}

/// Python's `int(round(n / 2.0))`: halves go to the even neighbour.
fn half_to_even(n: usize) -> usize {
    n / 2 + usize::from(n % 4 == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let rounded: Vec<usize> = (0..9).map(half_to_even).collect();
        assert_eq!(rounded, [0, 0, 1, 2, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn the_longer_side_is_truncated() {
        let g = Geometry::new(500, 375, 256, 224).unwrap();
        assert_eq!((g.x.output, g.y.output), (341, 256));
        assert_eq!((g.x.first, g.x.kept, g.x.padding), (58, 224, 0));
        assert_eq!((g.y.first, g.y.kept, g.y.padding), (16, 224, 0));
    }

    #[test]
    fn a_crop_larger_than_the_image_is_padded() {
        let g = Geometry::new(10, 20, 7, 12).unwrap();
        assert_eq!((g.x.output, g.x.kept, g.x.padding), (7, 7, 2));
        assert_eq!((g.y.output, g.y.first, g.y.kept), (14, 1, 12));
    }

    #[test]
    fn a_side_that_pillow_could_not_make_is_refused() {
        assert!(Geometry::new(1, 100_000_000, 256, 224).is_err());
    }
}
