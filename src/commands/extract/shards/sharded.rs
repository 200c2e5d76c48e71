//! One shard of a run. All shards share one run directory: the first to arrive begins the run for all, while it holds
//! `run.lock`; the others wait for it, and check that they are the same run. After that each holds a lock of its own,
//! and writes nothing but the parts of its own rows and the files that bear its number.

use crate::batch::Shard;
use crate::cli::WrongUsage;
use crate::commands::extract::images::image_list::ImageList;
use crate::commands::extract::images::list_writer::ListWriter;
use crate::commands::extract::images::{kept, listing, names, sources};
use crate::commands::extract::model::batch_size;
use crate::commands::extract::model::lazy_model::LazyModel;
use crate::commands::extract::model::loaded_model::LoadedModel;
use crate::commands::extract::planning::description::describe;
use crate::commands::extract::planning::plan::Plan;
use crate::commands::extract::setup::Setup;
use crate::commands::extract::shards::takeover::{is_another, make_way};
use crate::commands::extract::shards::turn::lock_to_begin;
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

/// All that computing the shard needs. `None` for `--dry-run`, which prints the plan.
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
    let mut model = LazyModel::new(job);
    if job.dry_run {
        dry_run(job, shard, &found, model)?;
        return Ok(None);
    }
    let space = existing_above(&job.out);
    make_way(job, shard, &found, &mut model)?;
    let lock = loop {
        begin(job, shard, &found, &mut model)?;
        let lock = RunLock::take_shard(&job.out, shard.index, |line| say(line))?;
        // One that starts over removes run.toml first, and looks for our lock then.
        if RunDir::is_at(&job.out) {
            break lock;
        }
    };
    let run = Run::read(&job.out)?;
    let images = images_of(job, shard, &found, &run)?;
    let mut model = model.take(&images)?;
    let plan = join(job, shard, run, &images, &mut model)?;
    require_space(space, plan.space_needed()?)?;
    plan.begin(&images)?;
    Ok(Some(Setup {
        images,
        extractor: model.extractor,
        plan,
        lock,
    }))
}

/// Begins the run, unless another shard has begun it.
fn begin(job: &Job, shard: Shard, found: &SourceList, model: &mut LazyModel) -> Result<()> {
    let Some(_lock) = lock_to_begin(&job.out)? else {
        return Ok(());
    };
    finish_discarding(&job.out)?;
    remove_partials(&job.out, |name| is_partial_of(&LIST_FILES, name))?;
    let mut list = ListWriter::new(&job.out)?;
    let listed = listing::list(job, found, |names, places| list.add(names, places))?;
    let model = model.get(&listed.first)?;
    let (run, forecast) = model.first_run(job, shard, &listed)?;
    forecast.ensure_fits(job.ram_budget, run.batch_size)?;
    let slice = Slice::whole(&run);
    let plan = Plan::new(job, run, slice, &listed.first, &forecast)?;
    // Better one refusal now than one for each shard in a week.
    require_space(existing_above(&job.out), plan.space_needed()?)?;
    plan.begin_with(|| list.finish(&plan.run, found))
}

/// The images of this shard of a run that has begun.
fn images_of(job: &Job, shard: Shard, found: &SourceList, run: &Run) -> Result<Arc<Images>> {
    ensure_same_shards(job, run)?;
    let rows = Slice::shard(run, shard.index).rows;
    let images = match sources::of_run(job, found, run, &rows)? {
        Some(images) => images,
        None => restored(job, found, run)?.within(&rows),
    };
    sources::ensure_same_list(job, found, run, &rows)?;
    Ok(Arc::new(images))
}

/// The plan of this shard of a run that has begun, for its images. The model takes the run's batches from then on.
fn join(
    job: &Job,
    shard: Shard,
    run: Run,
    images: &Images,
    model: &mut LoadedModel,
) -> Result<Plan> {
    let slice = Slice::shard(&run, shard.index);
    let batch = run.batch_size;
    let forecast = batch_size::forecast(job, images, &model.extractor)?;
    model.set_batch(job, batch)?;
    ensure_fits(job, shard, &forecast, batch)?;
    let list = ImageList {
        images: run.images,
        digest: run.image_list.clone(),
    };
    let described = describe(job, &list, &model.extractor, &model.fingerprint, batch);
    let asked = Run {
        shards: shard.count,
        batch_size: job
            .batch_size
            .map_or(batch, |asked| (asked as u64).min(run.images)),
        ..described
    };
    Plan::new(job, asked, slice, images, &forecast)
}

/// Checks the number of shards again: it may have been read from elsewhere, before the run began.
fn ensure_same_shards(job: &Job, run: &Run) -> Result<()> {
    let wish = job.shard.as_ref();
    wish.map_or(Ok(()), |wish| {
        wish.resolve(Some(run.shards), &job.out).map(drop)
    })
}

/// Shards are cut at multiples of the run's batch size, so a shard cannot choose another: that one has to fit into its
/// memory.
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

/// All images of the run, if `file_names.txt` was lost: they are searched for again, and if they are the same, the file is
/// written again.
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

/// Prints the plan of the shard: of the run that has begun, or else of the one that would begin.
fn dry_run(job: &Job, shard: Shard, found: &SourceList, mut model: LazyModel) -> Result<()> {
    let held = match is_abandoned(&job.out)? && is_another(job, shard, found, &mut model)? {
        true => None,
        false => RunDir::run_at(&job.out)?,
    };
    let plan = match held {
        Some(run) => {
            let images = images_of(job, shard, found, &run)?;
            join(job, shard, run, &images, model.get(&images)?)?
        }
        None => {
            let listed = listing::list(job, found, |_, _| Ok(()))?;
            let (run, forecast) = model.get(&listed.first)?.first_run(job, shard, &listed)?;
            let slice = Slice::shard(&run, shard.index);
            Plan::new(job, run, slice, &listed.first, &forecast)?
        }
    };
    plan.print(job.json)
}
