//! What a run needs before it begins: the images, the model cut at its layers, what an image costs.

use crate::cli::choices::Device;
use crate::commands::extract::names::ImageList;
use crate::images::{Preprocess, Preprocessor};
use crate::job::Job;
use crate::memory::{Forecast, PerImage};
use crate::model::{
    self, Archive, Extractor, ExtractorOptions, Layers, PROBED, Probe, Reduction, Selection,
    Silence, Variation,
};
use crate::pipeline::{BATCHES, INPUTS, ORDINARY, cost};
use crate::run::record::{self, Run};
use crate::sources::{Images, RowReader};
use crate::text::figures;
use crate::text::printing::say;
use crate::text::shell;
use anyhow::{Result, bail, ensure};
use std::path::PathBuf;
use std::sync::Arc;

/// The run's first images that can be read, of its first few: what the model is tried on.
pub fn probe(job: &Job, images: &Arc<Images>) -> Probe {
    let mut preprocessor = Preprocessor::new(&job.preprocess);
    preprocessor.set_limit(Some(ORDINARY)); // a larger one would have to wait for memory
    let mut probe = Probe {
        are_values: images.are_values(),
        ..Probe::default()
    };
    let (mut reader, mut bytes) = (RowReader::new(images), Vec::new());
    for row in images.rows().take(FEW) {
        if probe.images.len() == PROBED {
            break;
        }
        let mut pixels = vec![0; images.item_bytes(&job.preprocess)];
        // What is wrong with an image is said when its row is computed.
        let read = reader.read(row, &mut bytes);
        if read.is_ok_and(|item| item.decode(&bytes, &mut preprocessor, &mut pixels).is_ok()) {
            probe.images.push(pixels);
        }
    }
    probe
}

/// Images that are tried for a probe.
pub const FEW: usize = 16;

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
            job.precision.name()
        ));
    }
}

/// The layers that a glob meant and that are left out, and why.
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
            "they compute what the trace does not use; what it has of them may be another tensor: --layer 'NAME#0' takes it",
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

/// Images a forward pass at most, unless asked for: on the CPU more gain nothing, and on a GPU that cannot hold them the
/// batch is halved.
fn largest_batch(job: &Job) -> u64 {
    match job.devices[0] {
        Device::Cpu if job.reduction.project.is_some() => images_of_projection(job),
        Device::Cpu => cost::batch_on_cpu(job.threads),
        Device::Cuda(_) => 128,
    }
}

/// Images a forward pass: as asked for, or as many as the budget allows. Where the model takes only batches of one size,
/// a number of whole ones.
pub fn batch(job: &Job, extractor: &Extractor, forecast: &Forecast, images: u64) -> u64 {
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

/// Has the model take batches of this size, and says which layers that leaves out.
///
/// # Errors
/// A layer asked for by name that gives no row an image.
pub fn set_batch(extractor: &mut Extractor, batch: u64) -> Result<()> {
    extractor.set_batch(batch as usize)?;
    extractor
        .left_out
        .iter()
        .for_each(|line| say(format_args!("left out: {line}")));
    for layer in &extractor.layers {
        if let Some(varies) = layer.varies {
            let why = what_varies(varies);
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

fn what_varies(varies: Variation) -> &'static str {
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

/// Rows that depend on more than their images cannot come from several processes as from one.
///
/// # Errors
/// Some layer's do, and the user did not say that they may.
pub fn refuse_varying(job: &Job, extractor: &Extractor) -> Result<()> {
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
        what_varies(varies)
    )
}

fn left_out(job: &Job, why: &str, names: &[String]) -> String {
    let model = shell::word(&job.model);
    format!(
        "left out because {why}: {} (see: featx inspect {model})",
        figures::some(names)
    )
}

/// What `run.toml` will say, of a run by one process.
pub fn describe(
    job: &Job,
    list: &ImageList,
    extractor: &Extractor,
    fingerprint: &str,
    batch: u64,
) -> Run {
    let Reduction { pool, project, .. } = job.reduction;
    let is_reduced = pool.is_some() || project.is_some();
    let layer = |layer: &crate::model::Layer| record::Layer {
        name: layer.name.clone(),
        shape: if job.flatten {
            vec![layer.shape.iter().product()]
        } else {
            layer.shape.clone()
        },
        dtype: job.stored,
        varies: layer.varies.map(|varies| varies.name().to_owned()),
        activation: is_reduced.then(|| layer.whole.clone()),
        projected_from: layer.projected_from(),
    };
    let preprocess = &job.preprocess;
    Run {
        featx: env!("CARGO_PKG_VERSION").to_owned(),
        precision: job.precision.name().to_owned(),
        dtype: job.stored,
        flatten: job.flatten,
        tokens: job.tokens.map(|tokens| tokens.kept.name().to_owned()),
        tokens_prefix: job
            .tokens
            .map(|tokens| tokens.prefix as u64)
            .filter(|&prefix| prefix != 1),
        pool: pool.map(|pool| pool.to_string()),
        project: project.map(|project| record::Project {
            outputs: project.outputs,
            seed: project.seed,
            recipe: model::RECIPE,
        }),
        batch_size: batch,
        images: list.images,
        image_list: list.digest.clone(),
        shards: 1,
        device: Some(Device::names(&job.devices)),
        form: None, // known once a batch is computed
        libtorch: Some(model::libtorch_version()),
        command: Some(shell::command(std::env::args_os().skip(1))),
        sources: absolute(&job.images),
        model: record::Model {
            file: job.model.display().to_string(),
            fingerprint: fingerprint.to_owned(),
        },
        preprocess: recorded(preprocess),
        layers: extractor.layers.iter().map(layer).collect(),
    }
}

/// None where a path is no text, or where this process is, is not known.
fn absolute(paths: &[PathBuf]) -> Option<Vec<String>> {
    let absolute = paths.iter().map(|path| {
        std::path::absolute(path)
            .ok()?
            .into_os_string()
            .into_string()
            .ok()
    });
    absolute.collect()
}

/// The keys that tell it whole: a crop is written down whether or not it was said.
fn recorded(preprocess: &Preprocess) -> toml::Table {
    let whole = Preprocess {
        crop: Some(preprocess.crop()),
        ..preprocess.clone()
    };
    toml::Table::try_from(whole).expect("a preprocessing that was read from TOML")
}
