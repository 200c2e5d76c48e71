//! One shard of a run. All shards share one run directory: the first to arrive begins the run for all, while it holds
//! `run.lock`; the others wait for it, and check that they are the same run. After that each holds a lock of its own,
//! and writes nothing but the parts of its own rows and the files that bear its number.

use crate::batch::Shard;
use crate::cli::WrongUsage;
use crate::commands::extract::names::{ImageList, ListWriter};
use crate::commands::extract::plan::{Plan, starting_over_line};
use crate::commands::extract::sources::Listed;
use crate::commands::extract::{Ready, names, prepare, sources};
use crate::job::Job;
use crate::memory::Forecast;
use crate::model::Extractor;
use crate::rows::durable::{existing_above, require_space};
use crate::rows::unfinished_file::{is_partial_of, remove_partials};
use crate::run::binding::{is_abandoned, is_bound};
use crate::run::directory::RunDir;
use crate::run::discard::{discard, finish_discarding};
use crate::run::lock::{InUse, RunLock};
use crate::run::record::{FILE_NAMES, LIST_FILES, Run};
use crate::run::slice::{Slice, running_shards};
use crate::sources::{Images, SourceList};
use crate::text::figures;
use crate::text::printing::say;
use anyhow::{Result, bail, ensure};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The first shard may search a folder of millions of images on a slow filesystem.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Of a thousand waiting shards, one asks every two milliseconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The run in a directory, where there is one.
///
/// # Errors
/// A `run.toml` that cannot be read.
pub fn run_at(directory: &Path) -> Result<Option<Run>> {
    match RunDir::is_at(directory) {
        true => Run::read(directory).map(Some),
        false => Ok(None),
    }
}

/// All that computing the shard needs; none for `--dry-run`, which prints the plan.
///
/// # Errors
/// It is not the run that the directory holds, another process computes this shard, or the run cannot be begun.
pub fn ready(job: &Job, shard: Shard) -> Result<Option<Ready>> {
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
    Ok(Some(Ready {
        images,
        extractor,
        plan,
        _lock: lock,
    }))
}

/// The model, and the batch size that it is set to.
struct Loaded {
    extractor: Extractor,
    fingerprint: String,
    batch: Option<u64>,
}

/// Removes a run that has no row of any image and that is another than this one: a start that failed. While one shard
/// compares the two, which has it search the images, the others wait for it.
fn make_way(
    job: &Job,
    shard: Shard,
    found: &SourceList,
    loaded: &mut Option<Loaded>,
) -> Result<()> {
    let began = Instant::now();
    while is_abandoned(&job.out)? {
        match RunLock::take(&job.out, |_| {}) {
            Ok(_lock) => {
                let is_left = RunDir::is_at(&job.out)
                    && running_shards(&job.out)?.is_empty()
                    && !is_bound(&job.out)?;
                if is_left && is_another(job, shard, found, loaded)? {
                    say(starting_over_line(&job.out));
                    discard(&job.out)?;
                }
                return Ok(());
            }
            Err(error) if error.is::<InUse>() && began.elapsed() < LONGEST_WAIT => {
                sleep(FIRST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the run that the directory holds is not the one that this shard would begin.
fn is_another(
    job: &Job,
    shard: Shard,
    found: &SourceList,
    loaded: &mut Option<Loaded>,
) -> Result<bool> {
    let held = Run::read(&job.out)?;
    if sources::have_changed(job, found, &held)? {
        return Ok(true);
    }
    let listed = sources::list_beside(job, found, &held)?;
    let run = first_run(job, shard, &listed, load(job, &listed.first, loaded)?)?.0;
    let asked = Run {
        batch_size: match job.batch_size {
            Some(_) => run.batch_size,
            None => held.batch_size, // by the memory of whoever began it
        },
        ..run
    };
    Ok(held.difference(&asked).is_some())
}

/// The model, loaded once there are images to try it on.
fn load<'a>(
    job: &Job,
    images: &Arc<Images>,
    loaded: &'a mut Option<Loaded>,
) -> Result<&'a mut Loaded> {
    if loaded.is_none() {
        let (extractor, fingerprint) = prepare::load_model(job, prepare::probe(job, images))?;
        *loaded = Some(Loaded {
            extractor,
            fingerprint,
            batch: None,
        });
    }
    Ok(loaded.as_mut().expect("it is loaded"))
}

/// Begins the run, unless another shard has, or does.
fn begin(job: &Job, shard: Shard, found: &SourceList, loaded: &mut Option<Loaded>) -> Result<()> {
    let Some(_lock) = lock_to_begin(&job.out)? else {
        return Ok(());
    };
    finish_discarding(&job.out)?;
    remove_partials(&job.out, |name| is_partial_of(&LIST_FILES, name))?;
    let mut list = ListWriter::new(&job.out)?;
    let listed = sources::list(job, found, |names, places| list.add(names, places))?;
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

/// The run, as its first process describes it.
fn first_run(
    job: &Job,
    shard: Shard,
    listed: &Listed,
    loaded: &mut Loaded,
) -> Result<(Run, Forecast)> {
    let extractor = &mut loaded.extractor;
    let own_names = listed.bytes / shard.count;
    let forecast = prepare::forecast(job, &listed.first, extractor)?.holding(own_names);
    let batch = prepare::batch(job, extractor, &forecast, listed.list.images);
    prepare::set_batch(extractor, batch)?;
    prepare::refuse_varying(job, extractor)?;
    let run = prepare::describe(job, &listed.list, extractor, &loaded.fingerprint, batch);
    let shards = shard.count;
    Ok((Run { shards, ..run }, forecast))
}

/// Takes `run.lock`; none once there is a run. Where another process holds the lock, that one begins the run: waits for
/// it, and takes its place should it die.
fn lock_to_begin(directory: &Path) -> Result<Option<RunLock>> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let said = Cell::new(false);
    let say_once = |line: &str| {
        if !said.replace(true) {
            say(line);
        }
    };
    while !RunDir::is_at(directory) {
        // Trying to take the lock writes into the directory: an NFS client looks anew then, also for run.toml. Others may
        // not, so that who has the lock asks the directory for its list.
        let error = match RunLock::take(directory, say_once) {
            Ok(lock) => return Ok((!RunDir::is_listed_at(directory)?).then_some(lock)),
            Err(error) => error,
        };
        let Some(InUse { who, .. }) = error.downcast_ref() else {
            return Err(error);
        };
        if began.elapsed() > Duration::from_secs(1) {
            let out = directory.display();
            say_once(&format!("waiting for {who} to begin the run in '{out}'"));
        }
        ensure!(
            began.elapsed() < LONGEST_WAIT,
            "{who} holds the lock on '{}' but has not started the run after {}; check that process, then start this shard \
             again",
            directory.display(),
            figures::duration(LONGEST_WAIT)
        );
        sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(None)
}

/// The plan of this shard of a run that has begun, and its images.
fn join(
    job: &Job,
    shard: Shard,
    found: &SourceList,
    run: Run,
    loaded: &mut Option<Loaded>,
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
    let forecast = prepare::forecast(job, &images, &loaded.extractor)?;
    if loaded.batch != Some(batch) {
        prepare::set_batch(&mut loaded.extractor, batch)?;
        prepare::refuse_varying(job, &loaded.extractor)?;
    }
    ensure_fits(job, shard, &forecast, batch)?;
    let list = ImageList {
        images: run.images,
        digest: run.image_list.clone(),
    };
    let described = prepare::describe(job, &list, &loaded.extractor, &loaded.fingerprint, batch);
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
        sources::keep(&job.out, &images, run)?;
    }
    Ok(images)
}

/// Prints the plan of the shard, of the run that has begun or of one that would begin.
fn dry_run(job: &Job, shard: Shard, found: &SourceList, loaded: &mut Option<Loaded>) -> Result<()> {
    let held = match is_abandoned(&job.out)? && is_another(job, shard, found, loaded)? {
        true => None,
        false => run_at(&job.out)?,
    };
    let plan = match held {
        Some(run) => join(job, shard, found, run, loaded)?.0,
        None => {
            let listed = sources::list(job, found, |_, _| Ok(()))?;
            let loaded = load(job, &listed.first, loaded)?;
            let (run, forecast) = first_run(job, shard, &listed, loaded)?;
            let slice = Slice::shard(&run, shard.index);
            Plan::new(job, run, slice, &listed.first, &forecast)?
        }
    };
    plan.print(job.json)
}
