//! What only makes a model faster: other forms of its graph, which prove themselves before a row comes from them, and an
//! arena for its tensors.

pub mod arena;
pub mod deviation;
pub mod trial;

pub use arena::{install_arena, trim_arena};
