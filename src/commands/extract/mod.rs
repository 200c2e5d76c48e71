//! `featx extract`: the activations of layers, for a folder of images, into parts.

mod plan;
mod prepare;
mod summary;

use crate::cli::extract::Extract;
use crate::job::Job;
use crate::memory::Tuner;
use crate::pipeline::{self, Work};
use crate::progress::{Progress, Unit};
use crate::store::journal::Journal;
use crate::store::run_writer::RunWriter;
use crate::store::unfinished::require_space;
use anyhow::Result;
use plan::Plan;
use std::path::Path;
use std::time::Instant;
use summary::Summary;

/// # Errors
/// Whatever stopped it, worded for the user; the rows before it are in sealed parts.
pub fn run(typed: Extract) -> Result<()> {
    let started = Instant::now();
    let job = Job::new(typed)?;
    let images = prepare::find_images(&job)?;
    let (mut extractor, fingerprint) = prepare::load_model(&job)?;
    let forecast = prepare::forecast(&job, &extractor)?;
    let batch = prepare::set_batch(&job, &forecast, &images, &mut extractor)?;
    let run = prepare::describe(&job, &images, &extractor, fingerprint, batch);
    let plan = Plan::new(&job, run, &forecast)?;
    if job.dry_run {
        return plan.print(job.json);
    }
    forecast.ensure_fits(job.ram_budget, batch)?;
    require_space(existing_ancestor(&job.out), plan.bytes_to_write())?;
    plan.begin(&images)?;
    let mut writer = RunWriter::new(&job.out, plan.run.layers.clone(), &plan.todo)?;
    let mut journal = Journal::open(&job.out)?;
    let mut tuner = Tuner::new(plan.bounds)?;
    let work = Work {
        images: &images,
        segments: &plan.segments,
        preprocess: &job.preprocess,
        batch: batch as usize,
        stored: job.stored,
        skip_broken: job.skip_broken,
        workers: job.workers,
    };
    let progress = Progress::resumed(
        "extract",
        Unit::Images,
        plan.run.images,
        plan.rows_done(),
        job.quiet,
    );
    let sink = pipeline::Sink {
        writer: &mut writer,
        tuner: &mut tuner,
        journal: &mut journal,
        progress: &progress,
    };
    pipeline::run(&work, &mut extractor, sink)?;
    drop(progress);
    Summary::new(&plan, &writer, started.elapsed()).print(job.json)
}

/// The directory itself, or the nearest one above it that exists: what lies on the same filesystem as it will.
fn existing_ancestor(directory: &Path) -> &Path {
    let found = directory.ancestors().find(|ancestor| ancestor.exists());
    found
        .filter(|ancestor| *ancestor != Path::new(""))
        .unwrap_or(Path::new("."))
}
