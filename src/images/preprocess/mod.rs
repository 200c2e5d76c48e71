//! The `[preprocess]` table: what becomes of an image before the model sees it.

mod normalise;
mod sizes;

pub use normalise::Normaliser;
pub use sizes::{Crop, Longer, Nothing, Pad, Resize, Shape, Size, size_words};

use crate::images::resize::{Interpolation, Method, Resampler};
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// The longest side that `resize`, `crop` and `pad` may ask for, in pixels.
const MAX_SIDE: usize = 16_384;

const SCALE: f64 = 1.0 / 255.0;

/// How an image becomes what the model takes, in the order of the keys; keys that are left out have ImageNet's usual
/// values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocess {
    /// The image is turned as its EXIF says, as Pillow's `ImageOps.exif_transpose`.
    #[serde(skip_serializing_if = "is_default")]
    pub orient: bool,
    pub resize: Resize,
    /// A part in the middle, of the canvas where there is one. Left out: 224 after a resize by the shorter side, else
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    pub interpolation: Interpolation,
    #[serde(skip_serializing_if = "is_default")]
    pub resampler: Resampler,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad: Option<Pad>,
    #[serde(skip_serializing_if = "is_default")]
    pub channels: Channels,
    /// What 8-bit values are multiplied by.
    #[serde(skip_serializing_if = "is_usual_scale")]
    pub scale: f64,
    /// Subtracted from each channel, in the model's order.
    pub mean: Vec<f64>,
    /// What each channel is then divided by.
    pub std: Vec<f64>,
}

/// What the model's channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    #[default]
    Rgb,
    Bgr,
    /// One: Pillow's `L` of the RGB image.
    Grey,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_usual_scale(scale: &f64) -> bool {
    *scale == SCALE
}

impl Channels {
    pub fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb | Self::Bgr => 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Bgr => "bgr",
            Self::Grey => "grey",
        }
    }
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            orient: false,
            resize: Resize::Shorter(256),
            crop: None,
            interpolation: Interpolation::Bilinear,
            resampler: Resampler::Pillow,
            pad: None,
            channels: Channels::Rgb,
            scale: SCALE,
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
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
        resampler: &'static str,
        interpolation: &'static str,
        expected: String,
    },
}

/// What is wrong with the numbers of channels.
#[derive(Debug, PartialEq, Error)]
pub enum Numbers {
    #[error("must be {count} for channels {channels}, found {found}")]
    Count {
        count: &'static str,
        channels: &'static str,
        found: usize,
    },
    #[error("must be {expected}, found {found}")]
    Value { expected: String, found: f64 },
}

impl Preprocess {
    /// # Errors
    /// A side of 0 or above 16,384; keys that contradict each other; numbers that are not finite, or not as many as there
    /// are channels; a deviation that is not above 0 as an `f32`.
    pub fn validate(&self) -> Result<(), PreprocessError> {
        let pad = self.pad.map_or(Vec::new(), |pad| pad.to.to_vec());
        let crop = self.crop().size().map_or(Vec::new(), |size| size.to_vec());
        for (key, sides) in [
            ("resize", self.resize.sides()),
            ("crop", crop),
            ("pad", pad),
        ] {
            if let Some(&found) = sides.iter().find(|side| !(1..=MAX_SIDE).contains(*side)) {
                return Err(PreprocessError::Side { key, found });
            }
        }
        self.validate_sizes()?;
        self.validate_interpolation()?;
        if !((self.scale as f32).is_finite() && self.scale as f32 > 0.0) {
            return Err(PreprocessError::Scale(self.scale));
        }
        self.validate_numbers(&self.mean, "", |mean| mean.is_finite())
            .map_err(PreprocessError::Mean)?;
        self.validate_numbers(&self.std, " above 0", |std| std.is_finite() && std > 0.0)
            .map_err(PreprocessError::Std)
    }

    fn validate_sizes(&self) -> Result<(), PreprocessError> {
        let fits = |[height, width]: Size, into: Size| height <= into[0] && width <= into[1];
        if let Some(pad) = self.pad {
            let largest = match self.resize {
                Resize::Longer(Longer { longer }) => [longer, longer],
                Resize::Exact(size) => size,
                resize => return Err(PreprocessError::PadOfAnySize(resize)),
            };
            if !fits(largest, pad.to) {
                return Err(PreprocessError::ResizeAbovePad {
                    pad: size_words(pad.to),
                    resize: self.resize,
                });
            }
            if let Some(crop) = self.crop().size().filter(|&crop| !fits(crop, pad.to)) {
                return Err(PreprocessError::CropAbovePad {
                    pad: size_words(pad.to),
                    crop: size_words(crop),
                });
            }
        }
        match self.known_size() {
            Some(_) => Ok(()),
            None => Err(PreprocessError::AnySize {
                resize: self.resize,
            }),
        }
    }

    fn validate_interpolation(&self) -> Result<(), PreprocessError> {
        let known = self.resampler.interpolations();
        if known.contains(&self.interpolation) {
            return Ok(());
        }
        let names: Vec<&str> = known.iter().map(|known| known.name()).collect();
        Err(PreprocessError::Interpolation {
            resampler: self.resampler.name(),
            interpolation: self.interpolation.name(),
            expected: names.join(", "),
        })
    }

    fn validate_numbers(
        &self,
        numbers: &[f64],
        above: &str,
        valid: fn(f32) -> bool,
    ) -> Result<(), Numbers> {
        let (word, plural) = match self.channels.count() {
            1 => ("one", ""),
            _ => ("three", "s"),
        };
        if numbers.len() != self.channels.count() {
            return Err(Numbers::Count {
                count: if word == "one" {
                    "one number"
                } else {
                    "three numbers"
                },
                channels: self.channels.name(),
                found: numbers.len(),
            });
        }
        match numbers.iter().find(|&&number| !valid(number as f32)) {
            Some(&found) => Err(Numbers::Value {
                expected: format!("{word} finite number{plural}{above}"),
                found,
            }),
            None => Ok(()),
        }
    }

    /// What is cropped, whether or not it is said.
    pub fn crop(&self) -> Crop {
        self.crop.unwrap_or(match (self.resize, self.pad) {
            (Resize::Shorter(_), None) => Crop::Square(224),
            _ => Crop::Left(Nothing::None),
        })
    }

    /// Height and width of every image that comes out.
    ///
    /// # Panics
    /// Where [`Preprocess::validate`] was not asked.
    pub fn size(&self) -> Size {
        self.known_size().expect("a size that was validated")
    }

    fn known_size(&self) -> Option<Size> {
        let resized = match self.resize {
            Resize::Exact(size) => Some(size),
            _ => None,
        };
        self.crop()
            .size()
            .or(self.pad.map(|pad| pad.to))
            .or(resized)
    }

    /// Of every image that comes out.
    ///
    /// # Panics
    /// As [`Preprocess::size`].
    pub fn shape(&self) -> Shape {
        let [height, width] = self.size();
        Shape {
            channels: self.channels.count(),
            height,
            width,
        }
    }

    /// Bytes of one image that comes out: height × width × channels.
    pub fn image_bytes(&self) -> usize {
        self.shape().values()
    }

    pub fn method(&self) -> Method {
        Method {
            interpolation: self.interpolation,
            resampler: self.resampler,
        }
    }

    pub fn normaliser(&self) -> Normaliser {
        Normaliser::new(self.scale, &self.mean, &self.std)
    }
}

/// What is done to the pixels; mean and deviation apart.
impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.orient {
            f.write_str("turned as EXIF says, ")?;
        }
        write!(f, "resize {}, ", self.resize)?;
        if let Some(pad) = self.pad {
            write!(f, "pad {pad}, ")?;
        }
        write!(f, "crop {}, {}", self.crop(), self.interpolation.name())?;
        if self.resampler != Resampler::Pillow {
            write!(f, " by {}", self.resampler.name())?;
        }
        if self.channels != Channels::Rgb {
            write!(f, ", {}", self.channels.name())?;
        }
        if self.scale != SCALE {
            write!(f, ", scale {}", self.scale)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Preprocess {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_the_table_leaves_out_is_the_default() {
        let some = read("resize = 232\ninterpolation = \"bicubic\"");
        assert_eq!(some.resize, Resize::Shorter(232));
        assert_eq!(some.interpolation, Interpolation::Bicubic);
        assert_eq!(some.std, Preprocess::default().std);
        assert_eq!(some.size(), [224, 224]);
    }

    #[test]
    fn every_key_is_written_as_it_is_read_and_the_usual_ones_not_at_all() {
        let all = "orient = true\nresize = { longer = 640 }\ncrop = \"none\"\ninterpolation = \"bilinear\"\n\
                   resampler = \"torch\"\npad = { to = [640, 480], value = 114 }\nchannels = \"grey\"\nscale = 1.0\n\
                   mean = [0.0]\nstd = [1.0]";
        let written = toml::to_string(&read(all)).unwrap();
        assert_eq!(read(&written), read(all));
        let usual = toml::to_string(&Preprocess::default()).unwrap();
        assert!(
            !usual.contains("scale") && !usual.contains("orient"),
            "{usual}"
        );
    }

    #[test]
    fn the_size_is_that_of_the_last_step() {
        assert_eq!(read("resize = [384, 128]").size(), [384, 128]);
        assert_eq!(read("resize = [384, 128]\ncrop = 100").size(), [100, 100]);
        let letterbox = read("resize = { longer = 640 }\npad = { to = [640, 640], value = 114 }");
        assert_eq!(
            (letterbox.size(), letterbox.validate()),
            ([640, 640], Ok(()))
        );
        assert_eq!(read("resize = \"none\"\ncrop = [28, 28]").size(), [28, 28]);
    }

    #[test]
    fn unknown_keys_and_filters_are_errors() {
        for text in [
            "size = 232",
            "interpolation = \"cubic\"",
            "resize = -1",
            "channels = \"gray\"",
        ] {
            assert!(toml::from_str::<Preprocess>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_that_make_no_image_and_keys_that_contradict_each_other_are_refused() {
        for (text, expected) in [
            (
                "crop = 0",
                "crop must be between 1 and 16384 pixels, found 0; the usual is resize 256, crop 224",
            ),
            ("resize = 1048576", "resize must be"),
            ("resize = [16, 0]", "resize must be"),
            (
                "mean = [0.5, nan, 0.5]",
                "mean must be three finite numbers, found NaN",
            ),
            (
                "std = [1.0, 1.0, 0.0]",
                "std must be three finite numbers above 0, found 0",
            ),
            ("std = [1.0, 1.0, 1e-60]", "std must be"), // 0 once it is an f32
            (
                "mean = [0.5]",
                "mean must be three numbers for channels rgb, found 1",
            ),
            (
                "channels = \"grey\"",
                "mean must be one number for channels grey, found 3",
            ),
            ("scale = 0.0", "scale must be"),
            (
                "resize = \"none\"",
                "resize none and crop none make images of different sizes",
            ),
            (
                "resize = { longer = 640 }",
                "resize longer:640 and crop none make",
            ),
            (
                "pad = { to = [640, 640] }",
                "pad goes with resize { longer = N }",
            ),
            (
                "resize = { longer = 640 }\npad = { to = [640, 480] }",
                "pad to 640x480 is smaller than resize longer:640",
            ),
            (
                "resize = { longer = 64 }\npad = { to = [64, 64] }\ncrop = 96",
                "pad to 64x64 is smaller than crop 96x96",
            ),
            (
                "resampler = \"torch\"\ninterpolation = \"lanczos\"",
                "resampler torch has no lanczos; expected one of: nearest",
            ),
        ] {
            let error = read(text).validate().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        assert_eq!(Preprocess::default().validate(), Ok(()));
    }
}
