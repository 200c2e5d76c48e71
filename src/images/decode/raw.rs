//! Rows of samples as they lie in files, to RGB: the unpackers of Pillow's `Unpack.c` followed by `convert("RGB")`.

use crate::images::decode::colour;
use crate::images::decode::palette::Palette;

/// A row format, named as Pillow's raw modes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw {
    /// One sample a pixel of 1, 2, 4 or 8 bits, the first in the highest bits: grey.
    Grey { bits: usize, inverted: bool },
    /// Two pixels in three bytes, the first in the higher bits: grey, clipped.
    Grey12,
    /// As [`Raw::Grey`], an index into a palette, followed by `extra` bytes.
    Index { bits: usize, extra: usize },
    /// A byte a pixel; all but 0 is white.
    Bilevel8,
    /// `bytes` a pixel, of which those at the offsets of `rgb` are R, G, B.
    Bytes { bytes: usize, rgb: [usize; 3] },
    /// The same with the colours multiplied by the byte at `alpha`, which is undone.
    Premultiplied {
        bytes: usize,
        rgb: [usize; 3],
        alpha: usize,
    },
    /// The same with cyan, magenta, yellow and black.
    Cmyk { bytes: usize, inks: [usize; 4] },
    /// Luma and two colour differences.
    YCbCr,
    /// 16 bits little endian, five a colour, the lowest blue.
    Bgr15,
    /// The same with six for green.
    Bgr16,
    /// One number a pixel, clipped to 0..=255 and truncated.
    Number(Number),
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
    I32,
    F32,
}

impl Raw {
    pub const GREY: Self = Self::Grey {
        bits: 8,
        inverted: false,
    };
    pub const INDEX: Self = Self::Index { bits: 8, extra: 0 };
    pub const RGB: Self = Self::Bytes {
        bytes: 3,
        rgb: [0, 1, 2],
    };

    pub fn bits_per_pixel(self) -> usize {
        match self {
            Self::Grey { bits, .. } => bits,
            Self::Grey12 => 12,
            Self::Index { bits, extra } => bits + extra * 8,
            Self::Bilevel8 => 8,
            Self::Bytes { bytes, .. }
            | Self::Premultiplied { bytes, .. }
            | Self::Cmyk { bytes, .. } => bytes * 8,
            Self::YCbCr => 24,
            Self::Bgr15 | Self::Bgr16 => 16,
            Self::Number(number) => number.bytes() * 8,
        }
    }

    /// Bytes of a row of `pixels` pixels.
    pub fn row_bytes(self, pixels: usize) -> usize {
        (pixels * self.bits_per_pixel()).div_ceil(8)
    }

    /// Expands a row, [`Raw::row_bytes`] long, to R, G, B.
    pub fn unpack(self, row: &[u8], palette: &Palette, rgb: &mut [u8]) {
        match self {
            Self::RGB => rgb.copy_from_slice(&row[..rgb.len()]),
            Self::GREY => colour::grey(row, rgb),
            Self::Grey { bits, inverted } => {
                let white = 255 / ((1u16 << bits) - 1) as u8;
                let flip = if inverted { 255 } else { 0 };
                each_packed(row, bits, rgb, |v| [(v * white) ^ flip; 3]);
            }
            Self::Grey12 => unpack_12(row, rgb),
            Self::Index { bits: 8, extra } => each(row, 1 + extra, rgb, |s| palette.colour(s[0])),
            Self::Index { bits, .. } => each_packed(row, bits, rgb, |v| palette.colour(v)),
            Self::Bilevel8 => each(row, 1, rgb, |s| [if s[0] == 0 { 0 } else { 255 }; 3]),
            Self::Bytes { bytes, rgb: order } => each(row, bytes, rgb, |s| order.map(|i| s[i])),
            Self::Premultiplied {
                bytes,
                rgb: order,
                alpha,
            } => {
                each(row, bytes, rgb, |s| {
                    order.map(|i| colour::divided_by_alpha(s[i], s[alpha]))
                });
            }
            Self::Cmyk { bytes, inks } => {
                each(row, bytes, rgb, |s| colour::cmyk(inks.map(|i| s[i])))
            }
            Self::YCbCr => each(row, 3, rgb, |s| colour::ycbcr([s[0], s[1], s[2]])),
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
            Kind::U16 | Kind::I16 => 2,
            Kind::I32 | Kind::F32 => 4,
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
            Kind::I32 => (bits as i32).clamp(0, 255) as u8,
            Kind::F32 => f32::from_bits(bits as u32).clamp(0.0, 255.0) as u8,
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

fn each_packed(row: &[u8], bits: usize, rgb: &mut [u8], colour: impl Fn(u8) -> [u8; 3]) {
    let mask = ((1u16 << bits) - 1) as u8;
    for (x, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let bit = x * bits;
        pixel.copy_from_slice(&colour(row[bit / 8] >> (8 - bits - bit % 8) & mask));
    }
}

fn unpack_12(row: &[u8], rgb: &mut [u8]) {
    for (x, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let at = x / 2 * 3;
        let value = if x % 2 == 0 {
            u16::from(row[at]) << 4 | u16::from(row[at + 1] >> 4)
        } else {
            u16::from(row[at + 1] & 15) << 8 | u16::from(row[at + 2])
        };
        pixel.fill(value.min(255) as u8);
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
        let grey = |bits, inverted| Raw::Grey { bits, inverted };
        assert_eq!(
            unpacked(grey(1, false), &[0b1000_0000], 2),
            [255, 255, 255, 0, 0, 0]
        );
        assert_eq!(
            unpacked(grey(1, true), &[0x80], 2),
            [0, 0, 0, 255, 255, 255]
        );
        assert_eq!(
            unpacked(grey(2, false), &[0b0110_0000], 2)[..4],
            [0x55, 0x55, 0x55, 0xaa]
        );
        assert_eq!(
            unpacked(grey(4, false), &[0x3f], 2)[..4],
            [0x33, 0x33, 0x33, 255]
        );
        assert_eq!(unpacked(grey(8, true), &[3], 1), [252; 3]);
    }

    #[test]
    fn numbers_are_clipped() {
        let number = |kind, big_endian, bytes: &[u8]| Number { kind, big_endian }.clipped(bytes);
        assert_eq!(number(Kind::U16, true, &[0, 7]), 7);
        assert_eq!(number(Kind::U16, false, &[0, 7]), 255);
        assert_eq!(number(Kind::I16, true, &[0xff, 7]), 0);
        assert_eq!(number(Kind::I32, false, &[9, 0, 0, 0]), 9);
        assert_eq!(number(Kind::F32, false, &3.9f32.to_le_bytes()), 3);
        assert_eq!(number(Kind::F32, false, &f32::NAN.to_le_bytes()), 0);
    }

    #[test]
    fn missing_palette_entries_are_black() {
        let raw = Raw::Index { bits: 4, extra: 0 };
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
