//! What `run.toml` will say of a run.

use crate::cli::choices::Device;
use crate::commands::extract::images::image_list::ImageList;
use crate::images::Preprocess;
use crate::job::Job;
use crate::model::{self, Extractor, Reduction};
use crate::run::record::{self, Run};
use crate::text::shell;
use std::path::PathBuf;

/// What `run.toml` will say of a run by one process.
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
        precision: job.precision.to_string(),
        dtype: job.stored,
        flatten: job.flatten,
        tokens: job.tokens.map(|tokens| tokens.kept.to_string()),
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

/// The paths, made absolute. `None` if a path is not text, or if the current directory is unknown.
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

/// All keys: the crop is recorded even if it is the default.
fn recorded(preprocess: &Preprocess) -> toml::Table {
    let whole = Preprocess {
        crop: Some(preprocess.crop()),
        ..preprocess.clone()
    };
    toml::Table::try_from(whole).expect("a preprocessing that was read from TOML")
}
