//! When the run is over before its end: one token, that all stages look at.

use crate::signals::Signals;
use anyhow::Result;
use std::sync::atomic::{AtomicBool, Ordering};

/// A signal came, or a stage failed.
pub struct Stop<'a> {
    signals: &'a Signals,
    has_failed: AtomicBool,
}

/// Stops everything when it is dropped.
struct StopAll<'a>(&'a AtomicBool);

impl Drop for StopAll<'_> {
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

    /// Runs a stage; where it fails or panics, it is over for all.
    pub fn guard<T>(&self, stage: impl FnOnce() -> Result<T>) -> Result<T> {
        let stop_all = StopAll(&self.has_failed);
        let result = stage()?;
        std::mem::forget(stop_all);
        Ok(result)
    }
}
