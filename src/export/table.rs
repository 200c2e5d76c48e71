//! What is exported: layers, the names of their rows, and what was run.

use crate::export::facts::Fact;
use crate::export::row_names::RowNames;
use crate::rows::number::Number;
use crate::rows::sealed_rows::SealedRows;
use anyhow::{Result, ensure};
use std::ops::Range;

/// Layers of as many rows each.
pub struct Table<'a> {
    pub layers: Vec<Layer>,
    /// `None` where nothing says which row is which image.
    pub names: Option<RowNames>,
    pub facts: Vec<Fact>,
    /// Told of the bytes of rows that were read.
    pub advance: &'a dyn Fn(u64),
}

/// One layer, named as the model names it.
pub struct Layer {
    pub name: String,
    pub rows: SealedRows,
}

impl Table<'_> {
    /// Rows of each layer.
    pub fn rows(&self) -> u64 {
        self.layers.first().map_or(0, |layer| layer.rows.rows())
    }

    /// Bytes of all rows of all layers.
    pub fn data_bytes(&self) -> u64 {
        self.layers.iter().map(Layer::bytes).sum()
    }

    /// # Errors
    /// A file name that is not UTF-8, which `format` cannot hold.
    pub fn ensure_names_are_text(&self, format: &str) -> Result<()> {
        self.names
            .as_ref()
            .map_or(Ok(()), |names| names.ensure_text(format))
    }

    /// # Errors
    /// Layers that have not the same number of rows, or not as many as there are names.
    pub fn check(&self) -> Result<()> {
        for layer in &self.layers {
            ensure!(
                layer.rows.rows() == self.rows(),
                "layer '{}' has {} rows, but '{}' has {}; export one of them with --layer",
                layer.name,
                layer.rows.rows(),
                self.layers[0].name,
                self.rows()
            );
        }
        self.names
            .as_ref()
            .map_or(Ok(()), |names| names.ensure_count(self.rows()))
    }

    /// Hands over rows of a layer, as [`SealedRows::for_each_block`] does.
    ///
    /// # Errors
    /// As there.
    pub fn for_each_block(
        &self,
        layer: &Layer,
        rows: Range<u64>,
        at_once: u64,
        mut take: impl FnMut(Range<u64>, &[u8]) -> Result<()>,
    ) -> Result<()> {
        layer.rows.for_each_block(rows, at_once, |rows, bytes| {
            take(rows, bytes)?;
            (self.advance)(bytes.len() as u64);
            Ok(())
        })
    }

    /// All rows of a layer, some 4 MiB at once.
    ///
    /// # Errors
    /// As [`SealedRows::for_each_block`].
    pub fn for_all_rows(
        &self,
        layer: &Layer,
        take: impl FnMut(Range<u64>, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.for_each_block(layer, 0..layer.rows.rows(), layer.rows.block_rows(), take)
    }
}

impl Layer {
    /// Lengths of all axes; the first counts rows.
    pub fn shape(&self) -> &[u64] {
        &self.rows.header.shape
    }

    /// Numbers a row.
    pub fn width(&self) -> u64 {
        self.rows.header.row_shape().iter().product()
    }

    pub fn bytes(&self) -> u64 {
        self.rows.header.data_bytes()
    }

    pub fn number(&self) -> Option<Number> {
        self.rows.header.dtype.number()
    }
}
