//! The pixels that a crop is made of: a decoder may leave out the others.

use crate::images::preprocess::Preprocess;
use crate::images::resize::{Geometry, Interpolation, Resampler, reach};
use crate::images::window::Window;

impl Preprocess {
    /// The pixels that the crop of an image of this size is made of. `None`: all of them, or there can be no crop.
    pub fn window(&self, width: usize, height: usize) -> Option<Window> {
        let method = self.method();
        // Pillow's nearest indices are sums of rounded steps; Pillow's other filters and PyTorch's with antialiasing reach as
        // `reach` says.
        let has_reach = matches!(
            method.resampler,
            Resampler::Pillow | Resampler::TorchAntialias
        );
        if method.interpolation == Interpolation::Nearest || !has_reach {
            return None;
        }
        let Geometry { x, y } = self.geometry(width, height).ok()?;
        if x.is_empty() || y.is_empty() {
            return None;
        }
        let window = Window {
            columns: reach(&x, method),
            rows: reach(&y, method),
        };
        (!window.columns.is_empty() && !window.rows.is_empty()).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::preprocess::{Crop, Resize};

    #[test]
    fn a_crop_needs_the_pixels_around_it() {
        let window = |resize, crop| {
            let preprocess = Preprocess {
                resize: Resize::Shorter(resize),
                crop: Some(Crop::Square(crop)),
                ..Preprocess::default()
            };
            preprocess.window(100, 200).unwrap()
        };
        // Not resized: a pixel more, as the filter has it.
        assert_eq!(window(100, 10).columns, 45..56);
        assert_eq!(window(100, 10).rows, 95..106);
        assert_eq!(window(50, 50).columns, 0..100);
        assert_eq!(window(50, 50).rows, 49..151);
    }
}
