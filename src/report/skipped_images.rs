//! The images that were skipped: `errors.csv`, or those of shards.

use crate::rows::part::names_in;
use crate::run::errors::Broken;
use crate::run::log::Log;
use anyhow::{Context, Result};
use std::path::Path;

/// Images that are named.
const NAMED: usize = 100;

#[derive(Debug, Default)]
pub struct SkippedImages {
    pub count: u64,
    /// Row, image and reason of the first.
    pub first: Vec<[String; 3]>,
    /// Why not all of them are known.
    pub problem: Option<String>,
}

/// What can be read of them.
pub fn read(directory: &Path) -> SkippedImages {
    let mut skipped = SkippedImages::default();
    if let Err(error) = skipped.add(directory) {
        skipped.problem = Some(format!("{error:#}"));
    }
    skipped
}

impl SkippedImages {
    fn add(&mut self, directory: &Path) -> Result<()> {
        let names = names_in(directory)?;
        // That of shards, once merged, holds theirs.
        let whole = Log::Errors.of_run();
        let joined = names.contains(&whole);
        let ours = names.iter().filter(|name| match joined {
            true => **name == whole,
            false => Log::Errors.is(name),
        });
        for name in ours {
            let path = directory.join(name);
            let named = || format!("cannot read '{}'", path.display());
            let mut reader = csv::Reader::from_path(&path).with_context(named)?;
            for broken in reader.deserialize::<Broken>() {
                let Broken { row, path, reason } = broken.with_context(named)?;
                self.count += 1;
                if self.first.len() < NAMED {
                    self.first.push([row.to_string(), path, reason]);
                }
            }
        }
        Ok(())
    }
}
