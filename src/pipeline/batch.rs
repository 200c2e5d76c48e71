//! What a batch is, from the dispatcher to the writer.

use crate::run::errors::Broken;
use std::ops::Range;

/// Consecutive rows of one segment. It travels inside the message of each arrow.
#[derive(Debug, Default)]
pub struct Batch {
    /// Its place among all batches.
    pub number: usize,
    /// Its place in [`Work::segments`](crate::pipeline::Work::segments).
    pub segment: usize,
    pub rows: Range<u64>,
    /// Rows without an image.
    pub broken: Vec<Broken>,
}
