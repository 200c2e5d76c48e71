//! [`crate::images::resize::passes`] in AVX2, with the same bits.
//!
//! `vpmaddwd` multiplies 16-bit numbers and adds neighbours, but a weight `w` has up to 24 bits. So it is cut in two,
//! `w = high * 2^9 + low` with `0 <= low < 2^9`, and each half is summed on its own over taps in pairs. All sums wrap
//! modulo 2^32, where `(sum of high * value) * 2^9 + (sum of low * value)` is the sum of `w * value` exactly.

use crate::images::raster::{SLACK, View, ViewMut};
use crate::images::resize::taps::{PRECISION_BITS, Taps};
use std::arch::x86_64::*;

const LOW_BITS: i32 = 9;
const HALF: i32 = 1 << (PRECISION_BITS - 1);
const SHIFT: i32 = PRECISION_BITS as i32;

/// Whether this processor runs AVX2.
pub fn available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// As [`crate::images::resize::passes::horizontal`].
///
/// # Panics
/// Without AVX2, or where a view is smaller than what the taps reach.
pub fn horizontal(from: View<'_>, rows: usize, taps: &Taps, to: ViewMut<'_>) {
    assert!(available());
    let columns = Columns::new(taps);
    for y in 0..rows {
        let source = &from.bytes[y * from.stride..];
        assert!(source.len() >= columns.last_load + LOAD);
        let made = &mut to.bytes[y * to.stride..][..taps.len() * 3];
        // SAFETY: AVX2 is there; every load begins by `last_load`, as just asserted.
        unsafe { horizontal_row(source, &columns, made) };
    }
}

/// Bytes of one load: four pixels, and a little.
const LOAD: usize = 16;

// The last load begins up to a pixel after the last tap's; the slack is for what it takes beyond.
const _: () = assert!(LOAD <= SLACK);

/// The weights of four taps of two pixels that are made at once, one in each half of a register, as 16-bit numbers: for
/// taps 0 and 1, then 2 and 3, (w0, w1) for R, G, B and nothing.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Weights {
    low: [[i16; 16]; 2],
    high: [[i16; 16]; 2],
}

/// What makes a row: pairs of pixels, each of `groups` steps of four taps.
struct Columns {
    /// Where the two loads of each step begin, bytes.
    loads: Vec<[usize; 2]>,
    weights: Vec<Weights>,
    groups: usize,
    last_load: usize,
}

impl Columns {
    /// Pixels are filled up to a multiple of four, taps to one of four each, with weights of zero.
    fn new(taps: &Taps) -> Self {
        let longest = (0..taps.len()).map(|index| taps.get(index).1.len()).max();
        let groups = longest.unwrap_or(0).div_ceil(4);
        let last_load = taps.span().end * 3;
        let pixel = |index: usize| match index < taps.len() {
            true => taps.get(index),
            false => (0, &[][..]),
        };
        let (mut loads, mut weights) = (Vec::new(), Vec::new());
        for first in (0..taps.len().next_multiple_of(4)).step_by(2) {
            let both = [pixel(first), pixel(first + 1)];
            for tap in (0..groups).map(|group| group * 4) {
                // Bytes without a weight may have any value.
                loads.push(both.map(|(start, _)| ((start + tap) * 3).min(last_load)));
                let weight = |pair: usize, i: usize| {
                    let place = i % 8;
                    let index = tap + pair * 2 + place % 2;
                    let weight = both[i / 8].1.get(index).copied().unwrap_or(0);
                    if place < 6 { weight } else { 0 }
                };
                weights.push(Weights {
                    low: [0, 1].map(|pair| std::array::from_fn(|i| low(weight(pair, i)))),
                    high: [0, 1].map(|pair| std::array::from_fn(|i| high(weight(pair, i)))),
                });
            }
        }
        Self {
            loads,
            weights,
            groups,
            last_load,
        }
    }
}

fn low(weight: i32) -> i16 {
    (weight & ((1 << LOW_BITS) - 1)) as i16
}

fn high(weight: i32) -> i16 {
    (weight >> LOW_BITS) as i16
}

/// # Safety
/// AVX2; `source` has [`LOAD`] bytes wherever a load of `columns` begins.
#[target_feature(enable = "avx2")]
unsafe fn horizontal_row(source: &[u8], columns: &Columns, made: &mut [u8]) {
    // Of each half the R, G, B and nothing of its pixel, four pixels, to 12 bytes.
    let tight = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    let steps = columns.groups * 2;
    let loads = columns.loads.chunks_exact(steps);
    let weights = columns.weights.chunks_exact(steps);
    for ((loads, weights), pixels) in loads.zip(weights).zip(made.chunks_mut(12)) {
        let (loads, more_loads) = loads.split_at(columns.groups);
        let (weights, more_weights) = weights.split_at(columns.groups);
        // SAFETY: the caller's.
        let (first, second) = unsafe {
            (
                two_pixels(source, loads, weights),
                two_pixels(source, more_loads, more_weights),
            )
        };
        let words = _mm256_packs_epi32(first, second);
        let bytes = _mm256_packus_epi16(words, words);
        let odd = _mm256_extracti128_si256(bytes, 1);
        let four = _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), odd);
        let four = _mm_shuffle_epi8(four, tight);
        if let Some(pixels) = pixels.first_chunk_mut::<12>() {
            // SAFETY: twelve bytes, 8 and 4.
            unsafe { _mm_storel_epi64(pixels.as_mut_ptr().cast(), four) };
            pixels[8..].copy_from_slice(&_mm_extract_epi32(four, 2).to_le_bytes());
        } else {
            let mut whole = [0; LOAD];
            // SAFETY: as long as the register.
            unsafe { _mm_storeu_si128(whole.as_mut_ptr().cast(), four) };
            pixels.copy_from_slice(&whole[..pixels.len()]);
        }
    }
}

/// The rounded sums of two pixels, one in each half: R, G, B and nothing, 32 bits each.
///
/// # Safety
/// As [`horizontal_row`].
#[target_feature(enable = "avx2")]
unsafe fn two_pixels(source: &[u8], loads: &[[usize; 2]], weights: &[Weights]) -> __m256i {
    // The bytes of two taps as 16-bit numbers: (R, R), (G, G), (B, B) and nothing.
    let orders = [
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1),
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1),
    ]
    .map(|order| _mm256_broadcastsi128_si256(order));
    let (mut lows, mut highs) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for (at, weights) in loads.iter().zip(weights) {
        // SAFETY: the caller's.
        let bytes = unsafe {
            _mm256_loadu2_m128i(
                source.as_ptr().add(at[1]).cast(),
                source.as_ptr().add(at[0]).cast(),
            )
        };
        for (pair, order) in orders.iter().enumerate() {
            let values = _mm256_shuffle_epi8(bytes, *order);
            // SAFETY: both are 32 bytes long and aligned to them.
            let (low, high) = unsafe {
                (
                    _mm256_load_si256(weights.low[pair].as_ptr().cast()),
                    _mm256_load_si256(weights.high[pair].as_ptr().cast()),
                )
            };
            lows = _mm256_add_epi32(lows, _mm256_madd_epi16(values, low));
            highs = _mm256_add_epi32(highs, _mm256_madd_epi16(values, high));
        }
    }
    let sums = _mm256_add_epi32(_mm256_slli_epi32(highs, LOW_BITS), lows);
    _mm256_srai_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(HALF)), SHIFT)
}

/// As [`crate::images::resize::passes::vertical`].
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
