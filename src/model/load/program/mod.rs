//! A `.pt2` file: a program of `torch.export`. Its operators are those of TorchScript, so its nodes become a TorchScript
//! graph, cut at the wanted layers while it is built. What computes it does not know the kind of the file.
//!
//! records (the archive) → schema (its JSON) → graph (a plain list of calls) → layers (whose they are) → builder (libtorch)

mod builder;
mod codes;
mod graph;
mod input;
mod layers;
pub mod records;
mod saved_dict;
mod schema;
mod weights;

use crate::images::Shape;
use crate::model::batch_size::BatchSize;
use crate::model::ffi::Module;
use crate::model::layer_info::{Capture, LayerInfo, Silence};
use crate::model::load::record::Record;
use crate::model::load::torchvision::open_torchvision;
use anyhow::{Context, Result, anyhow, bail};
use builder::Builder;
use graph::{Call, Flattener, Operation, Scope, Value, tensors};
use input::Images;
use layers::{Activation, Tensors};
use records::Records;
use schema::{ExportedProgram, one_line};
use std::collections::HashSet;
use std::path::Path;
use weights::{Weight, WeightIndex};

/// A program, checked as far as is possible without running it.
pub struct Program {
    calls: Vec<Call>,
    weights: Vec<Weight>,
    /// Bytes of each of the archive's deferred records.
    records: Vec<u64>,
    images: Images,
    modules: Vec<layers::Module>,
    /// What the program itself gives.
    outputs: Vec<Value>,
    pub infos: Vec<LayerInfo>,
}

impl Program {
    /// `tensors`: the archive's deferred records.
    ///
    /// # Errors
    /// The JSON is no program, a weight does not lie within its record, or the inputs are not one batch of images.
    pub fn read(records: &Records, path: &Path, tensors: &[Record]) -> Result<Self> {
        let cannot = || format!("cannot run '{}'", path.display());
        let program = serde_json::from_slice(&records.model)
            .map_err(|error| anyhow!(one_line(&error.to_string())))
            .context("its program is not what torch.export writes; export the model again");
        program
            .and_then(|program| Self::of(program, records, tensors))
            .with_context(cannot)
    }

    fn of(program: ExportedProgram, records: &Records, stored: &[Record]) -> Result<Self> {
        let module = program.graph_module;
        let mut flattener = Flattener::default();
        let mut scope = Scope::new();
        let payloads = WeightIndex::read(records, stored, &module.signature)?;
        let weights = payloads.bind(&module.signature, &mut flattener, &mut scope)?;
        let images = Images::bind(
            &module.signature,
            &module.graph.tensor_values,
            &program.range_constraints,
            &mut flattener,
            &mut scope,
        )?;
        flattener.add(module.graph.nodes, &mut scope)?;
        let calls = flattener.calls;
        let outputs: Vec<Value> = tensors(&module.graph.outputs, &scope)
            .into_iter()
            .flatten()
            .collect();
        let modules = layers::find(&module.module_call_graph, &calls, &scope, &outputs);
        let infos = infos(&modules, &calls, &payloads, &weights);
        Ok(Self {
            calls,
            weights,
            records: stored.iter().map(|record| record.size).collect(),
            images,
            modules,
            outputs,
            infos,
        })
    }

    /// The number of images that it takes at a time.
    pub fn batch(&self) -> BatchSize {
        self.images.batch
    }

    /// The module whose forward gives the wanted tensors for images of this shape, and computes nothing after the
    /// last of them. `file_name` is for messages.
    ///
    /// # Errors
    /// Images that do not fit; where what they need cannot be run; libtorch's.
    pub fn cut(&self, wanted: &[Capture], shape: Shape, file_name: &str) -> Result<Module> {
        self.images
            .ensure_fit(shape)
            .with_context(|| format!("'{file_name}'"))?;
        let captures: Vec<CapturePoint> = wanted
            .iter()
            .map(|wanted| self.capture_point(wanted))
            .collect::<Result<_>>()?;
        self.build(&captures)
            .with_context(|| format!("cannot cut '{file_name}'"))
    }

    fn build(&self, captures: &[CapturePoint]) -> Result<Module> {
        let end = captures.iter().map(|kept| kept.node + 1).max().unwrap_or(0);
        let calls = &self.calls[..end.min(self.calls.len())];
        if calls.iter().any(is_of_torchvision) {
            open_torchvision().context(
                "it uses operators of torchvision, whose library cannot be opened beside libtorch",
            )?;
        }
        let mut builder = Builder::new(captures.len())?;
        builder.images(self.images.value)?;
        for weight in &self.weights {
            let size = weight.record.map_or(0, |record| self.records[record]);
            builder.weight(weight, size)?;
        }
        for (node, call) in calls.iter().enumerate() {
            builder.call(call).with_context(|| place(call))?;
            for (output, kept) in captures
                .iter()
                .enumerate()
                .filter(|(_, kept)| kept.node == node)
            {
                builder.capture(kept.value, output)?;
            }
        }
        builder.finish(self.images.batch)
    }

    fn capture_point(&self, wanted: &Capture) -> Result<CapturePoint> {
        let Capture { layer, choice } = wanted;
        let (node, values) = match self.modules.iter().find(|module| module.name == *layer) {
            _ if layer.is_empty() => (self.calls.len().saturating_sub(1), &self.outputs),
            Some(layers::Module {
                activation: Activation::Tensors(Tensors { node, values, .. }),
                ..
            }) => (*node, values),
            _ => bail!("layer '{layer}' has no activation"),
        };
        let number = match choice.as_str() {
            "" => Some(0),
            choice => choice.parse::<usize>().ok(),
        };
        match number.and_then(|number| values.get(number)) {
            Some(&value) => Ok(CapturePoint { node, value }),
            None => bail!(
                "'{layer}#{choice}' is not there; it gives {} tensors, numbered from 0",
                values.len()
            ),
        }
    }
}

/// A value that is wanted, as it is after a node.
struct CapturePoint {
    node: usize,
    value: Value,
}

fn is_of_torchvision(call: &Call) -> bool {
    matches!(&call.operation, Operation::Operator { name, .. } if name.starts_with("torchvision::"))
}

/// Where in the model a call is, for messages.
fn place(call: &Call) -> String {
    match call.stack.as_deref().and_then(layers::innermost) {
        Some(layer) => format!("layer '{layer}'"),
        None => "the model's own forward".to_owned(),
    }
}

fn infos(
    modules: &[layers::Module],
    calls: &[Call],
    payloads: &WeightIndex,
    weights: &[Weight],
) -> Vec<LayerInfo> {
    let read: HashSet<Value> = calls
        .iter()
        .flat_map(|call| call.arguments.iter().flat_map(|(_, given)| given.values()))
        .collect();
    let is_read = |name: &str| {
        let mut own = weights.iter().filter(|weight| weight.owner() == name);
        own.any(|weight| read.contains(&weight.value))
    };
    let info = |module: &layers::Module| {
        let (tensors, in_order) = match &module.activation {
            Activation::Tensors(tensors) => (tensors.values.len(), tensors.in_order),
            _ => (0, true),
        };
        LayerInfo {
            name: module.name.clone(),
            kind: module.kind.clone().unwrap_or_else(|| "-".to_owned()),
            parameters: payloads.parameters(&module.name),
            calls: if tensors > 0 { module.calls } else { 0 },
            in_loop: false,
            no_trace: false,
            weights_used: is_read(&module.name),
            silence: silence(&module.activation, is_read(&module.name)),
            tensors: (0..tensors).map(|number| number.to_string()).collect(),
            in_order,
        }
    };
    modules.iter().map(info).collect()
}

fn silence(activation: &Activation, weights_used: bool) -> Option<Silence> {
    match activation {
        Activation::Tensors(_) => None,
        Activation::NoOperation if weights_used => Some(Silence::NeverCalled),
        Activation::NoOperation => Some(Silence::NoOperation),
        Activation::Unused => Some(Silence::Unused),
    }
}
