//! The images that were skipped: `errors.csv`, or those of shards.

use crate::rows::part::names_in;
use crate::run::errors::Broken;
use crate::run::slice::{ERRORS, is_errors};
use anyhow::{Context, Result};
use std::path::Path;

/// Images that are named.
const NAMED: usize = 100;

#[derive(Debug, Default)]
pub struct Skipped {
    pub count: u64,
    /// Row, image and reason of the first.
    pub first: Vec<[String; 3]>,
}

/// # Errors
/// A file that cannot be read.
pub fn read(directory: &Path) -> Result<Skipped> {
    let names = names_in(directory)?;
    // That of shards, once merged, holds theirs.
    let joined = names.iter().any(|name| name == ERRORS);
    let ours = names.iter().filter(|name| match joined {
        true => *name == ERRORS,
        false => is_errors(name),
    });
    let mut skipped = Skipped::default();
    for name in ours {
        let path = directory.join(name);
        let named = || format!("cannot read '{}'", path.display());
        let mut reader = csv::Reader::from_path(&path).with_context(named)?;
        for broken in reader.deserialize::<Broken>() {
            let Broken { row, path, reason } = broken.with_context(named)?;
            skipped.count += 1;
            if skipped.first.len() < NAMED {
                skipped.first.push([row.to_string(), path, reason]);
            }
        }
    }
    Ok(skipped)
}
