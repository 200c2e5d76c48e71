//! `featx inspect DIR --verify`: every file of a run is read and compared with its checksum.

use crate::rows::checksum::{Checksum, DamagedFile};
use crate::rows::layer_folder::LayerFolder;
use crate::rows::part::{MERGED, Part};
use crate::run::aside::aside_with_words;
use crate::run::contents::Contents;
use crate::run::directory::LayerState;
use crate::text::figures::{bytes, counted};
use crate::text::progress::{Progress, Unit};
use anyhow::{Result, bail, ensure};
use serde::Serialize;
use std::path::Path;

/// What was found; the keys of `--json`.
#[derive(Serialize)]
pub struct Verification {
    /// That have a checksum, and were read.
    files: u64,
    bytes: u64,
    /// That have none: they come from a version that kept none, or from elsewhere.
    without_checksum: u64,
    /// A line each: what was found, and where the file is now.
    damaged: Vec<String>,
}

/// Reads the run's files. Those that differ are put aside.
///
/// # Errors
/// It is no run; a file that cannot be read.
pub fn verify(path: &Path, quiet: bool) -> Result<Verification> {
    let layers = layers(path)?;
    let files = files(&layers);
    let (known, unknown): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| !file.checksums.is_empty());
    let total = known.iter().map(|file| length(file)).sum();
    let progress = Progress::new("verify", Unit::Bytes, total, quiet);
    let mut damaged: Vec<String> = layers
        .iter()
        .flat_map(|layer| unreadable(&layer.folder))
        .collect();
    for file in &known {
        if let Some(found) = damage(file, &progress)?
            && let Some(found) = damage_now(path, file, found, &progress)?
        {
            damaged.push(aside_with_words(&file.path, &found));
        }
    }
    Ok(Verification {
        files: known.len() as u64,
        bytes: total,
        without_checksum: unknown.len() as u64,
        damaged,
    })
}

fn layers(path: &Path) -> Result<Vec<LayerState>> {
    let mut contents = Contents::find(path)?;
    contents.read_checksums()?;
    match contents {
        Contents::Run { layers, .. } => Ok(layers),
        Contents::Bare(_) => bail!(
            "'{}' has no run.toml, and no checksums with it; nothing can be verified",
            path.display()
        ),
    }
}

/// The parts of layers, and what `merge` made of them.
fn files(layers: &[LayerState]) -> Vec<Part> {
    layers
        .iter()
        .flat_map(|layer| files_of(&layer.folder))
        .collect()
}

fn files_of(folder: &LayerFolder) -> Vec<Part> {
    let mut files = folder.parts.clone();
    files.extend(folder.merged.as_ref().map(|header| Part {
        path: folder.path.join(MERGED),
        rows: 0..header.shape[0],
        header: header.clone(),
        checksums: folder.merged_checksums.clone(),
    }));
    files
}

/// Puts files aside that are no arrays any more.
fn unreadable(folder: &LayerFolder) -> Vec<String> {
    let broken = folder.broken.iter();
    let parts = broken.map(|part| aside_with_words(&part.path, &part.problem));
    let result = folder.broken_result.iter();
    let result = result.map(|problem| aside_with_words(&folder.path.join(MERGED), problem));
    parts.chain(result).collect()
}

fn length(file: &Part) -> u64 {
    file.header.data_offset + file.bytes()
}

/// A file that a merge removed meanwhile is not damaged.
fn damage(file: &Part, progress: &Progress) -> Result<Option<DamagedFile>> {
    match Checksum::of_file(&file.path, &|read| progress.advance(read)) {
        Ok(found) => Ok(found.ensure_one_of(&file.checksums, &file.path).err()),
        Err(_) if !file.path.exists() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was found. If a merge has written the file again since its checksums were read, it is compared with the new ones.
fn damage_now(
    path: &Path,
    file: &Part,
    found: DamagedFile,
    progress: &Progress,
) -> Result<Option<DamagedFile>> {
    let now = files(&layers(path)?);
    match now.iter().find(|other| other.path == file.path) {
        Some(now) if now.checksums != file.checksums => damage(now, progress),
        _ => Ok(file.path.exists().then_some(found)), // a merge may have removed it
    }
}

impl Verification {
    pub fn words(&self) -> String {
        let (files, size) = (counted(self.files, "file"), bytes(self.bytes));
        let mut text = match self.damaged.len() {
            0 => format!("verified: {files}, {size}, all as they were written\n"),
            _ => format!("verified: {files}, {size}\n"),
        };
        for damaged in &self.damaged {
            text += &format!("damaged: {damaged}\n");
        }
        if self.without_checksum > 0 {
            let files = counted(self.without_checksum, "file");
            text += &format!(
                "not verified: {files} of earlier versions or from elsewhere, without a checksum\n"
            );
        }
        text
    }

    #[cfg(feature = "report")]
    pub fn is_whole(&self) -> bool {
        self.damaged.is_empty()
    }

    /// # Errors
    /// A file is damaged.
    pub fn ensure_whole(&self, path: &Path) -> Result<()> {
        ensure!(
            self.damaged.is_empty(),
            "'{}' held {}: {}",
            path.display(),
            counted(self.damaged.len() as u64, "damaged file"),
            self.damaged[0]
        );
        Ok(())
    }
}
