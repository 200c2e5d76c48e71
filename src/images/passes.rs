//! The two passes of Pillow's resampling on 8-bit pixels: `ImagingResampleHorizontal_8bpc` and
//! `ImagingResampleVertical_8bpc`. Every sum is exact in 32-bit integers, so its order is free and the vector code
//! gives the same bits.

use super::filter::{PRECISION_BITS, Taps};
use super::raster::{View, ViewMut};

const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Makes `taps.len()` pixels of each of the first `rows` rows.
pub fn horizontal(from: View<'_>, rows: usize, taps: &Taps, to: ViewMut<'_>) {
    horizontal_scalar(from, rows, taps, to);
}

/// Makes `taps.len()` rows of the first `bytes` bytes of each row.
pub fn vertical(from: View<'_>, bytes: usize, taps: &Taps, to: ViewMut<'_>) {
    vertical_scalar(from, bytes, taps, to);
}

pub fn horizontal_scalar(from: View<'_>, rows: usize, taps: &Taps, to: ViewMut<'_>) {
    for y in 0..rows {
        let row = &from.bytes[y * from.stride..];
        let made = &mut to.bytes[y * to.stride..][..taps.len() * 3];
        for (x, pixel) in made.chunks_exact_mut(3).enumerate() {
            let (start, weights) = taps.get(x);
            let mut sums = [HALF; 3];
            for (source, &weight) in row[start * 3..].chunks_exact(3).zip(weights) {
                for (sum, &value) in sums.iter_mut().zip(source) {
                    *sum = sum.wrapping_add(i32::from(value).wrapping_mul(weight));
                }
            }
            for (value, sum) in pixel.iter_mut().zip(sums) {
                *value = clip(sum);
            }
        }
    }
}

pub fn vertical_scalar(from: View<'_>, bytes: usize, taps: &Taps, to: ViewMut<'_>) {
    let mut sums = vec![0; bytes];
    for y in 0..taps.len() {
        let (start, weights) = taps.get(y);
        sums.fill(HALF);
        for (row, &weight) in from.bytes[start * from.stride..]
            .chunks(from.stride)
            .zip(weights)
        {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum = sum.wrapping_add(i32::from(value).wrapping_mul(weight));
            }
        }
        for (value, &sum) in to.bytes[y * to.stride..].iter_mut().zip(&sums) {
            *value = clip(sum);
        }
    }
}

/// Pillow's `clip8`.
fn clip(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}
