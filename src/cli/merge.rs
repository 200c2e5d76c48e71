//! The options of `featx merge`.

use crate::cli::complete;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use std::path::PathBuf;

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
