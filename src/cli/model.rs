//! `--model`: a file, or the name of one.

use crate::text::shell;
use anyhow::{Result, bail, ensure};
use std::path::{Path, PathBuf};

/// A file as it is; a bare name as `NAME.pt` or `NAME.pt2` in `$FEATX_MODELS`, then in `models/`.
///
/// # Errors
/// There is none.
pub fn find_model(model: &str) -> Result<PathBuf> {
    let path = Path::new(model);
    if path.is_file() {
        return Ok(path.to_owned());
    }
    ensure!(
        !path.is_dir() || !model.contains('/'),
        "model '{model}' is a folder; expected a model file (.pt, .pt2) or a model's name"
    );
    let is_file = path
        .extension()
        .is_some_and(|ending| ending == "pt" || ending == "pt2");
    let is_name = !model.contains('/') && !is_file;
    ensure!(
        is_name,
        "model '{model}' not found; expected a model file (.pt, .pt2) or a model's name"
    );
    let folders = folders();
    for folder in &folders {
        for ending in ["pt", "pt2"] {
            let file = folder.join(format!("{model}.{ending}"));
            if file.is_file() {
                return Ok(file);
            }
        }
    }
    let places: Vec<String> = folders
        .iter()
        .map(|folder| format!("{}/", folder.display()))
        .collect();
    bail!(
        "model '{model}' not found in {}; make it with: scripts/export_model.py {}",
        places.join(" or "),
        shell::name(model)
    )
}

/// The folders in which models are found by name.
fn folders() -> Vec<PathBuf> {
    let own = std::env::var_os("FEATX_MODELS").map(PathBuf::from);
    own.into_iter().chain(["models".into()]).collect()
}

/// The models that a name leads to: names, and files.
pub fn model_files() -> impl Iterator<Item = (String, PathBuf)> {
    let entries = folders().into_iter().rev().flat_map(|folder| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path())
    });
    entries.filter_map(|file| {
        let ending = file.extension()?;
        let name = file.file_stem()?.to_str()?.to_owned();
        (ending == "pt" || ending == "pt2").then_some((name, file))
    })
}
