//! Images: decode, resize as Pillow does, preprocess. Knows nothing of the model.
//!
//! `file → decode → turn → resize and crop → normalise`
//!
//! **Bit-equal pixels of valid files are science; the same verdict on corrupt files is not.** The measure is Pillow 13.0
//! with torchvision 0.26: `Resize`, `CenterCrop`, `ToTensor`, `Normalize` of `Image.open(path).convert("RGB")`, bit for
//! bit. A format or a kind of it whose pixels are not Pillow's is refused in words. A broken file gives an error or a
//! clean image of its own size, and an error where pixels are missing; whether Pillow takes it is not asked. No image may
//! make a decoder fail, hold up a run or take memory that was not asked for: each decoder tells [`Raster::admit`] what it
//! needs before it allocates.
//!
//! Formats are known by their content, whatever the endings say. `docs/formats.md` has what is read of each, and how that
//! was compared with Pillow.
//!
//! - JPEG: libjpeg-turbo, WebP: libwebp, as in Pillow. PNG, GIF: the crates `png` and `gif`, row by row, with Pillow's
//!   colours.
//! - BMP and TIFF are featx's own. Of 327 BMPs the `image` crate gives other pixels for 46; of 1,388 TIFFs it reads 581,
//!   gives other pixels for 136 and panics on 53. These give Pillow's for all that they read.
//! - PNM, QOI, TGA: the last resort, the `image` crate, as far as its pixels are Pillow's. ICO, CUR: a PNG or a BMP inside.
//! - Of TIFF are refused: LAB; YCbCr compressed other than by JPEG; CCITT group 3 with two-dimensional rows or without a
//!   mark before each row, and modified Huffman; old JPEG, LZMA, Zstandard, WebP, ThunderScan and SGI Log.
//! - A JPEG of more than 1000 scans and a file of more than 1 GiB are refused, so that none can hold up a run.
//! - Where Pillow cannot allocate the whole resized image (a pixel wide and a million high), the crop alone is made.

mod decode;
mod file;
mod foreign;
mod image_error;
mod preprocess;
mod preprocessor;
mod raster;
mod resize;
mod turn;
mod window;

pub use decode::is_image;
pub use file::{ensure_readable, read_file};
pub use image_error::ImageError;
pub use preprocess::{
    Channels, Crop, CropRounding, Normaliser, Pad, Preprocess, PreprocessError, Resize, Shape,
};
pub use preprocessor::Preprocessor;
pub use raster::Raster;
pub use resize::{Interpolation, Resampler};
