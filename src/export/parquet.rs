//! Parquet: the column `file_name`, and a column of fixed-size lists a layer, a row's numbers in C order; the run, and
//! each layer's row shape (`features.30.shape`), as metadata of the file.
//!
//! Parquet itself has only lists of any size. The Arrow schema in the metadata, which Arrow's readers look for, says that
//! these all have one size. A number is the first of its row (repetition level 0) or a further one (1).
//! Source: parquet-format's `LogicalTypes.md`.

use crate::export::checks::{ensure_distinct, number_among};
use crate::export::format::Format;
use crate::export::row_names::NameReader;
use crate::export::table::{Layer, Table};
use crate::rows::number::Number;
use crate::rows::unfinished_file::UnfinishedFile;
use crate::text::figures::row_shape;
use anyhow::{Context, Result, ensure};
use arrow_schema::{DataType, Field, Schema};
use half::f16;
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::Compression;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType as Physical, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{
    SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter,
};
use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

const NAMES: &str = "file_name";
/// Bytes of a row group, unless one row has more: readers load them whole.
const GROUP: u64 = 64 << 20;
/// A name's share of a row group.
const NAME: u64 = 200;
/// The format counts row groups in 16 bits.
const MOST_GROUPS: u64 = 30_000;
/// Readers count a list's items in 32 bits.
const MOST_ITEMS: u64 = i32::MAX as u64;
/// Numbers, and names, that are handed to the library at once.
const NUMBERS_AT_ONCE: u64 = 1 << 18;
const NAMES_AT_ONCE: usize = 4096;

pub struct Parquet;

impl Format for Parquet {
    fn endings(&self) -> &'static [&'static str] {
        &["parquet"]
    }

    fn check(&self, table: &Table) -> Result<()> {
        for layer in &table.layers {
            number_among(layer, &Number::ALL, "Parquet", "merge it to .npy")?;
            ensure!(
                layer.width() <= MOST_ITEMS,
                "layer '{}' has {} numbers a row, and a list in Parquet no more than {MOST_ITEMS}; merge it to .npy",
                layer.name,
                layer.width()
            );
        }
        let layers = table.layers.iter().map(|layer| layer.name.as_str());
        ensure_distinct(layers.chain([NAMES]).map(|name| (name, name.to_owned())))?;
        table.ensure_names_are_text("Parquet")
    }

    /// The size if nothing can be compressed.
    fn file_bytes(&self, table: &Table) -> u64 {
        let names = table.names.as_ref();
        let names = names.map_or(0, |names| names.bytes + 4 * names.count);
        let records = (table.rows() / group_rows(table) + 1) * (table.layers.len() as u64 + 1);
        table.data_bytes() / 32 * 33 + names + 4096 * records
    }

    fn write(&self, table: &Table, into: &UnfinishedFile) -> Result<()> {
        let schema = schema(table)?;
        let columns = ArrowSchemaConverter::new().convert(&schema)?;
        let properties = properties(&schema);
        let mut file =
            SerializedFileWriter::new(into.file(), columns.root_schema_ptr(), properties)?;
        let mut names = table
            .names
            .as_ref()
            .map(|names| names.reader())
            .transpose()?;
        let at_once = group_rows(table);
        let mut start = 0;
        while start < table.rows() {
            let rows = start..(start + at_once).min(table.rows());
            let mut group = file.next_row_group()?;
            if let Some(names) = &mut names {
                write_names(names, rows.end - rows.start, &mut group)?;
            }
            for layer in &table.layers {
                write_layer(table, layer, &rows, &mut group)?;
            }
            group.close()?;
            start = rows.end;
        }
        file.close()?;
        Ok(())
    }
}

fn group_rows(table: &Table) -> u64 {
    let row_bytes: u64 = table.layers.iter().map(|l| l.rows.header.row_bytes()).sum();
    let least = table.rows().div_ceil(MOST_GROUPS);
    (GROUP / (row_bytes + NAME)).max(least).max(1)
}

fn properties(schema: &Schema) -> Arc<WriterProperties> {
    // Arrow's readers take the schema's metadata, all others the file's.
    let metadata = schema.metadata().clone().into_iter();
    let metadata = metadata.map(|(key, value)| KeyValue::new(key, value));
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("featx version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::SNAPPY)
        // Activations hardly repeat; and where they do (zeros), compression finds them.
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_key_value_metadata(Some(metadata.collect()))
        .build();
    add_encoded_arrow_schema_to_metadata(schema, &mut properties);
    Arc::new(properties)
}

fn schema(table: &Table) -> Result<Schema> {
    let mut fields = Vec::new();
    if table.names.is_some() {
        fields.push(Field::new(NAMES, DataType::Utf8, false));
    }
    for layer in &table.layers {
        let number = layer.number().context("not a number")?;
        let element = Arc::new(Field::new("element", type_of(number), false));
        let list = DataType::FixedSizeList(element, i32::try_from(layer.width())?);
        fields.push(Field::new(&layer.name, list, false));
    }
    let shapes = table.layers.iter().map(|layer| {
        let shape = row_shape(layer.rows.header.row_shape());
        (format!("{}.shape", layer.name), shape)
    });
    let metadata = table.facts.iter().cloned().chain(shapes);
    Ok(Schema::new_with_metadata(
        fields,
        metadata.collect::<HashMap<_, _>>(),
    ))
}

fn type_of(number: Number) -> DataType {
    match number {
        Number::Bool => DataType::Boolean,
        Number::I8 => DataType::Int8,
        Number::I16 => DataType::Int16,
        Number::I32 => DataType::Int32,
        Number::I64 => DataType::Int64,
        Number::U8 => DataType::UInt8,
        Number::U16 => DataType::UInt16,
        Number::U32 => DataType::UInt32,
        Number::U64 => DataType::UInt64,
        Number::F16 => DataType::Float16,
        Number::F32 => DataType::Float32,
        Number::F64 => DataType::Float64,
    }
}

fn next_column<'a, W: Write + Send>(
    group: &'a mut SerializedRowGroupWriter<'_, W>,
) -> Result<SerializedColumnWriter<'a>> {
    group.next_column()?.context("the schema has more columns")
}

fn write_names<W: Write + Send>(
    names: &mut NameReader,
    rows: u64,
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    let mut column = next_column(group)?;
    let mut batch = Vec::new();
    let mut name = Vec::new();
    for row in 0..rows {
        names.next(&mut name)?;
        batch.push(ByteArray::from(name.clone()));
        if batch.len() == NAMES_AT_ONCE || row + 1 == rows {
            let column = column.typed::<ByteArrayType>();
            column.write_batch(&batch, None, None)?;
            batch.clear();
        }
    }
    Ok(column.close()?)
}

fn write_layer<W: Write + Send>(
    table: &Table,
    layer: &Layer,
    rows: &Range<u64>,
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    let mut column = next_column(group)?;
    let mut levels = Levels::new(layer.width() as usize);
    let at_once = (NUMBERS_AT_ONCE / layer.width().max(1)).max(1);
    table.for_each_block(layer, rows.clone(), at_once, |rows, bytes| {
        levels.set_rows((rows.end - rows.start) as usize);
        write_numbers(&mut column, layer, bytes, &levels)
    })?;
    Ok(column.close()?)
}

/// Where in its list each number is.
struct Levels {
    width: usize,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl Levels {
    fn new(width: usize) -> Self {
        Self {
            width,
            definition: Vec::new(),
            repetition: Vec::new(),
        }
    }

    /// Even a row without numbers has a level: that of an empty list.
    fn set_rows(&mut self, rows: usize) {
        let width = self.width.max(1);
        self.definition
            .resize(rows * width, i16::from(self.width > 0));
        self.repetition.resize(rows * width, 1);
        let firsts = self.repetition.iter_mut().step_by(width);
        firsts.for_each(|level| *level = 0);
    }
}

fn write_numbers(
    column: &mut SerializedColumnWriter,
    layer: &Layer,
    bytes: &[u8],
    levels: &Levels,
) -> Result<()> {
    macro_rules! each {
        ($parquet:ty, $type:ty, $convert:expr) => {{
            let (numbers, _) = bytes.as_chunks::<{ size_of::<$type>() }>();
            let numbers = numbers.iter().map(|bytes| <$type>::from_le_bytes(*bytes));
            let numbers: Vec<<$parquet as Physical>::T> = numbers.map($convert).collect();
            put::<$parquet>(column, &numbers, levels)
        }};
    }
    match layer.number().context("not a number")? {
        Number::Bool => each!(BoolType, u8, |byte| byte != 0),
        Number::I8 => each!(Int32Type, i8, i32::from),
        Number::I16 => each!(Int32Type, i16, i32::from),
        Number::I32 => each!(Int32Type, i32, |number| number),
        Number::I64 => each!(Int64Type, i64, |number| number),
        Number::U8 => each!(Int32Type, u8, i32::from),
        Number::U16 => each!(Int32Type, u16, i32::from),
        // The bits stay; the logical type says that they have no sign.
        Number::U32 => each!(Int32Type, u32, u32::cast_signed),
        Number::U64 => each!(Int64Type, u64, u64::cast_signed),
        Number::F16 => each!(FixedLenByteArrayType, f16, |number: f16| {
            FixedLenByteArray::from(number.to_le_bytes().to_vec())
        }),
        Number::F32 => each!(FloatType, f32, |number| number),
        Number::F64 => each!(DoubleType, f64, |number| number),
    }
}

fn put<T: Physical>(
    column: &mut SerializedColumnWriter,
    numbers: &[T::T],
    levels: &Levels,
) -> Result<()> {
    let (definition, repetition) = (&levels.definition, &levels.repetition);
    let column = column.typed::<T>();
    column.write_batch(numbers, Some(definition), Some(repetition))?;
    Ok(())
}
