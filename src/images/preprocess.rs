//! The `[preprocess]` table, and the numbers that the model is given: torchvision's `ToTensor` and `Normalize`.

use crate::images::resize::filter::Interpolation;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest side that `resize` and `crop` may ask for, in pixels.
const MAX_SIDE: usize = 16_384;

/// How an image becomes what the model takes. Keys that are left out have ImageNet's usual values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocess {
    /// The shorter side after resizing, in pixels.
    pub resize: usize,
    /// Side of the centre crop, in pixels.
    pub crop: usize,
    pub interpolation: Interpolation,
    /// Subtracted from R, G, B, which are between 0 and 1.
    pub mean: [f64; 3],
    /// What R, G, B are then divided by.
    pub std: [f64; 3],
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            resize: 256,
            crop: 224,
            interpolation: Interpolation::Bilinear,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }
}

/// What a preprocessing cannot be.
#[derive(Debug, Error, PartialEq)]
pub enum PreprocessError {
    #[error(
        "{key} must be between 1 and {MAX_SIDE} pixels, found {found}; the usual is resize 256, crop 224"
    )]
    Side { key: &'static str, found: usize },
    #[error(
        "mean must be three finite numbers, found {0}; pixels are between 0 and 1 when it is subtracted"
    )]
    Mean(f64),
    #[error("std must be three finite numbers above 0, found {0}; pixels are divided by it")]
    Std(f64),
}

impl Preprocess {
    /// # Errors
    /// A side of 0 or above 16,384, a mean that is not finite, a deviation that is not above 0 as an `f32`.
    pub fn validate(&self) -> Result<(), PreprocessError> {
        for (key, found) in [("resize", self.resize), ("crop", self.crop)] {
            if !(1..=MAX_SIDE).contains(&found) {
                return Err(PreprocessError::Side { key, found });
            }
        }
        if let Some(&mean) = self.mean.iter().find(|&&mean| !(mean as f32).is_finite()) {
            return Err(PreprocessError::Mean(mean));
        }
        match self
            .std
            .iter()
            .find(|&&std| !(std as f32).is_finite() || std as f32 <= 0.0)
        {
            Some(&std) => Err(PreprocessError::Std(std)),
            None => Ok(()),
        }
    }

    /// Bytes of one cropped image: `crop` × `crop` × 3.
    pub fn image_bytes(&self) -> usize {
        self.crop * self.crop * 3
    }

    pub fn normaliser(&self) -> Normaliser {
        Normaliser::new(self.mean, self.std)
    }
}

/// The `f32` of each 8-bit value of each channel.
#[derive(Debug, Clone)]
pub struct Normaliser {
    table: [[f32; 3]; 256],
}

impl Normaliser {
    /// `(v / 255 - mean) / std`, each step rounded to `f32` as PyTorch does it: bit for bit its result.
    fn new(mean: [f64; 3], std: [f64; 3]) -> Self {
        let value = |v: usize, c: usize| (v as f32 / 255.0 - mean[c] as f32) / std[c] as f32;
        Self {
            table: std::array::from_fn(|v| std::array::from_fn(|c| value(v, c))),
        }
    }

    /// The table: `[value][channel]`.
    pub fn table(&self) -> &[[f32; 3]; 256] {
        &self.table
    }

    /// Normalises any number of pixels of R, G, B; order and shape (N, H, W, 3) stay.
    ///
    /// # Panics
    /// Where the two lengths differ.
    pub fn normalise_nhwc(&self, pixels: &[u8], out: &mut [f32]) {
        assert_eq!(pixels.len(), out.len(), "as many values out as in");
        for (pixel, values) in pixels.chunks_exact(3).zip(out.chunks_exact_mut(3)) {
            for channel in 0..3 {
                values[channel] = self.table[usize::from(pixel[channel])][channel];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_leaves_out_is_the_default() {
        let read: Preprocess = toml::from_str("resize = 232\ninterpolation = \"bicubic\"").unwrap();
        assert_eq!(read.resize, 232);
        assert_eq!(read.interpolation, Interpolation::Bicubic);
        assert_eq!(read.std, Preprocess::default().std);
    }

    #[test]
    fn unknown_keys_and_filters_are_errors() {
        assert!(toml::from_str::<Preprocess>("size = 232").is_err());
        assert!(toml::from_str::<Preprocess>("interpolation = \"cubic\"").is_err());
        assert!(toml::from_str::<Preprocess>("resize = -1").is_err());
    }

    #[test]
    fn values_that_make_no_image_are_refused() {
        let refused = |change: fn(&mut Preprocess)| {
            let mut preprocess = Preprocess::default();
            change(&mut preprocess);
            preprocess.validate().unwrap_err().to_string()
        };
        assert_eq!(
            refused(|p| p.crop = 0),
            "crop must be between 1 and 16384 pixels, found 0; the usual is resize 256, crop 224"
        );
        assert!(refused(|p| p.resize = 1 << 20).starts_with("resize must be"));
        assert!(refused(|p| p.mean[1] = f64::NAN).starts_with("mean must be"));
        assert!(refused(|p| p.std[2] = 0.0).starts_with("std must be"));
        assert!(
            refused(|p| p.std[2] = 1e-60).starts_with("std must be"),
            "0 once it is an f32"
        );
        assert_eq!(Preprocess::default().validate(), Ok(()));
    }

    #[test]
    fn normalises_each_channel_by_its_own() {
        let normaliser = Preprocess {
            mean: [0.0, 0.5, 1.0],
            std: [1.0, 0.5, 2.0],
            ..Preprocess::default()
        }
        .normaliser();
        let mut out = [0.0; 6];
        normaliser.normalise_nhwc(&[255, 255, 255, 0, 0, 0], &mut out);
        assert_eq!(out, [1.0, 1.0, 0.0, 0.0, -1.0, -0.5]);
    }
}
