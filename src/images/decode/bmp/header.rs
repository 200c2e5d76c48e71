//! The header of a BMP, in its seven lengths: `BmpImageFile._bitmap`.

use crate::images::decode::bytes::Bytes;
use crate::images::decode::raw::Raw;
use crate::images::image_error::{ImageError, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Rle8,
    Rle4,
    Bitfields,
}

#[derive(Debug)]
pub struct Header {
    /// Its own length in bytes.
    size: u32,
    pub width: u32,
    pub height: u64,
    pub top_down: bool,
    pub bits: u16,
    pub compression: Compression,
    /// Entries of the palette.
    pub colours: u64,
    pub palette_entry_bytes: usize,
    /// Red, green, blue, alpha.
    masks: [u32; 4],
}

impl Header {
    /// # Errors
    /// A length or a compression that Pillow does not know, or a header that is cut.
    pub fn read(bytes: &mut Bytes<'_>) -> Result<Self> {
        let size = bytes.u32_le()?;
        let rest = bytes.take((size as usize).saturating_sub(4))?;
        let mut fields = Bytes::new(rest, 0);
        match size {
            12 => Self::read_core(size, &mut fields),
            40 | 52 | 56 | 64 | 108 | 124 => Self::read_info(size, rest, bytes),
            _ => Err(ImageError::Unsupported("BMP header of this length")),
        }
    }

    fn read_core(size: u32, fields: &mut Bytes<'_>) -> Result<Self> {
        let (width, height) = (fields.u16_le()?.into(), fields.u16_le()?.into());
        fields.u16_le()?;
        let bits = fields.u16_le()?;
        Ok(Self {
            size,
            width,
            height,
            top_down: false,
            bits,
            compression: Compression::None,
            colours: colours(0, bits),
            palette_entry_bytes: 3,
            masks: [0; 4],
        })
    }

    fn read_info(size: u32, rest: &[u8], after: &mut Bytes<'_>) -> Result<Self> {
        let mut fields = Bytes::new(rest, 0);
        let (width, height) = (fields.u32_le()?, fields.u32_le()?);
        // A negative height: the rows go down. Pillow looks at the highest byte alone.
        let top_down = height >> 24 == 0xff;
        fields.u16_le()?;
        let bits = fields.u16_le()?;
        let compression = match fields.u32_le()? {
            0 => Compression::None,
            1 => Compression::Rle8,
            2 => Compression::Rle4,
            3 => Compression::Bitfields,
            _ => return Err(ImageError::Unsupported("BMP compression")),
        };
        fields.take(12)?;
        let colours = colours(fields.u32_le()?, bits);
        let masks = match compression {
            Compression::Bitfields => read_masks(rest, after)?,
            _ => [0; 4],
        };
        let height = if top_down {
            (1 << 32) - u64::from(height)
        } else {
            u64::from(height)
        };
        Ok(Self {
            size,
            width,
            height,
            top_down,
            bits,
            compression,
            colours,
            palette_entry_bytes: 4,
            masks,
        })
    }

    /// Bits of an index into the palette. `None` if pixels are colours themselves.
    pub fn index_bits(&self) -> Option<usize> {
        matches!(self.bits, 1 | 4 | 8).then_some(usize::from(self.bits))
    }

    /// The format of rows of colours.
    ///
    /// # Errors
    /// Bits or masks that Pillow does not know.
    pub fn direct_format(&self) -> Result<Raw> {
        let of = |bytes, rgb| Ok(Raw::Bytes { bytes, rgb });
        if self.compression != Compression::Bitfields {
            return match self.bits {
                16 => Ok(Raw::Bgr15),
                24 => of(3, [2, 1, 0]),
                32 => of(4, [2, 1, 0]),
                _ => Err(ImageError::Unsupported(
                    "BMP of this number of bits a pixel",
                )),
            };
        }
        match (self.bits, self.masks) {
            (16, [0xf800, 0x7e0, 0x1f, _]) => Ok(Raw::Bgr16),
            (16, [0x7c00, 0x3e0, 0x1f, _]) => Ok(Raw::Bgr15),
            (24, [0xff0000, 0xff00, 0xff, _]) => of(3, [2, 1, 0]),
            (32, [0xff0000, 0xff00, 0xff, 0 | 0xff000000] | [0, 0, 0, 0]) => of(4, [2, 1, 0]),
            (32, [0xff000000, 0xff0000, 0xff00, 0 | 0xff]) => of(4, [3, 2, 1]),
            (32, [0xff000000, 0xff00, 0xff, 0 | 0xff0000]) => of(4, [3, 1, 0]),
            (32, [0xff, 0xff00, 0xff0000, 0xff000000]) => of(4, [0, 1, 2]),
            _ => Err(ImageError::Unsupported("BMP with these bit fields")),
        }
    }

    /// Where the pixels begin: as the file header states (0 where it does not), or after what was read.
    pub fn pixel_offset(&self, stated: usize, read: usize) -> usize {
        if stated == 0 {
            read
        } else if stated == 14 + self.size as usize && self.bits <= 8 {
            stated + self.palette_entry_bytes * self.colours as usize
        } else {
            stated
        }
    }
}

fn colours(stated: u32, bits: u16) -> u64 {
    if stated == 0 {
        1u64.checked_shl(bits.into()).unwrap_or(u64::MAX)
    } else {
        u64::from(stated)
    }
}

/// In a header of 40 bytes the masks, without alpha, follow it; a longer one contains them.
fn read_masks(rest: &[u8], after: &mut Bytes<'_>) -> Result<[u32; 4]> {
    let mut masks = [0; 4];
    if rest.len() < 48 {
        for mask in &mut masks[..3] {
            *mask = after.u32_le()?;
        }
        return Ok(masks);
    }
    let mut inside = Bytes::new(rest, 36);
    let count = if rest.len() < 52 { 3 } else { 4 };
    for mask in &mut masks[..count] {
        *mask = inside.u32_le()?;
    }
    Ok(masks)
}
