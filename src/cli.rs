//! What the user may type.

use clap::{Parser, Subcommand};

/// Activations of any layer of a TorchScript model, from a folder of images, inside a RAM budget.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the activations of a model's layers for a folder of images.
    #[cfg(feature = "torch")]
    Extract(Box<extract::ExtractArgs>),
}

#[cfg(feature = "torch")]
pub mod extract;
