//! What a preprocessing cannot be, in words.

use crate::images::preprocess::{Channels, Resize};
use crate::images::resize::{Interpolation, Resampler};
use thiserror::Error;

/// The longest side that `resize`, `crop` and `pad` may ask for, in pixels.
pub const MAX_SIDE: usize = 16_384;

/// What a preprocessing cannot be.
#[derive(Debug, Error, PartialEq)]
pub enum PreprocessError {
    #[error(
        "{key} must be between 1 and {MAX_SIDE} pixels, found {found}; the usual is resize 256, crop 224"
    )]
    Side { key: &'static str, found: usize },
    #[error(
        "mean {0}; it is subtracted after pixels are multiplied by scale, between 0 and 1 as a rule"
    )]
    Mean(Numbers),
    #[error("std {0}; pixels are divided by it")]
    Std(Numbers),
    #[error(
        "scale must be a finite number above 0, found {0}; the usual is 1/255, and 1 where the model takes 0 to 255"
    )]
    Scale(f64),
    #[error(
        "pad to {pad} is smaller than crop {crop}; leave crop out, for the model to see the whole canvas"
    )]
    CropAbovePad { pad: String, crop: String },
    #[error("pad to {pad} is smaller than resize {resize} makes an image; expected at most {pad}")]
    ResizeAbovePad { pad: String, resize: Resize },
    #[error(
        "pad goes with resize {{ longer = N }} or [height, width], which an image fits into; found resize {0}"
    )]
    PadOfAnySize(Resize),
    #[error(
        "resize {resize} and crop none make images of different sizes, and a batch has one; expected crop, pad, or a resize \
         to height and width"
    )]
    AnySize { resize: Resize },
    #[error("resampler {resampler} has no {interpolation}; expected one of: {expected}")]
    Interpolation {
        resampler: Resampler,
        interpolation: Interpolation,
        expected: String,
    },
}

/// What is wrong with the numbers of channels.
#[derive(Debug, PartialEq, Error)]
pub enum Numbers {
    #[error("must be {count} for channels {channels}, found {found}")]
    Count {
        count: &'static str,
        channels: Channels,
        found: usize,
    },
    #[error("must be {expected}, found {found}")]
    Value { expected: String, found: f64 },
}
