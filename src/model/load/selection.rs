//! From what the user typed after `--layer` to layers of the model.

use crate::model::ffi::LayerInfo;
use anyhow::{Result, bail, ensure};
use globset::Glob;
use std::cmp::Reverse;

/// Layers to capture, in the order in which they were asked for, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub wanted: Vec<Wanted>,
    /// Layers that a glob matched but no forward pass calls.
    pub never_called: Vec<String>,
}

/// A layer that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    /// Asked for by its name: then it must have rows. What only a glob matched may turn out to have none.
    pub by_name: bool,
}

impl Selection {
    fn want(&mut self, name: &str, by_name: bool) {
        match self.wanted.iter_mut().find(|wanted| wanted.name == name) {
            Some(wanted) => wanted.by_name |= by_name,
            None => self.wanted.push(Wanted {
                name: name.to_owned(),
                by_name,
            }),
        }
    }
}

/// Resolves names and globs against the layers of `model` (its file name, for messages).
///
/// A glob's `*` matches dots too: `'*'` is every layer.
///
/// # Errors
/// A model without layers, a name that is no layer (with the nearest names), a layer that is never called (with the
/// reason), a glob that is malformed or matches nothing.
pub fn select(patterns: &[String], layers: &[LayerInfo], model: &str) -> Result<Selection> {
    ensure!(
        !layers.is_empty(),
        "'{model}' has no layers: it was frozen, or is a single module; export it unfrozen"
    );
    let mut selection = Selection::default();
    for pattern in patterns {
        if pattern.contains(['*', '?', '[', '{']) {
            select_by_glob(pattern, layers, model, &mut selection)?;
        } else {
            select_by_name(pattern, layers, model, &mut selection)?;
        }
    }
    Ok(selection)
}

fn select_by_glob(
    pattern: &str,
    layers: &[LayerInfo],
    model: &str,
    selection: &mut Selection,
) -> Result<()> {
    let glob = match Glob::new(pattern) {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => bail!("layer glob '{pattern}' is malformed: {}", error.kind()),
    };
    let mut matched = layers
        .iter()
        .filter(|layer| glob.is_match(&layer.name))
        .peekable();
    if matched.peek().is_none() {
        bail!(
            "no layer of '{model}' matches '{pattern}'; nearest: {} (see: featx inspect {model})",
            nearest(pattern, layers)
        );
    }
    for layer in matched {
        if layer.has_activation() {
            selection.want(&layer.name, false);
        } else if !selection.never_called.contains(&layer.name) {
            selection.never_called.push(layer.name.clone());
        }
    }
    if selection.wanted.is_empty() {
        bail!(
            "no layer that '{pattern}' matches is ever called in '{model}' (see: featx inspect {model})"
        );
    }
    Ok(())
}

fn select_by_name(
    name: &str,
    layers: &[LayerInfo],
    model: &str,
    selection: &mut Selection,
) -> Result<()> {
    let Some(index) = layers.iter().position(|layer| layer.name == name) else {
        bail!(
            "layer '{name}' is not in '{model}'; nearest: {} (see: featx inspect {model})",
            nearest(name, layers)
        );
    };
    if !layers[index].has_activation() {
        bail!("{}", why_never_called(index, layers, model));
    }
    selection.want(name, true);
    Ok(())
}

/// The two layer names that a typing error most likely meant: fewest edits first, then the longest common start.
fn nearest(name: &str, layers: &[LayerInfo]) -> String {
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
pub fn why_never_called(index: usize, layers: &[LayerInfo], model: &str) -> String {
    let layer = &layers[index];
    let name = &layer.name;
    let called = |other: &&LayerInfo| other.has_activation();
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
            "left no trace when the model was traced (it did nothing there)",
            before.or(parent),
        )
    } else if let Some(reason) = layer.silent.as_deref().filter(|_| layer.calls > 0 || !layer.weights_used) {
        (reason, before.or(parent))
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
    format!("layer '{name}' of '{model}' {reason}{cure} (see: featx inspect {model})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(names: &[&str]) -> Vec<LayerInfo> {
        let layer = |name: &&str| LayerInfo {
            name: (*name).to_owned(),
            kind: "Module".to_owned(),
            parameters: 0,
            calls: u64::from(!name.ends_with("idle") && !name.ends_with("out_proj")),
            in_loop: false,
            no_trace: false,
            weights_used: name.ends_with("out_proj"),
            silent: None,
        };
        names.iter().map(layer).collect()
    }

    fn select_in(patterns: &[&str], names: &[&str]) -> Result<Selection> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        select(&patterns, &layers(names), "m.pt")
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
        assert_eq!(selection.never_called, ["idle"]);
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
