//! Byte order and differences between neighbours, undone: libtiff's `tif_predict.c` and what surrounds it.

use crate::images::decode::tiff::directory::{Directory, tag};
use crate::images::decode::tiff::setup::Setup;
use crate::images::image_error::{ImageError, Result};

/// What is to be undone in each row once it is expanded.
#[derive(Debug, Clone, Copy)]
pub struct Predictor {
    kind: Kind,
    /// Bytes a sample.
    size: usize,
    /// Samples are in the other byte order.
    swapped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Horizontal,
    Float,
}

impl Predictor {
    /// # Errors
    /// A predictor that libtiff does not know for samples of this size.
    pub fn new(directory: &Directory<'_>, setup: &Setup, used: bool) -> Result<Self> {
        let size = setup.bits as usize / 8;
        let stated = if used {
            directory.number(tag::PREDICTOR)?.unwrap_or(1)
        } else {
            1
        };
        let kind = match (stated, setup.bits) {
            (1, _) => Kind::None,
            (2, 8 | 16 | 32) => Kind::Horizontal,
            (3, 32) => Kind::Float,
            _ => return Err(ImageError::Unsupported("TIFF predictor")),
        };
        Ok(Self {
            kind,
            size,
            swapped: setup.big_endian && size > 1,
        })
    }

    /// Undoes it in rows of `row_bytes`; afterwards samples are little endian.
    pub fn undo(self, rows: &mut [u8], row_bytes: usize, samples: usize) {
        if self.kind == Kind::Float {
            return rows
                .chunks_exact_mut(row_bytes)
                .for_each(|row| self.undo_float(row, samples));
        }
        if self.swapped {
            rows.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
        }
        if self.kind == Kind::Horizontal {
            rows.chunks_exact_mut(row_bytes)
                .for_each(|row| self.undo_horizontal(row, samples));
        }
    }

    fn undo_horizontal(self, row: &mut [u8], samples: usize) {
        let stride = samples * self.size;
        for at in (stride..row.len()).step_by(self.size) {
            let mut carry = 0;
            for byte in at..at + self.size {
                let sum = u16::from(row[byte]) + u16::from(row[byte - stride]) + carry;
                row[byte] = sum as u8;
                carry = sum >> 8;
            }
        }
    }

    /// The bytes of all samples apart, highest first, each the difference to its neighbour.
    fn undo_float(self, row: &mut [u8], samples: usize) {
        for at in samples..row.len() {
            row[at] = row[at].wrapping_add(row[at - samples]);
        }
        let count = row.len() / self.size;
        let apart = row.to_vec();
        for (i, sample) in row.chunks_exact_mut(self.size).enumerate() {
            for (byte, value) in sample.iter_mut().enumerate() {
                *value = apart[(self.size - 1 - byte) * count + i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_two_bytes_carry() {
        let predictor = Predictor {
            kind: Kind::Horizontal,
            size: 2,
            swapped: true,
        };
        let mut row = [0x00, 0xff, 0x00, 0x01, 0xff, 0xff];
        predictor.undo(&mut row, 6, 1);
        assert_eq!(row, [0xff, 0x00, 0x00, 0x01, 0xff, 0x00]);
    }

    #[test]
    fn bytes_of_floats_come_together() {
        let predictor = Predictor {
            kind: Kind::Float,
            size: 4,
            swapped: false,
        };
        let mut row = [1, 1, 1, 1, 1, 1, 1, 1];
        predictor.undo(&mut row, 8, 1);
        assert_eq!(row, [7, 5, 3, 1, 8, 6, 4, 2]);
    }
}
