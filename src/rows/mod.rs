//! Files of rows: `.npy` files, the parts of a layer, and what joins, cuts and describes them. Knows nothing of runs.

pub mod aside;
#[cfg(feature = "torch")]
pub mod bus_error;
pub mod checksum;
pub mod copy;
pub mod dtype;
pub mod durable;
pub mod join;
pub mod layer_folder;
mod merging_file;
pub mod npy;
pub mod number;
pub mod part;
mod part_file;
#[cfg(feature = "torch")]
pub mod part_writer;
pub mod read_statistics;
pub mod removal;
pub mod row_set;
pub mod row_type;
pub mod sealed_rows;
pub mod size_limit;
pub mod split;
pub mod split_by_folder;
pub mod statistics;
pub mod unfinished_file;
pub mod values;
