//! Layers whose rows depend on more than their images.

use crate::job::Job;
use crate::model::{Extractor, Variation};
use anyhow::{Result, bail};

/// What the rows of a layer depend on besides their images, and what may be the cause.
pub fn words(varies: Variation) -> &'static str {
    match varies {
        Variation::Chance => {
            "gives other rows each time for the same images: it draws random numbers (was it traced in training mode?), \
             or keeps a count"
        }
        Variation::Batch => {
            "gives an image another row beside other images: it computes with the whole batch (a BatchNorm without \
             running statistics does)"
        }
    }
}

/// Refuses rows that depend on more than their images: several processes would compute others than one does.
///
/// # Errors
/// Some layer's do, and the user did not say that they may.
pub fn refuse(job: &Job, extractor: &Extractor) -> Result<()> {
    let varying = extractor.layers.iter().find_map(|layer| {
        let varies = layer.varies.filter(|_| !job.allow_varying)?;
        Some((&layer.name, varies))
    });
    let Some((name, varies)) = varying else {
        return Ok(());
    };
    bail!(
        "layer '{name}' {}; so rows of several processes are not those of one: compute the run in one go (--no-shard, \
         --overwrite), or pass --allow-varying",
        words(varies)
    )
}
