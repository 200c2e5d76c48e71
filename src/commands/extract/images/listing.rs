//! The images of a run that begins.

use crate::commands::extract::images::image_list::ImageList;
use crate::commands::extract::images::sources;
use crate::job::Job;
use crate::run::record::Run;
use crate::sources::{FileNames, Images, Place, SourceList};
use crate::text::figures;
use crate::text::printing::say;
use anyhow::Result;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The first images of a run; the model is tried on those of them that can be read.
pub const FEW: usize = 16;

/// The images of a run that begins, of which the first few alone are kept, and what they are known by.
pub struct Listing {
    pub list: ImageList,
    /// Bytes of their names and places in memory.
    pub bytes: u64,
    pub first: Arc<Images>,
}

/// The images that a new run would have, beside the run that the directory holds. Archives that have not changed are not
/// searched again: their images are those of that run.
///
/// # Errors
/// As [`list`].
pub fn list_beside(job: &Job, found: &SourceList, held: &Run) -> Result<Listing> {
    let few = 0..held.images.min(FEW as u64);
    if sources::searched(job, found, held)?.is_some()
        && let Some(first) = sources::of_run(job, found, held, &few)?
    {
        let list = ImageList {
            images: held.images,
            digest: held.image_list.clone(),
        };
        let bytes = 0; // a comparison keeps none of them in memory
        let first = Arc::new(first);
        return Ok(Listing { list, bytes, first });
    }
    list(job, found, |_, _| Ok(()))
}

/// Finds all images, and gives them to `take`, some at a time.
///
/// # Errors
/// Sources or a list that cannot be read, or that give no image; what `take` fails with.
pub fn list(
    job: &Job,
    found: &SourceList,
    mut take: impl FnMut(&FileNames, &[Place]) -> Result<()>,
) -> Result<Listing> {
    let (mut digest, mut images, mut bytes) = (Sha256::new(), 0, 0);
    let (mut first, mut first_places) = (FileNames::default(), Vec::new());
    found.each(
        job.list.as_deref(),
        |line| say(line),
        &mut |names, places| {
            digest.update(names.lines());
            images += names.len() as u64;
            bytes += (names.lines().len() + size_of_val(&*places)) as u64;
            let missing = FEW - first.len();
            names.iter().take(missing).for_each(|name| first.push(name));
            first_places.extend(places.iter().take(missing));
            take(&names, &places)
        },
    )?;
    let first = found.clone().placed(0, first, first_places)?;
    first.ensure_fit(&job.preprocess)?;
    Ok(Listing {
        list: ImageList {
            images,
            digest: figures::hex(&digest.finalize()),
        },
        bytes,
        first: Arc::new(first),
    })
}
