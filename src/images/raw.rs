//! Rows of samples as they lie in files, to RGB: the unpackers of Pillow's `Unpack.c` followed by `convert("RGB")`.

use super::colour::{self, Palette};

/// A row format, named as Pillow's raw modes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw {
    /// One sample a pixel of 1, 2, 4 or 8 bits, grey.
    Grey {
        bits: usize,
        order: BitOrder,
        inverted: bool,
    },
    /// The same, index into a palette.
    Index { bits: usize, order: BitOrder },
    /// A byte a pixel; all but 0 is white.
    Bilevel8,
    /// `bytes` a pixel, of which those at the offsets of `rgb` are R, G, B.
    Bytes { bytes: usize, rgb: [usize; 3] },
    /// Cyan, magenta, yellow, black and `extra` more bytes.
    Cmyk { extra: usize },
    /// 16 bits little endian, five a colour, the lowest blue.
    Bgr15,
    /// The same with six for green.
    Bgr16,
    /// One number a pixel, clipped to 0..=255 and truncated.
    Number(Number),
}

/// Which end of a byte the first pixel is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOrder {
    HighFirst,
    LowFirst,
}

/// A wide grey sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    pub kind: Kind,
    pub big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    U16,
    I16,
    U32,
    I32,
    F32,
    F64,
    I8,
}

impl Raw {
    pub const GREY: Self = Self::Grey {
        bits: 8,
        order: BitOrder::HighFirst,
        inverted: false,
    };
    pub const INDEX: Self = Self::Index {
        bits: 8,
        order: BitOrder::HighFirst,
    };
    pub const RGB: Self = Self::Bytes {
        bytes: 3,
        rgb: [0, 1, 2],
    };

    pub fn bits_per_pixel(self) -> usize {
        match self {
            Self::Grey { bits, .. } | Self::Index { bits, .. } => bits,
            Self::Bilevel8 => 8,
            Self::Bytes { bytes, .. } => bytes * 8,
            Self::Cmyk { extra } => (4 + extra) * 8,
            Self::Bgr15 | Self::Bgr16 => 16,
            Self::Number(number) => number.bytes() * 8,
        }
    }

    /// Bytes of a row of so many pixels.
    pub fn row_bytes(self, pixels: usize) -> usize {
        (pixels * self.bits_per_pixel()).div_ceil(8)
    }

    /// Expands a row, [`Raw::row_bytes`] long, to R, G, B.
    pub fn unpack(self, row: &[u8], palette: &Palette, rgb: &mut [u8]) {
        match self {
            Self::RGB => rgb.copy_from_slice(&row[..rgb.len()]),
            Self::GREY => colour::grey(row, rgb),
            Self::Grey {
                bits,
                order,
                inverted,
            } => {
                let white = 255 / ((1u16 << bits) - 1) as u8;
                let flip = if inverted { 255 } else { 0 };
                each_packed(row, bits, order, rgb, |v| [v * white ^ flip; 3]);
            }
            Self::Index { bits, order } => {
                each_packed(row, bits, order, rgb, |v| palette.colour(v))
            }
            Self::Bilevel8 => each(row, 1, rgb, |s| [if s[0] == 0 { 0 } else { 255 }; 3]),
            Self::Bytes {
                bytes,
                rgb: [r, g, b],
            } => each(row, bytes, rgb, |s| [s[r], s[g], s[b]]),
            Self::Cmyk { extra } => each(row, 4 + extra, rgb, |s| {
                colour::cmyk([s[0], s[1], s[2], s[3]])
            }),
            Self::Bgr15 => each(row, 2, rgb, |s| {
                [scaled(s, 10, 5), scaled(s, 5, 5), scaled(s, 0, 5)]
            }),
            Self::Bgr16 => each(row, 2, rgb, |s| {
                [scaled(s, 11, 5), scaled(s, 5, 6), scaled(s, 0, 5)]
            }),
            Self::Number(number) => each(row, number.bytes(), rgb, |s| [number.clipped(s); 3]),
        }
    }
}

impl Number {
    fn bytes(self) -> usize {
        match self.kind {
            Kind::I8 => 1,
            Kind::U16 | Kind::I16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    /// Pillow takes every integer through 32 signed bits, every float through 32.
    fn clipped(self, sample: &[u8]) -> u8 {
        let mut bits = 0u64;
        for i in 0..sample.len() {
            let byte = if self.big_endian {
                sample[i]
            } else {
                sample[sample.len() - 1 - i]
            };
            bits = bits << 8 | u64::from(byte);
        }
        match self.kind {
            Kind::U16 => (bits as i32).clamp(0, 255) as u8,
            Kind::I16 => i32::from(bits as i16).clamp(0, 255) as u8,
            Kind::I8 => i32::from(bits as i8).clamp(0, 255) as u8,
            Kind::U32 | Kind::I32 => (bits as i32).clamp(0, 255) as u8,
            Kind::F32 => f32::from_bits(bits as u32).clamp(0.0, 255.0) as u8,
            Kind::F64 => (f64::from_bits(bits) as f32).clamp(0.0, 255.0) as u8,
        }
    }
}

/// `bits` bits of a little-endian pixel from `shift` on, stretched to 0..=255.
fn scaled(pixel: &[u8], shift: u32, bits: u32) -> u8 {
    let mask = (1u32 << bits) - 1;
    let value = u32::from(u16::from_le_bytes([pixel[0], pixel[1]])) >> shift & mask;
    (value * 255 / mask) as u8
}

fn each(row: &[u8], bytes: usize, rgb: &mut [u8], colour: impl Fn(&[u8]) -> [u8; 3]) {
    for (pixel, samples) in rgb.chunks_exact_mut(3).zip(row.chunks_exact(bytes)) {
        pixel.copy_from_slice(&colour(samples));
    }
}

fn each_packed(
    row: &[u8],
    bits: usize,
    order: BitOrder,
    rgb: &mut [u8],
    colour: impl Fn(u8) -> [u8; 3],
) {
    let mask = ((1u16 << bits) - 1) as u8;
    for (x, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let bit = x * bits;
        let shift = match order {
            BitOrder::HighFirst => 8 - bits - bit % 8,
            BitOrder::LowFirst => bit % 8,
        };
        pixel.copy_from_slice(&colour(row[bit / 8] >> shift & mask));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(raw: Raw, row: &[u8], pixels: usize) -> Vec<u8> {
        let mut rgb = vec![9; pixels * 3];
        assert!(row.len() >= raw.row_bytes(pixels));
        raw.unpack(row, &Palette::rgb(&[1, 2, 3, 4, 5, 6]).unwrap(), &mut rgb);
        rgb
    }

    #[test]
    fn grey_of_every_depth() {
        let grey = |bits, order, inverted| Raw::Grey {
            bits,
            order,
            inverted,
        };
        assert_eq!(
            unpacked(grey(1, BitOrder::HighFirst, false), &[0b1000_0000], 2),
            [255, 255, 255, 0, 0, 0]
        );
        assert_eq!(
            unpacked(grey(1, BitOrder::LowFirst, true), &[1], 2),
            [0, 0, 0, 255, 255, 255]
        );
        assert_eq!(
            unpacked(grey(2, BitOrder::HighFirst, false), &[0b0110_0000], 2)[..4],
            [0x55, 0x55, 0x55, 0xaa]
        );
        assert_eq!(
            unpacked(grey(4, BitOrder::HighFirst, false), &[0x3f], 2)[..4],
            [0x33, 0x33, 0x33, 255]
        );
        assert_eq!(
            unpacked(grey(8, BitOrder::HighFirst, true), &[3], 1),
            [252; 3]
        );
    }

    #[test]
    fn numbers_are_clipped() {
        let number = |kind, big_endian, bytes: &[u8]| Number { kind, big_endian }.clipped(bytes);
        assert_eq!(number(Kind::U16, true, &[0, 7]), 7);
        assert_eq!(number(Kind::U16, false, &[0, 7]), 255);
        assert_eq!(number(Kind::I16, true, &[0xff, 7]), 0);
        assert_eq!(number(Kind::I32, false, &[9, 0, 0, 0]), 9);
        assert_eq!(number(Kind::U32, false, &[9, 0, 0, 0x80]), 0);
        assert_eq!(number(Kind::F32, false, &3.9f32.to_le_bytes()), 3);
        assert_eq!(number(Kind::F32, false, &f32::NAN.to_le_bytes()), 0);
        assert_eq!(number(Kind::F64, true, &1e300f64.to_be_bytes()), 255);
    }

    #[test]
    fn missing_palette_entries_are_black() {
        let raw = Raw::Index {
            bits: 4,
            order: BitOrder::HighFirst,
        };
        assert_eq!(unpacked(raw, &[0x01, 0x20], 3), [1, 2, 3, 4, 5, 6, 0, 0, 0]);
    }

    #[test]
    fn five_and_six_bits_are_stretched() {
        assert_eq!(
            unpacked(Raw::Bgr16, &0xf81fu16.to_le_bytes(), 1),
            [255, 0, 255]
        );
        assert_eq!(
            unpacked(Raw::Bgr15, &0x03e1u16.to_le_bytes(), 1),
            [0, 255, 8]
        );
    }
}
