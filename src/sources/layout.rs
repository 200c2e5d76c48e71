//! How the pixels of an array's rows lie: (N, H, W, 3), (N, 3, H, W) or (N, H, W), 8 bits each.

use crate::sources::source::Item;

/// Of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    width: u32,
    height: u32,
    channels: u8,
    /// (3, H, W): a channel after the other.
    planar: bool,
}

impl Layout {
    /// Of a whole array's shape; none where that is not of images.
    pub fn of(shape: &[u64]) -> Option<Self> {
        let (height, width, channels, planar) = match *shape {
            [_, height, width] => (height, width, 1, false),
            [_, height, width, 3] => (height, width, 3, false),
            [_, 3, height, width] => (height, width, 3, true),
            _ => return None,
        };
        let side = |n: u64| u32::try_from(n).ok().filter(|&n| n > 0);
        Some(Self {
            width: side(width)?,
            height: side(height)?,
            channels,
            planar,
        })
    }

    pub fn is_planar(self) -> bool {
        self.planar
    }

    pub fn bytes(self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.channels)
    }

    /// Puts a row's pixels into `into`, the channels of each side by side.
    ///
    /// # Panics
    /// Where `row` has another length.
    pub fn unfold(self, row: &[u8], into: &mut Vec<u8>) -> Item {
        assert_eq!(row.len() as u64, self.bytes(), "one row");
        into.clear();
        match self.planar {
            false => into.extend_from_slice(row),
            true => {
                into.resize(row.len(), 0);
                side_by_side(row, into);
            }
        }
        self.item()
    }

    pub fn item(self) -> Item {
        Item::Pixels {
            width: self.width,
            height: self.height,
            channels: self.channels,
        }
    }
}

/// Three planes become pixels of three values.
fn side_by_side(planes: &[u8], pixels: &mut [u8]) {
    let count = planes.len() / 3;
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        pixel.copy_from_slice(&[planes[i], planes[count + i], planes[2 * count + i]]);
    }
}
