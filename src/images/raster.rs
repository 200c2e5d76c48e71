//! Pixels in memory: 8-bit RGB, row after row.

use crate::images::image_error::{ImageError, Result};

/// Readable bytes after the last pixel, for vector loads that begin inside the image.
pub const SLACK: usize = 16;

/// Bytes of a pixel of a [`Raster`].
pub const BYTES: usize = 3;

/// Scratch that stays allocated between images; a giant's memory is given back.
const KEPT_BYTES: usize = 64 << 20;

/// Makes `buffer` hold `length` zeros, in its own memory if that suffices.
pub fn zeroed(buffer: &mut Vec<u8>, length: usize) {
    if buffer.capacity() < length || buffer.capacity() > KEPT_BYTES {
        // Fresh memory is zero without being touched: a header that lies about its size costs nothing.
        *buffer = Vec::new();
        *buffer = vec![0; length];
    } else {
        buffer.clear();
        buffer.resize(length, 0);
    }
}

/// A decoded image: `height` rows of `width` pixels of 3 bytes, R, G, B. Reused from image to image.
#[derive(Debug, Default)]
pub struct Raster {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
    /// Bytes that there are for decoding into this. `None`: no limit.
    pub limit: Option<u64>,
}

impl Raster {
    pub fn within(limit: Option<u64>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Called before anything is allocated for an image of this size. `bytes_per_pixel` is what
    /// decoding takes in all: [`BYTES`] for this, and whatever else the format needs.
    ///
    /// # Errors
    /// [`ImageError::AboveLimit`].
    pub fn admit(&self, width: usize, height: usize, bytes_per_pixel: usize) -> Result<()> {
        self.admit_with(width, height, bytes_per_pixel, 0)
    }

    /// The same, with `buffers` bytes beside what each pixel takes.
    ///
    /// # Errors
    /// [`ImageError::AboveLimit`].
    pub fn admit_with(
        &self,
        width: usize,
        height: usize,
        bytes_per_pixel: usize,
        buffers: usize,
    ) -> Result<()> {
        let bytes = width as u64 * height as u64 * bytes_per_pixel as u64 + buffers as u64;
        match self.limit {
            Some(limit) if bytes > limit => Err(ImageError::AboveLimit {
                width,
                height,
                bytes,
            }),
            _ => Ok(()),
        }
    }

    /// Takes on a size and becomes black, in the memory of the last image where that suffices.
    pub fn reset(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        zeroed(&mut self.bytes, width * height * 3 + SLACK);
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, without the slack.
    pub fn pixels(&self) -> &[u8] {
        &self.bytes[..self.width * self.height * 3]
    }

    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.width * self.height * 3]
    }

    /// Pillow's `L` in each channel: its `L24`, ITU-R 601-2 in fixed point.
    pub fn make_grey(&mut self) {
        let (pixels, _) = self.pixels_mut().as_chunks_mut::<BYTES>();
        for pixel in pixels {
            let [red, green, blue] = pixel.map(u32::from);
            let grey = (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16;
            pixel.fill(grey as u8);
        }
    }

    /// The `y`-th row, `3 * width` bytes.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        let stride = self.width * 3;
        &mut self.bytes[y * stride..(y + 1) * stride]
    }

    /// The part right of and below pixel (`x`, `y`).
    pub fn view(&self, x: usize, y: usize) -> View<'_> {
        let stride = self.width * 3;
        View {
            bytes: &self.bytes[y * stride + x * 3..],
            stride,
        }
    }

    pub fn view_mut(&mut self) -> ViewMut<'_> {
        ViewMut {
            stride: self.width * 3,
            bytes: &mut self.bytes,
        }
    }
}

/// Pixels to read: row `y` begins at byte `y * stride`. [`SLACK`] bytes after the last pixel can be read.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub bytes: &'a [u8],
    pub stride: usize,
}

/// Pixels to write: row `y` begins at byte `y * stride`.
#[derive(Debug)]
pub struct ViewMut<'a> {
    pub bytes: &'a mut [u8],
    pub stride: usize,
}
