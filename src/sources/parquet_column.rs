//! The column of a Parquet file that holds images, and the rows of its groups.

use crate::text::python;
use ::parquet::basic::{Compression, ConvertedType, Type};
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use ::parquet::schema::types::ColumnDescriptor;
use anyhow::{Result, bail, ensure};
use std::path::Path;

/// Writers look at the size of a page only after this number of rows, so a page may be as large as those rows are.
const ROWS_OF_PAGE: u64 = 1024;
/// Columns that an error names.
const NAMED: usize = 20;

#[derive(Debug)]
pub struct Column {
    /// Its place among the leaves of the schema.
    pub leaf: usize,
    /// The first row and the number of each group that has rows; the last entry is the number of all rows.
    starts: Vec<(u64, usize)>,
    rows: u64,
    /// The most bytes that the pages of a group may take, compressed and not.
    page_bytes: u64,
    /// Bytes of a row: the average of the group with the largest rows.
    row_bytes: u64,
}

impl Column {
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of the row group of a row.
    pub fn group(&self, row: u64) -> usize {
        self.starts[self.place(row)].1
    }

    pub fn start_of_group(&self, row: u64) -> u64 {
        self.starts[self.place(row)].0
    }

    fn place(&self, row: u64) -> usize {
        let after = self.starts.partition_point(|(start, _)| *start <= row);
        after.saturating_sub(1)
    }

    /// Bytes in memory while `kept` rows are kept: each keeps its page.
    pub fn bytes_to_read(&self, kept: u64) -> u64 {
        2 * self.page_bytes + kept * self.row_bytes
    }
}

/// The column that `inside` names, or else the only one of images.
///
/// # Errors
/// There is none or there are several; it is compressed in a way that is not read.
pub fn find(file: &ParquetMetaData, path: &Path, inside: Option<&str>) -> Result<Column> {
    let schema = file.file_metadata().schema_descr();
    let leaf = match inside {
        Some(name) => named(schema.columns(), name),
        None => only(schema.columns().iter().map(AsRef::as_ref)),
    };
    let Some(leaf) = leaf else {
        bail!(no_column(
            path,
            inside,
            schema.columns().iter().map(AsRef::as_ref)
        ));
    };
    let name = schema.column(leaf).path().string();
    let mut column = Column {
        leaf,
        starts: Vec::new(),
        rows: 0,
        page_bytes: 0,
        row_bytes: 0,
    };
    for (number, group) in file.row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        if rows == 0 {
            continue;
        }
        let chunk = group.column(leaf);
        ensure_readable(chunk, &name, path)?;
        column.starts.push((column.rows, number));
        column.rows = column.rows.saturating_add(rows);
        let row = chunk.uncompressed_size().max(0) as u64 / rows + 1;
        column.row_bytes = column.row_bytes.max(row);
        column.page_bytes = column
            .page_bytes
            .max(row.saturating_mul(2 * rows.min(ROWS_OF_PAGE)));
    }
    ensure!(column.rows > 0, "'{}' has no row", path.display());
    ensure_bytes(file, leaf, &name, path)?;
    Ok(column)
}

/// # Errors
/// Every row of the column is null, as far as the file tells: `datasets` leaves images that lie in files where they lie.
fn ensure_bytes(file: &ParquetMetaData, leaf: usize, name: &str, path: &Path) -> Result<()> {
    let is_null = |group: &RowGroupMetaData| {
        let nulls = group
            .column(leaf)
            .statistics()
            .and_then(|s| s.null_count_opt());
        nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(group.num_rows()))
    };
    let shown = path.display();
    let script = format!(
        "import datasets as d; d.Dataset.from_parquet({}).with_format(\"arrow\")\
         .map(d.table.embed_table_storage, batched=True).to_parquet(\"images.parquet\")",
        python::text(&shown.to_string())
    );
    ensure!(
        !file.row_groups().iter().all(is_null),
        "column '{name}' of '{shown}' is null in every row: the images are not in the file, which may have their paths alone; \
         write it again with them: {}",
        python::command(&script)
    );
    Ok(())
}

/// A column of that path, or the bytes in a struct of that name.
fn named<C: AsRef<ColumnDescriptor>>(leaves: &[C], name: &str) -> Option<usize> {
    let bytes_in = format!("{name}.bytes");
    leaves.iter().position(|leaf| {
        let leaf = leaf.as_ref();
        let path = leaf.path().string();
        (path == name || path == bytes_in) && holds_bytes(leaf)
    })
}

/// The only column of bytes.
fn only<'a>(leaves: impl Iterator<Item = &'a ColumnDescriptor>) -> Option<usize> {
    let mut images = leaves.enumerate().filter(|(_, leaf)| holds_bytes(leaf));
    match (images.next(), images.next()) {
        (Some((leaf, _)), None) => Some(leaf),
        _ => None,
    }
}

/// True for a column of bytes that are not text, one value for each row.
fn holds_bytes(leaf: &ColumnDescriptor) -> bool {
    leaf.physical_type() == Type::BYTE_ARRAY
        && leaf.max_rep_level() == 0
        && leaf.converted_type() == ConvertedType::NONE
        && leaf.logical_type_ref().is_none()
}

fn no_column<'a>(
    path: &Path,
    inside: Option<&str>,
    leaves: impl Iterator<Item = &'a ColumnDescriptor> + Clone,
) -> String {
    let shown = path.display();
    let list = |leaves: Vec<String>| {
        let more = if leaves.len() > NAMED { ", …" } else { "" };
        leaves
            .into_iter()
            .take(NAMED)
            .collect::<Vec<_>>()
            .join(", ")
            + more
    };
    let name = |leaf: &ColumnDescriptor| leaf.path().string();
    let of_bytes: Vec<String> = leaves
        .clone()
        .filter(|leaf| holds_bytes(leaf))
        .map(name)
        .collect();
    let typed = |leaf: &ColumnDescriptor| format!("'{}' ({})", name(leaf), what(leaf));
    match (of_bytes.first(), inside) {
        (Some(_), Some(inside)) => format!(
            "'{shown}' has no column '{inside}' of bytes; it has '{}'",
            of_bytes.join("', '")
        ),
        (Some(first), None) => format!(
            "'{shown}' has several columns of bytes: '{}'; name one: '{shown}:{first}'",
            of_bytes.join("', '")
        ),
        (None, _) => format!(
            "'{shown}' has no column of images; expected bytes of image files, found {}",
            list(leaves.map(typed).collect())
        ),
    }
}

fn what(leaf: &ColumnDescriptor) -> String {
    let kind = match leaf.physical_type() {
        Type::BYTE_ARRAY
            if leaf.converted_type() == ConvertedType::NONE
                && leaf.logical_type_ref().is_none() =>
        {
            "bytes".to_owned()
        }
        Type::BYTE_ARRAY => "text".to_owned(),
        other => other.to_string().to_lowercase(),
    };
    match leaf.max_rep_level() {
        0 => kind,
        _ => format!("lists of {kind}"),
    }
}

fn ensure_readable(chunk: &ColumnChunkMetaData, name: &str, path: &Path) -> Result<()> {
    let codec = chunk.compression();
    let is_read = matches!(
        codec,
        Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::ZSTD(_)
            | Compression::GZIP(_)
    );
    let codec = codec.to_string();
    let word = codec.split('(').next().unwrap_or_default();
    let shown = path.display();
    let script = format!(
        "import pyarrow.parquet as p; p.write_table(p.read_table({}), \"images.parquet\", compression=\"snappy\")",
        python::text(&shown.to_string())
    );
    ensure!(
        is_read,
        "column '{name}' of '{shown}' is compressed by {word}, which is not read; expected none, SNAPPY, ZSTD or GZIP; write \
         it again: {}",
        python::command(&script)
    );
    Ok(())
}
