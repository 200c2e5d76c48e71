//! The images of a run: searched for when it begins; after that, those that its directory names.

use crate::commands::extract::names::{self, ImageList};
use crate::commands::extract::{prepare, sharded};
use crate::job::Job;
use crate::run::binding::is_bound;
use crate::run::name_index::Lines;
use crate::run::record::{FILE_NAMES, Run};
use crate::run::sources::{KeptFile, KeptSource, KeptSources, PlacesWriter, read_places, sample};
use crate::sources::{FileNames, Images, Kind, NamedSource, Place, SourceList, is_file, quoted};
use crate::text::figures;
use crate::text::printing::say;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// All images of the run that is asked for. Archives that it has searched already are not searched again.
///
/// # Errors
/// Sources or a list that cannot be read, or that give no image; an archive that has changed since the run began.
pub fn find(job: &Job, found: &SourceList) -> Result<Images> {
    let images = search(job, found)?;
    images.ensure_fit(&job.preprocess)?;
    Ok(images)
}

fn search(job: &Job, found: &SourceList) -> Result<Images> {
    let run = match job.overwrite {
        true => None,
        false => sharded::run_at(&job.out)?,
    };
    if let Some(run) = run
        && let Some(kept) = searched(job, found, &run)?
        && let Some(places) = kept.places(job, &run, &(0..run.images))
        && let Some(names) = names::read(&job.out, &run, &(0..run.images))?
    {
        return found.clone().placed(0, names, places);
    }
    found.clone().all(job.list.as_deref(), |line| say(line))
}

/// What the search for a run's images has left, where another would find the same.
///
/// # Errors
/// A source is no longer what it was, and the run has rows of it.
fn searched(job: &Job, found: &SourceList, run: &Run) -> Result<Option<Kept>> {
    let kept = kept(job, run, found)?;
    // Images in folders may come and go.
    let is_fixed = found
        .sources()
        .iter()
        .all(|named| named.kind != Kind::Folder);
    let is_same = kept.is_some() && is_fixed && is_list_of(job, run, found, &(0..run.images))?;
    Ok(kept.filter(|_| is_same))
}

/// The images of a run that begins, of which the first few alone are kept, and what they are known by.
pub struct Listed {
    pub list: ImageList,
    /// Bytes of their names and places in memory.
    pub bytes: u64,
    pub first: Arc<Images>,
}

/// The images that would be found now, beside a run that the directory holds: of archives that have not changed, that run's.
///
/// # Errors
/// As [`list`].
pub fn list_beside(job: &Job, found: &SourceList, held: &Run) -> Result<Listed> {
    let few = 0..held.images.min(prepare::FEW as u64);
    if searched(job, found, held)?.is_some()
        && let Some(first) = of_run(job, found, held, &few)?
    {
        let list = ImageList {
            images: held.images,
            digest: held.image_list.clone(),
        };
        let bytes = 0; // for a comparison none of them is held
        let first = Arc::new(first);
        return Ok(Listed { list, bytes, first });
    }
    list(job, found, |_, _| Ok(()))
}

/// Finds all images, and gives them to `take`, some at a time.
///
/// # Errors
/// As [`find`], and what `take` fails with.
pub fn list(
    job: &Job,
    found: &SourceList,
    mut take: impl FnMut(&FileNames, &[Place]) -> Result<()>,
) -> Result<Listed> {
    let (mut digest, mut images, mut bytes) = (Sha256::new(), 0, 0);
    let (mut first, mut first_places) = (FileNames::default(), Vec::new());
    found.each(
        job.list.as_deref(),
        |line| say(line),
        &mut |names, places| {
            digest.update(names.lines());
            images += names.len() as u64;
            bytes += (names.lines().len() + size_of_val(&*places)) as u64;
            let missing = prepare::FEW - first.len();
            names.iter().take(missing).for_each(|name| first.push(name));
            first_places.extend(places.iter().take(missing));
            take(&names, &places)
        },
    )?;
    let first = found.clone().placed(0, first, first_places)?;
    first.ensure_fit(&job.preprocess)?;
    Ok(Listed {
        list: ImageList {
            images,
            digest: figures::hex(&digest.finalize()),
        },
        bytes,
        first: Arc::new(first),
    })
}

/// The images of some rows of a run that has begun; none where its `file_names.txt` is lost.
///
/// # Errors
/// As [`find`].
pub fn of_run(
    job: &Job,
    found: &SourceList,
    run: &Run,
    rows: &Range<u64>,
) -> Result<Option<Images>> {
    let kept = kept(job, run, found)?;
    let Some(names) = names::read(&job.out, run, rows)? else {
        return Ok(None);
    };
    let path = job.out.join(FILE_NAMES);
    let named = || format!("'{}'", path.display());
    let found = found.clone();
    let images = match kept.and_then(|kept| kept.places(job, run, rows)) {
        Some(places) => found.placed(rows.start, names, places)?,
        None => found
            .located(rows.start, names, &path)
            .with_context(named)?,
    };
    images.ensure_fit(&job.preprocess)?;
    Ok(Some(images))
}

/// True where the run has the images of `--list`, or there is none. A list that is as long as the run's is only held
/// against it where it names these rows: each shard looks at its own.
///
/// # Errors
/// A list that cannot be read.
fn is_list_of(job: &Job, run: &Run, found: &SourceList, rows: &Range<u64>) -> Result<bool> {
    let Some(list) = &job.list else {
        return Ok(true);
    };
    if rows.is_empty() {
        return Ok(true);
    }
    let lines = Lines::open(&job.out, &run.image_list, run.images, rows);
    if is_file(list) && lines.is_some_and(|lines| lines.are_in(list)) {
        return Ok(true);
    }
    Ok(found.digest_of(list)? == run.image_list)
}

/// Keeps in the run directory what the search has found: nothing for a folder alone.
///
/// # Errors
/// A source that cannot be read; a disk that fails or is full.
pub fn keep(directory: &Path, images: &Images, run: &Run) -> Result<()> {
    if images.places().is_empty() {
        return Ok(());
    }
    if let Some(kept) = of_these(directory, run, images.sources())
        && !matches!(
            change(&kept, images.sources())?,
            Some((_, Change::Other(_)))
        )
        && read_places(directory, run.images, &(0..0)).is_some()
    {
        return Ok(());
    }
    let mut places = PlacesWriter::new(directory)?;
    places.add(images.places().iter().map(|place| place.0))?;
    places.finish()?;
    describe(run, images.sources())?.write(directory)
}

/// What `sources.toml` will say.
///
/// # Errors
/// A source that cannot be read.
pub fn describe(run: &Run, sources: &[NamedSource]) -> Result<KeptSources> {
    Ok(KeptSources {
        image_list: run.image_list.clone(),
        source: sources.iter().map(record).collect::<Result<_>>()?,
    })
}

fn record(named: &NamedSource) -> Result<KeptSource> {
    let file = |(path, stamp): (&Path, crate::sources::Stamp)| -> Result<KeptFile> {
        Ok(KeptFile {
            bytes: stamp.bytes,
            modified: stamp.modified,
            sample: sample(path, stamp.bytes)?,
        })
    };
    Ok(KeptSource {
        name: text(&named.front),
        kind: named.kind.name().to_owned(),
        path: text(&named.path),
        inside: named.inside.clone(),
        file: named.source.file().map(file).transpose()?,
    })
}

fn text(path: &Path) -> String {
    quoted(path.as_os_str().as_bytes()).into_owned()
}

/// What the search found when the run began.
struct Kept {
    sources: usize,
}

impl Kept {
    /// None where the index is lost, or is not whole.
    fn places(&self, job: &Job, run: &Run, rows: &Range<u64>) -> Option<Vec<Place>> {
        let places = read_places(&job.out, run.images, rows)?;
        let is_known = |place: &[u32; 3]| (place[0] as usize) < self.sources;
        let all = places.iter().all(is_known);
        all.then(|| places.into_iter().map(Place).collect())
    }
}

/// What the run directory keeps of these sources; none where that is of others, or of earlier versions.
///
/// # Errors
/// A source is no longer what it was, and the run has rows of it.
fn kept(job: &Job, run: &Run, found: &SourceList) -> Result<Option<Kept>> {
    let now = found.sources();
    let Some(kept) = of_these(&job.out, run, now) else {
        return Ok(None);
    };
    let (source, how) = match change(&kept, now)? {
        Some((source, Change::Other(how))) => (source, how),
        copy => {
            if let Some((source, _)) = copy {
                say(format_args!(
                    "'{}' has another date than when the run began, and is otherwise the same: it is taken for a copy",
                    source.path.display()
                ));
            }
            return Ok(Some(Kept { sources: now.len() }));
        }
    };
    if !is_bound(&job.out)? {
        return Ok(None);
    }
    // No shard may remove what the others have done.
    let or = match run.shards {
        1 => " or pass --overwrite",
        _ => "",
    };
    bail!(
        "'{}' has changed since the run in '{}' began: {how}; put it back as it was, choose another --out{or}",
        source.path.display(),
        job.out.display()
    )
}

/// Whether a source is no longer what it was when the run began.
///
/// # Errors
/// A source that cannot be read.
pub fn have_changed(job: &Job, found: &SourceList, run: &Run) -> Result<bool> {
    let Some(kept) = of_these(&job.out, run, found.sources()) else {
        return Ok(false);
    };
    let change = change(&kept, found.sources())?;
    Ok(matches!(change, Some((_, Change::Other(_)))))
}

/// What is kept, where it is of sources of these names and kinds.
fn of_these(directory: &Path, run: &Run, now: &[NamedSource]) -> Option<KeptSources> {
    KeptSources::read(directory).filter(|kept| {
        let is_same = |(then, now): (&KeptSource, &NamedSource)| {
            then.name == text(&now.front) && then.kind == now.kind.name()
        };
        kept.image_list == run.image_list
            && kept.source.len() == now.len()
            && kept.source.iter().zip(now).all(is_same)
    })
}

/// How a source is another than it was when the run began.
enum Change {
    /// It has another date alone.
    Copy,
    Other(String),
}

/// The first source that is no longer the same, or else the first that is a copy. Whose size and date are as they were is
/// not read.
///
/// # Errors
/// A source that cannot be read.
fn change<'a>(
    kept: &KeptSources,
    now: &'a [NamedSource],
) -> Result<Option<(&'a NamedSource, Change)>> {
    let mut first = None;
    for (then, now) in kept.source.iter().zip(now) {
        match change_of(then, now)? {
            Some(other @ Change::Other(_)) => return Ok(Some((now, other))),
            Some(copy) => first = first.or(Some((now, copy))),
            None => {}
        }
    }
    Ok(first)
}

fn change_of(then: &KeptSource, now: &NamedSource) -> Result<Option<Change>> {
    if then.inside != now.inside {
        let column = |inside: &Option<String>| match inside {
            Some(name) => format!("':{name}'"),
            None => "no column".to_owned(),
        };
        let (then, now) = (column(&then.inside), column(&now.inside));
        let how = format!("{then} was named then, and {now} now");
        return Ok(Some(Change::Other(how)));
    }
    let (Some(then), Some((path, stamp))) = (&then.file, now.source.file()) else {
        return Ok(None);
    };
    if (then.bytes, then.modified) == (stamp.bytes, stamp.modified) {
        return Ok(None);
    }
    if then.bytes != stamp.bytes {
        let [then, now] = [then.bytes, stamp.bytes].map(figures::count);
        let how = format!("it had {then} bytes, and has {now} now");
        return Ok(Some(Change::Other(how)));
    }
    Ok(Some(match then.sample == sample(path, stamp.bytes)? {
        true => Change::Copy,
        false => Change::Other("it was written again".to_owned()),
    }))
}

/// # Errors
/// A `--list` that is not the run's.
pub fn ensure_same_list(job: &Job, found: &SourceList, run: &Run, rows: &Range<u64>) -> Result<()> {
    let Some(list) = &job.list else { return Ok(()) };
    ensure!(
        is_list_of(job, run, found, rows)?,
        "'{}' holds a run of other images than '{}' names; pass --list {}, or choose another --out",
        job.out.display(),
        list.display(),
        job.out.join(FILE_NAMES).display()
    );
    Ok(())
}
