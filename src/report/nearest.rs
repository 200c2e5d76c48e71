//! The rows of a whole layer that are most like some of them, by Pearson's r.

use nalgebra::{DMatrix, DVectorView};

/// Neighbours of each row that are kept.
pub const KEPT: usize = 5;

/// Numbers are constant but for the rounding of f32 if, once their mean is subtracted, they keep no more than this share
/// of their length.
pub const ROUNDING: f64 = 1e-7;

/// Looks for neighbours while rows come by.
pub struct Nearest {
    /// One column per row, with a mean of 0 and a length of 1.
    asked: DMatrix<f64>,
    rows: Vec<u64>,
    found: Vec<Vec<Neighbour>>,
    /// The row that is compared with them, less its mean.
    centred: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    pub row: u64,
    pub r: f64,
}

impl Nearest {
    /// Looks for the neighbours of these rows of equal length. Rows with numbers that are not finite, or all equal, have none.
    pub fn of(rows: Vec<u64>, values: &[&[f32]]) -> Self {
        let length = values.first().map_or(0, |row| row.len());
        let mut asked = Vec::with_capacity(length * rows.len());
        for row in values {
            let mut row: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
            match centre(&mut row) {
                Some(norm) => asked.extend(row.iter().map(|value| value / norm)),
                None => asked.extend(row.iter().map(|_| 0.0)),
            }
        }
        Self {
            asked: DMatrix::from_vec(length, rows.len(), asked),
            found: vec![Vec::new(); rows.len()],
            rows,
            centred: Vec::new(),
        }
    }

    /// Compares a row of the layer with them.
    pub fn add(&mut self, row: u64, values: &[f64]) {
        // If no row is shown, there is none to compare it with.
        if self.asked.is_empty() {
            return;
        }
        self.centred.clear();
        self.centred.extend_from_slice(values);
        let Some(length) = centre(&mut self.centred) else {
            return;
        };
        let products = self.asked.tr_mul(&vector(&self.centred));
        for (at, product) in products.iter().enumerate() {
            if self.rows[at] != row && *product != 0.0 {
                let r = product / length;
                keep(&mut self.found[at], Neighbour { row, r });
            }
        }
    }

    /// The neighbours of each row, the most alike first.
    pub fn finish(self) -> Vec<(u64, Vec<Neighbour>)> {
        self.rows.into_iter().zip(self.found).collect()
    }
}

/// Subtracts the mean from numbers, so that no product rounds a small deviation from a large mean away. Returns their
/// length after that. `None` if they are constant but for rounding, or not all finite.
fn centre(values: &mut [f64]) -> Option<f64> {
    let before = vector(values).dot(&vector(values)).sqrt();
    let mean = vector(values).mean();
    values.iter_mut().for_each(|value| *value -= mean);
    let length = vector(values).dot(&vector(values)).sqrt();
    (length.is_finite() && length > ROUNDING * before).then_some(length)
}

fn vector(values: &[f64]) -> DVectorView<'_, f64> {
    DVectorView::from_slice(values, values.len())
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

    #[test]
    fn where_no_row_is_shown_none_has_neighbours() {
        let mut nearest = Nearest::of(Vec::new(), &[]);
        nearest.add(0, &[1.0, 2.0, 4.0]);
        assert!(nearest.finish().is_empty());
    }

    #[test]
    fn a_large_mean_does_not_swallow_the_deviation() {
        let deviations = [[0.5, -0.25, 0.125, 0.0625], [0.25, 0.5, -0.5, 0.1875]];
        let [near, far] = [0.0, 1e6].map(|mean| {
            let rows = deviations.map(|row| row.map(|value| value + mean));
            let asked = rows[0].map(|value| value as f32);
            let mut nearest = Nearest::of(vec![0], &[&asked]);
            nearest.add(1, &rows[1]);
            nearest.finish()[0].1[0].r
        });
        assert!((near - far).abs() < 1e-9, "{near} {far}");
    }
}
