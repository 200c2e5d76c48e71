//! The tags of a TIFF's first image: `ImageFileDirectory_v2` of Pillow's `TiffImagePlugin.py`.

use crate::images::image_error::{ImageError, Result};

/// The tags that pixels depend on.
pub mod tag {
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const PREDICTOR: u16 = 317;
    pub const COLOUR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const XMP: u16 = 700;
    pub const WINDOWS_MEDIA_PHOTO: u16 = 0xbc01;
}

/// An entry as it is in the file.
#[derive(Debug)]
struct Entry<'a> {
    tag: u16,
    kind: u16,
    data: &'a [u8],
}

#[derive(Debug)]
pub struct Directory<'a> {
    pub big_endian: bool,
    /// False where the file ends before the last entry: a tag that is missing may change every pixel.
    pub is_whole: bool,
    entries: Vec<Entry<'a>>,
}

impl<'a> Directory<'a> {
    /// Reads what can be read: entries that are cut, too large or of unknown types are left out, as in Pillow.
    ///
    /// # Errors
    /// Where there is no directory at all.
    pub fn read(data: &'a [u8]) -> Result<Self> {
        let big_endian = data.starts_with(b"MM");
        let large = data.get(2) == Some(&43);
        let file = File {
            data,
            big_endian,
            large,
        };
        let start = if large {
            file.number(8, 8)
        } else {
            file.number(4, 4)
        }
        .ok_or(ImageError::Truncated)?;
        if start == 0 {
            return Err(ImageError::Corrupt("a TIFF without an image"));
        }
        Ok(Self {
            big_endian,
            is_whole: file.has_all_entries(start as usize),
            entries: file.entries(start as usize),
        })
    }

    pub fn has(&self, tag: u16) -> bool {
        self.find(tag).is_some()
    }

    /// The bytes of a tag, whatever its type.
    pub fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.find(tag).map(|entry| entry.data)
    }

    /// All numbers of a tag.
    ///
    /// # Errors
    /// Where it holds something other than integers.
    pub fn numbers(&self, tag: u16) -> Result<Option<Vec<i64>>> {
        let Some(entry) = self.find(tag) else {
            return Ok(None);
        };
        let (size, signed) = match entry.kind {
            3 => (2, false),
            4 | 13 => (4, false),
            6 => (1, true),
            8 => (2, true),
            9 => (4, true),
            16 => (8, false),
            _ => return Err(ImageError::Unsupported("TIFF tag of this type")),
        };
        let number = |bytes| {
            let value = assemble(bytes, self.big_endian);
            let unused = 64 - size as u32 * 8;
            if signed {
                (value << unused) as i64 >> unused
            } else {
                value as i64
            }
        };
        Ok(Some(entry.data.chunks_exact(size).map(number).collect()))
    }

    /// The number of a tag that has one; where it has more, the first.
    ///
    /// # Errors
    /// As [`Directory::numbers`].
    pub fn number(&self, tag: u16) -> Result<Option<i64>> {
        match self.numbers(tag)?.as_deref() {
            // Pillow loses this one.
            Some([_, _, ..]) if tag == tag::PHOTOMETRIC => Ok(None),
            Some(numbers) => Ok(numbers.first().copied()),
            None => Ok(None),
        }
    }

    fn find(&self, tag: u16) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}

#[derive(Clone, Copy)]
struct File<'a> {
    data: &'a [u8],
    big_endian: bool,
    large: bool,
}

impl<'a> File<'a> {
    fn number(&self, at: usize, size: usize) -> Option<u64> {
        self.data
            .get(at..at.checked_add(size)?)
            .map(|bytes| assemble(bytes, self.big_endian))
    }

    /// Bytes of the number of entries, and of an entry.
    fn sizes(&self) -> (usize, usize) {
        if self.large { (8, 20) } else { (2, 12) }
    }

    fn has_all_entries(&self, start: usize) -> bool {
        let (head, size) = self.sizes();
        self.number(start, head).is_some_and(|count| {
            let there = (self.data.len() - start - head) / size;
            count <= there as u64
        })
    }

    fn entries(&self, start: usize) -> Vec<Entry<'a>> {
        let (head, size) = self.sizes();
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut total = 0;
        for index in 0..self.number(start, head).unwrap_or(0) as usize {
            let at = start
                .saturating_add(head)
                .saturating_add(index.saturating_mul(size));
            match self.entry(at, size, &mut total) {
                Slot::Entry(entry) if entries.iter().any(|seen| seen.tag == entry.tag) => {}
                Slot::Entry(entry) => entries.push(entry),
                Slot::Unused => {}
                Slot::End => break,
            }
        }
        entries
    }

    fn entry(&self, at: usize, size: usize, total: &mut u64) -> Slot<'a> {
        let Some(entry) = at.checked_add(size).and_then(|end| self.data.get(at..end)) else {
            return Slot::End;
        };
        let half = size - 4;
        let field = half / 2;
        let (tag, kind) = (
            assemble(&entry[..2], self.big_endian) as u16,
            assemble(&entry[2..4], self.big_endian) as u16,
        );
        let count = assemble(&entry[4..4 + field], self.big_endian);
        let value = &entry[4 + field..];
        let unit = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 => 8,
            _ => return Slot::Unused,
        };
        let Some(bytes) = count.checked_mul(unit).filter(|&bytes| bytes > 0) else {
            return Slot::Unused;
        };
        if bytes <= field as u64 {
            return Slot::Entry(Entry {
                tag,
                kind,
                data: &value[..bytes as usize],
            });
        }
        *total = total.saturating_add(bytes);
        if *total > self.data.len() as u64 {
            return Slot::Unused;
        }
        let offset = assemble(value, self.big_endian) as usize;
        match offset
            .checked_add(bytes as usize)
            .and_then(|end| self.data.get(offset..end))
        {
            Some(data) => Slot::Entry(Entry { tag, kind, data }),
            None => Slot::End,
        }
    }
}

/// What a place for an entry holds.
enum Slot<'a> {
    Entry(Entry<'a>),
    Unused,
    End,
}

fn assemble(bytes: &[u8], big_endian: bool) -> u64 {
    let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if big_endian {
        bytes.iter().fold(0, push)
    } else {
        bytes.iter().rev().fold(0, push)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entries: &[(u16, u16, u32, u32)]) -> Vec<u8> {
        let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
        file.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend([0; 4]);
        file
    }

    #[test]
    fn numbers_of_each_size_and_sign() {
        let data = file(&[
            (1, 3, 2, 0x0002_0001),
            (2, 8, 1, 0xffff),
            (3, 4, 1, 7),
            (4, 3, 2, 9),
            (1, 3, 1, 5),
        ]);
        let directory = Directory::read(&data).unwrap();
        assert_eq!(
            directory.numbers(1).unwrap(),
            Some(vec![1, 2]),
            "the first of two counts"
        );
        assert_eq!(directory.number(2).unwrap(), Some(-1));
        assert_eq!(directory.number(3).unwrap(), Some(7));
        assert_eq!(directory.number(9).unwrap(), None);
    }

    #[test]
    fn a_directory_is_whole_up_to_its_last_entry() {
        let entries: Vec<_> = (0..5000).map(|tag| (tag, 3, 1, 1)).collect();
        let mut data = file(&entries);
        assert!(Directory::read(&data).unwrap().is_whole);
        data.truncate(data.len() - 4); // the place of the next directory
        assert!(Directory::read(&data).unwrap().is_whole);
        data.pop();
        assert!(!Directory::read(&data).unwrap().is_whole);
    }

    #[test]
    fn entries_too_large_are_left_out() {
        let data = file(&[(1, 4, 1 << 30, 0), (2, 3, 1, 4)]);
        let directory = Directory::read(&data).unwrap();
        assert!(!directory.has(1) && directory.has(2));
    }

    #[test]
    fn reading_ends_where_data_is_missing() {
        let data = file(&[(1, 3, 1, 4), (2, 4, 4, 1 << 30), (3, 3, 1, 4)]);
        let directory = Directory::read(&data).unwrap();
        assert!(directory.has(1) && !directory.has(2) && !directory.has(3));
    }
}
