//! `featx extract`: the activations of layers, for a folder of images, into parts.

mod plan;
mod prepare;
mod resume;
mod summary;

use crate::cli::extract::Extract;
use crate::figures;
use crate::job::Job;
use crate::memory::{Gate, Tuner};
use crate::pipeline::{self, Work};
use crate::progress::{Progress, Unit};
use crate::signals::{Signals, Stopped};
use crate::store::bus_error::explain_bus_errors;
use crate::store::discard::finish_discarding;
use crate::store::journal::Journal;
use crate::store::lock::RunLock;
use crate::store::run_writer::RunWriter;
use crate::store::unfinished::require_space;
use anyhow::Result;
use plan::Plan;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use summary::Summary;

/// # Errors
/// Whatever stopped it, worded for the user; the rows before it are in sealed parts.
pub fn run(typed: Extract) -> Result<()> {
    let started = Instant::now();
    let job = Job::new(typed)?;
    let images = Arc::new(prepare::find_images(&job)?);
    let (mut extractor, fingerprint) = prepare::load_model(&job)?;
    let mut forecast = prepare::forecast(&job, &extractor)?;
    let batch = prepare::set_batch(&job, &forecast, &images, &mut extractor)?;
    let run = prepare::describe(&job, &images, &extractor, fingerprint, batch);
    if job.dry_run {
        return Plan::new(&job, run, &images, &forecast)?.print(job.json);
    }
    forecast.ensure_fits(job.ram_budget, batch)?;
    let tries_forms = forecast.allow(extractor.bytes_of_faster_forms(), job.ram_budget, batch);
    let disk = existing_ancestor(&job.out);
    explain_bus_errors(&job.out, &job.model)?;
    let _lock = RunLock::take(&job.out, |line| eprintln!("{line}"))?;
    finish_discarding(&job.out)?;
    let plan = Plan::new(&job, run, &images, &forecast)?;
    require_space(&disk, plan.space_needed()?)?;
    plan.begin(&images)?;
    if tries_forms {
        extractor.try_faster_forms(plan.todo.len().div_ceil(batch));
    }
    let signals = Signals::note()?;
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
        image_timeout: job.image_timeout,
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
        gate: &Arc::new(Gate::new(job.ram_budget)?),
    };
    let rows = pipeline::run(&work, std::slice::from_mut(&mut extractor), sink, &signals)?;
    drop(progress);
    if rows < plan.todo.len()
        && let Some(signal) = signals.noted()
    {
        return Err(stopped(&job, &plan, rows, signal).into());
    }
    Summary::new(&plan, &writer, started.elapsed()).print(job.json)
}

/// The directory itself, or the nearest one above it that exists: what lies on the same filesystem as it will.
fn existing_ancestor(directory: &Path) -> PathBuf {
    let found = directory.ancestors().find(|ancestor| ancestor.exists());
    found
        .filter(|ancestor| *ancestor != Path::new(""))
        .unwrap_or(Path::new("."))
        .to_owned()
}

fn stopped(job: &Job, plan: &Plan, rows: u64, signal: i32) -> Stopped {
    let done = figures::count(plan.rows_done() + rows);
    let all = figures::count(plan.run.images);
    Stopped {
        signal,
        done: format!("{done} of {all} rows are done in '{}'", job.out.display()),
        cure: match job.overwrite {
            true => "the same command without --overwrite goes on",
            false => "the same command goes on",
        },
    }
}
