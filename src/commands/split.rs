//! `featx split`: one array becomes files of consecutive rows.

use crate::cli::Split;
use crate::rows::split::{Cut, Pieces};
use crate::text::figures::{bytes, counted};
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use anyhow::Result;

/// Checks, then cuts.
///
/// # Errors
/// An array without rows to cut; parts that exist; a disk that fails or is full.
pub fn run(typed: &Split) -> Result<()> {
    let pieces = match (typed.parts, typed.rows) {
        (Some(parts), _) => Pieces::Parts(parts),
        (None, Some(rows)) => Pieces::Rows(rows),
        (None, None) => Pieces::Usual,
    };
    let directory = typed
        .out
        .clone()
        .unwrap_or_else(|| typed.file.with_extension(""));
    let cut = Cut::plan(&typed.file, &directory, pieces, typed.overwrite)?;
    let progress = Progress::new("split", Unit::Bytes, cut.header.data_bytes(), typed.quiet);
    let restores = cut.write(&|n| progress.advance(n))?;
    drop(progress);
    if !restores {
        say(format_args!(
            "note: the header of '{}' is not as NumPy writes it; merging gives back every row, behind a plain header",
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
