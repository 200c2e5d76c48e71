//! `featx merge --out FILE`, where the ending says another format than `.npy`.

use crate::cli::{Merge, WrongUsage};
use crate::commands::merge::{Found, Wanted};
use crate::export::facts::facts_of;
use crate::export::row_names::RowNames;
use crate::export::table::{Layer, Table};
use crate::export::{Format, export};
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
pub fn run(format: &dyn Format, found: Found, target: &Path, typed: &Merge) -> Result<()> {
    if typed.remove_parts {
        bail!(WrongUsage(format!(
            "--remove-parts is for results that can take the parts' place, .npy files; '{}' is an export",
            target.display()
        )));
    }
    let layers: Result<Vec<Layer>> = found.wanted.into_iter().map(layer).collect();
    let facts = found.run.as_deref().map_or(Ok(Vec::new()), facts_of)?;
    let names = found.names.as_deref().map_or(Ok(None), RowNames::find)?;
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
    let written = export(format, &table, target, typed.overwrite)?;
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

fn layer(wanted: Wanted) -> Result<Layer> {
    Ok(Layer {
        rows: SealedRows::find(&wanted.folder, wanted.rows)?,
        name: wanted.layer,
    })
}
