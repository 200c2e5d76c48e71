//! Buffers that go round. There is a fixed number of each kind, and a thread that gets none waits: this bounds the memory.

use crate::model::{Feeder, Input};
use crate::pipeline::work::{INPUTS, Work};
use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};

/// Where buffers come back to, and where they are taken from.
pub type Spare<T> = (Sender<T>, Receiver<T>);

/// The pixels of [`Work::batches`] batches.
pub fn spare_pixels(work: &Work) -> Spare<Vec<u8>> {
    let (spare_in, spare) = bounded(work.batches);
    let bytes = work.batch * work.images.item_bytes(work.preprocess);
    for _ in 0..work.batches {
        let _ = spare_in.send(vec![0; bytes]); // it has a place for each
    }
    (spare_in, spare)
}

/// The [`INPUTS`] inputs of a model.
///
/// # Errors
/// libtorch's.
pub fn spare_inputs(feeder: &Feeder) -> Result<Spare<Input>> {
    let (inputs_in, inputs) = bounded(INPUTS);
    for _ in 0..INPUTS {
        let _ = inputs_in.send(feeder.input()?); // it has a place for each
    }
    Ok((inputs_in, inputs))
}
