//! The `[preprocess]` table: what becomes of an image before the model sees it.

mod channels;
mod geometry;
mod normaliser;
mod preprocess_error;
mod shape;
mod sizes;
mod validate;
mod window;

pub use channels::Channels;
pub use normaliser::Normaliser;
pub use preprocess_error::PreprocessError;
pub use shape::Shape;
pub use sizes::{Crop, Longer, Nothing, Pad, Resize, Size};

use crate::images::resize::{Interpolation, Method, Resampler};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

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
    #[serde(skip_serializing_if = "is_default")]
    pub crop_rounding: CropRounding,
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

/// Where the crop begins in an image that is larger by an odd number of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum CropRounding {
    /// Half of them, rounded to the even neighbour: torchvision's `center_crop`.
    #[default]
    Even,
    /// Half of them, rounded down: transformers' `center_crop`.
    Down,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_usual_scale(scale: &f64) -> bool {
    *scale == SCALE
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            orient: false,
            resize: Resize::Shorter(256),
            crop: None,
            crop_rounding: CropRounding::Even,
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

impl Preprocess {
    /// The crop, stated or usual.
    pub fn crop(&self) -> Crop {
        self.crop.unwrap_or(match (self.resize, self.pad) {
            (Resize::Shorter(_), None) => Crop::Square(224),
            _ => Crop::Left(Nothing::None),
        })
    }

    /// Height and width of every image that comes out.
    ///
    /// # Panics
    /// Where [`Preprocess::validate`] was not called.
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

/// What is done to the pixels, without mean and deviation.
impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.orient {
            f.write_str("turned as EXIF says, ")?;
        }
        write!(f, "resize {}, ", self.resize)?;
        if let Some(pad) = self.pad {
            write!(f, "pad {pad}, ")?;
        }
        write!(f, "crop {}", self.crop())?;
        if self.crop_rounding == CropRounding::Down {
            f.write_str(" rounded down")?;
        }
        write!(f, ", {}", self.interpolation)?;
        if self.resampler != Resampler::Pillow {
            write!(f, " by {}", self.resampler)?;
        }
        if self.channels != Channels::Rgb {
            write!(f, ", {}", self.channels)?;
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
        let all = "orient = true\nresize = { longer = 640 }\ncrop = \"none\"\ncrop_rounding = \"down\"\ninterpolation = \"bilinear\"\n\
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
}
