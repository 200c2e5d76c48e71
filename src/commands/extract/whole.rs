//! A whole run by one process, which holds the lock of the run directory to the end.

use crate::commands::extract::images::image_list::ImageList;
use crate::commands::extract::images::sources;
use crate::commands::extract::model::load::load_model;
use crate::commands::extract::model::probe::probe;
use crate::commands::extract::model::{batch_size, varying};
use crate::commands::extract::planning::description::describe;
use crate::commands::extract::planning::plan::Plan;
use crate::commands::extract::setup::Setup;
use crate::job::Job;
use crate::rows::durable::{existing_above, require_space};
use crate::run::directory::RunDir;
use crate::run::discard::finish_discarding;
use crate::run::lock::RunLock;
use crate::run::slice::Slice;
use crate::sources::SourceList;
use crate::text::printing::say;
use anyhow::Result;
use std::sync::Arc;

/// All that computing needs. `None` for `--dry-run`, which prints the plan.
///
/// # Errors
/// It is not the run that the directory holds, or another process writes there.
pub fn set_up(job: &Job) -> Result<Option<Setup>> {
    let found = SourceList::new(&job.images)?;
    let images = Arc::new(sources::find(job, &found)?);
    let (mut extractor, fingerprint) = load_model(job, probe(job, &images))?;
    let forecast = batch_size::forecast(job, &images, &extractor)?;
    let batch = batch_size::choose(job, &extractor, &forecast, images.len());
    batch_size::set(&mut extractor, batch)?;
    let run = describe(
        job,
        &ImageList::of(&images),
        &extractor,
        &fingerprint,
        batch,
    );
    let slice = Slice::whole(&run);
    if job.dry_run {
        Plan::new(job, run, slice, &images, &forecast)?.print(job.json)?;
        return Ok(None);
    }
    forecast.ensure_fits(job.ram_budget, batch)?;
    let disk = existing_above(&job.out);
    let lock = RunLock::take(&job.out, |line| say(line))?;
    RunDir::is_listed_at(&job.out)?; // a run of another machine's may not be seen yet
    finish_discarding(&job.out)?;
    let plan = Plan::new(job, run, slice, &images, &forecast)?;
    if plan.rows_done() > 0 {
        varying::refuse(job, &extractor)?;
    }
    require_space(disk, plan.space_needed()?)?;
    plan.begin(&images)?;
    Ok(Some(Setup {
        images,
        extractor,
        plan,
        lock,
    }))
}
