//! The arithmetic of torchvision's `Resize` and `CenterCrop`, and of ultralytics' `LetterBox`.

use crate::images::image_error::{ImageError, Result};
use crate::images::preprocess::{CropRounding, Longer, Preprocess, Resize, Size};
use crate::images::resize::{Axis, Geometry};

/// Pillow cannot make an image with a longer side: `ImagingNewPrologue` counts a row's bytes in an `int`.
const MAX_SIDE: u64 = i32::MAX as u64 / 4 - 1;

impl Preprocess {
    /// The geometry of an image of this size. The image is resized, laid in the middle of the canvas, if there is one, and
    /// cropped as by torchvision's `center_crop`.
    ///
    /// # Errors
    /// [`ImageError::TooManyPixels`] where a side would be longer than Pillow can make.
    pub fn geometry(&self, width: usize, height: usize) -> Result<Geometry> {
        let [resized_height, resized_width] = resized(width, height, self.resize);
        if resized_width.max(resized_height) as u64 > MAX_SIDE {
            return Err(ImageError::TooManyPixels {
                width: resized_width as u64,
                height: resized_height as u64,
                limit: MAX_SIDE,
            });
        }
        let [canvas_height, canvas_width] = match self.pad {
            Some(pad) => pad.to,
            None => [resized_height, resized_width],
        };
        let [crop_height, crop_width] = self.size();
        let rounding = self.crop_rounding;
        Ok(Geometry {
            x: axis([width, resized_width, canvas_width, crop_width], rounding),
            y: axis(
                [height, resized_height, canvas_height, crop_height],
                rounding,
            ),
        })
    }
}

/// Height and width after the resize.
fn resized(width: usize, height: usize, resize: Resize) -> Size {
    match resize {
        // `_compute_resized_output_size`
        Resize::Shorter(side) if width <= height => [longer_side(height, width, side), side],
        Resize::Shorter(side) => [side, longer_side(width, height, side)],
        Resize::Exact(size) => size,
        Resize::Longer(Longer { longer }) => {
            // ultralytics' `LetterBox`: the ratio first, then both sides by it
            let ratio = (longer as f64 / height as f64).min(longer as f64 / width as f64);
            let side = |side: usize| ((side as f64 * ratio).round_ties_even() as usize).max(1);
            [side(height), side(width)]
        }
        Resize::Left(_) => [height, width],
    }
}

/// One axis, of the sides of the image, of the resized one, of its canvas and of the crop.
fn axis([input, output, canvas, side]: [usize; 4], rounding: CropRounding) -> Axis {
    let before = (canvas - output) / 2; // on the canvas, before the image
    let over = canvas.saturating_sub(side);
    // On the canvas, before the crop.
    let crop = match rounding {
        CropRounding::Even => half_to_even(over),
        CropRounding::Down => over / 2,
    };
    let margin = side.saturating_sub(canvas) / 2; // in the crop, before the canvas
    let first = crop.saturating_sub(before).min(output);
    let padding = margin + before.saturating_sub(crop).min(side);
    Axis {
        input,
        output,
        first,
        kept: (output - first).min(side - padding),
        padding,
        side,
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

    fn geometry(width: usize, height: usize, toml: &str) -> Result<Geometry> {
        toml::from_str::<Preprocess>(toml)
            .unwrap()
            .geometry(width, height)
    }

    #[test]
    fn the_longer_side_is_truncated() {
        let g = geometry(500, 375, "").unwrap();
        assert_eq!((g.x.output, g.y.output), (341, 256));
        assert_eq!((g.x.first, g.x.kept, g.x.padding), (58, 224, 0));
        assert_eq!((g.y.first, g.y.kept, g.y.padding), (16, 224, 0));
    }

    #[test]
    fn an_odd_margin_is_halved_as_the_library_does_it() {
        let first = |toml: &str| geometry(227, 230, toml).unwrap().x.first;
        assert_eq!(first("resize = \"none\"\ncrop = 224"), 2);
        assert_eq!(
            first("resize = \"none\"\ncrop = 224\ncrop_rounding = \"down\""),
            1
        );
    }

    #[test]
    fn a_crop_larger_than_the_image_is_padded() {
        let g = geometry(10, 20, "resize = 7\ncrop = 12").unwrap();
        assert_eq!((g.x.output, g.x.kept, g.x.padding), (7, 7, 2));
        assert_eq!((g.y.output, g.y.first, g.y.kept), (14, 1, 12));
    }

    #[test]
    fn a_letterbox_lies_in_the_middle() {
        let letterbox = "resize = { longer = 640 }\npad = { to = [640, 672] }";
        let g = geometry(1080, 810, letterbox).unwrap();
        assert_eq!(
            (g.x.output, g.x.padding, g.x.kept, g.x.side),
            (640, 16, 640, 672)
        );
        assert_eq!(
            (g.y.output, g.y.padding, g.y.kept, g.y.side),
            (480, 80, 480, 640)
        );
        let g = geometry(1000, 1, letterbox).unwrap();
        assert_eq!((g.y.output, g.y.padding, g.y.kept), (1, 319, 1));
        let g = geometry(1000, 1, &format!("{letterbox}\ncrop = 1")).unwrap();
        assert_eq!(
            (g.y.side, g.y.is_empty()),
            (1, true),
            "the image is above the middle"
        );
        let g = geometry(1000, 500, &format!("{letterbox}\ncrop = [400, 100]")).unwrap();
        assert_eq!((g.x.first, g.x.kept, g.x.padding), (270, 100, 0));
        assert_eq!((g.y.first, g.y.kept, g.y.padding), (0, 320, 40));
    }

    #[test]
    fn a_side_that_pillow_could_not_make_is_refused() {
        assert!(geometry(1, 100_000_000, "").is_err());
    }
}
