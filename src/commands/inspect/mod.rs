//! `featx inspect`: what an array, a run directory or a model holds.

mod array;
mod directory;
#[cfg(feature = "report")]
mod page;
mod subject;
mod verification;

#[cfg(feature = "torch")]
use crate::cli::find_model;
use crate::cli::{Inspect, WrongUsage};
use crate::run::contents::Contents;
use crate::text::printing;
use anyhow::{Result, bail};
use serde::Serialize;
#[cfg(feature = "torch")]
use std::io::ErrorKind;
use subject::Subject;

/// Looks at what is at the path, and prints what it holds.
///
/// # Errors
/// There is nothing, or nothing that featx knows, or it is damaged.
pub fn run(typed: &Inspect) -> Result<()> {
    let typed = &found_by_name(typed)?;
    let subject = Subject::recognise(&typed.path)?;
    if typed.verify && !matches!(subject, Subject::Directory) {
        bail!(WrongUsage(format!(
            "--verify is for run directories, which keep checksums; '{}' is a file",
            typed.path.display()
        )));
    }
    if typed.tree && !matches!(subject, Subject::Model) {
        bail!(WrongUsage(format!(
            "--tree is for models, whose modules it nests; '{}' is none",
            typed.path.display()
        )));
    }
    ensure_report(typed, &subject)?;
    match subject {
        Subject::Array => {
            let report = array::report(&typed.path, typed.quiet)?;
            print(typed.json, &report, array::table)
        }
        Subject::Directory => {
            let verified = typed
                .verify
                .then(|| verification::verify(&typed.path, typed.quiet));
            let verified = verified.transpose()?;
            let contents = Contents::find(&typed.path)?;
            let report = directory::report(&typed.path, &contents, typed.max_array_size, verified)?;
            print(typed.json, &report, directory::table)?;
            write_page(typed, &report, contents)?;
            report
                .verified
                .map_or(Ok(()), |verified| verified.ensure_whole(&typed.path))
        }
        Subject::Model => model(typed),
    }
}

/// # Errors
/// What is inspected has no page, or the page's file exists already.
fn ensure_report(typed: &Inspect, subject: &Subject) -> Result<()> {
    let Some(target) = &typed.report else {
        return Ok(());
    };
    if !matches!(subject, Subject::Directory) {
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
fn write_page(typed: &Inspect, report: &directory::Report, contents: Contents) -> Result<()> {
    let Some(target) = &typed.report else {
        return Ok(());
    };
    page::write(typed, target, report, contents)
}

#[cfg(not(feature = "report"))]
fn write_page(_: &Inspect, _: &directory::Report, _: Contents) -> Result<()> {
    Ok(())
}

/// With the file of a model in place of its name, where nothing else has that name.
///
/// # Errors
/// There is nothing of that name, and no model.
pub fn found_by_name(typed: &Inspect) -> Result<Inspect> {
    #[cfg(feature = "torch")]
    if let Err(error) = typed.path.metadata()
        && error.kind() == ErrorKind::NotFound
        && let Some(name) = typed.path.to_str()
    {
        let is_bare = !name.contains('/') && typed.path.extension().is_none();
        match find_model(name) {
            Ok(path) => {
                return Ok(Inspect {
                    path,
                    ..typed.clone()
                });
            }
            Err(error) if is_bare => {
                return Err(error.context(format!("'{name}': no such file or directory")));
            }
            Err(_) => {} // it is no name of a model's
        }
    }
    Ok(typed.clone())
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
