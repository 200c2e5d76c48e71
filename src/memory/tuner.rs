//! How many rows a part gets: as many as the RAM budget and the checkpoint allow, by what was measured so far.
//!
//! RSS is what the model, its batches and the decoders take, plus the pages of the parts under construction. The first
//! is measured: whenever the kernel's peak rises, what the parts did not take of it is overhead.

use crate::memory::usage::{Gauge, peak_rss};
use crate::run::journal::Entry;
use crate::text::figures;
use anyhow::Result;
use std::time::{Duration, Instant};

/// The share of the budget up to which a part is planned, and the share up to which it may grow.
const PLANNED: f64 = 0.94;
const SEALED_AT: f64 = 0.97;

/// What a part's size follows from.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// RAM budget, bytes.
    pub budget: u64,
    /// Bytes of one row, all layers.
    pub row_bytes: u64,
    /// Images a forward pass.
    pub batch: u64,
    /// Batches a part, where the user fixed it.
    pub step: Option<u64>,
    /// The most rows of a part, by the limit on the size of files.
    pub most_rows: u64,
    /// The longest time that a part may take to fill.
    pub checkpoint: Duration,
    /// A forecast of what the run takes besides its parts, bytes.
    pub overhead: u64,
}

pub struct Tuner {
    bounds: Bounds,
    gauge: Gauge,
    peak: u64,
    /// Measured. `None` before the second batch, because only then the model's memory has its full size.
    overhead: Option<u64>,
    /// Rows of the open part that are written.
    filled: u64,
    opened: Instant,
    /// When the counting of `rows` began, for the pace.
    started: Instant,
    rows: u64,
}

impl Tuner {
    /// # Errors
    /// A machine whose memory cannot be read.
    pub fn new(bounds: Bounds) -> Result<Self> {
        let now = Instant::now();
        let gauge = Gauge::new()?;
        Ok(Self {
            bounds,
            gauge,
            peak: peak_rss(),
            overhead: None,
            filled: 0,
            opened: now,
            started: now,
            rows: 0,
        })
    }

    /// Rows of a new part, of at most `left`; a multiple of the batch unless it is all that is left.
    pub fn open(&mut self, left: u64) -> u64 {
        self.filled = 0;
        self.opened = Instant::now();
        let batches = self
            .bounds
            .step
            .unwrap_or(u64::MAX)
            .min(self.bounds.most_rows / self.bounds.batch)
            .min(self.batches_for_budget())
            .min(self.batches_for_time());
        left.min(batches.max(1).saturating_mul(self.bounds.batch))
    }

    /// Counts a batch of rows that were written into the open part; true where the part is to be sealed with what it
    /// has.
    pub fn wrote(&mut self, rows: u64) -> bool {
        self.rows += rows;
        let peak = peak_rss();
        if peak > self.peak || self.overhead.is_none() && self.rows > self.bounds.batch {
            let without_part = peak.saturating_sub(self.filled * self.bounds.row_bytes);
            self.overhead = Some(self.overhead.unwrap_or(0).max(without_part));
        }
        self.peak = peak;
        self.filled += rows;
        let next = (self.filled + self.bounds.batch) * self.bounds.row_bytes;
        let breaks_budget = (self.overhead() + next) as f64 > self.bounds.budget as f64 * SEALED_AT;
        breaks_budget || self.opened.elapsed() + self.time_of_batch() >= self.bounds.checkpoint
    }

    /// A line of `memory.csv`.
    pub fn entry(&mut self) -> Entry {
        Entry {
            images: self.rows,
            rss: self.gauge.rss(),
            budget: self.bounds.budget,
            step: self.filled.div_ceil(self.bounds.batch),
            images_per_second: self.pace(),
        }
    }

    /// `RSS 0.9 GB of 2.0 GB`
    pub fn note(&mut self) -> String {
        format!(
            "RSS {} of {}",
            figures::bytes(self.gauge.rss()),
            figures::bytes(self.bounds.budget)
        )
    }

    /// Images a second since the run began.
    fn pace(&self) -> f64 {
        self.rows as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    fn overhead(&self) -> u64 {
        self.overhead.unwrap_or(self.bounds.overhead)
    }

    fn batches_for_budget(&self) -> u64 {
        let room = (self.bounds.budget as f64 * PLANNED) as u64;
        let rows = room.saturating_sub(self.overhead()) / self.bounds.row_bytes.max(1);
        rows / self.bounds.batch
    }

    fn batches_for_time(&self) -> u64 {
        let batch = self.time_of_batch().as_secs_f64();
        if batch > 0.0 {
            (self.bounds.checkpoint.as_secs_f64() / batch) as u64
        } else {
            u64::MAX
        }
    }

    fn time_of_batch(&self) -> Duration {
        match self.rows {
            0 => Duration::ZERO,
            _ => Duration::from_secs_f64(self.bounds.batch as f64 / self.pace()),
        }
    }
}
