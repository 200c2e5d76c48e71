//! A rectangle of an image.

use crate::images::image_error::{ImageError, Result};

/// A part of an image that is decoded on its own, in pixels.
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
