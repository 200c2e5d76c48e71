//! What `merge` takes, and what it writes.

use crate::cli::complete::line::{after_commas, line};
use crate::export;
use crate::run::contents::Contents;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use std::ffi::OsStr;
use std::path::Path;

/// Layers of the run that `merge` names.
pub fn merged_layers(typed: &OsStr) -> Vec<CompletionCandidate> {
    let line = line();
    let mut found = line.iter().filter_map(|word| {
        let path = Path::new(word);
        path.is_dir().then(|| Contents::find(path).ok()).flatten()
    });
    let names = found.next().map(|sources| sources.layer_names());
    after_commas(typed, names.unwrap_or_default())
}

/// Where `merge` writes: paths as they are, or the name so far with each ending.
pub fn merged_file(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = PathCompleter::any().complete(typed);
    let Some(stem) = typed.to_str().filter(|stem| !stem.ends_with('/')) else {
        return found;
    };
    let (stem, ending_so_far) = match stem.rsplit_once('.') {
        Some((before, ending)) if !ending.contains('/') => (before, ending),
        _ => (stem, ""),
    };
    let stem = if stem.is_empty() { "features" } else { stem };
    let endings = export::endings().filter(|ending| ending.starts_with(ending_so_far));
    found.extend(endings.map(|ending| CompletionCandidate::new(format!("{stem}.{ending}"))));
    found
}
