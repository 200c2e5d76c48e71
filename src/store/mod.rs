//! What lies on disk: `.npy` files, parts, the run directory.

mod copy;
pub mod cutting;
pub mod dtype;
pub mod folder;
pub mod joining;
pub mod moments;
mod naming;
pub mod npy;
pub mod parts;
pub mod removal;
pub mod rows;
pub mod run;
pub mod run_dir;
pub mod shards;
pub mod sources;
pub mod stats;
pub mod unfinished;
