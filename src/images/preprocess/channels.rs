//! The channels of what the model is given.

use crate::text::spelling::spelling;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the model's channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    #[default]
    Rgb,
    Bgr,
    /// One: Pillow's `L` of the RGB image.
    Grey,
}

impl Channels {
    pub fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb | Self::Bgr => 3,
        }
    }
}

impl fmt::Display for Channels {
    /// As the TOML and `--channels` call it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&spelling(*self))
    }
}
