//! Buffers that go round. There is a fixed number of each kind, and a thread that gets none waits: this bounds the memory.

use crate::model::{Feeder, Input};
use crate::pipeline::work::{INPUTS, Work};
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};

/// The two ends of a channel of buffers that are free.
pub struct Spare<T> {
    pub give_back: Sender<T>,
    pub take: Receiver<T>,
}

/// The pixels of [`Work::batches`] batches.
pub fn spare_pixels(work: &Work) -> Spare<Vec<u8>> {
    let (give_back, take) = bounded(work.batches);
    let bytes = work.batch * work.images.item_bytes(work.preprocess);
    for _ in 0..work.batches {
        let _ = give_back.send(vec![0; bytes]); // it has a place for each
    }
    Spare { give_back, take }
}

/// The [`INPUTS`] inputs of a model.
///
/// # Errors
/// libtorch's.
pub fn spare_inputs(feeder: &Feeder) -> Result<Spare<Input>> {
    let (give_back, take) = bounded(INPUTS);
    for _ in 0..INPUTS {
        let _ = give_back.send(feeder.input()?); // it has a place for each
    }
    Ok(Spare { give_back, take })
}
