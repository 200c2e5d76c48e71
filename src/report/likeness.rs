//! How alike rows are: their dissimilarities, 1 − Pearson's r, and their first two principal components.
//!
//! Each follows from the products of all pairs of rows, which are summed up over some numbers of the rows at a time. First,
//! what the rows have in common, their own mean or their mean row, is taken from them: a difference of large products would
//! not show small deviations.

use crate::report::nearest::ROUNDING;
use nalgebra::{DMatrix, SymmetricEigen};

/// Numbers of all rows that are multiplied at once.
const AT_ONCE: usize = 1024;

#[derive(Debug)]
pub struct Likeness {
    /// The rows that are compared, by their place among those that were given: all their numbers are finite.
    pub rows: Vec<usize>,
    /// The dissimilarity of each pair, row after row, from 0 to 2. NaN for a row that is constant but for rounding.
    pub dissimilarity: DMatrix<f64>,
    /// The first two principal components of each row, as `sklearn.decomposition.PCA` gives them, but for the sign: the
    /// largest is positive.
    pub components: Vec<[f64; 2]>,
    /// The share of the variance that each of them has.
    pub explained: [f64; 2],
}

impl Likeness {
    /// The likeness of rows of equal length. `None` if fewer than three are finite.
    pub fn of(given: &[Vec<f32>]) -> Option<Self> {
        let finite = |place: &usize| given[*place].iter().all(|value| value.is_finite());
        let rows: Vec<usize> = (0..given.len()).filter(finite).collect();
        let taken: Vec<&[f32]> = rows.iter().map(|&place| given[place].as_slice()).collect();
        let length = taken.first()?.len();
        if rows.len() < 3 || length < 2 {
            return None;
        }
        let (components, explained) = components(products(&taken, less_mean_row));
        Some(Self {
            dissimilarity: dissimilarity(&taken),
            rows,
            components,
            explained,
        })
    }
}

/// The product of every pair of rows, summed over some numbers of all rows at a time: a matrix with one column per row,
/// from which `centre` takes something first.
fn products(rows: &[&[f32]], centre: impl Fn(&mut DMatrix<f64>)) -> DMatrix<f64> {
    let mut products: DMatrix<f64> = DMatrix::zeros(rows.len(), rows.len());
    let length = rows[0].len();
    for start in (0..length).step_by(AT_ONCE) {
        let some = AT_ONCE.min(length - start);
        let mut part =
            DMatrix::from_fn(some, rows.len(), |at, row| f64::from(rows[row][start + at]));
        centre(&mut part);
        for a in 0..rows.len() {
            for b in 0..=a {
                products[(a, b)] += part.column(a).dot(&part.column(b));
            }
        }
    }
    products.fill_upper_triangle_with_lower_triangle();
    products
}

/// The first row goes before the mean of what is left, so that of equal rows nothing is left, not even rounding.
fn less_mean_row(part: &mut DMatrix<f64>) {
    let first = part.column(0).into_owned();
    part.column_iter_mut().for_each(|mut row| row -= &first);
    let mean = part.column_mean();
    part.column_iter_mut().for_each(|mut row| row -= &mean);
}

fn dissimilarity(rows: &[&[f32]]) -> DMatrix<f64> {
    let length = rows[0].len() as f64;
    let mean = |row: &&[f32]| row.iter().map(|value| f64::from(*value)).sum::<f64>() / length;
    let means: Vec<f64> = rows.iter().map(mean).collect();
    let products = products(rows, |part| {
        for (mut row, mean) in part.column_iter_mut().zip(&means) {
            row.add_scalar_mut(-mean);
        }
    });
    let is_constant = |row: usize| {
        let square = products[(row, row)];
        square <= ROUNDING * ROUNDING * (square + length * means[row] * means[row])
    };
    let constant: Vec<bool> = (0..rows.len()).map(is_constant).collect();
    DMatrix::from_fn(rows.len(), rows.len(), |a, b| {
        match (a == b, constant[a] || constant[b]) {
            (_, true) => f64::NAN,
            (true, _) => 0.0,
            _ => {
                let r = products[(a, b)] / (products[(a, a)] * products[(b, b)]).sqrt();
                (1.0 - r).clamp(0.0, 2.0)
            }
        }
    })
}

/// From the products of rows less their mean row.
fn components(products: DMatrix<f64>) -> (Vec<[f64; 2]>, [f64; 2]) {
    let count = products.nrows();
    let total = products.trace();
    let eigen = SymmetricEigen::new(products);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let axis = |place: usize| -> Vec<f64> {
        let vector = eigen.eigenvectors.column(order[place]);
        let largest = vector[vector.iamax()];
        let length = eigen.eigenvalues[order[place]].max(0.0).sqrt() * largest.signum();
        vector.iter().map(|value| value * length).collect()
    };
    let share = |place: usize| match total > 0.0 {
        true => eigen.eigenvalues[order[place]].max(0.0) / total,
        false => 0.0,
    };
    let (first, second) = (axis(0), axis(1));
    let pairs = first.into_iter().zip(second).map(|(a, b)| [a, b]);
    (pairs.collect(), [share(0), share(1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_on_a_line_have_one_component() {
        let rows = [
            [0.0, 0.0, 1.0],
            [1.0, 2.0, 1.0],
            [2.0, 4.0, 1.0],
            [f32::NAN, 0.0, 0.0],
        ];
        let found = Likeness::of(&rows.map(Vec::from)).unwrap();
        assert_eq!(found.rows, [0, 1, 2]);
        assert!((found.explained[0] - 1.0).abs() < 1e-12);
        let root = 5f64.sqrt();
        for (found, wanted) in found.components.iter().zip([-root, 0.0, root]) {
            assert!((found[0].abs() - wanted.abs()).abs() < 1e-6, "{found:?}");
        }
        // numpy.corrcoef([0, 0, 1], [1, 2, 1]) is -0.5.
        assert!((found.dissimilarity[(0, 1)] - 1.5).abs() < 1e-12);
        assert_eq!(found.dissimilarity[(1, 1)], 0.0);
        let same = [[1.0, 1.0], [1.0, 2.0], [2.0, 1.0]].map(Vec::from);
        assert!(Likeness::of(&same).unwrap().dissimilarity[(0, 1)].is_nan());
    }

    #[test]
    fn a_large_mean_does_not_swallow_the_deviation() {
        let near: [[f32; 6]; 4] = [
            [0.5, -0.25, 0.125, 0.0625, -0.5, 0.3125],
            [0.25, 0.5, -0.5, 0.1875, 0.0, -0.4375],
            [-0.5, 0.25, 0.375, -0.125, 0.4375, 0.0],
            [0.5, -0.3125, 0.125, 0.0, -0.4375, 0.25],
        ];
        // Each number is an f32.
        let far = near.map(|row| row.map(|value| value + 1e6));
        let [near, far] = [near, far].map(|rows| Likeness::of(&rows.map(Vec::from)).unwrap());
        let most = (near.dissimilarity - far.dissimilarity).abs().max();
        assert!(most < 1e-9, "{most}");
        for (near, far) in near.components.iter().zip(&far.components) {
            assert!((near[0] - far[0]).abs() < 1e-6, "{near:?} {far:?}");
            assert!((near[1] - far[1]).abs() < 1e-6, "{near:?} {far:?}");
        }
        assert!((near.explained[0] - far.explained[0]).abs() < 1e-9);
    }

    #[test]
    fn equal_rows_have_no_components_and_rounding_is_no_deviation() {
        let rows = [[0.1, 0.3, 0.7]; 3].map(Vec::from);
        let found = Likeness::of(&rows).unwrap();
        assert_eq!((found.explained, found.components[2]), ([0.0; 2], [0.0; 2]));
        assert!(
            found
                .dissimilarity
                .iter()
                .all(|value| (0.0..1e-12).contains(value))
        );
        let mut rows = rows.to_vec();
        rows[0] = vec![1.0, 1.0 + f32::EPSILON, 1.0];
        assert!(Likeness::of(&rows).unwrap().dissimilarity[(0, 1)].is_nan());
    }
}
