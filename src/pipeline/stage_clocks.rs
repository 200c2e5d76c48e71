//! How long each stage of an extraction is busy, counted while it goes on.

use crate::run::busy::{Busy, Stage};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nanoseconds for which each stage was busy, summed over all threads.
#[derive(Debug, Default)]
pub struct StageClocks([AtomicU64; 4]);

impl StageClocks {
    /// Does some of a stage's work.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = work();
        self.add(stage, began.elapsed());
        done
    }

    pub fn add(&self, stage: Stage, busy: Duration) {
        let busy = u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX);
        self.0[stage as usize].fetch_add(busy, Ordering::Relaxed);
    }

    /// Rounded to milliseconds.
    fn seconds(&self, stage: Stage) -> f64 {
        let busy = Duration::from_nanos(self.0[stage as usize].load(Ordering::Relaxed));
        (busy.as_secs_f64() * 1000.0).round() / 1000.0
    }

    /// The counts of a run of `images` in `seconds`, with `decoders` threads and `models` side by side.
    #[must_use]
    pub fn summary(&self, images: u64, seconds: f64, decoders: usize, models: usize) -> Busy {
        Busy {
            images,
            seconds,
            decoder_seconds: seconds * decoders as f64,
            model_seconds: seconds * models as f64,
            read: self.seconds(Stage::Read),
            decode: self.seconds(Stage::Decode),
            forward: self.seconds(Stage::Forward),
            write: self.seconds(Stage::Write),
        }
    }
}
