//! Parse, dispatch, say what failed, exit.

use clap::Parser;
use featx::cli::Cli;
use featx::commands::{exit_code, is_error};
use std::process::ExitCode;

fn main() -> ExitCode {
    featx::tame_allocator();
    match featx::commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let prefix = if is_error(&error) { "error: " } else { "" };
            eprintln!("{prefix}{error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}
