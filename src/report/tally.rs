//! What the rows of a layer are like, taken together: one look at each row, in memory that does not grow with their number.

use crate::report::twins::{Groups, Twins};
use crate::rows::statistics::{BLOCK, Real, Stats};

/// Rows and groups of rows that are named.
const NAMED: usize = 20;

/// Counts while rows come by.
pub struct Tally {
    rows: u64,
    real: Real,
    zeros: u64,
    nan_rows: u64,
    nan_named: Vec<u64>,
    /// The least and the greatest value of each unit: of each number of a row.
    extremes: Vec<(f64, f64)>,
    twins: Twins,
}

/// What was counted.
#[derive(Debug)]
pub struct Tallied {
    pub rows: u64,
    pub stats: Stats,
    /// Values that are 0.
    pub zeros: u64,
    /// Rows with a NaN, and some of them.
    pub nan_rows: u64,
    pub nan_named: Vec<u64>,
    pub units: u64,
    /// Units that are 0 in every row.
    pub dead: u64,
    /// Units of one other value in every row.
    pub constant: u64,
    pub twins: Groups,
}

impl Tally {
    /// Of rows of so many numbers.
    pub fn new(units: usize) -> Self {
        Self {
            rows: 0,
            real: Real::default(),
            zeros: 0,
            nan_rows: 0,
            nan_named: Vec::new(),
            extremes: vec![(f64::INFINITY, f64::NEG_INFINITY); units],
            twins: Twins::default(),
        }
    }

    /// Takes a row: its bytes, and its values, which are of no use then.
    pub fn add(&mut self, row: u64, bytes: &[u8], values: &mut [f64]) {
        self.rows += 1;
        if values.iter().any(|value| value.is_nan()) {
            self.nan_rows += 1;
            if self.nan_named.len() < NAMED {
                self.nan_named.push(row);
            }
        } else {
            self.twins.add(row, bytes);
        }
        self.zeros += values.iter().filter(|value| **value == 0.0).count() as u64;
        for ((least, greatest), &value) in self.extremes.iter_mut().zip(values.iter()) {
            // False for NaN.
            if value < *least {
                *least = value;
            }
            if value > *greatest {
                *greatest = value;
            }
        }
        values
            .chunks_mut(BLOCK)
            .for_each(|block| self.real.add(block));
    }

    pub fn finish(self) -> Tallied {
        let constant = |(least, greatest): &&(f64, f64)| self.rows > 1 && least == greatest;
        let constants = || self.extremes.iter().filter(constant);
        let dead = constants().filter(|(value, _)| *value == 0.0).count() as u64;
        Tallied {
            rows: self.rows,
            stats: self.real.stats(false),
            zeros: self.zeros,
            nan_rows: self.nan_rows,
            nan_named: self.nan_named,
            units: self.extremes.len() as u64,
            dead,
            constant: constants().count() as u64 - dead,
            twins: self.twins.groups(NAMED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_units_nan_rows_and_twins_are_counted() {
        let mut tally = Tally::new(3);
        for (row, values) in [
            [0.0, 5.0, 1.0],
            [0.0, 5.0, 2.0],
            [f64::NAN, 5.0, 2.0],
            [0.0, 5.0, 1.0],
        ]
        .iter()
        .enumerate()
        {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value: &f64| value.to_le_bytes())
                .collect();
            tally.add(row as u64, &bytes, &mut values.clone());
        }
        let found = tally.finish();
        assert_eq!((found.rows, found.zeros, found.units), (4, 3, 3));
        assert_eq!((found.dead, found.constant), (1, 1));
        assert_eq!((found.nan_rows, &found.nan_named[..]), (1, &[2][..]));
        assert_eq!(
            (found.twins.again, &found.twins.largest[0][..]),
            (1, &[0, 3][..])
        );
    }
}
