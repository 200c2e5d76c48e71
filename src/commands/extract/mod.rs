//! `featx extract`: the activations of layers, for images, into parts.

mod batch_size;
mod change;
mod compute;
mod description;
mod extraction;
mod form;
mod image_list;
mod kept;
mod kept_places;
mod lanes;
mod lazy_model;
mod list_writer;
mod listing;
mod load;
mod loaded_model;
mod names;
mod outline;
mod own_shard;
mod plan;
mod probe;
mod provenance;
mod resume;
mod segments;
mod setup;
mod sharded;
mod sources;
mod start;
mod summary;
mod takeover;
mod turn;
mod varying;
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
    let shard = own_shard::find(&job)?;
    if !job.dry_run {
        explain_bus_errors(lost_file(&job))?;
    }
    let setup = match shard {
        Some(shard) => sharded::set_up(&job, shard)?,
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
