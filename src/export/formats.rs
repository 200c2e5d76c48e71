//! The table of formats, and what a file's ending says.

use crate::export::csv::Csv;
use crate::export::format::Format;
#[cfg(feature = "hdf5")]
use crate::export::hdf5::Hdf5;
#[cfg(feature = "hdf5")]
use crate::export::mat::Mat;
#[cfg(feature = "parquet")]
use crate::export::parquet::Parquet;
use crate::export::pt::Pt;
use crate::export::safetensors::Safetensors;
use anyhow::{Result, bail, ensure};
use std::path::Path;

/// The ending of the native form.
pub const NPY: &str = "npy";

/// Every format. A new one is a file of this room, and a line here.
const FORMATS: &[&dyn Format] = &[
    #[cfg(feature = "hdf5")]
    &Hdf5,
    #[cfg(feature = "hdf5")]
    &Mat,
    &Csv { comma: b',' },
    &Csv { comma: b'\t' },
    #[cfg(feature = "parquet")]
    &Parquet,
    &Safetensors,
    &Pt,
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
