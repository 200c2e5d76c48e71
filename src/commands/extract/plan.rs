//! What a run will write, and what of it is written already.

use crate::commands::extract::{names, resume, sources};
use crate::job::Job;
use crate::memory::{Bounds, Forecast, SHARE_OF_BATCHES, Tuner};
use crate::rows::layer_folder::{BrokenPart, LayerFolder};
use crate::rows::row_set::RowSet;
use crate::rows::size_limit;
use crate::run::binding::is_bound;
use crate::run::directory::RunDir;
use crate::run::discard::{discard, discardable_bytes};
use crate::run::record::{LIST_FILES, Layer, Run};
use crate::run::slice::{Log, Slice};
use crate::run::writer::Segment;
use crate::sources::Images;
use crate::text::figures;
use crate::text::printing::{print, say};
use crate::text::table;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// More than the header of a part takes, bytes.
const HEADER: u64 = 4096;

pub struct Plan {
    pub out: PathBuf,
    pub run: Run,
    /// The run that the directory holds, where this goes on with it.
    pub held: Option<Run>,
    /// What of the run this process does.
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

/// What a run begins with.
enum Start {
    Empty,
    /// With what an earlier process did; these parts of it are not what they were.
    Resume(Vec<BrokenPart>),
    /// With the removal of another run.
    Overwrite,
    /// The same, of one that has no row of any image.
    Anew,
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
        let all_rows = || vec![RowSet::from(slice.rows.clone()); run.layers.len()];
        let (start, held, missing) = if !RunDir::is_at(&job.out) {
            ensure_no_parts(&job.out, &run)?;
            (Start::Empty, None, all_rows())
        } else if job.overwrite {
            (Start::Overwrite, None, all_rows())
        } else {
            // What is in a shard's way is gone by now: `sharded::make_way`.
            let is_settled = slice.shard.is_some() && !job.dry_run;
            let binds = || is_settled || is_bound(&job.out).unwrap_or(true);
            match resume::read(&job.out, &run, &slice, images) {
                Ok(held) if !job.out.join(Log::Errors.of_run()).exists() || binds() => {
                    (Start::Resume(held.broken), Some(held.run), held.missing)
                }
                Err(error) if binds() => return Err(error),
                _ => (Start::Anew, None, all_rows()),
            }
        };
        let todo: RowSet = missing
            .iter()
            .flat_map(|rows| rows.ranges().iter().cloned())
            .collect();
        let floor = forecast.floor(run.batch_size);
        let row_bytes = run.row_bytes();
        let bounds = Bounds {
            budget: job.ram_budget,
            row_bytes,
            batch: run.batch_size,
            step: job.step_size.map(|step| step as u64),
            most_rows: most_rows(&run)?,
            checkpoint: job.checkpoint,
            overhead: floor - run.batch_size * row_bytes,
        };
        Ok(Self {
            out: job.out.clone(),
            segments: segments(&missing),
            todo,
            bounds,
            floor,
            run,
            held,
            slice,
            start,
        })
    }

    /// Plans so many bytes more, for speed, where the budget leaves room for them beside the parts.
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
        let freed = match self.start {
            Start::Overwrite | Start::Anew => discardable_bytes(&self.out)?,
            _ => 0,
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
        if let Start::Resume(broken) = &self.start {
            resume::tidy(&self.out, &self.run, &self.slice, broken, images)?;
            say(self.resuming());
            return Ok(());
        }
        self.begin_with(|| {
            names::write(&self.out, &self.run, images)?;
            sources::keep(&self.out, images, &self.run)
        })
    }

    /// The same, of a run that begins: `list` writes which images it has.
    ///
    /// # Errors
    /// As there.
    pub fn begin_with(&self, list: impl FnOnce() -> Result<()>) -> Result<()> {
        if let Start::Anew = self.start {
            say(starting_over_line(&self.out));
        }
        if let Start::Overwrite | Start::Anew = self.start {
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

#[derive(Serialize)]
struct Outline<'a> {
    rows: u64,
    rows_done: u64,
    bytes_per_row: u64,
    /// Absent where rows are neither pooled nor projected.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreduced_bytes_per_row: Option<u64>,
    batch_size: u64,
    step_size: u64,
    parts: u64,
    ram_budget_bytes: u64,
    ram_floor_bytes: u64,
    ram_forecast_bytes: u64,
    disk_needed_bytes: u64,
    layers: &'a [Layer],
}

impl Outline<'_> {
    fn table(&self) -> String {
        let facts = [
            (
                "rows",
                format!(
                    "{} ({} done)",
                    figures::count(self.rows),
                    figures::count(self.rows_done)
                ),
            ),
            (
                "bytes a row",
                figures::reduced(self.bytes_per_row, self.unreduced_bytes_per_row),
            ),
            ("batch size", figures::count(self.batch_size)),
            ("step size", figures::counted(self.step_size, "batch")),
            ("parts", figures::count(self.parts)),
            ("RAM budget", figures::bytes(self.ram_budget_bytes)),
            ("RAM floor", figures::bytes(self.ram_floor_bytes)),
            ("RAM forecast", figures::bytes(self.ram_forecast_bytes)),
            ("disk needed", figures::bytes(self.disk_needed_bytes)),
        ];
        let layer = |layer: &Layer| {
            let row = figures::row_shape(&layer.shape);
            let row = match &layer.activation {
                Some(activation) if *activation != layer.shape => {
                    format!("{row} of {}", figures::row_shape(activation))
                }
                _ => row,
            };
            vec![layer.name.clone(), row, layer.dtype.descr().to_owned()]
        };
        let heads = ["layer", "row", "dtype"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(heads)
            .chain(self.layers.iter().map(layer))
            .collect();
        format!(
            "{}\n{}",
            table::pairs("plan", &facts),
            table::columns(&rows)
        )
    }
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

/// The line about a run that holds nothing.
pub fn starting_over_line(directory: &Path) -> String {
    let out = directory.display();
    format!("'{out}' held a run with no row of any image; starting over")
}

/// Without `run.toml` nothing tells what rows they hold.
fn ensure_no_parts(directory: &Path, run: &Run) -> Result<()> {
    for layer in &run.layers {
        let folder = directory.join(&layer.name);
        ensure!(
            LayerFolder::read(&folder)?.is_empty(),
            "'{}' holds parts of a run without run.toml; choose another --out or remove them",
            folder.display()
        );
    }
    Ok(())
}

/// Cuts the missing rows so that each segment is missing in the same layers throughout.
fn segments(missing: &[RowSet]) -> Vec<Segment> {
    let mut cuts: Vec<u64> = missing
        .iter()
        .flat_map(|rows| rows.ranges())
        .flat_map(|r| [r.start, r.end])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let between = cuts.windows(2).map(|cut| cut[0]..cut[1]);
    let segment = |rows: Range<u64>| Segment {
        layers: (0..missing.len())
            .filter(|&layer| missing[layer].covers(&rows))
            .collect(),
        rows,
    };
    between
        .map(segment)
        .filter(|segment| !segment.layers.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_missing_in_the_same_layers_throughout() {
        let missing = [RowSet::from(0..10), RowSet::from(4..12)];
        let segment = |rows, layers: &[usize]| Segment {
            rows,
            layers: layers.to_vec(),
        };
        assert_eq!(
            segments(&missing),
            [
                segment(0..4, &[0]),
                segment(4..10, &[0, 1]),
                segment(10..12, &[1])
            ]
        );
        assert_eq!(segments(&[RowSet::default()]), []);
    }
}
