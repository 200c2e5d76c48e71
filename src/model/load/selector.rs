//! From what the user typed after `--layer` to tensors of the model.

use crate::model::layer_info::{Capture, LayerInfo};
use crate::model::load::reasons::{ModelName, nearest, why_never_called};
use crate::model::load::selection::{
    HookTensor, HookTensors, Selection, WantedTensor, stored_name, tensor_names,
};
use anyhow::{Result, bail, ensure};
use globset::{Glob, GlobMatcher};

/// The model's own output, as the user types it.
const MODEL_ITSELF: &str = ".";

/// Resolves names and globs against the layers of `model` (its file, for messages). `hooks`: which tensor of a traced
/// layer is the first.
///
/// A glob's `*` matches dots too: `'*'` is every layer. `NAME#1` and `NAME#key` are other tensors than the first, and
/// `.` is the model itself.
///
/// # Errors
/// A model without layers, a name that is no layer (with the nearest names), a layer that is never called (with the
/// reason), a tensor that it does not have, a glob that is malformed or matches nothing.
pub fn select(
    patterns: &[String],
    layers: &[LayerInfo],
    hooks: &HookTensors,
    model: &ModelName,
) -> Result<Selection> {
    let mut selector = Selector {
        layers,
        hooks,
        model,
        selection: Selection::default(),
    };
    for pattern in patterns {
        let (layer, choice) = selector.split(pattern);
        ensure!(
            !layers.is_empty() || layer == MODEL_ITSELF,
            "'{model}' has no layers: it was frozen, or is a single module; export it unfrozen, or take its own output with --layer ."
        );
        if layer == MODEL_ITSELF {
            selector.want_model_itself(choice);
        } else if layer.contains(['*', '?', '[', '{']) {
            selector.by_glob(pattern, layer, choice)?;
        } else {
            selector.by_name(layer, choice)?;
        }
    }
    Ok(selector.selection)
}

struct Selector<'a> {
    layers: &'a [LayerInfo],
    hooks: &'a HookTensors,
    model: &'a ModelName,
    selection: Selection,
}

impl Selector<'_> {
    /// A layer or glob, and what comes after `#`; empty for the first tensor.
    fn split<'p>(&self, pattern: &'p str) -> (&'p str, &'p str) {
        match pattern.rsplit_once('#') {
            Some((layer, choice)) if self.layers.iter().all(|info| info.name != pattern) => {
                (layer, choice)
            }
            _ => (pattern, ""),
        }
    }

    fn want(&mut self, name: String, layer: &str, choice: &str, by_name: bool) {
        let wanted = &mut self.selection.wanted;
        match wanted.iter_mut().find(|wanted| wanted.name == name) {
            Some(wanted) => wanted.by_name |= by_name,
            None => wanted.push(WantedTensor {
                name,
                capture: Capture {
                    layer: layer.to_owned(),
                    choice: choice.to_owned(),
                },
                by_name,
            }),
        }
    }

    /// As `output`, since `.` is no name of a folder.
    fn want_model_itself(&mut self, choice: &str) {
        let taken = self.layers.iter().any(|layer| layer.name == "output");
        let name = if taken { "model.output" } else { "output" };
        self.want(stored_name(name, choice), "", choice, true);
    }

    fn by_glob(&mut self, pattern: &str, glob: &str, choice: &str) -> Result<()> {
        let (glob, model) = (matcher(glob)?, self.model);
        let layers = self.layers;
        let mut matched = layers
            .iter()
            .filter(|layer| glob.is_match(&layer.name))
            .peekable();
        if matched.peek().is_none() {
            bail!(
                "no layer of '{model}' matches '{pattern}'; nearest: {} (see: featx inspect {model:#})",
                nearest(pattern, layers)
            );
        }
        for layer in matched {
            if let Some(silence) = layer.silence {
                let silent = (silence, layer.name.clone());
                if !self.selection.silent.contains(&silent) {
                    self.selection.silent.push(silent);
                }
            } else if !choice.is_empty() {
                if has_tensor(layer, choice) {
                    let name = stored_name(&layer.name, choice);
                    self.want(name, &layer.name, choice, false);
                }
            } else if let Some(choice) = self.first_tensor(layer) {
                self.want(layer.name.clone(), &layer.name, &choice, false);
            } else if self.is_lost(layer) {
                self.selection.not_in_trace.push(layer.name.clone());
            } else if layer.is_doubtful() {
                self.selection.doubtful.push(layer.name.clone());
            } else {
                self.selection.unordered.push(layer.name.clone());
            }
        }
        let selection = &self.selection;
        let left_out = [
            &selection.unordered,
            &selection.doubtful,
            &selection.not_in_trace,
        ];
        if selection.wanted.is_empty() && left_out.iter().all(|names| names.is_empty()) {
            let wanting = match choice {
                "" => "is ever called",
                _ => "is called and has such a tensor",
            };
            bail!(
                "no layer that '{pattern}' matches {wanting} in '{model}' (see: featx inspect {model:#})"
            );
        }
        Ok(())
    }

    fn by_name(&mut self, name: &str, choice: &str) -> Result<()> {
        let (layers, model) = (self.layers, self.model);
        let Some(index) = layers.iter().position(|layer| layer.name == name) else {
            bail!(
                "layer '{name}' is not in '{model}'; nearest: {} (see: featx inspect {model:#})",
                nearest(name, layers)
            );
        };
        let layer = &layers[index];
        if layer.calls == 0 {
            bail!("{}", why_never_called(index, layers, model));
        }
        ensure!(
            !choice.is_empty() || !self.is_lost(layer),
            "the tensor of layer '{name}' that a forward hook sees first is not in the trace '{model}', because nothing \
             there uses it; those that are: {} (see: featx inspect {model:#})",
            tensor_names(layer).join(", ")
        );
        if !choice.is_empty() {
            ensure!(
                has_tensor(layer, choice),
                "layer '{name}' of '{model}' has no tensor '{choice}'; it has {} (see: featx inspect {model:#})",
                tensor_names(layer).join(", ")
            );
            self.want(stored_name(name, choice), name, choice, true);
        } else if let Some(choice) = self.first_tensor(layer) {
            self.want(name.to_owned(), name, &choice, true);
        } else {
            self.selection.refused.get_or_insert(index);
        }
        Ok(())
    }

    fn is_lost(&self, layer: &LayerInfo) -> bool {
        self.hooks.get(&layer.name) == Some(&HookTensor::InTrace(false))
    }

    /// Which tensor of a layer a forward hook sees first; `None` if nothing tells.
    fn first_tensor(&self, layer: &LayerInfo) -> Option<String> {
        match (layer.in_order, self.hooks.get(&layer.name)) {
            (_, Some(HookTensor::Number(number))) => Some(number.to_string()),
            (_, Some(HookTensor::InTrace(false))) => None,
            (true, _) => Some(String::new()),
            (false, _) => None,
        }
    }
}

/// The names of keys may be known only when the model runs: then the tensors are numbered.
fn has_tensor(layer: &LayerInfo, choice: &str) -> bool {
    let numbered = layer.tensors.first().is_some_and(|first| first == "0");
    match choice.parse::<usize>() {
        Ok(number) => number < layer.tensors.len(),
        Err(_) => layer.tensors.iter().any(|name| name == choice) || (numbered && layer.is_open()),
    }
}

fn matcher(glob: &str) -> Result<GlobMatcher> {
    match Glob::new(glob) {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => bail!("layer glob '{glob}' is malformed: {}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layer_info::Silence;
    use std::path::Path;

    fn layers(names: &[&str]) -> Vec<LayerInfo> {
        let silent = |name: &str| name.ends_with("idle") || name.ends_with("out_proj");
        let layer = |name: &&str| LayerInfo {
            name: (*name).to_owned(),
            kind: "Module".to_owned(),
            parameters: 0,
            calls: u64::from(!silent(name)),
            in_loop: false,
            no_trace: false,
            weights_used: name.ends_with("out_proj"),
            silence: silent(name).then_some(Silence::NeverCalled),
            tensors: match *name {
                "pair" | "traced" => vec!["0".to_owned(), "1".to_owned()],
                _ => vec!["0".to_owned()],
            },
            in_order: *name != "traced",
        };
        names.iter().map(layer).collect()
    }

    fn select_in(patterns: &[&str], names: &[&str]) -> Result<Selection> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let hooks = HookTensors::from([("known".to_owned(), HookTensor::Number(1))]);
        select(
            &patterns,
            &layers(names),
            &hooks,
            &ModelName::new(Path::new("m.pt")),
        )
    }

    #[test]
    fn names_and_globs_keep_their_order_and_come_once() {
        let names = ["features", "features.0", "features.1", "classifier", "idle"];
        let selection = select_in(&["classifier", "*", "features.1"], &names).unwrap();
        let wanted: Vec<_> = selection
            .wanted
            .iter()
            .map(|w| (w.name.as_str(), w.by_name))
            .collect();
        let expected = [
            ("classifier", true),
            ("features", false),
            ("features.0", false),
            ("features.1", true),
        ];
        assert_eq!(wanted, expected);
        assert_eq!(selection.silent_for(Silence::NeverCalled), ["idle"]);
    }

    #[test]
    fn tensors_are_chosen_by_number_and_a_trace_by_what_its_toml_says() {
        let names = ["pair", "traced", "known", "conv"];
        let selection = select_in(&["pair#1", "traced#0", "*", ".", "c*#1"], &names).unwrap();
        let wanted: Vec<_> = selection
            .wanted
            .iter()
            .map(|w| {
                (
                    w.name.as_str(),
                    w.capture.layer.as_str(),
                    w.capture.choice.as_str(),
                )
            })
            .collect();
        let expected = [
            ("pair#1", "pair", "1"),
            ("traced#0", "traced", "0"),
            ("pair", "pair", ""),
            ("known", "known", "1"),
            ("conv", "conv", ""),
            ("output", "", ""),
        ];
        assert_eq!(wanted, expected);
        assert_eq!(selection.unordered, ["traced"]);
        assert_eq!(select_in(&["traced"], &names).unwrap().refused, Some(1));
        let error = select_in(&["pair#2"], &names).unwrap_err().to_string();
        assert!(
            error.contains("has no tensor '2'; it has 'pair#0', 'pair#1'"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let names: Vec<String> = (0..31).map(|i| format!("features.{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = select_in(&["features.99"], &names).unwrap_err().to_string();
        assert_eq!(
            error,
            "layer 'features.99' is not in 'm.pt'; nearest: 'features.9', 'features.29' (see: featx inspect m.pt)"
        );
    }

    #[test]
    fn a_layer_whose_weights_the_parent_uses_names_the_parent() {
        let error = select_in(&["attn.out_proj"], &["attn", "attn.out_proj"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("its parent uses its weights directly; a layer near it: 'attn'"),
            "{error}"
        );
    }

    #[test]
    fn a_glob_without_a_match_is_an_error() {
        let error = select_in(&["classifer.*"], &["classifier.0"])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("no layer of 'm.pt' matches 'classifer.*'"),
            "{error}"
        );
    }
}
