//! Where the item of a row is.

/// The number of its source, and the two halves of [`crate::sources::source::Address::at`]. Twelve bytes, for there may be
/// millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub [u32; 3]);

impl Place {
    pub fn new(source: usize, at: u64) -> Self {
        Self([source as u32, (at >> 32) as u32, at as u32])
    }

    pub fn source(self) -> usize {
        self.0[0] as usize
    }

    pub(super) fn at(self) -> u64 {
        u64::from(self.0[1]) << 32 | u64::from(self.0[2])
    }
}
