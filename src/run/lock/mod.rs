//! Who writes a run directory, or a shard of it.

#[cfg(feature = "torch")]
mod file;
pub mod owner;
#[cfg(feature = "torch")]
mod run_lock;
pub mod snapshot;

#[cfg(feature = "torch")]
pub use run_lock::{InUse, LOCK_FILE, RunLock};
