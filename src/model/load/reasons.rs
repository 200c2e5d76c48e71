//! Why a layer is refused, and which one may have been meant.

use crate::model::layer_info::{LayerInfo, Silence};
use crate::text::shell;
use std::cmp::Reverse;
use std::fmt;
use std::path::Path;

/// A model in messages: its file's name; with `{:#}` its path, as a shell takes it.
#[derive(Debug, Clone)]
pub struct ModelName {
    file: String,
    path: String,
}

impl ModelName {
    pub fn new(path: &Path) -> Self {
        let file = path.file_name().unwrap_or(path.as_os_str());
        Self {
            file: file.to_string_lossy().into_owned(),
            path: shell::word(path),
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(if f.alternate() {
            &self.path
        } else {
            &self.file
        })
    }
}

/// The two layer names that a typing error most likely meant: fewest edits first, then the longest common start.
pub(super) fn nearest(name: &str, layers: &[LayerInfo]) -> String {
    let mut names: Vec<(usize, &str)> = layers
        .iter()
        .enumerate()
        .map(|(index, layer)| (index, layer.name.as_str()))
        .collect();
    names.sort_by_cached_key(|&(index, candidate)| {
        let common = name
            .bytes()
            .zip(candidate.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        (
            strsim::levenshtein(&name.to_lowercase(), &candidate.to_lowercase()),
            strsim::levenshtein(name, candidate),
            Reverse(common),
            Reverse(index),
        )
    });
    let two: Vec<String> = names
        .iter()
        .take(2)
        .map(|(_, name)| format!("'{name}'"))
        .collect();
    two.join(", ")
}

/// Why a layer has no activation, and a layer near it that has one.
pub(super) fn why_never_called(index: usize, layers: &[LayerInfo], model: &ModelName) -> String {
    let layer = &layers[index];
    let name = &layer.name;
    let called = |other: &&LayerInfo| other.calls > 0;
    let is_ancestor = |other: &LayerInfo| {
        name.strip_prefix(&other.name)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let parent = layers[..index]
        .iter()
        .rev()
        .filter(called)
        .find(|other| is_ancestor(other));
    let before = layers[..index].iter().rev().find(called);
    let (reason, neighbour) = if layer.no_trace {
        (
            "left no trace when the model was traced (it did nothing there, or nothing uses what it gave)",
            before.or(parent),
        )
    } else if layer.silence == Some(Silence::NoOperation) {
        (
            "left no operation in the program (it gives back its input, or is never called)",
            before.or(parent),
        )
    } else if layer.silence == Some(Silence::Unused) {
        ("gives nothing that the program uses", before.or(parent))
    } else if layer.silence == Some(Silence::NoTensor) {
        ("gives no tensor", before.or(parent))
    } else if layer.weights_used {
        (
            "is never called: its parent uses its weights directly",
            parent.or(before),
        )
    } else {
        (
            "is never called by the model's forward in eval mode",
            parent.or(before),
        )
    };
    let cure = neighbour.map_or(String::new(), |other| {
        format!("; a layer near it: '{}'", other.name)
    });
    format!("layer '{name}' of '{model}' {reason}{cure} (see: featx inspect {model:#})")
}
