//! The two passes of Pillow's resampling on 8-bit pixels: `ImagingResampleHorizontal_8bpc` and
//! `ImagingResampleVertical_8bpc`. Every sum is exact in 32-bit integers, so its order is free and the vector code
//! gives the same bits.

use crate::images::raster::{View, ViewMut};
use crate::images::resize::taps::{PRECISION_BITS, Taps};

const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Makes `taps.len()` pixels of each of the first `rows` rows.
pub fn horizontal(from: View<'_>, rows: usize, taps: &Taps, to: ViewMut<'_>) {
    #[cfg(target_arch = "x86_64")]
    if crate::images::resize::passes_avx2::available() {
        return crate::images::resize::passes_avx2::horizontal(from, rows, taps, to);
    }
    horizontal_scalar(from, rows, taps, to);
}

/// Makes `taps.len()` rows of the first `bytes` bytes of each row.
pub fn vertical(from: View<'_>, bytes: usize, taps: &Taps, to: ViewMut<'_>) {
    #[cfg(target_arch = "x86_64")]
    if crate::images::resize::passes_avx2::available() {
        return crate::images::resize::passes_avx2::vertical(from, bytes, taps, to);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::raster::Raster;
    use crate::images::resize::geometry::Axis;
    use crate::images::resize::{Interpolation, Method};

    /// Values that are often extreme, without a dependency on a generator.
    fn noise(width: usize, height: usize) -> Raster {
        let mut raster = Raster::default();
        raster.reset(width, height);
        let mut state = 1u32;
        for value in raster.pixels_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = [0, 255, (state >> 24) as u8, (state >> 16) as u8][(state >> 8) as usize % 4];
        }
        raster
    }

    fn taps(input: usize, output: usize, interpolation: Interpolation) -> Taps {
        let mut taps = Taps::default();
        taps.compute(
            &Axis {
                input,
                output,
                first: 0,
                kept: output,
                padding: 0,
                side: output,
            },
            Method {
                interpolation,
                ..Method::default()
            },
        );
        taps
    }

    #[test]
    fn vector_and_scalar_code_give_the_same_bits() {
        for interpolation in [
            Interpolation::Bilinear,
            Interpolation::Bicubic,
            Interpolation::Lanczos,
        ] {
            for (input, output) in [
                (1, 1),
                (1, 7),
                (2, 3),
                (7, 1),
                (31, 30),
                (100, 17),
                (17, 100),
                (700, 3),
            ] {
                let taps = taps(input, output, interpolation);
                let (wide, tall) = (noise(input, 5), noise(13, input));
                let (mut fast, mut slow) = (Raster::default(), Raster::default());
                fast.reset(output, 5);
                slow.reset(output, 5);
                horizontal(wide.view(0, 0), 5, &taps, fast.view_mut());
                horizontal_scalar(wide.view(0, 0), 5, &taps, slow.view_mut());
                assert_eq!(
                    fast.pixels(),
                    slow.pixels(),
                    "{interpolation:?} {input} to {output} wide"
                );
                fast.reset(13, output);
                slow.reset(13, output);
                vertical(tall.view(0, 0), 39, &taps, fast.view_mut());
                vertical_scalar(tall.view(0, 0), 39, &taps, slow.view_mut());
                assert_eq!(
                    fast.pixels(),
                    slow.pixels(),
                    "{interpolation:?} {input} to {output} tall"
                );
            }
        }
    }
}
