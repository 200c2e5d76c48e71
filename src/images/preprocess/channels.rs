//! The channels of what the model is given.

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

/// As the TOML and `--channels` call it.
impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_toml_spell_alike() {
        for channels in Channels::value_variants() {
            let option = channels.to_possible_value().unwrap();
            assert_eq!(option.get_name(), channels.to_string());
        }
    }
}
