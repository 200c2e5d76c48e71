//! A cut graph on its device: computes batches, in the fastest way that was proved right.

use crate::cli::choices::{Device, Precision};
use crate::images::Shape;
use crate::model::compute::feeder::noise;
use crate::model::compute::precision::tolerance;
use crate::model::fast::arena::{arena_extent, trim_arena};
use crate::model::fast::deviation::Deviation;
use crate::model::fast::trial;
use crate::model::ffi::Module;
use crate::model::form::{Form, FormWish};
use crate::model::runtime::cuda;
use anyhow::{Error, Result};
use tch::Tensor;

pub struct Engine {
    module: Module,
    pub device: Device,
    precision: Precision,
    channels_last: bool,
    form: Form,
    /// How many images of the next batch have to prove the form; `None` once they did, and for the plain form.
    proof: Option<usize>,
    /// The largest relative L2 distance from the plain form that another form may have.
    tolerance: f64,
    /// Images at a time, once a GPU ran out of memory. Until then a batch is computed whole.
    piece: Option<usize>,
    /// What the user should know, until it is taken.
    pub notice: Option<String>,
}

impl Engine {
    /// On a GPU, f32 without TF32 is computed in PyTorch's own memory order; everything else has channels last.
    ///
    /// # Errors
    /// libtorch's: a GPU without memory, for one.
    pub fn new(
        mut module: Module,
        device: Device,
        precision: Precision,
        channels_last: bool,
    ) -> Result<Self> {
        if let Device::Cuda(index) = device {
            module.move_to_cuda(index)?;
        }
        let mut engine = Self {
            module,
            device,
            precision,
            channels_last,
            form: Form::Plain,
            proof: None,
            tolerance: tolerance(precision),
            piece: None,
            notice: None,
        };
        engine.lay_out(channels_last)?;
        engine.synchronize()?; // other threads compute with these weights, on streams of their own
        Ok(engine)
    }

    /// The same graph on another device, or once more on the CPU. On the CPU it shares the weights and the chosen form.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn replicate(&self, device: Device) -> Result<Self> {
        let module = self.module.replicate()?;
        let mut replica = Self::new(module, device, self.precision, self.channels_last)?;
        if device == Device::Cpu {
            (replica.form, replica.proof) = (self.form, self.proof);
        }
        Ok(replica)
    }

    /// Sets the memory order in which convolutions compute.
    ///
    /// # Errors
    /// libtorch's.
    pub fn lay_out(&mut self, channels_last: bool) -> Result<()> {
        self.channels_last = channels_last;
        self.module.lay_out(channels_last)
    }

    /// Computes one image, shape (1, height, width, channels), and tells the most bytes that it took. A model that
    /// takes one size of batch only computes a whole batch: the bytes are divided among its images.
    ///
    /// # Errors
    /// libtorch's, where the model cannot compute on it.
    pub fn try_on(&mut self, image: &Tensor) -> Result<(Vec<Tensor>, u64)> {
        let image = self.images(image);
        trim_arena();
        let before = arena_extent();
        let (outputs, peak) = self.module.record(&image)?;
        // The extent has the holes between tensors too.
        let bytes = peak.max(arena_extent() - before);
        self.synchronize()?;
        Ok((outputs, bytes / self.fixed_batch().unwrap_or(1) as u64))
    }

    /// Relative L2 distance below which two computations of a row, in batches of other sizes too, count as the same.
    pub fn sameness(&self) -> f64 {
        // On a GPU other batches may go through other kernels, of fewer digits.
        match (self.device, self.precision) {
            (Device::Cpu, Precision::F32) => 1e-3,
            _ => 2e-2,
        }
    }

    /// What the model's first layer takes, in words; `None` if it takes images of this many channels.
    pub fn wants_instead(&self, channels: usize) -> Option<String> {
        self.module.wants_instead(channels)
    }

    /// Chooses the form for batches of `batch` images, as `wish` says. `proofs`: how many images of the next batch have
    /// to prove it once more, one or two.
    ///
    /// # Errors
    /// libtorch's, where the model cannot compute on noise.
    pub fn choose_form(
        &mut self,
        shape: Shape,
        batch: usize,
        proofs: usize,
        wish: FormWish,
    ) -> Result<()> {
        let images = self.images(&noise(trial::FEW, shape, self.device)?);
        let (module, tolerance) = (&mut self.module, self.tolerance);
        let (form, wrong) = trial::choose(module, &images, batch, tolerance, wish)?;
        self.module.drop_form(Form::Plain); // what was recorded
        self.proof = (form != Form::Plain).then_some(proofs);
        self.form = form;
        self.notice = wrong.map(|wrong| wrong.to_string());
        Ok(())
    }

    /// The only number of images that the graph takes, if there is only one.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.module.batch.fixed()
    }

    /// The form of the last batch; before the first batch, the form that is chosen for it.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Bytes of the weights that a faster form has.
    pub fn packed_bytes(&self) -> u64 {
        self.module.packed_bytes()
    }

    /// The outputs of the cut for a batch of shape (batch, height, width, channels). On a GPU they are there when
    /// [`Engine::synchronize`] returns. If a GPU runs out of memory, batches are computed in halves from then on.
    ///
    /// # Errors
    /// libtorch's.
    pub fn compute(&mut self, input: &Tensor) -> Result<Vec<Tensor>> {
        if let Device::Cuda(index) = self.device {
            cuda::own_cuda_stream(index)?;
        }
        let batch = input.size()[0] as usize;
        loop {
            let at_once = self.piece.map_or(batch, |piece| piece.min(batch));
            let computed = match at_once < batch {
                true => self.compute_in_pieces(input, at_once),
                false => self.compute_whole(input),
            };
            match computed {
                Err(error) if at_once > 1 && self.is_out_of_memory(&error) => {
                    let half = at_once / 2;
                    self.piece = Some(half);
                    self.notice = Some(format!(
                        "{} is out of memory: batches of {batch} are computed {half} images at a time",
                        self.device
                    ));
                }
                computed => return computed,
            }
        }
    }

    /// Waits until what this thread asked of the device is done.
    ///
    /// # Errors
    /// What failed there.
    pub fn synchronize(&self) -> Result<()> {
        match self.device {
            Device::Cpu => Ok(()),
            Device::Cuda(index) => cuda::synchronize_cuda(index),
        }
    }

    fn compute_whole(&mut self, input: &Tensor) -> Result<Vec<Tensor>> {
        let images = self.images(input);
        if self.form == Form::Plain {
            return self.module.forward(Form::Plain, &images);
        }
        let (module, form) = (&mut self.module, self.form);
        let computed = match self.proof.take() {
            None => module.forward(form, &images),
            Some(proofs) => trial::prove(module, form, &images, proofs, self.tolerance),
        };
        computed.or_else(|reason| {
            self.return_to_plain(&reason); // wrong, or a shape that noise did not have
            self.module.forward(Form::Plain, &images)
        })
    }

    fn return_to_plain(&mut self, reason: &Error) {
        self.notice = Some(match reason.downcast_ref::<Deviation>() {
            Some(wrong) => wrong.to_string(),
            None => format!(
                "{} fails from here on: not used any more ({reason:#})",
                self.form.in_words()
            ),
        });
        self.module.drop_form(self.form);
        self.form = Form::Plain;
    }

    /// The pieces' outputs are put together on the CPU: the GPU has no room to spare.
    fn compute_in_pieces(&mut self, input: &Tensor, at_once: usize) -> Result<Vec<Tensor>> {
        let mut pieces: Vec<Vec<Tensor>> = Vec::new();
        for piece in input.f_split(at_once as i64, 0)? {
            let outputs = self.module.forward(self.form, &self.images(&piece))?;
            let on_cpu = outputs
                .iter()
                .map(|output| output.f_to_device(tch::Device::Cpu));
            pieces.push(on_cpu.collect::<Result<_, _>>()?);
        }
        let joined = |output: usize| {
            let parts: Vec<&Tensor> = pieces.iter().map(|outputs| &outputs[output]).collect();
            Ok(Tensor::f_cat(&parts, 0)?)
        };
        (0..pieces[0].len()).map(joined).collect()
    }

    /// Whether a GPU failed for want of memory.
    fn is_out_of_memory(&self, error: &Error) -> bool {
        let said = format!("{error:#}");
        // CUDA's words, and those of cuDNN and cuBLAS.
        let in_words = said.contains("out of memory") || said.contains("ALLOC_FAILED");
        in_words && self.device != Device::Cpu
    }

    /// The input as the model sees it: shape (batch, channels, height, width).
    fn images(&self, input: &Tensor) -> Tensor {
        let images = input.permute([0, 3, 1, 2]);
        if self.channels_last {
            images
        } else {
            images.contiguous()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layer_info::Capture;
    use crate::model::load::archive::Archive;
    use std::path::Path;
    use std::process::Command;
    use tch::Kind;

    const CONVOLUTIONS: &str = "nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))";
    const LINEAR_LAYERS: &str = "nn.Sequential(nn.Linear(16, 20), nn.ReLU(), nn.Linear(20, 4))";

    fn engine(net: &str) -> Engine {
        let file = format!(
            "featx-engine-{}-{:?}.pt",
            std::process::id(),
            std::thread::current().id()
        );
        let path = std::env::temp_dir().join(file);
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
        let code = format!(
            "import sys, torch; from torch import nn; torch.manual_seed(0); \
             torch.jit.script({net}).save(sys.argv[1])"
        );
        let made = Command::new(python).args(["-c", &code]).arg(&path).status();
        assert!(made.unwrap().success());
        let archive = Archive::open(&path).unwrap();
        let mut module = crate::model::load::torchscript::load(&archive).unwrap();
        let layer = |name: &str| Capture {
            layer: name.into(),
            choice: String::new(),
        };
        module.cut(&[layer("0"), layer("2")]).unwrap();
        module
            .fill(|record, memory| archive.read(record, memory))
            .unwrap();
        module.freeze().unwrap();
        std::fs::remove_file(path).unwrap();
        Engine::new(module, Device::Cpu, Precision::F32, true).unwrap()
    }

    const SHAPE: Shape = Shape {
        channels: 3,
        height: 16,
        width: 16,
    };

    fn one() -> Tensor {
        crate::model::compute::feeder::blank(1, SHAPE, Device::Cpu).unwrap()
    }

    #[test]
    fn a_batch_in_pieces_gives_the_same_rows() {
        let mut engine = engine(CONVOLUTIONS);
        let images = Tensor::rand([5, 16, 12, 3], (Kind::Float, tch::Device::Cpu));
        let whole = engine.compute(&images).unwrap();
        engine.piece = Some(2); // as after a GPU ran out of memory; the last piece is smaller
        let pieces = engine.compute(&images).unwrap();
        assert_eq!(whole[1].size(), [5, 4, 12, 8]);
        for (whole, pieces) in whole.iter().zip(&pieces) {
            assert_eq!(whole.size(), pieces.size());
            assert!(whole.allclose(pieces, 1e-5, 1e-6, false));
        }
    }

    #[test]
    fn each_form_gives_the_same_rows() {
        let images = Tensor::rand([4, 16, 16, 3], (Kind::Float, tch::Device::Cpu));
        for (net, form) in [(CONVOLUTIONS, Form::Fused), (LINEAR_LAYERS, Form::Joined)] {
            let mut one = engine(net);
            let plain = one.compute(&images).unwrap();
            one.try_on(&super::tests::one()).unwrap();
            one.choose_form(SHAPE, 4, 2, FormWish::Faster).unwrap();
            let other = one.replicate(Device::Cpu).unwrap();
            for mut engine in [one, other] {
                for _ in 0..3 {
                    for (found, plain) in engine.compute(&images).unwrap().iter().zip(&plain) {
                        assert!(found.allclose(plain, 1e-5, 1e-6, false));
                    }
                    assert_eq!((engine.form, &engine.notice), (form, &None));
                }
            }
        }
    }

    #[test]
    fn a_form_that_is_wrong_in_its_trial_is_not_chosen() {
        let mut engine = engine(CONVOLUTIONS);
        engine.try_on(&one()).unwrap();
        engine.tolerance = -1.0; // nothing is near enough
        engine.choose_form(SHAPE, 4, 2, FormWish::Faster).unwrap();
        assert_eq!((engine.form, engine.proof), (Form::Plain, None));
        let notice = engine.notice.unwrap();
        assert!(
            notice.contains("graph fusion changes this model's activations by"),
            "{notice}"
        );
    }

    #[test]
    fn a_form_that_fails_is_dropped_and_the_user_is_told() {
        let mut engine = engine(CONVOLUTIONS);
        engine.try_on(&one()).unwrap();
        engine.choose_form(SHAPE, 4, 2, FormWish::Faster).unwrap();
        engine.proof = None;
        // Of another size than the form was made for.
        let images = Tensor::rand([3, 20, 20, 3], (Kind::Float, tch::Device::Cpu));
        let found = engine.compute(&images).unwrap();
        assert_eq!(found[1].size(), [3, 4, 16, 16]);
        assert_eq!(engine.form, Form::Plain);
        let notice = engine.notice.unwrap();
        assert!(notice.contains("fails from here on"), "{notice}");
    }

    #[test]
    fn a_form_that_is_wrong_is_dropped_and_the_batch_computed_again() {
        let images = Tensor::rand([4, 16, 16, 3], (Kind::Float, tch::Device::Cpu));
        for proofs in [1, 2] {
            let mut engine = engine(CONVOLUTIONS);
            let plain = engine.compute(&images).unwrap();
            engine.try_on(&one()).unwrap();
            engine
                .choose_form(SHAPE, 4, proofs, FormWish::Faster)
                .unwrap();
            engine.tolerance = -1.0; // nothing is near enough
            for _ in 0..2 {
                let found = engine.compute(&images).unwrap();
                assert_eq!(found[1], plain[1]);
                assert_eq!(engine.form, Form::Plain);
                let notice = engine.notice.clone().unwrap();
                assert!(
                    notice.contains("changes this model's activations by"),
                    "{notice}"
                );
            }
        }
    }
}
