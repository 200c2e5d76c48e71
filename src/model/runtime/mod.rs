//! libtorch itself: its threads, its GPUs, and what it says when something fails.

pub mod cuda;
pub mod message;
pub mod threads;

pub use cuda::configure_cuda;
pub use threads::{ensure_threads, explain_terminate, libtorch_version, set_threads};
