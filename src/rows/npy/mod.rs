//! The header of an `.npy` file: what it says, and how it is written.
//! Source: NEP 1 and `numpy/lib/_format_impl.py`.
//!
//! A header is checked in full before it is believed: a [`Header`] in hand means that the file holds exactly
//! the bytes that its shape and dtype promise.
//!
//! The crate `ndarray-npy` reads and writes these files too; the tests check that each reads what the other
//! writes. Rows do not go through it (0.9), because of what it cannot do:
//! - read a range of rows: it reads the whole array into memory, and files here are larger than that;
//! - write a header of a given length, or with room for its row count to grow in place, as parts and merges need it;
//! - distrust a file: it takes as much memory as the header's length (up to 4 GiB) and shape ask for, before it looks
//!   whether the file has as much;
//! - take an element type that is not known when featx is compiled, or f16, which is what `--dtype f16` stores.

mod literal;
mod read;

use crate::rows::dtype::Dtype;
use anyhow::{Context, Result, ensure};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Data starts at a multiple of this, so that mapped rows are aligned.
const ALIGN: usize = 64;
/// `np.save` leaves room for a first axis of this many digits to grow in place.
const GROWTH_DIGITS: usize = 21;
/// No array of numbers needs a longer header; NumPy itself distrusts more than 10,000.
const MAX_TEXT: usize = 65_535;

/// What an `.npy` file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub dtype: Dtype,
    /// True where the first axis varies fastest. Never true for an array of fewer than two axes: both orders are one.
    pub fortran_order: bool,
    /// Lengths of the axes; the first counts rows.
    pub shape: Vec<u64>,
    /// Bytes before the data.
    pub data_offset: u64,
    /// Format version, 1 to 3.
    pub version: u8,
}

impl Header {
    /// The header of a C-ordered array, `data_offset` being where `np.save` would start its data.
    ///
    /// # Errors
    /// A shape of more than 2^63 bytes or 64 axes.
    pub fn new(dtype: Dtype, shape: Vec<u64>) -> Result<Self> {
        let mut header = Self {
            dtype,
            fortran_order: false,
            shape,
            data_offset: 0,
            version: 1,
        };
        header.check_size()?;
        header.data_offset = header.to_bytes().len() as u64;
        Ok(header)
    }

    /// Proves that no product of these lengths overflows: every later one is a part of this one.
    fn check_size(&self) -> Result<()> {
        let axes = self.shape.iter().filter(|&&n| n > 0);
        axes.copied()
            .try_fold(self.dtype.size().max(1), u64::checked_mul)
            .filter(|&bytes| bytes <= i64::MAX as u64)
            .with_context(|| {
                format!(
                    "expected a shape of less than 2^63 bytes, found {} of {}",
                    shape_text(&self.shape),
                    self.dtype
                )
            })?;
        Ok(())
    }

    /// Length of the first axis; `None` for a single number, which has no rows.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.shape.first().copied()
    }

    /// Lengths of the axes after the first.
    #[must_use]
    pub fn row_shape(&self) -> &[u64] {
        self.shape.get(1..).unwrap_or_default()
    }

    /// Bytes a row.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        self.row_shape().iter().product::<u64>() * self.dtype.size()
    }

    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Bytes of data, without the header.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.elements() * self.dtype.size()
    }

    /// True where rows of one may stand beside rows of the other.
    #[must_use]
    pub fn has_rows_like(&self, other: &Self) -> bool {
        self.row_shape() == other.row_shape() && self.dtype == other.dtype
    }

    /// The same array with another number of rows.
    ///
    /// # Errors
    /// A shape of more than 2^63 bytes.
    pub fn with_rows(&self, rows: u64) -> Result<Self> {
        let mut header = self.clone();
        *header
            .shape
            .first_mut()
            .context("a single number has no rows")? = rows;
        header.check_size()?;
        Ok(header)
    }

    /// The bytes that `np.save` of NumPy 2 writes before such an array: format 1.0, data at a multiple of 64.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = self.text();
        let axis = if self.fortran_order {
            self.shape.last()
        } else {
            self.shape.first()
        };
        let growth = axis.map_or(0, |n| GROWTH_DIGITS - n.to_string().len());
        let used = 10 + text.len() + growth + 1;
        // A whole `ALIGN` more where nothing is left over: so does NumPy.
        frame(&text, 1, used + ALIGN - used % ALIGN)
    }

    /// A header of exactly `length` bytes in the format of `version`, for rewriting one in place.
    ///
    /// # Errors
    /// `length` is too short for this shape, or too long for the format.
    pub fn to_bytes_padded(&self, version: u8, length: usize) -> Result<Vec<u8>> {
        let text = self.text();
        let (least, most) = match version {
            1 => (11 + text.len(), 10 + MAX_TEXT),
            _ => (13 + text.len(), 12 + MAX_TEXT),
        };
        ensure!(
            (least..=most).contains(&length),
            "a header of shape {} takes {least} to {most} bytes, not {length}",
            shape_text(&self.shape)
        );
        Ok(frame(&text, version, length))
    }

    fn text(&self) -> String {
        let order = if self.fortran_order { "True" } else { "False" };
        format!(
            "{{'descr': '{}', 'fortran_order': {order}, 'shape': {}, }}",
            self.dtype,
            shape_text(&self.shape)
        )
    }
}

/// A shape as Python prints it: `()`, `(3,)`, `(3, 4)`.
#[must_use]
pub fn shape_text(shape: &[u64]) -> String {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    match lengths.as_slice() {
        [one] => format!("({one},)"),
        many => format!("({})", many.join(", ")),
    }
}

/// Magic, version, length, `text`, spaces and a newline: `length` bytes in all.
fn frame(text: &str, version: u8, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[version, 0]);
    match version {
        1 => bytes.extend_from_slice(&((length - 10) as u16).to_le_bytes()),
        _ => bytes.extend_from_slice(&((length - 12) as u32).to_le_bytes()),
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(length - 1, b' ');
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::row_type::RowType;

    #[test]
    fn a_header_reads_back() {
        for shape in [
            vec![],
            vec![0],
            vec![7],
            vec![5, 0, 3],
            vec![1_281_167, 512, 7, 7],
        ] {
            let header = Header::new(Dtype::from(RowType::F32), shape).unwrap();
            let bytes = header.to_bytes();
            let length = bytes.len() as u64 + header.data_bytes();
            assert_eq!(bytes.len() % ALIGN, 0);
            assert_eq!(Header::read_from(&mut &bytes[..], length).unwrap(), header);
        }
    }

    #[test]
    fn a_sealed_part_keeps_its_header_length() {
        let full = Header::new(Dtype::from(RowType::F16), vec![2688, 4096]).unwrap();
        let early = full.with_rows(3).unwrap();
        let bytes = early.to_bytes_padded(1, full.data_offset as usize).unwrap();
        assert_eq!(bytes, early.to_bytes());
        assert!(early.to_bytes_padded(1, 64).is_err());
    }
}
