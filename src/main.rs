//! Parse, dispatch, say what failed, exit.

#![deny(clippy::print_stderr, clippy::print_stdout)]

use clap::Parser;
use featx::cli::{self, Cli};
use featx::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    featx::prepare_process();
    cli::answer_shell();
    commands::ended(commands::run(Cli::parse()))
}
