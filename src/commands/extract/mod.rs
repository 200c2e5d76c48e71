//! `featx extract`: the activations of layers, for images, into parts.
//!
//! `whole` or `shards` sets up what computing needs: the images, the model, a plan, and a lock. `compute` does the rest.

mod compute;
mod extraction;
mod images;
mod model;
mod planning;
mod provenance;
mod setup;
mod shards;
mod summary;
mod whole;

use crate::cli::extract::Extract;
use crate::job::Job;
use crate::rows::bus_error::explain_bus_errors;
use anyhow::Result;
use std::time::Instant;

/// # Errors
/// Whatever stopped it, worded for the user; the rows before it are in sealed parts.
pub fn run(typed: Extract) -> Result<()> {
    let started = Instant::now();
    let job = Job::new(typed)?;
    let shard = shards::own_shard::find(&job)?;
    if !job.dry_run {
        explain_bus_errors(lost_file(&job))?;
    }
    let setup = match shard {
        Some(shard) => shards::sharded::set_up(&job, shard)?,
        None => whole::set_up(&job)?,
    };
    setup.map_or(Ok(()), |setup| compute::compute(&job, setup, started))
}

/// What is said where a mapped file loses its bytes.
fn lost_file(job: &Job) -> String {
    format!(
        "error: a file in '{}', or '{}', was truncated by another program while featx had it mapped, or its disk failed \
         (SIGBUS); sealed parts are whole, and the same command goes on after them\n",
        job.out.display(),
        job.model.display()
    )
}
