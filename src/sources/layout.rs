//! How an array's rows lie: pixels of 8 bits, (N, H, W, 3), (N, 3, H, W) or (N, H, W); or a model's input, f32 (N, 3, H, W).

use crate::images::ensure_readable;
use crate::sources::source::Item;

/// How one row lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    width: u32,
    height: u32,
    channels: u8,
    /// (3, H, W): one channel after the other.
    planar: bool,
    /// Bytes of a number: 1, or 4 where rows are what a model takes.
    number: u8,
}

impl Layout {
    /// The layout of a whole array of pixels, by its shape. `None` if that is not a shape of images.
    pub fn of(shape: &[u64]) -> Option<Self> {
        let (height, width, channels, planar) = match *shape {
            [_, height, width] => (height, width, 1, false),
            [_, height, width, 3] => (height, width, 3, false),
            [_, 3, height, width] => (height, width, 3, true),
            _ => return None,
        };
        let side = |n: u64| u32::try_from(n).ok().filter(|&n| n > 0);
        let numbers = [height, width, channels.into(), size_of::<f32>() as u64];
        let bytes = numbers.into_iter().try_fold(1, u64::checked_mul)?;
        ensure_readable(bytes).ok()?;
        Some(Self {
            width: side(width)?,
            height: side(height)?,
            channels,
            planar,
            number: 1,
        })
    }

    /// The layout of a whole array of f32, by its shape. `None` if that is not (N, 3, H, W).
    pub fn of_values(shape: &[u64]) -> Option<Self> {
        let layout = Self::of(shape).filter(|layout| layout.planar && shape.len() == 4)?;
        Some(Self {
            number: 4,
            ..layout
        })
    }

    /// Height and width of rows that go to the model as they are. `None` for pixels.
    pub fn values(self) -> Option<(u32, u32)> {
        (self.number == 4).then_some((self.height, self.width))
    }

    /// (H, W, 3): the last axis tells what the others are.
    #[cfg(feature = "hdf5")]
    pub fn is_interleaved(self) -> bool {
        self.channels > 1 && !self.planar
    }

    pub fn is_planar(self) -> bool {
        self.planar
    }

    pub fn bytes(self) -> u64 {
        let numbers = u64::from(self.width) * u64::from(self.height) * u64::from(self.channels);
        numbers * u64::from(self.number)
    }

    /// Puts a row into `into`, the channels of each pixel side by side.
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
                match self.number {
                    1 => side_by_side::<1>(row, into),
                    _ => side_by_side::<4>(row, into),
                }
            }
        }
        self.item()
    }

    pub fn item(self) -> Item {
        if self.number > 1 {
            return Item::Values;
        }
        Item::Pixels {
            width: self.width,
            height: self.height,
            channels: self.channels,
        }
    }
}

/// Three planes become pixels of three numbers of `N` bytes.
fn side_by_side<const N: usize>(planes: &[u8], pixels: &mut [u8]) {
    let (planes, _) = planes.as_chunks::<N>();
    let (pixels, _) = pixels.as_chunks_mut::<N>();
    let count = planes.len() / 3;
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        pixel.copy_from_slice(&[planes[i], planes[count + i], planes[2 * count + i]]);
    }
}
