//! Bytes of a file to pixels, as Pillow has them.

mod bmp;
mod bytes;
mod colour;
mod gif;
mod jpeg;
mod palette;
mod png;
mod rare;
mod raw;
mod raw_rows;
pub mod size;
pub mod tiff;
mod tile;
mod webp;

use crate::images::foreign;
use crate::images::image_error::{ImageError, Result};
use crate::images::raster::Raster;
use crate::images::window::Window;

/// Decodes into `image`. `scratch` is memory that stays allocated between images. `wanted` says, by width and height, which
/// pixels are asked for; `None` asks for all. Others are decoded only if the format gives them anyway.
///
/// # Errors
/// What is wrong with the image, or that it is none.
pub fn decode_image(
    data: &[u8],
    image: &mut Raster,
    scratch: &mut Vec<u8>,
    wanted: impl FnOnce(usize, usize) -> Option<Window>,
) -> Result<()> {
    if data.is_empty() {
        Err(ImageError::Empty)
    } else if jpeg::accepts(data) {
        jpeg::decode(data, image, scratch, wanted)
    } else if png::accepts(data) {
        png::decode(data, image)
    } else if webp::accepts(data) {
        webp::decode(data, image)
    } else if gif::accepts(data) {
        gif::decode(data, image)
    } else if tiff::accepts(data) {
        tiff::decode(data, image)
    } else if bmp::accepts(data) || bmp::accepts_headless(data) {
        bmp::decode(data, image)
    } else if let Some(kind) = rare::Kind::of(data) {
        rare::decode(kind, data, image)
    } else {
        Err(foreign::words(data).map_or(ImageError::NotAnImage, ImageError::Foreign))
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
