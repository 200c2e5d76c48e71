//! What is known of a model besides its file, its preprocessing above all: the TOML beside it, else the preset of its
//! name, else ImageNet's.

use crate::images::Preprocess;
use crate::model::{Grid, HookTensors};
use crate::text::toml_file;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::Path;

// `PRESETS: &[(&str, &str)]`, name and text of each file in configs/, sorted by name; made by the build script.
include!(concat!(env!("OUT_DIR"), "/presets.rs"));

/// On a side, more than any model has.
const MOST_TOKENS: u64 = 1 << 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelToml {
    #[serde(default)]
    preprocess: Preprocess,
    #[serde(default)]
    tokens: TokensToml,
    #[serde(default)]
    outputs: HookTensors,
}

/// What a transformer's tokens are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TokensToml {
    /// Tokens before the patches: the class token, and registers.
    prefix: u64,
    /// Patches, (down, across).
    grid: Option<[u64; 2]>,
}

impl Default for TokensToml {
    fn default() -> Self {
        Self {
            prefix: 1,
            grid: None,
        }
    }
}

/// What a model's TOML says.
#[derive(Debug)]
pub struct ModelDescription {
    pub preprocess: Preprocess,
    /// Where it comes from, for the user to see.
    pub source: String,
    /// Tokens before the patches.
    pub prefix: usize,
    /// How the patches lie in the image.
    pub grid: Option<Grid>,
    /// Which tensor of a traced layer a forward hook sees first.
    pub hooks: HookTensors,
}

/// What is known of a model file.
///
/// # Errors
/// A TOML beside the model that cannot be read or has keys that featx does not know.
pub fn describe(model: &Path) -> Result<ModelDescription> {
    let beside = model.with_extension("toml");
    if beside.is_file() {
        let named = || format!("cannot read '{}'", beside.display());
        let text = std::fs::read_to_string(&beside).with_context(named)?;
        let parsed = parse(&text, &beside.display().to_string())?;
        return Ok(description(parsed, format!("'{}'", beside.display())));
    }
    let name = model.file_stem().unwrap_or_default().to_string_lossy();
    if let Ok(index) = PRESETS.binary_search_by_key(&&*name, |(name, _)| name) {
        let parsed = parse(PRESETS[index].1, &name)?;
        return Ok(description(parsed, format!("preset {name}")));
    }
    let source = format!("ImageNet's usual, for lack of '{}'", beside.display());
    Ok(description(parse("", &source)?, source))
}

fn description(toml: ModelToml, source: String) -> ModelDescription {
    ModelDescription {
        preprocess: toml.preprocess,
        source,
        prefix: toml.tokens.prefix as usize,
        grid: toml.tokens.grid.map(|[height, width]| Grid {
            prefix: toml.tokens.prefix,
            height,
            width,
        }),
        hooks: toml.outputs,
    }
}

fn parse(text: &str, source: &str) -> Result<ModelToml> {
    let parsed: ModelToml = toml_file::parse(text, source)?;
    parsed
        .preprocess
        .validate()
        .with_context(|| format!("'{source}'"))?;
    if let Some(grid) = parsed.tokens.grid {
        let fits = grid.iter().all(|side| (1..=MOST_TOKENS).contains(side));
        ensure!(
            fits && parsed.tokens.prefix <= MOST_TOKENS,
            "'{source}': [tokens] grid is how many patches there are, down and across, as [14, 14]; found {grid:?} after \
             {} other tokens",
            parsed.tokens.prefix
        );
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_reads() {
        assert!(PRESETS.len() >= 25);
        for (name, text) in PRESETS {
            parse(text, name).unwrap();
        }
    }
}
