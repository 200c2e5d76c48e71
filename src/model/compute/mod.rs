//! Computes activations: what goes into a cut model, what comes out, and on which device.

pub mod activation;
pub mod cuda;
pub mod devices;
pub mod engine;
pub mod extractor;
pub mod feeder;
pub mod precision;
pub mod threads;

pub use activation::{Activation, Stored, Tokens};
pub use cuda::configure_cuda;
pub use devices::{Device, DeviceChoice};
pub use extractor::{Extractor, ExtractorOptions, Layer, Layers};
pub use feeder::{Feeder, Input};
pub use precision::Precision;
pub use threads::{explain_terminate, set_threads};
