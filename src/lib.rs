//! featx: activations of any layer of a PyTorch model, for many images, inside a RAM budget.
//!
//! Data goes one way:
//! `source → bytes → pixels → batch → model → activation → rows → part → (merge) → features.npy | export`.
//!
//! The rooms, from the user's hand to the disk; docs/architecture.md says which one may use which, and why:
//!
//! - [`cli`]: what a user may type; `job`: that, checked, with every default filled in;
//! - [`commands`]: `extract`, `merge`, `split`, `inspect`; each calls the rooms below, never another command;
//! - [`sources`]: where images come from; [`images`]: bytes → pixels → preprocessed, as Pillow does;
//! - `pipeline`: the threads of an extraction; `memory`: what the job may use, and the sizes that follow;
//! - `model`: the only home of libtorch: `load` and cut a file, `compute` batches, `fast` forms, `reduce` rows;
//! - [`batch`]: which task of a batch system this is;
//! - [`rows`]: files of rows; [`run`]: one run directory; [`export`]: rows in another format;
//! - `report`: the page of a run;
//! - [`text`]: what a person reads.

// Both panic where nobody reads; `text::printing` does not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod batch;
pub mod cli;
pub mod commands;
pub mod export;
#[cfg(feature = "images")]
pub mod images;
#[cfg(feature = "torch")]
pub mod libtorch;
#[cfg(feature = "torch")]
pub mod memory;
#[cfg(feature = "report")]
pub mod report;
pub mod rows;
pub mod run;
#[cfg(feature = "torch")]
pub mod signals;
#[cfg(feature = "images")]
pub mod sources;
pub mod text;

#[cfg(feature = "torch")]
#[global_allocator]
static ALLOCATOR: memory::ExplainingAllocator = memory::ExplainingAllocator;

/// To be called first of all, while there is one thread.
pub fn prepare_process() {
    #[cfg(feature = "torch")]
    memory::tame_allocator();
    rows::size_limit::ignore_signal();
}
