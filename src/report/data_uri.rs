//! Pictures inside the page.

use base64::prelude::{BASE64_STANDARD, Engine};
use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder};

/// The quality of JPEG, from 1 to 100.
const QUALITY: u8 = 80;

/// A picture of 8-bit numbers of colours; `palette` has three bytes a colour.
pub fn png_uri(pixels: &[u8], width: usize, height: usize, palette: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels));
    match written {
        Ok(()) => uri("image/png", &bytes),
        Err(_) => String::new(), // a picture of no pixel
    }
}

/// A photo, no side longer than `side`.
pub fn photo_uri(photo: &RgbImage, side: u32) -> String {
    let (width, height) = photo.dimensions();
    let longer = width.max(height);
    let shorter = |length: u32| (length * side.min(longer) / longer).max(1);
    let small = image::imageops::thumbnail(photo, shorter(width), shorter(height));
    let mut bytes = Vec::new();
    let (width, height) = (small.width() as u16, small.height() as u16);
    match Encoder::new(&mut bytes, QUALITY).encode(&small, width, height, ColorType::Rgb) {
        Ok(()) => uri("image/jpeg", &bytes),
        Err(_) => String::new(), // a picture of no pixel
    }
}

fn uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes))
}
