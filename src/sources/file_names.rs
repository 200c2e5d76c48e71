//! Many relative paths in little memory.

use crate::sources::quoting::{is_blank, quoted};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// One name in this number has its place kept; those between are found from there.
const STRIDE: usize = 16;

/// Paths, none of which holds a line break, as the lines of one buffer: each takes a byte and a half more than its own bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FileNames {
    /// Each with a line break after it.
    lines: Vec<u8>,
    count: usize,
    /// Where every [`STRIDE`]-th line starts.
    starts: Vec<usize>,
}

impl FileNames {
    pub fn push(&mut self, path: &Path) {
        if self.count.is_multiple_of(STRIDE) {
            self.starts.push(self.lines.len());
        }
        self.count += 1;
        self.lines.extend_from_slice(path.as_os_str().as_bytes());
        self.lines.push(b'\n');
    }

    /// Puts others after these.
    pub fn append(&mut self, others: Self) {
        if self.is_empty() {
            *self = others;
        } else {
            others.iter().for_each(|name| self.push(name));
        }
    }

    /// A name a line, each as it is.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// As `file_names.txt` has them: a name a line, quoted where it would not be a line of text.
    pub fn text(&self) -> Cow<'_, [u8]> {
        let is_plain = |byte: &u8| *byte == b'\n' || *byte != b'"' && (b' '..=b'~').contains(byte);
        let has_blank = || {
            self.lines
                .split(|&byte| byte == b'\n')
                .take(self.count)
                .any(is_blank)
        };
        if self.lines.iter().all(is_plain) && !has_blank() {
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
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// # Panics
    /// Where there is no such row.
    pub fn get(&self, row: usize) -> &Path {
        assert!(row < self.count, "row {row} of {}", self.count);
        let lines = &self.lines[self.starts[row / STRIDE]..];
        let mut lines = lines.split(|&byte| byte == b'\n');
        as_path(lines.nth(row % STRIDE).unwrap_or_default())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        let lines = self.lines.split(|&byte| byte == b'\n');
        lines.take(self.count).map(as_path)
    }

    /// The rows, by the bytes of their whole paths.
    pub fn order(&self) -> Vec<usize> {
        let paths: Vec<&Path> = self.iter().collect();
        let mut order: Vec<usize> = (0..self.count).collect();
        order.sort_unstable_by_key(|&row| paths[row].as_os_str().as_bytes());
        order
    }

    /// By the bytes of the whole path.
    pub fn sort(&mut self) {
        let mut paths: Vec<&Path> = self.iter().collect();
        paths.sort_unstable_by_key(|path| path.as_os_str().as_bytes());
        let mut sorted = Self {
            lines: Vec::with_capacity(self.lines.len()),
            ..Self::default()
        };
        paths.iter().for_each(|path| sorted.push(path));
        *self = sorted;
    }
}

fn as_path(line: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(line))
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

    #[test]
    fn every_name_comes_back() {
        let mut names = FileNames::default();
        let texts: Vec<String> = (0..100).map(|n| "x".repeat(n % 7)).collect();
        texts.iter().for_each(|name| names.push(Path::new(name)));
        for (row, text) in texts.iter().enumerate() {
            assert_eq!(names.get(row), Path::new(text));
        }
        assert_eq!(names.iter().count(), 100);
    }
}
