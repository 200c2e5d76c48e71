//! RAM: what the job may use, what it uses, and the batch and part sizes that follow.

mod budget;
mod cure;
mod explaining_allocator;
mod forecast;
mod gate;
mod limits;
mod low_budget;
mod tuner;
mod usage;

pub use budget::RamBudget;
pub use cure::cure;
pub use explaining_allocator::ExplainingAllocator;
pub use forecast::{DECODER, Forecast, PerImage, SHARE_OF_BATCHES};
pub use gate::Gate;
pub use limits::cores;
pub use tuner::{Bounds, Tuner};
pub use usage::{peak_rss, tame_allocator};
