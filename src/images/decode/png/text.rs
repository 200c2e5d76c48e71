//! What Pillow refuses in a PNG's text and profile, though no pixel depends on it: `chunk_iCCP`, `chunk_tEXt`,
//! `chunk_zTXt` and `chunk_iTXt` of `PngImagePlugin.py`.

use crate::images::error::{ImageError, Result};
use flate2::{Decompress, FlushDecompress, Status};

/// `MAX_TEXT_CHUNK`: what one compressed chunk may expand to.
const MAX_CHUNK: usize = 1024 * 1024;
/// `MAX_TEXT_MEMORY`: what all may together.
const MAX_TOTAL: usize = 64 * MAX_CHUNK;

const TOO_LARGE: ImageError = ImageError::Corrupt("too much text in a PNG");
const UNKNOWN_METHOD: ImageError = ImageError::Corrupt("unknown compression of a PNG chunk");

/// Text seen so far, in characters.
#[derive(Debug, Default)]
pub struct Budget {
    used: usize,
}

impl Budget {
    pub fn check_plain(&mut self, data: &[u8]) -> Result<()> {
        let (key, text) = split(data).unwrap_or((data, &[]));
        self.spend(key, text.len())
    }

    pub fn check_compressed(&mut self, data: &[u8]) -> Result<()> {
        let (key, text) = split(data).unwrap_or((data, &[]));
        if text.first().is_some_and(|&method| method != 0) {
            return Err(UNKNOWN_METHOD);
        }
        let expanded = inflate(text.get(1..).unwrap_or_default())?;
        self.spend(key, expanded.map_or(0, |text| text.len()))
    }

    pub fn check_international(&mut self, data: &[u8]) -> Result<()> {
        let Some((key, [compressed, method, rest @ ..])) = split(data) else {
            return Ok(());
        };
        let Some((language, rest)) = split(rest) else {
            return Ok(());
        };
        let Some((translated, text)) = split(rest) else {
            return Ok(());
        };
        let text = match (compressed, method) {
            (0, _) => text.to_vec(),
            (_, 0) => match inflate(text)? {
                Some(text) => text,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        let readable = |bytes| std::str::from_utf8(bytes).is_ok();
        match std::str::from_utf8(&text) {
            Ok(text) if readable(language) && readable(translated) => {
                self.spend(&[1], text.chars().count())
            }
            _ => self.spend(key, 0),
        }
    }

    fn spend(&mut self, key: &[u8], characters: usize) -> Result<()> {
        if !key.is_empty() {
            self.used += characters;
        }
        if self.used > MAX_TOTAL {
            Err(TOO_LARGE)
        } else {
            Ok(())
        }
    }
}

/// An ICC profile: its name, a zero, the compression method, the rest.
pub fn check_profile(data: &[u8]) -> Result<()> {
    let after_name = data.iter().position(|&b| b == 0).map_or(0, |zero| zero + 1);
    match data.get(after_name..) {
        Some([0, profile @ ..]) => inflate(profile).map(|_| ()),
        Some([_, ..]) => Err(UNKNOWN_METHOD),
        _ => Err(ImageError::Corrupt("a PNG profile is cut")),
    }
}

fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = data.iter().position(|&b| b == 0)?;
    Some((&data[..zero], &data[zero + 1..]))
}

/// `_safe_zlib_decompress`: none where the data is broken, which Pillow forgives; an error where it is too large.
fn inflate(data: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut text = Vec::with_capacity(data.len().saturating_mul(4).clamp(64, MAX_CHUNK));
    let mut stream = Decompress::new(true);
    loop {
        let input = &data[stream.total_in() as usize..];
        match stream.decompress_vec(input, &mut text, FlushDecompress::None) {
            Err(_) => return Ok(None),
            Ok(Status::StreamEnd) => return Ok(Some(text)),
            Ok(_) if text.len() < text.capacity() => return Ok(Some(text)),
            Ok(_) if text.len() >= MAX_CHUNK => {
                return if stream.total_in() < data.len() as u64 {
                    Err(TOO_LARGE)
                } else {
                    Ok(Some(text))
                };
            }
            Ok(_) => text.reserve_exact((MAX_CHUNK - text.len()).min(text.len().max(64))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn deflated(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_megabyte_of_text_passes_and_more_does_not() {
        assert_eq!(
            inflate(&deflated(&[b'a'; 1000])).unwrap().unwrap().len(),
            1000
        );
        assert!(inflate(&deflated(&vec![b'a'; MAX_CHUNK - 1])).is_ok());
        assert!(inflate(&deflated(&vec![b'a'; MAX_CHUNK + 1])).is_err());
    }

    #[test]
    fn broken_text_is_forgiven_but_not_an_unknown_method() {
        let mut budget = Budget::default();
        assert!(budget.check_compressed(b"key\0\0rubbish").is_ok());
        assert!(budget.check_compressed(b"key\0\x01rubbish").is_err());
        assert!(check_profile(b"name\0").is_err());
        assert!(check_profile(b"name\0\0rubbish").is_ok());
    }

    #[test]
    fn all_text_together_is_bounded() {
        let mut budget = Budget::default();
        let chunk = [b"key\0".as_slice(), &vec![b'a'; MAX_CHUNK]].concat();
        assert!((0..64).all(|_| budget.check_plain(&chunk).is_ok()));
        assert!(budget.check_plain(&chunk).is_err());
    }
}
