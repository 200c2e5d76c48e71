//! What the user may type.

#[cfg(feature = "torch")]
pub mod choices;
pub mod complete;
#[cfg(feature = "torch")]
mod config;
#[cfg(feature = "torch")]
pub mod extract;
mod inspect;
mod merge;
#[cfg(feature = "torch")]
mod model;
mod packaging;
mod split;
mod wrong_usage;

pub use inspect::Inspect;
pub use merge::Merge;
#[cfg(feature = "torch")]
pub use model::find_model;
pub use packaging::{Completions, Man, Shell};
pub use split::Split;
pub use wrong_usage::{WrongUsage, wrong_usage};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::CompleteEnv;

/// Activations of any layer of a PyTorch model, for many images, inside a RAM budget.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the activations of a model's layers for images.
    #[cfg(feature = "torch")]
    Extract(Box<extract::Extract>),
    Merge(Merge),
    Split(Split),
    Inspect(Inspect),
    #[command(hide = true)]
    Completions(Completions),
    #[command(hide = true)]
    Man(Man),
}

/// Answers a shell that asks what may follow at the TAB, and ends the process; returns otherwise.
pub fn answer_shell() {
    CompleteEnv::with_factory(Cli::command)
        .var(complete::VARIABLE)
        .complete();
}
