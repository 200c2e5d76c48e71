//! How a model is tried for what it gives: on the CPU, with blank images.

use crate::cli::choices::{Device, Precision};
use crate::job::ModelDescription;
use crate::model::{ExtractorOptions, Probe, Reduction};

pub fn options(described: &ModelDescription) -> ExtractorOptions {
    let preprocess = &described.preprocess;
    ExtractorOptions {
        shape: preprocess.shape(),
        normaliser: preprocess.normaliser(),
        tokens: None,
        probe: Probe::default(),
        reduction: Reduction::default(),
        device: Device::Cpu,
        precision: Precision::F32,
        tf32: false,
    }
}
