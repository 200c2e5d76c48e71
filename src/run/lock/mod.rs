//! Who writes a run directory, or a shard of it.

#[cfg(feature = "torch")]
mod file;
#[cfg(feature = "torch")]
mod other_writer;
pub mod owner;
#[cfg(feature = "torch")]
mod run_lock;
pub mod snapshot;

#[cfg(feature = "torch")]
pub use other_writer::OtherWriter;
#[cfg(feature = "torch")]
pub use run_lock::{LOCK_FILE, RunLock};
