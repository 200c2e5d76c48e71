//! One file a subcommand. Commands never call each other.

use crate::cli::Cli;
use anyhow::Result;

/// Runs the subcommand that was typed.
///
/// # Errors
/// Whatever stopped the subcommand, worded for the user.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {}
}
