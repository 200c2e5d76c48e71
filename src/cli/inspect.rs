//! The options of `featx inspect`.

use crate::batch::MAX_ARRAY_SIZE;
#[cfg(feature = "torch")]
use crate::cli::complete;
use clap::Args;
#[cfg(feature = "torch")]
use clap_complete::engine::ArgValueCompleter;
use std::path::PathBuf;

/// Show what an array, a run directory or a model holds.
///
/// An array: shape, dtype, size, order, and, of its finite values, minimum, maximum, mean and standard deviation, in
/// bounded memory. A run directory: what was run, rows done and missing. A model: its layers.
#[derive(Debug, Clone, Args)]
pub struct Inspect {
    /// An .npy file, a run directory or a folder of parts, or a model (.pt, .pt2, or a preset's name)
    #[cfg_attr(feature = "torch", arg(add = ArgValueCompleter::new(complete::inspected)))]
    pub path: PathBuf,
    /// The names of a model's layers alone, a line each: for completion
    #[arg(long, hide = true)]
    pub layer_names: bool,
    /// The layers of a model as a tree: modules nested
    #[arg(long)]
    pub tree: bool,
    /// Read every file of a run, and compare it with the checksum that was kept when it was written
    ///
    /// A file that differs is renamed to NAME.broken. Its rows are then missing; the same `featx extract` computes them
    /// again.
    #[arg(long)]
    pub verify: bool,
    /// Write a page about a run: what is done, memory and pace, statistics of each layer's rows, and some images
    ///
    /// One file of HTML that needs no network. While the run still goes on, it shows what is done so far.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Where the run's images are, for --report: a folder, or archives [default: where the run found them]
    #[arg(long, value_name = "DIR", requires = "report")]
    pub images: Vec<PathBuf>,
    /// Replace a report that is there
    #[arg(long, requires = "report")]
    pub overwrite: bool,
    /// One JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Your Slurm's MaxArraySize (scontrol show config): missing shards are printed as arrays below it
    #[arg(long, value_name = "N", default_value_t = MAX_ARRAY_SIZE, value_parser = clap::value_parser!(u64).range(2..))]
    pub max_array_size: u64,
    /// No progress
    #[arg(long)]
    pub quiet: bool,
}
