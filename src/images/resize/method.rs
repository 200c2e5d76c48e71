//! How an image is resized: whose way, and by which filter.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a pixel is made of its neighbours. The names are those of the TOML and of `--interpolation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    Nearest,
    #[default]
    Bilinear,
    Bicubic,
    Lanczos,
    Box,
    Hamming,
}

/// Whose resizing is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Resampler {
    /// Of PIL images, as torchvision, timm and transformers' slow image processors do.
    #[default]
    Pillow,
    /// Of 8-bit tensors without antialiasing: `torch.nn.functional.interpolate`.
    Torch,
    /// Of 8-bit tensors with antialiasing, as torchvision's v2 and transformers' fast image processors do.
    TorchAntialias,
    /// OpenCV's `cv::resize`, as ultralytics' `LetterBox` does.
    #[serde(rename = "opencv")]
    #[value(name = "opencv")]
    OpenCv,
}

/// How an image is resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Method {
    pub interpolation: Interpolation,
    pub resampler: Resampler,
}

impl Resampler {
    /// The filters that it has.
    pub fn interpolations(self) -> &'static [Interpolation] {
        match self {
            Self::Pillow => Interpolation::value_variants(),
            Self::Torch | Self::TorchAntialias => &[
                Interpolation::Nearest,
                Interpolation::Bilinear,
                Interpolation::Bicubic,
            ],
            Self::OpenCv => &[Interpolation::Bilinear],
        }
    }
}

/// As the TOML and `--resampler` call it.
impl fmt::Display for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.serialize(f)
    }
}

/// As the TOML and `--interpolation` call it.
impl fmt::Display for Interpolation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_toml_spell_alike() {
        for interpolation in Interpolation::value_variants() {
            let option = interpolation.to_possible_value().unwrap();
            assert_eq!(option.get_name(), interpolation.to_string());
        }
        for resampler in Resampler::value_variants() {
            let option = resampler.to_possible_value().unwrap();
            assert_eq!(option.get_name(), resampler.to_string());
        }
    }
}
