//! A model file, and the layers that it is cut at.

pub mod archive;
pub mod program;
pub mod reasons;
mod record;
pub mod selection;
pub mod selector;
pub mod torchscript;
mod torchvision;

pub use archive::Archive;
pub use selection::{HookTensors, Selection, WantedTensor, tensors_of};
