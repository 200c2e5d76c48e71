//! What an extraction computes, and how.

use crate::images::Preprocess;
use crate::pipeline::batch::Batch;
use crate::pipeline::stage_clocks::StageClocks;
use crate::rows::row_type::RowType;
use crate::run::writer::Segment;
use crate::sources::Images;
use std::sync::Arc;
use std::time::Duration;

/// Batches of pixels in memory: one that waits or is fed, one or two that are filled.
pub const BATCHES: usize = 3;
/// Inputs of a model: one that is computed, one that is fed.
pub const INPUTS: usize = 2;

/// The images, the rows that are missing, and the sizes of the pipeline.
#[derive(Debug)]
pub struct Work<'a> {
    pub images: &'a Arc<Images>,
    pub segments: &'a [Segment],
    pub preprocess: &'a Preprocess,
    /// Images per forward pass.
    pub batch: usize,
    /// Batches that are in memory as pixels: [`BATCHES`], more where lanes share a batch.
    pub batches: usize,
    /// Threads that libtorch computes with, in each lane.
    pub threads: usize,
    pub stored: RowType,
    pub skip_broken: bool,
    /// Decoder threads.
    pub workers: usize,
    /// An image that takes longer to read and decode is a broken one.
    pub image_timeout: Duration,
    /// How long each stage was busy.
    pub stages: &'a Arc<StageClocks>,
}

impl Work<'_> {
    /// All batches, in order.
    pub fn all_batches(&self) -> impl Iterator<Item = Batch> {
        let segments = self.segments.iter().enumerate();
        let pieces = segments.flat_map(move |(segment, Segment { rows: all, .. })| {
            let starts = all.clone().step_by(self.batch);
            starts.map(move |start| (segment, start..all.end.min(start + self.batch as u64)))
        });
        pieces.enumerate().map(|(number, (segment, rows))| Batch {
            number,
            segment,
            rows,
            broken: Vec::new(),
        })
    }
}
