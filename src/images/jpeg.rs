//! JPEG, through libjpeg-turbo: Pillow's `JpegImagePlugin.py` and `JpegDecode.c`.

use super::colour;
use super::error::{ImageError, Result};
use super::raster::{Raster, zeroed};
use super::size::checked_size;
use turbojpeg_sys as _;

unsafe extern "C" {
    fn featx_jpeg_decode(
        data: *const u8,
        length: usize,
        width: u32,
        height: u32,
        components: i32,
        colours: i32,
        rows: *mut u8,
    ) -> i32;
}

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(b"\xff\xd8\xff")
}

/// What Pillow takes from the markers before the first scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    width: usize,
    height: usize,
    components: usize,
}

/// Decodes into `image`. `scratch` holds rows that are not RGB yet.
///
/// # Errors
/// As Pillow: a file that ends before the last row is complete, or anything that libjpeg calls an error.
pub fn decode(data: &[u8], image: &mut Raster, scratch: &mut Vec<u8>) -> Result<()> {
    let frame = read_frame(data)?;
    let (width, height) = checked_size(frame.width as u64, frame.height as u64)?;
    image.reset(width, height);
    if frame.components == 3 {
        return read_rows(
            data,
            width,
            height,
            3,
            Colours::AsMarked,
            image.pixels_mut(),
        );
    }
    zeroed(scratch, width * height * frame.components);
    read_rows(
        data,
        width,
        height,
        frame.components,
        Colours::AsMarked,
        scratch,
    )?;
    if frame.components == 1 {
        colour::grey(scratch, image.pixels_mut());
    } else {
        // Adobe's convention: the inks are stored inverted, whether or not its marker says so.
        colour::inverted_cmyk(scratch, image.pixels_mut());
    }
    Ok(())
}

/// What colours libjpeg is to make of what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// As the file's markers say: grey, RGB or inks for 1, 3 or 4 components.
    AsMarked = 0,
    /// RGB from YCbCr, whatever they say.
    FromYCbCr = 1,
    /// The samples as they are.
    AsStored = 2,
}

/// Decodes `height` rows of `width` pixels of `components` bytes into `rows`, all of which must be zero.
///
/// # Errors
/// As [`decode`].
pub fn read_rows(
    data: &[u8],
    width: usize,
    height: usize,
    components: usize,
    colours: Colours,
    rows: &mut [u8],
) -> Result<()> {
    assert_eq!(rows.len(), width * height * components);
    // SAFETY: `data` is readable for its length, `rows` writable for height × width × components bytes (just
    // asserted), which is all that the function touches; it keeps neither pointer and lets no error jump past itself.
    let status = unsafe {
        featx_jpeg_decode(
            data.as_ptr(),
            data.len(),
            width as u32,
            height as u32,
            components as i32,
            colours as i32,
            rows.as_mut_ptr(),
        )
    };
    match status {
        0 => Ok(()),
        1 => Err(ImageError::Truncated),
        3 => Err(ImageError::Corrupt("more than 1000 progressive scans")),
        _ => Err(ImageError::Corrupt("broken JPEG data")),
    }
}

/// `JpegImageFile._open`: walks the markers up to the first scan; what stands between them is skipped.
fn read_frame(data: &[u8]) -> Result<Frame> {
    let mut frame = None;
    let mut at = 2;
    loop {
        at += data
            .get(at..)
            .and_then(|rest| rest.iter().position(|&b| b == 0xff))
            .ok_or(ImageError::Truncated)?;
        let marker = *data.get(at + 1).ok_or(ImageError::Truncated)?;
        match marker {
            // Padding: the second 0xff may itself begin a marker.
            0xff => at += 1,
            0x00 => at += 2,
            0x01..=0xbf => return Err(ImageError::Corrupt("no marker found in the JPEG header")),
            0xc8 | 0xd0..=0xd9 | 0xf0..=0xfd => at += 2,
            _ => {
                let segment = segment(data, at + 2)?;
                match marker {
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xde => {
                        frame = Some(read_start_of_frame(segment)?);
                    }
                    0xdb => check_quantisation(segment)?,
                    0xda => return frame.ok_or(ImageError::Corrupt("a JPEG scan without a frame")),
                    _ => {}
                }
                at += 4 + segment.len();
            }
        }
    }
}

/// The segment whose length is stored at `at`, without the two bytes of the length.
fn segment(data: &[u8], at: usize) -> Result<&[u8]> {
    let length = data.get(at..at + 2).ok_or(ImageError::Truncated)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]])).saturating_sub(2);
    data.get(at + 2..at + 2 + length)
        .ok_or(ImageError::Truncated)
}

fn read_start_of_frame(segment: &[u8]) -> Result<Frame> {
    let &[bits, h1, h0, w1, w0, components, ref layers @ ..] = segment else {
        return Err(ImageError::Corrupt("the JPEG frame header is too short"));
    };
    if bits != 8 {
        return Err(ImageError::Unsupported("JPEG of other than 8 bits"));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(ImageError::Unsupported(
            "JPEG of other than 1, 3 or 4 components",
        ));
    }
    if layers.len() % 3 != 0 {
        return Err(ImageError::Corrupt("the JPEG frame header is cut"));
    }
    Ok(Frame {
        width: usize::from(u16::from_be_bytes([w1, w0])),
        height: usize::from(u16::from_be_bytes([h1, h0])),
        components: usize::from(components),
    })
}

fn check_quantisation(mut segment: &[u8]) -> Result<()> {
    while let Some(&first) = segment.first() {
        let length = if first >> 4 == 0 { 65 } else { 129 };
        segment = segment
            .get(length..)
            .ok_or(ImageError::Corrupt("bad JPEG quantisation table"))?;
    }
    Ok(())
}
