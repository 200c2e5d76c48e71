//! Archives are searched several at a time: on a network each waits for its server.

use anyhow::{Context, Result};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// Archives that are searched at once.
pub(super) const AT_ONCE: usize = 8;

/// Does some work for each of `0..count`, several at once; the results in order.
///
/// # Errors
/// The first in that order; the system has no thread left.
pub(super) fn in_parallel<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let search = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                break;
            }
            let result = work(i);
            results
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((i, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(count) {
            let thread = Builder::new().name("search".into());
            thread.spawn_scoped(scope, search)?;
        }
        Ok::<_, io::Error>(())
    })
    .context("cannot start the threads that search archives")?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}
