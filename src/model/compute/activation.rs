//! What a layer gave for one batch, and how its rows are stored.

use crate::cli::choices::{Pool, Tokens};
use crate::model::compute::kept_tokens::KeptTokens;
use crate::model::reduce::{Grid, Projector, pooled};
use crate::model::runtime::cuda;
use crate::rows::row_type::RowType;
use crate::text::figures::{counted, row_shape};
use anyhow::{Result, ensure};
use std::ops::Range;
use tch::{Kind, Tensor};

/// libtorch's name for it.
fn kind(row_type: RowType) -> Kind {
    match row_type {
        RowType::F32 => Kind::Float,
        RowType::F16 => Kind::Half,
    }
}

/// A layer's output for one batch, one row an image: shape (batch, ...), in whatever memory order it was computed.
pub struct Activation {
    tensor: Tensor,
}

impl Activation {
    /// Checks that `tensor` has a row for each of the `batch` images of the batch, and reduces tokens if `tokens` says
    /// so.
    ///
    /// # Errors
    /// Names the layer: it was not reached, has no batch dimension, or is not (tokens, dim) where `tokens` asks for it.
    pub fn new(
        layer: &str,
        tensor: Tensor,
        batch: usize,
        tokens: Option<KeptTokens>,
    ) -> Result<Self> {
        ensure_rows(layer, &tensor.size(), batch)?;
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

    /// As [`pooled`].
    ///
    /// # Errors
    /// As [`pooled`].
    pub fn pooled(self, layer: &str, pool: Pool, grid: Option<Grid>) -> Result<Self> {
        let tensor = pooled(pool, layer, &self.tensor, grid)?;
        Ok(Self { tensor })
    }

    /// As [`Projector::apply`].
    ///
    /// # Errors
    /// As [`Projector::apply`].
    pub fn projected(self, projector: &Projector) -> Result<Self> {
        let tensor = projector.apply(&self.tensor)?;
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
    pub fn write_rows(&self, rows: Range<usize>, stored: RowType, out: &mut [u8]) -> Result<()> {
        if let tch::Device::Cuda(index) = self.tensor.device() {
            cuda::own_cuda_stream(index)?; // at the same time as computation there
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
                kind(stored),
                tch::Device::Cpu,
            )
        };
        if !source.device().is_cuda() {
            return copy_in_pieces(&mut target, &source);
        }
        // On a full GPU there is no room to put the elements in order. On the CPU there is.
        if target.f_copy_(&source).is_err() {
            copy_in_pieces(&mut target, &source.f_to_device(tch::Device::Cpu)?)?;
        }
        Ok(())
    }
}

/// Whether an output of this size has a row for each of the `batch` images of a batch.
///
/// # Errors
/// Names the layer: it was not reached, or has no batch dimension.
pub fn ensure_rows(layer: &str, size: &[i64], batch: usize) -> Result<()> {
    ensure!(
        size != [0],
        "layer '{layer}' gave nothing for these images: the model took a branch without it, or it returned None"
    );
    ensure!(
        size.first() == Some(&(batch as i64)),
        "layer '{layer}' gives {} for {}; expected one row an image",
        shape_text(size),
        counted(batch as u64, "image")
    );
    Ok(())
}

/// About the bytes of a piece. A piece and its copy fit into a core's cache.
const PIECE: usize = 256 << 10;

/// Copies elements into another memory order, one piece of the source's memory after the other. libtorch's copy follows
/// the target's memory instead: for a large image with channels last it fetches each cache line once for each channel,
/// and takes four times as long.
fn copy_in_pieces(target: &mut Tensor, source: &Tensor) -> Result<()> {
    let (size, stride) = (source.size(), source.stride());
    let bytes = source.numel() * source.kind().elt_size_in_bytes();
    let outermost = (0..size.len())
        .filter(|&axis| size[axis] > 1)
        .max_by_key(|&axis| stride[axis]);
    let Some(axis) = outermost.filter(|_| bytes > PIECE && !source.is_contiguous()) else {
        target.f_copy_(source)?;
        return Ok(());
    };
    let pieces = size[axis].min(bytes.div_ceil(PIECE) as i64);
    let targets = target.f_chunk(pieces, axis as i64)?;
    let sources = source.f_chunk(pieces, axis as i64)?;
    for (mut target, source) in targets.into_iter().zip(sources) {
        copy_in_pieces(&mut target, &source)?;
    }
    Ok(())
}

fn reduce_tokens(layer: &str, tensor: &Tensor, tokens: KeptTokens) -> Result<Tensor> {
    let KeptTokens { kept, prefix } = tokens;
    let (size, prefix) = (tensor.size(), prefix as i64);
    ensure!(
        size.len() == 3 && size[1] > 1,
        "--tokens needs rows of shape (tokens, dim); layer '{layer}' gives {}",
        shape_text(&size[1..])
    );
    ensure!(
        size[1] > prefix,
        "layer '{layer}' gives {}: there are no patches after the {} that the model's TOML says come before them",
        shape_text(&size[1..]),
        counted(prefix as u64, "token")
    );
    ensure!(
        prefix > 0 || !matches!(kept, Tokens::Cls | Tokens::ClsMean),
        "the model has no class token (its TOML says [tokens] prefix = 0); use --tokens mean or patches"
    );
    ensure!(
        prefix > 1 || kept != Tokens::Registers,
        "the model has no registers as far as is known; where it has some, say so in the TOML beside it: \
         [tokens] prefix = 5, for a class token and four registers"
    );
    let cls = || tensor.f_select(1, 0);
    let patches = || tensor.f_narrow(1, prefix, size[1] - prefix);
    let mean = || patches()?.f_mean_dim(1, false, Kind::Float);
    Ok(match kept {
        Tokens::Cls => cls()?,
        Tokens::Mean => mean()?,
        Tokens::ClsMean => Tensor::f_cat(&[cls()?.f_to_kind(Kind::Float)?, mean()?], 1)?,
        Tokens::Patches => patches()?,
        Tokens::Registers => tensor.f_narrow(1, 1, prefix - 1)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbered elements of this shape, the axes lying in memory in this order.
    fn numbered(size: &[i64], order: &[usize]) -> Tensor {
        let laid: Vec<i64> = order.iter().map(|&axis| size[axis]).collect();
        let count: i64 = size.iter().product();
        let back: Vec<i64> = (0..order.len())
            .map(|axis| order.iter().position(|&at| at == axis).unwrap() as i64)
            .collect();
        let numbers = Tensor::arange(count, (Kind::Float, tch::Device::Cpu));
        numbers
            .remainder(2039) // exact in f16 too
            .reshape(laid)
            .permute(back)
    }

    #[test]
    fn rows_larger_than_a_piece_are_in_order_whatever_their_memory_order() {
        // Channels last, their pieces uneven; channels last of one image; tokens; the batch innermost.
        let cases: [(&[i64], &[usize]); 4] = [
            (&[3, 5, 131, 127], &[0, 2, 3, 1]),
            (&[1, 64, 61, 59], &[0, 2, 3, 1]),
            (&[4, 197, 768], &[1, 0, 2]),
            (&[7, 33, 500], &[2, 1, 0]),
        ];
        for (size, order) in cases {
            let tensor = numbered(size, order);
            assert_eq!(tensor.size(), size);
            assert!(!tensor.is_contiguous() && tensor.numel() * 4 > PIECE);
            let activation =
                Activation::new("layer", tensor.shallow_clone(), size[0] as usize, None).unwrap();
            let from = usize::from(size[0] > 1);
            let rows = from..size[0] as usize;
            let wanted = tensor.narrow(0, from as i64, rows.len() as i64);
            for stored in [RowType::F32, RowType::F16] {
                let mut found = vec![0; wanted.numel() * stored.size()];
                activation
                    .write_rows(rows.clone(), stored, &mut found)
                    .unwrap();
                let wanted = wanted.contiguous().to_kind(kind(stored));
                let mut bytes = vec![0; found.len()];
                wanted.view(-1).copy_data_u8(&mut bytes, wanted.numel());
                assert_eq!(found, bytes, "{size:?}, {stored:?}");
            }
        }
    }
}
