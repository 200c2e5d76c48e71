//! The weights of Pillow's resampling: `precompute_coeffs` and `normalize_coeffs_8bpc` of `Resample.c`.

use crate::images::resize::geometry::Axis;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::ops::Range;

/// Bits after the point of a fixed-point weight; 8 are for the pixel, 2 for overshoot and sign.
pub const PRECISION_BITS: u32 = 32 - 8 - 2;

/// How a pixel is made of its neighbours. The names are those of the TOML and of `--interpolation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    Nearest,
    #[default]
    Bilinear,
    Bicubic,
    Lanczos,
}

impl Interpolation {
    /// As the TOML and `--interpolation` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
        }
    }

    /// Half the filter's width, in pixels of the coarser image.
    fn radius(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        match self {
            Self::Nearest => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => triangle(x.abs()),
            Self::Bicubic => cubic(x.abs()),
            Self::Lanczos => lanczos(x),
        }
    }
}

fn triangle(x: f64) -> f64 {
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

/// Keys' cubic convolution with a = -0.5.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) {
        sinc(x) * sinc(x / 3.0)
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (x * PI).sin() / (x * PI)
    }
}

/// Where a filter lies along an axis.
struct Filter {
    /// Input pixels an output pixel.
    step: f64,
    /// How much wider than on the input it is.
    scale: f64,
    /// Half its width, in input pixels.
    support: f64,
    input: usize,
}

impl Filter {
    fn new(axis: &Axis, interpolation: Interpolation) -> Self {
        // Pillow takes the input's side through a C `float`, which rounds above 2^24.
        let step = f64::from(axis.input as f32) / axis.output as f64;
        let scale = step.max(1.0);
        Self {
            step,
            scale,
            support: interpolation.radius() * scale,
            input: axis.input,
        }
    }

    fn centre(&self, index: usize) -> f64 {
        (index as f64 + 0.5) * self.step
    }

    fn taps(&self, index: usize) -> Range<usize> {
        let centre = self.centre(index);
        let end = ((centre + self.support + 0.5) as usize).min(self.input);
        ((centre - self.support + 0.5).max(0.0) as usize).min(end)..end
    }
}

/// The input pixels that those which `axis` keeps are made of, whether or not its size changes.
pub fn reach(axis: &Axis, interpolation: Interpolation) -> Range<usize> {
    let filter = Filter::new(axis, interpolation);
    let last = axis.first + axis.kept - 1;
    filter.taps(axis.first).start..filter.taps(last).end
}

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
    pub fn compute(&mut self, axis: &Axis, interpolation: Interpolation) {
        let filter = Filter::new(axis, interpolation);
        // Whole groups of four: the vector code takes that many weights at once.
        self.stride = (filter.support.ceil() as usize * 2 + 1).next_multiple_of(4);
        self.starts.clear();
        self.lengths.clear();
        self.weights.clear();
        for index in axis.first..axis.first + axis.kept {
            let centre = filter.centre(index);
            let Range { start, end } = filter.taps(index);
            self.push(start, end, |tap| {
                interpolation.weight((tap as f64 - centre + 0.5) * (1.0 / filter.scale))
            });
        }
    }

    fn push(&mut self, start: usize, end: usize, weight: impl Fn(usize) -> f64) {
        self.exact.clear();
        self.exact.extend((start..end).map(weight));
        let sum: f64 = self.exact.iter().fold(0.0, |sum, w| sum + w);
        let row = self.weights.len();
        self.weights.extend(
            self.exact
                .iter()
                .map(|w| fixed_point(if sum == 0.0 { *w } else { w / sum })),
        );
        self.weights.resize(row + self.stride, 0);
        self.starts.push(start);
        self.lengths.push(end - start);
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
fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION_BITS);
    if scaled < 0.0 {
        (scaled - 0.5) as i32
    } else {
        (scaled + 0.5) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(input: usize, output: usize) -> Axis {
        Axis {
            input,
            output,
            first: 0,
            kept: output,
            padding: 0,
        }
    }

    #[test]
    fn halving_takes_four_taps() {
        let mut taps = Taps::default();
        taps.compute(&axis(8, 4), Interpolation::Bilinear);
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
        ] {
            taps.compute(&axis(375, 256), interpolation);
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
        assert_eq!((fixed_point(half), fixed_point(-half)), (1, -1));
    }
}
