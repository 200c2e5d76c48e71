//! The preprocessing that belongs to a model: the TOML beside it, else the preset of its name, else ImageNet's.

use crate::images::Preprocess;
use crate::text::toml_file;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

// `PRESETS: &[(&str, &str)]`, name and text of each file in configs/, sorted by name; made by the build script.
include!(concat!(env!("OUT_DIR"), "/presets.rs"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelToml {
    preprocess: Preprocess,
}

/// The preprocessing of a model file, and where it comes from.
///
/// # Errors
/// A TOML beside the model that cannot be read or has keys that featx does not know.
pub fn preprocess_of(model: &Path) -> Result<(Preprocess, String)> {
    let beside = model.with_extension("toml");
    if beside.is_file() {
        let named = || format!("cannot read '{}'", beside.display());
        let text = std::fs::read_to_string(&beside).with_context(named)?;
        return Ok((
            parse(&text, &beside.display().to_string())?,
            format!("'{}'", beside.display()),
        ));
    }
    let name = model.file_stem().unwrap_or_default().to_string_lossy();
    if let Ok(index) = PRESETS.binary_search_by_key(&&*name, |(name, _)| name) {
        return Ok((parse(PRESETS[index].1, &name)?, format!("preset {name}")));
    }
    let source = format!("ImageNet's usual, for lack of '{}'", beside.display());
    Ok((Preprocess::default(), source))
}

fn parse(text: &str, source: &str) -> Result<Preprocess> {
    let parsed: ModelToml = toml_file::parse(text, source)?;
    parsed
        .preprocess
        .validate()
        .with_context(|| format!("'{source}'"))?;
    Ok(parsed.preprocess)
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
