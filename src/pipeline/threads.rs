//! Starting and joining the threads of the stages.

use crate::pipeline::stop::panicked;
use anyhow::{Context, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Starts a stage in a thread of its name.
///
/// # Errors
/// The system has no thread left.
pub fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &'static str,
    stage: impl FnOnce() -> Result<T> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<T>>> {
    let started = Builder::new().name(name.into()).spawn_scoped(scope, stage);
    started.with_context(|| format!("cannot start the {name}'s thread"))
}

/// Waits for a stage, and returns what it ended with.
///
/// # Errors
/// The stage's, or that it panicked.
pub fn join<T>(thread: ScopedJoinHandle<Result<T>>) -> Result<T> {
    let name = format!("the {}", thread.thread().name().unwrap_or_default());
    thread.join().map_err(|_| panicked(&name))?
}

/// Runs a stage in this thread.
///
/// # Errors
/// The stage's, or that `who` panicked.
pub fn run_here<T>(who: &str, stage: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(stage)).map_err(|_| panicked(who))?
}
