//! The filters of Pillow's `Resample.c`, and what PyTorch has in place of them where it does without antialiasing.

use crate::images::resize::geometry::Axis;
use crate::images::resize::method::{Interpolation, Method, Resampler};
use std::f64::consts::PI;
use std::ops::Range;

impl Interpolation {
    /// Half the filter's width, in pixels of the coarser image.
    fn radius(self) -> f64 {
        match self {
            Self::Nearest | Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    pub fn weight(self, x: f64) -> f64 {
        match self {
            Self::Nearest | Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => triangle(x.abs()),
            Self::Bicubic => cubic(x.abs(), -0.5),
            Self::Lanczos => lanczos(x),
            Self::Hamming => hamming(x.abs()),
        }
    }
}

fn triangle(x: f64) -> f64 {
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

/// Keys' cubic convolution.
fn cubic(x: f64, a: f64) -> f64 {
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
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

fn hamming(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else if x >= 1.0 {
        0.0
    } else {
        let x = x * PI;
        x.sin() / x * (0.54 + 0.46 * x.cos())
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
pub struct Filter {
    /// Input pixels per output pixel.
    step: f64,
    /// How much wider than on the input it is.
    pub scale: f64,
    /// Half its width, in input pixels.
    pub support: f64,
    input: usize,
}

impl Filter {
    pub fn new(axis: &Axis, method: Method) -> Self {
        let input = match method.resampler {
            Resampler::Pillow => f64::from(axis.input as f32), // a C `float`, which rounds above 2^24
            _ => axis.input as f64,
        };
        let step = input / axis.output as f64;
        let scale = step.max(1.0);
        Self {
            step,
            scale,
            support: method.interpolation.radius() * scale,
            input: axis.input,
        }
    }

    pub fn centre(&self, index: usize) -> f64 {
        (index as f64 + 0.5) * self.step
    }

    pub fn taps(&self, index: usize) -> Range<usize> {
        let centre = self.centre(index);
        let end = ((centre + self.support + 0.5) as usize).min(self.input);
        ((centre - self.support + 0.5).max(0.0) as usize).min(end)..end
    }
}

/// The input pixels that the kept ones of `axis`, one at least, are made of; also where its size does not change.
pub fn reach(axis: &Axis, method: Method) -> Range<usize> {
    let filter = Filter::new(axis, method);
    let last = axis.first + axis.kept - 1;
    filter.taps(axis.first).start..filter.taps(last).end
}

/// PyTorch without antialiasing: the two or four pixels around the place, those outside the image added to its edge.
pub fn neighbours(
    filter: &Filter,
    index: usize,
    interpolation: Interpolation,
    weights: &mut Vec<f64>,
) -> Range<usize> {
    let radius = interpolation.radius() as i64;
    let place = filter.centre(index) - 0.5;
    let place = match interpolation {
        Interpolation::Bicubic => place,
        _ => place.max(0.0),
    };
    let whole = place.floor();
    let beyond = place - whole;
    let edge = filter.input as i64 - 1;
    let first = whole as i64 - radius + 1;
    let start = first.clamp(0, edge);
    let end = (first + 2 * radius).clamp(1, edge + 1);
    weights.clear();
    weights.resize((end - start) as usize, 0.0);
    for tap in 0..2 * radius {
        let distance = (tap + 1 - radius) as f64 - beyond;
        let weight = match interpolation {
            Interpolation::Bicubic => cubic(distance.abs(), -0.75),
            _ => triangle(distance.abs()),
        };
        weights[((first + tap).clamp(start, end - 1) - start) as usize] += weight;
    }
    start as usize..end as usize
}
