//! What several formats refuse before anything is written.

use crate::export::table::Layer;
use crate::rows::number::Number;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;

/// The numbers of a layer, where a format has them.
///
/// # Errors
/// Rows that are not of `held`, with `cure`.
pub fn number_among(layer: &Layer, held: &[Number], format: &str, cure: &str) -> Result<Number> {
    let number = layer.number().filter(|number| held.contains(number));
    number.with_context(|| {
        format!(
            "layer '{}' is stored as {}, which {format} does not have; {cure}",
            layer.name, layer.rows.header.dtype
        )
    })
}

/// # Errors
/// Two names of one file's contents are the same.
pub fn ensure_distinct<'a>(names: impl IntoIterator<Item = (&'a str, String)>) -> Result<()> {
    let mut seen = HashMap::new();
    for (name, written) in names {
        if let Some(other) = seen.insert(written.clone(), name) {
            bail!(
                "'{other}' and '{name}' would both be named '{written}'; export one of them with --layer"
            );
        }
    }
    Ok(())
}
