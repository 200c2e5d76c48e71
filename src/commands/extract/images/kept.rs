//! What a run directory keeps of the search for its images.

use crate::commands::extract::images::change;
use crate::run::record::Run;
use crate::run::sources::{KeptFile, KeptSource, KeptSources, PlacesWriter, read_places, sample};
use crate::sources::{Images, NamedSource, Stamp, quoted};
use anyhow::Result;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Keeps in the run directory what the search has found. For a single folder there is nothing to keep.
///
/// # Errors
/// A source that cannot be read; a disk that fails or is full.
pub fn keep(directory: &Path, images: &Images, run: &Run) -> Result<()> {
    if images.places().is_empty() {
        return Ok(());
    }
    if let Some(kept) = of_these(directory, run, images.sources())
        && !change::is_other(&kept, images.sources())?
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
    let file = |(path, stamp): (&Path, Stamp)| -> Result<KeptFile> {
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

/// What is kept. `None` if it is of sources of other names or kinds.
pub fn of_these(directory: &Path, run: &Run, now: &[NamedSource]) -> Option<KeptSources> {
    KeptSources::read(directory).filter(|kept| {
        let is_same = |(then, now): (&KeptSource, &NamedSource)| {
            then.name == text(&now.front) && then.kind == now.kind.name()
        };
        kept.image_list == run.image_list
            && kept.source.len() == now.len()
            && kept.source.iter().zip(now).all(is_same)
    })
}
