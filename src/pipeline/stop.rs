//! What ends a run early: one token, which all stages look at.

use crate::signals::Signals;
use anyhow::{Result, anyhow};
use std::sync::atomic::{AtomicBool, Ordering};

/// A signal came, or a stage failed.
pub struct Stop<'a> {
    signals: &'a Signals,
    has_failed: AtomicBool,
}

/// Stops all stages when it is dropped.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Stop<'a> {
    pub fn new(signals: &'a Signals) -> Self {
        Self {
            signals,
            has_failed: AtomicBool::new(false),
        }
    }

    pub fn is_over(&self) -> bool {
        self.signals.noted().is_some() || self.has_failed.load(Ordering::Relaxed)
    }

    /// Runs a stage; where it fails or panics, the run is over for all stages.
    pub fn guard<T>(&self, stage: impl FnOnce() -> Result<T>) -> Result<T> {
        let stop_on_drop = StopOnDrop(&self.has_failed);
        let result = stage()?;
        std::mem::forget(stop_on_drop);
        Ok(result)
    }
}

/// The error of a thread that panicked.
pub fn panicked(who: &str) -> anyhow::Error {
    anyhow!("{who} panicked; this is a bug in featx, please report it with the lines above")
}
