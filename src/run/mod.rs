//! One run directory: what was run, what of it is done, who is writing.

#[cfg(feature = "torch")]
pub mod binding;
pub mod busy;
pub mod checksums;
pub mod contents;
pub mod directory;
#[cfg(feature = "torch")]
pub mod discard;
#[cfg(feature = "torch")]
pub mod errors;
#[cfg(feature = "torch")]
pub mod journal;
pub mod lock;
#[cfg(feature = "torch")]
pub mod name_index;
pub mod preprocess;
pub mod record;
pub mod shard_errors;
pub mod shards;
pub mod slice;
#[cfg(feature = "torch")]
pub mod sources;
#[cfg(feature = "torch")]
pub mod writer;
