//! The weights of resampling: Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` of `Resample.c`, and PyTorch's of
//! 8-bit tensors, `compute_index_ranges_int16_weights` of `UpSampleKernel.cpp`, which are Pillow's with fewer bits.

use crate::images::resize::filter::{Filter, neighbours};
use crate::images::resize::geometry::Axis;
use crate::images::resize::method::{Method, Resampler};
use std::ops::Range;

/// Bits after the point of a fixed-point weight; 8 are for the pixel, 2 for overshoot and sign.
pub const PRECISION_BITS: u32 = 32 - 8 - 2;

/// For each kept index of an axis: the first input pixel it is made of and the weights from there on.
#[derive(Debug, Default)]
pub struct Taps {
    starts: Vec<usize>,
    lengths: Vec<usize>,
    /// `starts.len()` rows of `stride` weights, zero beyond each row's length.
    weights: Vec<i32>,
    stride: usize,
    /// Scratch: one row before rounding.
    exact: Vec<f64>,
}

impl Taps {
    /// Computes the taps of the indices that `axis` keeps, in the buffers of the last call.
    pub fn compute(&mut self, axis: &Axis, method: Method) {
        let filter = Filter::new(axis, method);
        // Whole groups of four: the vector code takes that many weights at once.
        self.stride = (filter.support.ceil() as usize * 2 + 1).next_multiple_of(4);
        self.starts.clear();
        self.lengths.clear();
        self.weights.clear();
        let bits = match method.resampler {
            Resampler::Pillow => PRECISION_BITS,
            _ => self.bits(&filter, axis.output, method),
        };
        for index in axis.first..axis.first + axis.kept {
            let taps = self.weigh(&filter, index, method);
            let row = self.weights.len();
            // Bits that PyTorch does not have are zero: its sums and Pillow's are then the same.
            let weights = self.exact.iter();
            self.weights.extend(
                weights.map(|&weight| fixed_point(weight, bits) << (PRECISION_BITS - bits)),
            );
            self.weights.resize(row + self.stride, 0);
            self.starts.push(taps.start);
            self.lengths.push(taps.len());
        }
    }

    /// Leaves the weights of an index in `self.exact`, and tells which input pixels they are of.
    fn weigh(&mut self, filter: &Filter, index: usize, method: Method) -> Range<usize> {
        if method.resampler == Resampler::Torch {
            return neighbours(filter, index, method.interpolation, &mut self.exact);
        }
        let centre = filter.centre(index);
        let taps = filter.taps(index);
        let weight = |tap| {
            let distance = (tap as f64 - centre + 0.5) * (1.0 / filter.scale);
            method.interpolation.weight(distance)
        };
        self.exact.clear();
        self.exact.extend(taps.clone().map(weight));
        let sum: f64 = self.exact.iter().fold(0.0, |sum, weight| sum + weight);
        if sum != 0.0 {
            self.exact.iter_mut().for_each(|weight| *weight /= sum);
        }
        taps
    }

    /// PyTorch's bits after the point: as many as the axis' largest weight, its uncropped part included, leaves in an `i16`.
    fn bits(&mut self, filter: &Filter, output: usize, method: Method) -> u32 {
        let mut largest = 0.0f64;
        for index in 0..output {
            self.weigh(filter, index, method);
            largest = self.exact.iter().copied().fold(largest, f64::max);
        }
        let fits = |bits: &u32| ((0.5 + largest * f64::from(1 << (bits + 1))) as i64) < 1 << 15;
        (0..PRECISION_BITS).take_while(fits).count() as u32
    }

    /// Counts input pixels from `origin` on: for a pass whose input begins there.
    pub fn shift(&mut self, origin: usize) {
        for start in &mut self.starts {
            *start -= origin;
        }
    }

    /// How many indices the axis keeps.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The first input pixel of the `index`-th kept pixel, and the weights from there on.
    pub fn get(&self, index: usize) -> (usize, &[i32]) {
        let row = index * self.stride;
        (
            self.starts[index],
            &self.weights[row..row + self.lengths[index]],
        )
    }

    /// The input pixels that any kept pixel is made of. Both ends only grow with the index.
    pub fn span(&self) -> Range<usize> {
        let last = self.len() - 1;
        self.starts[0]..self.starts[last] + self.lengths[last]
    }
}

/// Rounds half away from zero.
fn fixed_point(weight: f64, bits: u32) -> i32 {
    let scaled = weight * f64::from(1 << bits);
    if scaled < 0.0 {
        (scaled - 0.5) as i32
    } else {
        (scaled + 0.5) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::resize::Interpolation;

    fn axis(input: usize, output: usize) -> Axis {
        Axis {
            input,
            output,
            first: 0,
            kept: output,
            padding: 0,
            side: output,
        }
    }

    fn pillow(interpolation: Interpolation) -> Method {
        Method {
            interpolation,
            ..Method::default()
        }
    }

    #[test]
    fn halving_takes_four_taps() {
        let mut taps = Taps::default();
        taps.compute(&axis(8, 4), pillow(Interpolation::Bilinear));
        let one = 1 << PRECISION_BITS;
        assert_eq!(
            taps.get(1),
            (1, &[one / 8, one * 3 / 8, one * 3 / 8, one / 8][..])
        );
        assert_eq!(taps.span(), 0..8);
    }

    #[test]
    fn weights_sum_to_one_within_rounding() {
        let mut taps = Taps::default();
        for interpolation in [
            Interpolation::Bilinear,
            Interpolation::Bicubic,
            Interpolation::Lanczos,
            Interpolation::Box,
            Interpolation::Hamming,
        ] {
            taps.compute(&axis(375, 256), pillow(interpolation));
            for index in 0..taps.len() {
                let sum: i32 = taps.get(index).1.iter().sum();
                assert!(
                    (sum - (1 << PRECISION_BITS)).abs() <= 8,
                    "{interpolation:?} {index}: {sum}"
                );
            }
        }
    }

    #[test]
    fn rounds_half_away_from_zero() {
        let half = 0.5 / f64::from(1 << PRECISION_BITS);
        assert_eq!(
            (
                fixed_point(half, PRECISION_BITS),
                fixed_point(-half, PRECISION_BITS)
            ),
            (1, -1)
        );
    }
}
