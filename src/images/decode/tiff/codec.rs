//! The codecs of TIFF strips and tiles.

use crate::images::decode::jpeg::{self, Colours};
use crate::images::decode::tiff::directory::{Directory, tag};
use crate::images::decode::tiff::lzw;
use crate::images::decode::tiff::setup::Setup;
use crate::images::image_error::{ImageError, Result};
use fax::decoder;
use flate2::{Decompress, FlushDecompress, Status};
use std::convert::Infallible;

/// What a strip or tile is to become.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub width: usize,
    pub height: usize,
    pub samples: usize,
    pub row_bytes: usize,
}

#[derive(Debug)]
enum Kind<'a> {
    Lzw,
    Deflate,
    PackBits,
    Group3,
    Group4,
    Jpeg { tables: &'a [u8], colours: Colours },
}

#[derive(Debug)]
pub struct Codec<'a> {
    kind: Kind<'a>,
    /// The lowest bit of a byte comes first.
    reversed: bool,
}

/// `T4Options`: rows that refer to the row above.
const T4_OPTIONS: u16 = 292;

impl<'a> Codec<'a> {
    /// # Errors
    /// A compression that is not decoded here.
    pub fn new(directory: &Directory<'a>, setup: &Setup) -> Result<Self> {
        let unsupported = Err(ImageError::Unsupported("TIFF compression"));
        let ycbcr = setup.photometric == 6 && setup.samples == 3;
        let kind = match setup.compression {
            7 if setup.bits == 8 && !(ycbcr && setup.planar) => Kind::Jpeg {
                tables: directory.bytes(tag::JPEG_TABLES).unwrap_or_default(),
                colours: if ycbcr {
                    Colours::FromYCbCr
                } else {
                    Colours::AsStored
                },
            },
            _ if ycbcr => return Err(ImageError::Unsupported("TIFF of YCbCr that is not JPEG")),
            2 => {
                return Err(ImageError::Unsupported(
                    "TIFF in modified Huffman (CCITT RLE)",
                ));
            }
            3 if directory.number(T4_OPTIONS)?.unwrap_or(0) & 1 != 0 => {
                return Err(ImageError::Unsupported(
                    "CCITT group 3 with two-dimensional rows",
                ));
            }
            3 if setup.bits == 1 => Kind::Group3,
            4 if setup.bits == 1 => Kind::Group4,
            5 => Kind::Lzw,
            8 | 32946 => Kind::Deflate,
            32773 => Kind::PackBits,
            _ => return unsupported,
        };
        Ok(Self {
            kind,
            reversed: setup.reversed,
        })
    }

    pub fn has_predictor(&self) -> bool {
        matches!(self.kind, Kind::Lzw | Kind::Deflate)
    }

    /// Fills `rows`, which are zero.
    ///
    /// # Errors
    /// Data that is broken or too short. Data that is too long is no error.
    pub fn expand(&self, data: &[u8], shape: &Shape, rows: &mut [u8]) -> Result<()> {
        let reversed: Vec<u8>;
        let data = if self.reversed && !matches!(self.kind, Kind::Jpeg { .. }) {
            reversed = data.iter().map(|byte| byte.reverse_bits()).collect();
            &reversed
        } else {
            data
        };
        match &self.kind {
            Kind::Lzw => lzw::expand(data, rows),
            Kind::Deflate => inflate(data, rows),
            Kind::PackBits => unpack_bits(data, rows),
            Kind::Group3 | Kind::Group4 => self.expand_fax(data, shape, rows),
            Kind::Jpeg { tables, colours } => expand_jpeg(tables, *colours, data, shape, rows),
        }
    }

    fn expand_fax(&self, data: &[u8], shape: &Shape, rows: &mut [u8]) -> Result<()> {
        let (Ok(width), Ok(height)) = (u16::try_from(shape.width), u16::try_from(shape.height))
        else {
            return Err(ImageError::Unsupported(
                "a fax of more than 65535 pixels a side",
            ));
        };
        let mut lines = rows.chunks_exact_mut(shape.row_bytes);
        let mut made = 0;
        let put = |changes: &[u16]| {
            if let Some(line) = lines.next() {
                blacken(line, changes, width);
                made += 1;
            }
        };
        let bytes = data.iter().copied();
        match self.kind {
            Kind::Group4 => decoder::decode_g4(bytes, width, Some(height), put).unwrap_or_default(),
            _ => expand_group3(data, width, put)?,
        }
        if made < shape.height {
            Err(ImageError::Corrupt("broken fax data"))
        } else {
            Ok(())
        }
    }
}

/// What ends a line, after any number of zero bits.
const MARK: &[u8] = &[0, 0, 1];

/// Until the data ends, which it may without the mark that ends a line.
///
/// # Errors
/// Data that does not begin with a mark: the decoder would take a first row of white for a mark, and be one row off from
/// there on. A row that does not end where the image does: nobody knows what it shows.
fn expand_group3(data: &[u8], width: u16, mut put: impl FnMut(&[u16])) -> Result<()> {
    let starts_with_mark = matches!(data, [0, second, ..] if second >> 5 == 0);
    if !starts_with_mark {
        return Err(ImageError::Unsupported(
            "CCITT group 3 without a mark before its first row",
        ));
    }
    // A last row that ends with the data would not be read to its last code.
    let bytes = data
        .iter()
        .chain(MARK)
        .map(|&byte| Ok::<u8, Infallible>(byte));
    let Ok(mut lines) = decoder::Group3Decoder::new(bytes) else {
        return Ok(()); // there is no row
    };
    loop {
        let status = lines.advance();
        let changes = lines.transitions();
        let is_whole = changes.last() == Some(&width);
        if is_whole {
            put(changes);
        }
        match status {
            Ok(decoder::DecodeStatus::Incomplete) if is_whole => {}
            _ => return Ok(()),
        }
    }
}

/// Sets the bits of the black stretches; `changes` are where the colour does, from white.
fn blacken(line: &mut [u8], changes: &[u16], width: u16) {
    for (x, colour) in (0..usize::from(width)).zip(decoder::pels(changes, width)) {
        if colour == fax::Color::Black {
            line[x / 8] |= 0x80 >> (x % 8);
        }
    }
}

fn inflate(data: &[u8], rows: &mut [u8]) -> Result<()> {
    let mut stream = Decompress::new(true);
    while (stream.total_out() as usize) < rows.len() {
        let (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
        let status = stream
            .decompress(&data[read..], &mut rows[written..], FlushDecompress::None)
            .map_err(|_| ImageError::Corrupt("broken deflate data"))?;
        let stuck = (stream.total_in() as usize, stream.total_out() as usize) == (read, written);
        if (status == Status::StreamEnd || stuck) && (stream.total_out() as usize) < rows.len() {
            return Err(ImageError::Truncated);
        }
    }
    Ok(())
}

/// `PackBitsDecode`: a count, then that number of bytes, or one byte to repeat.
fn unpack_bits(mut data: &[u8], mut rows: &mut [u8]) -> Result<()> {
    while !rows.is_empty() {
        let (&count, rest) = data.split_first().ok_or(ImageError::Truncated)?;
        data = rest;
        let count = i16::from(count as i8);
        if count == -128 {
            continue;
        }
        let length = (usize::from(count.unsigned_abs()) + 1).min(rows.len());
        let used = if count < 0 { 1 } else { length };
        let (now, later) = data.split_at_checked(used).ok_or(ImageError::Truncated)?;
        let (made, left) = std::mem::take(&mut rows).split_at_mut(length);
        if count < 0 {
            made.fill(now[0])
        } else {
            made.copy_from_slice(now)
        }
        (data, rows) = (later, left);
    }
    Ok(())
}

/// The tables that all strips share go before the strip's own stream. End markers go after it, as in libtiff: so the last
/// rows of a strip that lacks its own marker are read. (They also make libjpeg grey what a cut strip lacks.)
fn expand_jpeg(
    tables: &[u8],
    colours: Colours,
    data: &[u8],
    shape: &Shape,
    rows: &mut [u8],
) -> Result<()> {
    const START: &[u8] = b"\xff\xd8";
    const END: &[u8] = b"\xff\xd9";
    let strip = data
        .strip_prefix(START)
        .ok_or(ImageError::Corrupt("a TIFF strip that is no JPEG"))?;
    let tables = if tables.is_empty() {
        START
    } else {
        tables.strip_suffix(END).unwrap_or(tables)
    };
    let stream = [tables, strip, END, END].concat();
    jpeg::read_rows(
        &stream,
        shape.width,
        shape.height,
        shape.samples,
        colours,
        None,
        rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_bits_repeats_and_copies() {
        let mut rows = [0; 6];
        unpack_bits(&[0xfe, 7, 0x80, 1, 8, 9, 5, 1], &mut rows[..5]).unwrap();
        assert_eq!(rows, [7, 7, 7, 8, 9, 0]);
        assert!(unpack_bits(&[0xfe], &mut rows).is_err());
        assert!(unpack_bits(&[5, 1, 2], &mut rows).is_err());
    }
}
