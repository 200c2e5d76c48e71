//! The options of `featx split`.

use crate::cli::complete;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use std::path::PathBuf;

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
