//! `featx inspect`: what an array, a run directory or a model holds.

mod array;
mod directory;
#[cfg(feature = "report")]
mod page;
mod verify;

#[cfg(feature = "torch")]
use crate::cli::find_model;
use crate::cli::{Inspect, WrongUsage};
use crate::run::contents::Sources;
use crate::text::{printing, shell};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a path leads to.
enum Found {
    Array,
    Directory,
    Model,
}

/// Looks at what is at the path, and prints what it holds.
///
/// # Errors
/// There is nothing, or nothing that featx knows, or it is damaged.
pub fn run(typed: &Inspect) -> Result<()> {
    let typed = &found_by_name(typed);
    let found = recognise(&typed.path)?;
    if typed.verify && !matches!(found, Found::Directory) {
        bail!(WrongUsage(format!(
            "--verify is for run directories, which keep checksums; '{}' is a file",
            typed.path.display()
        )));
    }
    if typed.tree && !matches!(found, Found::Model) {
        bail!(WrongUsage(format!(
            "--tree is for models, whose modules it nests; '{}' is none",
            typed.path.display()
        )));
    }
    ensure_report(typed, &found)?;
    match found {
        Found::Array => {
            let report = array::report(&typed.path, typed.quiet)?;
            print(typed.json, &report, array::table)
        }
        Found::Directory => {
            let verified = typed
                .verify
                .then(|| verify::verify(&typed.path, typed.quiet));
            let verified = verified.transpose()?;
            let sources = Sources::find(&typed.path)?;
            let report = directory::report(&typed.path, &sources, typed.max_array_size, verified)?;
            print(typed.json, &report, directory::table)?;
            write_page(typed, &report, sources)?;
            report
                .verified
                .map_or(Ok(()), |verified| verified.ensure_whole(&typed.path))
        }
        Found::Model => model(typed),
    }
}

/// # Errors
/// A page is asked for of what has none, or where there is something already.
fn ensure_report(typed: &Inspect, found: &Found) -> Result<()> {
    let Some(target) = &typed.report else {
        return Ok(());
    };
    if !matches!(found, Found::Directory) {
        bail!(WrongUsage(format!(
            "--report is for run directories, whose rows it shows; '{}' is a file",
            typed.path.display()
        )));
    }
    #[cfg(feature = "report")]
    return page::ensure_free(target, typed.overwrite);
    #[cfg(not(feature = "report"))]
    bail!(
        "'{}' cannot be made: this featx was built without the feature 'report'",
        target.display()
    )
}

#[cfg(feature = "report")]
fn write_page(typed: &Inspect, report: &directory::Report, sources: Sources) -> Result<()> {
    let Some(target) = &typed.report else {
        return Ok(());
    };
    page::write(typed, target, report, sources)
}

#[cfg(not(feature = "report"))]
fn write_page(_: &Inspect, _: &directory::Report, _: Sources) -> Result<()> {
    Ok(())
}

/// With the file of a model in place of its name, where nothing else has that name.
#[must_use]
pub fn found_by_name(typed: &Inspect) -> Inspect {
    #[cfg(feature = "torch")]
    if !typed.path.exists()
        && let Some(file) = typed.path.to_str().and_then(|name| find_model(name).ok())
    {
        return Inspect {
            path: file,
            ..typed.clone()
        };
    }
    typed.clone()
}

#[cfg(feature = "torch")]
fn model(_: &Inspect) -> Result<()> {
    Err(crate::libtorch::compute())
}

#[cfg(not(feature = "torch"))]
fn model(typed: &Inspect) -> Result<()> {
    bail!(
        "'{}' is a model, and this featx was built without libtorch; build it with the feature 'torch' to inspect models",
        typed.path.display()
    )
}

/// Goes by the first bytes, and by the name where they say nothing.
fn recognise(path: &Path) -> Result<Found> {
    let named = || format!("'{}'", path.display());
    let metadata = std::fs::metadata(path).with_context(named)?;
    if metadata.is_dir() {
        return Ok(Found::Directory);
    }
    if !metadata.is_file() {
        bail!(
            "'{}' is a pipe or a device; expected a file or a directory",
            path.display()
        );
    }
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    if ending == "npy" {
        return Ok(Found::Array);
    }
    if ending == "npz" {
        let (archive, folder) = (shell::word(path), shell::word(&path.with_extension("")));
        bail!(
            "'{}' is an archive of arrays; unpack it, and inspect each: unzip {archive} -d {folder}",
            path.display()
        );
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(6).read_to_end(&mut start))
        .with_context(named)?;
    match start.as_slice() {
        b"\x93NUMPY" => Ok(Found::Array),
        [b'P', b'K', ..] => Ok(Found::Model),
        _ if matches!(ending, "pt" | "pth" | "ts") => Ok(Found::Model),
        _ => bail!(
            "'{}' is nothing that featx knows: expected an .npy file, a run directory or a TorchScript model",
            path.display()
        ),
    }
}

/// On stdout, as JSON for scripts or as a table for people.
///
/// # Errors
/// A pipe that nobody reads.
pub fn print<R: Serialize>(json: bool, report: &R, table: impl Fn(&R) -> String) -> Result<()> {
    let text = match json {
        true => serde_json::to_string_pretty(report)? + "\n",
        false => table(report),
    };
    printing::print(&text)
}
