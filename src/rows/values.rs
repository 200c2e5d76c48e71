//! Elements of an array as numbers.

use crate::rows::dtype::{Dtype, Kind};
use half::f16;

/// Appends the numbers that little-endian bytes stand for.
pub type Decode = fn(&[u8], &mut Vec<f64>);

/// How elements of this type become numbers; `None` for complex numbers, for what are no numbers, and for long doubles,
/// whose format differs from machine to machine under one name. Whole numbers of 64 bits are rounded.
#[must_use]
pub fn decoder(dtype: &Dtype) -> Option<Decode> {
    Some(match (dtype.kind(), dtype.size()) {
        (Kind::Bool, _) => {
            |bytes, into| each(bytes, into, |[b]: [u8; 1]| f64::from(u8::from(b != 0)))
        }
        (Kind::Int, 1) => |bytes, into| each(bytes, into, |b| f64::from(i8::from_le_bytes(b))),
        (Kind::Int, 2) => |bytes, into| each(bytes, into, |b| f64::from(i16::from_le_bytes(b))),
        (Kind::Int, 4) => |bytes, into| each(bytes, into, |b| f64::from(i32::from_le_bytes(b))),
        (Kind::Int, 8) => |bytes, into| each(bytes, into, |b| i64::from_le_bytes(b) as f64),
        (Kind::Uint, 1) => |bytes, into| each(bytes, into, |[b]: [u8; 1]| f64::from(b)),
        (Kind::Uint, 2) => |bytes, into| each(bytes, into, |b| f64::from(u16::from_le_bytes(b))),
        (Kind::Uint, 4) => |bytes, into| each(bytes, into, |b| f64::from(u32::from_le_bytes(b))),
        (Kind::Uint, 8) => |bytes, into| each(bytes, into, |b| u64::from_le_bytes(b) as f64),
        (Kind::Float, 2) => |bytes, into| each(bytes, into, |b| f16::from_le_bytes(b).to_f64()),
        (Kind::Float, 4) => |bytes, into| each(bytes, into, |b| f64::from(f32::from_le_bytes(b))),
        (Kind::Float, 8) => |bytes, into| each(bytes, into, f64::from_le_bytes),
        _ => return None,
    })
}

fn each<const N: usize>(bytes: &[u8], into: &mut Vec<f64>, decode: impl Fn([u8; N]) -> f64) {
    let (numbers, _) = bytes.as_chunks::<N>();
    into.extend(numbers.iter().map(|number| decode(*number)));
}
