//! What an array's values are like.
//!
//! Minimum, maximum, mean and standard deviation are those of the finite values. Every block's mean and squared
//! deviations are computed in two passes over the block, then merged by Chan, Golub and LeVeque, "Updating Formulae and
//! a Pairwise Algorithm for Computing Sample Variances" (1979), so no large mean swallows a small deviation.

/// Elements whose mean and deviation are taken together; small enough for the first-level cache.
pub const BLOCK: usize = 1024;

/// A figure in the array's own kind, so that 64-bit integers stay exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Int(i128),
    Real(f64),
    Complex(f64, f64),
}

/// The finite values of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FiniteStats {
    pub count: u64,
    /// The least and greatest value; of complex numbers, the least and greatest absolute value.
    pub min: Value,
    pub max: Value,
    pub mean: Value,
    /// The standard deviation of the population, as `numpy.std`; of complex numbers, that of |x - mean|.
    pub std: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// As `numpy.isnan` and `numpy.isinf` count: a complex number with one NaN and one infinite half is both.
    pub nan: u64,
    pub infinite: u64,
    /// `None` where there is no finite value.
    pub finite: Option<FiniteStats>,
}

/// Count, mean and sum of squared deviations.
#[derive(Clone, Copy, Default)]
pub struct MeanStd {
    pub count: u64,
    pub mean: f64,
    squares: f64,
}

impl MeanStd {
    pub fn add(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        let count = values.len() as f64;
        let mean = sum(values, |x| x) / count;
        // The sum of huge numbers may overflow where their mean does not.
        let mean = if mean.is_finite() {
            mean
        } else {
            sum(values, |x| x / count)
        };
        let squares = sum(values, |x| (x - mean) * (x - mean));
        let before = self.count as f64;
        self.count += values.len() as u64;
        let delta = mean - self.mean;
        self.mean += delta * (count / self.count as f64);
        self.squares += squares + delta * delta * (before * count / self.count as f64);
    }

    pub fn std(&self) -> f64 {
        (self.squares / self.count as f64).sqrt()
    }
}

fn sum(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    strands(values, 0.0, |sum, value| sum + f(value), |a, b| a + b)
}

/// A fold in eight strands. That is quicker than one strand, and sums are more exact.
fn strands(
    values: &[f64],
    start: f64,
    fold: impl Fn(f64, f64) -> f64,
    join: impl Fn(f64, f64) -> f64,
) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut strands = [start; 8];
    for eight in eights {
        for (strand, &value) in strands.iter_mut().zip(eight) {
            *strand = fold(*strand, value);
        }
    }
    let rest = rest
        .iter()
        .fold(start, |strand, &value| fold(strand, value));
    strands.into_iter().fold(rest, join)
}

/// The lesser of two finite numbers. This is one instruction; `f64::min`, which looks for NaN, is not.
fn lesser(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

fn greater(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// Real numbers, whatever their size in the file.
pub struct RealAccumulator {
    nan: u64,
    infinite: u64,
    min: f64,
    max: f64,
    mean_std: MeanStd,
}

impl Default for RealAccumulator {
    fn default() -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Self {
            nan: 0,
            infinite: 0,
            min,
            max,
            mean_std: MeanStd::default(),
        }
    }
}

impl RealAccumulator {
    pub fn add(&mut self, values: &mut [f64]) {
        let finite = self.keep_finite(values);
        self.min = strands(finite, self.min, lesser, lesser);
        self.max = strands(finite, self.max, greater, greater);
        self.mean_std.add(finite);
    }

    /// Moves the finite values to the front and counts the others.
    fn keep_finite<'a>(&mut self, values: &'a mut [f64]) -> &'a [f64] {
        // Nearly every block is finite throughout: one pass without branches tells.
        if values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
        {
            return values;
        }
        let mut kept = 0;
        for i in 0..values.len() {
            let value = values[i];
            self.nan += u64::from(value.is_nan());
            self.infinite += u64::from(value.is_infinite());
            values[kept] = value;
            kept += usize::from(value.is_finite());
        }
        &values[..kept]
    }

    /// `whole`: the array's numbers are whole, and so are its extremes.
    pub fn stats(&self, whole: bool) -> Stats {
        let value = |x: f64| {
            if whole {
                Value::Int(x as i128)
            } else {
                Value::Real(x)
            }
        };
        let finite = (self.mean_std.count > 0).then(|| FiniteStats {
            count: self.mean_std.count,
            min: value(self.min),
            max: value(self.max),
            mean: Value::Real(self.mean_std.mean),
            std: self.mean_std.std(),
        });
        Stats {
            nan: self.nan,
            infinite: self.infinite,
            finite,
        }
    }
}

/// Complex numbers, as pairs of f64.
#[derive(Default)]
pub struct ComplexAccumulator {
    nan: u64,
    infinite: u64,
    absolute: RealAccumulator,
    re: MeanStd,
    im: MeanStd,
}

impl ComplexAccumulator {
    pub fn add(&mut self, values: impl Iterator<Item = (f64, f64)>) {
        let (mut re, mut im) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        for (r, i) in values {
            self.nan += u64::from(r.is_nan() || i.is_nan());
            self.infinite += u64::from(r.is_infinite() || i.is_infinite());
            if r.is_finite() && i.is_finite() {
                re.push(r);
                im.push(i);
            }
        }
        self.re.add(&re);
        self.im.add(&im);
        let mut absolute: Vec<f64> = re.iter().zip(&im).map(|(r, i)| modulus(*r, *i)).collect();
        self.absolute.add(&mut absolute);
    }

    pub fn stats(&self) -> Stats {
        let finite = (self.re.count > 0).then(|| FiniteStats {
            count: self.re.count,
            min: Value::Real(self.absolute.min),
            max: Value::Real(self.absolute.max),
            mean: Value::Complex(self.re.mean, self.im.mean),
            std: ((self.re.squares + self.im.squares) / self.re.count as f64).sqrt(),
        });
        Stats {
            nan: self.nan,
            infinite: self.infinite,
            finite,
        }
    }
}

/// `hypot`, which is slow, only where the squares would overflow or vanish.
fn modulus(re: f64, im: f64) -> f64 {
    let square = re * re + im * im;
    if square.is_normal() {
        square.sqrt()
    } else {
        re.hypot(im)
    }
}
