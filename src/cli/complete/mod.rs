//! What a shell offers at a TAB: names of layers and models, and files of the kinds that an option takes.
//!
//! The shell starts `featx` with `FEATX_COMPLETE` set and the command line after `--`; clap's engine finds the option, and asks
//! here for its values. Whatever goes wrong, nothing is offered: a message would land in the middle of the line.

mod files;
mod line;
mod merged;
#[cfg(feature = "torch")]
mod models;

pub use files::{npy_files, toml_files};
pub use line::VARIABLE;
pub use merged::{merged_file, merged_layers};
#[cfg(feature = "torch")]
pub use models::{inspected, layers, models};
