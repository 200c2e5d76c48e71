//! What is kept of a transformer's tokens.

use clap::ValueEnum;
use serde::Deserialize;

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

/// Which tokens to keep, of a model that has so many before its patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokensOf {
    pub kept: Tokens,
    pub prefix: usize,
}

impl Tokens {
    /// As the options and `run.toml` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::ClsMean => "cls+mean",
            Self::Patches => "patches",
            Self::Registers => "registers",
        }
    }
}
