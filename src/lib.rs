//! featx: activations of any layer of a TorchScript model, from a folder of images, inside a RAM budget.
//!
//! Data goes one way:
//! `images → decode → batch → model → features → parts → (merge) → features.npy`.

// Both panic where nobody reads; `text::printing` does not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod cli;
pub mod commands;
pub mod export;
#[cfg(feature = "images")]
pub mod images;
#[cfg(feature = "torch")]
mod job;
#[cfg(feature = "torch")]
mod memory;
#[cfg(feature = "torch")]
mod model;
#[cfg(feature = "torch")]
mod pipeline;
pub mod rows;
pub mod run;
#[cfg(feature = "torch")]
mod signals;
#[cfg(feature = "torch")]
mod slurm;
#[cfg(feature = "images")]
pub mod sources;
pub mod text;

#[cfg(feature = "torch")]
#[global_allocator]
static ALLOCATOR: memory::Explained = memory::Explained;

/// To be called first of all, while there is one thread.
pub fn prepare_process() {
    #[cfg(feature = "torch")]
    memory::tame_allocator();
    #[cfg(feature = "torch")]
    model::explain_terminate();
    rows::size_limit::ignore_signal();
}
