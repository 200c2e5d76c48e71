//! Elements of an array as numbers.

use crate::rows::dtype::Dtype;
use crate::rows::number::Number;
use half::f16;

/// Appends the numbers that little-endian bytes stand for.
pub type Decode = fn(&[u8], &mut Vec<f64>);

/// How elements of this type become numbers; `None` for complex numbers, for what are no numbers, and for long doubles,
/// whose format differs from machine to machine under one name. Whole numbers of 64 bits are rounded.
#[must_use]
pub fn decoder(dtype: &Dtype) -> Option<Decode> {
    dtype.number().map(decoder_of)
}

pub(super) fn decoder_of(number: Number) -> Decode {
    match number {
        Number::Bool => |bytes, into| each(bytes, into, |[b]: [u8; 1]| f64::from(u8::from(b != 0))),
        Number::I8 => |bytes, into| each(bytes, into, |b| f64::from(i8::from_le_bytes(b))),
        Number::I16 => |bytes, into| each(bytes, into, |b| f64::from(i16::from_le_bytes(b))),
        Number::I32 => |bytes, into| each(bytes, into, |b| f64::from(i32::from_le_bytes(b))),
        Number::I64 => |bytes, into| each(bytes, into, |b| i64::from_le_bytes(b) as f64),
        Number::U8 => |bytes, into| each(bytes, into, |[b]: [u8; 1]| f64::from(b)),
        Number::U16 => |bytes, into| each(bytes, into, |b| f64::from(u16::from_le_bytes(b))),
        Number::U32 => |bytes, into| each(bytes, into, |b| f64::from(u32::from_le_bytes(b))),
        Number::U64 => |bytes, into| each(bytes, into, |b| u64::from_le_bytes(b) as f64),
        Number::F16 => |bytes, into| each(bytes, into, |b| f16::from_le_bytes(b).to_f64()),
        Number::F32 => |bytes, into| each(bytes, into, |b| f64::from(f32::from_le_bytes(b))),
        Number::F64 => |bytes, into| each(bytes, into, f64::from_le_bytes),
    }
}

fn each<const N: usize>(bytes: &[u8], into: &mut Vec<f64>, decode: impl Fn([u8; N]) -> f64) {
    let (numbers, _) = bytes.as_chunks::<N>();
    into.extend(numbers.iter().map(|number| decode(*number)));
}
