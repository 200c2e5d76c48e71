//! WebP, the first frame, through libwebp's animation decoder, as in Pillow's `WebPImagePlugin.py` and `_webp.c`.
//! Alpha is dropped.

use crate::images::decode::size::checked_size;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster};
use libwebp_sys as ffi;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(b"RIFF")
        && data.get(8..12) == Some(b"WEBP".as_slice())
        && matches!(data.get(12..16), Some(b"VP8 " | b"VP8X" | b"VP8L"))
}

/// Decodes into `image`.
///
/// # Errors
/// What libwebp does not take, which includes every file that is cut within its frames.
pub fn decode(data: &[u8], image: &mut Raster) -> Result<()> {
    if let Some((width, height)) = stated_size(data) {
        // libwebp allocates the canvas before it looks at the pixels.
        let (width, height) = checked_size(width, height)?;
        image.admit(width, height, bytes_per_pixel(data))?;
    }
    let mut decoder = Decoder::new(data)?;
    let (width, height) = decoder.size()?;
    let (width, height) = checked_size(u64::from(width), u64::from(height))?;
    image.admit(width, height, bytes_per_pixel(data))?;
    let canvas = decoder.first_frame(width * height * 4)?;
    image.reset(width, height);
    for (pixel, rgba) in image
        .pixels_mut()
        .chunks_exact_mut(3)
        .zip(canvas.chunks_exact(4))
    {
        pixel.copy_from_slice(&rgba[..3]);
    }
    Ok(())
}

/// libwebp has the canvas twice, 4 bytes a pixel, and a lossless frame once more.
fn bytes_per_pixel(data: &[u8]) -> usize {
    match data.get(12..16) {
        Some(b"VP8 ") => BYTES + 8,
        _ => BYTES + 12,
    }
}

/// `_get_size`: the canvas as the header has it.
fn stated_size(data: &[u8]) -> Option<(u64, u64)> {
    let u24 = |at: usize| {
        Some(
            u64::from(*data.get(at)?)
                | u64::from(*data.get(at + 1)?) << 8
                | u64::from(*data.get(at + 2)?) << 16,
        )
    };
    match data.get(12..16)? {
        b"VP8 " if data.get(23..26)? == b"\x9d\x01\x2a" && data.len() >= 30 => {
            Some((u24(25)? >> 8 & 0x3fff, u24(27)? >> 8 & 0x3fff))
        }
        b"VP8X" => Some((u24(24)? + 1, u24(27)? + 1)),
        b"VP8L" if *data.get(20)? == 0x2f => {
            let bits = u24(21)? | u64::from(*data.get(24)?) << 24;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// libwebp's decoder and the file that it goes on reading.
struct Decoder<'a> {
    handle: *mut ffi::WebPAnimDecoder,
    file: PhantomData<&'a [u8]>,
}

impl<'a> Decoder<'a> {
    fn new(data: &'a [u8]) -> Result<Self> {
        let file = ffi::WebPData {
            bytes: data.as_ptr(),
            size: data.len(),
        };
        // SAFETY: `file` describes `data`, which outlives the decoder ('a); it copies the struct, not the bytes. A null
        // pointer asks for the default options. The version is the one that the declarations were made from.
        let handle = unsafe {
            ffi::WebPAnimDecoderNewInternal(&file, ptr::null(), ffi::WEBP_DEMUX_ABI_VERSION as i32)
        };
        if handle.is_null() {
            return Err(ImageError::Corrupt("not a whole WebP file"));
        }
        Ok(Self {
            handle,
            file: PhantomData,
        })
    }

    fn size(&self) -> Result<(u32, u32)> {
        let mut info = MaybeUninit::<ffi::WebPAnimInfo>::zeroed();
        // SAFETY: the handle is live, `info` is writable; all zeros are a valid value of its integers.
        let (ok, info) = unsafe {
            (
                ffi::WebPAnimDecoderGetInfo(self.handle, info.as_mut_ptr()),
                info.assume_init(),
            )
        };
        if ok == 0 {
            return Err(ImageError::Corrupt("broken WebP header"));
        }
        Ok((info.canvas_width, info.canvas_height))
    }

    /// The canvas after the first frame, 4 bytes a pixel; `bytes` is its size as [`Decoder::size`] gives it.
    fn first_frame(&mut self, bytes: usize) -> Result<&[u8]> {
        let mut canvas = ptr::null_mut();
        let mut timestamp = 0;
        // SAFETY: the handle is live and both outputs are writable.
        let ok = unsafe { ffi::WebPAnimDecoderGetNext(self.handle, &mut canvas, &mut timestamp) };
        if ok == 0 || canvas.is_null() {
            return Err(ImageError::Corrupt("broken WebP data"));
        }
        // SAFETY: libwebp says that the canvas is width × height × 4 bytes and stays until the next call that takes
        // the decoder mutably, as the borrow does.
        Ok(unsafe { std::slice::from_raw_parts(canvas, bytes) })
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is live and not used again.
        unsafe { ffi::WebPAnimDecoderDelete(self.handle) }
    }
}
