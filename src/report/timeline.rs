//! How RAM, pace and part sizes went: the `memory.csv` of every process of a run, laid over each other.

use crate::rows::part::names_in;
use crate::run::slice::is_memory;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Steps that the time of the longest process is cut into.
const STEPS: usize = 200;

/// A line of `memory.csv`.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Line {
    /// Since its process began.
    seconds: f64,
    rss_bytes: u64,
    budget_bytes: u64,
    /// Batches in a part.
    step_size: u64,
    images_per_second: f64,
}

/// What all processes did in a step of their time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Step {
    /// Its end, from the start of each process.
    pub seconds: f64,
    /// Of the process that had most.
    pub rss: u64,
    pub budget: u64,
    /// Of all processes.
    pub images_per_second: f64,
    /// Batches in the largest part.
    pub part: u64,
}

#[derive(Debug)]
pub struct Timeline {
    /// Those in which a process ran.
    pub steps: Vec<Step>,
    pub processes: u64,
    pub greatest_rss: u64,
    /// What that process had.
    pub budget: u64,
}

impl Timeline {
    /// Reads those of all shards; none where no process has written a line.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let names = names_in(directory)?;
        let names = names.iter().filter(|name| is_memory(name));
        let files: Vec<PathBuf> = names.map(|name| directory.join(name)).collect();
        let mut longest = 0.0f64;
        for file in &files {
            for_each(file, |line| longest = longest.max(line.seconds))?;
        }
        let mut overlay = Overlay::new(longest / STEPS as f64);
        for file in &files {
            let mut before = f64::INFINITY;
            for_each(file, |line| {
                if line.seconds < before {
                    overlay.begin();
                    before = 0.0;
                }
                overlay.add(before, line);
                before = line.seconds;
            })?;
        }
        Ok((overlay.timeline.processes > 0).then(|| overlay.finish()))
    }
}

/// Lines of all processes, one process after the other.
struct Overlay {
    length: f64,
    timeline: Timeline,
    /// How fast the present process was in each step.
    pace: Vec<Option<f64>>,
}

impl Overlay {
    fn new(length: f64) -> Self {
        let length = length.max(1e-3);
        let step = |at: usize| Step {
            seconds: (at + 1) as f64 * length,
            ..Step::default()
        };
        Self {
            length,
            timeline: Timeline {
                steps: (0..STEPS).map(step).collect(),
                processes: 0,
                greatest_rss: 0,
                budget: 0,
            },
            pace: vec![None; STEPS],
        }
    }

    fn begin(&mut self) {
        for (step, pace) in self.timeline.steps.iter_mut().zip(&mut self.pace) {
            step.images_per_second += pace.take().unwrap_or_default();
        }
        self.timeline.processes += 1;
    }

    /// A line tells of the time since the one before it.
    fn add(&mut self, before: f64, line: Line) {
        let place = |seconds: f64| ((seconds / self.length) as usize).min(STEPS - 1);
        for at in place(before)..=place(line.seconds) {
            let step = &mut self.timeline.steps[at];
            if line.rss_bytes > step.rss {
                (step.rss, step.budget) = (line.rss_bytes, line.budget_bytes);
            }
            step.part = step.part.max(line.step_size);
            self.pace[at] = Some(line.images_per_second);
        }
        if line.rss_bytes > self.timeline.greatest_rss {
            self.timeline.greatest_rss = line.rss_bytes;
            self.timeline.budget = line.budget_bytes;
        }
    }

    fn finish(mut self) -> Timeline {
        let processes = self.timeline.processes;
        self.begin();
        self.timeline.processes = processes;
        self.timeline.steps.retain(|step| step.rss > 0);
        self.timeline
    }
}

/// A line that a kill left half written is no line.
fn for_each(file: &Path, mut take: impl FnMut(Line)) -> Result<()> {
    let named = || format!("cannot read '{}'", file.display());
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(file)
        .with_context(named)?;
    let lines = reader.deserialize::<Line>().flatten();
    lines
        .filter(|line| line.seconds.is_finite() && line.seconds >= 0.0)
        .for_each(&mut take);
    Ok(())
}
