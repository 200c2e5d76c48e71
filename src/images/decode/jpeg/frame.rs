//! The markers of a JPEG up to its first scan: what has to be known before anything is allocated for its pixels. What is
//! broken beyond that is left to libjpeg, which refuses it before it allocates.

use crate::images::image_error::{ImageError, Result};

/// What is known from the markers before the first scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub width: usize,
    pub height: usize,
    pub components: usize,
    /// What libjpeg keeps of each pixel until the last scan: nothing where there is one scan only.
    pub coefficient_bytes: usize,
}

/// Walks the markers up to the first scan, as libjpeg does: bytes between them are skipped.
///
/// # Errors
/// A file that ends before its first scan, or has no frame before it; frames that are not decoded here.
pub fn read_frame(data: &[u8]) -> Result<Frame> {
    let mut frame = None;
    let mut at = 2;
    loop {
        at += data
            .get(at..)
            .and_then(|rest| rest.iter().position(|&b| b == 0xff))
            .ok_or(ImageError::Truncated)?;
        let marker = *data.get(at + 1).ok_or(ImageError::Truncated)?;
        match marker {
            // Padding: the second 0xff may itself begin a marker.
            0xff => at += 1,
            // No segment follows.
            0x00 | 0x01 | 0xd0..=0xd9 => at += 2,
            _ => {
                let segment = segment(data, at + 2)?;
                match marker {
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                        let is_progressive = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
                        frame = Some((read_start_of_frame(segment)?, is_progressive));
                    }
                    0xda => {
                        let (frame, is_progressive) =
                            frame.ok_or(ImageError::Corrupt("a JPEG scan without a frame"))?;
                        return Ok(frame.before_scan(segment, is_progressive));
                    }
                    _ => {}
                }
                at += 4 + segment.len();
            }
        }
    }
}

impl Frame {
    /// The frame, now that its first scan is known: coefficients are kept only where more scans follow.
    fn before_scan(self, scan: &[u8], is_progressive: bool) -> Self {
        let in_scan = scan.first().copied().map_or(0, usize::from);
        let coefficient_bytes = match is_progressive || in_scan < self.components {
            true => self.coefficient_bytes,
            false => 0,
        };
        Self {
            coefficient_bytes,
            ..self
        }
    }
}

/// The segment whose length is stored at `at`, without the two bytes of the length.
fn segment(data: &[u8], at: usize) -> Result<&[u8]> {
    let length = data.get(at..at + 2).ok_or(ImageError::Truncated)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]])).saturating_sub(2);
    data.get(at + 2..at + 2 + length)
        .ok_or(ImageError::Truncated)
}

fn read_start_of_frame(segment: &[u8]) -> Result<Frame> {
    let &[bits, h1, h0, w1, w0, components, ref layers @ ..] = segment else {
        return Err(ImageError::Corrupt("the JPEG frame header is too short"));
    };
    if bits != 8 {
        return Err(ImageError::Unsupported("JPEG of other than 8 bits"));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(ImageError::Unsupported(
            "JPEG of other than 1, 3 or 4 components",
        ));
    }
    Ok(Frame {
        width: usize::from(u16::from_be_bytes([w1, w0])),
        height: usize::from(u16::from_be_bytes([h1, h0])),
        components: usize::from(components),
        coefficient_bytes: coefficient_bytes(layers),
    })
}

/// Two for each sample of a component, of which a subsampled one has fewer; rounded up to whole bytes a pixel.
fn coefficient_bytes(layers: &[u8]) -> usize {
    let factors = || {
        let factor = |layer: &[u8]| (usize::from(layer[1] >> 4), usize::from(layer[1] & 15));
        layers.chunks_exact(3).map(factor)
    };
    let most = |of: fn((usize, usize)) -> usize| factors().map(of).max().unwrap_or(1).max(1);
    let whole = most(|(across, _)| across) * most(|(_, down)| down);
    let samples: usize = factors().map(|(across, down)| across * down).sum();
    (2 * samples).div_ceil(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
        let mut data = b"\xff\xd8".to_vec();
        for (marker, segment) in segments {
            data.extend([0xff, *marker]);
            data.extend((segment.len() as u16 + 2).to_be_bytes());
            data.extend(*segment);
        }
        data.extend(b"\xff\xda\0\x02");
        data
    }

    const GREY: (u8, &[u8]) = (0xc0, &[8, 0, 3, 0, 5, 1, 1, 0x11, 0]);

    #[test]
    fn size_and_components_are_found_between_junk() {
        let mut data = jpeg(&[GREY]);
        data.splice(2..2, [1, 2, 0xff, 0]);
        assert_eq!(
            read_frame(&data).unwrap(),
            Frame {
                width: 5,
                height: 3,
                components: 1,
                coefficient_bytes: 2, // of a scan that names no component
            }
        );
    }

    #[test]
    fn frames_that_are_not_decoded_and_none_at_all_are_errors() {
        for frame in [&[12, 0, 3, 0, 5, 1][..], &[8, 0, 3, 0, 5, 2]] {
            let found = read_frame(&jpeg(&[(0xc0, frame)]));
            assert!(
                matches!(found, Err(ImageError::Unsupported(_))),
                "{frame:?}: {found:?}"
            );
        }
        assert!(matches!(
            read_frame(&jpeg(&[])),
            Err(ImageError::Corrupt(_))
        ));
    }

    #[test]
    fn a_header_that_ends_too_early_is_truncated() {
        let whole = jpeg(&[(0xe0, b"JFIF\0"), GREY]);
        for length in 2..whole.len() {
            assert!(matches!(
                read_frame(&whole[..length]),
                Err(ImageError::Truncated)
            ));
        }
    }
}
