//! What a tally of a layer's rows ends in.

use crate::report::twins::Groups;
use crate::rows::statistics::{Stats, Value};

/// What was counted.
#[derive(Debug)]
pub struct TallyFigures {
    pub rows: u64,
    /// Figures in the numbers' own kind: extremes of whole numbers are whole.
    pub stats: Stats,
    /// Numbers are f32 or f16.
    pub is_single: bool,
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

impl TallyFigures {
    /// The least and the greatest finite value.
    pub fn span(&self) -> Option<(f64, f64)> {
        let number = |value: Value| match value {
            Value::Int(value) => value as f64,
            Value::Real(value) | Value::Complex(value, _) => value,
        };
        let finite = self.stats.finite?;
        Some((number(finite.min), number(finite.max)))
    }
}
