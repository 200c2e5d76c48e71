//! The pixels of a GIF frame: LZW as Pillow's `GifDecode.c` reads it, which decides what is broken.

use crate::images::decode::size::Tile;
use crate::images::error::{ImageError, Result};

const TABLE: usize = 4096;
const MAX_CODE_BITS: u32 = 12;
const BROKEN: ImageError = ImageError::Corrupt("broken GIF data");

/// Pillow reads so many bytes at once, and after an end code that comes too early goes on only if more follow.
const BLOCK: usize = 65_536;

/// Fills `tile` of the image `indices`, whose rows are `width` wide, from the blocks at `at` on.
///
/// # Errors
/// A code that cannot be, or an end before the last pixel.
pub fn decode(
    data: &[u8],
    at: usize,
    code_bits: u8,
    interlaced: bool,
    tile: &Tile,
    width: usize,
    indices: &mut [u8],
) -> Result<()> {
    if u32::from(code_bits) > MAX_CODE_BITS {
        return Err(BROKEN);
    }
    let mut codes = Codes::new(data, at);
    let mut table = Table::new(code_bits);
    let mut string = Vec::with_capacity(TABLE);
    let mut order = row_order(interlaced, tile.height).map(|row| (tile.y + row) * width + tile.x);
    let (mut line, mut x) = (order.next().ok_or(BROKEN)?, 0);
    loop {
        match table.expand(codes.next(table.code_bits)?, &mut string)? {
            Step::End => codes.go_on()?,
            Step::Clear => {}
            Step::String => {
                for &index in string.iter().rev() {
                    indices[line + x] = index;
                    x += 1;
                    if x == tile.width {
                        x = 0;
                        match order.next() {
                            Some(next) => line = next,
                            None => return Ok(()),
                        }
                    }
                }
            }
        }
    }
}

/// The rows in the order of the file.
fn row_order(interlaced: bool, height: usize) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if interlaced {
        &[(0, 8), (4, 8), (2, 4), (1, 2)]
    } else {
        &[(0, 1)]
    };
    passes
        .iter()
        .flat_map(move |&(first, step)| (first..height).step_by(step))
}

/// Codes of a varying number of bits from a series of blocks.
struct Codes<'a> {
    data: &'a [u8],
    at: usize,
    /// Pillow has read up to here.
    seen: usize,
    block: usize,
    bits: u32,
    count: u32,
}

impl<'a> Codes<'a> {
    fn new(data: &'a [u8], at: usize) -> Self {
        Self {
            data,
            at,
            seen: (at + BLOCK).min(data.len()),
            block: 0,
            bits: 0,
            count: 0,
        }
    }

    fn next(&mut self, length: u32) -> Result<usize> {
        while self.count < length {
            if self.block == 0 {
                self.begin_block()?;
                continue;
            }
            self.bits |= u32::from(self.data[self.at]) << self.count;
            self.at += 1;
            self.block -= 1;
            self.count += 8;
        }
        let code = self.bits & ((1 << length) - 1);
        self.bits >>= length;
        self.count -= length;
        Ok(code as usize)
    }

    /// A block is begun only when it is there in full.
    fn begin_block(&mut self) -> Result<()> {
        let length = usize::from(*self.data.get(self.at).ok_or(ImageError::Truncated)?);
        let end = self.at + 1 + length;
        if end > self.data.len() {
            return Err(ImageError::Truncated);
        }
        while self.seen < end {
            self.go_on()?;
        }
        self.at += 1;
        self.block = length;
        Ok(())
    }

    fn go_on(&mut self) -> Result<()> {
        if self.seen == self.data.len() {
            return Err(ImageError::Truncated);
        }
        self.seen = (self.seen + BLOCK).min(self.data.len());
        Ok(())
    }
}

enum Step {
    Clear,
    End,
    /// A string of indices, last first.
    String,
}

struct Table {
    first_bits: u32,
    code_bits: u32,
    next: usize,
    links: [u16; TABLE],
    values: [u8; TABLE],
    /// The last code and the first index of its string; none after a clear code.
    last: Option<(usize, u8)>,
}

impl Table {
    fn new(bits: u8) -> Self {
        let first_bits = u32::from(bits);
        Self {
            first_bits,
            code_bits: first_bits + 1,
            next: (1 << first_bits) + 2,
            links: [0; TABLE],
            values: [0; TABLE],
            last: None,
        }
    }

    fn clear(&self) -> usize {
        1 << self.first_bits
    }

    fn expand(&mut self, code: usize, string: &mut Vec<u8>) -> Result<Step> {
        if code == self.clear() {
            self.reset();
            return Ok(Step::Clear);
        }
        if code == self.clear() + 1 {
            return Ok(Step::End);
        }
        string.clear();
        let Some((last, first)) = self.last else {
            if code > self.clear() {
                return Err(BROKEN);
            }
            string.push(code as u8);
            self.last = Some((code, code as u8));
            return Ok(Step::String);
        };
        let known = match code.cmp(&self.next) {
            std::cmp::Ordering::Greater => return Err(BROKEN),
            std::cmp::Ordering::Equal => {
                string.push(first);
                last
            }
            std::cmp::Ordering::Less => code,
        };
        let first = self.unwind(known, string)?;
        self.add(first, last);
        self.last = Some((code, first));
        Ok(Step::String)
    }

    fn reset(&mut self) {
        // A second clear code in a row changes nothing, which is what this does then.
        self.next = self.clear() + 2;
        self.code_bits = self.first_bits + 1;
        self.last = None;
    }

    /// Pushes the string of `code`, last index first, and returns its first.
    fn unwind(&self, mut code: usize, string: &mut Vec<u8>) -> Result<u8> {
        while code >= self.clear() {
            if string.len() >= TABLE || code >= TABLE {
                return Err(BROKEN);
            }
            string.push(self.values[code]);
            code = usize::from(self.links[code]);
        }
        string.push(code as u8);
        Ok(code as u8)
    }

    fn add(&mut self, value: u8, link: usize) {
        if self.next >= TABLE {
            return;
        }
        self.values[self.next] = value;
        self.links[self.next] = link as u16;
        if self.next == (1 << self.code_bits) - 1 && self.code_bits < MAX_CODE_BITS {
            self.code_bits += 1;
        }
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlaced_rows_come_once_each() {
        for height in [1, 2, 5, 8, 9, 30] {
            let mut rows: Vec<usize> = row_order(true, height).collect();
            rows.sort_unstable();
            assert_eq!(rows, (0..height).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_code_may_name_the_string_it_completes() {
        // 2-bit indices: clear (4), 1, 6 (= 1 1), 1; codes of 3, 3, 3 and 4 bits... all of 3 until the table has 8.
        let data = [2, 0b1000_1100, 0b0000_0011, 0];
        let tile = Tile::whole(4, 1);
        let mut indices = [9; 4];
        decode(&data, 0, 2, false, &tile, 4, &mut indices).unwrap();
        assert_eq!(indices, [1, 1, 1, 1]);
    }
}
