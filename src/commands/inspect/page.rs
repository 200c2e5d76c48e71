//! `featx inspect DIR --report FILE.html`: a page that shows a run.

use super::directory::{self, Report};
use crate::cli::Inspect;
use crate::report::{self, Layer, Subject, Words};
use crate::rows::durable::directory_of;
use crate::rows::layer_folder::LayerFolder;
use crate::rows::row_set::RowSet;
use crate::rows::unfinished_file::write_whole;
use crate::run::bare_layer::BareLayer;
use crate::run::contents::Contents;
use crate::run::directory::LayerState;
use crate::run::record::Run;
use crate::text::figures::bytes;
use crate::text::printing::say;
use crate::text::shell;
use anyhow::{Result, ensure};
use std::path::Path;

/// # Errors
/// A file, or a directory, that is there already.
pub fn ensure_free(target: &Path, overwrite: bool) -> Result<()> {
    let shown = target.display();
    ensure!(
        !target.is_dir(),
        "--report takes the name of a file, and '{shown}' is a directory; for example: --report {}",
        shell::quoted(&target.join("report.html").display().to_string())
    );
    let folder = directory_of(target);
    ensure!(
        folder.is_dir(),
        "'{shown}' cannot be made: there is no directory '{}'; make it with: mkdir -p {}",
        folder.display(),
        shell::word(folder)
    );
    ensure!(
        overwrite || !target.exists(),
        "'{shown}' is there already; pass --overwrite to replace it, or choose another name"
    );
    Ok(())
}

/// Makes the page of `contents`, of which `report` tells, and writes it whole or not at all.
///
/// # Errors
/// A file that cannot be read or written.
pub fn write(
    typed: &Inspect,
    target: &Path,
    report: &Report,
    mut contents: Contents,
) -> Result<()> {
    contents.read_checksums()?;
    let names = contents.names_path();
    let (run, layers) = match &contents {
        Contents::Run { dir, layers } => {
            let run = &dir.run;
            (
                Some(run),
                layers.iter().map(|state| of_run(state, run)).collect(),
            )
        }
        Contents::Bare(bare) => (None, bare.iter().map(of_folder).collect()),
    };
    let directory = match &contents {
        Contents::Run { dir, .. } => &dir.path,
        Contents::Bare(_) => &typed.path,
    };
    let page = report::page(Subject {
        directory,
        run,
        layers,
        names,
        images: &typed.images,
        quiet: typed.quiet,
        words: Words {
            run: run.map_or(Vec::new(), run_words),
            layers: directory::layer_lines(report),
            shards: directory::shard_lines(report),
            verified: directory::verified_words(report),
            is_damaged: directory::is_damaged(report),
        },
    })?;
    write_whole(target, page.as_bytes())?;
    if !typed.quiet {
        say(format_args!(
            "wrote '{}', {}",
            target.display(),
            bytes(page.len() as u64)
        ));
    }
    Ok(())
}

fn of_run<'a>(state: &'a LayerState, run: &Run) -> Layer<'a> {
    Layer {
        name: &state.layer.name,
        folder: &state.folder,
        done: state.done.clone(),
        missing: state.missing.len(),
        problems: problems(state.problems(run), &state.folder),
    }
}

fn of_folder(bare: &BareLayer) -> Layer<'_> {
    let done = bare.folder.done();
    let end = done.ranges().last().map_or(0, |last| last.end);
    let missing: RowSet = done.missing(0..bare.rows.unwrap_or(end));
    Layer {
        name: &bare.layer,
        folder: &bare.folder,
        missing: missing.len(),
        problems: problems(bare.folder.problems(), &bare.folder),
        done,
    }
}

/// With what an interrupted merge left.
fn problems(found: Vec<String>, folder: &LayerFolder) -> Vec<String> {
    let mut problems = directory::problems(found, folder);
    problems.extend(folder.interrupted_merge());
    problems
}

/// A shell may have made a thousand names of a pattern.
fn in_short(command: &str) -> String {
    const MOST: usize = 2_000;
    match command.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &command[..end]),
        None => command.to_owned(),
    }
}

fn run_words(run: &Run) -> Vec<(String, String)> {
    let more = [
        ("device", run.device.clone()),
        ("form of the graph", run.form.clone()),
        ("libtorch", run.libtorch.clone()),
        ("command", run.command.as_deref().map(in_short)),
        ("shards", (run.shards > 1).then(|| run.shards.to_string())),
    ];
    let more = more
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    let all = directory::run_words(run).into_iter().chain(more);
    all.map(|(key, value)| (key.to_owned(), value)).collect()
}
