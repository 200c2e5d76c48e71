//! What lies on disk: `.npy` files, parts, the run directory.

#[cfg(feature = "torch")]
pub mod bus_error;
mod copy;
pub mod cutting;
#[cfg(feature = "torch")]
pub mod discard;
pub mod dtype;
#[cfg(feature = "torch")]
pub mod errors;
pub mod folder;
pub mod holder;
pub mod joining;
#[cfg(feature = "torch")]
pub mod journal;
#[cfg(feature = "torch")]
pub mod lock;
#[cfg(feature = "torch")]
mod lock_file;
pub mod moments;
mod naming;
pub mod npy;
#[cfg(feature = "torch")]
pub mod part_writer;
pub mod parts;
pub mod portion;
pub mod removal;
pub mod rows;
pub mod run;
pub mod run_dir;
#[cfg(feature = "torch")]
pub mod run_writer;
pub mod shard_errors;
pub mod shards;
pub mod sources;
pub mod stats;
pub mod unfinished;
