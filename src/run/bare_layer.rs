//! Layers whose parts no `run.toml` explains.

use crate::rows::durable::directory_of;
use crate::rows::layer_folder::LayerFolder;
use crate::rows::part::{file_name, names_in};
use crate::run::record::FILE_NAMES;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A layer's folder without a `run.toml`.
#[derive(Debug)]
pub struct BareLayer {
    /// The folder's name.
    pub layer: String,
    pub folder: LayerFolder,
    /// Number of rows, where a `file_names.txt` beside or above the parts tells.
    pub rows: Option<u64>,
    /// That file.
    pub names: Option<PathBuf>,
}

/// Those of a directory: itself, or the folders in it.
///
/// # Errors
/// A folder that cannot be read.
pub fn find(directory: &Path) -> Result<Vec<BareLayer>> {
    let own = LayerFolder::read(directory)?;
    if !own.is_empty() {
        // `.` has a name and a directory above it, once resolved.
        let full = directory
            .canonicalize()
            .unwrap_or_else(|_| directory.into());
        let places = [directory, directory_of(&full)].map(|place| place.join(FILE_NAMES));
        let names = places.into_iter().find(|path| path.is_file());
        return Ok(vec![BareLayer {
            layer: file_name(&full),
            folder: own,
            rows: names.as_deref().map_or(Ok(None), count_names)?,
            names,
        }]);
    }
    let path = directory.join(FILE_NAMES);
    let rows = count_names(&path)?;
    let mut found = Vec::new();
    for name in names_in(directory)? {
        let inner = directory.join(&name);
        if inner.is_dir() {
            let folder = LayerFolder::read(&inner)?;
            if !folder.is_empty() {
                found.push(BareLayer {
                    layer: name,
                    folder,
                    rows,
                    names: rows.map(|_| path.clone()),
                });
            }
        }
    }
    Ok(found)
}

/// Number of lines of a file; `None` where there is no such file. Memory does not grow with it.
///
/// # Errors
/// It cannot be read.
fn count_names(path: &Path) -> Result<Option<u64>> {
    if !path.is_file() {
        return Ok(None);
    }
    let count = || -> std::io::Result<u64> {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; 1 << 16];
        let (mut lines, mut last) = (0, b'\n');
        loop {
            match file.read(&mut buffer)? {
                // A last line without an end is a line.
                0 => return Ok(lines + u64::from(last != b'\n')),
                n => {
                    lines += buffer[..n].iter().filter(|&&byte| byte == b'\n').count() as u64;
                    last = buffer[n - 1];
                }
            }
        }
    };
    count()
        .map(Some)
        .with_context(|| format!("cannot read '{}'", path.display()))
}
