//! Rows in another format: what a file's ending says, is looked up in one table.
//!
//! A [`Format`] gets an empty file and a [`Table`], whose rows it asks for in the order and the amounts that suit it;
//! so its memory does not grow with them. It knows nothing of temporary names, disks or runs: [`export`] does.
//! `.npy` is no export: it is what parts are, and [`crate::rows::join`] makes it.

mod csv;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "hdf5")]
mod in_place;
#[cfg(feature = "hdf5")]
mod mat;
mod number;
#[cfg(feature = "parquet")]
mod parquet;
mod pickle;
mod pt;
mod safetensors;
pub mod table;

use crate::export::number::Number;
use crate::export::table::{Layer, Table};
use crate::rows::durable::{Unfinished, directory_of, require_space};
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;

/// The ending of the native form.
pub const NPY: &str = "npy";

/// Every format. A new one is a file of this room, and a line here.
const FORMATS: &[&dyn Format] = &[
    #[cfg(feature = "hdf5")]
    &hdf5::Hdf5,
    #[cfg(feature = "hdf5")]
    &mat::Mat,
    &csv::Csv { comma: b',' },
    &csv::Csv { comma: b'\t' },
    #[cfg(feature = "parquet")]
    &parquet::Parquet,
    &safetensors::Safetensors,
    &pt::Pt,
];

/// What a build without some features cannot write: ending, feature.
const LEFT_OUT: &[(&str, &str)] = &[
    #[cfg(not(feature = "hdf5"))]
    ("h5", "hdf5"),
    #[cfg(not(feature = "hdf5"))]
    ("hdf5", "hdf5"),
    #[cfg(not(feature = "hdf5"))]
    ("mat", "hdf5"),
    #[cfg(not(feature = "parquet"))]
    ("parquet", "parquet"),
];

/// A file format that holds layers and the names of their rows.
pub trait Format: Sync {
    /// What file names end in, without the dot.
    fn endings(&self) -> &'static [&'static str];

    /// False where a file holds one layer alone.
    fn takes_several(&self) -> bool {
        true
    }

    /// Looks for what the format cannot hold, before anything is written.
    ///
    /// # Errors
    /// What it is, and what holds it instead.
    fn check(&self, table: &Table) -> Result<()>;

    /// Bytes that the file will have; of a text format, at least.
    fn file_bytes(&self, table: &Table) -> u64;

    /// Writes the whole export into an empty file. The caller makes it durable and names it.
    ///
    /// # Errors
    /// Rows that cannot be read; a disk that fails or is full.
    fn write(&self, table: &Table, into: &Unfinished) -> Result<()>;
}

/// What the name of a result may end in, without the dot.
pub fn endings() -> impl Iterator<Item = &'static str> {
    let exports = FORMATS.iter().flat_map(|format| format.endings());
    std::iter::once(NPY).chain(exports.copied())
}

/// The format that a name's ending asks for; `None` for `.npy`.
///
/// # Errors
/// An ending that no format has; one that this build of featx left out; a directory.
pub fn format_of(target: &Path) -> Result<Option<&'static dyn Format>> {
    ensure!(
        !target.is_dir(),
        "'{}' is a directory; expected the name of a file",
        target.display()
    );
    let ending = target.extension().unwrap_or_default();
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    if ending == NPY {
        return Ok(None);
    }
    let has_ending = |format: &&&dyn Format| format.endings().contains(&ending.as_str());
    if let Some(format) = FORMATS.iter().find(has_ending) {
        return Ok(Some(*format));
    }
    let path = target.display();
    if let Some((_, feature)) = LEFT_OUT.iter().find(|(left_out, _)| *left_out == ending) {
        bail!(
            "cannot write '{path}': this featx was built without its feature '{feature}'; build it with: cargo build --release --features {feature}"
        );
    }
    let known: Vec<String> = endings().map(|known| format!(".{known}")).collect();
    bail!(
        "'{path}' has no known ending; expected one of {}",
        known.join(", ")
    );
}

/// Writes `table` to `target`, whole or not at all, and returns the bytes of the file.
///
/// # Errors
/// What the format cannot hold; a target that exists, unless `overwrite`; a disk that fails or is full. Then nothing is
/// left, and a target that was there still is.
pub fn export(format: &dyn Format, table: &Table, target: &Path, overwrite: bool) -> Result<u64> {
    let path = target.display();
    ensure!(
        overwrite || !target.exists(),
        "'{path}' exists; pass --overwrite to replace it"
    );
    format.check(table)?;
    let directory = directory_of(target);
    ensure!(
        directory.is_dir(),
        "cannot write '{path}': '{}' is not a directory",
        directory.display()
    );
    require_space(directory, format.file_bytes(table))?;
    let unfinished = Unfinished::beside(target)?;
    let named = || format!("cannot write '{path}'");
    format.write(table, &unfinished).with_context(named)?;
    let bytes = unfinished.file().metadata().with_context(named)?.len();
    unfinished.finish(target)?;
    Ok(bytes)
}

/// The numbers of a layer, where a format has them.
///
/// # Errors
/// Rows that are not of `held`, with `cure`.
fn number_among(layer: &Layer, held: &[Number], format: &str, cure: &str) -> Result<Number> {
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
fn ensure_distinct<'a>(names: impl IntoIterator<Item = (&'a str, String)>) -> Result<()> {
    let mut seen = std::collections::HashMap::new();
    for (name, written) in names {
        if let Some(other) = seen.insert(written.clone(), name) {
            bail!(
                "'{other}' and '{name}' would both be named '{written}'; export one of them with --layer"
            );
        }
    }
    Ok(())
}
