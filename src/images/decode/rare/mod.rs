//! PNM, QOI and TGA through the `image` crate, if it gives Pillow's pixels, and icons. If it gives other pixels, the file is
//! refused in words. `scripts/check_formats.py` compares them; `docs/formats.md` has the results.

mod icon;

use crate::images::decode::size::checked_size;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster};
use image::codecs::pnm::PnmDecoder;
use image::codecs::qoi::QoiDecoder;
use image::codecs::tga::TgaDecoder;
use image::{ColorType, ImageDecoder};
use std::io::{Cursor, ErrorKind};

/// Files of version 2 end with it; older ones have none.
const TGA_FOOTER: &[u8] = b"TRUEVISION-XFILE.\0";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pnm,
    Qoi,
    Icon,
    Cursor,
    Tga,
}

impl Kind {
    /// By the first bytes, and of a TGA by the last ones too: its header has no signature.
    pub fn of(data: &[u8]) -> Option<Self> {
        match data {
            [b'P', b'1'..=b'6', after, ..] if is_space(*after) => Some(Self::Pnm),
            [b'q', b'o', b'i', b'f', ..] => Some(Self::Qoi),
            [0, 0, 1, 0, ..] => Some(Self::Icon),
            [0, 0, 2, 0, ..] if icon::is_cursor(data) => Some(Self::Cursor),
            _ if data.ends_with(TGA_FOOTER) || has_tga_header(data) => Some(Self::Tga),
            _ => None,
        }
    }

    /// Whether its first bytes leave no doubt.
    pub fn is_sure(self) -> bool {
        matches!(self, Self::Pnm | Self::Qoi)
    }

    fn broken(self) -> ImageError {
        ImageError::Corrupt(match self {
            Self::Pnm => "broken PNM data",
            Self::Qoi => "broken QOI data",
            Self::Icon | Self::Cursor => "broken icon",
            Self::Tga => "broken TGA data",
        })
    }
}

/// Decodes into `image`.
///
/// # Errors
/// What the crate does not take, and where its pixels are not Pillow's.
pub fn decode(kind: Kind, data: &[u8], image: &mut Raster) -> Result<()> {
    let refused = |error| refusal(kind, error);
    match kind {
        Kind::Pnm => {
            ensure_exact(data)?;
            let decoder = PnmDecoder::new(Cursor::new(data)).map_err(refused)?;
            read(kind, decoder, image)
        }
        Kind::Qoi => {
            let decoder = QoiDecoder::new(Cursor::new(data)).map_err(refused)?;
            read(kind, decoder, image)
        }
        Kind::Tga => {
            ensure_eight_bits(data)?;
            let decoder = TgaDecoder::new(Cursor::new(data)).map_err(refused)?;
            read(kind, decoder, image)
        }
        Kind::Icon => icon::decode_icon(data, image),
        Kind::Cursor => icon::decode_cursor(data, image),
    }
}

/// Samples are scaled from the file's largest value to 255. Pillow rounds halves to even, the crate away from zero; where the
/// largest value is odd there are no halves. The crate scales samples of two bytes in `f32`, which is too coarse, but does
/// not scale those that go up to 65535.
fn ensure_exact(data: &[u8]) -> Result<()> {
    let decoder = PnmDecoder::new(Cursor::new(data)).map_err(|error| refusal(Kind::Pnm, error))?;
    let largest = decoder.into_inner().1.maximal_sample();
    match largest % 2 == 1 && (largest <= 255 || largest == 65_535) {
        true => Ok(()),
        false => Err(ImageError::Unsupported(
            "PNM whose largest value is even, or between 256 and 65534 (pamdepth 255 scales it)",
        )),
    }
}

/// Pillow scales colours of 5 bits in another way than the crate.
fn ensure_eight_bits(data: &[u8]) -> Result<()> {
    let (Some(kind), Some(map_bits), Some(bits)) = (data.get(2), data.get(7), data.get(16)) else {
        return Err(ImageError::Truncated);
    };
    let colour_bits = match kind & 7 {
        1 => map_bits,
        2 => bits,
        _ => return Ok(()),
    };
    match colour_bits {
        24 | 32 => Ok(()),
        _ => Err(ImageError::Unsupported("TGA of 5 bits a colour")),
    }
}

fn read(kind: Kind, decoder: impl ImageDecoder, image: &mut Raster) -> Result<()> {
    let (width, height) = decoder.dimensions();
    let (width, height) = checked_size(u64::from(width), u64::from(height))?;
    let colour = decoder.color_type();
    let sample_bytes = usize::from(colour.bytes_per_pixel());
    // A TGA's indices are in memory beside its colours.
    image.admit(width, height, BYTES + 2 * sample_bytes)?;
    let mut samples = vec![0; width * height * sample_bytes];
    decoder
        .read_image(&mut samples)
        .map_err(|error| refusal(kind, error))?;
    image.reset(width, height);
    let pixels = image.pixels_mut().chunks_exact_mut(3);
    for (rgb, pixel) in pixels.zip(samples.chunks_exact(sample_bytes)) {
        rgb.copy_from_slice(&to_rgb(colour, pixel).ok_or_else(|| kind.broken())?);
    }
    Ok(())
}

/// Pillow's `convert("RGB")` of one pixel: alpha is dropped, 16-bit grey is clipped, 16-bit colours are scaled when they are
/// read. `None` for what no file of these formats has.
fn to_rgb(colour: ColorType, pixel: &[u8]) -> Option<[u8; 3]> {
    let wide = |at: usize| u16::from_ne_bytes([pixel[at], pixel[at + 1]]);
    let scaled = |at: usize| ((u32::from(wide(at)) + 128) / 257) as u8;
    Some(match colour {
        ColorType::L8 | ColorType::La8 => [pixel[0]; 3],
        ColorType::Rgb8 | ColorType::Rgba8 => [pixel[0], pixel[1], pixel[2]],
        ColorType::L16 => [wide(0).min(255) as u8; 3],
        ColorType::Rgb16 => [scaled(0), scaled(2), scaled(4)],
        _ => return None,
    })
}

fn refusal(kind: Kind, error: image::ImageError) -> ImageError {
    match error {
        image::ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageError::Truncated
        }
        image::ImageError::Unsupported(_) => ImageError::Unsupported(match kind {
            Kind::Tga => "TGA of an unusual depth or without colours",
            _ => "an unusual header",
        }),
        _ => kind.broken(),
    }
}

/// Whether every field of the header makes sense: those of the palette are 0 where there is none.
fn has_tga_header(data: &[u8]) -> bool {
    let [_, map, kind, origin @ .., bits, flags] = data.get(..18).unwrap_or_default() else {
        return false;
    };
    let (palette, size) = (&origin[..5], &origin[9..]);
    let is_known = match (map, kind & !8, bits) {
        (0, 2, 24 | 32) | (0, 3, 8 | 16) => palette == [0; 5],
        (1, 1, 8) => matches!(palette[4], 24 | 32),
        _ => false,
    };
    is_known && flags & 0xc0 == 0 && size.chunks_exact(2).all(|side| side != [0, 0])
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_content() {
        assert_eq!(Kind::of(b"P6\n2 2\n255\n"), Some(Kind::Pnm));
        assert_eq!(Kind::of(b"P7\nWIDTH 2\n"), None);
        assert_eq!(Kind::of(b"P6"), None);
        assert_eq!(Kind::of(b"qoif\0"), Some(Kind::Qoi));
        assert_eq!(Kind::of(b"\0\0\x01\0\x01\0"), Some(Kind::Icon));
        assert_eq!(
            Kind::of(b"\0\0\x02\0\0\0TRUEVISION-XFILE.\0"),
            Some(Kind::Tga)
        );
    }

    #[test]
    fn sixteen_bits_to_eight_as_pillow_rounds_them() {
        for value in 0..=u16::MAX {
            let bytes = value.to_ne_bytes();
            let pixel: Vec<u8> = bytes.repeat(3);
            let expected = (f64::from(value) / 65535.0 * 255.0).round_ties_even() as u8;
            assert_eq!(to_rgb(ColorType::Rgb16, &pixel), Some([expected; 3]));
        }
    }
}
