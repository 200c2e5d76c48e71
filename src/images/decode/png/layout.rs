//! How a PNG's samples lie in its rows: `_MODES` of Pillow's `PngImagePlugin.py`.

use crate::images::decode::raw::{Kind, Number, Raw};

/// The row format of a colour type and a depth, as in `IHDR`; none where they do not go together. 16-bit grey is
/// clipped, other 16-bit samples lose their low byte.
pub fn row_format(colour_type: u8, depth: u8) -> Option<Raw> {
    let bits = usize::from(depth);
    Some(match (colour_type, depth) {
        (0, 1 | 2 | 4 | 8) => Raw::Grey {
            bits,
            inverted: false,
        },
        (0, 16) => Raw::Number(Number {
            kind: Kind::U16,
            big_endian: true,
        }),
        (2, 8) => Raw::RGB,
        (2, 16) => Raw::Bytes {
            bytes: 6,
            rgb: [0, 2, 4],
        },
        (3, 1 | 2 | 4 | 8) => Raw::Index { bits, extra: 0 },
        (4, 8) => Raw::Bytes {
            bytes: 2,
            rgb: [0, 0, 0],
        },
        (4, 16) => Raw::Bytes {
            bytes: 4,
            rgb: [0, 0, 0],
        },
        (6, 8) => Raw::Bytes {
            bytes: 4,
            rgb: [0, 1, 2],
        },
        (6, 16) => Raw::Bytes {
            bytes: 8,
            rgb: [0, 2, 4],
        },
        _ => return None,
    })
}

/// How long a `tRNS` chunk has to be.
pub fn transparency_bytes(format: Option<Raw>) -> usize {
    match format {
        Some(Raw::Grey { .. } | Raw::Number(_)) => 2,
        Some(Raw::Bytes { bytes: 3 | 6, .. }) => 6,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_standards_combinations() {
        let bits: Vec<usize> = (0..=6)
            .flat_map(|colour| (0..=16).filter_map(move |depth| row_format(colour, depth)))
            .map(Raw::bits_per_pixel)
            .collect();
        assert_eq!(bits, [1, 2, 4, 8, 16, 24, 48, 1, 2, 4, 8, 16, 32, 32, 64]);
    }
}
