//! Computes activations: the inputs of a cut model, its outputs, and its devices.

pub mod activation;
pub mod devices;
pub mod engine;
pub mod extractor;
pub mod extractor_options;
pub mod feeder;
mod input_error;
pub mod kept_tokens;
pub mod layer;
pub mod layers;
pub mod precision;
pub mod probe;
pub mod variation;

pub use activation::Activation;
pub use devices::resolve;
pub use extractor::Extractor;
pub use extractor_options::ExtractorOptions;
pub use feeder::{Feeder, Input};
pub use kept_tokens::KeptTokens;
pub use layer::Layer;
pub use layers::Layers;
pub use precision::is_native;
pub use probe::{PROBED, Probe};
pub use variation::Variation;
