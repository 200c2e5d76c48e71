//! The layers that a merge is asked for.

use crate::batch::{MAX_ARRAY_SIZE, System, array_expression};
use crate::cli::Merge;
use crate::export::NPY;
use crate::rows::layer_folder::LayerFolder;
use crate::run::bare_layer::BareLayer;
#[cfg(feature = "torch")]
use crate::run::binding::is_bound;
use crate::run::contents::Contents;
use crate::run::directory::{LayerState, RunDir, ShardStates};
use anyhow::{Result, bail, ensure};
use std::path::PathBuf;

/// What a directory holds of what is asked for.
pub struct Selection {
    pub wanted: Vec<WantedLayer>,
    /// The directory of `run.toml`, if there is one.
    pub run: Option<PathBuf>,
    /// `file_names.txt`
    pub names: Option<PathBuf>,
}

/// One layer that is asked for.
pub struct WantedLayer {
    pub layer: String,
    pub folder: LayerFolder,
    pub rows: Option<u64>,
}

/// The layers that are asked for; one where the result takes no more.
///
/// # Errors
/// A layer that is not there, or that a run has not finished: how to finish it.
pub fn find(typed: &Merge, takes_one: bool) -> Result<Selection> {
    let mut contents = Contents::find(&typed.dir)?;
    if !typed.layer.is_empty() {
        contents.keep_layers(&typed.layer, &typed.dir)?;
    }
    contents.read_checksums()?;
    let layers = contents.layer_names();
    if let Some(out) = &typed.out {
        let ending = out.extension().unwrap_or(NPY.as_ref()).display();
        ensure!(
            !takes_one || layers.len() == 1,
            "a file .{ending} takes one layer, and '{}' holds {}: {}; choose one with --layer",
            typed.dir.display(),
            layers.len(),
            layers.join(", ")
        );
    }
    let names = contents.names_path();
    let (wanted, run) = match contents {
        Contents::Run { dir, layers } => (from_run(&dir, layers)?, Some(dir.path)),
        Contents::Bare(bare) => (bare.into_iter().map(from_bare).collect(), None),
    };
    Ok(Selection { wanted, run, names })
}

fn from_bare(bare: BareLayer) -> WantedLayer {
    WantedLayer {
        layer: bare.layer,
        folder: bare.folder,
        rows: bare.rows,
    }
}

fn from_run(dir: &RunDir, layers: Vec<LayerState>) -> Result<Vec<WantedLayer>> {
    for state in &layers {
        if let Some(problem) = state.problems(&dir.run).into_iter().next() {
            bail!("{problem}");
        }
        ensure!(
            state.missing.is_empty(),
            "'{}' lacks rows {} of {}; {}",
            state.folder.path.display(),
            state.missing,
            dir.run.images,
            cure(dir, &layers)?
        );
    }
    #[cfg(feature = "torch")]
    ensure!(
        is_bound(&dir.path)?,
        "'{}' holds no row of any image: none could be read (see its errors.csv); run featx extract again once that is \
         fixed",
        dir.path.display()
    );
    let rows = Some(dir.run.images);
    let wanted = |state: LayerState| WantedLayer {
        layer: state.layer.name,
        folder: state.folder,
        rows,
    };
    Ok(layers.into_iter().map(wanted).collect())
}

fn cure(dir: &RunDir, layers: &[LayerState]) -> Result<String> {
    if dir.run.shards == 1 {
        return Ok("run the same featx extract again to finish them".into());
    }
    let ShardStates {
        running, missing, ..
    } = dir.shards(layers)?;
    let arrays = System::at_hand().resubmission(&missing, dir.run.shards, MAX_ARRAY_SIZE);
    let submit = format!(
        "submit the missing shards again: {}",
        arrays.join(", then ")
    );
    let wait = format!(
        "wait for the shards that run: {}",
        array_expression(&running)
    );
    Ok(match (running.is_empty(), missing.is_empty()) {
        (true, _) => submit,
        (false, true) => wait,
        (false, false) => format!("{wait}; {submit}"),
    })
}
