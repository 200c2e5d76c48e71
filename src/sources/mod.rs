//! Where images come from: which rows there are, in which order, and the bytes of each.
//!
//! `what was typed → SourceList (sources) → Images (rows) → RowReader (bytes of a row)`
//!
//! A place that holds images is a [`Source`]; each kind is a file of this room. Rows are named by their source and their
//! item in it; a run's only folder is not named.

#[cfg(any(feature = "hdf5", feature = "lmdb"))]
mod alarm;
mod array;
#[cfg(any(feature = "hdf5", feature = "lmdb"))]
mod damage;
mod exclusion;
mod file_names;
mod folder;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "hdf5")]
mod hdf5_chunks;
#[cfg(feature = "hdf5")]
mod hdf5_dataset;
#[cfg(feature = "hdf5")]
mod hdf5_open_dataset;
mod image_file;
mod images;
mod kind;
mod layout;
mod list;
mod list_mistakes;
#[cfg(feature = "lmdb")]
mod lmdb;
#[cfg(feature = "lmdb")]
mod lmdb_map;
#[cfg(feature = "lmdb")]
mod lmdb_read_range;
mod members;
mod named_source;
mod opening;
mod others;
mod parallel;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "parquet")]
mod parquet_column;
#[cfg(feature = "parquet")]
mod parquet_file;
mod place;
mod quoting;
mod row_reader;
mod scan;
mod search;
mod shared_handle;
mod source;
mod source_list;
mod source_path;
mod stamp;
mod tar;
mod zip;

pub use exclusion::Exclusion;
pub use file_names::FileNames;
pub use images::Images;
pub use kind::Kind;
pub use list::{is_file, parse_list};
pub use named_source::NamedSource;
pub use place::Place;
pub use quoting::{names_of, quoted, unquoted};
pub use row_reader::RowReader;
pub use scan::scan;
pub use source_list::SourceList;
pub use stamp::Stamp;
