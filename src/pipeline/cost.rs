//! What an image takes on its way from decoder to part.

use crate::memory::PerImage;
use crate::model::Extractor;
use crate::pipeline::work::{BATCHES, INPUTS};

/// Images of a forward pass on this number of threads. More images gain nothing.
#[must_use]
pub fn batch_on_cpu(threads: usize) -> u64 {
    (4 * threads as u64).min(32)
}

/// What an image takes where `replicas` of a model compute on the CPU. The model computes on `values` numbers of an image,
/// which is decoded into `pixels` bytes; each number of its rows is stored in `stored` bytes.
pub fn on_cpu(
    extractor: &Extractor,
    values: u64,
    pixels: u64,
    stored: u64,
    replicas: u64,
) -> PerImage {
    let elements = extractor.elements_per_image();
    PerImage {
        forward: extractor.bytes_per_image * replicas,
        pixels,
        batches: BATCHES as u64,
        inputs: values * 4 * INPUTS as u64 * replicas, // as f32
        activations: elements * 4 * (2 * replicas - 1),
        row: elements * stored,
    }
}
