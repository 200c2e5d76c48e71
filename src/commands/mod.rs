//! One file a subcommand. Commands never call each other.

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
        Command::Merge(typed) => merge::run(&typed),
        Command::Split(typed) => split::run(&typed),
        Command::Inspect(typed) => inspect::run(&typed),
    }
}
