//! One file a subcommand. Commands never call each other.

#[cfg(feature = "torch")]
mod extract;
mod inspect;
mod merge;
mod split;

use crate::cli::{Cli, Command};
use anyhow::Result;

/// Runs the subcommand that was typed.
///
/// # Errors
/// Whatever stopped the subcommand, worded for the user.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        #[cfg(feature = "torch")]
        Command::Extract(typed) => extract::run(*typed),
        Command::Merge(typed) => merge::run(&typed),
        Command::Split(typed) => split::run(&typed),
        Command::Inspect(typed) => inspect::run(&typed),
    }
}
