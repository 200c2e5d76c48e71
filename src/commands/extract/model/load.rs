//! The model of a run, cut at its layers, and what the user hears of it.

use crate::cli::choices::Device;
use crate::job::Job;
use crate::model::{self, Archive, Extractor, ExtractorOptions, Layers, Probe, Selection, Silence};
use crate::text::figures;
use crate::text::printing::say;
use crate::text::shell;
use anyhow::{Result, ensure};

/// The model, cut at the wanted layers, and its file's fingerprint.
pub fn load_model(job: &Job, probe: Probe) -> Result<(Extractor, String)> {
    model::install_arena();
    model::ensure_threads(job.threads_per_lane(1))?;
    model::set_threads(job.threads_per_lane(1));
    say_device(job);
    if job.devices[0] != Device::Cpu {
        model::configure_cuda(job.tf32);
    }
    let archive = Archive::open(&job.model)?;
    let fingerprint = archive.fingerprint.clone();
    if archive.loaded_whole {
        say(format_args!(
            "'{}' computes while it is loaded, so it is read whole",
            job.model.display()
        ));
    }
    let layers = Layers::load(archive)?;
    let selection = layers.select(&job.layers, &job.hooks)?;
    say_left_out(job, &selection);
    say(preprocessing(job, probe.are_values));
    let options = ExtractorOptions {
        shape: job.preprocess.shape(),
        normaliser: job.preprocess.normaliser(),
        tokens: job.tokens,
        probe,
        reduction: job.reduction,
        device: job.devices[0],
        precision: job.precision,
        tf32: job.tf32,
    };
    if let Some(index) = selection.refused {
        return Err(layers.refuse(index, options));
    }
    ensure!(
        !selection.wanted.is_empty(),
        "no layer is left (see: featx inspect {})",
        shell::word(&job.model)
    );
    if let Some(fixed) = layers.fixed_batch() {
        say(format_args!(
            "the model was exported for batches of {fixed}, and takes no other: each batch is filled up to it"
        ));
    }
    let extractor = layers.cut(&selection.wanted, options)?;
    if let Some(own_type) = &extractor.own_type {
        say(format_args!(
            "the model's weights are {own_type}: it is given images of that type, and computes in it"
        ));
    }
    Ok((extractor, fingerprint))
}

fn say_device(job: &Job) {
    say(format_args!("device: {}", job.devices_text));
    if job.devices.contains(&Device::Cpu) && !model::is_native(job.precision) {
        say(format_args!(
            "this processor has no {} instructions: they are emulated, more slowly than f32",
            job.precision
        ));
    }
}

/// Says which layers of a glob are left out, and why.
fn say_left_out(job: &Job, selection: &Selection) {
    for silence in Silence::ALL {
        let names = selection.silent_for(silence);
        if !names.is_empty() {
            say(left_out(job, silence.of_several(), &names));
        }
    }
    for (names, why) in [
        (
            &selection.not_in_trace,
            "the trace does not have the tensor that a forward hook sees first",
        ),
        (
            &selection.unordered,
            "they give several tensors, whose order the file does not keep; take one with --layer 'NAME#0'",
        ),
        (
            &selection.doubtful,
            "the trace does not use what they compute, and may hold another tensor: --layer 'NAME#0' takes it",
        ),
    ] {
        if !names.is_empty() {
            say(left_out(job, why, names));
        }
    }
}

/// The line about what is done to images.
fn preprocessing(job: &Job, are_values: bool) -> String {
    match are_values {
        true => "preprocessing: none, float32 arrays go to the model as they are".to_owned(),
        false => format!(
            "preprocessing: {} ({})",
            job.preprocess, job.preprocess_source
        ),
    }
}

fn left_out(job: &Job, why: &str, names: &[String]) -> String {
    let model = shell::word(&job.model);
    format!(
        "left out because {why}: {} (see: featx inspect {model})",
        figures::some(names)
    )
}
