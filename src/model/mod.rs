//! The model room: the only home of libtorch. A model file is loaded, cut at the wanted layers, frozen, and computes
//! activations.
//!
//! In order, each uses only those before it:
//! 1. `runtime/`: libtorch itself;
//! 2. `batch_size`, `form`, `layer_info`: small types;
//! 3. `ffi`: a C++ module, made safe;
//! 4. `load/`: a model file, and the cut;
//! 5. `reduce/`: shorter rows;
//! 6. `fast/`: the choice of a faster form;
//! 7. `compute/`: batches, on devices.
//!
//! The C++ files of these rooms include each other in the same order. What `ffi` declares, and the last step of
//! `load/program/builder`, is `compute/module.cpp`, which stands on all of them.

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
