//! From a decoded image to its crop: Pillow's `Image.resize`, PyTorch's `interpolate` or OpenCV's
//! `resize`, of what the crop keeps.

mod filter;
mod geometry;
mod method;
mod opencv;
mod passes;
#[cfg(target_arch = "x86_64")]
mod passes_avx2;
mod resizer;
mod taps;

pub use filter::reach;
pub use geometry::{Axis, Geometry};
pub use method::{Interpolation, Method, Resampler};
pub use resizer::Resizer;
