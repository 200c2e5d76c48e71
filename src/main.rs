//! Parse, dispatch, say what failed, exit.

use clap::Parser;
use featx::cli::{Cli, WrongUsage};
use std::process::ExitCode;

fn main() -> ExitCode {
    featx::tame_allocator();
    match featx::commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<WrongUsage>() { 2 } else { 1 })
        }
    }
}
