//! How a PNG's samples lie in its rows: `_MODES` of Pillow's `PngImagePlugin.py` and the unpackers it names.

use super::colour::Palette;

/// A colour type and a depth that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    colour: Colour,
    /// Bits a sample.
    depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Grey,
    Rgb,
    Index,
    GreyAlpha,
    Rgba,
}

impl Layout {
    /// From the two bytes of `IHDR`; none where they do not go together.
    pub fn new(colour_type: u8, depth: u8) -> Option<Self> {
        let colour = match (colour_type, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Colour::Grey,
            (2, 8 | 16) => Colour::Rgb,
            (3, 1 | 2 | 4 | 8) => Colour::Index,
            (4, 8 | 16) => Colour::GreyAlpha,
            (6, 8 | 16) => Colour::Rgba,
            _ => return None,
        };
        Some(Self {
            colour,
            depth: usize::from(depth),
        })
    }

    pub fn is_indexed(self) -> bool {
        self.colour == Colour::Index
    }

    /// How long a `tRNS` chunk has to be.
    pub fn transparency_bytes(self) -> usize {
        match self.colour {
            Colour::Grey => 2,
            Colour::Rgb => 6,
            _ => 0,
        }
    }

    pub fn bits_per_pixel(self) -> usize {
        self.samples() * self.depth
    }

    fn samples(self) -> usize {
        match self.colour {
            Colour::Grey | Colour::Index => 1,
            Colour::GreyAlpha => 2,
            Colour::Rgb => 3,
            Colour::Rgba => 4,
        }
    }

    /// Expands a row to RGB. 16-bit grey is clipped, other 16-bit samples lose their low byte, as in Pillow.
    pub fn unpack(self, row: &[u8], palette: &Palette, rgb: &mut [u8]) {
        match (self.colour, self.depth) {
            (Colour::Rgb, 8) => rgb.copy_from_slice(&row[..rgb.len()]),
            (Colour::Grey, 16) => each(row, 2, rgb, |s| [if s[0] == 0 { s[1] } else { 255 }; 3]),
            (Colour::Grey, 8) | (Colour::GreyAlpha, _) => {
                each(row, self.bits_per_pixel() / 8, rgb, |s| [s[0]; 3])
            }
            (Colour::Index, 8) => each(row, 1, rgb, |s| palette.colour(s[0])),
            (Colour::Grey, depth) => {
                let white = 255 / ((1 << depth) - 1) as u8;
                each_packed(row, depth, rgb, |v| [v * white; 3]);
            }
            (Colour::Index, depth) => each_packed(row, depth, rgb, |v| palette.colour(v)),
            (Colour::Rgba, 8) => each(row, 4, rgb, |s| [s[0], s[1], s[2]]),
            (Colour::Rgb | Colour::Rgba, _) => {
                each(row, self.bits_per_pixel() / 8, rgb, |s| [s[0], s[2], s[4]])
            }
        }
    }
}

fn each(row: &[u8], bytes: usize, rgb: &mut [u8], colour: impl Fn(&[u8]) -> [u8; 3]) {
    for (pixel, samples) in rgb.chunks_exact_mut(3).zip(row.chunks_exact(bytes)) {
        pixel.copy_from_slice(&colour(samples));
    }
}

/// Samples of less than a byte, the first in the highest bits.
fn each_packed(row: &[u8], depth: usize, rgb: &mut [u8], colour: impl Fn(u8) -> [u8; 3]) {
    let mask = (1 << depth) - 1;
    for (x, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let bit = x * depth;
        pixel.copy_from_slice(&colour(row[bit / 8] >> (8 - depth - bit % 8) & mask));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(colour_type: u8, depth: u8, row: &[u8], pixels: usize) -> Vec<u8> {
        let mut rgb = vec![0; pixels * 3];
        let palette = Palette::rgb(&[1, 2, 3, 4, 5, 6]).unwrap();
        Layout::new(colour_type, depth)
            .unwrap()
            .unpack(row, &palette, &mut rgb);
        rgb
    }

    #[test]
    fn grey_of_every_depth() {
        assert_eq!(
            unpacked(0, 1, &[0b1010_0000], 3),
            [255, 255, 255, 0, 0, 0, 255, 255, 255]
        );
        assert_eq!(
            unpacked(0, 2, &[0b0110_0000], 2),
            [0x55, 0x55, 0x55, 0xaa, 0xaa, 0xaa]
        );
        assert_eq!(
            unpacked(0, 4, &[0x3f], 2),
            [0x33, 0x33, 0x33, 255, 255, 255]
        );
        assert_eq!(unpacked(0, 16, &[0, 7, 1, 7], 2), [7, 7, 7, 255, 255, 255]);
    }

    #[test]
    fn missing_palette_entries_are_black() {
        assert_eq!(
            unpacked(3, 4, &[0x01, 0x20], 3),
            [1, 2, 3, 4, 5, 6, 0, 0, 0]
        );
    }

    #[test]
    fn alpha_and_low_bytes_are_dropped() {
        assert_eq!(unpacked(4, 16, &[9, 8, 7, 6], 1), [9, 9, 9]);
        assert_eq!(unpacked(6, 16, &[1, 0, 2, 0, 3, 0, 4, 0], 1), [1, 2, 3]);
        assert_eq!(unpacked(6, 8, &[1, 2, 3, 4], 1), [1, 2, 3]);
        assert_eq!(unpacked(2, 16, &[1, 0, 2, 0, 3, 0], 1), [1, 2, 3]);
    }
}
