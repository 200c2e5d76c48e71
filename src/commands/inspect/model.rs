//! What a model holds: its layers, with their shapes for one image.

use super::forecast::{self, ModuleForecast};
use super::trial;
use crate::job::{ModelDescription, describe};
use crate::model::{Archive, Extractor, LayerInfo, Layers, Silence, WantedTensor, tensors_of};
use crate::text::figures::{bytes, count, row_shape};
use crate::text::{printing, table};
use anyhow::Result;
use serde::Serialize;
use std::collections::HashSet;
use std::path::Path;

/// Stored as f32.
const ELEMENT_BYTES: u64 = 4;

#[derive(Debug, Serialize)]
pub struct Report {
    file: String,
    fingerprint: String,
    /// Shape of one image as the model takes it.
    input: [usize; 3],
    /// The number of images that it was exported for, where it takes no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<usize>,
    /// Why no shapes could be computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    layers: Vec<Row>,
    /// With `--tree`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    forecast: Vec<ModuleForecast>,
}

/// One layer, in the order of PyTorch's `named_modules()`.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    parameters: u64,
    /// Places in the model that call it; a call inside a loop counts once.
    calls: u64,
    in_loop: bool,
    #[serde(skip)]
    silence: Option<Silence>,
    /// Of one image's activation. `None` if the layer has no activation.
    shape: Option<Vec<u64>>,
    bytes_per_row: Option<u64>,
    /// Of a layer that gives several: `--layer` takes each by its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tensors: Vec<TensorRow>,
}

/// A tensor of a layer that gives several.
#[derive(Debug, Serialize)]
struct TensorRow {
    name: String,
    shape: Vec<u64>,
}

/// Loads the model and computes one pass over blank images, every layer at once; where it is asked for, what it takes to
/// extract all layers of each of the model's top-level modules.
///
/// # Errors
/// It is no model.
pub fn report(path: &Path, with_forecast: bool) -> Result<Report> {
    let archive = Archive::open(path)?;
    let fingerprint = archive.fingerprint.clone();
    let described = describe(path)?;
    let input = described.preprocess.shape();
    let layers = Layers::load(archive)?;
    let (infos, batch) = (layers.infos.clone(), layers.fixed_batch());
    let (extractor, problem) = match try_all(layers, &described) {
        Ok(extractor) => (Some(extractor), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let row = |info: LayerInfo| {
        let shape_of = |name: &str| {
            let mut computed = extractor.iter().flat_map(|extractor| &extractor.layers);
            let layer = computed.find(|layer| layer.name == name)?;
            Some(layer.shape.clone())
        };
        let shape = shape_of(&info.name);
        let tensors = several(&info).into_iter().filter_map(|tensor| {
            let shape = shape_of(&tensor.name)?;
            let name = tensor.name;
            Some(TensorRow { name, shape })
        });
        Row {
            silence: info.silence,
            tensors: tensors.collect(),
            bytes_per_row: shape
                .as_ref()
                .map(|shape| shape.iter().product::<u64>() * ELEMENT_BYTES),
            name: info.name,
            kind: info.kind,
            parameters: info.parameters,
            calls: info.calls,
            in_loop: info.in_loop,
            shape,
        }
    };
    let layers: Vec<Row> = infos.into_iter().map(row).collect();
    drop(extractor);
    let names: Vec<&str> = layers.iter().map(|row| row.name.as_str()).collect();
    let forecast = match with_forecast {
        true => forecast::modules(path, &described, &names),
        false => Vec::new(),
    };
    Ok(Report {
        file: path.display().to_string(),
        fingerprint,
        input: [input.channels, input.height, input.width],
        batch,
        problem,
        layers,
        forecast,
    })
}

/// The names alone, for which nothing is computed.
///
/// # Errors
/// It is no model.
pub fn print_layer_names(path: &Path) -> Result<()> {
    let layers = Layers::load(Archive::open(path)?)?;
    let names = layers.infos.iter().map(|info| format!("{}\n", info.name));
    printing::print(&names.collect::<String>())
}

/// The tensors of a layer that gives more than one, as far as its type tells.
fn several(info: &LayerInfo) -> Vec<WantedTensor> {
    match info.calls > 0 && info.tensors.len() > 1 {
        true => tensors_of(info),
        false => Vec::new(),
    }
}

fn try_all(layers: Layers, described: &ModelDescription) -> Result<Extractor> {
    let mut selection = layers.select(&["*".to_owned()], &described.hooks)?;
    selection
        .wanted
        .extend(layers.infos.iter().flat_map(several));
    let mut extractor = layers.cut(&selection.wanted, trial::options(described))?;
    extractor.set_batch(2)?;
    Ok(extractor)
}

/// `tree`: modules nested, each by the last part of its name.
pub fn table(report: &Report, tree: bool) -> String {
    let facts = [
        ("fingerprint", report.fingerprint.chars().take(12).collect()),
        (
            "input",
            match report.batch {
                None => format!("{}, one image", row_shape(&report.input.map(|n| n as u64))),
                Some(batch) => format!(
                    "{}, one image; in batches of {batch}, as it was exported",
                    row_shape(&report.input.map(|n| n as u64))
                ),
            },
        ),
        ("layers", count(report.layers.len() as u64)),
    ];
    let heads = [
        "layer",
        "type",
        "parameters",
        "output",
        "bytes a row",
        "calls",
    ]
    .map(str::to_owned)
    .to_vec();
    let tensor = |tensor: &TensorRow| {
        let empty = String::new;
        let size = bytes(tensor.shape.iter().product::<u64>() * ELEMENT_BYTES);
        let shape = row_shape(&tensor.shape);
        vec![tensor.name.clone(), empty(), empty(), shape, size, empty()]
    };
    let mut outline = Outline::default();
    let rows = report.layers.iter().flat_map(|row| {
        let (above, name) = match tree {
            true => outline.place(&row.name),
            false => (Vec::new(), row.name.clone()),
        };
        let above = above.into_iter().map(|name| vec![name]);
        let calls = match (row.silence, row.calls, row.in_loop) {
            (Some(silence), ..) => silence.in_short().to_owned(),
            (None, n, true) => format!("{n}, in a loop"),
            (None, 1, false) => String::new(),
            (None, n, false) => format!("{n}; the last is kept"),
        };
        let line = vec![
            name,
            row.kind.clone(),
            count(row.parameters),
            row.shape.as_deref().map_or("-".to_owned(), row_shape),
            row.bytes_per_row.map_or("-".to_owned(), bytes),
            calls,
        ];
        above
            .chain(std::iter::once(line))
            .chain(row.tensors.iter().map(tensor))
    });
    let rows: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
    let problem = report
        .problem
        .iter()
        .map(|problem| format!("\nno shapes: {problem}\n"));
    format!(
        "{}\n{}{}{}",
        table::pairs(&report.file, &facts),
        table::columns(&rows),
        problem.collect::<String>(),
        forecast::words(&report.forecast)
    )
}

/// Which modules a tree has a line for.
#[derive(Default)]
struct Outline {
    shown: HashSet<String>,
}

impl Outline {
    /// The lines of modules above a layer that have none yet, such as lists, which nothing calls; and the layer's own name,
    /// indented.
    fn place(&mut self, layer: &str) -> (Vec<String>, String) {
        let ends = layer.match_indices('.').map(|(at, _)| at);
        let above = ends.filter_map(|end| {
            let name = &layer[..end];
            self.shown.insert(name.into()).then(|| indented(name))
        });
        let above = above.collect();
        self.shown.insert(layer.into());
        (above, indented(layer))
    }
}

fn indented(name: &str) -> String {
    let (above, last) = name.rsplit_once('.').unwrap_or(("", name));
    let depth = match above {
        "" => 0,
        above => 1 + above.matches('.').count(),
    };
    format!("{}{last}", "  ".repeat(depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_nothing_calls_have_a_line_of_their_own() {
        let mut outline = Outline::default();
        assert_eq!(outline.place("stem"), (vec![], "stem".into()));
        let above = vec!["blocks".into(), "  0".into()];
        assert_eq!(outline.place("blocks.0.conv"), (above, "    conv".into()));
        assert_eq!(outline.place("blocks.0.act"), (vec![], "    act".into()));
        assert_eq!(outline.place("blocks.1"), (vec![], "  1".into()));
    }
}
