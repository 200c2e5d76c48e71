//! Which shard of the run this process does.

use crate::batch::Shard;
use crate::job::Job;
use crate::run::binding::is_abandoned;
use crate::run::directory::RunDir;
use crate::text::printing::say;
use crate::text::shell;
use anyhow::{Result, bail};

/// `None` if one process does the whole run.
///
/// # Errors
/// The run that the directory holds is divided into other shards, or cannot be read.
pub fn find(job: &Job) -> Result<Option<Shard>> {
    let mut shards = match job.overwrite {
        true => None, // the run goes, and may be none that can be read
        false => RunDir::run_at(&job.out)?.map(|run| run.shards),
    };
    let Some(wish) = &job.shard else {
        return ensure_one_process(job, shards).map(|()| None);
    };
    let shard = match wish.resolve(shards, &job.out) {
        Err(_) if is_abandoned(&job.out)? => {
            shards = None; // that run will be removed
            wish.resolve(None, &job.out)?
        }
        shard => shard?,
    };
    if let Some(line) = wish.line(shard, &job.out, shards.is_some()) {
        say(line);
    }
    Ok((shard.count > 1).then_some(shard))
}

/// # Errors
/// The run that the directory holds has several shards.
fn ensure_one_process(job: &Job, shards: Option<u64>) -> Result<()> {
    if let Some(shards) = shards.filter(|&shards| shards > 1)
        && !is_abandoned(&job.out)?
    {
        bail!(
            "'{}' holds a run of {shards} shards; pass --shard I/{shards} (see: featx inspect {}), or choose another --out",
            job.out.display(),
            shell::word(&job.out)
        );
    }
    Ok(())
}
