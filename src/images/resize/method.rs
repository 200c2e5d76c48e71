//! How an image is resized: whose way, and by which filter.

use crate::text::spelling::spelling;
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

impl fmt::Display for Resampler {
    /// As the TOML and `--resampler` call it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&spelling(*self))
    }
}

impl fmt::Display for Interpolation {
    /// As the TOML and `--interpolation` call it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&spelling(*self))
    }
}
