//! `featx merge`: the parts of each layer become one file, or all layers one in another format.

mod export;

use crate::batch::{MAX_ARRAY_SIZE, System, array_expression};
use crate::cli::Merge;
use crate::export::{NPY, format_of};
use crate::rows::aside::aside;
use crate::rows::checksum::Checksum;
use crate::rows::durable::{directory_of, require_space};
use crate::rows::join::{Join, JoinListener, JoinOptions};
use crate::rows::layer_folder::LayerFolder;
use crate::rows::npy::Header;
use crate::rows::part::{MERGED, Part};
#[cfg(feature = "torch")]
use crate::run::binding::is_bound;
use crate::run::checksums::ChecksumLog;
use crate::run::contents::{Bare, Sources};
use crate::run::directory::{LayerState, RunDir, ShardStates};
use crate::run::shard_errors::join_errors;
use crate::run::slice::Log;
use crate::text::figures::{bytes, counted, row_shape};
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a directory holds of what is asked for.
struct Found {
    wanted: Vec<Wanted>,
    /// The directory of `run.toml`, if there is one.
    run: Option<PathBuf>,
    /// `file_names.txt`
    names: Option<PathBuf>,
}

/// One layer that is asked for.
struct Wanted {
    layer: String,
    folder: LayerFolder,
    rows: Option<u64>,
}

/// Checks every layer, then writes them one after the other.
///
/// # Errors
/// A layer that cannot be merged, before any is; a part that is damaged, which is put aside; a disk that fails or is full.
pub fn run(typed: &Merge) -> Result<()> {
    merge(typed).map_err(aside)
}

fn merge(typed: &Merge) -> Result<()> {
    let out = typed.out.as_deref();
    let format = out.map(format_of).transpose()?.flatten();
    let takes_one = out.is_some() && format.is_none_or(|format| !format.takes_several());
    let found = find(typed, takes_one)?;
    match (format, out) {
        (Some(format), Some(out)) => export::run(format, found, out, typed),
        _ => join(&found, typed),
    }
}

fn join(found: &Found, typed: &Merge) -> Result<()> {
    let wish = JoinOptions {
        remove_parts: typed.remove_parts,
        overwrite: typed.overwrite,
    };
    let mut joins = Vec::new();
    for Wanted {
        layer,
        folder,
        rows,
    } in &found.wanted
    {
        match &folder.merged {
            Some(merged) if is_merged(merged, folder, *rows, typed) => {
                say(format_args!(
                    "{layer}: merged already, {}",
                    counted(merged.shape[0], "row")
                ));
            }
            _ => {
                let target = typed
                    .out
                    .clone()
                    .unwrap_or_else(|| folder.path.join(MERGED));
                let progress = progress("compare", layer, &folder.parts, typed);
                let compared = |n| progress.advance(n);
                joins.push((layer, Join::plan(folder, *rows, target, wish, &compared)?));
            }
        }
    }
    check_space(&joins, wish)?;
    joins
        .iter()
        .try_for_each(|(layer, join)| write(layer, join, found.run.as_deref(), typed))?;
    join_errors(&typed.dir)
}

/// Whether the result is there, whole, and made after every part, and nothing else is asked for.
fn is_merged(merged: &Header, folder: &LayerFolder, rows: Option<u64>, typed: &Merge) -> bool {
    if typed.out.is_some() {
        return false;
    }
    if folder.parts.is_empty() {
        return true;
    }
    let time = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
    let is_newer = |made: SystemTime| {
        let older = |part: &Part| time(&part.path).is_ok_and(|part| part <= made);
        folder.parts.iter().all(older)
    };
    !typed.remove_parts
        && !typed.overwrite
        && rows.is_some()
        && merged.rows() == rows
        && time(&folder.path.join(MERGED)).is_ok_and(is_newer)
}

/// The layers that are asked for, refused with a word where a run has not finished them.
fn find(typed: &Merge, takes_one: bool) -> Result<Found> {
    let mut sources = Sources::find(&typed.dir)?;
    if !typed.layer.is_empty() {
        sources.keep_layers(&typed.layer, &typed.dir)?;
    }
    sources.read_checksums()?;
    let layers = sources.layer_names();
    if let Some(out) = &typed.out {
        let ending = out.extension().unwrap_or(NPY.as_ref()).display();
        ensure!(
            !takes_one || layers.len() == 1,
            "a file .{ending} takes one layer, and '{}' holds {}: {}; choose one with --layer",
            typed.dir.display(),
            layers.len(),
            layers.join(", ")
        );
    }
    let names = sources.names_path();
    let (wanted, run) = match sources {
        Sources::Run { dir, layers } => (from_run(&dir, layers)?, Some(dir.path)),
        Sources::Bare(bare) => (bare.into_iter().map(from_bare).collect(), None),
    };
    Ok(Found { wanted, run, names })
}

fn from_bare(bare: Bare) -> Wanted {
    Wanted {
        layer: bare.layer,
        folder: bare.folder,
        rows: bare.rows,
    }
}

fn from_run(dir: &RunDir, layers: Vec<LayerState>) -> Result<Vec<Wanted>> {
    for state in &layers {
        if let Some(problem) = state.problems(&dir.run).into_iter().next() {
            bail!("{problem}");
        }
        ensure!(
            state.missing.is_empty(),
            "'{}' lacks rows {} of {}; {}",
            state.folder.path.display(),
            state.missing,
            dir.run.images,
            cure(dir, &layers)?
        );
    }
    #[cfg(feature = "torch")]
    ensure!(
        is_bound(&dir.path)?,
        "'{}' holds no row of any image: none could be read (see its errors.csv); run featx extract again once that is \
         fixed",
        dir.path.display()
    );
    let rows = Some(dir.run.images);
    let wanted = |state: LayerState| Wanted {
        layer: state.layer.name,
        folder: state.folder,
        rows,
    };
    Ok(layers.into_iter().map(wanted).collect())
}

fn cure(dir: &RunDir, layers: &[LayerState]) -> Result<String> {
    if dir.run.shards == 1 {
        return Ok("run the same featx extract again to finish them".into());
    }
    let ShardStates {
        running, missing, ..
    } = dir.shards(layers)?;
    let arrays = System::at_hand().resubmission(&missing, dir.run.shards, MAX_ARRAY_SIZE);
    let submit = format!(
        "submit the missing shards again: {}",
        arrays.join(", then ")
    );
    let wait = format!(
        "wait for the shards that run: {}",
        array_expression(&running)
    );
    Ok(match (running.is_empty(), missing.is_empty()) {
        (true, _) => submit,
        (false, true) => wait,
        (false, false) => format!("{wait}; {submit}"),
    })
}

/// Results that go to the same filesystem share its space; while parts are removed, only the largest one needs any.
fn check_space(joins: &[(&String, Join)], wish: JoinOptions) -> Result<()> {
    let mut needs: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    for (_, join) in joins.iter().filter(|(_, join)| !join.only_remove) {
        let directory = directory_of(&join.target);
        let meta = std::fs::metadata(directory);
        let device = meta
            .with_context(|| format!("cannot write to '{}'", directory.display()))?
            .dev();
        let (_, needed) = needs.entry(device).or_insert((directory.into(), 0));
        match wish.remove_parts {
            true => *needed = join.removal_space()?.max(*needed),
            false => *needed += join.result_bytes(),
        }
    }
    needs
        .into_values()
        .try_for_each(|(directory, needed)| require_space(&directory, needed))
}

fn write(layer: &str, join: &Join, run: Option<&Path>, typed: &Merge) -> Result<()> {
    let is_left = |part: &&Part| part.rows.end > join.safe_rows;
    let progress = progress("merge", layer, join.parts.iter().filter(is_left), typed);
    // Of a result that stays in the run directory.
    let log = run
        .filter(|_| typed.out.is_none())
        .map(|run| ChecksumLog::at(run.join(Log::Checksums.of_run())));
    let keep = log.map(|log| move |sum: Checksum| log.add(&[(format!("{layer}/{MERGED}"), sum)]));
    let told = JoinListener {
        advance: &|n| progress.advance(n),
        keep: keep
            .as_ref()
            .map(|keep| keep as &dyn Fn(Checksum) -> Result<()>),
    };
    match typed.remove_parts {
        true => join.write_and_remove(told)?,
        false => join.write(told)?,
    }
    drop(progress);
    let header = &join.header;
    say(format_args!(
        "{}: {} of {} {}, {}",
        join.target.display(),
        counted(header.shape[0], "row"),
        row_shape(header.row_shape()),
        header.dtype,
        bytes(join.result_bytes())
    ));
    Ok(())
}

fn progress<'a>(
    what: &str,
    layer: &str,
    parts: impl IntoIterator<Item = &'a Part>,
    typed: &Merge,
) -> Progress {
    let bytes = parts.into_iter().map(Part::bytes).sum();
    Progress::new(&format!("{what} {layer}"), Unit::Bytes, bytes, typed.quiet)
}
