//! What the user may type.

#[cfg(feature = "torch")]
pub mod choices;
pub mod complete;
#[cfg(feature = "torch")]
mod config;
#[cfg(feature = "torch")]
pub mod extract;
#[cfg(feature = "torch")]
mod model;

#[cfg(feature = "torch")]
pub use model::find_model;

use crate::batch::MAX_ARRAY_SIZE;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use std::path::PathBuf;

/// Activations of any layer of a PyTorch model, for many images, inside a RAM budget.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the activations of a model's layers for images.
    #[cfg(feature = "torch")]
    Extract(Box<extract::Extract>),
    Merge(Merge),
    Split(Split),
    Inspect(Inspect),
    #[command(hide = true)]
    Completions(Completions),
    #[command(hide = true)]
    Man(Man),
}

/// Print the completions of a shell, for packagers.
///
/// The wheel has them where shells look. Otherwise: source <(featx completions bash)
#[derive(Debug, Args)]
pub struct Completions {
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Print the manual page of featx, or write those of all its commands, for packagers.
#[derive(Debug, Args)]
pub struct Man {
    /// Where featx.1, featx-extract.1 and the others go [default: featx.1 on stdout]
    pub dir: Option<PathBuf>,
}

/// Join the parts of each layer into one file, DIR/<layer>/features.npy, or export them, in constant memory.
///
/// Also takes one layer's folder, a directory that thingsvision wrote, and one that `featx split` wrote. Everything is
/// checked before the first byte is written, and the result takes its name only when every byte of it is on disk.
#[derive(Debug, Args)]
pub struct Merge {
    /// A run directory, or a folder of parts
    pub dir: PathBuf,
    /// These layers alone; repeatable, comma-separated, globs [default: all layers]
    #[arg(long, value_name = "NAME|GLOB", value_delimiter = ',', add = ArgValueCompleter::new(complete::merged_layers))]
    pub layer: Vec<String>,
    /// Where the result goes, in the format that its ending says [default: features.npy beside the parts]
    ///
    /// .h5, .hdf5, .mat (MATLAB 7.3), .parquet, .safetensors and .pt (PyTorch) take several layers; .npy, .csv and .tsv
    /// take one. All but .npy hold the file names too.
    #[arg(long, value_name = "FILE", add = ArgValueCompleter::new(complete::merged_file))]
    pub out: Option<PathBuf>,
    /// Remove each part once its rows are safe in the result, an .npy file
    ///
    /// Needs space for the largest part, not for a second copy. Interrupted at any instant, no row is lost: the same
    /// command goes on.
    #[arg(long)]
    pub remove_parts: bool,
    /// Replace a result that exists
    #[arg(long)]
    pub overwrite: bool,
    /// No progress
    #[arg(long)]
    pub quiet: bool,
}

/// Cut an array into files whose rows differ by at most one in number.
///
/// `featx merge` on the directory gives the file back, byte for byte.
#[derive(Debug, Args)]
pub struct Split {
    /// The array
    #[arg(add = ArgValueCompleter::new(complete::npy_files))]
    pub file: PathBuf,
    /// Into how many files [default: 10, or as many as there are rows]
    #[arg(long, value_name = "N", conflicts_with = "rows", value_parser = clap::value_parser!(u64).range(1..))]
    pub parts: Option<u64>,
    /// Rows a file; the last may have fewer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rows: Option<u64>,
    /// A file for each first folder of the rows' names, with those names: train.npy and train.txt, test.npy and test.txt
    ///
    /// The names are those of file_names.txt, beside FILE or in the folder above: that of the run.
    #[arg(long, conflicts_with_all = ["parts", "rows"])]
    pub by_folder: bool,
    /// Where the files go [default: a directory beside FILE, named as FILE without .npy]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace files that the directory holds
    #[arg(long)]
    pub overwrite: bool,
    /// No progress
    #[arg(long)]
    pub quiet: bool,
}

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
    /// Read every file of a run, and hold it against the checksum that was kept when it was written
    ///
    /// A file that differs is renamed to NAME.broken: its rows are missing then, and the same `featx extract` computes
    /// them again.
    #[arg(long)]
    pub verify: bool,
    /// Write a page that shows a run: what is done, memory and pace, what the rows of each layer are like, and some images
    ///
    /// One file of HTML that needs no network. Of a run that goes on, it shows what is done.
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

/// The command line asks for something that cannot be meant; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);
