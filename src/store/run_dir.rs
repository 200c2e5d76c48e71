//! A run directory: what was run, which rows are done, which are missing.

use super::folder::Folder;
use super::npy::Header;
use super::parts::MERGED;
use super::rows::RowSet;
use super::run::{Layer, RUN_FILE, Run};
use super::shards::shard_rows;
use crate::figures::row_shape;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// A directory that holds a `run.toml`.
#[derive(Debug)]
pub struct RunDir {
    pub path: PathBuf,
    pub run: Run,
}

/// How far one layer of a run is.
#[derive(Debug)]
pub struct LayerState {
    pub layer: Layer,
    pub folder: Folder,
    /// Rows in finished files, of those that the run wants.
    pub done: RowSet,
    pub missing: RowSet,
}

impl RunDir {
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        path.join(RUN_FILE).exists()
    }

    /// # Errors
    /// As [`Run::read`].
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.into(),
            run: Run::read(path)?,
        })
    }

    /// The folder of a layer.
    #[must_use]
    pub fn layer_path(&self, layer: &str) -> PathBuf {
        self.path.join(layer)
    }

    /// How far each layer is. A part in the making, being renamed only when done, is not counted.
    ///
    /// # Errors
    /// A folder cannot be read, or the names of its parts contradict each other.
    pub fn layers(&self) -> Result<Vec<LayerState>> {
        self.run
            .layers
            .iter()
            .map(|layer| self.layer(layer))
            .collect()
    }

    /// As [`RunDir::layers`], of one layer.
    ///
    /// # Errors
    /// As [`RunDir::layers`].
    pub fn layer(&self, layer: &Layer) -> Result<LayerState> {
        let mut folder = Folder::read(&self.layer_path(&layer.name))?;
        if let Some(problem) = folder
            .merged
            .as_ref()
            .and_then(|merged| foreign(merged, layer))
        {
            folder.broken_result = Some(format!(
                "'{}' {problem}",
                folder.path.join(MERGED).display()
            ));
            folder.merged = None;
        }
        let all = RowSet::from(0..self.run.images);
        let done = folder.done().intersection(&all);
        let missing = done.missing(0..self.run.images);
        Ok(LayerState {
            layer: layer.clone(),
            folder,
            done,
            missing,
        })
    }

    /// The rows of one shard.
    #[must_use]
    pub fn shard_rows(&self, shard: u64) -> std::ops::Range<u64> {
        shard_rows(self.run.images, self.run.batch_size, self.run.shards, shard)
    }

    /// The shards of which a row is missing in some layer, ascending.
    #[must_use]
    pub fn missing_shards(&self, layers: &[LayerState]) -> Vec<u64> {
        let lacks = |shard: &u64| {
            let rows = self.shard_rows(*shard);
            layers.iter().any(|layer| !layer.done.covers(&rows))
        };
        (0..self.run.shards).filter(lacks).collect()
    }
}

impl LayerState {
    /// What is wrong with the layer's parts, one line each.
    #[must_use]
    pub fn problems(&self, run: &Run) -> Vec<String> {
        let mut problems = self.folder.problems();
        problems.extend(self.folder.parts.first().and_then(|part| {
            let problem = foreign(&part.header, &self.layer)?;
            Some(format!("'{}' {problem}", part.path.display()))
        }));
        problems.extend(self.folder.parts.last().and_then(|part| {
            (part.rows.end > run.images).then(|| {
                format!(
                    "'{}' ends at row {}, but run.toml says that there are {}",
                    part.path.display(),
                    part.rows.end,
                    run.images
                )
            })
        }));
        problems
    }
}

/// What is said of a file whose rows are not those that the run wants.
fn foreign(found: &Header, wanted: &Layer) -> Option<String> {
    let differs = found.row_shape() != wanted.shape || found.dtype.descr() != wanted.dtype;
    differs.then(|| {
        format!(
            "has row shape {} and dtype {}, but run.toml says {} and {}",
            row_shape(found.row_shape()),
            found.dtype,
            row_shape(&wanted.shape),
            wanted.dtype
        )
    })
}
