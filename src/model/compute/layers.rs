//! A model file's layers, and the cut at some of them.

use crate::model::compute::extractor::Extractor;
use crate::model::compute::extractor_options::ExtractorOptions;
use crate::model::compute::layer::Layer;
use crate::model::ffi::Module;
use crate::model::layer_info::{Capture, LayerInfo};
use crate::model::load::archive::Archive;
use crate::model::load::program::Program;
use crate::model::load::reasons::ModelName;
use crate::model::load::selection::{
    HookTensors, Selection, WantedTensor, tensor_names, tensors_of,
};
use crate::model::load::selector::select;
use crate::model::load::torchscript;
use crate::text::shell;
use anyhow::{Context, Error, Result, anyhow};

/// A model file's layers, before any is chosen.
pub struct Layers {
    model: Model,
    archive: Archive,
    name: ModelName,
    pub infos: Vec<LayerInfo>,
}

/// What a model file was made of.
enum Model {
    TorchScript(Module),
    Program(Box<Program>),
}

impl Layers {
    /// Loads the model's structure; its weights are not read.
    ///
    /// # Errors
    /// libtorch cannot load the file, or featx cannot run its program.
    pub fn load(archive: Archive) -> Result<Self> {
        let name = ModelName::new(archive.path());
        let (model, infos) = match &archive.program {
            Some(records) => {
                let program = Program::read(records, archive.path(), &archive.deferrable)?;
                let infos = program.infos.clone();
                (Model::Program(Box::new(program)), infos)
            }
            None => {
                let module = torchscript::load(&archive)?;
                let infos = module.layers();
                (Model::TorchScript(module), infos)
            }
        };
        Ok(Self {
            model,
            archive,
            name,
            infos,
        })
    }

    /// The only number of images that the model takes, if it was exported for one. Batches are filled up to it.
    pub fn fixed_batch(&self) -> Option<usize> {
        match &self.model {
            Model::TorchScript(_) => None,
            Model::Program(program) => program.batch().fixed(),
        }
    }

    /// Resolves names and globs.
    ///
    /// # Errors
    /// As [`select`].
    pub fn select(&self, patterns: &[String], hooks: &HookTensors) -> Result<Selection> {
        select(patterns, &self.infos, hooks, &self.name)
    }

    /// Why a traced layer is refused by its name alone, with the shapes of its tensors.
    pub fn refuse(self, index: usize, options: ExtractorOptions) -> Error {
        let (info, model) = (self.infos[index].clone(), self.name.clone());
        let kept = match &self.model {
            Model::TorchScript(_) => "a trace does not keep",
            Model::Program(_) => "the program does not tell",
        };
        let gives = match info.is_doubtful() {
            true => "computes what the trace does not use; so the tensor that the trace has of it may be another".into(),
            false => format!("gives several tensors, and {kept} their order"),
        };
        let tensors = self.cut(&tensors_of(&info), options);
        let shapes = match &tensors {
            Ok(tensors) => tensors.layers.iter().map(Layer::words).collect(),
            Err(_) => tensor_names(&info),
        };
        anyhow!(
            "layer '{name}' of '{model}' {gives}: {}; take one \
             with --layer {first}, or export the model with scripts/export_model.py, which writes down which one a \
             forward hook sees first",
            shapes.join(", "),
            name = info.name,
            first = shell::quoted(&format!("{}#0", info.name)),
        )
    }

    /// Cuts the model at the wanted layers, reads the weights that the cut needs, freezes it.
    ///
    /// # Errors
    /// A damaged record, a layer asked for by name that gives no rows, or libtorch's own errors.
    pub fn cut(self, wanted: &[WantedTensor], options: ExtractorOptions) -> Result<Extractor> {
        let file_name = self.name.to_string();
        let captures: Vec<Capture> = wanted.iter().map(|w| w.capture.clone()).collect();
        let mut module = match self.model {
            Model::TorchScript(mut module) => {
                module
                    .cut(&captures)
                    .with_context(|| format!("cannot cut '{file_name}'"))?;
                module
            }
            Model::Program(program) => program.cut(&captures, options.shape, &file_name)?,
        };
        module.fill(|record, memory| self.archive.read(record, memory))?;
        module
            .freeze()
            .with_context(|| format!("cannot freeze '{file_name}'"))?;
        let own_type = module.compute_in(options.precision)?;
        let mut extractor = Extractor::settle(module, wanted, &file_name, options)?;
        extractor.own_type = own_type;
        Ok(extractor)
    }
}
