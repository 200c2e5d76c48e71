//! LZW as TIFF has it: the highest bit first, a code growing one entry early. Follows libtiff's `LZWDecode`. Before TIFF
//! 6.0 programs wrote the lowest bit first and let codes grow in time, as GIF does: `LZWDecodeCompat`.

use crate::images::error::{ImageError, Result};

const CLEAR: usize = 256;
const END: usize = 257;
const FIRST: usize = 258;
const TABLE: usize = 4096;
const BROKEN: ImageError = ImageError::Corrupt("broken LZW data");

/// The string of an entry: that of `link`, then `value`.
#[derive(Clone, Copy, Default)]
struct Entry {
    link: u16,
    length: u16,
    value: u8,
    first: u8,
}

/// Fills `rows`.
///
/// # Errors
/// A code that cannot be, or too few of them.
pub fn expand(data: &[u8], rows: &mut [u8]) -> Result<()> {
    let mut table = vec![Entry::default(); TABLE];
    for (value, entry) in table[..CLEAR].iter_mut().enumerate() {
        *entry = Entry {
            link: 0,
            length: 1,
            value: value as u8,
            first: value as u8,
        };
    }
    let is_old = is_old(data);
    let mut codes = Codes {
        data,
        at: 0,
        bits: 0,
        count: 0,
        lowest_first: is_old,
    };
    let early = usize::from(!is_old);
    let (mut next, mut length, mut last) = (FIRST, 9, None);
    let mut made = 0;
    while made < rows.len() {
        let code = codes.next(length)?;
        if code == END {
            return Err(ImageError::Truncated);
        }
        if code == CLEAR {
            (next, length, last) = (FIRST, 9, None);
            continue;
        }
        match last {
            None if code > CLEAR => return Err(BROKEN),
            Some(_) if code > next => return Err(BROKEN),
            Some(last) if next < TABLE => {
                let Entry {
                    length: long,
                    first,
                    ..
                } = table[last];
                let value = if code == next {
                    first
                } else {
                    table[code].first
                };
                table[next] = Entry {
                    link: last as u16,
                    length: long + 1,
                    value,
                    first,
                };
                next += 1;
            }
            _ => {}
        }
        if code >= next {
            return Err(BROKEN);
        }
        if next >= (1 << length) - early && length < 12 {
            length += 1;
        }
        made += write(&table, code, &mut rows[made..]);
        last = Some(code);
    }
    Ok(())
}

/// Whether the first code, which clears the table, stands with its lowest bit first.
fn is_old(data: &[u8]) -> bool {
    matches!(data, [0, second, ..] if second & 1 == 1)
}

/// Writes the string of `code`, or as much of its beginning as there is room for, and returns its length.
fn write(table: &[Entry], mut code: usize, to: &mut [u8]) -> usize {
    let length = usize::from(table[code].length);
    for at in (0..length).rev() {
        if let Some(byte) = to.get_mut(at) {
            *byte = table[code].value;
        }
        code = usize::from(table[code].link);
    }
    length
}

struct Codes<'a> {
    data: &'a [u8],
    at: usize,
    bits: u32,
    count: u32,
    lowest_first: bool,
}

impl Codes<'_> {
    fn next(&mut self, length: u32) -> Result<usize> {
        while self.count < length {
            let byte = *self.data.get(self.at).ok_or(ImageError::Truncated)?;
            self.at += 1;
            self.bits = match self.lowest_first {
                true => self.bits | u32::from(byte) << self.count,
                false => self.bits << 8 | u32::from(byte),
            };
            self.count += 8;
        }
        self.count -= length;
        let mask = (1 << length) - 1;
        if self.lowest_first {
            let code = self.bits & mask;
            self.bits >>= length;
            return Ok(code as usize);
        }
        Ok((self.bits >> self.count & mask) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_name_the_string_it_completes() {
        // Clear, 7, 258 (= 7 7), end; nine bits each.
        let data = [0x80, 0x01, 0xe0, 0x50, 0x10];
        let mut rows = [0; 3];
        expand(&data, &mut rows).unwrap();
        assert_eq!(rows, [7, 7, 7]);
        assert!(matches!(
            expand(&data, &mut [0; 4]),
            Err(ImageError::Truncated)
        ));
    }
}
