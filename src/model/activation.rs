//! What a layer gave for one batch, and how its rows are stored.

use super::cuda;
use crate::figures::{counted, row_shape};
use anyhow::{Result, ensure};
use std::ops::Range;
use tch::{Kind, Tensor};

/// `--tokens`: how a (tokens, dim) activation becomes one vector, the first token being the class token
/// (as thingsvision's `cls_token`, `avg_pool` and `cls_token+avg_pool`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// The first token.
    Cls,
    /// The mean over all tokens but the first.
    Mean,
    /// Both, one after the other.
    ClsMean,
}

impl Tokens {
    /// As the options and `run.toml` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::ClsMean => "cls+mean",
        }
    }
}

/// What is stored of a row's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    F32,
    F16,
}

impl Stored {
    /// Bytes an element.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// As the options and `run.toml` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    /// As NumPy calls it.
    pub fn descr(self) -> &'static str {
        match self {
            Self::F32 => "<f4",
            Self::F16 => "<f2",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::F16 => Kind::Half,
        }
    }
}

/// A layer's output for one batch, one row an image: shape (batch, ...), in whatever memory order it was computed.
pub struct Activation {
    tensor: Tensor,
}

impl Activation {
    /// Checks that `tensor` has a row for each of the `batch` images of the batch, and reduces tokens where asked.
    ///
    /// # Errors
    /// Names the layer: it was not reached, has no batch dimension, or is not (tokens, dim) where `tokens` asks for it.
    pub fn new(layer: &str, tensor: Tensor, batch: usize, tokens: Option<Tokens>) -> Result<Self> {
        let size = tensor.size();
        ensure!(
            size != [0],
            "layer '{layer}' gave nothing for these images: the model took a branch without it, or it returned None"
        );
        ensure!(
            size.first() == Some(&(batch as i64)),
            "layer '{layer}' gives {} for {}; expected one row an image",
            shape_text(&size),
            counted(batch as u64, "image")
        );
        ensure!(
            !tensor.is_complex(),
            "layer '{layer}' gives complex numbers; expected real ones"
        );
        let tensor = match tokens {
            Some(tokens) => reduce_tokens(layer, &tensor, tokens)?,
            None => tensor,
        };
        Ok(Self { tensor })
    }

    /// The shape of one row.
    pub fn row_shape(&self) -> Vec<u64> {
        self.tensor.size()[1..]
            .iter()
            .map(|&length| length as u64)
            .collect()
    }

    /// Writes rows into `out` in C order, little endian. `out` has exactly their bytes.
    ///
    /// # Errors
    /// libtorch's.
    pub fn write_rows(&self, rows: Range<usize>, stored: Stored, out: &mut [u8]) -> Result<()> {
        if let tch::Device::Cuda(index) = self.tensor.device() {
            cuda::own_cuda_stream(index)?; // beside what is computed there
        }
        let source = self.tensor.narrow(0, rows.start as i64, rows.len() as i64);
        ensure!(
            source.numel() * stored.size() == out.len(),
            "rows and the memory for them differ in size"
        );
        let size = source.size();
        // SAFETY: `out` is exclusive for this call, has the bytes of the whole tensor (checked above), and is aligned
        // to its elements, because rows start at a multiple of 64 bytes in a mapped file. The tensor made of it does
        // not leave this function.
        let mut target = unsafe {
            Tensor::from_blob(
                out.as_mut_ptr(),
                &size,
                &contiguous_strides(&size),
                stored.kind(),
                tch::Device::Cpu,
            )
        };
        match target.f_copy_(&source) {
            // A full GPU has no room to put the elements in order: here there is.
            Err(_) if source.device().is_cuda() => {
                target.f_copy_(&source.f_to_device(tch::Device::Cpu)?)?;
            }
            copied => copied?,
        }
        Ok(())
    }
}

fn reduce_tokens(layer: &str, tensor: &Tensor, tokens: Tokens) -> Result<Tensor> {
    let size = tensor.size();
    ensure!(
        size.len() == 3 && size[1] > 1,
        "--tokens needs rows of shape (tokens, dim); layer '{layer}' gives {}",
        shape_text(&size[1..])
    );
    let cls = || tensor.select(1, 0);
    let mean = || {
        tensor
            .narrow(1, 1, size[1] - 1)
            .mean_dim(1, false, Kind::Float)
    };
    Ok(match tokens {
        Tokens::Cls => cls(),
        Tokens::Mean => mean(),
        Tokens::ClsMean => Tensor::cat(&[cls().to_kind(Kind::Float), mean()], 1),
    })
}

fn contiguous_strides(size: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; size.len()];
    for axis in (1..size.len()).rev() {
        strides[axis - 1] = strides[axis] * size[axis].max(1);
    }
    strides
}

fn shape_text(size: &[i64]) -> String {
    row_shape(&size.iter().map(|&length| length as u64).collect::<Vec<_>>())
}
