//! What a directory holds that can be merged or inspected: a run, one layer's folder, or layers that thingsvision wrote.

use crate::rows::durable::directory_of;
use crate::rows::part::file_name;
use crate::run::bare_layer::{self, BareLayer};
use crate::run::directory::{LayerState, RunDir};
use crate::run::record::{FILE_NAMES, Layer};
use anyhow::{Context, Result, ensure};
use globset::Glob;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What [`Contents::find`] found.
#[derive(Debug)]
pub enum Contents {
    Run {
        dir: Box<RunDir>,
        layers: Vec<LayerState>,
    },
    Bare(Vec<BareLayer>),
}

impl Contents {
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
        let bare = bare_layer::find(directory)?;
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

    /// Keeps only the layers that one of these names or globs matches. A glob's `*` matches dots too.
    ///
    /// # Errors
    /// A name or glob that means no layer.
    pub fn keep_layers(&mut self, patterns: &[String], directory: &Path) -> Result<()> {
        let names = self.layer_names();
        let mut kept = HashSet::new();
        for pattern in patterns {
            let meant = meant_by(pattern, &names)?;
            ensure!(
                !meant.is_empty(),
                "layer '{pattern}' is not in '{}'; it holds {}",
                directory.display(),
                names.join(", ")
            );
            kept.extend(meant);
        }
        match self {
            Self::Run { layers, .. } => layers.retain(|state| kept.contains(&state.layer.name)),
            Self::Bare(bare) => bare.retain(|bare| kept.contains(&bare.layer)),
        }
        Ok(())
    }

    /// Gives each file of a run the checksums that were kept of it: for whoever reads their rows.
    ///
    /// # Errors
    /// Checksums that cannot be read.
    pub fn read_checksums(&mut self) -> Result<()> {
        match self {
            Self::Run { dir, layers } => dir.read_checksums(layers),
            Self::Bare(_) => Ok(()),
        }
    }

    /// Where the list of file names is, if there is one.
    #[must_use]
    pub fn names_path(&self) -> Option<PathBuf> {
        match self {
            Self::Run { dir, .. } => Some(dir.path.join(FILE_NAMES)),
            Self::Bare(bare) => bare.first().and_then(|bare| bare.names.clone()),
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

/// The layers that a name or a glob means: a name, even one that looks like a glob, means itself.
fn meant_by(pattern: &str, names: &[String]) -> Result<Vec<String>> {
    if names.iter().any(|name| name == pattern) {
        return Ok(vec![pattern.to_owned()]);
    }
    let glob = Glob::new(pattern).map_err(|error| {
        let kind = error.kind();
        anyhow::anyhow!("layer glob '{pattern}' is malformed: {kind}")
    })?;
    let glob = glob.compile_matcher();
    let matched = names.iter().filter(|name| glob.is_match(name));
    Ok(matched.cloned().collect())
}
