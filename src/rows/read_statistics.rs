//! Reads an array's values once, in memory that does not grow with it, and hands them on as blocks of f64.

use crate::rows::dtype::{ByteOrder, Kind};
use crate::rows::npy::Header;
use crate::rows::number::Number;
use crate::rows::statistics::{
    BLOCK, ComplexAccumulator, FiniteStats, MeanStd, RealAccumulator, Stats, Value,
};
use crate::rows::values::{Decode, decoder_of};
use anyhow::{Context, Result};
use std::io::Read;

/// Bytes read at once: a multiple of every element's size times [`BLOCK`].
const BUFFER: usize = BLOCK * 16 * 32;

/// Reads the values that stand in `data`, telling `advance` of the bytes read.
///
/// `None` for what are not numbers, and for long doubles, whose format differs from machine to machine under one name.
///
/// # Errors
/// The file cannot be read, or ends early.
pub fn read_stats(
    data: &mut impl Read,
    header: &Header,
    advance: &dyn Fn(u64),
) -> Result<Option<Stats>> {
    let (kind, size) = (header.dtype.kind(), header.dtype.size() as usize);
    let input = Input {
        data,
        left: header.data_bytes(),
        advance,
        number: match kind {
            Kind::Complex => size / 2,
            _ => size,
        },
        swap: header.dtype.order() == ByteOrder::Big,
    };
    let stats = match header.dtype.number() {
        Some(Number::I64) => input.integers(|b| i64::from_le_bytes(b).into()),
        Some(Number::U64) => input.integers(|b| u64::from_le_bytes(b).into()),
        Some(number) => input.reals(decoder_of(number), kind != Kind::Float),
        None => match (kind, size) {
            (Kind::Complex, 8) => input.complexes(|b| f64::from(f32::from_le_bytes(b))),
            (Kind::Complex, 16) => input.complexes(f64::from_le_bytes),
            _ => return Ok(None),
        },
    };
    stats.map(Some).context("cannot read its data")
}

struct Input<'a, R> {
    data: &'a mut R,
    left: u64,
    advance: &'a dyn Fn(u64),
    /// Bytes of a number; a complex one is two.
    number: usize,
    /// Big endian: every number's bytes are turned round.
    swap: bool,
}

impl<R: Read> Input<'_, R> {
    /// Hands over the bytes of all numbers, in blocks of at most [`BLOCK`].
    fn blocks(mut self, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
        let mut buffer = vec![0; BUFFER.min(self.left as usize)];
        while self.left > 0 {
            let chunk = (buffer.len() as u64).min(self.left) as usize;
            let bytes = &mut buffer[..chunk];
            self.data.read_exact(bytes)?;
            if self.swap {
                bytes
                    .chunks_exact_mut(self.number)
                    .for_each(<[u8]>::reverse);
            }
            bytes.chunks(BLOCK * self.number).for_each(&mut take);
            self.left -= chunk as u64;
            (self.advance)(chunk as u64);
        }
        Ok(())
    }

    fn reals(self, decode: Decode, whole: bool) -> std::io::Result<Stats> {
        let mut real = RealAccumulator::default();
        let mut values = Vec::with_capacity(BLOCK);
        self.blocks(|block| {
            values.clear();
            decode(block, &mut values);
            real.add(&mut values);
        })?;
        Ok(real.stats(whole))
    }

    /// 64-bit integers: mean and deviation are those of the exact distances from the first one.
    fn integers(self, decode: impl Fn([u8; 8]) -> i128) -> std::io::Result<Stats> {
        let (mut mean_std, mut range) = (MeanStd::default(), None);
        let mut values = [0.0; BLOCK];
        let mut origin = None;
        self.blocks(|block| {
            let (block, _) = block.as_chunks::<8>();
            let origin = *origin.get_or_insert_with(|| decode(block[0]));
            for (value, bytes) in values.iter_mut().zip(block.iter()) {
                let number = decode(*bytes);
                let (least, greatest) = range.unwrap_or((number, number));
                range = Some((number.min(least), number.max(greatest)));
                *value = (number - origin) as f64;
            }
            mean_std.add(&values[..block.len()]);
        })?;
        let finite = range.map(|(min, max)| FiniteStats {
            count: mean_std.count,
            min: Value::Int(min),
            max: Value::Int(max),
            mean: Value::Real(origin.unwrap_or_default() as f64 + mean_std.mean),
            std: mean_std.std(),
        });
        Ok(Stats {
            finite,
            ..Stats::default()
        })
    }

    fn complexes<const N: usize>(self, decode: impl Fn([u8; N]) -> f64) -> std::io::Result<Stats> {
        let mut complex = ComplexAccumulator::default();
        self.blocks(|block| {
            // Blocks have an even length, for so has the data.
            let (pairs, _) = block.as_chunks::<N>().0.as_chunks::<2>();
            complex.add(pairs.iter().map(|[re, im]| (decode(*re), decode(*im))));
        })?;
        Ok(complex.stats())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::dtype::Dtype;

    fn stats(descr: &str, bytes: &[u8]) -> Stats {
        let dtype = Dtype::parse(descr).unwrap();
        let header = Header::new(dtype.clone(), vec![bytes.len() as u64 / dtype.size()]).unwrap();
        read_stats(&mut &bytes[..], &header, &|_| {})
            .unwrap()
            .unwrap()
    }

    #[test]
    fn a_large_mean_does_not_swallow_the_deviation() {
        let values = (0..100_000u32).map(|i| 1e9 + f64::from(i % 2));
        let bytes: Vec<u8> = values.flat_map(f64::to_be_bytes).collect();
        let finite = stats(">f8", &bytes).finite.unwrap();
        assert_eq!(finite.mean, Value::Real(1e9 + 0.5));
        assert!((finite.std - 0.5).abs() < 1e-9, "{}", finite.std);
    }

    #[test]
    fn whole_numbers_of_64_bits_are_exact() {
        let values = [i64::MIN, i64::MAX, 0];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let finite = stats("<i8", &bytes).finite.unwrap();
        assert_eq!(finite.min, Value::Int(i64::MIN.into()));
        assert_eq!(finite.max, Value::Int(i64::MAX.into()));
    }

    #[test]
    fn what_is_not_finite_is_counted_and_left_out() {
        let values = [f32::NAN, 1.0, f32::INFINITY, 3.0, f32::NEG_INFINITY];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let found = stats("<f4", &bytes);
        assert_eq!((found.nan, found.infinite), (1, 2));
        let finite = found.finite.unwrap();
        assert_eq!(
            (finite.count, finite.mean, finite.std),
            (2, Value::Real(2.0), 1.0)
        );
        assert_eq!(stats("<f4", &f32::NAN.to_le_bytes()).finite, None);
        assert_eq!(stats("<f4", &[]), Stats::default());
    }
}
