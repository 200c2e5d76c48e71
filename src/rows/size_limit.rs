//! The limit on the size of files (`ulimit -f`): a write beyond it ends a process by SIGXFSZ, unless it ignores that.

use crate::text::figures;
use rustix::process::{Resource, getrlimit};

/// From now on a write beyond the limit is an error.
pub fn ignore_signal() {
    // SAFETY: no handler is set, and no memory is passed.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Bytes that a file may have. `None` if there is no limit.
#[must_use]
pub fn most_bytes() -> Option<u64> {
    getrlimit(Resource::Fsize).current
}

/// The cure for an error with this text. `None` if the limit has no part in it.
#[must_use]
pub fn cure(text: &str) -> Option<String> {
    // The text has to do: HDF5 keeps the system's error as text alone, and csv's errors have no source.
    let limit = most_bytes().filter(|_| text.contains("File too large"))?;
    Some(format!(
        "; a file may have {} (ulimit -f): raise that limit",
        figures::bytes(limit)
    ))
}
