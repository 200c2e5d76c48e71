//! The options of `featx completions` and `featx man`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
