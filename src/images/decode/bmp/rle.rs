//! Run-length BMP: Pillow's `BmpRleDecoder`. A run that leaves its row is cut at the
//! row's end, so it cannot shift the rows after it.

use crate::images::decode::bytes::Bytes;
use crate::images::image_error::{ImageError, Result};

/// Expands the runs at `offset` to a byte a pixel, the image's first stored row first.
///
/// # Errors
/// [`ImageError::Truncated`] where they end before the last pixel.
pub fn expand(
    data: &[u8],
    offset: usize,
    width: usize,
    height: usize,
    rle4: bool,
) -> Result<Vec<u8>> {
    let wanted = width * height;
    let mut made = Vec::new();
    let mut bytes = Bytes::new(data, offset.min(data.len()));
    let mut x = 0;
    while made.len() < wanted {
        let &[count, value] = bytes.take_some(2) else {
            break;
        };
        match (count, value) {
            (0, 0) => {
                made.resize(made.len().next_multiple_of(width), 0);
                x = 0;
            }
            (0, 1) => break,
            (0, 2) => {
                let &[right, up] = bytes.take_some(2) else {
                    break;
                };
                let skipped = usize::from(right) + usize::from(up) * width;
                made.resize(wanted.min(made.len() + skipped), 0);
                x = made.len() % width;
            }
            (0, count) => {
                if !copy(
                    &mut bytes,
                    usize::from(count).min(wanted - made.len()),
                    rle4,
                    &mut made,
                ) || made.len() == wanted
                {
                    break;
                }
                x += usize::from(count);
                bytes.at += bytes.at % 2;
            }
            (count, value) => {
                let count = usize::from(count).min(width.saturating_sub(x));
                let pair = if rle4 {
                    [value >> 4, value & 15]
                } else {
                    [value; 2]
                };
                made.extend(pair.iter().cycle().take(count));
                x += count;
            }
        }
    }
    if made.len() < wanted {
        Err(ImageError::Truncated)
    } else {
        Ok(made)
    }
}

/// Copies pixels that are not runs; false where they are cut.
fn copy(bytes: &mut Bytes<'_>, count: usize, rle4: bool, made: &mut Vec<u8>) -> bool {
    let length = if rle4 { count.div_ceil(2) } else { count };
    let taken = bytes.take_some(length);
    if rle4 {
        made.extend(
            taken
                .iter()
                .flat_map(|byte| [byte >> 4, byte & 15])
                .take(count),
        );
    } else {
        made.extend_from_slice(taken);
    }
    taken.len() == length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_copies_ends_and_jumps() {
        let data = [2, 7, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 1, 0, 2, 9, 0, 1];
        assert_eq!(
            expand(&data, 0, 3, 3, false).unwrap(),
            [7, 7, 0, 1, 2, 3, 0, 9, 9]
        );
    }

    #[test]
    fn what_ends_early_is_truncated() {
        assert!(matches!(
            expand(&[2, 7, 0, 1], 0, 3, 1, false),
            Err(ImageError::Truncated)
        ));
    }

    #[test]
    fn nibbles_alternate() {
        assert_eq!(expand(&[3, 0x12], 0, 3, 1, true).unwrap(), [1, 2, 1]);
        assert_eq!(
            expand(&[0, 3, 0x12, 0x30], 0, 3, 1, true).unwrap(),
            [1, 2, 3]
        );
    }
}
