//! A model file, and the layers that it is cut at.

pub mod archive;
pub mod batch;
pub mod program;
pub mod reasons;
pub mod selection;

pub use archive::Archive;
pub use selection::{HookTensors, Selection, Wanted, tensors_of};
