//! A part of an image.

use std::ops::Range;

/// Columns and rows of a decoded image, neither of them empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub columns: Range<usize>,
    pub rows: Range<usize>,
}
