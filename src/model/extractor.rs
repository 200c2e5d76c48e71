//! A model cut at its wanted layers, ready to compute.

use super::activation::{Activation, Tokens};
use super::archive::Archive;
use super::ffi::{LayerInfo, Module};
use super::selection::{Selection, Wanted, select};
use crate::images::Normaliser;
use anyhow::{Context, Error, Result, anyhow, ensure};
use tch::{Device, Kind, Tensor};

/// A model file's layers, before any is chosen.
pub struct Layers {
    module: Module,
    archive: Archive,
    file_name: String,
    pub infos: Vec<LayerInfo>,
}

impl Layers {
    /// Loads the model's structure; its weights are not read.
    ///
    /// # Errors
    /// Where libtorch cannot load the file.
    pub fn load(archive: Archive) -> Result<Self> {
        let path = archive.path();
        let file_name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        let module = Module::load(&archive).with_context(|| {
            format!("libtorch cannot load '{}'; export it again", path.display())
        })?;
        let infos = module.layers();
        Ok(Self {
            module,
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
    pub fn cut(mut self, wanted: &[Wanted], options: ExtractorOptions) -> Result<Extractor> {
        let file_name = self.file_name;
        let names: Vec<String> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
        self.module
            .cut(&names)
            .with_context(|| format!("cannot cut '{file_name}'"))?;
        self.module.fill(&self.archive)?;
        self.module
            .freeze()
            .with_context(|| format!("cannot freeze '{file_name}'"))?;
        Extractor::settle(self.module, wanted, &file_name, options)
    }
}

/// How the cut model is fed, and what becomes of what it gives.
#[derive(Debug, Clone)]
pub struct ExtractorOptions {
    /// Height and width of an image, pixels.
    pub side: usize,
    pub normaliser: Normaliser,
    pub tokens: Option<Tokens>,
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
    module: Module,
    wanted: Vec<Wanted>,
    options: ExtractorOptions,
    /// Shape (batch, height, width, 3).
    input: Tensor,
    channels_last: bool,
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
        let mut extractor = Self {
            module,
            wanted: wanted.to_vec(),
            input: blank(1, side),
            options,
            channels_last: true,
            layers: Vec::new(),
            left_out: Vec::new(),
            bytes_per_image: 0,
        };
        extractor.module.lay_out(true)?;
        let mut outputs = extractor.compute_metered();
        if outputs.is_err() {
            // A `view` of an activation that is not contiguous, for one.
            extractor.channels_last = false;
            extractor.module.lay_out(false)?;
            outputs = extractor.compute_metered();
        }
        let (outputs, bytes) =
            outputs.map_err(|reason| wants_another_input(file_name, side, &reason))?;
        extractor.bytes_per_image = bytes;
        extractor.learn_shapes(outputs)?;
        Ok(extractor)
    }

    /// Sets the number of images of a forward pass, 1 at first. Two blank images show whether the first dimension is
    /// the batch, or always 1.
    ///
    /// # Errors
    /// A layer asked for by name that gives no row an image.
    pub fn set_batch(&mut self, batch: usize) -> Result<()> {
        if batch > 1 {
            self.input = blank(2, self.options.side);
            let outputs = self.compute()?;
            self.learn_shapes(outputs)?;
        }
        self.input = blank(batch, self.options.side);
        Ok(())
    }

    fn batch(&self) -> usize {
        self.input.size()[0] as usize
    }

    /// Keeps the layers that give a row an image; one that was asked for by name must.
    fn learn_shapes(&mut self, outputs: Vec<Tensor>) -> Result<()> {
        self.layers.clear();
        self.left_out.clear();
        for (output, (wanted, tensor)) in self.wanted.iter().zip(outputs).enumerate() {
            let Wanted { name, by_name } = wanted;
            let rows = nameable(name)
                .and_then(|()| Activation::new(name, tensor, self.batch(), self.options.tokens));
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

    /// The activations of one batch, in the layers' order. `pixels`: (batch, height, width, 3), RGB.
    ///
    /// # Errors
    /// A layer whose output is not one row an image or not of the shape that it had before; libtorch's own errors.
    pub fn forward(&mut self, pixels: &[u8]) -> Result<Vec<Activation>> {
        let count = self.input.numel();
        ensure!(
            pixels.len() == count,
            "a batch of {} bytes, expected {count}",
            pixels.len()
        );
        // SAFETY: the tensor is contiguous, holds `count` f32 and belongs to this extractor alone: captured
        // activations never share its memory (drop_needless_clones keeps the clones of those that would).
        let input =
            unsafe { std::slice::from_raw_parts_mut(self.input.data_ptr().cast::<f32>(), count) };
        self.options.normaliser.normalise_nhwc(pixels, input);
        let outputs = self.compute()?;
        let activations = self.activations(outputs)?;
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
            Activation::new(&layer.name, tensor, self.batch(), self.options.tokens)
        };
        self.layers.iter().map(rows).collect()
    }

    fn compute(&mut self) -> Result<Vec<Tensor>> {
        let images = self.images();
        self.module.forward(&images)
    }

    fn compute_metered(&mut self) -> Result<(Vec<Tensor>, u64)> {
        let images = self.images();
        self.module.forward_metered(&images)
    }

    /// The input as the model sees it: shape (batch, 3, height, width).
    fn images(&self) -> Tensor {
        let images = self.input.permute([0, 3, 1, 2]);
        if self.channels_last {
            images
        } else {
            images.contiguous()
        }
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

/// Images of zeros; shape (images, side, side, 3).
fn blank(images: usize, side: usize) -> Tensor {
    Tensor::zeros(
        [images as i64, side as i64, side as i64, 3],
        (Kind::Float, Device::Cpu),
    )
}

fn wants_another_input(file_name: &str, side: usize, reason: &Error) -> Error {
    anyhow!(
        "'{file_name}' fails on f32 images of shape (3, {side}, {side}): {reason:#}; if it wants another size, set --resize and --crop, or a TOML beside the model"
    )
}
