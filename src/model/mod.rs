//! The model room: the only home of libtorch. A model file is loaded, cut at the wanted layers, frozen, and computes
//! activations.

mod compute;
mod fast;
mod ffi;
mod layer_info;
mod load;
mod message;
mod reduce;

pub use compute::{
    Activation, Extractor, ExtractorOptions, Feeder, Input, Layer, Layers, PROBED, Probe, TokensOf,
    Varies, configure_cuda, ensure_threads, explain_terminate, is_native, libtorch_version,
    resolve, set_threads,
};
pub use fast::{Form, FormWish, FormsUsed, install_arena, trim_arena};
pub use layer_info::{LayerInfo, Silence};
pub use load::{Archive, HookTensors, Selection, Wanted, tensors_of};
pub use reduce::{Grid, MOST_OUTPUTS, Project, RECIPE, Reduction};
