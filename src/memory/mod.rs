//! RAM: what the job may use, what it uses, and the batch and part sizes that follow.

mod budget;
mod exhaustion;
mod forecast;
mod gate;
mod limits;
mod tuner;
mod usage;

pub use budget::RamBudget;
pub use exhaustion::Explained;
pub use forecast::{DECODER, Forecast, PerImage, SHARE_OF_BATCHES};
pub use gate::Gate;
pub use limits::{cores, cure};
pub use tuner::{Bounds, Tuner};
pub use usage::{peak_rss, tame_allocator};
