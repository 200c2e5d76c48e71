//! Projects a layer's activations, on the device where they are.

use crate::model::reduce::blocks::{Blocks, Places};
use crate::model::reduce::projection::Projection;
use crate::model::runtime::threads;
use anyhow::{Context, Result, ensure};
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Builder};
use tch::{Device, Kind, Tensor};

/// A layer's projection. Replicas share it: what it needs is made once, when the first activation comes.
#[derive(Debug)]
pub struct Projector {
    projection: Projection,
    on_cpu: OnceLock<OnCpu>,
    /// The matrix, on each GPU that asked for it.
    on_gpu: Mutex<Vec<(Device, Tensor)>>,
}

/// The entries, for activations whose axes lie in memory in this order.
#[derive(Debug)]
struct OnCpu {
    /// Of the activation, the batch first, the innermost last.
    order: Vec<i64>,
    blocks: Blocks,
}

impl Projector {
    /// Of rows of `inputs` numbers.
    pub fn new(layer: &str, inputs: u64, outputs: u64, seed: u64) -> Self {
        Self {
            projection: Projection::new(layer, inputs, outputs, seed),
            on_cpu: OnceLock::new(),
            on_gpu: Mutex::default(),
        }
    }

    /// Bytes of RAM that it will take, if `threads` threads project at once.
    pub fn bytes(&self, on_gpu: bool, threads: u64) -> u64 {
        let projection = &self.projection;
        match on_gpu {
            // While it is made.
            true => (projection.most_entries() + projection.outputs) * 8,
            false => Blocks::bytes(projection) + threads * Blocks::bytes_to_project(projection),
        }
    }

    /// Rows of `outputs` numbers, f32: the product of each row, flattened, with the matrix.
    ///
    /// # Errors
    /// Rows of another length; libtorch's.
    pub fn apply(&self, activation: &Tensor) -> Result<Tensor> {
        let rows = activation.size()[0];
        ensure!(
            activation.numel() as u64 == rows as u64 * self.projection.inputs,
            "rows of {} numbers are projected, and these have {}",
            self.projection.inputs,
            activation.numel() as i64 / rows.max(1)
        );
        match activation.device() {
            Device::Cuda(_) => self.by_sparse_matrix(activation),
            _ => self.by_blocks(activation),
        }
    }

    /// Images are divided among the threads of the forward pass.
    fn by_blocks(&self, activation: &Tensor) -> Result<Tensor> {
        let OnCpu { order, blocks } = self
            .on_cpu
            .get_or_init(|| OnCpu::new(&self.projection, activation));
        // Makes no copy where the memory order is the one that the blocks are made for.
        let laid = activation
            .f_to_kind(Kind::Float)?
            .f_permute(order)?
            .f_contiguous()?;
        let images = laid.size()[0] as usize;
        let (inputs, outputs) = (laid.numel() / images, self.projection.outputs as usize);
        let made = Tensor::f_zeros([images as i64, outputs as i64], (Kind::Float, Device::Cpu))?;
        // SAFETY: both are contiguous, hold f32 of these lengths, and live to the end of this function. `made` is not
        // shared yet, and nobody writes into an activation.
        let (rows, out) = unsafe {
            (
                std::slice::from_raw_parts(laid.data_ptr().cast::<f32>(), images * inputs),
                std::slice::from_raw_parts_mut(made.data_ptr().cast::<f32>(), images * outputs),
            )
        };
        let threads = (tch::get_num_threads().max(1) as usize).min(images);
        if threads == 1 {
            blocks.project(rows, out);
            return Ok(made);
        }
        let share = images.div_ceil(threads);
        let shares = rows
            .chunks(share * inputs)
            .zip(out.chunks_mut(share * outputs));
        project_each(blocks, shares)?;
        Ok(made)
    }

    fn by_sparse_matrix(&self, activation: &Tensor) -> Result<Tensor> {
        let matrix = self.matrix_on(activation.device())?;
        let rows = activation.f_to_kind(Kind::Float)?.f_flatten(1, -1)?;
        Ok(matrix.f_mm(&rows.f_tr()?)?.f_tr()?.f_contiguous()?)
    }

    fn matrix_on(&self, device: Device) -> Result<Tensor> {
        let mut made = self.on_gpu.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, matrix)) = made.iter().find(|(other, _)| *other == device) {
            return Ok(matrix.shallow_clone());
        }
        let matrix = sparse_matrix(&self.projection, device)?;
        made.push((device, matrix.shallow_clone()));
        Ok(matrix)
    }
}

impl OnCpu {
    fn new(projection: &Projection, activation: &Tensor) -> Self {
        let order = memory_order(&activation.size(), &activation.stride());
        let shape: Vec<u64> = activation.size()[1..].iter().map(|&n| n as u64).collect();
        let places = Places::new(&shape, &order);
        let axes = order.iter().map(|&axis| axis as i64 + 1);
        Self {
            order: std::iter::once(0).chain(axes).collect(),
            blocks: Blocks::new(projection, &places),
        }
    }
}

/// Projects each share, rows into their place in `out`, in a thread of its own. libtorch's threads leave it the cores.
///
/// # Errors
/// The system has no thread left.
fn project_each<'a>(
    blocks: &Blocks,
    shares: impl Iterator<Item = (&'a [f32], &'a mut [f32])>,
) -> Result<()> {
    let mut shares = Some(shares);
    let mut started = Ok(());
    threads::rest_while(|| {
        started = thread::scope(|scope| {
            for (rows, out) in shares.take().into_iter().flatten() {
                let project = move || blocks.project(rows, out);
                let thread = Builder::new().name("projection".into());
                thread.spawn_scoped(scope, project)?;
            }
            Ok::<_, io::Error>(())
        });
    });
    started.context("cannot start the threads of a projection")
}

/// The axes of a row (the first one after the batch is 0), by descending stride. An axis of length 1 may lie anywhere.
fn memory_order(size: &[i64], stride: &[i64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..size.len() - 1).collect();
    order.sort_by_key(|&axis| match size[axis + 1] {
        1 => i64::MIN,
        _ => -stride[axis + 1],
    });
    order
}

/// In CSR form, f32.
fn sparse_matrix(projection: &Projection, device: Device) -> Result<Tensor> {
    let most = projection.most_entries() as usize;
    let (mut columns, mut values) = (Vec::with_capacity(most), Vec::with_capacity(most));
    let mut ends = vec![0];
    for row in 0..projection.outputs {
        for entry in projection.row(row) {
            columns.push(i32::try_from(entry.column)?);
            values.push(projection.scale() * if entry.is_negative { -1.0 } else { 1.0 });
        }
        ends.push(i32::try_from(columns.len())?);
    }
    let size = [projection.outputs as i64, projection.inputs as i64];
    let [ends, columns] = [ends, columns].map(|numbers| Tensor::from_slice(&numbers));
    Ok(Tensor::f_sparse_csr_tensor_crow_col_value_size(
        &ends.f_to_device(device)?,
        &columns.f_to_device(device)?,
        &Tensor::from_slice(&values).f_to_device(device)?,
        size,
        (Kind::Float, device),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_the_sparse_matrix_give_the_same() {
        let activation = Tensor::randn([5, 9, 20, 31], (Kind::Float, Device::Cpu));
        let channels_last = activation
            .permute([0, 2, 3, 1])
            .contiguous()
            .permute([0, 3, 1, 2]);
        let projector = Projector::new("conv", 9 * 20 * 31, 200, 1);
        let wanted = projector.by_sparse_matrix(&activation).unwrap();
        for one in [&channels_last, &activation] {
            let found = projector.apply(one).unwrap();
            assert_eq!(found.size(), [5, 200]);
            assert!(found.allclose(&wanted, 1e-5, 1e-5, false));
        }
        assert!(projector.apply(&activation.narrow(1, 0, 8)).is_err());
    }

    #[test]
    fn bytes_do_not_depend_on_threads_or_batches() {
        let activation = Tensor::randn([11, 5000], (Kind::Float, Device::Cpu));
        let projector = Projector::new("fc", 5000, 100, 0);
        let together = projector.apply(&activation).unwrap();
        for image in 0..11 {
            let alone = projector.apply(&activation.narrow(0, image, 1)).unwrap();
            assert_eq!(alone, together.narrow(0, image, 1));
        }
        let before = tch::get_num_threads();
        for threads in [1, 2, 3] {
            tch::set_num_threads(threads);
            assert_eq!(projector.apply(&activation).unwrap(), together);
        }
        tch::set_num_threads(before);
    }
}
