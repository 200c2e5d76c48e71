//! Images: list and order, decode, resize as Pillow does, preprocess. Knows nothing of the model.
//!
//! `scan or list → load (read → decode → resize and crop) → normalise`
//!
//! The measure is Pillow 13.0 with torchvision 0.26: `Resize`, `CenterCrop`, `ToTensor`, `Normalize` of
//! `Image.open(path).convert("RGB")`, bit for bit, and the same files refused. JPEG, PNG, WebP, BMP, GIF and TIFF are
//! known by their content, whatever their endings say. What is otherwise than in Pillow:
//!
//! - other formats (PPM, TGA, ICO, …) are refused, also under one of these endings;
//! - of TIFF: LAB; YCbCr compressed other than by JPEG; CCITT group 3 with two-dimensional rows or without a mark before
//!   each row, and modified Huffman; old JPEG, LZMA, Zstandard, WebP, ThunderScan and SGI Log are refused;
//! - in a damaged CCITT TIFF libtiff guesses on, and its guesses are not these: other pixels, or an error;
//! - a compressed TIFF whose tags are damaged may be taken where libtiff refuses it (1 of 12,441 broken files tried);
//! - a JPEG of more than 1000 scans and a file of more than 1 GiB are refused, so that none can hold up a run;
//! - where Pillow cannot allocate the whole resized image (a pixel wide and a million high), the crop alone is made.

mod decode;
mod error;
mod foreign;
mod load;
mod preprocess;
mod raster;
mod resize;
mod window;

pub use error::ImageError;
pub use load::{Preprocessor, ensure_readable, is_image, read_file};
pub use preprocess::{Normaliser, Preprocess, PreprocessError};
pub use raster::Raster;
pub use resize::Interpolation;
