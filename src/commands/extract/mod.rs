//! `featx extract`: the activations of layers, for a folder of images, into parts.

mod plan;
mod summary;

use crate::cli::extract::Extract;
use crate::images::{Images, Preprocess};
use crate::job::Job;
use crate::model::{Archive, Extractor, ExtractorOptions, Layers};
use crate::pipeline::{self, Work};
use crate::progress::{Progress, Unit};
use crate::store::run::{self, Run};
use crate::store::run_writer::RunWriter;
use crate::store::unfinished::require_space;
use anyhow::Result;
use plan::Plan;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Instant;
use summary::Summary;

/// # Errors
/// Whatever stopped it, worded for the user; the rows before it are in sealed parts.
pub fn run(args: Extract) -> Result<()> {
    let started = Instant::now();
    let job = Job::new(args)?;
    let images = find_images(&job)?;
    let batch = job
        .batch_size
        .unwrap_or(plan::BATCH)
        .min(images.len() as usize);
    let (mut extractor, fingerprint) = load_model(&job, batch)?;
    let run = describe(&job, &images, &extractor, fingerprint, batch);
    let plan = Plan::new(&job, run)?;
    if job.dry_run {
        return plan.print(job.json);
    }
    require_space(existing_ancestor(&job.out), plan.bytes_to_write())?;
    plan.begin(&images)?;
    let mut writer = RunWriter::new(&job.out, plan.run.layers.clone(), &plan.todo)?;
    let work = Work {
        images: &images,
        segments: &plan.segments,
        preprocess: &job.preprocess,
        batch,
        part_rows: plan.part_rows,
        stored: job.stored,
        skip_broken: job.skip_broken,
        workers: job.workers,
    };
    let progress = Progress::resumed(
        "extract",
        Unit::Images,
        plan.run.images,
        plan.rows_done(),
        job.quiet,
    );
    pipeline::run(&work, &mut extractor, &mut writer, &progress)?;

    Summary::new(&plan, &writer, started.elapsed()).print(job.json)
}

fn find_images(job: &Job) -> Result<Images> {
    match &job.list {
        Some(list) => Images::from_list(&job.images, list),
        None => Images::scan(&job.images, |line| eprintln!("{line}")),
    }
}

/// The model, cut at the wanted layers, and its file's fingerprint.
fn load_model(job: &Job, batch: usize) -> Result<(Extractor, String)> {
    tch::set_num_threads(job.threads as i32);
    let archive = Archive::open(&job.model)?;
    let fingerprint = archive.fingerprint.clone();
    if archive.loaded_whole {
        eprintln!(
            "'{}' computes while it is loaded, so it is read whole",
            job.model.display()
        );
    }
    let layers = Layers::load(archive)?;
    let selection = layers.select(&job.layers)?;
    if !selection.never_called.is_empty() {
        eprintln!("{}", never_called(&selection.never_called));
    }
    let Preprocess {
        resize,
        crop,
        interpolation,
        ..
    } = &job.preprocess;
    eprintln!(
        "preprocessing: resize {resize}, crop {crop}, {} ({})",
        interpolation.name(),
        job.preprocess_source
    );
    let options = ExtractorOptions {
        batch,
        side: job.preprocess.crop,
        normaliser: job.preprocess.normaliser(),
        tokens: job.tokens,
    };
    let extractor = layers.cut(&selection.wanted, options)?;
    extractor
        .left_out
        .iter()
        .for_each(|line| eprintln!("left out: {line}"));
    Ok((extractor, fingerprint))
}

fn never_called(names: &[String]) -> String {
    let some: Vec<String> = names
        .iter()
        .take(3)
        .map(|name| format!("'{name}'"))
        .collect();
    let more = names.len().saturating_sub(3);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "left out, for they are never called: {}{more} (see: featx inspect)",
        some.join(", ")
    )
}

fn describe(
    job: &Job,
    images: &Images,
    extractor: &Extractor,
    fingerprint: String,
    batch: usize,
) -> Run {
    let layer = |layer: &crate::model::Layer| run::Layer {
        name: layer.name.clone(),
        shape: if job.flatten {
            vec![layer.shape.iter().product()]
        } else {
            layer.shape.clone()
        },
        dtype: job.stored.descr().to_owned(),
    };
    let preprocess = &job.preprocess;
    Run {
        featx: env!("CARGO_PKG_VERSION").to_owned(),
        precision: "f32".to_owned(),
        dtype: job.stored.name().to_owned(),
        flatten: job.flatten,
        tokens: job.tokens.map(|tokens| tokens.name().to_owned()),
        batch_size: batch as u64,
        images: images.len(),
        image_list: hex(&Sha256::digest(images.file_names())),
        shards: 1,
        model: run::Model {
            file: job.model.display().to_string(),
            fingerprint,
        },
        preprocess: run::Preprocess {
            resize: preprocess.resize as u32,
            crop: preprocess.crop as u32,
            interpolation: preprocess.interpolation.name().to_owned(),
            mean: preprocess.mean,
            std: preprocess.std,
        },
        layers: extractor.layers.iter().map(layer).collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The directory itself, or the nearest one above it that exists: what lies on the same filesystem as it will.
fn existing_ancestor(directory: &Path) -> &Path {
    let found = directory.ancestors().find(|ancestor| ancestor.exists());
    found
        .filter(|ancestor| *ancestor != Path::new(""))
        .unwrap_or(Path::new("."))
}
