//! `featx split`: one array becomes files of consecutive rows.

use crate::cli::Split;
use crate::rows::split::{self, Pieces};
use crate::rows::split_by_folder::SplitByFolder;
use crate::text::figures::{bytes, counted};
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use anyhow::Result;
use std::path::PathBuf;

/// Checks, then cuts.
///
/// # Errors
/// An array without rows to cut; parts that exist; a disk that fails or is full.
pub fn run(typed: &Split) -> Result<()> {
    if typed.by_folder {
        return by_folder(typed);
    }
    let pieces = match (typed.parts, typed.rows) {
        (Some(parts), _) => Pieces::Parts(parts),
        (None, Some(rows)) => Pieces::Rows(rows),
        (None, None) => Pieces::Usual,
    };
    let directory = directory(typed);
    let cut = split::Split::plan(&typed.file, &directory, pieces, typed.overwrite)?;
    let progress = Progress::new("split", Unit::Bytes, cut.header.data_bytes(), typed.quiet);
    let restores = cut.write(&|n| progress.advance(n))?;
    drop(progress);
    if !restores {
        say(format_args!(
            "note: the header of '{}' is not as NumPy writes it; merging restores every row, but with a standard header",
            typed.file.display()
        ));
    }
    say(format_args!(
        "{}: {} of {}",
        directory.display(),
        counted(cut.ranges.len() as u64, "part"),
        bytes(cut.header.data_bytes())
    ));
    Ok(())
}

fn by_folder(typed: &Split) -> Result<()> {
    let directory = directory(typed);
    let cut = SplitByFolder::plan(&typed.file, &directory, typed.overwrite)?;
    let progress = Progress::new("split", Unit::Bytes, cut.header.data_bytes(), typed.quiet);
    cut.write(&|n| progress.advance(n))?;
    drop(progress);
    say(format_args!(
        "{}: {} of {}",
        directory.display(),
        counted(cut.folders.len() as u64, "array"),
        bytes(cut.header.data_bytes())
    ));
    Ok(())
}

fn directory(typed: &Split) -> PathBuf {
    typed
        .out
        .clone()
        .unwrap_or_else(|| typed.file.with_extension(""))
}
