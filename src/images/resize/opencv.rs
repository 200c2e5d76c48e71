//! OpenCV's `cv::resize` with `INTER_LINEAR`, of 8-bit pixels: weights of 11 bits, and sums that lose their low bits before
//! and after the vertical pass (`resize.cpp`: `HResizeLinear`, `VResizeLinear<uchar, int, short, …>`). No antialiasing: of
//! a photo that shrinks to a third, most pixels are not looked at.

use crate::images::raster::{BYTES, Raster, ViewMut};
use crate::images::resize::geometry::Axis;

/// `INTER_RESIZE_COEF_SCALE`.
const ONE: f32 = 2048.0;

/// The two input pixels that an output pixel is made of, and their weights.
#[derive(Debug, Clone, Copy)]
struct Pair {
    first: usize,
    second: usize,
    weights: [i32; 2],
}

/// Writes what the axes keep.
pub fn bilinear(image: &Raster, [x, y]: [&Axis; 2], to: ViewMut<'_>) {
    let columns: Vec<_> = kept(x).map(|index| across(x, index)).collect();
    let mut lines = [Line::default(), Line::default()];
    for (made, index) in to.bytes.chunks_mut(to.stride).zip(kept(y)) {
        let rows = down(y, index);
        if lines[1].row == Some(rows.first) {
            lines.swap(0, 1);
        }
        lines[0].fill(image, rows.first, &columns);
        lines[1].fill(image, rows.second, &columns);
        let [above, below] = rows.weights;
        for (value, sums) in made
            .iter_mut()
            .zip(lines[0].sums.iter().zip(&lines[1].sums))
        {
            let sum = ((above * (sums.0 >> 4)) >> 16) + ((below * (sums.1 >> 4)) >> 16);
            *value = ((sum + 2) >> 2) as u8; // at most 255: the weights sum to 2048
        }
    }
}

/// A row of the image, resized across: sums of 8 bits and a weight's 11.
#[derive(Debug, Default)]
struct Line {
    row: Option<usize>,
    sums: Vec<i32>,
}

impl Line {
    fn fill(&mut self, image: &Raster, row: usize, columns: &[Pair]) {
        if self.row == Some(row) {
            return;
        }
        self.row = Some(row);
        let pixels = image.view(0, row).bytes;
        let pixel = |column: usize| &pixels[column * BYTES..][..BYTES];
        self.sums.clear();
        for pair in columns {
            let [left, right] = pair.weights;
            let values = pixel(pair.first).iter().zip(pixel(pair.second));
            self.sums
                .extend(values.map(|(&a, &b)| i32::from(a) * left + i32::from(b) * right));
        }
    }
}

fn kept(axis: &Axis) -> std::ops::Range<usize> {
    axis.first..axis.first + axis.kept
}

/// The input pixel before the place of an output pixel, maybe -1, and how far beyond it the place is.
fn place(axis: &Axis, index: usize) -> (i64, f32) {
    let scale = 1.0 / (axis.output as f64 / axis.input as f64);
    let place = ((index as f64 + 0.5) * scale - 0.5) as f32;
    (place.floor() as i64, place - place.floor())
}

fn weights(beyond: f32) -> [i32; 2] {
    [1.0 - beyond, beyond].map(|weight| (weight * ONE).round_ties_even() as i32)
}

/// Columns: at the edges the outermost one has all the weight.
fn across(axis: &Axis, index: usize) -> Pair {
    let last = axis.input - 1;
    let (before, beyond) = place(axis, index);
    let first = before.clamp(0, last as i64) as usize;
    let outside = before < 0 || first == last;
    Pair {
        first,
        second: (first + 1).min(last),
        weights: weights(if outside { 0.0 } else { beyond }),
    }
}

/// Rows: at the edges the outermost one is taken twice, with both weights.
fn down(axis: &Axis, index: usize) -> Pair {
    let last = axis.input as i64 - 1;
    let (before, beyond) = place(axis, index);
    Pair {
        first: before.clamp(0, last) as usize,
        second: (before + 1).clamp(0, last) as usize,
        weights: weights(beyond),
    }
}
