//! Sizes that a preprocessing may ask for, as the TOML and the command line write them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Height and width, pixels.
pub type Size = [usize; 2];

/// `"none"`, where a step is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nothing {
    None,
}

/// What `resize` may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected resize as the shorter side (256), as [height, width], as { longer = 640 }, or \"none\""
)]
pub enum Resize {
    /// To this shorter side; the longer one keeps the ratio, truncated, as torchvision's `Resize(256)`.
    Shorter(usize),
    /// Whatever the ratio was, as torchvision's `Resize([256, 128])`.
    Exact(Size),
    Longer(Longer),
    Left(Nothing),
}

/// To this longer side; the shorter one keeps the ratio, rounded to even halves, as ultralytics' `LetterBox`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Longer {
    pub longer: usize,
}

/// What `crop` may be: a part in the middle, as torchvision's `CenterCrop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected crop as a side (224), as [height, width], or \"none\""
)]
pub enum Crop {
    Square(usize),
    Exact(Size),
    Left(Nothing),
}

/// A canvas in whose middle the resized image lies: where a pixel is left over, it is below and to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    pub to: Size,
    /// The value of every channel where the image does not reach.
    #[serde(default)]
    pub value: u8,
}

impl Resize {
    /// The sides that it names, pixels.
    pub fn sides(self) -> Vec<usize> {
        match self {
            Self::Shorter(side) | Self::Longer(Longer { longer: side }) => vec![side],
            Self::Exact(size) => size.to_vec(),
            Self::Left(_) => Vec::new(),
        }
    }
}

impl Crop {
    pub fn size(self) -> Option<Size> {
        match self {
            Self::Square(side) => Some([side, side]),
            Self::Exact(size) => Some(size),
            Self::Left(_) => None,
        }
    }
}

/// Height x width.
pub fn size_words([height, width]: Size) -> String {
    format!("{height}x{width}")
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Shorter(side) => write!(f, "{side}"),
            Self::Exact(size) => f.write_str(&size_words(*size)),
            Self::Longer(Longer { longer }) => write!(f, "longer:{longer}"),
            Self::Left(_) => f.write_str("none"),
        }
    }
}

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Square(side) => write!(f, "{side}"),
            Self::Exact(size) => f.write_str(&size_words(*size)),
            Self::Left(_) => f.write_str("none"),
        }
    }
}

impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}", size_words(self.to), self.value)
    }
}

impl FromStr for Resize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let longer = text.strip_prefix("longer:").map(str::parse);
        match (text, text.parse(), longer, size_of(text)) {
            ("none", ..) => Ok(Self::Left(Nothing::None)),
            (_, Ok(side), ..) => Ok(Self::Shorter(side)),
            (_, _, Some(Ok(longer)), _) => Ok(Self::Longer(Longer { longer })),
            (.., Some(size)) => Ok(Self::Exact(size)),
            _ => Err(
                "expected the shorter side (256), height and width (480x640), longer:640, or none"
                    .into(),
            ),
        }
    }
}

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse(), size_of(text)) {
            ("none", ..) => Ok(Self::Left(Nothing::None)),
            (_, Ok(side), _) => Ok(Self::Square(side)),
            (.., Some(size)) => Ok(Self::Exact(size)),
            _ => Err("expected a side (224), height and width (224x192), or none".into()),
        }
    }
}

impl FromStr for Pad {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (size, value) = text.split_once(':').unwrap_or((text, "0"));
        match (size_of(size), value.parse()) {
            (Some(to), Ok(value)) => Ok(Self { to, value }),
            _ => Err("expected height and width, and a value from 0 to 255: 640x640:114".into()),
        }
    }
}

fn size_of(text: &str) -> Option<Size> {
    let (height, width) = text.split_once('x')?;
    Some([height.parse().ok()?, width.parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_written_as_it_is_read() {
        for text in ["256", "480x640", "longer:640", "none"] {
            assert_eq!(text.parse::<Resize>().unwrap().to_string(), text);
        }
        for text in ["224", "480x640", "none"] {
            assert_eq!(text.parse::<Crop>().unwrap().to_string(), text);
        }
        assert_eq!(
            "640x480:114".parse::<Pad>().unwrap().to_string(),
            "640x480:114"
        );
        assert_eq!("640x480".parse::<Pad>().unwrap().value, 0);
        for text in ["", "x", "1x", "longer:", "-1", "1x2x3", "longer:1x2"] {
            assert!(text.parse::<Resize>().is_err(), "{text}");
        }
        assert!("64x64:256".parse::<Pad>().is_err());
    }
}
