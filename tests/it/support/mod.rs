//! What the tests share: a directory to work in, models and images to run, arrays to compare.

#[cfg(feature = "torch")]
pub mod arrays;
#[cfg(feature = "torch")]
pub mod extraction;
#[cfg(feature = "torch")]
pub mod models;
#[cfg(feature = "images")]
pub mod pillow;
#[cfg(any(feature = "torch", all(feature = "hdf5", feature = "parquet")))]
pub mod waiting;
pub mod workdir;
