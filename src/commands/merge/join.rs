//! `featx merge`: the parts of each layer become one file.

use crate::cli::Merge;
use crate::commands::merge::selection::{Selection, WantedLayer};
use crate::rows::checksum::Checksum;
use crate::rows::durable::{directory_of, require_space};
use crate::rows::join::{Join, JoinListener, JoinOptions};
use crate::rows::layer_folder::LayerFolder;
use crate::rows::npy::Header;
use crate::rows::part::{MERGED, Part};
use crate::run::checksums::ChecksumLog;
use crate::run::log::Log;
use crate::run::shard_errors::join_errors;
use crate::text::figures::{bytes, counted, row_shape};
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Checks every layer, then writes them one after the other.
///
/// # Errors
/// A layer that cannot be merged, before any is; a part that is damaged; a disk that fails or is full.
pub fn join(selection: &Selection, typed: &Merge) -> Result<()> {
    let options = JoinOptions {
        remove_parts: typed.remove_parts,
        overwrite: typed.overwrite,
    };
    let mut joins = Vec::new();
    for WantedLayer {
        layer,
        folder,
        rows,
    } in &selection.wanted
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
                joins.push((
                    layer,
                    Join::plan(folder, *rows, target, options, &compared)?,
                ));
            }
        }
    }
    check_space(&joins, options)?;
    joins
        .iter()
        .try_for_each(|(layer, join)| write(layer, join, selection.run.as_deref(), typed))?;
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

/// Results that go to the same filesystem share its space; while parts are removed, only the largest one needs any.
fn check_space(joins: &[(&String, Join)], options: JoinOptions) -> Result<()> {
    let mut needs: BTreeMap<u64, (PathBuf, u64)> = BTreeMap::new();
    for (_, join) in joins.iter().filter(|(_, join)| !join.only_remove) {
        let directory = directory_of(&join.target);
        let meta = std::fs::metadata(directory);
        let device = meta
            .with_context(|| format!("cannot write to '{}'", directory.display()))?
            .dev();
        let (_, needed) = needs.entry(device).or_insert((directory.into(), 0));
        match options.remove_parts {
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
    let listener = JoinListener {
        advance: &|n| progress.advance(n),
        keep: keep
            .as_ref()
            .map(|keep| keep as &dyn Fn(Checksum) -> Result<()>),
    };
    match typed.remove_parts {
        true => join.write_and_remove(listener)?,
        false => join.write(listener)?,
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
