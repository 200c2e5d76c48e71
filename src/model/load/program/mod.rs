//! A `.pt2` file: a program of `torch.export`. Its operators are those of TorchScript, so its nodes become a TorchScript
//! graph, cut at the wanted layers while it is built. What computes it does not know of which kind the file was.
//!
//! records (the archive) → schema (its JSON) → graph (a plain list of calls) → layers (whose they are) → builder (libtorch)

mod builder;
mod codes;
mod graph;
mod input;
mod layers;
pub mod records;
mod schema;
mod weights;

pub use input::Images;

use crate::model::ffi::{LayerInfo, Module};
use crate::model::load::archive::Record;
use anyhow::{Context, Result};
use builder::Builder;
use graph::{Call, Flattener, Scope, Value, tensors};
use layers::Activation;
use records::Records;
use schema::ExportedProgram;
use weights::{Weight, WeightsOf};

/// A program, checked as far as that goes without running it.
pub struct Program {
    calls: Vec<Call>,
    weights: Vec<Weight>,
    /// Bytes of each of the archive's deferred records.
    records: Vec<u64>,
    pub images: Images,
    modules: Vec<layers::Module>,
    pub infos: Vec<LayerInfo>,
}

impl Program {
    /// `tensors`: where the archive's tensors lie.
    ///
    /// # Errors
    /// JSON that is no program, a weight that does not lie within its record, inputs other than one batch of images.
    pub fn read(records: &Records, tensors_of: &[Record]) -> Result<Self> {
        let program: ExportedProgram = serde_json::from_slice(&records.model)?;
        let module = program.graph_module;
        let mut flattener = Flattener::default();
        let mut scope = Scope::new();
        let payloads = WeightsOf::read(records, tensors_of)?;
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
        let outputs: Vec<Value> = tensors(&module.graph.outputs, &scope).into_iter().flatten().collect();
        let modules = layers::find(&module.module_call_graph, &calls, &scope, &outputs);
        let infos = infos(&modules, &calls, &payloads, &weights);
        Ok(Self {
            calls,
            weights,
            records: tensors_of.iter().map(|record| record.size).collect(),
            images,
            modules,
            infos,
        })
    }

    /// The module whose forward gives the named layers' activations, and computes nothing after the last of them.
    ///
    /// # Errors
    /// Where what they need cannot be run; libtorch's.
    pub fn cut(&self, names: &[String]) -> Result<Module> {
        let mut builder = Builder::new(names.len())?;
        builder.images(self.images.value, self.images.code)?;
        for weight in &self.weights {
            let size = weight.record.map_or(0, |record| self.records[record]);
            builder.weight(weight, size)?;
        }
        let captures = self.captures(names)?;
        let end = captures.iter().map(|&(node, _, _)| node + 1).max().unwrap_or(0);
        for (node, call) in self.calls[..end].iter().enumerate() {
            builder
                .call(call)
                .with_context(|| format!("{}: cannot be run", place(call)))?;
            for &(_, value, slot) in captures.iter().filter(|&&(at, _, _)| at == node) {
                builder.capture(value, slot)?;
            }
        }
        builder.finish()
    }

    /// Node, value, and which of the wanted layers it is.
    fn captures(&self, names: &[String]) -> Result<Vec<(usize, Value, usize)>> {
        let capture = |(slot, name): (usize, &String)| {
            let module = self.modules.iter().find(|module| module.name == *name);
            match module.map(|module| &module.activation) {
                Some(&Activation::Tensor { value, node }) => Ok((node, value, slot)),
                _ => anyhow::bail!("layer '{name}' has no activation"),
            }
        };
        names.iter().enumerate().map(capture).collect()
    }
}

/// Where in the model a call is, for messages.
fn place(call: &Call) -> String {
    match call.stack.as_deref().and_then(layers::innermost) {
        Some(layer) => format!("layer '{layer}'"),
        None => "the model's own forward".to_owned(),
    }
}

fn infos(modules: &[layers::Module], calls: &[Call], payloads: &WeightsOf, weights: &[Weight]) -> Vec<LayerInfo> {
    let read: std::collections::HashSet<Value> = calls
        .iter()
        .flat_map(|call| call.arguments.iter().flat_map(|(_, given)| given.values()))
        .collect();
    let is_read = |name: &str| {
        let own = weights.iter().filter(|weight| weight.owner() == name);
        own.into_iter().any(|weight| read.contains(&weight.value))
    };
    let info = |module: &layers::Module| LayerInfo {
        name: module.name.clone(),
        kind: module.kind.clone().unwrap_or_else(|| "-".to_owned()),
        parameters: payloads.parameters(&module.name),
        calls: module.calls,
        in_loop: false,
        no_trace: false,
        weights_used: is_read(&module.name),
        silent: silent(&module.activation),
    };
    modules.iter().map(info).collect()
}

/// Why a module has no activation that could be taken.
fn silent(activation: &Activation) -> Option<String> {
    Some(match activation {
        Activation::Tensor { .. } => return None,
        Activation::NoOperation => "left no operation in the program (it gives back its input, or is never called)".to_owned(),
        Activation::Unused => "gives nothing that the program uses".to_owned(),
        Activation::Several(count) => format!(
            "gives {count} tensors, and the program does not tell their order; export it again with scripts/export_model.py \
             --format pt2, which keeps it"
        ),
    })
}
