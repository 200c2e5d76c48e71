//! A run directory: what was run, which rows are done, which are missing.

use crate::rows::layer_folder::LayerFolder;
use crate::rows::npy::Header;
use crate::rows::part::{MERGED, names_in};
use crate::rows::row_set::RowSet;
use crate::run::checksums::Checksums;
use crate::run::record::{Layer, RUN_FILE, Run};
use crate::run::shard_files::running_shards;
use crate::run::shards::shard_rows;
use crate::text::figures::row_shape;
use anyhow::{Result, ensure};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest time until another machine's file is visible: NFS caches names for a minute.
const LONGEST_LATE: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A directory that holds a `run.toml`.
#[derive(Debug)]
pub struct RunDir {
    pub path: PathBuf,
    pub run: Run,
}

/// How far the shards of a run are.
#[derive(Debug, PartialEq, Eq)]
pub struct ShardStates {
    /// How many have all rows of all layers.
    pub done: u64,
    /// Those that lack a row and seem to be computed at present, ascending.
    pub running: Vec<u64>,
    /// Those that lack a row and that no process computes, ascending.
    pub missing: Vec<u64>,
}

/// How far one layer of a run is.
#[derive(Debug)]
pub struct LayerState {
    pub layer: Layer,
    pub folder: LayerFolder,
    /// Rows in finished files, of those that the run wants.
    pub done: RowSet,
    pub missing: RowSet,
}

impl RunDir {
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        path.join(RUN_FILE).exists()
    }

    /// The run in a directory, if there is one.
    ///
    /// # Errors
    /// A `run.toml` that cannot be read.
    pub fn run_at(path: &Path) -> Result<Option<Run>> {
        Self::is_at(path).then(|| Run::read(path)).transpose()
    }

    /// As [`RunDir::is_at`], of a directory whose lock this process holds. A network's file system may, for
    /// seconds, miss a file that another machine has made, if the name was looked up before; the list of the directory's
    /// names is always asked for again. Waits until what it lists can be opened.
    ///
    /// # Errors
    /// The directory cannot be read; its `run.toml` cannot be opened for [`LONGEST_LATE`].
    pub fn is_listed_at(path: &Path) -> Result<bool> {
        let began = Instant::now();
        while !Self::is_at(path) {
            if names_in(path)?.iter().all(|name| name != RUN_FILE) {
                return Ok(false);
            }
            ensure!(
                began.elapsed() < LONGEST_LATE,
                "'{}' is listed in its directory, but cannot be opened; see whether its filesystem works, and start again",
                path.join(RUN_FILE).display()
            );
            sleep(LOOK_AGAIN);
        }
        Ok(true)
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

    /// How far each layer is. A part under construction, being renamed only when done, is not counted.
    ///
    /// # Errors
    /// A folder cannot be read, or the names of its parts contradict each other.
    pub fn layers(&self) -> Result<Vec<LayerState>> {
        let layers = self.run.layers.iter();
        layers.map(|layer| self.layer(layer)).collect()
    }

    /// As [`RunDir::layers`], of one layer.
    ///
    /// # Errors
    /// As [`RunDir::layers`].
    pub fn layer(&self, layer: &Layer) -> Result<LayerState> {
        self.state(layer, None)
    }

    /// Gives each file of these layers the checksums that were kept of it.
    ///
    /// # Errors
    /// Checksums that cannot be read.
    pub fn read_checksums(&self, layers: &mut [LayerState]) -> Result<()> {
        let kept = Checksums::read(&self.path)?;
        for LayerState { layer, folder, .. } in layers {
            folder.expect(|file| kept.of(&layer.name, file));
        }
        Ok(())
    }

    /// How far each layer is in these rows. Parts without any of them are not opened.
    ///
    /// # Errors
    /// As [`RunDir::layers`].
    pub fn layers_within(&self, rows: &Range<u64>) -> Result<Vec<LayerState>> {
        let layers = self.run.layers.iter();
        layers.map(|layer| self.state(layer, Some(rows))).collect()
    }

    fn state(&self, layer: &Layer, within: Option<&Range<u64>>) -> Result<LayerState> {
        let mut folder = LayerFolder::read_within(&self.layer_path(&layer.name), within)?;
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
        let wanted = within.cloned().unwrap_or(0..self.run.images);
        let done = folder.done().intersection(&wanted.clone().into());
        let missing = done.missing(wanted);
        Ok(LayerState {
            layer: layer.clone(),
            folder,
            done,
            missing,
        })
    }

    /// The rows of one shard.
    #[must_use]
    pub fn shard_rows(&self, shard: u64) -> Range<u64> {
        shard_rows(self.run.images, self.run.batch_size, self.run.shards, shard)
    }

    /// How far the shards are.
    ///
    /// # Errors
    /// A directory or a lock that cannot be read.
    pub fn shards(&self, layers: &[LayerState]) -> Result<ShardStates> {
        let running = running_shards(&self.path)?;
        let lacks = |shard: &u64| {
            let rows = self.shard_rows(*shard);
            layers.iter().any(|layer| !layer.done.covers(&rows))
        };
        let (running, missing): (Vec<u64>, Vec<u64>) = (0..self.run.shards)
            .filter(lacks)
            .partition(|shard| running.binary_search(shard).is_ok());
        let lacking = (running.len() + missing.len()) as u64;
        Ok(ShardStates {
            done: self.run.shards - lacking,
            running,
            missing,
        })
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

/// What is wrong with a file whose rows are not those that the run wants.
fn foreign(found: &Header, wanted: &Layer) -> Option<String> {
    let differs = found.row_shape() != wanted.shape || found.dtype.descr() != wanted.dtype.descr();
    differs.then(|| {
        format!(
            "has row shape {} and dtype {}, but run.toml says {} and {}",
            row_shape(found.row_shape()),
            found.dtype,
            row_shape(&wanted.shape),
            wanted.dtype.descr()
        )
    })
}
