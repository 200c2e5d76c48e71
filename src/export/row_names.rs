//! The names of rows, from the run's `file_names.txt`.

use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// `file_names.txt`: line i is the image of row i. It is read again each time that it is needed, and never held in memory.
#[derive(Debug)]
pub struct RowNames {
    path: PathBuf,
    pub count: u64,
    /// The bytes of all names, each with one byte for its end.
    pub bytes: u64,
    /// The first line, counted from 1, that is not UTF-8.
    not_text: Option<u64>,
}

impl RowNames {
    /// Reads the file once. `None` where there is no such file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let mut names = Self {
            path: path.into(),
            count: 0,
            bytes: 0,
            not_text: None,
        };
        let (mut count, mut bytes, mut not_text) = (0, 0, None);
        names.for_each(|name| {
            count += 1;
            bytes += name.len() as u64 + 1;
            if not_text.is_none() && std::str::from_utf8(name).is_err() {
                not_text = Some(count);
            }
            Ok(())
        })?;
        (names.count, names.bytes, names.not_text) = (count, bytes, not_text);
        Ok(Some(names))
    }

    /// # Errors
    /// Not one name a row.
    pub(super) fn ensure_count(&self, rows: u64) -> Result<()> {
        ensure!(
            self.count == rows,
            "'{}' has {} lines, expected {rows}, one a row",
            self.path.display(),
            self.count
        );
        Ok(())
    }

    /// # Errors
    /// A name that is not UTF-8, which `format` cannot hold.
    pub(super) fn ensure_text(&self, format: &str) -> Result<()> {
        self.not_text.map_or(Ok(()), |line| {
            bail!(
                "'{}' line {line} is not UTF-8, which {format} needs; export to .csv, which takes any bytes",
                self.path.display()
            )
        })
    }

    /// Hands over the names in order.
    ///
    /// # Errors
    /// The file cannot be read; whatever `take` fails with.
    pub fn for_each(&self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut reader = self.reader()?;
        let mut line = Vec::new();
        while reader.next(&mut line)? {
            take(&line)?;
        }
        Ok(())
    }

    /// Hands over the names in order, `at_once` at a time.
    ///
    /// # Errors
    /// As [`RowNames::for_each`].
    pub fn for_each_chunk(
        &self,
        at_once: usize,
        mut take: impl FnMut(&[String]) -> Result<()>,
    ) -> Result<()> {
        let mut chunk = Vec::new();
        self.for_each(|name| {
            chunk.push(std::str::from_utf8(name)?.to_owned());
            if chunk.len() == at_once {
                take(&chunk)?;
                chunk.clear();
            }
            Ok(())
        })?;
        if chunk.is_empty() {
            return Ok(());
        }
        take(&chunk)
    }

    /// # Errors
    /// The file cannot be opened.
    pub fn reader(&self) -> Result<NameReader<'_>> {
        let named = || format!("cannot read '{}'", self.path.display());
        let lines = BufReader::new(File::open(&self.path).with_context(named)?);
        Ok(NameReader { names: self, lines })
    }
}

/// Reads names one after the other.
pub struct NameReader<'a> {
    names: &'a RowNames,
    lines: BufReader<File>,
}

impl NameReader<'_> {
    /// The next name; false where there is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next(&mut self, name: &mut Vec<u8>) -> Result<bool> {
        name.clear();
        let read = self.lines.read_until(b'\n', name);
        let read = read.with_context(|| format!("cannot read '{}'", self.names.path.display()))?;
        for end in [b"\n", b"\r"] {
            if name.ends_with(end) {
                name.pop();
            }
        }
        Ok(read > 0)
    }
}
