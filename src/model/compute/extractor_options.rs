//! How a cut model is fed, and what is done with its outputs.

use crate::cli::choices::{Device, Precision};
use crate::images::{Normaliser, Shape};
use crate::model::compute::kept_tokens::KeptTokens;
use crate::model::compute::probe::Probe;
use crate::model::reduce::Reduction;
use anyhow::Result;
use tch::Tensor;

/// Everything that is set before the model is tried.
#[derive(Debug, Clone)]
pub struct ExtractorOptions {
    pub shape: Shape,
    pub normaliser: Normaliser,
    pub tokens: Option<KeptTokens>,
    pub reduction: Reduction,
    /// What the model is tried on.
    pub probe: Probe,
    pub device: Device,
    pub precision: Precision,
    /// On a GPU, f32 may be computed with fewer digits.
    pub tf32: bool,
}

impl ExtractorOptions {
    /// Images of the probe, as the model has them.
    pub(super) fn probe_batch(&self, images: usize) -> Result<Tensor> {
        self.probe
            .batch(images, self.shape, &self.normaliser, self.device)
    }
}
