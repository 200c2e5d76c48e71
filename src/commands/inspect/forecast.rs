//! What it takes to extract every layer of a top-level module, such as `features.*`: found by doing so, for one batch.

use crate::job::ModelDescription;
use crate::memory::{Forecast, RamBudget, cores};
use crate::model::{self, Archive, Layers};
use crate::pipeline::cost;
use crate::text::figures::{bytes, count, counted, duration};
use crate::text::table;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// Numbers are stored as f32.
const STORED: u64 = 4;
/// Images that the forecast of time and disk is for.
const MANY: u64 = 100_000;

/// Of all layers that a glob takes.
#[derive(Debug, Serialize)]
pub struct ModuleForecast {
    /// As `--layer` takes them.
    layers: String,
    count: u64,
    bytes_per_row: u64,
    /// The least RAM that `extract` needs, with batches of `batch_size` images.
    ram_bytes: u64,
    batch_size: u64,
    /// Forward passes alone, on all cores.
    images_per_second: f64,
}

/// Forecasts of the top-level modules that a model consists of, those that cannot be computed left out. `names`: of all layers.
pub fn modules(path: &Path, described: &ModelDescription, names: &[&str]) -> Vec<ModuleForecast> {
    let mut tops: Vec<&str> = Vec::new();
    for name in names {
        if let Some((top, _)) = name.split_once('.')
            && !tops.contains(&top)
        {
            tops.push(top);
        }
    }
    let globs = tops.iter().map(|top| format!("{top}.*"));
    globs
        .filter_map(|glob| module(path, described, glob).ok())
        .collect()
}

fn module(path: &Path, described: &ModelDescription, glob: String) -> Result<ModuleForecast> {
    let layers = Layers::load(Archive::open(path)?)?;
    let selection = layers.select(std::slice::from_ref(&glob), &described.hooks)?;
    ensure!(!selection.wanted.is_empty(), "nothing calls them");
    let mut extractor = layers.cut(&selection.wanted, super::trial::options(described))?;
    let image = &described.preprocess;
    let values = image.image_bytes() as u64;
    let per_image = cost::on_cpu(&extractor, values, values, STORED, 1);
    model::trim_arena();
    let forecast = Forecast::measure(per_image, cores(), 0, 0)?;
    let largest = cost::batch_on_cpu(cores());
    let fixed = extractor.fixed_batch().map(|images| images as u64);
    let batch = fixed.unwrap_or(forecast.batch_for(RamBudget::resolve(None), MANY, largest));
    extractor.set_batch(batch as usize)?;
    Ok(ModuleForecast {
        layers: glob,
        count: extractor.layers.len() as u64,
        bytes_per_row: extractor.elements_per_image() * STORED,
        ram_bytes: forecast.takes(batch),
        batch_size: batch,
        images_per_second: extractor.pace()?,
    })
}

/// Lines for people.
pub fn words(modules: &[ModuleForecast]) -> String {
    if modules.is_empty() {
        return String::new();
    }
    let heads = [
        "--layer",
        "layers",
        "bytes a row",
        "RAM",
        "images/s",
        "100,000 images",
    ];
    let line = |module: &ModuleForecast| {
        let seconds = MANY as f64 / module.images_per_second.max(1e-6);
        vec![
            format!("'{}'", module.layers),
            count(module.count),
            bytes(module.bytes_per_row),
            format!(
                "{} (batches of {})",
                bytes(module.ram_bytes),
                module.batch_size
            ),
            format!("{:.1}", module.images_per_second),
            format!(
                "{}, {}",
                duration(Duration::from_secs_f64(seconds)),
                bytes(MANY * module.bytes_per_row)
            ),
        ]
    };
    let heads = heads.map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heads)
        .chain(modules.iter().map(line))
        .collect();
    format!(
        "\nall layers of a module, by forward passes on {} (decoding may bound it):\n{}",
        counted(cores() as u64, "core"),
        table::columns(&rows)
    )
}
