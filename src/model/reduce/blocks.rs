//! A projection's entries in the order in which they are used: once through memory, block by block. A block fits into a
//! core's cache.

use crate::model::reduce::projection::Projection;

/// Bits of a place within a block, and of an output; the highest bit of an entry is its sign.
const PLACE_BITS: u32 = 11;
const OUTPUT_BITS: u32 = 20;
const PLACE: u32 = (1 << PLACE_BITS) - 1;
const OUTPUT: u32 = (1 << OUTPUT_BITS) - 1;
const SIGN: u32 = 1 << 31;
/// Places of a block. Those of eight images are 64 KiB.
pub const BLOCK: usize = 1 << PLACE_BITS;
/// Images at once: an entry is read for all of them together.
pub const GROUP: usize = 8;

/// Where the columns of a row lie in memory: axes, from the last to the first of the row, as (length, stride).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    axes: Vec<(u64, u64)>,
}

impl Places {
    /// Of rows of this shape, whose axes lie in memory in this order, the innermost last.
    pub fn new(shape: &[u64], order: &[usize]) -> Self {
        let mut strides = vec![1; shape.len()];
        for at in (1..order.len()).rev() {
            strides[order[at - 1]] = strides[order[at]] * shape[order[at]];
        }
        let mut axes: Vec<(u64, u64)> = Vec::new();
        for (&length, &stride) in shape.iter().zip(&strides).rev() {
            match axes.last_mut() {
                // Those that follow each other are one.
                Some(inner) if inner.1 * inner.0 == stride => inner.0 *= length,
                _ => axes.push((length, stride)),
            }
        }
        Self { axes }
    }

    fn of(&self, mut column: u64) -> u64 {
        let Some(((_, outermost), inner)) = self.axes.split_last() else {
            return 0;
        };
        let mut place = 0;
        for &(length, stride) in inner {
            place += column % length * stride;
            column /= length;
        }
        place + column * outermost
    }
}

/// The entries of a projection, block after block; within a block by output.
#[derive(Debug)]
pub struct Blocks {
    inputs: usize,
    outputs: usize,
    scale: f32,
    /// Sign, output, place.
    entries: Vec<u32>,
    /// Where the entries of each block begin, and where those of the last one end.
    starts: Vec<usize>,
}

impl Blocks {
    /// Bytes that the entries take at most.
    pub fn bytes(projection: &Projection) -> u64 {
        let blocks = projection.inputs.div_ceil(BLOCK as u64) + 1;
        projection.most_entries() * size_of::<u32>() as u64 + blocks * size_of::<usize>() as u64
    }

    /// Bytes that a thread takes to project.
    pub fn bytes_to_project(projection: &Projection) -> u64 {
        (projection.outputs + BLOCK as u64) * size_of::<[f32; GROUP]>() as u64
    }

    /// Counts first, so that no entry moves and no other memory is needed.
    pub fn new(projection: &Projection, places: &Places) -> Self {
        let Projection {
            inputs, outputs, ..
        } = *projection;
        assert!(outputs <= 1 << OUTPUT_BITS);
        let mut starts = vec![0; inputs.div_ceil(BLOCK as u64) as usize + 1];
        for entry in (0..outputs).flat_map(|row| projection.row(row)) {
            starts[places.of(entry.column) as usize / BLOCK + 1] += 1;
        }
        for block in 1..starts.len() {
            starts[block] += starts[block - 1];
        }
        let mut entries = vec![0; starts.last().copied().unwrap_or_default()];
        let mut next = starts.clone();
        for row in 0..outputs {
            for entry in projection.row(row) {
                let place = places.of(entry.column) as usize;
                let sign = u32::from(entry.is_negative) << (PLACE_BITS + OUTPUT_BITS);
                let free = &mut next[place / BLOCK];
                entries[*free] = sign | (row as u32) << PLACE_BITS | (place % BLOCK) as u32;
                *free += 1;
            }
        }
        Self {
            inputs: inputs as usize,
            outputs: outputs as usize,
            scale: projection.scale(),
            entries,
            starts,
        }
    }

    /// Projects rows that lie one after the other, in the order of the places. In `out` they lie the same way. A row's
    /// result does not depend on the other rows.
    ///
    /// # Panics
    /// `rows` or `out` are not whole rows, or not the same number of rows.
    pub fn project(&self, rows: &[f32], out: &mut [f32]) {
        assert_eq!(rows.len() / self.inputs, out.len() / self.outputs);
        assert!(rows.len().is_multiple_of(self.inputs) && out.len().is_multiple_of(self.outputs));
        let groups = rows.chunks(GROUP * self.inputs);
        for (rows, out) in groups.zip(out.chunks_mut(GROUP * self.outputs)) {
            match rows.len() / self.inputs {
                1 => self.project_group::<1>(rows, out),
                2 => self.project_group::<2>(rows, out),
                3..=4 => self.project_group::<4>(rows, out),
                _ => self.project_group::<GROUP>(rows, out),
            }
        }
    }

    /// At most W rows.
    fn project_group<const W: usize>(&self, rows: &[f32], out: &mut [f32]) {
        let images = rows.len() / self.inputs;
        let mut sums = vec![[0.0; W]; self.outputs];
        let mut columns = Box::new([[0.0; W]; BLOCK]);
        for (block, ends) in self.starts.windows(2).enumerate() {
            let first = block * BLOCK;
            let length = BLOCK.min(self.inputs - first);
            let sources: [&[f32]; W] = std::array::from_fn(|image| {
                let at = image.min(images - 1) * self.inputs + first; // of a group with fewer, the last one again
                &rows[at..at + length]
            });
            // Written in the order of memory, and read in that of each image.
            for (index, column) in columns[..length].iter_mut().enumerate() {
                *column = std::array::from_fn(|image| sources[image][index]);
            }
            add(&self.entries[ends[0]..ends[1]], &columns, &mut sums);
        }
        for (image, out) in out.chunks_mut(self.outputs).enumerate() {
            for (out, sum) in out.iter_mut().zip(&sums) {
                *out = sum[image] * self.scale;
            }
        }
    }
}

/// Adds each entry's column, or its negative, to the entry's output.
fn add<const W: usize>(entries: &[u32], columns: &[[f32; W]; BLOCK], sums: &mut [[f32; W]]) {
    for entry in entries {
        let column = &columns[(entry & PLACE) as usize];
        let sum = &mut sums[(entry >> PLACE_BITS & OUTPUT) as usize];
        for (sum, value) in sum.iter_mut().zip(column) {
            *sum += f32::from_bits(value.to_bits() ^ entry & SIGN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows by the matrix, one entry after the other, in f64.
    fn plainly(projection: &Projection, row: &[f32]) -> Vec<f64> {
        let value = |entry: crate::model::reduce::projection::Entry| {
            let value = f64::from(row[entry.column as usize]);
            if entry.is_negative { -value } else { value }
        };
        let sum = |output| projection.row(output).map(value).sum::<f64>();
        (0..projection.outputs)
            .map(|output| sum(output) * f64::from(projection.scale()))
            .collect()
    }

    #[test]
    fn a_row_is_projected_whatever_its_memory_order_and_company() {
        let shape = [7, 31, 23];
        let inputs = shape.iter().product::<u64>();
        let projection = Projection::new("conv", inputs, 50, 3);
        for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1]] {
            let places = Places::new(&shape, &order);
            let blocks = Blocks::new(&projection, &places);
            assert!(Blocks::bytes(&projection) >= blocks.entries.len() as u64 * 4);
            let images = 11;
            let rows: Vec<f32> = (0..images * inputs)
                .map(|i| ((i * 7919 % 1000) as f32 - 300.0) / 100.0)
                .collect();
            let mut laid = vec![0.0; rows.len()];
            for (image, row) in rows.chunks(inputs as usize).enumerate() {
                for (column, &value) in row.iter().enumerate() {
                    laid[image * inputs as usize + places.of(column as u64) as usize] = value;
                }
            }
            let mut together = vec![0.0; images as usize * 50];
            blocks.project(&laid, &mut together);
            for image in 0..images as usize {
                let [from, to] = [image, image + 1].map(|n| n * inputs as usize);
                let mut alone = vec![0.0; 50];
                blocks.project(&laid[from..to], &mut alone);
                assert_eq!(alone, together[image * 50..][..50]);
                for (found, wanted) in alone.iter().zip(plainly(&projection, &rows[from..to])) {
                    assert!(
                        (f64::from(*found) - wanted).abs() < 1e-4,
                        "{found} {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn axes_that_follow_each_other_are_one() {
        assert_eq!(Places::new(&[3, 4, 5], &[0, 1, 2]).axes, [(60, 1)]);
        assert_eq!(Places::new(&[3, 4, 5], &[1, 2, 0]).axes, [(20, 3), (3, 1)]);
    }
}
