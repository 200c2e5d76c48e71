//! `memory.csv`, or a shard's `memory_0003.csv`: RAM, part sizes and pace over time.

use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const HEADS: &str = "seconds,images,rss_bytes,budget_bytes,step_size,images_per_second";
/// At least one line in this time.
const EVERY: Duration = Duration::from_secs(10);

/// One line, but for its time.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Images done by this process.
    pub images: u64,
    pub rss: u64,
    pub budget: u64,
    /// Batches in the part.
    pub step: u64,
    pub images_per_second: f64,
}

/// Appends lines; a process that goes on with a run goes on with its file.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    started: Instant,
    last: Instant,
}

impl Journal {
    /// # Errors
    /// A file that cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let named = || format!("cannot write '{}'", path.display());
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(named)?;
        if file.metadata().with_context(named)?.len() == 0 {
            let heads = format!("{HEADS}\n");
            file.write_all(heads.as_bytes()).with_context(named)?;
        }
        let now = Instant::now();
        Ok(Self {
            file,
            path,
            started: now,
            last: now,
        })
    }

    /// True if it is time for a line, though no part has ended.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.last.elapsed() >= EVERY
    }

    /// # Errors
    /// A disk that fails.
    pub fn add(&mut self, entry: Entry) -> Result<()> {
        let Entry {
            images,
            rss,
            budget,
            step,
            images_per_second,
        } = entry;
        let seconds = self.started.elapsed().as_secs_f64();
        self.last = Instant::now();
        // In one write: a kill leaves no half line.
        let line = format!("{seconds:.1},{images},{rss},{budget},{step},{images_per_second:.2}\n");
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| format!("cannot write '{}'", self.path.display()))
    }
}
