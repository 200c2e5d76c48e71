//! The rows of a whole layer that are most like some of them, by Pearson's r.

use nalgebra::{DMatrix, DVectorView};

/// Neighbours of each row that are kept.
pub const KEPT: usize = 5;

/// Looks for neighbours while rows come by.
pub struct Nearest {
    /// Of each column its mean was taken, and its length is 1.
    asked: DMatrix<f64>,
    rows: Vec<u64>,
    found: Vec<Vec<Neighbour>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    pub row: u64,
    pub r: f64,
}

impl Nearest {
    /// Of rows of equal length. Those with numbers that are not finite, or all equal, have no neighbours.
    pub fn of(rows: Vec<u64>, values: &[&[f32]]) -> Self {
        let length = values.first().map_or(0, |row| row.len());
        let mut asked = DMatrix::from_fn(length, rows.len(), |at, row| f64::from(values[row][at]));
        for mut row in asked.column_iter_mut() {
            let mean = row.mean();
            row.add_scalar_mut(-mean);
            let norm = row.norm();
            match norm.is_finite() && norm > 0.0 {
                true => row /= norm,
                false => row.fill(0.0),
            }
        }
        Self {
            asked,
            found: vec![Vec::new(); rows.len()],
            rows,
        }
    }

    /// Holds a row of the layer against them.
    pub fn add(&mut self, row: u64, values: &[f64]) {
        let values = DVectorView::from_slice(values, values.len());
        let (mean, square) = (values.mean(), values.norm_squared());
        let length = (square - values.len() as f64 * mean * mean).sqrt();
        // Else it is constant but for rounding, or not finite.
        if length.is_nan() || length <= 1e-7 * square.sqrt() {
            return;
        }
        let products = self.asked.tr_mul(&values);
        for (at, product) in products.iter().enumerate() {
            if self.rows[at] != row && *product != 0.0 {
                let r = product / length;
                keep(&mut self.found[at], Neighbour { row, r });
            }
        }
    }

    /// Of each row, the most alike first.
    pub fn finish(self) -> Vec<(u64, Vec<Neighbour>)> {
        self.rows.into_iter().zip(self.found).collect()
    }
}

fn keep(found: &mut Vec<Neighbour>, new: Neighbour) {
    let place = found.partition_point(|old| old.r >= new.r);
    if place < KEPT {
        found.insert(place, new);
        found.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_come_first_and_none_is_its_own() {
        let mut nearest = Nearest::of(vec![7], &[&[1.0, 2.0, 4.0]]);
        let rows = [
            [1.0, 1.0, 1.0],
            [4.0, 2.0, 1.0],
            [2.0, 4.0, 8.5],
            [0.0, f64::NAN, 1.0],
        ];
        for (row, values) in rows.iter().enumerate() {
            nearest.add(row as u64, values);
        }
        nearest.add(7, &[1.0, 2.0, 4.0]);
        let found = &nearest.finish()[0].1;
        assert_eq!(
            found.iter().map(|found| found.row).collect::<Vec<_>>(),
            [2, 1]
        );
        // numpy.corrcoef([1, 2, 4], [4, 2, 1])[0, 1]
        assert!(
            (found[1].r + 0.928_571_428_571_428_6).abs() < 1e-12,
            "{}",
            found[1].r
        );
    }
}
