//! Tensors of a model that are wanted, and layers that have none.

use crate::model::layer_info::{Capture, LayerInfo, Silence};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `[outputs]` of a model's TOML: for each traced layer of several tensors, the one that a forward hook sees first.
pub type HookTensors = BTreeMap<String, HookTensor>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum HookTensor {
    /// Its number in the trace.
    Number(usize),
    /// `false`: the trace does not have it, because nothing uses it.
    InTrace(bool),
}

/// Tensors to capture, in the order in which they were asked for, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub wanted: Vec<WantedTensor>,
    /// Layers that a glob matched but that have no activation, and why.
    pub silent: Vec<(Silence, String)>,
    /// Traced layers of several tensors that a glob matched. The file does not say which tensor a hook sees first.
    pub unordered: Vec<String>,
    /// Traced layers that a glob matched, and whose only tensor in the trace may not be the one that a hook sees.
    pub doubtful: Vec<String>,
    /// Index of the first layer that is unordered or doubtful and was asked for by its plain name. That is refused.
    pub refused: Option<usize>,
    /// Layers whose first tensor is not in the trace, as the model's TOML says.
    pub not_in_trace: Vec<String>,
}

impl Selection {
    /// The layers that have no activation for this reason.
    pub fn silent_for(&self, silence: Silence) -> Vec<String> {
        let silent = self.silent.iter().filter(|(why, _)| *why == silence);
        silent.map(|(_, name)| name.clone()).collect()
    }
}

/// A layer's tensor that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTensor {
    /// As it is stored: `stage2`, `stage2#1`.
    pub name: String,
    pub capture: Capture,
    /// Asked for by its name: it must have rows. A tensor that only a glob matched may have none.
    pub by_name: bool,
}

/// What a layer's tensor is called, and its folder.
pub(super) fn stored_name(layer: &str, choice: &str) -> String {
    match choice {
        "" => layer.to_owned(),
        _ => format!("{layer}#{choice}"),
    }
}

/// `'stage2#0'`, ….
pub fn tensor_names(layer: &LayerInfo) -> Vec<String> {
    let name = |tensor: &String| format!("'{}'", stored_name(&layer.name, tensor));
    layer.tensors.iter().map(name).collect()
}

/// All that a layer gives, each tensor under its own name.
pub fn tensors_of(layer: &LayerInfo) -> Vec<WantedTensor> {
    let tensor = |choice: &String| WantedTensor {
        name: stored_name(&layer.name, choice),
        capture: Capture {
            layer: layer.name.clone(),
            choice: choice.clone(),
        },
        by_name: false,
    };
    layer.tensors.iter().map(tensor).collect()
}
