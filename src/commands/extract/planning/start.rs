//! What a run begins with: an empty place, or what its directory holds.

use crate::commands::extract::planning::resume::{self, RunState};
use crate::job::Job;
use crate::rows::layer_folder::LayerFolder;
use crate::rows::row_set::RowSet;
use crate::run::binding::is_bound;
use crate::run::directory::RunDir;
use crate::run::log::Log;
use crate::run::record::Run;
use crate::run::slice::Slice;
use crate::sources::Images;
use anyhow::{Result, ensure};
use std::path::Path;

pub enum Start {
    Empty,
    /// With what an earlier process did.
    Resume(Box<RunState>),
    /// With the removal of another run, as the user asks.
    Overwrite,
    /// With the removal of one that has no row of any image.
    Over,
}

impl Start {
    /// # Errors
    /// A run directory that holds another run, or parts that no `run.toml` explains.
    pub fn find(job: &Job, run: &Run, slice: &Slice, images: &Images) -> Result<Self> {
        if !RunDir::is_at(&job.out) {
            ensure_no_parts(&job.out, run)?;
            return Ok(Self::Empty);
        }
        if job.overwrite {
            return Ok(Self::Overwrite);
        }
        // What is in a shard's way is gone by now: `takeover::make_way`.
        let is_settled = slice.shard.is_some() && !job.dry_run;
        let binds = || is_settled || is_bound(&job.out).unwrap_or(true);
        match resume::read(&job.out, run, slice, images) {
            Ok(held) if !job.out.join(Log::Errors.of_run()).exists() || binds() => {
                Ok(Self::Resume(held.into()))
            }
            Err(error) if binds() => Err(error),
            _ => Ok(Self::Over),
        }
    }

    /// The rows of a slice that each layer of a run lacks.
    pub fn missing(&self, run: &Run, slice: &Slice) -> Vec<RowSet> {
        match self {
            Self::Resume(held) => held.missing.clone(),
            _ => vec![RowSet::from(slice.rows.clone()); run.layers.len()],
        }
    }

    /// The run that goes on.
    pub fn held(&self) -> Option<&Run> {
        match self {
            Self::Resume(held) => Some(&held.run),
            _ => None,
        }
    }

    pub fn removes_run(&self) -> bool {
        matches!(self, Self::Overwrite | Self::Over)
    }
}

/// The line about a run that holds nothing.
pub fn starting_over_line(directory: &Path) -> String {
    let out = directory.display();
    format!("'{out}' held a run with no row of any image; starting over")
}

/// Refuses parts without a `run.toml`: nothing tells which rows they hold.
///
/// # Errors
/// A layer of the run has parts there.
pub fn ensure_no_parts(directory: &Path, run: &Run) -> Result<()> {
    for layer in &run.layers {
        let folder = directory.join(&layer.name);
        ensure!(
            LayerFolder::read(&folder)?.is_empty(),
            "'{}' holds parts of a run without run.toml; choose another --out or remove them",
            folder.display()
        );
    }
    Ok(())
}
