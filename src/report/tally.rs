//! What the rows of a layer are like, taken together: one look at each row, in memory that does not grow with their number.

use crate::report::tally_figures::TallyFigures;
use crate::report::twins::Twins;
use crate::rows::dtype::{Dtype, Kind};
use crate::rows::statistics::{BLOCK, RealAccumulator, Value};

/// Rows and groups of rows that are named.
const NAMED: usize = 20;

/// Counts while rows come by.
pub struct Tally {
    rows: u64,
    is_whole: bool,
    is_single: bool,
    real: RealAccumulator,
    wide: Option<WideExtremes>,
    zeros: u64,
    nan_rows: u64,
    nan_named: Vec<u64>,
    /// The least and the greatest value of each unit: of each number of a row.
    extremes: Vec<(f64, f64)>,
    twins: Twins,
}

/// The extremes of whole numbers of 64 bits, which f64 rounds.
struct WideExtremes {
    decode: fn([u8; 8]) -> i128,
    least: i128,
    greatest: i128,
}

impl WideExtremes {
    /// `None` if f64 has every number of the type.
    fn of(dtype: &Dtype) -> Option<Self> {
        let decode: fn([u8; 8]) -> i128 = match (dtype.kind(), dtype.size()) {
            (Kind::Int, 8) => |bytes| i64::from_le_bytes(bytes).into(),
            (Kind::Uint, 8) => |bytes| u64::from_le_bytes(bytes).into(),
            _ => return None,
        };
        Some(Self {
            decode,
            least: i128::MAX,
            greatest: i128::MIN,
        })
    }

    fn add(&mut self, bytes: &[u8]) {
        for bytes in bytes.as_chunks::<8>().0 {
            let number = (self.decode)(*bytes);
            self.least = self.least.min(number);
            self.greatest = self.greatest.max(number);
        }
    }
}

impl Tally {
    /// A tally of rows of `units` numbers.
    pub fn new(units: usize, dtype: &Dtype) -> Self {
        Self {
            rows: 0,
            is_whole: matches!(dtype.kind(), Kind::Bool | Kind::Int | Kind::Uint),
            is_single: dtype.kind() == Kind::Float && dtype.size() <= 4,
            real: RealAccumulator::default(),
            wide: WideExtremes::of(dtype),
            zeros: 0,
            nan_rows: 0,
            nan_named: Vec::new(),
            extremes: vec![(f64::INFINITY, f64::NEG_INFINITY); units],
            twins: Twins::default(),
        }
    }

    /// Takes a row: its little-endian bytes and its values. The values are of no use afterwards.
    pub fn add(&mut self, row: u64, bytes: &[u8], values: &mut [f64]) {
        self.rows += 1;
        if let Some(wide) = &mut self.wide {
            wide.add(bytes);
        }
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

    pub fn finish(self) -> TallyFigures {
        let constant = |(least, greatest): &&(f64, f64)| self.rows > 1 && least == greatest;
        let constants = || self.extremes.iter().filter(constant);
        let dead = constants().filter(|(value, _)| *value == 0.0).count() as u64;
        let mut stats = self.real.stats(self.is_whole);
        if let (Some(wide), Some(finite)) = (&self.wide, &mut stats.finite) {
            (finite.min, finite.max) = (Value::Int(wide.least), Value::Int(wide.greatest));
        }
        TallyFigures {
            rows: self.rows,
            stats,
            is_single: self.is_single,
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
        let mut tally = Tally::new(3, &Dtype::parse("<f8").unwrap());
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

    #[test]
    fn extremes_are_of_the_numbers_own_kind() {
        let span = |descr: &str, bytes: &[u8], mut values: Vec<f64>| {
            let mut tally = Tally::new(values.len(), &Dtype::parse(descr).unwrap());
            tally.add(0, bytes, &mut values);
            let found = tally.finish();
            let finite = found.stats.finite.unwrap();
            (finite.min, finite.max, found.is_single)
        };
        // 2^53 + 1 is no f64.
        let wide = [9_007_199_254_740_993i64, -1];
        let bytes = wide.map(i64::to_le_bytes).concat();
        let values = wide.map(|value| value as f64).to_vec();
        assert_eq!(
            span("<i8", &bytes, values),
            (Value::Int(-1), Value::Int(wide[0].into()), false)
        );
        assert_eq!(
            span("|b1", &[1, 0], vec![1.0, 0.0]),
            (Value::Int(0), Value::Int(1), false)
        );
        assert_eq!(
            span("<f4", &0.5f32.to_le_bytes(), vec![0.5]),
            (Value::Real(0.5), Value::Real(0.5), true)
        );
    }
}
