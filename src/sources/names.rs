//! Many relative paths in little memory.

use crate::sources::quoting::quoted;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Paths, none of which holds a line break, as the lines of one buffer: nine bytes each above their own.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FileNames {
    /// Each with a line break after it.
    lines: Vec<u8>,
    /// Where each line ends, behind its break.
    ends: Vec<usize>,
}

impl FileNames {
    pub fn push(&mut self, path: &Path) {
        self.lines.extend_from_slice(path.as_os_str().as_bytes());
        self.lines.push(b'\n');
        self.ends.push(self.lines.len());
    }

    /// A name a line, each as it is.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// As `file_names.txt` has them: a name a line, quoted where it would not be a line of text.
    pub fn text(&self) -> Cow<'_, [u8]> {
        let is_plain = |byte: &u8| *byte == b'\n' || *byte != b'"' && (b' '..=b'~').contains(byte);
        if self.lines.iter().all(is_plain) {
            return Cow::Borrowed(&self.lines);
        }
        let mut text = Vec::with_capacity(self.lines.len());
        for name in self.iter() {
            text.extend_from_slice(quoted(name.as_os_str().as_bytes()).as_bytes());
            text.push(b'\n');
        }
        Cow::Owned(text)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// # Panics
    /// Where there is no such row.
    pub fn get(&self, row: usize) -> &Path {
        Path::new(OsStr::from_bytes(self.bytes_of(row)))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Path> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// By the bytes of the whole path.
    pub fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by_key(|&row| self.bytes_of(row));
        let mut sorted = Self {
            lines: Vec::with_capacity(self.lines.len()),
            ends: Vec::with_capacity(self.len()),
        };
        for row in order {
            sorted.push(self.get(row));
        }
        *self = sorted;
    }

    fn bytes_of(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.lines[start..self.ends[row] - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_bytes() {
        let mut names = FileNames::default();
        ["b", "a/c", "a", "a.jpg", "B", "a/b", "", "b"]
            .iter()
            .for_each(|name| names.push(Path::new(name)));
        names.sort();
        let sorted: Vec<_> = names.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(sorted, ["", "B", "a", "a.jpg", "a/b", "a/c", "b", "b"]);
    }
}
