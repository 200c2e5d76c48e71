//! The matrix of a very sparse random projection (Li, Hastie and Church 2006), any entry of it by itself.

use crate::model::reduce::philox::Philox;
use sha2::{Digest, Sha256};

/// How a matrix follows from its layer, sizes and seed. The number changes if that ever does.
pub const RECIPE: u32 = 1;
/// Rows of a matrix.
pub const MOST_OUTPUTS: u64 = 1 << 20;

/// A matrix R of shape (outputs, inputs), of which about one number in `sqrt(inputs)` is not zero.
///
/// Its columns are cut into strata of `ceil(sqrt(inputs))`, and each row has one entry in each stratum: so all rows have
/// the same number, and no memory is needed to keep entries apart. The entry of row `j` in stratum `s` is number
/// `j * strata + s` of a [`Philox`] stream, whose key is made of the layer's name, the sizes and the seed. The matrix
/// depends on nothing else: not on the machine, the thread or the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    pub inputs: u64,
    pub outputs: u64,
    /// Columns of a stratum; the last one may have fewer.
    width: u64,
    strata: u64,
    numbers: Philox,
}

/// An entry of a row that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub column: u64,
    pub is_negative: bool,
}

impl Projection {
    /// `inputs` is at least 1.
    pub fn new(layer: &str, inputs: u64, outputs: u64, seed: u64) -> Self {
        let width = (inputs - 1).isqrt() + 1;
        let text = format!("featx projection {RECIPE}\n{layer}\n{inputs}\n{outputs}\n{seed}\n");
        let digest = Sha256::digest(text);
        let word = |at: usize| {
            let bytes = std::array::from_fn(|i| digest[at + i]);
            u64::from_le_bytes(bytes)
        };
        Self {
            inputs,
            outputs,
            width,
            strata: inputs.div_ceil(width),
            numbers: Philox {
                key: [word(0), word(8)],
            },
        }
    }

    /// The absolute value of every entry. With it, a vector is as long as its projection, on average:
    /// `SparseRandomProjection` of scikit-learn scales the same way.
    pub fn scale(&self) -> f32 {
        (self.width as f64 / self.outputs as f64).sqrt() as f32
    }

    /// The most entries that all rows together can have.
    pub fn most_entries(&self) -> u64 {
        self.outputs * self.strata
    }

    /// The entries of a row, by ascending column.
    pub fn row(&self, row: u64) -> impl Iterator<Item = Entry> {
        let Self { width, inputs, .. } = *self;
        let numbers = self.numbers.from(row * self.strata);
        let starts = (0..self.strata).map(move |stratum| stratum * width);
        let entries = starts.zip(numbers).map(move |(start, number)| Entry {
            column: start + (number >> 1) % width,
            is_negative: number & 1 == 1,
        });
        // The last stratum may reach beyond the matrix. What falls there is nothing.
        entries.filter(move |entry| entry.column < inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stratum_has_an_entry_and_each_column_the_same_chance() {
        let (inputs, outputs) = (1000, 4000);
        let matrix = Projection::new("fc", inputs, outputs, 7);
        let mut columns = vec![0; inputs as usize];
        let mut negative = 0;
        for row in 0..outputs {
            let entries: Vec<Entry> = matrix.row(row).collect();
            assert!(entries.len() == 31 || entries.len() == 32); // 31 strata of 32, and one of 8
            assert!(entries.is_sorted_by_key(|entry| entry.column));
            for entry in entries {
                columns[entry.column as usize] += 1;
                negative += u64::from(entry.is_negative);
            }
        }
        // 4000 / 32 = 125, with a deviation of 11.
        assert!(columns.iter().all(|&count| (70..180).contains(&count)));
        let entries: u64 = columns.iter().sum();
        assert!((negative as f64 / entries as f64 - 0.5).abs() < 0.01);
    }

    #[test]
    fn everything_that_names_a_matrix_changes_it() {
        let one = Projection::new("fc", 1000, 10, 0);
        let others = [
            Projection::new("fc2", 1000, 10, 0),
            Projection::new("fc", 1001, 10, 0),
            Projection::new("fc", 1000, 11, 0),
            Projection::new("fc", 1000, 10, 1),
        ];
        for other in others {
            assert_ne!(
                one.row(3).collect::<Vec<_>>(),
                other.row(3).collect::<Vec<_>>()
            );
        }
    }
}
