//! `featx inspect DIR`: a run, or a folder of parts.

use super::verification::Verification;
use crate::batch::{Submission, System, array_expression, submissions};
use crate::rows::layer_folder::LayerFolder;
use crate::rows::npy::Header;
use crate::rows::row_set::RowSet;
use crate::run::bare_layer::BareLayer;
use crate::run::contents::Contents;
use crate::run::directory::{LayerState, RunDir, ShardStates};
use crate::run::preprocess;
use crate::run::record::Run;
use crate::text::figures::{bytes, count, counted, reduced, row_shape};
use crate::text::table;
use anyhow::Result;
use serde::Serialize;
use std::path::Path;

/// The keys of `--json`.
#[derive(Serialize)]
pub struct Report {
    path: String,
    /// What `run.toml` says; null for a folder without one.
    run: Option<Run>,
    layers: Vec<Layer>,
    /// Null for a run of one shard.
    shards: Option<Shards>,
    /// Null without `--verify`.
    pub verified: Option<Verification>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    /// Of a row; null where nothing tells it yet.
    shape: Option<Vec<u64>>,
    dtype: Option<String>,
    rows_done: u64,
    rows_wanted: u64,
    /// Pairs [start, end).
    missing: Vec<[u64; 2]>,
    parts: u64,
    /// `features.npy` is there.
    merged: bool,
    /// Rows that an interrupted `merge --remove-parts` holds.
    merging: u64,
    /// Of all finished files.
    bytes: u64,
    /// What the matrix that its rows were projected with follows from; null where they were not.
    projection: Option<Projection>,
    problems: Vec<String>,
    #[serde(skip)]
    missing_words: String,
}

/// As `projection_matrix` of the reader for Python takes it.
#[derive(Serialize)]
struct Projection {
    layer: String,
    /// Numbers of a row before.
    #[serde(rename = "D")]
    inputs: u64,
    #[serde(rename = "N")]
    outputs: u64,
    seed: u64,
    recipe: u32,
}

impl Projection {
    fn of(layer: &crate::run::record::Layer, run: &Run) -> Option<Self> {
        let project = run.project.as_ref()?;
        Some(Self {
            layer: layer.name.clone(),
            inputs: layer.projected_from?,
            outputs: project.outputs,
            seed: project.seed,
            recipe: project.recipe,
        })
    }
}

#[derive(Serialize)]
struct Shards {
    count: u64,
    done: u64,
    /// Being computed, by their locks.
    running: Vec<u64>,
    missing: Vec<u64>,
    /// The missing ones for `sbatch --array=`, whatever `MaxArraySize`; empty when nothing is missing.
    array: String,
    /// The same, as arrays that Slurm takes.
    submit: Vec<Submission>,
    /// What to submit, in the words of this batch system.
    system: &'static str,
    resubmit: Vec<String>,
}

/// Reads names and headers alone. Arrays to submit have no index as large as `max_array_size`.
///
/// # Errors
/// There is nothing of ours, or it contradicts itself.
pub fn report(
    path: &Path,
    contents: &Contents,
    max_array_size: u64,
    verified: Option<Verification>,
) -> Result<Report> {
    let (run, layers, shards) = match contents {
        Contents::Bare(bare) => (None, bare.iter().map(bare_layer).collect(), None),
        Contents::Run { dir, layers } => {
            let sharded = dir.run.shards > 1;
            let shards = sharded.then(|| shards(dir, layers, max_array_size));
            let layers = layers
                .iter()
                .map(|state| run_layer(state, &dir.run))
                .collect();
            (Some(dir.run.clone()), layers, shards.transpose()?)
        }
    };
    let path = path.display().to_string();
    Ok(Report {
        path,
        run,
        layers,
        shards,
        verified,
    })
}

fn shards(dir: &RunDir, layers: &[LayerState], max_array_size: u64) -> Result<Shards> {
    let ShardStates {
        done,
        running,
        missing,
    } = dir.shards(layers)?;
    let count = dir.run.shards;
    let system = System::at_hand();
    Ok(Shards {
        count,
        done,
        running,
        array: array_expression(&missing),
        submit: submissions(&missing, count, max_array_size),
        system: system.name,
        resubmit: system.resubmission(&missing, count, max_array_size),
        missing,
    })
}

fn run_layer(state: &LayerState, run: &Run) -> Layer {
    let mut layer = layer(
        &state.layer.name,
        &state.folder,
        &state.done,
        &state.missing,
    );
    layer.shape = Some(state.layer.shape.clone());
    layer.dtype = Some(state.layer.dtype.descr().to_owned());
    layer.projection = Projection::of(&state.layer, run);
    layer.problems = problems(state.problems(run), &state.folder);
    layer
}

fn bare_layer(bare: &BareLayer) -> Layer {
    let done = bare.folder.done();
    let end = done.ranges().last().map_or(0, |last| last.end);
    let missing = done.missing(0..bare.rows.unwrap_or(end));
    layer(&bare.layer, &bare.folder, &done, &missing)
}

fn layer(name: &str, folder: &LayerFolder, done: &RowSet, missing: &RowSet) -> Layer {
    let joined = [&folder.merged, &folder.merging].into_iter().flatten();
    let headers = || {
        folder
            .parts
            .iter()
            .map(|part| &part.header)
            .chain(joined.clone())
    };
    Layer {
        name: name.into(),
        shape: headers().next().map(|header| header.row_shape().to_vec()),
        dtype: headers().next().map(|header| header.dtype.to_string()),
        rows_done: done.len(),
        rows_wanted: done.len() + missing.len(),
        missing: missing
            .ranges()
            .iter()
            .map(|range| [range.start, range.end])
            .collect(),
        parts: folder.parts.len() as u64,
        merged: folder.merged.is_some(),
        merging: folder
            .merging
            .as_ref()
            .and_then(Header::rows)
            .unwrap_or_default(),
        bytes: headers()
            .map(|header| header.data_offset + header.data_bytes())
            .sum(),
        projection: None,
        problems: problems(folder.problems(), folder),
        missing_words: missing.to_string(),
    }
}

/// Those of a folder's files, and of what they were merged into.
pub fn problems(mut found: Vec<String>, folder: &LayerFolder) -> Vec<String> {
    found.extend(folder.broken_result.clone());
    found
}

pub fn table(report: &Report) -> String {
    let mut text = match &report.run {
        None => format!("{}: no run.toml\n", report.path),
        Some(run) => table::pairs(&report.path, &run_words(run)),
    };
    let heads = [
        "layer",
        "row",
        "dtype",
        "rows done",
        "files",
        "size",
        "missing rows",
    ];
    let mut rows = vec![heads.map(String::from).to_vec()];
    rows.extend(report.layers.iter().map(layer_words));
    text += &format!("\n{}", table::columns(&rows));
    for problem in report.layers.iter().flat_map(|layer| &layer.problems) {
        text += &format!("\nproblem: {problem}\n");
    }
    if let Some(verified) = &report.verified {
        text += &format!("\n{}", verified.words());
    }
    if let Some(shards) = &report.shards {
        text += &format!("\n{}", shard_words(shards));
    }
    text
}

/// A line a layer, as [`table`] has it.
#[cfg(feature = "report")]
pub fn layer_lines(report: &Report) -> Vec<Vec<String>> {
    report.layers.iter().map(layer_words).collect()
}

/// How far the shards are, as [`table`] has it.
#[cfg(feature = "report")]
pub fn shard_lines(report: &Report) -> Vec<String> {
    let words = report.shards.as_ref().map(shard_words).unwrap_or_default();
    words.lines().map(String::from).collect()
}

/// What `--verify` found, where it was asked for.
#[cfg(feature = "report")]
pub fn verified_words(report: &Report) -> Option<String> {
    report.verified.as_ref().map(|verified| verified.words())
}

/// Whether `--verify` found a file that differs.
#[cfg(feature = "report")]
pub fn is_damaged(report: &Report) -> bool {
    report
        .verified
        .as_ref()
        .is_some_and(|verified| !verified.is_whole())
}

fn shard_words(shards: &Shards) -> String {
    let mut text = format!(
        "shards: {} of {} done\n",
        count(shards.done),
        count(shards.count)
    );
    if !shards.running.is_empty() {
        text += &format!("running: {}\n", array_expression(&shards.running));
    }
    for submission in &shards.resubmit {
        text += &format!("missing: {submission}\n");
    }
    text
}

fn layer_words(layer: &Layer) -> Vec<String> {
    let share = match layer.rows_wanted {
        0 => 100.0,
        // Rounded down: nothing is 100 % done while a row is missing.
        wanted => (layer.rows_done as f64 / wanted as f64 * 1000.0).floor() / 10.0,
    };
    let mut files = Vec::new();
    if layer.merged {
        files.push("merged".into());
    }
    if layer.merging > 0 {
        files.push("merge interrupted".into());
    }
    if layer.parts > 0 || files.is_empty() {
        files.push(counted(layer.parts, "part"));
    }
    vec![
        layer.name.clone(),
        layer
            .shape
            .as_ref()
            .map_or("?".into(), |shape| row_shape(shape)),
        layer.dtype.clone().unwrap_or("?".into()),
        format!(
            "{} of {} ({share:.1} %)",
            count(layer.rows_done),
            count(layer.rows_wanted)
        ),
        files.join(", "),
        bytes(layer.bytes),
        if layer.missing.is_empty() {
            "none".into()
        } else {
            layer.missing_words.clone()
        },
    ]
}

fn reduction_words(run: &Run) -> Vec<(&'static str, String)> {
    let pool = run.pool.clone().map(|pool| ("pool", pool));
    let project = run.project.as_ref().map(|project| {
        let (numbers, seed) = (counted(project.outputs, "number"), project.seed);
        ("project", format!("to {numbers}, seed {seed}"))
    });
    let saved = run.unreduced_row_bytes().map(|whole| {
        let text = reduced(run.row_bytes(), Some(whole));
        let saved = whole.saturating_sub(run.row_bytes()) * run.images;
        ("a row", format!("{text}; saves {}", bytes(saved)))
    });
    [pool, project, saved].into_iter().flatten().collect()
}

pub fn run_words(run: &Run) -> Vec<(&'static str, String)> {
    let fingerprint: String = run.model.fingerprint.chars().take(12).collect();
    let mut words = vec![
        (
            "model",
            format!("{} (fingerprint {fingerprint})", run.model.file),
        ),
        (
            "images",
            format!("{} in batches of {}", count(run.images), run.batch_size),
        ),
        (
            "precision",
            format!("{}, stored as {}", run.precision, run.dtype),
        ),
        ("preprocess", preprocess::words(&run.preprocess)),
        ("featx", run.featx.clone()),
    ];
    if run.flatten {
        words.push(("flatten", "yes".into()));
    }
    if let Some(tokens) = &run.tokens {
        words.push(("tokens", tokens.clone()));
    }
    words.extend(reduction_words(run));
    words
}
