//! What a run will write, and how much of it is written already.

use crate::commands::extract::images::{kept, names};
use crate::commands::extract::planning::outline::Outline;
use crate::commands::extract::planning::resume;
use crate::commands::extract::planning::segments::segments;
use crate::commands::extract::planning::start::{Start, ensure_no_parts, starting_over_line};
use crate::job::Job;
use crate::memory::{Bounds, Forecast, SHARE_OF_BATCHES, Tuner};
use crate::rows::row_set::RowSet;
use crate::rows::size_limit;
use crate::run::discard::{discard, discardable_bytes};
use crate::run::record::{LIST_FILES, Run};
use crate::run::slice::Slice;
use crate::run::writer::Segment;
use crate::sources::Images;
use crate::text::figures;
use crate::text::printing::{print, say};
use anyhow::{Result, ensure};
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

/// More than the header of a part takes, bytes.
const HEADER: u64 = 4096;

pub struct Plan {
    pub out: PathBuf,
    pub run: Run,
    /// The rows of the run that this process does.
    pub slice: Slice,
    /// Rows of it that some layer lacks.
    pub todo: RowSet,
    pub segments: Vec<Segment>,
    /// What the parts' sizes follow from.
    pub bounds: Bounds,
    /// Bytes.
    floor: u64,
    start: Start,
}

impl Plan {
    /// # Errors
    /// A run directory that holds another run, or parts that no `run.toml` explains.
    pub fn new(
        job: &Job,
        run: Run,
        slice: Slice,
        images: &Images,
        forecast: &Forecast,
    ) -> Result<Self> {
        run.check()?; // before any folder is looked at by a layer's name
        let start = Start::find(job, &run, &slice, images)?;
        let missing = start.missing(&run, &slice);
        let todo: RowSet = missing
            .iter()
            .flat_map(|rows| rows.ranges().iter().cloned())
            .collect();
        let floor = forecast.floor(run.batch_size);
        Ok(Self {
            out: job.out.clone(),
            segments: segments(&missing),
            todo,
            bounds: bounds(job, &run, floor)?,
            floor,
            run,
            slice,
            start,
        })
    }

    /// The run that the directory holds, if this one goes on with it.
    pub fn held(&self) -> Option<&Run> {
        self.start.held()
    }

    /// Plans for `extra` more bytes, which make it faster, if the budget has room for them and for the parts.
    pub fn allow(&mut self, extra: u64) -> bool {
        let fits = self.floor + extra <= (self.bounds.budget as f64 * SHARE_OF_BATCHES) as u64;
        if fits {
            self.bounds.overhead += extra;
        }
        fits
    }

    pub fn bytes_to_write(&self) -> u64 {
        self.todo.len() * self.bounds.row_bytes
    }

    /// Bytes that must be free: all that is to be written, less what is to be removed.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn space_needed(&self) -> Result<u64> {
        let freed = match self.start.removes_run() {
            true => discardable_bytes(&self.out)?,
            false => 0,
        };
        Ok(self.bytes_to_write().saturating_sub(freed))
    }

    /// Of this process's rows.
    pub fn rows_done(&self) -> u64 {
        self.slice.len() - self.todo.len()
    }

    /// `'out'`, or `shard 3/64 of 'out'`.
    pub fn place(&self) -> String {
        let out = self.out.display();
        match self.slice.shard {
            None => format!("'{out}'"),
            Some(index) => format!("shard {index}/{} of '{out}'", self.run.shards),
        }
    }

    /// Makes the run directory: `file_names.txt` first, `run.toml` last.
    ///
    /// # Errors
    /// A directory that cannot be made or written.
    pub fn begin(&self, images: &Images) -> Result<()> {
        if let Start::Resume(held) = &self.start {
            resume::tidy(&self.out, &self.run, &self.slice, &held.broken, images)?;
            say(self.resuming());
            return Ok(());
        }
        self.begin_with(|| {
            names::write(&self.out, &self.run, images)?;
            kept::keep(&self.out, images, &self.run)
        })
    }

    /// The same, of a run that begins: `list` writes which images it has.
    ///
    /// # Errors
    /// As there.
    pub fn begin_with(&self, list: impl FnOnce() -> Result<()>) -> Result<()> {
        if let Start::Over = self.start {
            say(starting_over_line(&self.out));
        }
        if self.start.removes_run() {
            discard(&self.out)?;
            ensure_no_parts(&self.out, &self.run)?;
        }
        let written = list().and_then(|()| self.run.write(&self.out));
        if written.is_err() {
            // Without run.toml it is no run directory. What cannot be removed does no harm.
            for name in LIST_FILES {
                let _ = fs::remove_file(self.out.join(name));
            }
        }
        written
    }

    fn resuming(&self) -> String {
        let (done, all) = (self.rows_done(), self.slice.len());
        let done = format!(
            "{} of {} rows are done",
            figures::count(done),
            figures::count(all)
        );
        let Range { start, end } = self.slice.rows;
        match self.slice.shard {
            None => format!("resuming {}: {done}", self.place()),
            Some(_) => format!("{}: rows {start}-{end}, {done}", self.place()),
        }
    }

    /// Prints what would be done.
    ///
    /// # Errors
    /// Output that cannot be written.
    pub fn print(&self, json: bool) -> Result<()> {
        let part_rows = Tuner::new(self.bounds)?.open(self.todo.len());
        let parts_of = |segment: &Segment| {
            let rows = segment.rows.end - segment.rows.start;
            rows.div_ceil(part_rows.max(1)) * segment.layers.len() as u64
        };
        let rows_in_parts = part_rows.min(self.todo.len()) * self.bounds.row_bytes;
        let outline = Outline {
            rows: self.slice.len(),
            rows_done: self.rows_done(),
            bytes_per_row: self.bounds.row_bytes,
            unreduced_bytes_per_row: self.run.unreduced_row_bytes(),
            batch_size: self.run.batch_size,
            step_size: part_rows.div_ceil(self.run.batch_size),
            parts: self.segments.iter().map(parts_of).sum(),
            ram_budget_bytes: self.bounds.budget,
            ram_floor_bytes: self.floor,
            ram_forecast_bytes: self.bounds.overhead + rows_in_parts,
            disk_needed_bytes: self.bytes_to_write(),
            layers: &self.run.layers,
        };
        print(&match json {
            true => serde_json::to_string(&outline)? + "\n",
            false => outline.table(),
        })
    }
}

/// What the sizes of parts follow from, where batches alone take `floor` bytes.
fn bounds(job: &Job, run: &Run, floor: u64) -> Result<Bounds> {
    let row_bytes = run.row_bytes();
    Ok(Bounds {
        budget: job.ram_budget,
        row_bytes,
        batch: run.batch_size,
        step: job.step_size.map(|step| step as u64),
        most_rows: most_rows(run)?,
        checkpoint: job.checkpoint,
        overhead: floor - run.batch_size * row_bytes,
    })
}

/// Rows that a part may have without its file being larger than the system allows.
///
/// # Errors
/// Not even a batch fits.
fn most_rows(run: &Run) -> Result<u64> {
    let Some(limit) = size_limit::most_bytes() else {
        return Ok(u64::MAX);
    };
    let layers = run.layers.iter().map(|layer| run.bytes_of(&layer.shape));
    let largest = layers.max().unwrap_or_default().max(1);
    let rows = limit.saturating_sub(HEADER) / largest;
    ensure!(
        rows >= run.batch_size,
        "a part of one batch has {}, and a file may have {} (ulimit -f); raise that limit or lower --batch-size",
        figures::bytes(run.batch_size * largest + HEADER),
        figures::bytes(limit)
    );
    Ok(rows)
}
