//! The model room: the only home of libtorch. A TorchScript file is loaded, cut at the wanted layers, frozen, and
//! computes activations.

mod activation;
mod archive;
mod arena;
mod cuda;
mod devices;
mod engine;
mod extractor;
mod feeder;
mod ffi;
mod precision;
mod selection;
mod threads;
mod trial;

pub use activation::{Activation, Stored, Tokens};
pub use archive::Archive;
pub use arena::{install_arena, trim_arena};
pub use cuda::configure_cuda;
pub use devices::{Device, DeviceChoice};
pub use extractor::{Extractor, ExtractorOptions, Layer, Layers};
pub use feeder::{Feeder, Input};
pub use ffi::LayerInfo;
pub use precision::Precision;
pub use threads::set_threads;
