//! What a directory holds that can be merged or inspected: a run, one layer's folder, or layers that thingsvision wrote.

use crate::rows::durable::directory_of;
use crate::rows::layer_folder::Folder;
use crate::rows::part::{file_name, names_in};
use crate::run::directory::{LayerState, RunDir};
use crate::run::record::{FILE_NAMES, Layer};
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What [`Sources::find`] found.
#[derive(Debug)]
pub enum Sources {
    Run {
        dir: Box<RunDir>,
        layers: Vec<LayerState>,
    },
    Bare(Vec<Bare>),
}

/// A layer's folder without a `run.toml`.
#[derive(Debug)]
pub struct Bare {
    /// The folder's name.
    pub layer: String,
    pub folder: Folder,
    /// Number of rows, where a `file_names.txt` beside or above the parts tells.
    pub rows: Option<u64>,
}

impl Sources {
    /// Looks at `directory`, and no deeper than one level below it.
    ///
    /// # Errors
    /// There is nothing of ours or thingsvision's, or it cannot be read.
    pub fn find(directory: &Path) -> Result<Self> {
        ensure!(
            directory.exists(),
            "directory '{}' does not exist",
            directory.display()
        );
        ensure!(
            directory.is_dir(),
            "expected a directory, found the file '{}'",
            directory.display()
        );
        if RunDir::is_at(directory) {
            let dir = Box::new(RunDir::open(directory)?);
            let layers = dir.layers()?;
            return Ok(Self::Run { dir, layers });
        }
        if let Some(source) = Self::layer_of_run(directory)? {
            return Ok(source);
        }
        let bare = find_bare(directory)?;
        ensure!(
            !bare.is_empty(),
            "'{}' holds nothing to merge or inspect: expected run.toml, parts named features_START-END.npy, \
             or folders of such parts",
            directory.display()
        );
        Ok(Self::Bare(bare))
    }

    #[must_use]
    pub fn layer_names(&self) -> Vec<String> {
        match self {
            Self::Run { layers, .. } => layers
                .iter()
                .map(|state| state.layer.name.clone())
                .collect(),
            Self::Bare(bare) => bare.iter().map(|bare| bare.layer.clone()).collect(),
        }
    }

    /// Forgets every layer but this one.
    pub fn keep_layer(&mut self, name: &str) {
        match self {
            Self::Run { layers, .. } => layers.retain(|state| state.layer.name == name),
            Self::Bare(bare) => bare.retain(|bare| bare.layer == name),
        }
    }

    /// A layer's own folder inside a run directory: the run, with that layer alone.
    fn layer_of_run(directory: &Path) -> Result<Option<Self>> {
        // `dir/.` and `.` have names too, once resolved.
        let full = directory
            .canonicalize()
            .with_context(|| format!("'{}'", directory.display()))?;
        let above = directory_of(&full);
        if !RunDir::is_at(above) {
            return Ok(None);
        }
        let mut dir = Box::new(RunDir::open(above)?);
        // Messages name what the user typed.
        dir.path = match directory.parent() {
            Some(parent) if directory.ends_with(file_name(&full)) => parent.into(),
            _ => above.into(),
        };
        let is_this = |layer: &&Layer| layer.name == file_name(&full);
        let Some(layer) = dir.run.layers.iter().find(is_this).cloned() else {
            return Ok(None);
        };
        let layers = vec![dir.layer(&layer)?];
        Ok(Some(Self::Run { dir, layers }))
    }
}

fn find_bare(directory: &Path) -> Result<Vec<Bare>> {
    let own = Folder::read(directory)?;
    if !own.is_empty() {
        let beside = count_names(&directory.join(FILE_NAMES))?;
        // `.` has a name and a directory above it, once resolved.
        let full = directory
            .canonicalize()
            .unwrap_or_else(|_| directory.into());
        let above = count_names(&directory_of(&full).join(FILE_NAMES))?;
        return Ok(vec![Bare {
            layer: file_name(&full),
            folder: own,
            rows: beside.or(above),
        }]);
    }
    let rows = count_names(&directory.join(FILE_NAMES))?;
    let mut found = Vec::new();
    for name in names_in(directory)? {
        let path: PathBuf = directory.join(&name);
        if path.is_dir() {
            let folder = Folder::read(&path)?;
            if !folder.is_empty() {
                found.push(Bare {
                    layer: name,
                    folder,
                    rows,
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
pub fn count_names(path: &Path) -> Result<Option<u64>> {
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
