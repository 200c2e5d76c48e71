//! What a run will write, and what of it is written already.

use crate::figures;
use crate::images::Images;
use crate::job::Job;
use crate::store::rows::RowSet;
use crate::store::run::{FILE_NAMES, Run};
use crate::store::run_dir::RunDir;
use crate::store::run_writer::Segment;
use crate::store::unfinished::write_whole;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// Images a forward pass where nothing else is said.
pub const BATCH: usize = 32;
/// Bytes that the parts in the making may take together where nothing else is said.
const STEP_BYTES: u64 = 512 << 20;

pub struct Plan {
    out: PathBuf,
    pub run: Run,
    /// Rows that some layer lacks.
    pub todo: RowSet,
    pub segments: Vec<Segment>,
    /// Rows a part.
    pub part_rows: u64,
    resumes: bool,
}

impl Plan {
    /// # Errors
    /// A run directory that holds another run, or parts that no `run.toml` explains.
    pub fn new(job: &Job, run: Run) -> Result<Self> {
        let resumes = RunDir::is_at(&job.out);
        let missing = if resumes {
            missing_rows(job, &run)?
        } else {
            all_rows(job, &run)?
        };
        let todo: RowSet = missing
            .iter()
            .flat_map(|rows| rows.ranges().iter().cloned())
            .collect();
        let steps = job
            .step_size
            .map_or_else(|| auto_step(&run), |steps| steps as u64);
        let part_rows = steps * run.batch_size;
        Ok(Self {
            out: job.out.clone(),
            segments: segments(&missing),
            todo,
            part_rows,
            run,
            resumes,
        })
    }

    /// Bytes of one image's row, all layers.
    pub fn row_bytes(&self) -> u64 {
        row_bytes(&self.run)
    }

    pub fn bytes_to_write(&self) -> u64 {
        self.todo.len() * self.row_bytes()
    }

    pub fn rows_done(&self) -> u64 {
        self.run.images - self.todo.len()
    }

    /// Makes the run directory: `file_names.txt` first, `run.toml` last.
    ///
    /// # Errors
    /// A directory that cannot be made or written.
    pub fn begin(&self, images: &Images) -> Result<()> {
        if self.resumes {
            let done = figures::count(self.rows_done());
            eprintln!(
                "resuming '{}': {done} of {} rows are done",
                self.out.display(),
                figures::count(self.run.images)
            );
            return Ok(());
        }
        let is_new = !self.out.exists();
        fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create '{}'", self.out.display()))?;
        let file_names = self.out.join(FILE_NAMES);
        let begun =
            write_whole(&file_names, &images.file_names()).and_then(|()| self.run.write(&self.out));
        if begun.is_err() {
            // Without run.toml it is no run directory. What cannot be removed does no harm.
            let _ = fs::remove_file(&file_names);
            let _ = is_new.then(|| fs::remove_dir(&self.out));
        }
        begun
    }

    /// Prints what would be done.
    ///
    /// # Errors
    /// Output that cannot be written.
    pub fn print(&self, json: bool) -> Result<()> {
        let rows = self.todo.len();
        let outline = Outline {
            rows: self.run.images,
            rows_done: self.rows_done(),
            bytes_per_row: self.row_bytes(),
            batch_size: self.run.batch_size,
            step_size: self.part_rows / self.run.batch_size,
            parts: self
                .segments
                .iter()
                .map(|segment| self.parts_of(segment))
                .sum(),
            disk_needed_bytes: rows * self.row_bytes(),
            layers: &self.run.layers,
        };
        if json {
            crate::printing::print(&(serde_json::to_string(&outline)? + "\n"))?;
        } else {
            outline.print();
        }
        Ok(())
    }

    fn parts_of(&self, segment: &Segment) -> u64 {
        (segment.rows.end - segment.rows.start).div_ceil(self.part_rows)
            * segment.layers.len() as u64
    }
}

#[derive(Serialize)]
struct Outline<'a> {
    rows: u64,
    rows_done: u64,
    bytes_per_row: u64,
    batch_size: u64,
    step_size: u64,
    parts: u64,
    disk_needed_bytes: u64,
    layers: &'a [crate::store::run::Layer],
}

impl Outline<'_> {
    fn print(&self) {
        println!(
            "rows         {} ({} done)",
            figures::count(self.rows),
            figures::count(self.rows_done)
        );
        println!("bytes a row  {}", figures::bytes(self.bytes_per_row));
        println!("batch size   {}", self.batch_size);
        println!(
            "step size    {} ({} rows a part)",
            self.step_size,
            self.step_size * self.batch_size
        );
        println!("parts        {}", figures::count(self.parts));
        println!("disk needed  {}", figures::bytes(self.disk_needed_bytes));
        for layer in self.layers {
            println!(
                "layer        {} {} {}",
                layer.name,
                figures::row_shape(&layer.shape),
                layer.dtype
            );
        }
    }
}

fn row_bytes(run: &Run) -> u64 {
    let element = if run.dtype == "f16" { 2 } else { 4 };
    run.layers
        .iter()
        .map(|layer| layer.shape.iter().product::<u64>() * element)
        .sum()
}

fn auto_step(run: &Run) -> u64 {
    (STEP_BYTES / (row_bytes(run).max(1) * run.batch_size))
        .clamp(1, run.images.div_ceil(run.batch_size))
}

/// Of each layer, the rows that are not in finished parts of the run that is in the directory.
fn missing_rows(job: &Job, run: &Run) -> Result<Vec<RowSet>> {
    let held = RunDir::open(&job.out)?;
    held.run.ensure_same(run, &job.out)?;
    let states = held.layers()?;
    for state in &states {
        if let Some(problem) = state.problems(&held.run).first() {
            anyhow::bail!("{problem}");
        }
    }
    Ok(states.into_iter().map(|state| state.missing).collect())
}

fn all_rows(job: &Job, run: &Run) -> Result<Vec<RowSet>> {
    for layer in &run.layers {
        let folder = job.out.join(&layer.name);
        let holds_something =
            fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
        ensure!(
            !holds_something,
            "'{}' holds files of a run without run.toml; choose another --out or remove it",
            folder.display()
        );
    }
    Ok(vec![RowSet::from(0..run.images); run.layers.len()])
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
    let segment = |rows: std::ops::Range<u64>| Segment {
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
