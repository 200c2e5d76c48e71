//! Rows in another format: one table ([`formats`]) says which by a file's ending.
//!
//! A [`Format`] gets an empty file and a [`Table`](table::Table), whose rows it asks for in the order and the amounts that suit it;
//! so its memory does not grow with them. It knows nothing of temporary names, disks or runs: [`export`] does.
//! `.npy` is no export: it is what parts are, and [`crate::rows::join`] makes it.

mod checks;
mod csv;
pub mod facts;
mod format;
mod formats;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "hdf5")]
mod in_place;
#[cfg(feature = "hdf5")]
mod mat;
#[cfg(feature = "parquet")]
mod parquet;
mod pickler;
mod pt;
pub mod row_names;
mod safetensors;
pub mod table;
mod target;

pub use format::Format;
pub use formats::{NPY, endings, format_of};
pub use target::export;
