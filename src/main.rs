//! Parse, dispatch, say what failed, exit.

#![deny(clippy::print_stderr, clippy::print_stdout)]

use clap::Parser;
use featx::cli::Cli;
use featx::commands::{exit_code, words};
use featx::text::printing::say;
use std::process::ExitCode;

fn main() -> ExitCode {
    featx::prepare_process();
    match featx::commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(words(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}
