//! What a model is tried on before a run.

use crate::images::Normaliser;
use crate::model::compute::devices::Device;
use crate::model::compute::feeder::{blank, place};
use anyhow::Result;
use tch::Tensor;

/// The run's own first images, for a model may branch on what it sees; blank ones where there are none.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// Of each image, (height, width, 3), RGB.
    pub images: Vec<Vec<u8>>,
}

/// Images of a probe: one alone and beside another one shows whether rows depend on their batch.
pub const PROBED: usize = 2;

impl Probe {
    /// f32, shape (images, side, side, 3).
    ///
    /// # Errors
    /// libtorch's: a GPU without memory, for one.
    pub(super) fn batch(
        &self,
        images: usize,
        side: usize,
        normaliser: &Normaliser,
        device: Device,
    ) -> Result<Tensor> {
        let count = side * side * 3;
        let mut values = vec![0.0; images * count];
        for (values, pixels) in values.chunks_exact_mut(count).zip(&self.images) {
            normaliser.normalise_nhwc(pixels, values);
        }
        let mut batch = blank(images, side, device)?;
        let shape = batch.size();
        batch.f_copy_(
            &Tensor::f_from_slice(&values)?
                .f_view(&shape[..])?
                .f_to_device(place(device))?,
        )?;
        Ok(batch)
    }
}
