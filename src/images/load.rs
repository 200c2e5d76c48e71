//! One image file to the pixels of its crop.

use crate::images::decode::size::checked_size;
use crate::images::decode::{bmp, gif, jpeg, png, rare, tiff, webp};
use crate::images::error::{ImageError, Result};
use crate::images::foreign;
use crate::images::orientation::{self, Turn};
use crate::images::preprocess::{Channels, Preprocess};
use crate::images::raster::{BYTES, Raster, zeroed};
use crate::images::resize::Resizer;
use crate::images::resize::geometry::Geometry;
use crate::images::window::Window;
use crate::text::contained::contained;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// No image within the pixel limit needs a larger file, but for what it carries besides pixels.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// A thread's own decoder: keeps its buffers from image to image, shares nothing.
#[derive(Debug)]
pub struct Preprocessor {
    preprocess: Arc<Preprocess>,
    file: Vec<u8>,
    scratch: Vec<u8>,
    image: Raster,
    resizer: Resizer,
}

impl Preprocessor {
    /// `preprocess` is one that [`Preprocess::validate`] has passed.
    pub fn new(preprocess: &Preprocess) -> Self {
        Self {
            preprocess: Arc::new(preprocess.clone()),
            file: Vec::new(),
            scratch: Vec::new(),
            image: Raster::default(),
            resizer: Resizer::default(),
        }
    }

    /// Sets how many bytes there are for decoding; images that take more give [`ImageError::AboveLimit`] before anything
    /// is allocated for them.
    pub fn set_limit(&mut self, bytes: Option<u64>) {
        self.image.limit = bytes;
    }

    /// Gives back the memory of an image above the limit.
    pub fn shrink(&mut self) {
        *self = Self {
            resizer: std::mem::take(&mut self.resizer),
            ..Self::new(&self.preprocess)
        };
    }

    /// Reads, decodes, resizes and crops as Pillow's `Image.open(path).convert("RGB")` and torchvision's `Resize` and
    /// `CenterCrop` do, bit for bit, or as the preprocessing says. `out`: height × width × channels bytes, row after row.
    ///
    /// # Errors
    /// What is wrong with the file, in one line without its path. `out` is then of no use.
    ///
    /// # Panics
    /// Where `out` has another length.
    pub fn load_into(&mut self, path: &Path, out: &mut [u8]) -> Result<()> {
        let mut file = std::mem::take(&mut self.file);
        let loaded = read_file(path, &mut file).and_then(|()| self.decode_into(&file, out));
        self.file = file;
        loaded
    }

    /// As [`Preprocessor::load_into`], of a file's bytes.
    ///
    /// # Errors
    /// As there, but for what concerns the file system.
    ///
    /// # Panics
    /// Where `out` is not [`Preprocess::image_bytes`] long.
    pub fn decode_into(&mut self, data: &[u8], out: &mut [u8]) -> Result<()> {
        assert_eq!(
            out.len(),
            self.preprocess.image_bytes(),
            "out is height x width x channels bytes"
        );
        // The last belt: no decoder is known to panic, and none may take the run with it.
        contained(|| self.make(data, out)).unwrap_or(Err(ImageError::DecoderFailed))
    }

    /// As [`Preprocessor::decode_into`], of pixels that are decoded already: `height` rows of `width` pixels of
    /// `channels` 8-bit values, which is 1 (grey) or 3 (R, G, B).
    ///
    /// # Errors
    /// Too many pixels, or none.
    ///
    /// # Panics
    /// Where `pixels` or `out` has another length.
    pub fn resize_into(
        &mut self,
        pixels: &[u8],
        (width, height): (usize, usize),
        channels: usize,
        out: &mut [u8],
    ) -> Result<()> {
        assert_eq!(pixels.len(), width * height * channels, "as many as said");
        checked_size(width as u64, height as u64)?;
        self.image.admit(width, height, BYTES + channels)?;
        self.image.reset(width, height);
        match channels {
            1 => {
                let rgb = self.image.pixels_mut().chunks_exact_mut(3);
                rgb.zip(pixels).for_each(|(rgb, &grey)| rgb.fill(grey));
            }
            _ => self.image.pixels_mut().copy_from_slice(pixels),
        }
        self.resize_image(out)
    }

    /// The image before it is resized.
    ///
    /// # Errors
    /// As [`Preprocessor::decode_into`].
    pub fn decode(&mut self, data: &[u8]) -> Result<&Raster> {
        self.decode_wanted(data, |_, _| None)?;
        Ok(&self.image)
    }

    /// Decodes what is wanted of an image, by its width and height, and as much more of it as its format has it.
    fn decode_wanted(
        &mut self,
        data: &[u8],
        wanted: impl FnOnce(usize, usize) -> Option<Window>,
    ) -> Result<()> {
        if data.is_empty() {
            return Err(ImageError::Empty);
        }
        if jpeg::accepts(data) {
            jpeg::decode(data, &mut self.image, &mut self.scratch, wanted)?;
        } else if png::accepts(data) {
            png::decode(data, &mut self.image)?;
        } else if webp::accepts(data) {
            webp::decode(data, &mut self.image)?;
        } else if gif::accepts(data) {
            gif::decode(data, &mut self.image)?;
        } else if tiff::accepts(data) {
            tiff::decode(data, &mut self.image)?;
        } else if bmp::accepts(data) || bmp::accepts_headless(data) {
            bmp::decode(data, &mut self.image)?;
        } else if let Some(kind) = rare::Kind::of(data) {
            rare::decode(kind, data, &mut self.image)?;
        } else {
            return Err(foreign::words(data).map_or(ImageError::NotAnImage, ImageError::Foreign));
        }
        Ok(())
    }

    fn make(&mut self, data: &[u8], out: &mut [u8]) -> Result<()> {
        let turn = match self.preprocess.orient && !tiff::accepts(data) {
            true => orientation::of(data),
            false => Turn::default(), // Pillow turns TIFF files by itself
        };
        let preprocess = Arc::clone(&self.preprocess);
        self.decode_wanted(data, |width, height| match turn == Turn::default() {
            true => Window::of_crop(width, height, &preprocess),
            false => None,
        })?;
        turn.apply(&mut self.image)?;
        self.resize_image(out)
    }

    fn resize_image(&mut self, out: &mut [u8]) -> Result<()> {
        let preprocess = &self.preprocess;
        let geometry = Geometry::new(self.image.width(), self.image.height(), preprocess)?;
        let method = preprocess.method();
        let fill = preprocess.pad.map_or(0, |pad| pad.value);
        let resizer = &mut self.resizer;
        match preprocess.channels {
            Channels::Rgb => resizer.resize_into(&self.image, &geometry, method, fill, out),
            Channels::Bgr => {
                resizer.resize_into(&self.image, &geometry, method, fill, out);
                let (pixels, _) = out.as_chunks_mut::<3>();
                pixels.iter_mut().for_each(|pixel| pixel.swap(0, 2));
            }
            Channels::Grey => {
                // Three equal channels are resized as one is.
                self.image.make_grey();
                zeroed(&mut self.scratch, out.len() * BYTES);
                resizer.resize_into(&self.image, &geometry, method, fill, &mut self.scratch);
                let (pixels, _) = self.scratch.as_chunks::<3>();
                out.iter_mut()
                    .zip(pixels)
                    .for_each(|(grey, pixel)| *grey = pixel[0]);
            }
        }
        Ok(())
    }
}

/// Reads a whole file into `into`.
///
/// # Errors
/// What concerns the file system, and files that are too large.
pub fn read_file(path: &Path, into: &mut Vec<u8>) -> Result<()> {
    // Asked before it is opened: opening a pipe would wait for its other end.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(ImageError::NotAFile);
    }
    ensure_readable(metadata.len())?;
    into.clear();
    into.reserve(metadata.len() as usize + 1);
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(into)?;
    Ok(())
}

/// # Errors
/// An image file that is too large, by its bytes.
pub fn ensure_readable(bytes: u64) -> Result<()> {
    match bytes {
        0..=MAX_FILE_BYTES => Ok(()),
        _ => Err(ImageError::TooManyBytes {
            bytes,
            limit: MAX_FILE_BYTES,
        }),
    }
}

/// True for what begins as an image of a known format does.
pub fn is_image(data: &[u8]) -> bool {
    let of_format = [
        jpeg::accepts,
        png::accepts,
        webp::accepts,
        gif::accepts,
        tiff::accepts,
        bmp::accepts,
    ];
    of_format.iter().any(|accepts| accepts(data))
        || rare::Kind::of(data).is_some_and(rare::Kind::is_sure)
}
