//! What the run will write, and how much of it the directory holds already.

pub mod description;
pub mod outline;
pub mod plan;
pub mod resume;
pub mod segments;
pub mod start;
