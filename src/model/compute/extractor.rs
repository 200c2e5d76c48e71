//! A model cut at its wanted layers, ready to compute.

use crate::cli::choices::{Device, Precision};
use crate::model::compute::activation::{Activation, ensure_rows};
use crate::model::compute::engine::Engine;
use crate::model::compute::extractor_options::ExtractorOptions;
use crate::model::compute::feeder::{Feeder, Input};
use crate::model::compute::input_error::wants_another_input;
use crate::model::compute::layer::Layer;
use crate::model::compute::probe::{self, PROBED};
use crate::model::fast::trial;
use crate::model::ffi::Module;
use crate::model::form::{FormWish, FormsUsed};
use crate::model::load::selection::WantedTensor;
use crate::model::reduce::Reduction;
use crate::model::runtime::threads;
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::Tensor;

/// Memory that oneDNN's graph compiler itself takes.
const BYTES_OF_COMPILER: u64 = 32 << 20;

/// How long forward passes are timed.
const PACED_FOR: Duration = Duration::from_millis(300);

/// Computes the activations of the wanted layers, batch by batch.
pub struct Extractor {
    engine: Engine,
    wanted: Vec<WantedTensor>,
    options: ExtractorOptions,
    /// Images of a forward pass.
    batch: usize,
    /// Lanes that compute a batch of the run together. This is one of them.
    lanes: usize,
    pub layers: Vec<Layer>,
    /// Why layers that a glob matched are not among `layers`, a line each.
    pub left_out: Vec<String>,
    /// The most bytes that the tensors of a forward pass take, activations included, for each image of the batch.
    pub bytes_per_image: u64,
    /// The type of the model's weights, in which it computes; `None` for f32.
    pub own_type: Option<String>,
    /// The forms that rows came from, those of replicas included.
    pub forms_used: Arc<FormsUsed>,
    /// Samples of what the cut gave for the probe's first image alone, until a batch is set.
    alone: Vec<Tensor>,
}

impl Extractor {
    /// Tries the model on the first image, in the faster memory order first. Learns the layers' shapes and the memory
    /// that an image takes.
    pub(super) fn settle(
        module: Module,
        wanted: &[WantedTensor],
        file_name: &str,
        options: ExtractorOptions,
    ) -> Result<Self> {
        let on_gpu = options.device != Device::Cpu;
        let channels_last = !on_gpu || options.tf32 || options.precision != Precision::F32;
        let mut engine = Engine::new(module, options.device, options.precision, channels_last)?;
        let image = options.probe_batch(1)?;
        let mut tried = engine.try_on(&image);
        if tried.is_err() && channels_last {
            // A `view` of an activation that is not contiguous, for one.
            engine.lay_out(false)?;
            tried = engine.try_on(&image);
        }
        let (outputs, bytes_per_image) = tried.map_err(|reason| {
            let instead = engine.wants_instead(options.shape.channels);
            wants_another_input(file_name, &options, &reason, instead)
        })?;
        let alone = probe::samples(&outputs)?;
        let mut extractor = Self {
            engine,
            wanted: wanted.to_vec(),
            batch: 1,
            lanes: 1,
            options,
            layers: Vec::new(),
            left_out: Vec::new(),
            bytes_per_image,
            own_type: None,
            forms_used: Arc::default(),
            alone: Vec::new(),
        };
        extractor.learn_shapes(outputs, &alone)?;
        extractor.alone = alone;
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
            lanes: self.lanes,
            layers: self.layers.clone(),
            left_out: Vec::new(),
            bytes_per_image: self.bytes_per_image,
            own_type: self.own_type.clone(),
            forms_used: self.forms_used.clone(),
            alone: Vec::new(),
        })
    }

    /// Sets the number of images of a forward pass, which is 1 at first. Two images show whether the first dimension is
    /// the batch, or always 1. Computed once more, they show whether rows depend on more than their images.
    ///
    /// # Errors
    /// A layer asked for by name that gives no row an image.
    pub fn set_batch(&mut self, batch: usize) -> Result<()> {
        self.batch = batch.min(PROBED);
        let images = self.options.probe_batch(self.batch)?;
        let alone = self.take_alone()?;
        let outputs = self.engine.compute(&images)?;
        let once = probe::samples(&outputs)?;
        self.learn_shapes(outputs, &alone)?;
        let again = probe::samples(&self.engine.compute(&images)?)?;
        self.engine.synchronize()?;
        let sameness = self.engine.sameness();
        for layer in &mut self.layers {
            let (once, again) = (&once[layer.output], &again[layer.output]);
            layer.varies = probe::find_variation(once, again, alone.get(layer.output), sameness)?;
        }
        self.batch = batch;
        Ok(())
    }

    /// Whether some layer's rows depend on more than their images.
    pub fn varies(&self) -> bool {
        self.layers.iter().any(|layer| layer.varies.is_some())
    }

    /// From now on `lanes` lanes, this one and its replicas, compute a batch together, and prove a faster form together.
    ///
    /// # Panics
    /// They cannot share the batch evenly.
    pub fn divide_batch(&mut self, lanes: usize) {
        assert!(self.batch.is_multiple_of(lanes));
        self.batch /= lanes;
        self.lanes = lanes;
    }

    /// As [`Layers::fixed_batch`](crate::model::Layers::fixed_batch).
    pub fn fixed_batch(&self) -> Option<usize> {
        self.engine.fixed_batch()
    }

    /// Whether it computes on the cores that decoders use.
    pub fn needs_cores(&self) -> bool {
        self.engine.device.needs_cores()
    }

    /// What makes this extractor's inputs.
    pub fn feeder(&self) -> Feeder {
        Feeder::new(
            self.batch,
            self.options.shape,
            self.engine.device,
            self.options.normaliser.clone(),
        )
    }

    /// Samples of what the cut gives for the probe's first image alone.
    fn take_alone(&mut self) -> Result<Vec<Tensor>> {
        let alone = std::mem::take(&mut self.alone);
        if !alone.is_empty() {
            return Ok(alone);
        }
        let image = self.options.probe_batch(1)?;
        probe::samples(&self.engine.compute(&image)?)
    }

    /// Keeps the layers that give one row for each image, also for the single image of `alone`: two heads of attention
    /// are not the rows of two images. A layer that was asked for by name must give them.
    fn learn_shapes(&mut self, outputs: Vec<Tensor>, alone: &[Tensor]) -> Result<()> {
        self.layers.clear();
        self.left_out.clear();
        for (output, (wanted, tensor)) in self.wanted.iter().zip(outputs).enumerate() {
            let WantedTensor { name, by_name, .. } = wanted;
            let whole = tensor.size().iter().skip(1).map(|&n| n as u64).collect();
            let rows = nameable(name)
                .and_then(|()| ensure_rows(name, &alone[output].size(), 1))
                .and_then(|()| self.rows(name, tensor));
            match rows {
                Ok(rows) => {
                    let (shape, reduction) = (rows.row_shape(), self.options.reduction);
                    self.layers
                        .push(Layer::new(name, output, whole, shape, reduction));
                }
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
        self.forms_used.note(self.engine.form());
        Ok(activations)
    }

    fn activations(&self, outputs: Vec<Tensor>) -> Result<Vec<Activation>> {
        let rows = |layer: &Layer| {
            let rows = self.rows(&layer.name, outputs[layer.output].shallow_clone())?;
            let shape = rows.row_shape();
            ensure!(
                shape == layer.before,
                "layer '{}' gave rows of shape {shape:?}, and {:?} before; choose one whose shape does not depend on the image",
                layer.name,
                layer.before
            );
            match &layer.projector {
                Some(projector) => rows.projected(projector),
                None => Ok(rows),
            }
        };
        self.layers.iter().map(rows).collect()
    }

    /// What a layer gave for a batch, before it is projected.
    fn rows(&self, layer: &str, tensor: Tensor) -> Result<Activation> {
        let rows = Activation::new(layer, tensor, self.batch, self.options.tokens)?;
        let Reduction { pool, grid, .. } = self.options.reduction;
        match pool {
            Some(pool) => rows.pooled(layer, pool, grid),
            None => Ok(rows),
        }
    }

    /// Images that forward passes compute in a second. They are the probe's, or blank.
    ///
    /// # Errors
    /// libtorch's.
    pub fn pace(&mut self) -> Result<f64> {
        let images = self.options.probe_batch(self.batch)?;
        let mut pass = || -> Result<()> {
            self.engine.compute(&images)?;
            self.engine.synchronize()
        };
        let mut began = Instant::now();
        pass()?;
        if began.elapsed() < PACED_FOR {
            began = Instant::now(); // the first one made what the next ones need
            pass()?;
        }
        let mut passes = 1;
        while began.elapsed() < PACED_FOR && passes < 10 {
            pass()?;
            passes += 1;
        }
        Ok((passes * self.batch) as f64 / began.elapsed().as_secs_f64())
    }

    /// Whether it pays to look for a faster form for a run of this many images.
    pub fn pays_to_choose_form(&self, run_images: u64) -> bool {
        self.needs_cores() && !self.varies() && trial::is_worth_it(run_images, self.batch)
    }

    /// The form that batches are computed in, unless the first of them shows that it is wrong.
    pub fn form(&self) -> &'static str {
        self.engine.form().name()
    }

    /// Chooses the form, as `wish` says, for this extractor and for replicas that are made from it later. It costs the
    /// time of a few batches, and [`Extractor::bytes_of_faster_forms`].
    ///
    /// # Errors
    /// libtorch's, where the model cannot compute on blank images.
    pub fn choose_form(&mut self, wish: FormWish) -> Result<()> {
        let proofs = trial::FEW.div_ceil(self.lanes);
        self.engine
            .choose_form(self.options.shape, self.batch, proofs, wish)
    }

    /// Elements of one image's activations of all layers, as they are given back.
    pub fn elements_per_image(&self) -> u64 {
        let elements = |layer: &Layer| layer.shape.iter().product::<u64>();
        self.layers.iter().map(elements).sum()
    }

    /// Bytes that projections take in addition to those of a batch, if `threads` threads compute.
    pub fn bytes_of_projections(&self, threads: usize) -> u64 {
        let projectors = self
            .layers
            .iter()
            .filter_map(|layer| layer.projector.as_ref());
        let on_gpu = !self.needs_cores();
        projectors
            .map(|projector| projector.bytes(on_gpu, threads as u64))
            .sum()
    }

    /// The layers that `--project` leaves as they are.
    pub fn too_short_to_project(&self) -> Vec<&str> {
        let short =
            |layer: &&Layer| layer.projector.is_none() && self.options.reduction.project.is_some();
        self.layers
            .iter()
            .filter(short)
            .map(|layer| layer.name.as_str())
            .collect()
    }

    /// Bytes that faster forms take: weights packed once more and, while forms are compared, the activations of one
    /// batch.
    pub fn bytes_of_faster_forms(&self) -> u64 {
        let elements = |layer: &Layer| layer.whole.iter().product::<u64>();
        let whole_elements: u64 = self.layers.iter().map(elements).sum();
        self.engine.packed_bytes() + whole_elements * 4 * self.batch as u64 + BYTES_OF_COMPILER
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
