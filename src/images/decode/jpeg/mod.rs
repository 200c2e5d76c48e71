//! JPEG, through libjpeg-turbo: Pillow's `JpegImagePlugin.py` and `JpegDecode.c`.

mod frame;

use crate::images::decode::colour;
use crate::images::decode::size::checked_size;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::{BYTES, Raster, zeroed};
use crate::images::window::Window;
use frame::read_frame;
use turbojpeg_sys as _;

unsafe extern "C" {
    fn featx_jpeg_decode(
        data: *const u8,
        length: usize,
        width: u32,
        height: u32,
        components: i32,
        colours: i32,
        wanted: *const CWindow,
        rows: *mut u8,
    ) -> i32;
}

/// A [`Window`] as jpeg.c has it.
#[repr(C)]
struct CWindow {
    first_row: u32,
    end_row: u32,
    first_column: u32,
    end_column: u32,
}

impl From<&Window> for CWindow {
    fn from(Window { columns, rows }: &Window) -> Self {
        Self {
            first_row: rows.start as u32,
            end_row: rows.end as u32,
            first_column: columns.start as u32,
            end_column: columns.end as u32,
        }
    }
}

/// What the first bytes are.
pub fn accepts(data: &[u8]) -> bool {
    data.starts_with(b"\xff\xd8\xff")
}

/// Decodes into `image`. `scratch` holds rows that are not RGB yet. `wanted` says, by width and height, which pixels are
/// asked for; `None` asks for all. The other pixels are then of no use, but a file that lacks them is truncated all the same.
///
/// # Errors
/// A file that ends before the last row is complete, or anything that libjpeg calls an error.
pub fn decode(
    data: &[u8],
    image: &mut Raster,
    scratch: &mut Vec<u8>,
    wanted: impl FnOnce(usize, usize) -> Option<Window>,
) -> Result<()> {
    let frame = read_frame(data)?;
    let (width, height) = checked_size(frame.width as u64, frame.height as u64)?;
    let not_rgb = if frame.components == 3 {
        0
    } else {
        frame.components
    };
    image.admit(width, height, BYTES + not_rgb + frame.coefficient_bytes)?;
    image.reset(width, height);
    let wanted = wanted(width, height);
    if frame.components == 3 {
        return read_rows(
            data,
            width,
            height,
            3,
            Colours::AsMarked,
            wanted.as_ref(),
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
        wanted.as_ref(),
        scratch,
    )?;
    if frame.components == 1 {
        colour::grey(scratch, image.pixels_mut());
    } else {
        // Adobe's convention: the inks are stored inverted, even where its marker is missing.
        colour::inverted_cmyk(scratch, image.pixels_mut());
    }
    Ok(())
}

/// What colours libjpeg is to make of what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// As the file's markers say: grey, RGB or inks for 1, 3 or 4 components.
    AsMarked = 0,
    /// RGB from YCbCr, whatever the markers say.
    FromYCbCr = 1,
    /// The samples as they are.
    AsStored = 2,
}

/// Decodes `height` rows of `width` pixels of `components` bytes into `rows`, all of which must be zero; of pixels
/// outside of `wanted` the values are of no use.
///
/// # Errors
/// As [`decode`].
pub fn read_rows(
    data: &[u8],
    width: usize,
    height: usize,
    components: usize,
    colours: Colours,
    wanted: Option<&Window>,
    rows: &mut [u8],
) -> Result<()> {
    assert_eq!(rows.len(), width * height * components);
    if let Some(Window { columns, rows }) = wanted {
        assert!(columns.start < columns.end && columns.end <= width);
        assert!(rows.start < rows.end && rows.end <= height);
    }
    let wanted = wanted.map(CWindow::from);
    let wanted = wanted.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `data` is readable for its length, `rows` writable for height × width × components bytes (just
    // asserted), which is all that the function touches; `wanted` is null or lies within the image (just asserted) and
    // lives on. It keeps no pointer and lets no error jump past itself.
    let status = unsafe {
        featx_jpeg_decode(
            data.as_ptr(),
            data.len(),
            width as u32,
            height as u32,
            components as i32,
            colours as i32,
            wanted,
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
