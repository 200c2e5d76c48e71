//! An extraction that is ready to run: the model on its devices, and what takes its rows.

use crate::commands::extract::model::lanes::Lanes;
use crate::commands::extract::planning::plan::Plan;
use crate::commands::extract::provenance::Provenance;
use crate::commands::extract::setup::Setup;
use crate::job::Job;
use crate::memory::{Gate, Tuner};
use crate::model::Extractor;
use crate::pipeline::{self, BATCHES, Sink, StageClocks, Work};
use crate::run::busy::Busy;
use crate::run::journal::Journal;
use crate::run::lock::RunLock;
use crate::run::log::Log;
use crate::run::writer::RunWriter;
use crate::signals::Signals;
use crate::sources::Images;
use crate::text::printing::say;
use crate::text::progress::{Progress, Unit};
use anyhow::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Extraction<'a> {
    job: &'a Job,
    pub plan: Plan,
    images: Arc<Images>,
    lanes: Lanes,
    /// The model, once for each lane of each device.
    replicas: Vec<Extractor>,
    pub writer: RunWriter,
    tuner: Tuner,
    pub provenance: Provenance,
    pub signals: Signals,
    /// The last field, because it is dropped last: until then no other process writes what this one writes.
    _lock: RunLock,
}

/// How the pipeline ended.
pub struct Ended {
    /// The rows written, or what stopped it.
    pub rows: Result<u64>,
    /// From the first image to the last row on disk.
    pub extracting: Duration,
    /// Of the rows that were written before it ended, in success or not.
    pub busy: Busy,
}

impl<'a> Extraction<'a> {
    /// Settles how the model computes, and says if the run began in another way.
    ///
    /// # Errors
    /// A form that cannot be tried, a device without memory, a run directory that cannot be written.
    pub fn prepare(job: &'a Job, setup: Setup) -> Result<Self> {
        let Setup {
            images,
            mut extractor,
            mut plan,
            lock,
        } = setup;
        let lanes = Lanes::settle(job, &mut plan, &mut extractor)?;
        let provenance = Provenance::new(&plan, &extractor);
        if let Some(line) = provenance.changes(&plan) {
            say(line);
        }
        let signals = Signals::note()?;
        let mut writer =
            RunWriter::new(&job.out, plan.run.layers.clone(), &plan.todo, &plan.slice)?;
        // A killed process records nothing at its end, and its sealed parts stay.
        let first = provenance.clone();
        writer.before_first_part(move || first.record());
        Ok(Self {
            replicas: replicate(job, extractor, lanes.count)?,
            tuner: Tuner::new(plan.bounds)?,
            job,
            plan,
            images,
            lanes,
            writer,
            provenance,
            signals,
            _lock: lock,
        })
    }

    /// Computes and writes the rows that are missing.
    pub fn run(&mut self) -> Ended {
        let stages = Arc::new(StageClocks::default());
        let began = Instant::now();
        let rows = self.pipeline(&stages);
        let extracting = began.elapsed();
        let images = self.tuner.entry().images;
        let (seconds, models) = (extracting.as_secs_f64(), self.replicas.len());
        Ended {
            rows,
            extracting,
            busy: stages.summary(images, seconds, self.job.workers, models),
        }
    }

    fn pipeline(&mut self, stages: &Arc<StageClocks>) -> Result<u64> {
        let (job, plan, lanes) = (self.job, &self.plan, self.lanes);
        let (own, done) = (&plan.slice, plan.rows_done());
        let progress = Progress::resumed("extract", Unit::Images, own.len(), done, job.quiet);
        let work = Work {
            images: &self.images,
            segments: &plan.segments,
            preprocess: &job.preprocess,
            batch: plan.run.batch_size as usize / lanes.count,
            batches: BATCHES * lanes.count,
            threads: lanes.threads_each,
            stored: job.stored,
            skip_broken: job.skip_broken,
            image_timeout: job.image_timeout,
            workers: job.workers,
            stages,
        };
        let sink = Sink {
            writer: &mut self.writer,
            tuner: &mut self.tuner,
            journal: &mut Journal::open(&job.out.join(own.file(Log::Memory)))?,
            progress: &progress,
            gate: &Arc::new(Gate::new(job.ram_budget)?),
        };
        pipeline::run(&work, &mut self.replicas, sink, &self.signals)
    }
}

fn replicate(job: &Job, extractor: Extractor, lanes: usize) -> Result<Vec<Extractor>> {
    let mut replicas = vec![extractor];
    for device in job.devices.repeat(lanes).split_off(1) {
        replicas.push(replicas[0].replicate(device)?);
    }
    Ok(replicas)
}
