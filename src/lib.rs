//! featx: activations of any layer of a TorchScript model, from a folder of images, inside a RAM budget.
//!
//! Data goes one way:
//! `images → decode → batch → model → features → parts → (merge) → features.npy`.

pub mod cli;
pub mod commands;
pub mod figures;
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
mod printing;
pub mod progress;
#[cfg(feature = "torch")]
mod signals;
#[cfg(feature = "torch")]
mod slurm;
pub mod store;
pub mod table;
mod toml_file;

/// To be called first of all, while there is one thread.
pub fn tame_allocator() {
    #[cfg(feature = "torch")]
    memory::tame_allocator();
}
