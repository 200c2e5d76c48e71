//! Options that are one name of a few.

use crate::text::spelling::spelling;
use clap::ValueEnum;
use serde::Deserialize;
use std::fmt;

/// `--form`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormChoice {
    /// The fastest form of the graph that gives the model's own rows
    #[default]
    Auto,
    /// The model as it was exported
    Plain,
    /// Of the faster forms the first that gives the model's own rows, whatever time it takes: tests know what they test
    #[value(hide = true)]
    #[serde(skip_deserializing)]
    Faster,
}

/// `--precision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    #[default]
    F32,
    Bf16,
    F16,
}

impl fmt::Display for Precision {
    /// As the options and `run.toml` call it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&spelling(*self))
    }
}

/// `--tokens`: what is kept of a (tokens, dim) activation. First comes the class token, then registers or the
/// distillation token where the model has them, then the patches (as timm's `num_prefix_tokens` counts them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tokens {
    /// The first token
    Cls,
    /// The mean over the patches
    Mean,
    /// Both, one after the other
    #[value(name = "cls+mean")]
    #[serde(rename = "cls+mean")]
    ClsMean,
    /// The patches, (patches, dim)
    Patches,
    /// What stands between the class token and the patches, (registers, dim)
    Registers,
}

impl fmt::Display for Tokens {
    /// As the options and `run.toml` call it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&spelling(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::extract::OnError;
    use crate::images::{Channels, CropRounding, Interpolation, Resampler};
    use crate::rows::row_type::RowType;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde::de::value::{Error, StrDeserializer};
    use std::fmt::Debug;

    #[test]
    fn the_command_line_and_config_files_spell_alike() {
        fn check<T: ValueEnum + DeserializeOwned + PartialEq + Debug>() {
            let is_hidden = |choice: &&T| {
                choice
                    .to_possible_value()
                    .is_none_or(|value| value.is_hide_set())
            };
            for choice in T::value_variants()
                .iter()
                .filter(|choice| !is_hidden(choice))
            {
                let name = spelling(choice.clone());
                let read = T::deserialize(StrDeserializer::<Error>::new(&name)).unwrap();
                assert_eq!(read, *choice);
            }
        }
        check::<FormChoice>();
        check::<Precision>();
        check::<Tokens>();
        check::<OnError>();
        check::<RowType>();
        check::<Channels>();
        check::<CropRounding>();
        check::<Interpolation>();
        check::<Resampler>();
        assert_eq!(Tokens::ClsMean.to_string(), "cls+mean");
    }

    #[test]
    fn run_files_have_the_command_lines_spelling() {
        fn check<T: ValueEnum + Serialize>() {
            for choice in T::value_variants() {
                let written = toml::Value::try_from(choice).unwrap();
                assert_eq!(written.as_str(), Some(&*spelling(choice.clone())));
            }
        }
        check::<RowType>();
        check::<Channels>();
        check::<CropRounding>();
        check::<Interpolation>();
        check::<Resampler>();
    }
}
