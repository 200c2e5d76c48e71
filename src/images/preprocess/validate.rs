//! What a preprocessing cannot be: sides out of bounds, keys that contradict each other, numbers that are none.

use crate::images::preprocess::preprocess_error::{MAX_SIDE, Numbers, PreprocessError};
use crate::images::preprocess::sizes::size_words;
use crate::images::preprocess::{Longer, Preprocess, Resize, Size};

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
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        Err(PreprocessError::Interpolation {
            resampler: self.resampler,
            interpolation: self.interpolation,
            expected: names.join(", "),
        })
    }

    fn validate_numbers(
        &self,
        numbers: &[f64],
        above: &str,
        valid: fn(f32) -> bool,
    ) -> Result<(), Numbers> {
        let (number, finite) = match self.channels.count() {
            1 => ("one number", "one finite number"),
            _ => ("three numbers", "three finite numbers"),
        };
        if numbers.len() != self.channels.count() {
            return Err(Numbers::Count {
                count: number,
                channels: self.channels,
                found: numbers.len(),
            });
        }
        match numbers.iter().find(|&&number| !valid(number as f32)) {
            Some(&found) => Err(Numbers::Value {
                expected: format!("{finite}{above}"),
                found,
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Preprocess {
        toml::from_str(text).unwrap()
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
