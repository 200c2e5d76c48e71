//! `featx merge`: the parts of each layer become one file, or all layers one in another format.

mod export;
mod join;
mod selection;

use crate::cli::Merge;
use crate::export::format_of;
use crate::run::aside::aside;
use anyhow::Result;

/// Checks every layer, then writes them one after the other.
///
/// # Errors
/// A layer that cannot be merged, before any is; a part that is damaged, which is put aside; a disk that fails or is full.
pub fn run(typed: &Merge) -> Result<()> {
    merge(typed).map_err(aside)
}

fn merge(typed: &Merge) -> Result<()> {
    let out = typed.out.as_deref();
    let format = out.map(format_of).transpose()?.flatten();
    let takes_one = out.is_some() && format.is_none_or(|format| !format.takes_several());
    let selection = selection::find(typed, takes_one)?;
    match (format, out) {
        (Some(format), Some(out)) => export::export(format, selection, out, typed),
        _ => join::join(&selection, typed),
    }
}
