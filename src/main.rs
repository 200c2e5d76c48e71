//! Parse, dispatch, say what failed, exit.

#![deny(clippy::print_stderr, clippy::print_stdout)]

use clap::Parser;
use featx::cli::Cli;
use featx::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    featx::prepare_process();
    commands::ended(commands::run(Cli::parse()))
}
