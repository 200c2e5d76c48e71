//! The markers of a JPEG up to its first scan: Pillow's `JpegImagePlugin.py`, which refuses some files that libjpeg
//! would take.

use crate::images::error::{ImageError, Result};

/// What Pillow takes from the markers before the first scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub width: usize,
    pub height: usize,
    pub components: usize,
    /// That libjpeg keeps of each pixel: none where the only scan gives them all at once.
    pub coefficient_bytes: usize,
}

/// `JpegImageFile._open`: walks the markers up to the first scan; what stands between them is skipped.
pub fn read_frame(data: &[u8]) -> Result<Frame> {
    let mut frame = None;
    let mut profile: Vec<&[u8]> = Vec::new();
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
            0x00 => at += 2,
            0x01..=0xbf => return Err(ImageError::Corrupt("no marker found in the JPEG header")),
            0xc8 | 0xd0..=0xd9 | 0xf0..=0xfd => at += 2,
            _ => {
                let segment = segment(data, at + 2)?;
                match marker {
                    0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xde => {
                        let is_progressive = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
                        frame = Some((read_start_of_frame(segment)?, is_progressive));
                        check_profile(&mut profile)?;
                    }
                    0xdb => check_quantisation(segment)?,
                    0xe2 if segment.starts_with(b"ICC_PROFILE\0") => profile.push(segment),
                    0xe0..=0xef => check_application(marker, segment)?,
                    0xda => {
                        let (frame, is_progressive) =
                            frame.ok_or(ImageError::Corrupt("a JPEG scan without a frame"))?;
                        let in_scan = segment.first().copied().map_or(0, usize::from);
                        let coefficient_bytes = match is_progressive || in_scan < frame.components {
                            true => frame.coefficient_bytes,
                            false => 0,
                        };
                        return Ok(Frame {
                            coefficient_bytes,
                            ..frame
                        });
                    }
                    _ => {}
                }
                at += 4 + segment.len();
            }
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
    if layers.len() % 3 != 0 {
        return Err(ImageError::Corrupt("the JPEG frame header is cut"));
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

/// `SOF` looks at a byte of the first part, in byte order, of a colour profile.
fn check_profile(parts: &mut Vec<&[u8]>) -> Result<()> {
    let first = parts.iter().min().copied();
    parts.clear();
    match first {
        Some(part) if part.len() < 14 => Err(ImageError::Corrupt("a JPEG colour profile is cut")),
        _ => Ok(()),
    }
}

/// `APP`: what it reads of well-known segments without looking whether it is there.
fn check_application(marker: u8, segment: &[u8]) -> Result<()> {
    let version_missing = segment.len() < 7
        && ((marker == 0xe0 && segment.starts_with(b"JFIF"))
            || (marker == 0xee && segment.starts_with(b"Adobe")));
    let resources_cut =
        marker == 0xed && segment.starts_with(b"Photoshop 3.0\0") && !can_walk_resources(segment);
    if version_missing || resources_cut {
        return Err(ImageError::Corrupt(
            "a JPEG application segment is too short",
        ));
    }
    Ok(())
}

/// Whether every Photoshop resource that begins has a length to its name; what else is missing is forgiven.
fn can_walk_resources(segment: &[u8]) -> bool {
    let mut at = 14;
    while segment.get(at..at + 4) == Some(b"8BIM") {
        if segment.len() < at + 6 {
            return true;
        }
        let Some(&name) = segment.get(at + 6) else {
            return false;
        };
        at += 7 + usize::from(name);
        at += at % 2;
        let Some(size) = segment.get(at..at + 4) else {
            return true;
        };
        let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize;
        at += 4 + size;
        at += at % 2;
    }
    true
}

fn check_quantisation(mut segment: &[u8]) -> Result<()> {
    while let Some(&first) = segment.first() {
        let length = if first >> 4 == 0 { 65 } else { 129 };
        segment = segment
            .get(length..)
            .ok_or(ImageError::Corrupt("bad JPEG quantisation table"))?;
    }
    Ok(())
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
    fn what_pillow_reads_beyond_the_end_is_an_error() {
        for cut in [
            (0xe0, b"JFIF\0\x01".as_slice()),
            (0xee, b"Adobe\0"),
            (0xe2, b"ICC_PROFILE\0\x01"),
            (0xed, b"Photoshop 3.0\08BIM\0\x01"),
            (0xdb, &[0, 1, 2]),
            (0xc0, &[12, 0, 3, 0, 5, 1]),
            (0xc0, &[8, 0, 3, 0, 5, 2]),
        ] {
            assert!(read_frame(&jpeg(&[cut, GREY])).is_err(), "{cut:?}");
        }
        assert!(read_frame(&jpeg(&[])).is_err());
        assert!(read_frame(&jpeg(&[(0xed, b"Photoshop 3.0\08BIM\0\x01\0\0"), GREY])).is_ok());
    }
}
