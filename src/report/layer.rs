//! What the rows of one layer are like. They are read twice: once to count and to keep some, once to compare all of them
//! with those that were kept.

use crate::report::histogram::Histogram;
use crate::report::likeness::Likeness;
use crate::report::maps::ActivationMap;
use crate::report::nearest::{Nearest, Neighbour};
use crate::report::row_choice::RowChoice;
use crate::report::tally::Tally;
use crate::report::tally_figures::TallyFigures;
use crate::rows::sealed_rows::SealedRows;
use crate::rows::values::{Decode, decoder};
use crate::text::progress::Progress;
use anyhow::Result;
use std::collections::BTreeMap;

/// Rows are compared by at most this number of their numbers: longer rows by every n-th, so that the rows that are kept
/// fit into some 80 MB.
const COMPARED: usize = 65_536;

#[derive(Debug)]
pub struct LayerFigures {
    pub tallied: TallyFigures,
    /// `None` if no value is finite.
    pub histogram: Option<Histogram>,
    /// Rows are compared by every n-th of their numbers.
    pub every: usize,
    pub likeness: Option<Likeness>,
    /// The rows of [`Likeness`], by their place among them.
    pub compared: Vec<u64>,
    /// The nearest rows of each row that is shown.
    pub nearest: Vec<(u64, Vec<Neighbour>)>,
    /// The maps of the rows that are shown, if an activation is (C, H, W).
    pub maps: BTreeMap<u64, ActivationMap>,
}

/// How a layer's rows are read.
struct Reading<'a> {
    sealed: &'a SealedRows,
    decode: Decode,
    progress: &'a Progress,
}

impl Reading<'_> {
    /// Hands over each row: its number, its bytes, its values.
    fn for_each(&self, mut take: impl FnMut(u64, &[u8], &mut Vec<f64>)) -> Result<()> {
        let row_bytes = self.sealed.header.row_bytes() as usize;
        let mut values = Vec::new();
        for range in self.sealed.present_rows().ranges() {
            let at_once = self.sealed.block_rows();
            self.sealed
                .for_each_block(range.clone(), at_once, |rows, bytes| {
                    for (row, bytes) in rows.zip(bytes.chunks_exact(row_bytes)) {
                        values.clear();
                        (self.decode)(bytes, &mut values);
                        take(row, bytes, &mut values);
                    }
                    self.progress.advance(bytes.len() as u64);
                    Ok(())
                })?;
        }
        Ok(())
    }
}

/// Bytes that looking at a layer reads.
pub fn bytes_to_read(sealed: &SealedRows) -> u64 {
    2 * sealed.present_rows().len() * sealed.header.row_bytes()
}

/// `None` if rows are not real numbers, or are empty.
///
/// # Errors
/// A file that cannot be read, is damaged, or changed since it was found.
pub fn look(
    sealed: &SealedRows,
    chosen: &RowChoice,
    progress: &Progress,
) -> Result<Option<LayerFigures>> {
    let units = sealed.header.row_shape().iter().product::<u64>() as usize;
    let (Some(decode), true) = (decoder(&sealed.header.dtype), units > 0) else {
        return Ok(None);
    };
    let reading = Reading {
        sealed,
        decode,
        progress,
    };
    let every = units.div_ceil(COMPARED);
    let map = map_shape(sealed.header.row_shape());
    let mut tally = Tally::new(units, &sealed.header.dtype);
    let (mut kept, mut maps) = (BTreeMap::new(), BTreeMap::new());
    reading.for_each(|row, bytes, values| {
        if chosen.compared.binary_search(&row).is_ok() {
            let some: Vec<f32> = values.iter().step_by(every).map(|v| *v as f32).collect();
            kept.insert(row, some);
        }
        if chosen.shown.binary_search(&row).is_ok()
            && let Some(map) = map.and_then(|size| ActivationMap::strongest(values, size))
        {
            maps.insert(row, map);
        }
        tally.add(row, bytes, values);
    })?;
    let tallied = tally.finish();
    let span = tallied.span();
    let mut histogram = span.map(|(least, greatest)| Histogram::between(least, greatest));
    let shown: Vec<u64> = chosen
        .shown
        .iter()
        .copied()
        .filter(|row| kept.contains_key(row))
        .collect();
    let values: Vec<&[f32]> = shown.iter().map(|row| kept[row].as_slice()).collect();
    let mut nearest = Nearest::of(shown, &values);
    let mut some = Vec::new();
    reading.for_each(|row, _, values| {
        if let Some(histogram) = &mut histogram {
            histogram.add(values);
        }
        some.clear();
        some.extend(values.iter().step_by(every));
        nearest.add(row, &some);
    })?;
    let (compared, kept): (Vec<u64>, Vec<Vec<f32>>) = kept.into_iter().unzip();
    Ok(Some(LayerFigures {
        tallied,
        histogram,
        every,
        likeness: Likeness::of(&kept),
        compared,
        nearest: nearest.finish(),
        maps,
    }))
}

/// Height and width of the channels of an activation (C, H, W).
fn map_shape(row: &[u64]) -> Option<[usize; 2]> {
    match *row {
        [_, height, width] if height > 1 && width > 1 => Some([height as usize, width as usize]),
        _ => None,
    }
}
