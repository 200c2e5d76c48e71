//! One image file to the pixels of its crop.

use crate::images::decode::size::checked_size;
use crate::images::decode::{decode_image, tiff};
use crate::images::file::read_file;
use crate::images::image_error::{ImageError, Result};
use crate::images::preprocess::{Channels, Preprocess};
use crate::images::raster::{BYTES, Raster, zeroed};
use crate::images::resize::Resizer;
use crate::images::turn::Turn;
use crate::text::contained::contained;
use std::path::Path;

/// A thread's own decoder: keeps its buffers from image to image, shares nothing.
#[derive(Debug)]
pub struct Preprocessor {
    preprocess: Preprocess,
    file: Vec<u8>,
    scratch: Vec<u8>,
    image: Raster,
    resizer: Resizer,
}

impl Preprocessor {
    /// `preprocess` is one that [`Preprocess::validate`] has passed.
    pub fn new(preprocess: &Preprocess) -> Self {
        Self {
            preprocess: preprocess.clone(),
            file: Vec::new(),
            scratch: Vec::new(),
            image: Raster::default(),
            resizer: Resizer::default(),
        }
    }

    /// Sets the bytes that there are for decoding; images that take more give [`ImageError::AboveLimit`] before anything
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
    /// As there, except those of the file system.
    ///
    /// # Panics
    /// Where `out` is not [`Preprocess::image_bytes`] long.
    pub fn decode_into(&mut self, data: &[u8], out: &mut [u8]) -> Result<()> {
        assert_eq!(
            out.len(),
            self.preprocess.image_bytes(),
            "out is height x width x channels bytes"
        );
        // No decoder is known to panic. If one does, the run must not end with it.
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
        decode_image(data, &mut self.image, &mut self.scratch, |_, _| None)?;
        Ok(&self.image)
    }

    fn make(&mut self, data: &[u8], out: &mut [u8]) -> Result<()> {
        let turn = match self.preprocess.orient && !tiff::accepts(data) {
            true => Turn::of_exif(data),
            false => Turn::default(), // Pillow turns TIFF files by itself
        };
        let preprocess = &self.preprocess;
        let wanted = |width, height| match turn.is_none() {
            true => preprocess.window(width, height),
            false => None,
        };
        decode_image(data, &mut self.image, &mut self.scratch, wanted)?;
        turn.apply(&mut self.image)?;
        self.resize_image(out)
    }

    fn resize_image(&mut self, out: &mut [u8]) -> Result<()> {
        let preprocess = &self.preprocess;
        let geometry = preprocess.geometry(self.image.width(), self.image.height())?;
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
