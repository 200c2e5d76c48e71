//! [`super::passes`] in AVX2, with the same bits.
//!
//! `vpmaddwd` multiplies 16-bit numbers and adds neighbours, but a weight `w` has up to 24 bits. So it is cut in two,
//! `w = high * 2^9 + low` with `0 <= low < 2^9`, and each half is summed on its own over taps in pairs. All sums wrap
//! modulo 2^32, where `(sum of high * value) * 2^9 + (sum of low * value)` is the sum of `w * value` exactly.

use super::filter::{PRECISION_BITS, Taps};
use super::raster::{SLACK, View, ViewMut};
use std::arch::x86_64::*;

const LOW_BITS: i32 = 9;
const HALF: i32 = 1 << (PRECISION_BITS - 1);
const SHIFT: i32 = PRECISION_BITS as i32;

/// Whether this processor runs AVX2.
pub fn available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// As [`super::passes::horizontal`].
///
/// # Panics
/// Without AVX2, or where a view is smaller than what the taps reach.
pub fn horizontal(from: View<'_>, rows: usize, taps: &Taps, to: ViewMut<'_>) {
    assert!(available());
    let weights = columns(taps);
    // The last load begins up to three pixels after the last tap and is 16 bytes long; the slack is for that.
    let reach = taps.span().end * 3 + SLACK;
    for y in 0..rows {
        let source = &from.bytes[y * from.stride..];
        assert!(source.len() >= reach);
        let made = &mut to.bytes[y * to.stride..][..taps.len() * 3];
        // SAFETY: AVX2 is there; `source` is readable as far as the taps reach, as just asserted.
        unsafe { horizontal_row(source, taps, &weights, made) };
    }
}

/// The weights of four taps of one column: for each half, low and high, eight numbers of 16 bits as the registers have
/// them, (w0, w1) for R, G, B and nothing, then (w2, w3).
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Quad {
    low: [i16; 16],
    high: [i16; 16],
}

fn columns(taps: &Taps) -> Vec<Quad> {
    let mut quads = Vec::new();
    for index in 0..taps.len() {
        for four in taps.get(index).1.chunks(4) {
            let weight = |i: usize| four.get(i).copied().unwrap_or(0);
            let place = |i: usize| weight(i / 8 * 2 + i % 2);
            quads.push(Quad {
                low: std::array::from_fn(|i| low(place(i))),
                high: std::array::from_fn(|i| high(place(i))),
            });
        }
    }
    quads
}

fn low(weight: i32) -> i16 {
    (weight & ((1 << LOW_BITS) - 1)) as i16
}

fn high(weight: i32) -> i16 {
    (weight >> LOW_BITS) as i16
}

/// # Safety
/// AVX2; `source` has [`SLACK`] bytes after the last tap.
#[target_feature(enable = "avx2")]
unsafe fn horizontal_row(source: &[u8], taps: &Taps, quads: &[Quad], made: &mut [u8]) {
    let order = _mm_setr_epi8(0, 3, 1, 4, 2, 5, -1, -1, 6, 9, 7, 10, 8, 11, -1, -1);
    let mut quads = quads.iter();
    for (index, pixel) in made.chunks_exact_mut(3).enumerate() {
        let (start, weights) = taps.get(index);
        let (mut lows, mut highs) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for (four, quad) in (0..weights.len().div_ceil(4)).zip(quads.by_ref()) {
            // SAFETY: the caller's; the group begins at a tap, so that it ends within the slack.
            let bytes =
                unsafe { _mm_loadu_si128(source.as_ptr().add((start + four * 4) * 3).cast()) };
            let values = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(bytes, order));
            // SAFETY: both are 32 bytes long and aligned to them.
            let (low, high) = unsafe {
                (
                    _mm256_load_si256(quad.low.as_ptr().cast()),
                    _mm256_load_si256(quad.high.as_ptr().cast()),
                )
            };
            lows = _mm256_add_epi32(lows, _mm256_madd_epi16(values, low));
            highs = _mm256_add_epi32(highs, _mm256_madd_epi16(values, high));
        }
        let sums = _mm256_add_epi32(_mm256_slli_epi32(highs, LOW_BITS), lows);
        let sums = _mm_add_epi32(
            _mm256_castsi256_si128(sums),
            _mm256_extracti128_si256(sums, 1),
        );
        let rounded = _mm_srai_epi32(_mm_add_epi32(sums, _mm_set1_epi32(HALF)), SHIFT);
        let words = _mm_packs_epi32(rounded, rounded);
        let clipped = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
        pixel.copy_from_slice(&clipped.to_le_bytes()[..3]);
    }
}

/// As [`super::passes::vertical`].
///
/// # Panics
/// Without AVX2, or where a view is smaller than what the taps reach.
pub fn vertical(from: View<'_>, bytes: usize, taps: &Taps, to: ViewMut<'_>) {
    assert!(available());
    for y in 0..taps.len() {
        let (start, weights) = taps.get(y);
        let source = &from.bytes[start * from.stride..];
        assert!(source.len() >= (weights.len() - 1) * from.stride + bytes);
        // SAFETY: AVX2 is there; all rows of the taps are `bytes` long, as just asserted.
        unsafe {
            vertical_row(
                source,
                from.stride,
                weights,
                &mut to.bytes[y * to.stride..][..bytes],
            )
        };
    }
}

/// # Safety
/// AVX2; `source` holds a row as long as `made` for each weight.
#[target_feature(enable = "avx2")]
unsafe fn vertical_row(source: &[u8], stride: usize, weights: &[i32], made: &mut [u8]) {
    let whole = made.len() / 16 * 16;
    for at in (0..whole).step_by(16) {
        // SAFETY: the caller's, and 16 bytes from `at` are within the row.
        let values = unsafe { vertical_16(source.as_ptr().add(at), stride, weights) };
        // SAFETY: as above, of the row that is made.
        unsafe { _mm_storeu_si128(made.as_mut_ptr().add(at).cast(), values) };
    }
    for (at, value) in made.iter_mut().enumerate().skip(whole) {
        let sum = weights.iter().enumerate().fold(HALF, |sum, (tap, weight)| {
            sum.wrapping_add(i32::from(source[tap * stride + at]).wrapping_mul(*weight))
        });
        *value = (sum >> SHIFT).clamp(0, 255) as u8;
    }
}

/// # Safety
/// AVX2; 16 bytes are readable at each of `source + tap * stride`.
#[target_feature(enable = "avx2")]
unsafe fn vertical_16(source: *const u8, stride: usize, weights: &[i32]) -> __m128i {
    let zero = _mm256_setzero_si256();
    let (mut low_a, mut high_a, mut low_b, mut high_b) = (zero, zero, zero, zero);
    for (pair, both) in weights.chunks(2).enumerate() {
        // SAFETY: the caller's; a last tap without a partner is taken twice, the second time with no weight.
        let (above, below) = unsafe {
            let row = source.add(pair * 2 * stride);
            let next = row.add((both.len() - 1) * stride);
            (_mm_loadu_si128(row.cast()), _mm_loadu_si128(next.cast()))
        };
        let first = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(above, below));
        let second = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(above, below));
        let partner = if both.len() == 2 { both[1] } else { 0 };
        let low = _mm256_set1_epi32(i32::from(low(both[0])) | i32::from(low(partner)) << 16);
        let high =
            _mm256_set1_epi32(i32::from(high(both[0]) as u16) | i32::from(high(partner)) << 16);
        low_a = _mm256_add_epi32(low_a, _mm256_madd_epi16(first, low));
        high_a = _mm256_add_epi32(high_a, _mm256_madd_epi16(first, high));
        low_b = _mm256_add_epi32(low_b, _mm256_madd_epi16(second, low));
        high_b = _mm256_add_epi32(high_b, _mm256_madd_epi16(second, high));
    }
    let half = _mm256_set1_epi32(HALF);
    let rounded = |low, high| {
        let sums = _mm256_add_epi32(_mm256_slli_epi32(high, LOW_BITS), low);
        _mm256_srai_epi32(_mm256_add_epi32(sums, half), SHIFT)
    };
    let words = _mm256_packs_epi32(rounded(low_a, high_a), rounded(low_b, high_b));
    // Packing works within halves: words 0..4 and 8..12, then 4..8 and 12..16.
    let words = _mm256_permute4x64_epi64(words, 0b11_01_10_00);
    _mm_packus_epi16(
        _mm256_castsi256_si128(words),
        _mm256_extracti128_si256(words, 1),
    )
}
