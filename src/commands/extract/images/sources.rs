//! The images of a run: searched for when it begins; after that, those that its directory names.

use crate::commands::extract::images::kept_places::KeptPlaces;
use crate::commands::extract::images::names;
use crate::job::Job;
use crate::run::directory::RunDir;
use crate::run::name_index::Lines;
use crate::run::record::{FILE_NAMES, Run};
use crate::sources::{Images, Kind, SourceList, is_file};
use crate::text::printing::say;
use crate::text::shell;
use anyhow::{Context, Result, ensure};
use std::ops::Range;

/// All images of the run that is asked for. Archives that were searched when it began are not searched again.
///
/// # Errors
/// Sources or a list that cannot be read, or that give no image; an archive that has changed since the run began.
pub fn find(job: &Job, found: &SourceList) -> Result<Images> {
    let images = search(job, found)?;
    images.ensure_fit(&job.preprocess)?;
    Ok(images)
}

fn search(job: &Job, found: &SourceList) -> Result<Images> {
    let run = match job.overwrite {
        true => None,
        false => RunDir::run_at(&job.out)?,
    };
    if let Some(run) = run
        && let Some(kept) = searched(job, found, &run)?
        && let Some(places) = kept.read(job, &run, &(0..run.images))
        && let Some(names) = names::read(&job.out, &run, &(0..run.images))?
    {
        return found.clone().placed(0, names, places);
    }
    found.clone().all(job.list.as_deref(), |line| say(line))
}

/// The places that the search for a run's images found, if a new search would find the same.
///
/// # Errors
/// A source is no longer what it was, and the run has rows of it.
pub fn searched(job: &Job, found: &SourceList, run: &Run) -> Result<Option<KeptPlaces>> {
    let kept = KeptPlaces::find(job, run, found)?;
    // Images in folders may come and go.
    let is_fixed = found
        .sources()
        .iter()
        .all(|named| named.kind != Kind::Folder);
    let is_same = kept.is_some() && is_fixed && is_list_of(job, run, found, &(0..run.images))?;
    Ok(kept.filter(|_| is_same))
}

/// The images of some rows of a run that has begun. `None` if its `file_names.txt` is lost.
///
/// # Errors
/// As [`find`].
pub fn of_run(
    job: &Job,
    found: &SourceList,
    run: &Run,
    rows: &Range<u64>,
) -> Result<Option<Images>> {
    let kept = KeptPlaces::find(job, run, found)?;
    let Some(names) = names::read(&job.out, run, rows)? else {
        return Ok(None);
    };
    let path = job.out.join(FILE_NAMES);
    let named = || format!("'{}'", path.display());
    let found = found.clone();
    let images = match kept.and_then(|kept| kept.read(job, run, rows)) {
        Some(places) => found.placed(rows.start, names, places)?,
        None => found
            .located(rows.start, names, &path)
            .with_context(named)?,
    };
    images.ensure_fit(&job.preprocess)?;
    Ok(Some(images))
}

/// True if the run has the images of `--list`, or if there is no `--list`. If that list is as long as the run's, only the
/// lines of these rows are compared: each shard looks at its own.
///
/// # Errors
/// A list that cannot be read.
fn is_list_of(job: &Job, run: &Run, found: &SourceList, rows: &Range<u64>) -> Result<bool> {
    let Some(list) = &job.list else {
        return Ok(true);
    };
    if rows.is_empty() {
        return Ok(true);
    }
    let lines = Lines::open(&job.out, &run.image_list, run.images, rows);
    if is_file(list) && lines.is_some_and(|lines| lines.are_in(list)) {
        return Ok(true);
    }
    Ok(found.digest_of(list)? == run.image_list)
}

/// # Errors
/// A `--list` that is not the run's.
pub fn ensure_same_list(job: &Job, found: &SourceList, run: &Run, rows: &Range<u64>) -> Result<()> {
    let Some(list) = &job.list else { return Ok(()) };
    ensure!(
        is_list_of(job, run, found, rows)?,
        "'{}' holds a run of other images than '{}' names; pass --list {}, or choose another --out",
        job.out.display(),
        list.display(),
        shell::word(&job.out.join(FILE_NAMES))
    );
    Ok(())
}
