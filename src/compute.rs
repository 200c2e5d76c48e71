//! `featx-compute`: what `featx` becomes where a model is needed (see `featx::libtorch`). Its rooms lie above those of the
//! library: `job` → `commands` → `pipeline` → `model`.

#![deny(clippy::print_stderr, clippy::print_stdout)]
// Clippy's leave for tests ends at their helpers; an unwrap that fails fails the test.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod commands {
    pub mod extract;
    pub mod inspect {
        mod forecast;
        pub mod model;
        mod trial;
    }
}
mod job;
mod model;
mod pipeline;

// The rooms of the library have the same names here.
use featx::{batch, cli, images, memory, rows, run, signals, sources, text};

use clap::Parser;
use cli::{Cli, Command};
use featx::commands::{ended, inspect};
use std::process::ExitCode;

fn main() -> ExitCode {
    featx::prepare_process();
    model::explain_terminate();
    ended(match Cli::parse().command {
        Command::Extract(typed) => commands::extract::run(*typed),
        Command::Inspect(typed) => inspect_model(&typed),
        _ => Err(cli::wrong_usage(
            "featx-compute is started by featx; run featx",
        )),
    })
}

fn inspect_model(typed: &cli::Inspect) -> anyhow::Result<()> {
    let typed = inspect::found_by_name(typed)?;
    if typed.layer_names {
        return commands::inspect::model::print_layer_names(&typed.path);
    }
    let report = commands::inspect::model::report(&typed.path, typed.tree)?;
    inspect::print(typed.json, &report, |report| {
        commands::inspect::model::table(report, typed.tree)
    })
}
