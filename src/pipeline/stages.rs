//! How long each stage of an extraction was busy, and which of them bounded it.

use crate::text::figures::percent;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What threads are busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Read,
    Decode,
    Forward,
    Write,
}

const ALL: [Stage; 4] = [Stage::Read, Stage::Decode, Stage::Forward, Stage::Write];

/// Nanoseconds of each stage, of all threads together.
#[derive(Debug, Default)]
pub struct Stages([AtomicU64; 4]);

impl Stages {
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

    fn seconds(&self, stage: Stage) -> f64 {
        Duration::from_nanos(self.0[stage as usize].load(Ordering::Relaxed)).as_secs_f64()
    }

    /// What came of a run of so many seconds, decoder threads and models side by side.
    #[must_use]
    pub fn summary(&self, seconds: f64, decoders: usize, models: usize) -> Busy {
        let share = |stage: Stage| {
            let threads = match stage {
                Stage::Read | Stage::Decode => decoders,
                Stage::Forward => models,
                Stage::Write => 1,
            };
            self.seconds(stage) / (seconds * threads as f64).max(f64::MIN_POSITIVE)
        };
        let bound = ALL
            .into_iter()
            .max_by(|a, b| share(*a).total_cmp(&share(*b)));
        let bound = bound.unwrap_or(Stage::Forward);
        Busy {
            read: rounded(self.seconds(Stage::Read)),
            decode: rounded(self.seconds(Stage::Decode)),
            forward: rounded(self.seconds(Stage::Forward)),
            write: rounded(self.seconds(Stage::Write)),
            bound,
            decoders_idle: (1.0 - share(Stage::Read) - share(Stage::Decode)).max(0.0),
            model_idle: (1.0 - share(Stage::Forward)).max(0.0),
        }
    }
}

/// Seconds busy, of all threads of a stage together; the keys of `--json`.
#[derive(Debug, Serialize)]
pub struct Busy {
    read: f64,
    decode: f64,
    forward: f64,
    write: f64,
    /// The stage whose threads were busy for the largest share of the time.
    bound: Stage,
    #[serde(skip)]
    decoders_idle: f64,
    #[serde(skip)]
    model_idle: f64,
}

impl Busy {
    /// `bound by: forward pass (decoders idle 71 %)`
    #[must_use]
    pub fn words(&self) -> String {
        let (decoders, model) = (percent(self.decoders_idle), percent(self.model_idle));
        match self.bound {
            Stage::Read => format!("bound by: reading images (the model idle {model})"),
            Stage::Decode => format!("bound by: decoding images (the model idle {model})"),
            Stage::Forward => format!("bound by: forward pass (decoders idle {decoders})"),
            Stage::Write => {
                format!("bound by: writing rows (decoders idle {decoders}, the model {model})")
            }
        }
    }
}

/// To milliseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_threads_bound_the_run() {
        let stages = Stages::default();
        for (stage, seconds) in [
            (Stage::Read, 1),
            (Stage::Decode, 5),
            (Stage::Forward, 8),
            (Stage::Write, 2),
        ] {
            stages.add(stage, Duration::from_secs(seconds));
        }
        let busy = stages.summary(10.0, 2, 1);
        assert_eq!(
            (busy.read, busy.decode, busy.forward, busy.write),
            (1.0, 5.0, 8.0, 2.0)
        );
        assert_eq!(busy.words(), "bound by: forward pass (decoders idle 70 %)");
        // Two models have each half as much to do; one decoder more.
        assert_eq!(
            stages.summary(10.0, 1, 2).words(),
            "bound by: decoding images (the model idle 60 %)"
        );
        stages.add(Stage::Write, Duration::from_secs(8));
        let words = "bound by: writing rows (decoders idle 70 %, the model 20 %)";
        assert_eq!(stages.summary(10.0, 2, 1).words(), words);
    }
}
