//! The model room: the only home of libtorch. A TorchScript file is loaded, cut at the wanted layers, frozen, and
//! computes activations.

mod activation;
mod archive;
mod extractor;
mod ffi;
mod selection;

pub use activation::{Activation, Stored, Tokens};
pub use archive::Archive;
pub use extractor::{Extractor, ExtractorOptions, Layer, Layers};
pub use ffi::LayerInfo;
