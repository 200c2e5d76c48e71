//! What the channels carry: a struct for each arrow of the pipeline.

use crate::model::{Activation, Input};
use crate::pipeline::batch::Batch;
use crate::pipeline::turns::Turn;
use std::sync::{Arc, Mutex};

/// Dispatcher → decoders: one image to decode, into its slot of a batch.
pub struct Ticket {
    pub batch: SharedBatch,
    pub slot: usize,
    pub row: u64,
}

/// A batch that several decoders fill. The last one hands it on.
pub type SharedBatch = Arc<Mutex<PixelBatch>>;

/// Decoders → orderer → feeders: the pixels of a batch, or f32 values that are not preprocessed; shape (batch, height,
/// width, channels).
#[derive(Default)]
pub struct PixelBatch {
    pub batch: Batch,
    pub pixels: Vec<u8>,
    /// Images that are not decoded yet.
    pub left: usize,
    /// The first broken row that is the machine's fault, not its image's: such a row is never skipped.
    pub machine_fault: Option<u64>,
}

/// Feeder → model: a batch as the model takes it.
pub struct InputBatch<'a> {
    pub batch: Batch,
    pub input: Input,
    /// On cores: the model's turn. It starts here, so that decoders finish their images while the batch is fed.
    pub turn: Option<Turn<'a>>,
}

/// Models → writer: rows to write.
pub struct ComputedBatch {
    pub batch: Batch,
    pub activations: Vec<Activation>,
}
