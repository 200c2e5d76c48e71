//! Going on with the run that a directory holds: whether it is this one, which of its files can be trusted, and what a
//! killed process left.

use crate::commands::extract::images::{kept, names};
use crate::rows::aside;
use crate::rows::layer_folder::BrokenPart;
use crate::rows::part::partial_start;
use crate::rows::row_set::RowSet;
use crate::rows::unfinished_file::{is_partial_of, remove_partials};
use crate::run::directory::RunDir;
use crate::run::log::Log;
use crate::run::record::{FILE_NAMES, LIST_FILES, RUN_FILE, Run};
use crate::run::slice::Slice;
use crate::sources::{Exclusion, Images, names_of};
use crate::text::figures;
use crate::text::printing::say;
use crate::text::shell;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What a directory holds of a run.
pub struct RunState {
    /// As `run.toml` has it.
    pub run: Run,
    /// Of each layer.
    pub missing: Vec<RowSet>,
    /// Finished parts that are not what they were: their rows are missing.
    pub broken: Vec<BrokenPart>,
}

/// Reads what `directory` holds of a slice of `asked`. Changes nothing.
///
/// # Errors
/// It is another run, of other images, or has parts that contradict it or each other.
pub fn read(directory: &Path, asked: &Run, slice: &Slice, images: &Images) -> Result<RunState> {
    let held = RunDir::open(directory)?;
    let same_images = Run {
        images: held.run.images,
        image_list: held.run.image_list.clone(),
        ..asked.clone()
    };
    held.run.ensure_same(&same_images, directory)?;
    if held.run.image_list != asked.image_list {
        bail!(other_images(directory, &held.run, images)?);
    }
    let mut broken = Vec::new();
    let mut missing = Vec::new();
    let states = match slice.shard {
        None => held.layers()?,
        Some(_) => held.layers_within(&slice.rows)?,
    };
    for mut state in states {
        broken.append(&mut state.folder.broken);
        if let Some(problem) = state.problems(&held.run).first() {
            bail!("{problem}");
        }
        missing.push(state.missing);
    }
    Ok(RunState {
        run: held.run,
        missing,
        broken,
    })
}

/// The line about images that came or went since the run began.
fn other_images(directory: &Path, held: &Run, images: &Images) -> Result<String> {
    let path = directory.join(FILE_NAMES);
    let names = fs::read(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
    let names = names_of(&names);
    let now = images.file_names();
    let mut counts: BTreeMap<&[u8], i64> = BTreeMap::new();
    lines(now).for_each(|name| *counts.entry(name).or_default() += 1);
    lines(&names).for_each(|name| *counts.entry(name).or_default() -= 1);
    let of = |wanted: i64| {
        let names = counts.iter().filter(move |(_, n)| n.signum() == wanted);
        names.map(|(name, _)| String::from_utf8_lossy(name).into_owned())
    };
    let (added, gone): (Vec<_>, Vec<_>) = (of(1).collect(), of(-1).collect());
    let keep = format!("pass --list {}", shell::word(&path));
    let (change, cure) = match (added.as_slice(), gone.as_slice()) {
        ([], []) => ("in another order than now".into(), format!("{keep}, ")),
        (added, []) => (
            format!("since then added: {}", figures::some(added)),
            format!("{keep}, "),
        ),
        // Earlier versions took images that a search now leaves out.
        ([], gone) if gone.iter().all(|name| Exclusion::has(Path::new(name))) => (
            format!("which are left out now: {}", figures::some(gone)),
            format!("{keep}, "),
        ),
        ([], gone) => (
            format!("since then gone: {}", figures::some(gone)),
            String::new(),
        ),
        (added, gone) => (
            format!(
                "since then added: {}; gone: {}",
                figures::some(added),
                figures::some(gone)
            ),
            String::new(),
        ),
    };
    Ok(format!(
        "'{}' holds a run of {}, {change}; {cure}choose another --out or pass --overwrite",
        directory.display(),
        figures::counted(held.images, "image"),
    ))
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
}

/// Puts parts aside that cannot be trusted, and removes what killed processes left. Touches only files of the slice: the rest
/// belongs to other shards. For a whole run, restores `file_names.txt`.
///
/// # Errors
/// A directory that cannot be read or written.
pub fn tidy(
    directory: &Path,
    run: &Run,
    slice: &Slice,
    broken: &[BrokenPart],
    images: &Images,
) -> Result<()> {
    broken.iter().try_for_each(put_aside)?;
    let is_ours = |name: &str| match (partial_start(name), slice.shard) {
        (Some(start), Some(_)) => slice.rows.contains(&start),
        (start, _) => start.is_some(),
    };
    for layer in &run.layers {
        remove_partials(&directory.join(&layer.name), is_ours)?;
    }
    let errors = slice.file(Log::Errors);
    if slice.shard.is_some() {
        return remove_partials(directory, |name| is_partial_of(&[&errors], name));
    }
    let small = [LIST_FILES.as_slice(), &[RUN_FILE, &errors]].concat();
    remove_partials(directory, |name| is_partial_of(&small, name))?;
    restore_names(directory, run, images)
}

fn put_aside(BrokenPart { path, problem }: &BrokenPart) -> Result<()> {
    let path = aside::put_aside(path)?;
    say(format_args!(
        "{problem}; renamed to '{}', its rows are computed again",
        path.display()
    ));
    Ok(())
}

fn restore_names(directory: &Path, run: &Run, images: &Images) -> Result<()> {
    let path = directory.join(FILE_NAMES);
    let digest = fs::read(&path).map(|bytes| figures::hex(&Sha256::digest(names_of(&bytes))));
    if digest.ok().as_ref() != Some(&run.image_list) {
        say(format_args!(
            "'{}' was missing or changed; written again",
            path.display()
        ));
        names::write(directory, run, images)?;
    }
    kept::keep(directory, images, run)
}
