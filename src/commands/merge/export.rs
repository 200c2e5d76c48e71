//! `featx merge --out FILE`, where the ending says another format than `.npy`.

use crate::cli::{Merge, WrongUsage};
use crate::commands::merge::selection::{Selection, WantedLayer};
use crate::export::facts::facts_of;
use crate::export::row_names::RowNames;
use crate::export::table::{Layer, Table};
use crate::export::{self, Format};
use crate::rows::sealed_rows::SealedRows;
use crate::text::figures::{bytes, counted, row_shape};
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use anyhow::{Result, bail};
use std::path::Path;

/// Writes all layers that are wanted into one file.
///
/// # Errors
/// What the format cannot hold, before anything is written; a disk that fails or is full.
pub fn export(
    format: &dyn Format,
    selection: Selection,
    target: &Path,
    typed: &Merge,
) -> Result<()> {
    if typed.remove_parts {
        bail!(WrongUsage(format!(
            "--remove-parts is for results that can take the parts' place, .npy files; '{}' is an export",
            target.display()
        )));
    }
    let layers: Result<Vec<Layer>> = selection.wanted.into_iter().map(layer).collect();
    let facts = selection.run.as_deref().map_or(Ok(Vec::new()), facts_of)?;
    let names = selection
        .names
        .as_deref()
        .map_or(Ok(None), RowNames::find)?;
    let layers = layers?;
    let total = layers.iter().map(Layer::bytes).sum();
    let progress = Progress::new("export", Unit::Bytes, total, typed.quiet);
    let table = Table {
        layers,
        names,
        facts,
        advance: &|n| progress.advance(n),
    };
    table.check()?;
    let written = export::export(format, &table, target, typed.overwrite)?;
    // A bar that is there still would cross the lines.
    progress.finish();
    for layer in &table.layers {
        let header = &layer.rows.header;
        say(format_args!(
            "{}: {}, {} of {} {}",
            target.display(),
            layer.name,
            counted(table.rows(), "row"),
            row_shape(header.row_shape()),
            header.dtype
        ));
    }
    say(format_args!("{}: {}", target.display(), bytes(written)));
    Ok(())
}

fn layer(wanted: WantedLayer) -> Result<Layer> {
    Ok(Layer {
        rows: SealedRows::find(&wanted.folder, wanted.rows)?,
        name: wanted.layer,
    })
}
