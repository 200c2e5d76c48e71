//! How an image is resized: whose way, and by which filter.

use serde::{Deserialize, Serialize};

/// How a pixel is made of its neighbours. The names are those of the TOML and of `--interpolation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
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
    /// As the TOML and `--resampler` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pillow => "pillow",
            Self::Torch => "torch",
            Self::TorchAntialias => "torch-antialias",
            Self::OpenCv => "opencv",
        }
    }

    /// What it can do.
    pub fn interpolations(self) -> &'static [Interpolation] {
        const ALL: &[Interpolation] = &[
            Interpolation::Nearest,
            Interpolation::Bilinear,
            Interpolation::Bicubic,
            Interpolation::Lanczos,
            Interpolation::Box,
            Interpolation::Hamming,
        ];
        match self {
            Self::Pillow => ALL,
            Self::Torch | Self::TorchAntialias => &ALL[..3],
            Self::OpenCv => &[Interpolation::Bilinear],
        }
    }
}

impl Interpolation {
    /// As the TOML and `--interpolation` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
            Self::Box => "box",
            Self::Hamming => "hamming",
        }
    }
}
