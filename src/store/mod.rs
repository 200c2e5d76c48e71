//! What lies on disk: `.npy` files, parts, the run directory.

pub mod dtype;
mod literal;
pub mod npy;
