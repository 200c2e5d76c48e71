//! The closing summary.

use crate::cli::choices::Device;
use crate::commands::extract::planning::plan::Plan;
use crate::job::Job;
use crate::memory;
use crate::run::busy::{Busy, Stage};
use crate::run::record::Layer;
use crate::run::writer::RunWriter;
use crate::text::figures;
use crate::text::printing::{self, say};
use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

/// How long it took.
pub struct Times {
    /// From the start of the program.
    pub whole: Duration,
    /// From the first image to the last row on disk: what more images would take more of.
    pub extracting: Duration,
}

/// What a run did. The names are JSON keys that scripts depend on.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    images: u64,
    skipped: u64,
    seconds: f64,
    images_per_second: f64,
    peak_rss_bytes: u64,
    ram_budget_bytes: u64,
    parts: u64,
    bytes_written: u64,
    device: String,
    precision: &'a str,
    /// Of the graph; several, with commas, where one failed on the way.
    form: String,
    #[serde(skip)]
    libtorch: &'a str,
    layers: Vec<LayerSummary<'a>>,
    stages: Stages,
    #[serde(skip)]
    busy: Busy,
}

/// Seconds busy, of all threads of a stage together.
#[derive(Debug, Serialize)]
struct Stages {
    read: f64,
    decode: f64,
    forward: f64,
    write: f64,
    /// The stage whose threads were busy for the largest share of the time.
    bound: Stage,
}

impl From<Busy> for Stages {
    fn from(busy: Busy) -> Self {
        Self {
            read: busy.read,
            decode: busy.decode,
            forward: busy.forward,
            write: busy.write,
            bound: busy.bound(),
        }
    }
}

/// A layer's rows.
#[derive(Debug, Serialize)]
pub struct LayerSummary<'a> {
    name: &'a str,
    shape: &'a [u64],
    dtype: &'a str,
}

impl<'a> LayerSummary<'a> {
    fn of(layer: &'a Layer) -> Self {
        Self {
            name: &layer.name,
            shape: &layer.shape,
            dtype: layer.dtype.descr(),
        }
    }
}

impl<'a> Summary<'a> {
    pub fn new(
        job: &Job,
        plan: &'a Plan,
        writer: &RunWriter,
        form: String,
        time: Times,
        busy: Busy,
    ) -> Self {
        let seconds = time.whole.as_secs_f64();
        Self {
            images: plan.todo.len(),
            skipped: writer.skipped(),
            seconds,
            images_per_second: plan.todo.len() as f64 / time.extracting.as_secs_f64(),
            peak_rss_bytes: memory::peak_rss(),
            ram_budget_bytes: plan.bounds.budget,
            parts: writer.parts,
            bytes_written: writer.bytes(),
            device: Device::names(&job.devices),
            precision: &plan.run.precision,
            form,
            libtorch: plan.run.libtorch.as_deref().unwrap_or_default(),
            layers: plan.run.layers.iter().map(LayerSummary::of).collect(),
            stages: busy.into(),
            busy,
        }
    }

    /// `errors` has what was skipped.
    ///
    /// # Errors
    /// Output that cannot be written.
    pub fn print(&self, job: &Job, errors: &str) -> Result<()> {
        if job.json {
            return printing::print(&(serde_json::to_string(self)? + "\n"));
        }
        let skipped = match self.skipped {
            0 => String::new(),
            n => format!(", {} skipped (see {errors})", figures::count(n)),
        };
        say(format_args!(
            "{} images{skipped} in {}, {:.1} images/s; {} in {}; peak RSS {}; device {}, form {}, libtorch {}",
            figures::count(self.images),
            figures::duration(Duration::from_secs_f64(self.seconds)),
            self.images_per_second,
            figures::bytes(self.bytes_written),
            figures::counted(self.parts, "part"),
            figures::bytes(self.peak_rss_bytes),
            self.device,
            self.form,
            self.libtorch,
        ));
        if self.images > 0 && !job.quiet {
            say(self.busy.words());
        }
        Ok(())
    }
}
