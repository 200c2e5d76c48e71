//! One shard of a run. All shards share one run directory: the first to arrive begins the run for all, while it holds
//! `run.lock`; the others wait for it, and check that they are the same run. After that each holds a lock of its own,
//! and writes nothing but the parts of its own rows and the files that bear its number.

use crate::batch::Shard;
use crate::cli::WrongUsage;
use crate::commands::extract::description::describe;
use crate::commands::extract::image_list::ImageList;
use crate::commands::extract::list_writer::ListWriter;
use crate::commands::extract::loaded_model::{LoadedModel, first_run, load};
use crate::commands::extract::plan::Plan;
use crate::commands::extract::setup::Setup;
use crate::commands::extract::takeover::{is_another, make_way};
use crate::commands::extract::turn::lock_to_begin;
use crate::commands::extract::{batch_size, kept, listing, names, sources, varying};
use crate::job::Job;
use crate::memory::Forecast;
use crate::rows::durable::{existing_above, require_space};
use crate::rows::unfinished_file::{is_partial_of, remove_partials};
use crate::run::binding::is_abandoned;
use crate::run::directory::RunDir;
use crate::run::discard::finish_discarding;
use crate::run::lock::RunLock;
use crate::run::record::{FILE_NAMES, LIST_FILES, Run};
use crate::run::slice::Slice;
use crate::sources::{Images, SourceList};
use crate::text::figures;
use crate::text::printing::say;
use anyhow::{Result, bail, ensure};
use std::sync::Arc;

/// All that computing the shard needs; none for `--dry-run`, which prints the plan.
///
/// # Errors
/// It is not the run that the directory holds, another process computes this shard, or the run cannot begin.
pub fn set_up(job: &Job, shard: Shard) -> Result<Option<Setup>> {
    ensure!(
        !job.overwrite,
        WrongUsage(format!(
            "--overwrite would remove what other shards have done; choose another --out, or remove '{}' before you submit \
             the shards",
            job.out.display()
        ))
    );
    let found = SourceList::new(&job.images)?;
    let mut loaded = None;
    if job.dry_run {
        dry_run(job, shard, &found, &mut loaded)?;
        return Ok(None);
    }
    let space = existing_above(&job.out);
    make_way(job, shard, &found, &mut loaded)?;
    let lock = loop {
        begin(job, shard, &found, &mut loaded)?;
        let lock = RunLock::take_shard(&job.out, shard.index, |line| say(line))?;
        // One that starts over removes run.toml first, and looks for our lock then.
        if RunDir::is_at(&job.out) {
            break lock;
        }
    };
    let run = Run::read(&job.out)?;
    let (plan, images) = join(job, shard, &found, run, &mut loaded)?;
    require_space(space, plan.space_needed()?)?;
    plan.begin(&images)?;
    let extractor = loaded.expect("joining loads the model").extractor;
    Ok(Some(Setup {
        images,
        extractor,
        plan,
        lock,
    }))
}

/// Begins the run, unless another shard has, or does.
fn begin(
    job: &Job,
    shard: Shard,
    found: &SourceList,
    loaded: &mut Option<LoadedModel>,
) -> Result<()> {
    let Some(_lock) = lock_to_begin(&job.out)? else {
        return Ok(());
    };
    finish_discarding(&job.out)?;
    remove_partials(&job.out, |name| is_partial_of(&LIST_FILES, name))?;
    let mut list = ListWriter::new(&job.out)?;
    let listed = listing::list(job, found, |names, places| list.add(names, places))?;
    let loaded = load(job, &listed.first, loaded)?;
    let (run, forecast) = first_run(job, shard, &listed, loaded)?;
    forecast.ensure_fits(job.ram_budget, run.batch_size)?;
    let (slice, batch) = (Slice::whole(&run), run.batch_size);
    let plan = Plan::new(job, run, slice, &listed.first, &forecast)?;
    // Better one refusal now than one for each shard in a week.
    require_space(existing_above(&job.out), plan.space_needed()?)?;
    plan.begin_with(|| list.finish(&plan.run, found))?;
    loaded.batch = Some(batch);
    Ok(())
}

/// The plan of this shard of a run that has begun, and its images.
fn join(
    job: &Job,
    shard: Shard,
    found: &SourceList,
    run: Run,
    loaded: &mut Option<LoadedModel>,
) -> Result<(Plan, Arc<Images>)> {
    ensure_same_shards(job, &run)?;
    let slice = Slice::shard(&run, shard.index);
    let images = match sources::of_run(job, found, &run, &slice.rows)? {
        Some(images) => images,
        None => restored(job, found, &run)?.within(&slice.rows),
    };
    sources::ensure_same_list(job, found, &run, &slice.rows)?;
    let batch = run.batch_size;
    let images = Arc::new(images);
    let loaded = load(job, &images, loaded)?;
    let forecast = batch_size::forecast(job, &images, &loaded.extractor)?;
    if loaded.batch != Some(batch) {
        batch_size::set(&mut loaded.extractor, batch)?;
        varying::refuse(job, &loaded.extractor)?;
    }
    ensure_fits(job, shard, &forecast, batch)?;
    let list = ImageList {
        images: run.images,
        digest: run.image_list.clone(),
    };
    let described = describe(job, &list, &loaded.extractor, &loaded.fingerprint, batch);
    let asked = Run {
        shards: shard.count,
        batch_size: job
            .batch_size
            .map_or(batch, |asked| (asked as u64).min(run.images)),
        ..described
    };
    let plan = Plan::new(job, asked, slice, &images, &forecast)?;
    Ok((plan, images))
}

/// The number of shards may have been taken from elsewhere than this run, before it began.
fn ensure_same_shards(job: &Job, run: &Run) -> Result<()> {
    let wish = job.shard.as_ref();
    wish.map_or(Ok(()), |wish| {
        wish.resolve(Some(run.shards), &job.out).map(drop)
    })
}

/// The run's batches, at whose multiples shards are cut, have to fit into this shard's memory.
fn ensure_fits(job: &Job, shard: Shard, forecast: &Forecast, batch: u64) -> Result<()> {
    let floor = forecast.floor(batch);
    ensure!(
        floor <= job.ram_budget,
        "shard {}/{} needs {} for the batches of {batch} of the run in '{}', and --ram-budget is {}; give it more memory, \
         or start the run over with a smaller --batch-size",
        shard.index,
        shard.count,
        figures::bytes(floor),
        job.out.display(),
        figures::bytes(job.ram_budget)
    );
    Ok(())
}

/// All images of the run, where `file_names.txt` was lost: searched for again, and the file written again, if they are
/// the same.
fn restored(job: &Job, found: &SourceList, run: &Run) -> Result<Images> {
    let path = job.out.join(FILE_NAMES);
    let images = sources::find(job, found)?;
    if ImageList::of(&images).digest != run.image_list {
        bail!(
            "'{}' is missing or changed, and the images are others than those that the run began with; restore it, or \
             choose another --out",
            path.display()
        );
    }
    // All shards may come here at once; whoever writes it writes the same.
    if !job.dry_run
        && let Ok(_lock) = RunLock::take(&job.out, |_| {})
    {
        say(format_args!(
            "'{}' was missing or changed; written again",
            path.display()
        ));
        names::write(&job.out, run, &images)?;
        kept::keep(&job.out, &images, run)?;
    }
    Ok(images)
}

/// Prints the plan of the shard, of the run that has begun or of one that would begin.
fn dry_run(
    job: &Job,
    shard: Shard,
    found: &SourceList,
    loaded: &mut Option<LoadedModel>,
) -> Result<()> {
    let held = match is_abandoned(&job.out)? && is_another(job, shard, found, loaded)? {
        true => None,
        false => RunDir::run_at(&job.out)?,
    };
    let plan = match held {
        Some(run) => join(job, shard, found, run, loaded)?.0,
        None => {
            let listed = listing::list(job, found, |_, _| Ok(()))?;
            let loaded = load(job, &listed.first, loaded)?;
            let (run, forecast) = first_run(job, shard, &listed, loaded)?;
            let slice = Slice::shard(&run, shard.index);
            Plan::new(job, run, slice, &listed.first, &forecast)?
        }
    };
    plan.print(job.json)
}
