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
mod folder;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "hdf5")]
mod hdf5_chunks;
#[cfg(feature = "hdf5")]
mod hdf5_dataset;
mod images;
mod kind;
mod layout;
mod left_out;
mod list;
mod list_mistakes;
#[cfg(feature = "lmdb")]
mod lmdb;
#[cfg(feature = "lmdb")]
mod lmdb_map;
mod members;
mod named_source;
mod names;
mod opening;
mod parallel;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "parquet")]
mod parquet_column;
#[cfg(feature = "parquet")]
mod parquet_file;
mod quoting;
mod scan;
mod search;
mod shared;
mod single;
mod source;
mod source_list;
mod stamp;
mod tar;
mod typed;
mod zip;

pub use images::{Images, Place, RowReader};
pub use kind::Kind;
pub use left_out::LeftOut;
pub use list::{is_file, parse_list};
pub use named_source::NamedSource;
pub use names::FileNames;
pub use quoting::{names_of, quoted, unquoted};
pub use scan::scan;
pub use source_list::SourceList;
pub use stamp::Stamp;
