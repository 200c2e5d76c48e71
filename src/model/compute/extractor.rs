//! A model cut at its wanted layers, ready to compute.

use crate::images::Normaliser;
use crate::model::compute::activation::{Activation, Tokens};
use crate::model::compute::devices::Device;
use crate::model::compute::engine::Engine;
use crate::model::compute::feeder::{Feeder, Input, blank};
use crate::model::compute::precision::Precision;
use crate::model::compute::threads;
use crate::model::fast::trial;
use crate::model::ffi::{LayerInfo, Module};
use crate::model::load::archive::Archive;
use crate::model::load::program::Program;
use crate::model::load::selection::{Selection, Wanted, select};
use anyhow::{Context, Error, Result, anyhow, ensure};
use tch::Tensor;

/// What oneDNN's graph compiler itself takes.
const BYTES_OF_COMPILER: u64 = 32 << 20;

/// A model file's layers, before any is chosen.
pub struct Layers {
    model: Model,
    archive: Archive,
    file_name: String,
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
    /// Where libtorch cannot load the file, or its program is none that featx can run.
    pub fn load(archive: Archive) -> Result<Self> {
        let path = archive.path();
        let file_name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        let (model, infos) = match &archive.program {
            Some(records) => {
                let program = Program::read(records, &archive.deferrable)
                    .with_context(|| format!("cannot run '{}'", path.display()))?;
                let infos = program.infos.clone();
                (Model::Program(Box::new(program)), infos)
            }
            None => {
                let module = Module::load(&archive).with_context(|| {
                    format!("libtorch cannot load '{}'; export it again", path.display())
                })?;
                let infos = module.layers();
                (Model::TorchScript(module), infos)
            }
        };
        Ok(Self {
            model,
            archive,
            file_name,
            infos,
        })
    }

    /// Resolves names and globs.
    ///
    /// # Errors
    /// As [`select`].
    pub fn select(&self, patterns: &[String]) -> Result<Selection> {
        select(patterns, &self.infos, &self.file_name)
    }

    /// Cuts the model at the wanted layers, reads the weights that the cut needs, freezes it.
    ///
    /// # Errors
    /// A damaged record, a layer asked for by name that gives no rows, or libtorch's own errors.
    pub fn cut(self, wanted: &[Wanted], options: ExtractorOptions) -> Result<Extractor> {
        let file_name = self.file_name;
        let names: Vec<String> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
        let mut module = match self.model {
            Model::TorchScript(mut module) => {
                module
                    .cut(&names)
                    .with_context(|| format!("cannot cut '{file_name}'"))?;
                module
            }
            Model::Program(program) => {
                program
                    .images
                    .ensure_fit(options.side)
                    .with_context(|| format!("'{file_name}'"))?;
                program
                    .cut(&names)
                    .with_context(|| format!("cannot cut '{file_name}'"))?
            }
        };
        module.fill(&self.archive)?;
        module
            .freeze()
            .with_context(|| format!("cannot freeze '{file_name}'"))?;
        module.compute_in(options.precision)?;
        Extractor::settle(module, wanted, &file_name, options)
    }
}

/// How the cut model is fed, and what becomes of what it gives.
#[derive(Debug, Clone)]
pub struct ExtractorOptions {
    /// Height and width of an image, pixels.
    pub side: usize,
    pub normaliser: Normaliser,
    pub tokens: Option<Tokens>,
    pub device: Device,
    pub precision: Precision,
    /// On a GPU, f32 may be computed with fewer digits.
    pub tf32: bool,
}

/// A layer, and the shape of one image's activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub name: String,
    pub shape: Vec<u64>,
    /// Which of the cut's outputs it is.
    output: usize,
}

/// Computes the activations of the wanted layers, batch by batch.
pub struct Extractor {
    engine: Engine,
    wanted: Vec<Wanted>,
    options: ExtractorOptions,
    /// Images of a forward pass.
    batch: usize,
    /// Forward passes that do a batch of the run together.
    passes: usize,
    pub layers: Vec<Layer>,
    /// Why layers that a glob matched are not among `layers`, a line each.
    pub left_out: Vec<String>,
    /// Tensors of a forward pass, the activations included, at their most: bytes for each image of the batch.
    pub bytes_per_image: u64,
}

impl Extractor {
    /// Tries the model on a blank image, first in the faster memory order; learns the layers' shapes and what an image
    /// costs.
    fn settle(
        module: Module,
        wanted: &[Wanted],
        file_name: &str,
        options: ExtractorOptions,
    ) -> Result<Self> {
        let side = options.side;
        let on_gpu = options.device != Device::Cpu;
        let channels_last = !on_gpu || options.tf32 || options.precision != Precision::F32;
        let mut engine = Engine::new(module, options.device, options.precision, channels_last)?;
        let mut tried = engine.try_one(side);
        if tried.is_err() && channels_last {
            // A `view` of an activation that is not contiguous, for one.
            engine.lay_out(false)?;
            tried = engine.try_one(side);
        }
        let (outputs, bytes_per_image) =
            tried.map_err(|reason| wants_another_input(file_name, &options, &reason))?;
        let mut extractor = Self {
            engine,
            wanted: wanted.to_vec(),
            batch: 1,
            passes: 1,
            options,
            layers: Vec::new(),
            left_out: Vec::new(),
            bytes_per_image,
        };
        extractor.learn_shapes(outputs)?;
        Ok(extractor)
    }

    /// The same on another device.
    ///
    /// # Errors
    /// libtorch's: a GPU without memory, for one.
    pub fn replicate(&self, device: Device) -> Result<Self> {
        Ok(Self {
            engine: self.engine.replicate(device)?,
            wanted: self.wanted.clone(),
            options: self.options.clone(),
            batch: self.batch,
            passes: self.passes,
            layers: self.layers.clone(),
            left_out: Vec::new(),
            bytes_per_image: self.bytes_per_image,
        })
    }

    /// Sets the number of images of a forward pass, 1 at first. Two blank images show whether the first dimension is
    /// the batch, or always 1.
    ///
    /// # Errors
    /// A layer asked for by name that gives no row an image.
    pub fn set_batch(&mut self, batch: usize) -> Result<()> {
        if batch > 1 {
            self.batch = 2;
            let images = blank(2, self.options.side, self.options.device)?;
            let outputs = self.engine.compute(&images)?;
            self.learn_shapes(outputs)?;
        }
        self.batch = batch;
        Ok(())
    }

    /// From here on so many forward passes, of replicas too, do a batch together, and prove a faster form together.
    ///
    /// # Panics
    /// Where they cannot share it evenly.
    pub fn divide_batch(&mut self, passes: usize) {
        assert!(self.batch.is_multiple_of(passes));
        self.batch /= passes;
        self.passes = passes;
    }

    /// Whether it computes on the cores that decoders use.
    pub fn needs_cores(&self) -> bool {
        self.engine.device.needs_cores()
    }

    /// What makes this extractor's inputs.
    pub fn feeder(&self) -> Feeder {
        Feeder::new(
            self.batch,
            self.options.side,
            self.engine.device,
            self.options.normaliser.clone(),
        )
    }

    /// Keeps the layers that give a row an image; one that was asked for by name must.
    fn learn_shapes(&mut self, outputs: Vec<Tensor>) -> Result<()> {
        self.layers.clear();
        self.left_out.clear();
        for (output, (wanted, tensor)) in self.wanted.iter().zip(outputs).enumerate() {
            let Wanted { name, by_name } = wanted;
            let rows = nameable(name)
                .and_then(|()| Activation::new(name, tensor, self.batch, self.options.tokens));
            match rows {
                Ok(rows) => self.layers.push(Layer {
                    name: name.clone(),
                    shape: rows.row_shape(),
                    output,
                }),
                Err(error) if *by_name => return Err(error),
                Err(error) => self.left_out.push(error.to_string()),
            }
        }
        ensure!(
            !self.layers.is_empty(),
            "no layer is left: {}",
            self.left_out.join("; ")
        );
        Ok(())
    }

    /// Calls `wait` while libtorch's threads leave the cores to others.
    pub fn rest_while(&self, mut wait: impl FnMut()) {
        match self.needs_cores() {
            true => threads::rest_while(wait),
            false => wait(),
        }
    }

    /// The activations of one batch, in the layers' order.
    ///
    /// # Errors
    /// A layer whose output is not one row an image or not of the shape that it had before; libtorch's own errors.
    pub fn forward(&mut self, input: &Input) -> Result<Vec<Activation>> {
        let outputs = self.engine.compute(&input.tensor)?;
        let activations = self.activations(outputs)?;
        self.engine.synchronize()?;
        for (layer, activation) in self.layers.iter().zip(&activations) {
            let shape = activation.row_shape();
            ensure!(
                shape == layer.shape,
                "layer '{}' gave rows of shape {shape:?}, and {:?} before; choose one whose shape does not depend on the image",
                layer.name,
                layer.shape
            );
        }
        Ok(activations)
    }

    fn activations(&self, outputs: Vec<Tensor>) -> Result<Vec<Activation>> {
        let rows = |layer: &Layer| {
            let tensor = outputs[layer.output].shallow_clone();
            Activation::new(&layer.name, tensor, self.batch, self.options.tokens)
        };
        self.layers.iter().map(rows).collect()
    }

    /// Whether it pays to look for a faster way to compute a run of so many images.
    pub fn pays_to_choose_form(&self, run_images: u64) -> bool {
        self.needs_cores() && trial::is_worth_it(run_images, self.batch)
    }

    /// Looks for the fastest way to compute, for this extractor and those that will be made of it. It costs the time of
    /// a few batches, and [`Extractor::bytes_of_faster_forms`].
    ///
    /// # Errors
    /// libtorch's, where the model cannot compute on blank images.
    pub fn choose_form(&mut self) -> Result<()> {
        let proofs = trial::FEW.div_ceil(self.passes);
        self.engine
            .choose_form(self.options.side, self.batch, proofs)
    }

    /// Of one image's activations, all layers.
    pub fn elements_per_image(&self) -> u64 {
        let elements = |layer: &Layer| layer.shape.iter().product::<u64>();
        self.layers.iter().map(elements).sum()
    }

    /// What a faster way to compute takes: weights packed once more, and while it is compared, the activations of one
    /// batch.
    pub fn bytes_of_faster_forms(&self) -> u64 {
        self.engine.packed_bytes()
            + self.elements_per_image() * 4 * self.batch as u64
            + BYTES_OF_COMPILER
    }

    /// A line for the user that came up with the last batch.
    pub fn take_notice(&mut self) -> Option<String> {
        self.engine.notice.take()
    }
}

/// A layer's name is its folder's.
fn nameable(layer: &str) -> Result<()> {
    ensure!(
        !layer.contains('/'),
        "layer '{layer}' has a '/' in its name, which its folder cannot have; rename the module and export it again"
    );
    Ok(())
}

fn wants_another_input(file_name: &str, options: &ExtractorOptions, reason: &Error) -> Error {
    let (side, precision) = (options.side, options.precision.name());
    let cure = match options.precision {
        Precision::F32 => {
            "if it wants another size, set --resize and --crop, or a TOML beside the model"
        }
        _ => "try --precision f32: it may have types of its own, as traces do",
    };
    anyhow!(
        "'{file_name}' fails on {precision} images of shape (3, {side}, {side}): {reason:#}; {cure}"
    )
}
