//! libtorch itself: its threads, its memory, its GPUs, and what it says when something fails.

pub mod arena;
pub mod cuda;
pub mod message;
pub mod threads;

pub use arena::{install_arena, trim_arena};
pub use cuda::configure_cuda;
pub use threads::{ensure_threads, explain_terminate, libtorch_version, set_threads};
