//! From a batch's pixels to the tensor that a model computes on.

use crate::cli::choices::Device;
use crate::images::{Normaliser, Shape};
use crate::model::runtime::cuda;
use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

/// Normalises pixels for one model, on its device.
pub struct Feeder {
    /// Images of a batch.
    batch: usize,
    shape: Shape,
    device: Device,
    normaliser: Normaliser,
    /// On a GPU: the normaliser's table.
    table: Option<Tensor>,
}

/// A batch of images as the model takes it.
pub struct Input {
    /// f32, shape (batch, height, width, channels).
    pub(super) tensor: Tensor,
    /// For a GPU: 8-bit pixels in memory that it can copy from by itself.
    staging: Option<Tensor>,
}

impl Feeder {
    pub(super) fn new(batch: usize, shape: Shape, device: Device, normaliser: Normaliser) -> Self {
        let table = matches!(device, Device::Cuda(_))
            .then(|| Tensor::from_slice(normaliser.table()).to_device(place(device)));
        Self {
            batch,
            shape,
            device,
            normaliser,
            table,
        }
    }

    /// Memory for one batch.
    ///
    /// # Errors
    /// No memory on the GPU, or no memory that it can copy from.
    pub fn input(&self) -> Result<Input> {
        let staging = match self.device {
            Device::Cpu => None,
            Device::Cuda(_) => Some(cuda::pinned_bytes(self.batch * self.shape.values())?),
        };
        let tensor = blank(self.batch, self.shape, self.device)?;
        if let Device::Cuda(index) = self.device {
            cuda::synchronize_cuda(index)?; // another thread fills it, on a stream of its own
        }
        Ok(Input { tensor, staging })
    }

    /// Fills `input`. `pixels`: (batch, height, width, channels), or f32 of that shape, taken as they are. On a GPU it
    /// runs at the same time as the work of other threads there, and is done when this returns.
    ///
    /// # Errors
    /// Pixels that are not one batch's; libtorch's.
    pub fn feed(&self, pixels: &[u8], input: &mut Input) -> Result<()> {
        let count = input.tensor.numel();
        if pixels.len() == count * size_of::<f32>() {
            return self.feed_values(pixels, input);
        }
        ensure!(
            pixels.len() == count,
            "a batch of {} bytes, expected {count}",
            pixels.len()
        );
        match (self.device, &self.table, &mut input.staging) {
            (Device::Cuda(index), Some(table), Some(staging)) => {
                cuda::own_cuda_stream(index)?;
                // SAFETY: the tensor is contiguous, holds `count` u8 and is this input's alone; the last copy from it
                // is done, for this function waits for it.
                let bytes = unsafe {
                    std::slice::from_raw_parts_mut(staging.data_ptr().cast::<u8>(), count)
                };
                bytes.copy_from_slice(pixels);
                normalise_on_gpu(staging, table, self.shape.channels, &mut input.tensor)?;
                cuda::synchronize_cuda(index)
            }
            _ => {
                let values = input.tensor.data_ptr().cast::<f32>();
                // SAFETY: the tensor is contiguous, holds `count` f32 and belongs to this input alone: captured
                // activations never share its memory (drop_needless_clones keeps the clones of those that would).
                let values = unsafe { std::slice::from_raw_parts_mut(values, count) };
                self.normaliser.normalise_nhwc(pixels, values);
                Ok(())
            }
        }
    }

    /// Fills `input` with little-endian f32.
    fn feed_values(&self, values: &[u8], input: &mut Input) -> Result<()> {
        let Device::Cuda(index) = self.device else {
            copy_into(&mut input.tensor, values);
            return Ok(());
        };
        cuda::own_cuda_stream(index)?;
        let mut here = blank(self.batch, self.shape, Device::Cpu)?;
        copy_into(&mut here, values);
        input.tensor.f_copy_(&here)?;
        cuda::synchronize_cuda(index)
    }
}

/// # Panics
/// `values` and `tensor` have different numbers of bytes.
fn copy_into(tensor: &mut Tensor, values: &[u8]) {
    let length = tensor.numel() * size_of::<f32>();
    // SAFETY: the tensor is contiguous f32 on the CPU, has this many bytes, and is borrowed alone as long as they are.
    let bytes = unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<u8>(), length) };
    bytes.copy_from_slice(values);
}

/// Looks every value up in the CPU's own table: bit for bit its result, whatever a GPU's division does.
fn normalise_on_gpu(
    pixels: &Tensor,
    table: &Tensor,
    channels: usize,
    out: &mut Tensor,
) -> Result<()> {
    let device = table.device();
    let channels = channels as i64;
    let pixels = pixels
        .f_to_device_(device, Kind::Uint8, true, false)?
        .f_view([-1, channels])?;
    let index = pixels
        .f_to_kind(Kind::Int)?
        .f_mul_scalar(channels)?
        .f_add(&Tensor::f_arange(channels, (Kind::Int, device))?)?;
    let values = table.f_index_select(0, &index.f_view(-1)?)?;
    out.f_copy_(&values.f_view_as(out)?)?;
    Ok(())
}

/// libtorch's name for it.
pub(super) fn place(device: Device) -> tch::Device {
    match device {
        Device::Cpu => tch::Device::Cpu,
        Device::Cuda(index) => tch::Device::Cuda(index),
    }
}

/// Zeros, f32; shape (images, height, width, channels).
pub(super) fn blank(images: usize, shape: Shape, device: Device) -> Result<Tensor> {
    let size = [images, shape.height, shape.width, shape.channels].map(|side| side as i64);
    Ok(Tensor::f_zeros(size, (Kind::Float, place(device)))?)
}

/// As [`blank`], of normal numbers, the same ones every time.
pub(super) fn noise(images: usize, shape: Shape, device: Device) -> Result<Tensor> {
    tch::manual_seed(0);
    Ok(blank(images, shape, device)?.f_normal_(0.0, 1.0)?)
}
