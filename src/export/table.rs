//! What is exported: layers, the names of their rows, and what was run.

use crate::rows::number::Number;
use crate::rows::sealed_rows::SealedRows;
use crate::run::record::RUN_FILE;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Layers of as many rows each.
pub struct Table<'a> {
    pub layers: Vec<Layer>,
    /// `None` where nothing says which row is which image.
    pub names: Option<Names>,
    pub facts: Vec<Fact>,
    /// Told of the bytes of rows that were read.
    pub advance: &'a dyn Fn(u64),
}

/// One layer, named as the model names it.
pub struct Layer {
    pub name: String,
    pub rows: SealedRows,
}

/// Something that `run.toml` says: its key, dotted where it is in a table, and its value as text.
pub type Fact = (String, String);

impl Table<'_> {
    /// Rows of each layer.
    pub fn rows(&self) -> u64 {
        self.layers.first().map_or(0, |layer| layer.rows.rows())
    }

    /// Bytes of all rows of all layers.
    pub fn data_bytes(&self) -> u64 {
        self.layers.iter().map(Layer::bytes).sum()
    }

    /// # Errors
    /// A file name that is not UTF-8, which `format` cannot hold.
    pub fn ensure_names_are_text(&self, format: &str) -> Result<()> {
        self.names
            .as_ref()
            .map_or(Ok(()), |names| names.ensure_text(format))
    }

    /// # Errors
    /// Layers that have not the same number of rows, or not as many as there are names.
    pub fn check(&self) -> Result<()> {
        for layer in &self.layers {
            ensure!(
                layer.rows.rows() == self.rows(),
                "layer '{}' has {} rows, but '{}' has {}; export one of them with --layer",
                layer.name,
                layer.rows.rows(),
                self.layers[0].name,
                self.rows()
            );
        }
        match &self.names {
            Some(names) if names.count != self.rows() => bail!(
                "'{}' has {} lines, expected {}, one a row",
                names.path.display(),
                names.count,
                self.rows()
            ),
            _ => Ok(()),
        }
    }

    /// Hands over rows of a layer, as [`SealedRows::for_each_block`] does.
    ///
    /// # Errors
    /// As there.
    pub fn for_each_block(
        &self,
        layer: &Layer,
        rows: Range<u64>,
        at_once: u64,
        mut take: impl FnMut(Range<u64>, &[u8]) -> Result<()>,
    ) -> Result<()> {
        layer.rows.for_each_block(rows, at_once, |rows, bytes| {
            take(rows, bytes)?;
            (self.advance)(bytes.len() as u64);
            Ok(())
        })
    }

    /// All rows of a layer, some 4 MiB at once.
    ///
    /// # Errors
    /// As [`SealedRows::for_each_block`].
    pub fn for_all_rows(
        &self,
        layer: &Layer,
        take: impl FnMut(Range<u64>, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.for_each_block(layer, 0..layer.rows.rows(), layer.rows.block_rows(), take)
    }
}

impl Layer {
    /// Lengths of all axes; the first counts rows.
    pub fn shape(&self) -> &[u64] {
        &self.rows.header.shape
    }

    /// Numbers a row.
    pub fn width(&self) -> u64 {
        self.rows.header.row_shape().iter().product()
    }

    pub fn bytes(&self) -> u64 {
        self.rows.header.data_bytes()
    }

    pub fn number(&self) -> Option<Number> {
        self.rows.header.dtype.number()
    }
}

/// `file_names.txt`: line i is the image of row i. It is read again each time that it is needed, and never held in memory.
#[derive(Debug)]
pub struct Names {
    path: PathBuf,
    pub count: u64,
    /// Of all names, each with one byte for its end.
    pub bytes: u64,
    /// The first line, counted from 1, that is not UTF-8.
    not_text: Option<u64>,
}

impl Names {
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
    /// A name that is not UTF-8, which `format` cannot hold.
    fn ensure_text(&self, format: &str) -> Result<()> {
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
    /// As [`Names::for_each`].
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
    names: &'a Names,
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

const OF_THE_MACHINE: [&str; 2] = ["command", "sources"];

/// What `DIR/run.toml` says of the run as a whole; its layers say of themselves what they are.
///
/// # Errors
/// The file cannot be read.
pub fn facts_of(directory: &Path) -> Result<Vec<Fact>> {
    let path = directory.join(RUN_FILE);
    let named = || format!("cannot read '{}'", path.display());
    let text = std::fs::read_to_string(&path).with_context(named)?;
    let (mut facts, mut run) = (Vec::new(), text.parse::<toml::Table>().with_context(named)?);
    // Paths of the machine that the rows come from are no facts about them.
    OF_THE_MACHINE.iter().for_each(|key| drop(run.remove(*key)));
    flatten("", &run, &mut facts);
    Ok(facts)
}

fn flatten(before: &str, table: &toml::Table, facts: &mut Vec<Fact>) {
    for (key, value) in table {
        let key = format!("{before}{key}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{key}."), inner, facts),
            toml::Value::String(text) => facts.push((key, text.clone())),
            toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {}
            other => facts.push((key, other.to_string())),
        }
    }
}
