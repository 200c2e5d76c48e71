//! What a file format has to offer.

use crate::export::table::Table;
use crate::rows::unfinished_file::UnfinishedFile;
use anyhow::Result;

/// A file format that holds layers and the names of their rows.
pub trait Format: Sync {
    /// What file names end in, without the dot.
    fn endings(&self) -> &'static [&'static str];

    /// False where a file holds one layer alone.
    fn takes_several(&self) -> bool {
        true
    }

    /// Looks for what the format cannot hold, before anything is written.
    ///
    /// # Errors
    /// What it is, and what holds it instead.
    fn check(&self, table: &Table) -> Result<()>;

    /// Bytes that the file will have; of a text format, at least.
    fn file_bytes(&self, table: &Table) -> u64;

    /// Writes the whole export into an empty file. The caller makes it durable and names it.
    ///
    /// # Errors
    /// Rows that cannot be read; a disk that fails or is full.
    fn write(&self, table: &Table, into: &UnfinishedFile) -> Result<()>;
}
