//! The program as its users run it, and its rooms compared with the libraries that they follow. One file for each command
//! or room.

// Clippy allows unwrap in tests, but not in their helpers. An unwrap that fails fails the test.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "images")]
mod broken;
#[cfg(all(feature = "torch", feature = "hdf5"))]
mod checksums;
#[cfg(feature = "torch")]
mod completions;
#[cfg(feature = "torch")]
mod devices;
#[cfg(all(feature = "hdf5", feature = "parquet"))]
mod exports;
#[cfg(all(feature = "hdf5", feature = "parquet"))]
mod exports_faults;
#[cfg(feature = "torch")]
mod extract;
#[cfg(feature = "torch")]
mod extract_again;
#[cfg(feature = "torch")]
mod extract_faults;
#[cfg(feature = "torch")]
mod extract_options;
#[cfg(feature = "torch")]
mod extract_refusals;
#[cfg(feature = "torch")]
mod extract_refused_files;
#[cfg(feature = "torch")]
mod faults;
#[cfg(feature = "images")]
mod faxes;
#[cfg(feature = "torch")]
mod fidelity;
#[cfg(feature = "images")]
mod formats;
mod inspect;
#[cfg(feature = "torch")]
mod lanes;
#[cfg(feature = "torch")]
mod libtorch;
#[cfg(feature = "torch")]
mod limits;
#[cfg(feature = "torch")]
mod lists;
#[cfg(feature = "torch")]
mod memory;
mod merge;
mod npy;
#[cfg(feature = "images")]
mod pixels;
#[cfg(feature = "images")]
mod preprocess;
#[cfg(feature = "torch")]
mod provenance;
#[cfg(feature = "torch")]
mod pt2;
#[cfg(feature = "torch")]
mod pt2_fuzz;
#[cfg(feature = "torch")]
mod pt2_refused;
#[cfg(feature = "torch")]
mod reduce;
mod removal;
#[cfg(feature = "torch")]
mod replicas;
#[cfg(all(feature = "torch", feature = "report"))]
mod report;
#[cfg(feature = "torch")]
mod resume;
#[cfg(feature = "torch")]
mod runs_of_0_1_0;
#[cfg(feature = "images")]
mod scan;
#[cfg(feature = "torch")]
mod shards;
#[cfg(feature = "torch")]
mod sources;
#[cfg(all(feature = "torch", feature = "hdf5"))]
mod sources_hdf5;
#[cfg(feature = "torch")]
mod sources_index;
#[cfg(all(
    feature = "torch",
    feature = "hdf5",
    feature = "lmdb",
    feature = "parquet"
))]
mod sources_killed;
#[cfg(all(feature = "torch", feature = "lmdb"))]
mod sources_lmdb;
#[cfg(all(feature = "torch", feature = "parquet"))]
mod sources_parquet;
#[cfg(feature = "torch")]
mod sources_zip;
mod split;
mod streams;
mod support;
#[cfg(feature = "torch")]
mod unusual;
#[cfg(feature = "images")]
mod windows;
mod without_torch;
