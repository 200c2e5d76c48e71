//! What lies on disk: `.npy` files, parts, the run directory.

pub mod dtype;
pub mod folder;
mod literal;
mod naming;
pub mod npy;
pub mod parts;
pub mod removal;
pub mod rows;
pub mod run;
pub mod run_dir;
pub mod shards;
pub mod unfinished;
