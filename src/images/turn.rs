//! How an image is to be turned before it is seen: an orientation as EXIF and TIFF have it, as Pillow's
//! `ImageOps.exif_transpose` takes it.

use crate::images::image_error::Result;
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

impl Turn {
    /// The turn that the EXIF of a file asks for. Nothing is turned if there is no EXIF that can be read.
    pub fn of_exif(data: &[u8]) -> Self {
        let Ok(exif) = Reader::new().read_from_container(&mut Cursor::new(data)) else {
            return Self::default();
        };
        let orientation = exif.get_field(Tag::Orientation, In::PRIMARY);
        let number = orientation.and_then(|field| field.value.get_uint(0));
        number.map_or(Self::default(), |number| {
            Self::of_orientation(number.into())
        })
    }

    /// Orientations are 1 to 8; others turn nothing.
    pub fn of_orientation(number: i64) -> Self {
        let turn = |transpose, mirror, flip| Self {
            transpose,
            mirror,
            flip,
        };
        match number {
            2 => turn(false, true, false),
            3 => turn(false, true, true),
            4 => turn(false, false, true),
            5 => turn(true, false, false),
            6 => turn(true, true, false),
            7 => turn(true, true, true),
            8 => turn(true, false, true),
            _ => Self::default(),
        }
    }

    /// Whether the image stays as it is stored.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// # Errors
    /// No memory for a second image of this size.
    pub fn apply(self, image: &mut Raster) -> Result<()> {
        if self.is_none() {
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
        for (y, row) in to.chunks_exact_mut(columns).enumerate() {
            let y = if self.flip { rows - 1 - y } else { y };
            for (x, pixel) in row.iter_mut().enumerate() {
                let x = if self.mirror { columns - 1 - x } else { x };
                let (x, y) = if self.transpose { (y, x) } else { (x, y) };
                *pixel = from[y * width + x];
            }
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
        let right = Turn::of_orientation(6);
        right.apply(&mut image).unwrap();
        let (pixels, _) = image.pixels().as_chunks::<3>();
        let first: Vec<u8> = pixels.iter().map(|pixel| pixel[0]).collect();
        assert_eq!((image.width(), image.height()), (2, 3));
        assert_eq!(first, [4, 1, 5, 2, 6, 3]);
    }
}
