//! `featx extract`: the activations of layers, for images, into parts.

mod lanes;
mod names;
mod plan;
mod prepare;
mod provenance;
mod resume;
mod sharded;
mod sources;
mod summary;
mod whole;

use crate::batch::Shard;
use crate::cli::choices::FormChoice;
use crate::cli::extract::Extract;
use crate::job::Job;
use crate::memory::{Gate, Tuner};
use crate::model::{self, Extractor, Form, FormWish};
use crate::pipeline::{self, BATCHES, StageClocks, Work};
use crate::rows::bus_error::explain_bus_errors;
use crate::run::binding::is_abandoned;
use crate::run::busy::Busy;
use crate::run::errors::Broken;
use crate::run::journal::Journal;
use crate::run::lock::RunLock;
use crate::run::slice::Log;
use crate::run::writer::RunWriter;
use crate::signals::{Signals, StoppedRun};
use crate::sources::Images;
use crate::text::figures;
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use crate::text::shell;
use anyhow::{Result, bail};
use plan::Plan;
use provenance::Provenance;
use std::sync::Arc;
use std::time::Instant;
use summary::{Summary, Times};

/// # Errors
/// Whatever stopped it, worded for the user; the rows before it are in sealed parts.
pub fn run(typed: Extract) -> Result<()> {
    let started = Instant::now();
    let job = Job::new(typed)?;
    let shard = find_shard(&job)?;
    if !job.dry_run {
        explain_bus_errors(&job.out, &job.model)?;
    }
    let ready = match shard {
        Some(shard) => sharded::ready(&job, shard)?,
        None => whole::ready(&job)?,
    };
    let Some(ready) = ready else { return Ok(()) };
    compute(&job, ready, started)
}

/// What computing needs. Until it is dropped, nobody else writes what it writes.
struct Ready {
    images: Arc<Images>,
    extractor: Extractor,
    plan: Plan,
    _lock: RunLock,
}

/// None where one process does the whole run.
fn find_shard(job: &Job) -> Result<Option<Shard>> {
    let run = || match job.overwrite {
        true => Ok(None), // it goes, and may be none that can be read
        false => sharded::run_at(&job.out),
    };
    let Some(wish) = &job.shard else {
        if let Some(run) = run()?.filter(|run| run.shards > 1)
            && !is_abandoned(&job.out)?
        {
            bail!(
                "'{}' holds a run of {} shards; pass --shard I/{} (see: featx inspect {}), or choose another --out",
                job.out.display(),
                run.shards,
                run.shards,
                shell::word(&job.out)
            );
        }
        return Ok(None);
    };
    let mut run = run()?;
    let shard = match wish.resolve(run.as_ref().map(|run| run.shards), &job.out) {
        Err(_) if is_abandoned(&job.out)? => {
            run = None; // and so it will be
            wish.resolve(None, &job.out)?
        }
        shard => shard?,
    };
    if let Some(line) = wish.line(shard, &job.out, run.is_some()) {
        say(line);
    }
    Ok((shard.count > 1).then_some(shard))
}

fn compute(job: &Job, ready: Ready, started: Instant) -> Result<()> {
    let Ready {
        images,
        mut extractor,
        mut plan,
        _lock,
    } = ready;
    let lanes = settle_lanes(job, &mut plan, &mut extractor)?;
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

/// What computes a batch: so many lanes side by side, of so many threads each.
#[derive(Clone, Copy)]
struct Lanes {
    count: usize,
    threads_each: usize,
}

/// Chooses the lanes, and the form of the graph, which is tried with a lane's share of the batch and of the threads.
fn settle_lanes(job: &Job, plan: &mut Plan, extractor: &mut Extractor) -> Result<Lanes> {
    let is_long = extractor.pays_to_choose_form(plan.run.images);
    let count = lanes::lanes(job, plan.run.batch_size, is_long);
    let threads_each = job.threads_per_lane(count);
    extractor.divide_batch(count);
    model::set_threads(threads_each);
    if is_long {
        choose_form(job, plan, extractor)?;
    }
    Ok(Lanes {
        count,
        threads_each,
    })
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

/// Adds what bounded the process that wrote rows to its `stages.csv`. Rows are not lost for it: what fails is said.
fn record_busy(job: &Job, plan: &Plan, busy: &Busy) {
    let file = job.out.join(plan.slice.file(Log::Stages));
    if busy.images > 0
        && let Err(error) = busy.append(&file)
    {
        say(format_args!("warning: {error:#}"));
    }
}

/// Where the user leaves it open, and the budget has room. A run that goes on stays with the form that it was begun in, so
/// that it ends in the same bytes however busy the machine is.
fn choose_form(job: &Job, plan: &mut Plan, extractor: &mut Extractor) -> Result<()> {
    let held = plan.held.as_ref();
    let same_device = held.filter(|held| held.device == plan.run.device);
    let form = same_device.and_then(|held| Form::named(held.form.as_deref()?));
    let wish = match (job.form, form) {
        (FormChoice::Auto, Some(form)) => FormWish::As(form),
        (FormChoice::Auto, None) => FormWish::Fastest,
        (FormChoice::Faster, _) => FormWish::Faster,
        (FormChoice::Plain, _) => FormWish::As(Form::Plain),
    };
    if wish != FormWish::As(Form::Plain) && plan.allow(extractor.bytes_of_faster_forms()) {
        extractor.choose_form(wish)?;
    }
    Ok(())
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
