//! The rows of a plan, computed and written.

use crate::commands::extract::extraction::{Ended, Extraction};
use crate::commands::extract::planning::plan::Plan;
use crate::commands::extract::setup::Setup;
use crate::commands::extract::summary::{Summary, Times};
use crate::job::Job;
use crate::run::busy::Busy;
use crate::run::errors::Broken;
use crate::run::log::Log;
use crate::run::writer::RunWriter;
use crate::signals::{Signals, StoppedRun};
use crate::text::figures;
use crate::text::printing::say;
use anyhow::{Result, bail};
use std::time::Instant;

/// Prepares, runs, records and summarises; `started`: when the program began.
///
/// # Errors
/// Whatever stopped it; the rows before it are in sealed parts.
pub fn compute(job: &Job, setup: Setup, started: Instant) -> Result<()> {
    let mut extraction = Extraction::prepare(job, setup)?;
    let Ended {
        rows,
        extracting,
        busy,
    } = extraction.run();

    let Extraction {
        plan,
        writer,
        provenance,
        signals,
        ..
    } = &extraction;
    // Before its error is returned: the rows that a run wrote until it failed took their time too.
    record_busy(job, plan, &busy);
    let rows = rows?;
    // A second time: a form that failed on the way left its place to another.
    provenance.record();

    ensure_not_stopped(job, plan, rows, signals)?;
    ensure_some_image(plan, writer)?;
    let times = Times {
        whole: started.elapsed(),
        extracting,
    };
    Summary::new(job, plan, writer, provenance.form(), times, busy)
        .print(job, &plan.slice.file(Log::Errors))
}

/// Adds a line to `stages.csv`: what bounded this process, if it wrote rows. A failure costs no row, so it is only said.
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

/// # Errors
/// A signal came before the last row.
fn ensure_not_stopped(job: &Job, plan: &Plan, rows: u64, signals: &Signals) -> Result<()> {
    match signals.noted() {
        Some(signal) if rows < plan.todo.len() => Err(stopped(job, plan, rows, signal).into()),
        _ => Ok(()),
    }
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
