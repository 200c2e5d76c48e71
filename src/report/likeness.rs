//! How alike rows are: their dissimilarities, 1 − Pearson's r, and their first two principal components.
//!
//! Both follow from the products of all pairs of rows, which are summed up over some numbers of the rows at a time.

use nalgebra::{DMatrix, SymmetricEigen};

/// Numbers of all rows that are multiplied at once.
const AT_ONCE: usize = 1024;

#[derive(Debug)]
pub struct Likeness {
    /// The rows that are compared, by their place among those that were given: all their numbers are finite.
    pub rows: Vec<usize>,
    /// Of each pair, row after row; NaN beside a row whose numbers are all equal.
    pub dissimilarity: DMatrix<f64>,
    /// The first two principal components of each row, as `sklearn.decomposition.PCA` gives them, but for the sign: the
    /// largest is positive.
    pub components: Vec<[f64; 2]>,
    /// The share of the variance that each of them has.
    pub explained: [f64; 2],
}

impl Likeness {
    /// Of rows of equal length; none where fewer than three are finite.
    pub fn of(given: &[Vec<f32>]) -> Option<Self> {
        let finite = |place: &usize| given[*place].iter().all(|value| value.is_finite());
        let rows: Vec<usize> = (0..given.len()).filter(finite).collect();
        let taken: Vec<&[f32]> = rows.iter().map(|&place| given[place].as_slice()).collect();
        let length = taken.first()?.len();
        if rows.len() < 3 || length < 2 {
            return None;
        }
        let products = products(&taken);
        let (components, explained) = components(&products);
        Some(Self {
            dissimilarity: dissimilarity(&taken, products),
            rows,
            components,
            explained,
        })
    }
}

/// Of every pair of rows.
fn products(rows: &[&[f32]]) -> DMatrix<f64> {
    let mut products = DMatrix::zeros(rows.len(), rows.len());
    let length = rows[0].len();
    for start in (0..length).step_by(AT_ONCE) {
        let some = AT_ONCE.min(length - start);
        let part = DMatrix::from_fn(some, rows.len(), |at, row| f64::from(rows[row][start + at]));
        products.gemm_tr(1.0, &part, &part, 1.0);
    }
    products
}

fn dissimilarity(rows: &[&[f32]], products: DMatrix<f64>) -> DMatrix<f64> {
    let length = rows[0].len() as f64;
    let mean = |row: &&[f32]| row.iter().map(|value| f64::from(*value)).sum::<f64>() / length;
    let means: Vec<f64> = rows.iter().map(mean).collect();
    let product = |a: usize, b: usize| products[(a, b)] - length * means[a] * means[b];
    let is_constant = |row: usize| rows[row].iter().all(|value| *value == rows[row][0]);
    let constant: Vec<bool> = (0..rows.len()).map(is_constant).collect();
    DMatrix::from_fn(rows.len(), rows.len(), |a, b| {
        match (a == b, constant[a] || constant[b]) {
            (_, true) => f64::NAN,
            (true, _) => 0.0,
            _ => 1.0 - product(a, b) / (product(a, a) * product(b, b)).sqrt(),
        }
    })
}

/// Of the rows less their mean row, whose products follow from those of the rows.
fn components(products: &DMatrix<f64>) -> (Vec<[f64; 2]>, [f64; 2]) {
    let count = products.nrows();
    let means = products.row_mean();
    let mean = means.mean();
    let centred = DMatrix::from_fn(count, count, |a, b| {
        products[(a, b)] - means[a] - means[b] + mean
    });
    let total = centred.trace();
    let eigen = SymmetricEigen::new(centred);
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
}
