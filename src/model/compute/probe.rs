//! The images that a model is tried on before a run.

use crate::cli::choices::Device;
use crate::images::{Normaliser, Shape};
use crate::model::compute::feeder::{blank, place};
use crate::model::compute::variation::Variation;
use crate::model::fast::deviation::distance;
use anyhow::Result;
use tch::{Kind, Tensor};

/// The run's own first images, because a model may branch on what it sees; blank images if there are none.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// Of each image, (height, width, channels).
    pub images: Vec<Vec<u8>>,
    /// Images are f32 that the model takes as they are.
    pub are_values: bool,
}

/// Images of a probe. One of them, computed alone and beside another, shows whether rows depend on their batch.
pub const PROBED: usize = 2;

impl Probe {
    /// f32, shape (images, height, width, channels).
    ///
    /// # Errors
    /// libtorch's: a GPU without memory, for one.
    pub(super) fn batch(
        &self,
        images: usize,
        shape: Shape,
        normaliser: &Normaliser,
        device: Device,
    ) -> Result<Tensor> {
        let count = shape.values();
        let mut values = vec![0.0; images * count];
        for (values, pixels) in values.chunks_exact_mut(count).zip(&self.images) {
            match self.are_values {
                true => values.copy_from_slice(&as_values(pixels)),
                false => normaliser.normalise_nhwc(pixels, values),
            }
        }
        let mut batch = blank(images, shape, device)?;
        let size = batch.size();
        batch.f_copy_(
            &Tensor::f_from_slice(&values)?
                .f_view(&size[..])?
                .f_to_device(place(device))?,
        )?;
        Ok(batch)
    }
}

fn as_values(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values
        .iter()
        .map(|value| f32::from_le_bytes(*value))
        .collect()
}

/// What a layer's rows depend on besides their images. Compares samples of rows: `once` and `again` are of the same
/// batch, `alone` of its first image. Rows nearer to each other than `sameness`, a relative L2 distance, are the same.
///
/// # Errors
/// libtorch's.
pub fn find_variation(
    once: &Tensor,
    again: &Tensor,
    alone: Option<&Tensor>,
    sameness: f64,
) -> Result<Option<Variation>> {
    let rows = again.f_split(1, 0)?;
    let pairs: Vec<_> = (0..).zip(&rows).collect();
    if distance(once, &pairs)? > sameness {
        return Ok(Some(Variation::Chance));
    }
    let alone = alone.filter(|alone| alone.size()[..1] == [1]);
    match alone {
        Some(alone) if distance(once, &[(0, alone)])? > sameness => Ok(Some(Variation::Batch)),
        _ => Ok(None),
    }
}

/// Numbers of a row that show whether it is the same as another.
const MOST: i64 = 1 << 16;

/// Some of each tensor's numbers, on the CPU. Whole batches of large layers could take all memory.
///
/// # Errors
/// libtorch's.
pub(super) fn samples(tensors: &[Tensor]) -> Result<Vec<Tensor>> {
    tensors.iter().map(sample).collect()
}

/// At most [`MOST`] numbers of each row, evenly spaced.
fn sample(tensor: &Tensor) -> Result<Tensor> {
    let mut some = tensor.shallow_clone();
    loop {
        let size = some.size();
        let row: i64 = size.iter().skip(1).product();
        let longest = (1..size.len()).max_by_key(|&axis| size[axis]);
        let Some(axis) = longest.filter(|_| row > MOST) else {
            break;
        };
        let step = size[axis].min((row as u64).div_ceil(MOST as u64) as i64);
        some = some.f_slice(axis as i64, 0, size[axis], step)?;
    }
    let kind = match some.is_complex() {
        true => some.kind(), // refused later, in words
        false => Kind::Float,
    };
    Ok(some.f_to_device_(tch::Device::Cpu, kind, false, true)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_few_and_of_every_row() {
        for size in [
            vec![2, 64, 224, 224],
            vec![3, 5],
            vec![2, 1 << 20],
            vec![0],
            vec![],
        ] {
            let tensor = Tensor::rand(&size[..], (Kind::Float, tch::Device::Cpu));
            let sample = sample(&tensor).unwrap();
            let row: i64 = sample.size().iter().skip(1).product();
            assert_eq!(sample.size().first(), size.first());
            assert!(
                row <= MOST && (row >= MOST / 8 || sample == tensor),
                "{size:?}"
            );
        }
    }
}
