//! What a TIFF's samples are: `OPEN_INFO` of Pillow's `TiffImagePlugin.py`, as functions of its key.

use crate::images::decode::raw::{Kind, Number, Raw};

/// Everything that the row format depends on.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    pub big_endian: bool,
    pub photometric: i64,
    pub sample_format: i64,
    /// Whether the lowest bit of a byte comes first.
    pub reversed: bool,
    pub bits: &'a [i64],
    pub extra: &'a [i64],
}

/// A row of pixels and how many bands Pillow's mode has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// With 16-bit samples in the byte order of [`Key::big_endian`].
    pub raw: Raw,
    pub bands: usize,
}

impl Key<'_> {
    /// `None` if Pillow does not know the combination, or cannot make RGB of it.
    pub fn format(&self) -> Option<Format> {
        let first = self.bits.first().copied()?;
        if self.bits.iter().any(|&bits| bits != first) {
            return None;
        }
        if self.reversed && !self.can_be_reversed(first) {
            return None;
        }
        match (self.photometric, self.bits.len()) {
            (0 | 1, 1) => one(self.grey(first)?),
            (1, 2) if self.is_bytes(first) => match self.extra {
                // With premultiplied alpha Pillow makes the mode `La`, which does not convert to RGB.
                [0] | [2] => Some(Format {
                    raw: Raw::Bytes {
                        bytes: 2,
                        rgb: [0; 3],
                    },
                    bands: 1 + usize::from(self.extra == [2]),
                }),
                _ => None,
            },
            (2, 3..) => self.rgb(first),
            (3, 1)
                if self.sample_format == 1
                    && self.extra.is_empty()
                    && matches!(first, 1 | 2 | 4 | 8) =>
            {
                one(Raw::Index {
                    bits: first as usize,
                    extra: 0,
                })
            }
            (3, 2) if self.is_bytes(first) && matches!(self.extra, [0] | [2]) => Some(Format {
                raw: Raw::Index { bits: 8, extra: 1 },
                bands: 1 + usize::from(self.extra == [2]),
            }),
            (5, 4..) => self.cmyk(first),
            (6, 1) if self.is_bytes(first) && self.extra.is_empty() => one(Raw::GREY),
            (6, 3) if self.is_bytes(first) && self.extra.is_empty() => Some(Format {
                raw: Raw::YCbCr,
                bands: 3,
            }),
            _ => None,
        }
    }

    fn is_bytes(&self, bits: i64) -> bool {
        bits == 8 && self.sample_format == 1
    }

    fn can_be_reversed(&self, bits: i64) -> bool {
        let small = matches!(bits, 1 | 2 | 4 | 8);
        let little_16 = self.photometric == 1 && bits == 16 && !self.big_endian;
        let shape = match self.photometric {
            0 | 1 => self.bits.len() == 1 && (small || little_16),
            2 => self.bits.len() == 3 && bits == 8,
            3 => self.bits.len() == 1 && small,
            _ => false,
        };
        shape && self.sample_format == 1 && self.extra.is_empty()
    }

    fn grey(&self, bits: i64) -> Option<Raw> {
        let inverted = self.photometric == 0;
        let number = |kind| {
            Some(Raw::Number(Number {
                kind,
                big_endian: self.big_endian,
            }))
        };
        match (self.sample_format, bits) {
            _ if !self.extra.is_empty() => None,
            (1, 1 | 2 | 4 | 8) => Some(Raw::Grey {
                bits: bits as usize,
                inverted,
            }),
            (2, 8) if !inverted => Some(Raw::GREY),
            (1, 12) if !inverted && !self.big_endian => Some(Raw::Grey12),
            // Pillow inverts these in neither colouring. In big-endian files it knows only one of the two.
            (1, 16) if !inverted || !self.big_endian => number(Kind::U16),
            (2, 16) if !inverted => number(Kind::I16),
            (1, 32) if !inverted && !self.big_endian => number(Kind::I32),
            (2, 32) if !inverted => number(Kind::I32),
            (3, 32) => number(Kind::F32),
            _ => None,
        }
    }

    fn rgb(&self, bits: i64) -> Option<Format> {
        let samples = self.bits.len();
        let size = match bits {
            8 => 1,
            16 if samples <= 4 => 2,
            _ => return None,
        };
        let high = |sample: usize| sample * size + usize::from(size == 2 && !self.big_endian);
        let (bytes, rgb) = (samples * size, [high(0), high(1), high(2)]);
        let plain = Raw::Bytes { bytes, rgb };
        if self.sample_format != 1 {
            return None;
        }
        match (samples, self.extra) {
            (3, []) => Some(Format {
                raw: plain,
                bands: 3,
            }),
            (4, []) => Some(Format {
                raw: plain,
                bands: 4,
            }),
            (4, [999]) if size == 1 => Some(Format {
                raw: plain,
                bands: 4,
            }),
            (4..=6, [first, rest @ ..])
                if self.extra.len() == samples - 3 && rest.iter().all(|&e| e == 0) =>
            {
                match first {
                    0 => Some(Format {
                        raw: plain,
                        bands: 3,
                    }),
                    1 => Some(Format {
                        raw: Raw::Premultiplied {
                            bytes,
                            rgb,
                            alpha: high(3),
                        },
                        bands: 4,
                    }),
                    2 => Some(Format {
                        raw: plain,
                        bands: 4,
                    }),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn cmyk(&self, bits: i64) -> Option<Format> {
        let samples = self.bits.len();
        let unspecified = self.extra.len() == samples - 4 && self.extra.iter().all(|&e| e == 0);
        if self.sample_format != 1 || !unspecified {
            return None;
        }
        let low = usize::from(!self.big_endian);
        let raw = match bits {
            8 if samples <= 6 => Raw::Cmyk {
                bytes: samples,
                inks: [0, 1, 2, 3],
            },
            16 if samples == 4 => Raw::Cmyk {
                bytes: 8,
                inks: [low, 2 + low, 4 + low, 6 + low],
            },
            _ => return None,
        };
        Some(Format { raw, bands: 4 })
    }
}

fn one(raw: Raw) -> Option<Format> {
    Some(Format { raw, bands: 1 })
}
