//! The model room: the only home of libtorch. A model file is loaded, cut at the wanted layers, frozen, and computes
//! activations.
//!
//! There are two layers. The C++ is below. A folder's C++ includes headers of its own folder, and of those before it:
//! 1. `runtime/`: libtorch itself;
//! 2. `load/` (the cut) and `fast/` (forms, arena), side by side: neither includes the other;
//! 3. `ffi/`: `module.cpp`, a module from file to forward pass.
//!
//! The Rust is above. A folder's Rust calls C++ of its own folder only, and uses Rust of those before it:
//! 1. `runtime/`: libtorch itself;
//! 2. `batch_size`, `form`, `layer_info`: small types;
//! 3. `ffi/`: the C++ module, made safe;
//! 4. `load/`: a model file;
//! 5. `reduce/`: shorter rows;
//! 6. `fast/`: the choice of a faster form;
//! 7. `compute/`: batches, on devices.

mod batch_size;
mod compute;
mod fast;
mod ffi;
mod form;
mod layer_info;
mod load;
mod reduce;
mod runtime;

pub use compute::{
    Activation, Extractor, ExtractorOptions, Feeder, Input, KeptTokens, Layer, Layers, PROBED,
    Probe, Variation, is_native, resolve,
};
pub use fast::{install_arena, trim_arena};
pub use form::{Form, FormWish, FormsUsed};
pub use layer_info::{LayerInfo, Silence};
pub use load::{Archive, HookTensors, Selection, WantedTensor, tensors_of};
pub use reduce::{Grid, MOST_OUTPUTS, Project, RECIPE, Reduction};
pub use runtime::{
    configure_cuda, ensure_threads, explain_terminate, libtorch_version, set_threads,
};
