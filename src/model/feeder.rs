//! From a batch's pixels to the tensor that a model computes on.

use crate::images::Normaliser;
use anyhow::{Result, ensure};
use tch::{Device, Kind, Tensor};

/// Normalises pixels for one model.
#[derive(Debug, Clone)]
pub struct Feeder {
    /// Images of a batch.
    batch: usize,
    /// Height and width of an image, pixels.
    side: usize,
    normaliser: Normaliser,
}

/// A batch of images as the model takes it: f32, shape (batch, height, width, 3).
pub struct Input(pub(super) Tensor);

impl Feeder {
    pub(super) fn new(batch: usize, side: usize, normaliser: Normaliser) -> Self {
        Self {
            batch,
            side,
            normaliser,
        }
    }

    /// Memory for one batch.
    pub fn input(&self) -> Input {
        Input(blank(self.batch, self.side))
    }

    /// Fills `input`. `pixels`: (batch, height, width, 3), RGB.
    ///
    /// # Errors
    /// Pixels that are not one batch's.
    pub fn feed(&self, pixels: &[u8], input: &mut Input) -> Result<()> {
        let count = input.0.numel();
        ensure!(
            pixels.len() == count,
            "a batch of {} bytes, expected {count}",
            pixels.len()
        );
        // SAFETY: the tensor is contiguous, holds `count` f32 and belongs to this input alone: captured activations
        // never share its memory (drop_needless_clones keeps the clones of those that would).
        let values =
            unsafe { std::slice::from_raw_parts_mut(input.0.data_ptr().cast::<f32>(), count) };
        self.normaliser.normalise_nhwc(pixels, values);
        Ok(())
    }
}

/// Images of zeros; shape (images, side, side, 3).
pub(super) fn blank(images: usize, side: usize) -> Tensor {
    Tensor::zeros(
        [images as i64, side as i64, side as i64, 3],
        (Kind::Float, Device::Cpu),
    )
}
