//! The rows that are looked at one by one. They are evenly spaced. The more layers there are, the fewer rows are chosen, so
//! that the page stays below 5 MB.

use crate::rows::row_set::RowSet;
use std::collections::BTreeSet;

/// At most this number of layers are shown in full; the others have a line.
const LAYERS: usize = 50;
/// The most and the fewest rows that are compared with each other.
const COMPARED: [f64; 2] = [300.0, 12.0];
/// The most and the fewest rows that are shown.
const SHOWN: [f64; 2] = [24.0, 4.0];
/// Bytes of the page for all matrices and scatters together. A layer's take about `OF_A_PAIR` for each pair of rows and
/// `OF_A_ROW` for each row.
const FOR_MATRICES: f64 = 1.3e6;
const OF_A_PAIR: f64 = 0.75;
const OF_A_ROW: f64 = 165.0;
/// Bytes of the page for all activation maps, and for one.
const FOR_MAPS: f64 = 0.9e6;
const OF_A_MAP: f64 = 1_800.0;

#[derive(Debug, PartialEq, Eq)]
pub struct RowChoice {
    /// Rows that are compared, ascending.
    pub compared: Vec<u64>,
    /// Rows that are shown: some of those that are compared.
    pub shown: Vec<u64>,
}

impl RowChoice {
    /// Chooses from the rows that all layers have.
    pub fn of(done: &RowSet, layers: usize) -> Self {
        let layers = layers.clamp(1, LAYERS) as f64;
        let within = |count: f64, [most, least]: [f64; 2]| count.clamp(least, most) as u64;
        // The rows n for which OF_A_PAIR n² + OF_A_ROW n is what a layer has.
        let root = (OF_A_ROW * OF_A_ROW + 4.0 * OF_A_PAIR * FOR_MATRICES / layers).sqrt();
        let compared = within((root - OF_A_ROW) / (2.0 * OF_A_PAIR), COMPARED);
        let compared = spaced(done.len(), compared);
        let compared: Vec<u64> = compared
            .into_iter()
            .filter_map(|at| nth(done, at))
            .collect();
        let shown = within(FOR_MAPS / layers / OF_A_MAP, SHOWN);
        let shown = spaced(compared.len() as u64, shown);
        Self {
            shown: shown.into_iter().map(|at| compared[at as usize]).collect(),
            compared,
        }
    }
}

/// The layers that are shown in full, of `count`.
pub fn layers_in_full(count: usize) -> BTreeSet<u64> {
    spaced(count as u64, LAYERS as u64)
}

/// `count` of `0..length`, both ends among them.
fn spaced(length: u64, count: u64) -> BTreeSet<u64> {
    let count = count.min(length);
    let place = |at: u64| match count {
        1 => 0,
        _ => (u128::from(at) * u128::from(length - 1) / u128::from(count - 1)) as u64,
    };
    (0..count).map(place).collect()
}

fn nth(rows: &RowSet, mut at: u64) -> Option<u64> {
    for range in rows.ranges() {
        let length = range.end - range.start;
        if at < length {
            return Some(range.start + at);
        }
        at -= length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_evenly_spaced_over_what_is_done() {
        let done: RowSet = [0..10, 100..110].into_iter().collect();
        let chosen = RowChoice::of(&done, 1);
        assert_eq!(chosen.compared.len(), 20);
        assert_eq!((chosen.shown[0], chosen.shown[19]), (0, 109));
        let many = RowChoice::of(&RowSet::from(0..1_000_000), 1);
        assert_eq!((many.compared.len(), many.shown.len()), (300, 24));
        assert_eq!(
            (many.compared[0], many.compared[299], many.shown[23]),
            (0, 999_999, 999_999)
        );
        let layers = RowChoice::of(&RowSet::from(0..1_000_000), 400);
        assert_eq!((layers.compared.len(), layers.shown.len()), (106, 10));
        assert!(RowChoice::of(&RowSet::default(), 3).shown.is_empty());
        assert_eq!(RowChoice::of(&RowSet::from(5..6), 3).shown, [5]);
    }
}
