//! How many images a forward pass takes, and what they cost.

use crate::cli::choices::Device;
use crate::commands::extract::model::varying;
use crate::job::Job;
use crate::memory::{Forecast, PerImage};
use crate::model::{self, Extractor};
use crate::pipeline::{BATCHES, INPUTS, cost};
use crate::sources::Images;
use crate::text::figures;
use crate::text::printing::say;
use anyhow::Result;

/// What a run takes, from the one image that the model has computed.
///
/// # Errors
/// A machine whose memory cannot be read.
pub fn forecast(job: &Job, images: &Images, extractor: &Extractor) -> Result<Forecast> {
    let elements = extractor.elements_per_image();
    let values = job.preprocess.image_bytes() as u64;
    let pixels = images.item_bytes(&job.preprocess) as u64;
    let replicas = job.devices.len() as u64;
    let stored = job.stored.size() as u64;
    let image = match job.devices[0] {
        Device::Cpu => cost::on_cpu(extractor, values, pixels, stored, replicas),
        // What it computes lies on the GPU, unless that has no room for a whole batch: then it is put together here.
        Device::Cuda(_) => PerImage {
            forward: 0,
            pixels,
            batches: BATCHES as u64,
            inputs: pixels * INPUTS as u64 * replicas,
            activations: elements * 4 * 2 * replicas,
            row: elements * stored,
        },
    };
    model::trim_arena();
    let projections = extractor.bytes_of_projections(job.threads);
    let buffers = images.buffers(job.workers as u64);
    Forecast::measure(image, job.workers, projections, buffers)
}

/// The most images a forward pass, unless the user asks for more. On the CPU more would gain nothing; a GPU that cannot hold
/// them halves the batch.
fn largest_batch(job: &Job) -> u64 {
    match job.devices[0] {
        Device::Cpu if job.reduction.project.is_some() => images_of_projection(job),
        Device::Cpu => cost::batch_on_cpu(job.threads),
        Device::Cuda(_) => 128,
    }
}

/// Images a forward pass: as asked for, or as many as the budget allows. For a model that takes batches of one size only, it
/// is a multiple of that size.
pub fn choose(job: &Job, extractor: &Extractor, forecast: &Forecast, images: u64) -> u64 {
    let batch = match job.batch_size {
        Some(batch) => (batch as u64).min(images),
        None => {
            let batch = forecast.batch_for(job.ram_budget, images, largest_batch(job));
            match job.reduction.project {
                // The same number for each thread.
                Some(_) if batch > job.threads as u64 => batch - batch % job.threads as u64,
                _ => batch,
            }
        }
    };
    match extractor.fixed_batch() {
        Some(fixed) => (batch / fixed as u64 * fixed as u64).max(images.min(fixed as u64)),
        None => batch,
    }
}

/// A core projects eight images in little more time than four.
fn images_of_projection(job: &Job) -> u64 {
    (8 * job.threads as u64).min(64)
}

/// Sets the model's batch size, and says which layers that leaves out.
///
/// # Errors
/// A layer asked for by name that gives no row an image.
pub fn set(extractor: &mut Extractor, batch: u64) -> Result<()> {
    extractor.set_batch(batch as usize)?;
    extractor
        .left_out
        .iter()
        .for_each(|line| say(format_args!("left out: {line}")));
    for layer in &extractor.layers {
        if let Some(varies) = layer.varies {
            let why = varying::words(varies);
            say(format_args!("warning: layer '{}' {why}", layer.name));
        }
    }
    let short = extractor.too_short_to_project();
    if !short.is_empty() {
        say(format_args!(
            "not projected, because they already have at most that many numbers: {}",
            figures::some(&short)
        ));
    }
    Ok(())
}
