//! Bytes of a file to pixels, as Pillow has them.

pub mod bmp;
mod bytes;
pub mod colour;
pub mod gif;
pub mod jpeg;
pub mod png;
pub mod rare;
mod raw;
mod raw_rows;
pub mod size;
pub mod tiff;
pub mod webp;
