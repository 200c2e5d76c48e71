//! Where the images of a run lie, as the search for them found it when the run began.

use crate::commands::extract::images::change::{self, Change, change};
use crate::commands::extract::images::kept;
use crate::job::Job;
use crate::run::binding::is_bound;
use crate::run::record::Run;
use crate::run::sources::read_places;
use crate::sources::{Place, SourceList};
use crate::text::printing::say;
use anyhow::{Result, bail};
use std::ops::Range;
use std::path::Path;

/// The places of a run's images: valid because the sources are still those that it began with.
pub struct KeptPlaces {
    sources: usize,
}

impl KeptPlaces {
    /// `None` if the run directory keeps the places of other sources, or if an earlier version began it.
    ///
    /// # Errors
    /// A source is no longer what it was, and the run has rows of it.
    pub fn find(job: &Job, run: &Run, found: &SourceList) -> Result<Option<Self>> {
        let now = found.sources();
        let Some(kept) = kept::of_these(&job.out, run, now) else {
            return Ok(None);
        };
        let places = Some(Self { sources: now.len() });
        let (source, how) = match change(&kept, now)? {
            None => return Ok(places),
            Some((source, Change::Copy)) => {
                say_copy(&source.path);
                return Ok(places);
            }
            Some((source, Change::Other(how))) => (source, how),
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

    /// The places of these rows. `None` if the index is lost or not whole.
    pub fn read(&self, job: &Job, run: &Run, rows: &Range<u64>) -> Option<Vec<Place>> {
        let places = read_places(&job.out, run.images, rows)?;
        let is_known = |place: &[u32; 3]| (place[0] as usize) < self.sources;
        let all = places.iter().all(is_known);
        all.then(|| places.into_iter().map(Place).collect())
    }
}

fn say_copy(source: &Path) {
    say(format_args!(
        "'{}' has another date than when the run began, and is otherwise the same: it is taken for a copy",
        source.display()
    ));
}

/// Whether a source is no longer what it was when the run began.
///
/// # Errors
/// A source that cannot be read.
pub fn have_changed(job: &Job, found: &SourceList, run: &Run) -> Result<bool> {
    kept::of_these(&job.out, run, found.sources())
        .map_or(Ok(false), |kept| change::is_other(&kept, found.sources()))
}
