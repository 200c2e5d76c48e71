//! The rows of a plan, computed and written.

use crate::commands::extract::lanes::Lanes;
use crate::commands::extract::plan::Plan;
use crate::commands::extract::provenance::{self, Provenance};
use crate::commands::extract::setup::Setup;
use crate::commands::extract::summary::{Summary, Times};
use crate::job::Job;
use crate::memory::{Gate, Tuner};
use crate::model::Extractor;
use crate::pipeline::StageClocks;
use crate::pipeline::{self, BATCHES, Work};
use crate::run::busy::Busy;
use crate::run::errors::Broken;
use crate::run::journal::Journal;
use crate::run::log::Log;
use crate::run::writer::RunWriter;
use crate::signals::{Signals, StoppedRun};
use crate::sources::Images;
use crate::text::figures;
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use anyhow::{Result, bail};
use std::sync::Arc;
use std::time::Instant;

/// Runs the pipeline, and prints the summary; `started`: when the program began.
///
/// # Errors
/// Whatever stopped it; the rows before it are in sealed parts.
pub fn compute(job: &Job, setup: Setup, started: Instant) -> Result<()> {
    let Setup {
        images,
        mut extractor,
        mut plan,
        lock: _lock,
    } = setup;
    let lanes = Lanes::settle(job, &mut plan, &mut extractor)?;
    let form = extractor.form();
    if let Some(line) = provenance::changes(&plan, form) {
        say(line);
    }
    let provenance = Provenance::new(&plan, extractor.forms_used.clone());
    let signals = Signals::note()?;
    let errors = plan.slice.file(Log::Errors);
    let mut writer = RunWriter::new(&job.out, plan.run.layers.clone(), &plan.todo, &plan.slice)?;
    let record = provenance.clone();
    writer.before_first_part(move || record.record());
    let mut replicas = replicate(job, extractor, lanes.count)?;
    let stages = Arc::new(StageClocks::default());
    let work = work(job, &plan, &images, lanes, &stages);
    let mut tuner = Tuner::new(plan.bounds)?;
    let began = Instant::now();
    let sink = (&mut writer, &mut tuner);
    let ended = extract(job, &plan, &work, &mut replicas, sink, &signals);
    let extracting = began.elapsed();
    let written = tuner.entry().images; // also where it failed
    let seconds = extracting.as_secs_f64();
    let busy = stages.summary(written, seconds, job.workers, replicas.len());
    record_busy(job, &plan, &busy);
    let rows = ended?;
    provenance.record(); // a form that failed on the way left its place to another
    if rows < plan.todo.len()
        && let Some(signal) = signals.noted()
    {
        return Err(stopped(job, &plan, rows, signal).into());
    }
    ensure_some_image(&plan, &writer)?;
    let times = Times {
        whole: started.elapsed(),
        extracting,
    };
    Summary::new(job, &plan, &writer, provenance.form(form), times, busy).print(job, &errors)
}

/// The model once for each lane of each device.
fn replicate(job: &Job, extractor: Extractor, lanes: usize) -> Result<Vec<Extractor>> {
    let mut replicas = vec![extractor];
    for device in job.devices.repeat(lanes).split_off(1) {
        replicas.push(replicas[0].replicate(device)?);
    }
    Ok(replicas)
}

fn work<'a>(
    job: &'a Job,
    plan: &'a Plan,
    images: &'a Arc<Images>,
    lanes: Lanes,
    stages: &'a Arc<StageClocks>,
) -> Work<'a> {
    Work {
        images,
        segments: &plan.segments,
        preprocess: &job.preprocess,
        batch: plan.run.batch_size as usize / lanes.count,
        batches: BATCHES * lanes.count,
        threads: lanes.threads_each,
        stored: job.stored,
        skip_broken: job.skip_broken,
        image_timeout: job.image_timeout,
        workers: job.workers,
        stages,
    }
}

/// Runs the pipeline. Returns the rows written; where it fails, the tuner has counted them.
fn extract(
    job: &Job,
    plan: &Plan,
    work: &Work,
    replicas: &mut [Extractor],
    (writer, tuner): (&mut RunWriter, &mut Tuner),
    signals: &Signals,
) -> Result<u64> {
    let (own, done) = (&plan.slice, plan.rows_done());
    let progress = Progress::resumed("extract", Unit::Images, own.len(), done, job.quiet);
    let sink = pipeline::Sink {
        writer,
        tuner,
        journal: &mut Journal::open(&job.out.join(own.file(Log::Memory)))?,
        progress: &progress,
        gate: &Arc::new(Gate::new(job.ram_budget)?),
    };
    pipeline::run(work, replicas, sink, signals)
}

/// Adds what bounded the process that wrote rows to its `stages.csv`. A failure is only told: it costs no row.
fn record_busy(job: &Job, plan: &Plan, busy: &Busy) {
    let file = job.out.join(plan.slice.file(Log::Stages));
    if busy.images > 0
        && let Err(error) = busy.append(&file)
    {
        say(format_args!("warning: {error:#}"));
    }
}

/// A run needs an image; a shard of it does not.
///
/// # Errors
/// Every row is one that was skipped.
fn ensure_some_image(plan: &Plan, writer: &RunWriter) -> Result<()> {
    let Some(Broken { path, reason, .. }) = writer.first_skipped() else {
        return Ok(());
    };
    if writer.skipped() < plan.slice.len() {
        return Ok(());
    }
    let what = format!(
        "none of the {} of {} could be read; the first, '{path}', {reason}",
        figures::counted(plan.slice.len(), "image"),
        plan.place()
    );
    match plan.slice.shard {
        Some(_) => say(format_args!("warning: {what}")),
        None => bail!("{what}; fix that and run the same command again; it starts over"),
    }
    Ok(())
}

fn stopped(job: &Job, plan: &Plan, rows: u64, signal: i32) -> StoppedRun {
    let done = figures::count(plan.rows_done() + rows);
    let all = figures::count(plan.slice.len());
    StoppedRun {
        signal,
        done: format!("{done} of {all} rows are done in {}", plan.place()),
        cure: match job.overwrite {
            true => "the same command without --overwrite goes on",
            false => "the same command goes on",
        },
    }
}
