//! The rows of a run that one process does.

use crate::run::log::Log;
use crate::run::record::Run;
use crate::run::shards::shard_rows;
use std::ops::Range;

/// A whole run, or one shard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub rows: Range<u64>,
    /// None: the whole run.
    pub shard: Option<u64>,
}

impl Slice {
    #[must_use]
    pub fn whole(run: &Run) -> Self {
        Self {
            rows: 0..run.images,
            shard: None,
        }
    }

    #[must_use]
    pub fn shard(run: &Run, index: u64) -> Self {
        Self {
            rows: shard_rows(run.images, run.batch_size, run.shards, index),
            shard: Some(index),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.rows.end - self.rows.start
    }

    /// True for a shard beyond the last batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The log of the process that computes it.
    #[must_use]
    pub fn file(&self, log: Log) -> String {
        self.shard
            .map_or_else(|| log.of_run(), |shard| log.of_shard(shard))
    }
}
