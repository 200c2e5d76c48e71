//! What stands in a shard's way: a run that failed before it had a row of any image.

use crate::batch::Shard;
use crate::commands::extract::images::kept_places::have_changed;
use crate::commands::extract::images::listing::list_beside;
use crate::commands::extract::model::lazy_model::LazyModel;
use crate::commands::extract::planning::start::starting_over_line;
use crate::commands::extract::shards::turn::{FIRST_PAUSE, LONGEST_WAIT};
use crate::job::Job;
use crate::run::binding::{is_abandoned, is_bound};
use crate::run::directory::RunDir;
use crate::run::discard::discard;
use crate::run::lock::{OtherWriter, RunLock};
use crate::run::record::Run;
use crate::run::shard_files::running_shards;
use crate::sources::SourceList;
use crate::text::printing::say;
use anyhow::Result;
use std::thread::sleep;
use std::time::Instant;

/// Removes another run than this one if it has no row of any image: its start failed. One shard compares the two, for which
/// it searches the images; the others wait.
pub fn make_way(job: &Job, shard: Shard, found: &SourceList, model: &mut LazyModel) -> Result<()> {
    let began = Instant::now();
    while is_abandoned(&job.out)? {
        match RunLock::take(&job.out, |_| {}) {
            Ok(_lock) => {
                let is_left = RunDir::is_at(&job.out)
                    && running_shards(&job.out)?.is_empty()
                    && !is_bound(&job.out)?;
                if is_left && is_another(job, shard, found, model)? {
                    say(starting_over_line(&job.out));
                    discard(&job.out)?;
                }
                return Ok(());
            }
            Err(error) if error.is::<OtherWriter>() && began.elapsed() < LONGEST_WAIT => {
                sleep(FIRST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the run that the directory holds is not the one that this shard would begin.
pub fn is_another(
    job: &Job,
    shard: Shard,
    found: &SourceList,
    model: &mut LazyModel,
) -> Result<bool> {
    let held = Run::read(&job.out)?;
    if have_changed(job, found, &held)? {
        return Ok(true);
    }
    let listed = list_beside(job, found, &held)?;
    let (run, _) = model.get(&listed.first)?.first_run(job, shard, &listed)?;
    let asked = Run {
        batch_size: match job.batch_size {
            Some(_) => run.batch_size,
            None => held.batch_size, // by the memory of whoever began it
        },
        ..run
    };
    Ok(held.difference(&asked).is_some())
}
