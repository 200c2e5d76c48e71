//! How an image is to be turned before it is seen: EXIF's orientation, as Pillow's `ImageOps.exif_transpose` takes it.

use crate::images::error::Result;
use crate::images::raster::{BYTES, Raster};
use exif::{In, Reader, Tag};
use std::io::Cursor;

/// What is done to an image, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// Columns become rows.
    transpose: bool,
    /// The left becomes the right.
    mirror: bool,
    /// The top becomes the bottom.
    flip: bool,
}

/// As the image is stored, where there is no EXIF, or none that can be read.
pub fn of(data: &[u8]) -> Turn {
    let Ok(exif) = Reader::new().read_from_container(&mut Cursor::new(data)) else {
        return Turn::default();
    };
    let orientation = exif.get_field(Tag::Orientation, In::PRIMARY);
    let number = orientation.and_then(|field| field.value.get_uint(0));
    let turn = |transpose, mirror, flip| Turn {
        transpose,
        mirror,
        flip,
    };
    match number {
        Some(2) => turn(false, true, false),
        Some(3) => turn(false, true, true),
        Some(4) => turn(false, false, true),
        Some(5) => turn(true, false, false),
        Some(6) => turn(true, true, false),
        Some(7) => turn(true, true, true),
        Some(8) => turn(true, false, true),
        _ => Turn::default(),
    }
}

impl Turn {
    /// # Errors
    /// No memory for a second image of this size.
    pub fn apply(self, image: &mut Raster) -> Result<()> {
        if self == Self::default() {
            return Ok(());
        }
        let (width, height) = (image.width(), image.height());
        image.admit(width, height, 2 * BYTES)?;
        let mut turned = Raster::within(image.limit);
        let (columns, rows) = match self.transpose {
            true => (height, width),
            false => (width, height),
        };
        turned.reset(columns, rows);
        let (from, _) = image.pixels().as_chunks::<BYTES>();
        let (to, _) = turned.pixels_mut().as_chunks_mut::<BYTES>();
        for (index, pixel) in to.iter_mut().enumerate() {
            let (x, y) = (index % columns, index / columns);
            let x = if self.mirror { columns - 1 - x } else { x };
            let y = if self.flip { rows - 1 - y } else { y };
            let (x, y) = if self.transpose { (y, x) } else { (x, y) };
            *pixel = from[y * width + x];
        }
        *image = turned;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_turns_to_the_right() {
        let mut image = Raster::default();
        image.reset(3, 2);
        image
            .pixels_mut()
            .copy_from_slice(&[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6]);
        let right = Turn {
            transpose: true,
            mirror: true,
            flip: false,
        };
        right.apply(&mut image).unwrap();
        let (pixels, _) = image.pixels().as_chunks::<3>();
        let first: Vec<u8> = pixels.iter().map(|pixel| pixel[0]).collect();
        assert_eq!((image.width(), image.height()), (2, 3));
        assert_eq!(first, [4, 1, 5, 2, 6, 3]);
    }
}
