//! One file a subcommand. Commands never call each other.

#[cfg(feature = "torch")]
mod extract;

use crate::cli::{Cli, Command};
use anyhow::Result;

/// Runs the subcommand that was typed.
///
/// # Errors
/// Whatever stopped the subcommand, worded for the user.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        #[cfg(feature = "torch")]
        Command::Extract(args) => extract::run(*args),
    }
}
